//! Owns `Get-ActiveSyncOrganizationSettings` and `Set-ActiveSyncOrganizationSettings`.
//!
//! Source: their pages. Invariant: no text is kept that is longer than Exchange takes.

use std::sync::LazyLock;

use exgate_exchange::clixml::Object;

use super::complaint::Complaint;
use super::directory_object::{Entry, Printer};
use super::rendering::{self, SYSTEM, TypeNames, configuration_container};
use super::writing::{nothing_modified, write};
use super::{Call, Record, Records};
use crate::behaviour::contact::later;
use crate::world::blueprint::Blueprint;
use crate::world::event::Event;
use crate::world::organization::{AccessLevel, AccessSettings, INSERT_CHARACTERS_MAX};

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
        call.read(|world| (world.blueprint.clone(), world.settings.clone()));
    let container = configuration_container(&blueprint.name, &blueprint.domain);
    let distinguished_name = format!("CN={NAME},{container}");
    check_identity(call, &blueprint, &settings)?;
    let recipients: Vec<_> =
        settings.admin_mail_recipients.iter().map(|held| rendering::smtp_address(held)).collect();
    let mut object = Object::default()
        .with("DefaultAccessLevel", rendering::access_level(settings.default_access_level))
        .with("UserMailInsert", settings.user_mail_insert.as_str())
        .with("AdminMailRecipients", rendering::multi_of(&rendering::ADDRESSES, recipients))
        .with("OtaNotificationMailInsert", settings.ota_notification_mail_insert.as_str());
    let printer = Printer::of(call);
    if printer.is_modern() {
        let allowed = settings.allow_unsupported_platform;
        object = object.with("AllowAccessForUnSupportedPlatform", allowed);
    }
    if printer.version().is_since_2016() {
        let allowed = settings.allow_rms_for_unenlightened;
        object = object.with("AllowRMSSupportForUnenlightenedApps", allowed);
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

/// There is one settings object, and it need not be named.
fn check_identity(
    call: &Call,
    blueprint: &Blueprint,
    settings: &AccessSettings,
) -> Result<(), Complaint> {
    let Some(identity) = call.arguments.text("Identity") else { return Ok(()) };
    let container = configuration_container(&blueprint.name, &blueprint.domain);
    let named = [NAME.to_owned(), format!("CN={NAME},{container}"), settings.guid.to_string()];
    if named.iter().any(|held| held.eq_ignore_ascii_case(&identity)) {
        return Ok(());
    }
    Err(call.not_found(&identity))
}

/// Runs `Set-ActiveSyncOrganizationSettings`.
pub(super) fn set(call: &Call) -> Result<Records, Complaint> {
    let warning = write(call, |world, moment| {
        check_identity(call, &world.blueprint, &world.settings)?;
        let mut settings = world.settings.clone();
        take_over(call, &mut settings)?;
        if settings == world.settings {
            return Ok((Vec::new(), Some(nothing_modified(NAME))));
        }
        settings.changed = later(moment.now, settings.changed);
        settings.access_changed_ms = moment.elapsed_ms;
        Ok((vec![Event::Settings(Box::new(settings))], None))
    })?;
    Ok(Records::of(warning.map(Record::Warning).into_iter()))
}

fn take_over(call: &Call, settings: &mut AccessSettings) -> Result<(), Complaint> {
    let level = call.arguments.text("DefaultAccessLevel");
    if let Some(level) = level.and_then(|text| AccessLevel::parse(&text)) {
        settings.default_access_level = level;
    }
    for (parameter, insert) in [
        ("UserMailInsert", &mut settings.user_mail_insert),
        ("OtaNotificationMailInsert", &mut settings.ota_notification_mail_insert),
    ] {
        let Some(value) = call.arguments.value(parameter) else { continue };
        let text = value.to_text().unwrap_or_default().into_owned();
        let length = text.encode_utf16().count();
        if length > INSERT_CHARACTERS_MAX {
            let problem = format!(
                "Property {parameter} can't be set. The length of the property is too long. The \
                 maximum length is {INSERT_CHARACTERS_MAX} and the length of the value provided is \
                 {length}."
            );
            return Err(call.invalid(problem));
        }
        *insert = text;
    }
    if let Some(edit) = call.arguments.edit("AdminMailRecipients") {
        edit.apply(&mut settings.admin_mail_recipients);
    }
    if let Some(allowed) = call.arguments.boolean("AllowAccessForUnSupportedPlatform") {
        settings.allow_unsupported_platform = allowed;
    }
    if let Some(allowed) = call.arguments.boolean("AllowRMSSupportForUnenlightenedApps") {
        settings.allow_rms_for_unenlightened = allowed;
    }
    Ok(())
}
