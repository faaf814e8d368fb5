//! Owns `Get-CASMailbox`: a mailbox as its client access settings.

use std::sync::{Arc, LazyLock};

use exgate_exchange::clixml::{Object, Value};

use super::complaint::Complaint;
use super::devices::one;
use super::directory_object::{Entry, Printer};
use super::listing::{self, Choice, Scene};
use super::policies;
use super::rendering::{self, MANAGEMENT, TypeNames};
use super::{Call, Records};
use crate::world::World;
use crate::world::mailbox::Mailbox;

/// The documented filterable properties.
const FILTERABLE: &[&str] = &[
    "HasActiveSyncDevicePartnership",
    "ActiveSyncMailboxPolicy",
    "SamAccountName",
    "PrimarySmtpAddress",
    "EmailAddresses",
    "Guid",
    "ServerName",
    "WhenChanged",
    "WhenChangedUTC",
    "WhenCreated",
    "WhenCreatedUTC",
    "ActiveSyncEnabled",
    "ActiveSyncAllowedDeviceIDs",
    "ActiveSyncBlockedDeviceIDs",
    "DisplayName",
    "DistinguishedName",
    "Name",
];

static TYPE_NAMES: TypeNames = LazyLock::new(|| {
    rendering::type_names(&[
        &format!("{MANAGEMENT}.CASMailbox"),
        &format!("{MANAGEMENT}.ADPresentationObject"),
    ])
});

/// Runs `Get-CASMailbox`.
pub(super) fn run(call: &Call) -> Result<Records, Complaint> {
    let (scene, chosen) = call.read(|world| (Scene::of(world), choose(call, world)));
    let chosen = listing::narrow(call, &scene, chosen?, FILTERABLE, listing::mailbox_property)?;
    let printer = Printer::of(call);
    Ok(listing::print(call, chosen, move |held| Some(render(held, &printer, &scene))))
}

/// The mailboxes that a call names: one, those that a text begins with, a container's, or all.
pub(super) fn choose(call: &Call, world: &World) -> Result<Choice<Mailbox>, Complaint> {
    if let Some(identity) = call.arguments.text("Identity") {
        let held = one(call, world, &identity, world.find_mailbox(&identity))?;
        return Ok(Box::new(std::iter::once(held)));
    }
    let anr = call.arguments.text("Anr").map(|text| text.to_lowercase());
    let unit = call.arguments.text("OrganizationalUnit");
    let domain = world.blueprint.domain.clone();
    Ok(Box::new(world.mailboxes().filter(move |held| {
        let named = anr.as_ref().is_none_or(|anr| {
            held.display_name.to_lowercase().starts_with(anr) || held.alias.starts_with(anr)
        });
        named && unit.as_ref().is_none_or(|unit| listing::lies_in(held, &domain, unit))
    })))
}

/// The addresses of a mailbox: one, the primary.
pub(super) fn addresses(mailbox: &Mailbox) -> Value {
    rendering::multi(&[format!("SMTP:{}", mailbox.primary_smtp_address)])
}

fn render(mailbox: &Mailbox, printer: &Printer, scene: &Scene) -> Value {
    let policy = mailbox.policy.as_deref().unwrap_or(&scene.default_policy);
    let mut object = Object::default()
        .with("EmailAddresses", addresses(mailbox))
        .with("LegacyExchangeDN", mailbox.legacy_dn(&scene.organization))
        .with("LinkedMasterAccount", "")
        .with("PrimarySmtpAddress", rendering::smtp_address(&mailbox.primary_smtp_address))
        .with("SamAccountName", mailbox.sam_account_name.as_str())
        .with("ServerLegacyDN", listing::server_legacy_dn(&scene.organization, &scene.server))
        .with("ServerName", scene.server.to_lowercase())
        .with("DisplayName", mailbox.display_name.as_str())
        .with("ActiveSyncAllowedDeviceIDs", rendering::multi(&mailbox.allowed_device_ids))
        .with("ActiveSyncBlockedDeviceIDs", rendering::multi(&mailbox.blocked_device_ids))
        .with("ActiveSyncMailboxPolicy", policies::id(policy, printer, &scene.organization))
        .with("ActiveSyncMailboxPolicyIsDefaulted", mailbox.policy.is_none())
        // Always False unless the switch of that name asks the mailbox itself.
        .with("ActiveSyncDebugLogging", false)
        .with("ActiveSyncEnabled", mailbox.active_sync_enabled)
        .with("HasActiveSyncDevicePartnership", mailbox.has_partnership)
        .with("OwaMailboxPolicy", Value::Nil)
        .with("OWAEnabled", true)
        .with("ECPEnabled", true)
        .with("PopEnabled", false)
        .with("ImapEnabled", false)
        .with("MAPIEnabled", true)
        .with("EwsEnabled", Value::Nil)
        .with("EwsApplicationAccessPolicy", Value::Nil)
        .with("EwsAllowList", rendering::multi(&[]))
        .with("EwsBlockList", rendering::multi(&[]));
    if printer.is_modern() {
        object = object
            .with("ExternalDirectoryObjectId", "")
            .with("OWAforDevicesEnabled", true);
    }
    if printer.version().is_since_2016() {
        object = object.with("ActiveSyncSuppressReadReceipt", false);
    }
    printer.finish(object, &mailbox_entry(mailbox, printer, &TYPE_NAMES).borrow())
}

/// The texts of a mailbox's entry, which an [`Entry`] borrows.
#[derive(Debug)]
pub(super) struct MailboxEntry<'a> {
    mailbox: &'a Mailbox,
    type_names: &'a Arc<[String]>,
    identity: String,
    distinguished_name: String,
}

/// Makes them.
pub(super) fn mailbox_entry<'a>(
    mailbox: &'a Mailbox,
    printer: &Printer,
    type_names: &'a Arc<[String]>,
) -> MailboxEntry<'a> {
    MailboxEntry {
        mailbox,
        type_names,
        identity: mailbox.canonical_name(&printer.domain),
        distinguished_name: mailbox.distinguished_name(&printer.domain),
    }
}

impl MailboxEntry<'_> {
    /// The entry.
    pub(super) fn borrow(&self) -> Entry<'_> {
        Entry {
            type_names: self.type_names,
            name: &self.mailbox.name,
            identity: &self.identity,
            distinguished_name: &self.distinguished_name,
            guid: self.mailbox.guid,
            class: &["top", "person", "organizationalPerson", "user"],
            created: self.mailbox.created,
            changed: self.mailbox.changed,
        }
    }
}
