//! Owns `Get-Recipient`: every recipient here is a user mailbox.

use std::sync::LazyLock;

use exgate_exchange::clixml::{Object, Value};

use super::binding::texts;
use super::cas_mailboxes::{addresses, choose, mailbox_entry};
use super::complaint::Complaint;
use super::directory_object::Printer;
use super::listing::{self, Scene};
use super::rendering::{self, MANAGEMENT, TypeNames};
use super::{Call, Records};
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
    "RecipientType",
    "RecipientTypeDetails",
    "Alias",
    "DisplayName",
    "DistinguishedName",
    "Name",
    "MemberOfGroup",
];

static TYPE_NAMES: TypeNames =
    LazyLock::new(|| rendering::type_names(&[&format!("{MANAGEMENT}.ReducedRecipient")]));

/// Runs `Get-Recipient`.
pub(super) fn run(call: &Call) -> Result<Records, Complaint> {
    let kinds = ["RecipientType", "RecipientTypeDetails"];
    let others = kinds.iter().filter_map(|kind| call.arguments.value(kind)).any(|value| {
        let asked = texts(value);
        !asked.is_empty() && !asked.iter().any(|kind| kind.eq_ignore_ascii_case("UserMailbox"))
    });
    if others {
        return Ok(Records::none());
    }
    let (scene, chosen) = call.read(|world| (Scene::of(world), choose(call, world)));
    let chosen = listing::narrow(
        call,
        &scene,
        chosen?,
        (FILTERABLE, listing::SORTABLE),
        listing::mailbox_property,
    )?;
    let printer = Printer::of(call);
    Ok(listing::print(call, chosen, move |held| Some(render(held, &printer, &scene))))
}

fn render(mailbox: &Mailbox, printer: &Printer, scene: &Scene) -> Value {
    let recipients = "Microsoft.Exchange.Data.Directory.Recipient";
    let object = Object::default()
        .with("Alias", mailbox.alias.as_str())
        .with("DisplayName", mailbox.display_name.as_str())
        .with("EmailAddresses", addresses(mailbox))
        .with("HasActiveSyncDevicePartnership", mailbox.has_partnership)
        .with("OrganizationalUnit", format!("{}/{}", printer.domain, mailbox.container))
        .with("PrimarySmtpAddress", rendering::smtp_address(&mailbox.primary_smtp_address))
        .with(
            "RecipientType",
            rendering::enumeration(&format!("{recipients}.RecipientType"), "UserMailbox", 1),
        )
        .with(
            "RecipientTypeDetails",
            rendering::enumeration(&format!("{recipients}.RecipientTypeDetails"), "UserMailbox", 1),
        )
        .with("SamAccountName", mailbox.sam_account_name.as_str())
        .with("ServerLegacyDN", listing::server_legacy_dn(&scene.organization, scene.home(mailbox)))
        .with("ServerName", scene.home(mailbox).to_lowercase())
        .with("HiddenFromAddressListsEnabled", false);
    printer.finish(object, &mailbox_entry(mailbox, printer, &TYPE_NAMES).borrow())
}
