//! Owns `Get-CASMailbox`: a mailbox as its client access settings.

use std::sync::{Arc, LazyLock};

use exgate_exchange::clixml::{Object, Value};

use super::catalogue::{Kind, PROTOCOLS, Parameter};
use super::complaint::Complaint;
use super::devices::one;
use super::directory_object::{Entry, Printer};
use super::listing::{self, Choice, Scene};
use super::policies;
use super::rendering::{self, MANAGEMENT, TypeNames};
use super::view::view;
use super::{Call, Records};
use crate::behaviour::contact::later;
use crate::world::World;
use crate::world::event::Event;
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
    "MemberOfGroup",
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
    let chosen = recalculate(call, chosen?)?;
    let debug_logging = call.arguments.flag("ActiveSyncDebugLogging");
    let chosen = listing::narrow(
        call,
        &scene,
        chosen,
        (FILTERABLE, listing::SORTABLE),
        listing::mailbox_property,
    )?;
    let printer = Printer::of(call);
    Ok(listing::print(call, chosen, move |held| {
        Some(render(held, &printer, &scene, debug_logging))
    }))
}

/// With `-RecalculateHasActiveSyncDevicePartnership`, puts right whether a mailbox has a phone: the flag
/// stays when the last partnership is removed.
fn recalculate(call: &Call, chosen: Choice<Mailbox>) -> Result<Choice<Mailbox>, Complaint> {
    if !call.arguments.flag("RecalculateHasActiveSyncDevicePartnership") {
        return Ok(chosen);
    }
    let put_right = call.live.change(|world, moment| {
        let mut events = Vec::new();
        let right = |held: Arc<Mailbox>| {
            let has_partnership = world.devices_of(held.guid).next().is_some();
            if held.has_partnership == has_partnership {
                return held;
            }
            let changed = later(moment.now, held.changed);
            let mailbox = Mailbox { has_partnership, changed, ..Mailbox::clone(&held) };
            events.push(Event::Mailbox(Box::new(mailbox.clone())));
            Arc::new(mailbox)
        };
        let chosen: Vec<_> = chosen.map(right).collect();
        (events, chosen)
    });
    put_right
        .map(|chosen| Box::new(chosen.into_iter()) as Choice<_>)
        .map_err(|error| Complaint::journal(call.cmdlet, &error))
}

/// The mailboxes that a call names: one, those that a text begins with, a container's, or all.
pub(super) fn choose(call: &Call, world: &World) -> Result<Choice<Mailbox>, Complaint> {
    if let Some(identity) = call.arguments.text("Identity") {
        let held = one(call, &identity, world.find_mailbox(&identity))?;
        return Ok(Box::new(std::iter::once(held)));
    }
    let anr = call.arguments.text("Anr").map(|text| text.to_lowercase());
    let containers = containers(call);
    let domain = world.blueprint.domain.clone();
    Ok(Box::new(world.mailboxes().filter(move |held| {
        let named = anr.as_ref().is_none_or(|anr| {
            held.display_name.to_lowercase().starts_with(anr) || held.alias.starts_with(anr)
        });
        named && containers.iter().all(|unit| listing::lies_in(held, &domain, unit))
    })))
}

/// The containers that a call narrows to: the one it names, and the runspace's view.
pub(super) fn containers(call: &Call) -> Vec<String> {
    let named = call.arguments.text("OrganizationalUnit");
    named.into_iter().chain(view(&call.runspace).root).collect()
}

/// The addresses of a mailbox: one, the primary.
pub(super) fn addresses(mailbox: &Mailbox) -> Value {
    rendering::multi(&[format!("SMTP:{}", mailbox.primary_smtp_address)])
}

/// A setting as it travels: of a new mailbox every protocol is on, and the rest is not set.
fn protocol(mailbox: &Mailbox, setting: &Parameter, debug_logging: bool) -> Value {
    let held = mailbox.protocols.get(setting.name).map_or(&[][..], Vec::as_slice);
    match (setting.name, setting.kind, held) {
        // Always False unless the switch of that name asks the mailbox itself.
        ("ActiveSyncDebugLogging", _, held) => {
            (debug_logging && held.iter().any(|text| text == "true")).into()
        }
        (_, Kind::Multi, held) => rendering::multi(held),
        ("EwsEnabled" | "EwsApplicationAccessPolicy", _, []) => Value::Nil,
        (_, Kind::Word(words), [held, ..]) => {
            let place = words.iter().position(|word| word == held);
            let number = place.and_then(|place| i32::try_from(place).ok()).unwrap_or(0);
            let name = format!("Microsoft.Exchange.Data.Directory.{}", setting.name);
            rendering::enumeration(&name, held, number)
        }
        ("ActiveSyncSuppressReadReceipt", _, []) => false.into(),
        (_, _, []) => true.into(),
        (_, _, [held, ..]) => (held == "true").into(),
    }
}

fn render(mailbox: &Mailbox, printer: &Printer, scene: &Scene, debug_logging: bool) -> Value {
    let policy = mailbox.policy.as_deref().unwrap_or(&scene.default_policy);
    let mut object = Object::default()
        .with("EmailAddresses", addresses(mailbox))
        .with("LegacyExchangeDN", mailbox.legacy_dn(&scene.organization))
        .with("LinkedMasterAccount", "")
        .with("PrimarySmtpAddress", rendering::smtp_address(&mailbox.primary_smtp_address))
        .with("SamAccountName", mailbox.sam_account_name.as_str())
        .with("ServerLegacyDN", listing::server_legacy_dn(&scene.organization, scene.home(mailbox)))
        .with("ServerName", scene.home(mailbox).to_lowercase())
        .with("DisplayName", mailbox.display_name.as_str())
        .with("ActiveSyncAllowedDeviceIDs", rendering::multi(&mailbox.allowed_device_ids))
        .with("ActiveSyncBlockedDeviceIDs", rendering::multi(&mailbox.blocked_device_ids))
        .with("ActiveSyncMailboxPolicy", policies::id(policy, printer, &scene.organization))
        .with("ActiveSyncMailboxPolicyIsDefaulted", mailbox.policy.is_none())
        .with("ActiveSyncEnabled", mailbox.active_sync_enabled)
        .with("HasActiveSyncDevicePartnership", mailbox.has_partnership)
        .with("OwaMailboxPolicy", Value::Nil);
    for setting in PROTOCOLS.iter().filter(|setting| setting.since.holds(printer.version())) {
        object = object.with(setting.name, protocol(mailbox, setting, debug_logging));
    }
    if printer.is_modern() {
        object = object.with("ExternalDirectoryObjectId", "");
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
