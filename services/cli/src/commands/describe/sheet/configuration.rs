//! How Exchange itself is set up, as lines of an organization's sheet: what decides over devices in
//! full, of mailbox policies and device classes what people ask for; JSON has all of it.

use exgate_proto::{types::v1 as types, v1 as pb};

use super::Sheet;
use crate::render::{access_level, characteristic, count};

/// The most families of devices that are written.
const FAMILIES_MAX: usize = 30;
/// The most models of one family that are written.
const MODELS_MAX: usize = 8;

/// The sheet with Exchange's configuration below what it has.
pub(super) fn written(sheet: Sheet, it: &pb::Configuration) -> Sheet {
    let settings = it.settings.clone().unwrap_or_default();
    let left_out = match it.left_out {
        0 => String::new(),
        more => format!("{} too many to show; device classes go first", count(more, "object")),
    };
    sheet
        .line("Default access", access_level(settings.default_access_level))
        .line("Quarantine mail", settings.user_mail_insert)
        .line("Mail goes to", settings.admin_mail_recipients.join(", "))
        .list("Access rules", it.rules.iter().map(rule))
        .list("Exchange servers", it.servers.iter().map(server))
        .list("Mailbox policies", it.mailbox_policies.iter().map(policy))
        .list("Device classes", classes(&it.device_classes))
        .line("Left out", left_out)
}

fn rule(rule: &types::AccessRule) -> String {
    let level = access_level(rule.level);
    let property = characteristic(rule.characteristic, &rule.characteristic_text);
    format!("{level} {property} {:?} ({})", rule.query, rule.name)
}

fn server(server: &types::Server) -> String {
    let role = if server.is_client_access { "client access" } else { "no client access" };
    format!("{} ({}), {role}, {}", server.name, server.fqdn, server.version)
}

/// A policy by what it asks of a device before any mail: each setting has up to two names, by the
/// family of cmdlets that it was read with.
fn policy(policy: &types::MailboxPolicy) -> String {
    let value = |names: [&str; 2]| {
        let mut settings = policy.settings.iter();
        let found = settings.find(|it| names.contains(&it.name.as_str()));
        found.map(|it| it.value.as_str())
    };
    let is = |names| value(names).map(|value| value == "true");
    let mut says = Vec::new();
    match is(["AllowNonProvisionableDevices"; 2]) {
        Some(true) => says.push("non-provisionable devices allowed".to_owned()),
        Some(false) => says.push("non-provisionable devices refused".to_owned()),
        None => {}
    }
    match is(["PasswordEnabled", "DevicePasswordEnabled"]) {
        Some(true) => {
            let length = value(["MinPasswordLength", "MinDevicePasswordLength"]);
            let length = length.filter(|length| !length.is_empty());
            let length = length.map_or(String::new(), |length| format!(" (at least {length})"));
            says.push(format!("password required{length}"));
        }
        Some(false) => says.push("no password required".to_owned()),
        None => {}
    }
    if is(["RequireDeviceEncryption"; 2]) == Some(true) {
        says.push("encryption required".to_owned());
    }
    says.push(count(policy.settings.len() as u64, "setting"));
    let default = match is(["IsDefault", "IsDefaultPolicy"]) {
        Some(true) => " (default)",
        Some(false) | None => "",
    };
    format!("{}{default}: {}", policy.name, says.join(", "))
}

/// One line for each family, which comes sorted by family and model.
fn classes(classes: &[types::DeviceClass]) -> Vec<String> {
    let families: Vec<_> =
        classes.chunk_by(|one, next| one.device_type == next.device_type).collect();
    let line = |family: &&[types::DeviceClass]| {
        let name = family.first().map(|class| class.device_type.as_str()).unwrap_or_default();
        let models = family.iter().map(|class| class.device_model.as_str());
        let shown = models.take(MODELS_MAX).collect::<Vec<_>>().join(", ");
        match family.len().saturating_sub(MODELS_MAX) {
            0 => format!("{name}: {shown}"),
            more => format!("{name}: {shown} and {more} more"),
        }
    };
    let mut lines: Vec<_> = families.iter().take(FAMILIES_MAX).map(line).collect();
    if let Some(more) = families.len().checked_sub(FAMILIES_MAX).filter(|more| *more > 0) {
        lines.push(format!("and {more} more types"));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(device_type: &str, device_model: &str) -> types::DeviceClass {
        let [device_type, device_model] = [device_type, device_model].map(ToOwned::to_owned);
        types::DeviceClass { guid: vec![1; 16], device_type, device_model }
    }

    fn mailbox_policy(name: &str, settings: &[(&str, &str)]) -> types::MailboxPolicy {
        let setting = |(name, value): &(&str, &str)| types::PolicySetting {
            name: (*name).to_owned(),
            value: (*value).to_owned(),
        };
        let settings = settings.iter().map(setting).collect();
        types::MailboxPolicy { guid: vec![2; 16], name: name.to_owned(), settings }
    }

    fn contoso() -> pb::Configuration {
        pb::Configuration {
            settings: Some(types::OrganizationSettings {
                guid: vec![3; 16],
                default_access_level: types::AccessLevel::Quarantine.into(),
                user_mail_insert: "Please enrol.".to_owned(),
                admin_mail_recipients: vec!["a@contoso.com".to_owned(), "b@contoso.com".to_owned()],
            }),
            rules: vec![types::AccessRule {
                guid: vec![4; 16],
                name: "Pixels (DeviceType)".to_owned(),
                characteristic: types::Characteristic::DeviceType.into(),
                characteristic_text: String::new(),
                query: "Pixel".to_owned(),
                level: types::AccessLevel::Block.into(),
            }],
            servers: vec![types::Server {
                guid: vec![5; 16],
                name: "EX01".to_owned(),
                fqdn: "ex01.contoso.com".to_owned(),
                version: "Version 15.2 (Build 1748.10)".to_owned(),
                is_client_access: true,
            }],
            mailbox_policies: vec![
                mailbox_policy(
                    "Default",
                    &[
                        ("AllowNonProvisionableDevices", "true"),
                        ("IsDefault", "true"),
                        ("PasswordEnabled", "false"),
                    ],
                ),
                mailbox_policy(
                    "Strict",
                    &[
                        ("AllowNonProvisionableDevices", "false"),
                        ("DevicePasswordEnabled", "true"),
                        ("IsDefaultPolicy", "false"),
                        ("MinDevicePasswordLength", "6"),
                        ("RequireDeviceEncryption", "true"),
                    ],
                ),
            ],
            device_classes: vec![
                class("Pixel", "Pixel 9"),
                class("iPhone", "iPhone14C1"),
                class("iPhone", "iPhone15C2"),
            ],
            left_out: 7,
        }
    }

    #[test]
    fn a_configuration_is_told_with_its_policies_and_classes() {
        let expected = "\
Default access:     quarantine
Quarantine mail:    Please enrol.
Mail goes to:       a@contoso.com, b@contoso.com
Access rules:
  block device type \"Pixel\" (Pixels (DeviceType))
Exchange servers:
  EX01 (ex01.contoso.com), client access, Version 15.2 (Build 1748.10)
Mailbox policies:
  Default (default): non-provisionable devices allowed, no password required, 3 settings
  Strict: non-provisionable devices refused, password required (at least 6), encryption required, 5 settings
Device classes:
  Pixel: Pixel 9
  iPhone: iPhone14C1, iPhone15C2
Left out:           7 objects too many to show; device classes go first
";
        assert_eq!(written(Sheet::default(), &contoso()).0, expected);
    }

    #[test]
    fn what_was_not_seen_is_not_shown() {
        assert_eq!(written(Sheet::default(), &pb::Configuration::default()).0, "");
        let text = policy(&mailbox_policy("New", &[]));
        assert_eq!(text, "New: 0 settings");
    }

    #[test]
    fn long_lists_of_classes_end_with_how_many_are_missing() {
        let models = (10..20).map(|model| class("iPhone", &format!("iPhone{model}")));
        let lines = classes(&models.collect::<Vec<_>>());
        let [line] = &lines[..] else { panic!("{lines:?}") };
        assert!(line.ends_with("iPhone17 and 2 more"), "{line}");

        let families = (10..42).map(|family| class(&format!("Type{family}"), "One"));
        let lines = classes(&families.collect::<Vec<_>>());
        assert_eq!(lines.len(), FAMILIES_MAX + 1);
        assert_eq!(lines.last().unwrap(), "and 2 more types");
    }
}
