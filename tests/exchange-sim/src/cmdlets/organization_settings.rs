//! Owns `Get-ActiveSyncOrganizationSettings`.

use std::sync::LazyLock;

use exgate_exchange::clixml::Object;

use super::complaint::Complaint;
use super::directory_object::{Entry, Printer};
use super::rendering::{self, SYSTEM, TypeNames, configuration_container};
use super::{Call, Record, Records};

/// The object's name, which is also its default identity.
pub(super) const NAME: &str = "Mobile Mailbox Settings";

static TYPE_NAMES: TypeNames = LazyLock::new(|| {
    rendering::type_names(&[
        &format!("{SYSTEM}.ActiveSyncOrganizationSettings"),
        &format!("{SYSTEM}.ADConfigurationObject"),
    ])
});

/// Runs `Get-ActiveSyncOrganizationSettings`.
pub(super) fn run(call: &Call) -> Result<Records, Complaint> {
    let (blueprint, settings) =
        call.live.read(|world| (world.blueprint.clone(), world.settings.clone()));
    let container = configuration_container(&blueprint.name, &blueprint.domain);
    let distinguished_name = format!("CN={NAME},{container}");
    if let Some(identity) = call.arguments.text("Identity") {
        let guid = settings.guid.to_string();
        let named = [NAME, &distinguished_name, &guid];
        if !named.iter().any(|held| held.eq_ignore_ascii_case(&identity)) {
            return Err(Complaint::not_found(
                call.cmdlet,
                blueprint.version,
                &identity,
                &call.domain_controller,
            ));
        }
    }
    let recipients: Vec<_> =
        settings.admin_mail_recipients.iter().map(|held| rendering::smtp_address(held)).collect();
    let mut object = Object::default()
        .with("DefaultAccessLevel", rendering::access_level(settings.default_access_level))
        .with("UserMailInsert", settings.user_mail_insert.as_str())
        .with("AdminMailRecipients", rendering::multi_of(recipients))
        .with("OtaNotificationMailInsert", settings.ota_notification_mail_insert.as_str());
    let printer = Printer::of(call);
    if printer.is_modern() {
        object = object
            .with("AllowAccessForUnSupportedPlatform", false)
            .with("AllowRMSSupportForUnenlightenedApps", false);
    }
    let value = printer.finish(
        object,
        &Entry {
            type_names: &TYPE_NAMES,
            name: NAME,
            identity: NAME,
            distinguished_name: &distinguished_name,
            guid: settings.guid,
            class: &["top", "msExchActiveSyncMailboxSettings"],
            created: blueprint.epoch,
            changed: settings.changed,
        },
    );
    Ok(Records::of(std::iter::once(Record::Output(value))))
}
