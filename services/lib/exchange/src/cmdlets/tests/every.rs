//! Every cmdlet that can be built, with every argument it can have, against the table of versions.

use std::time::Duration;

use super::*;

/// A cmdlet without its row.
struct Built {
    name: &'static str,
    parameters: Vec<&'static str>,
    effect: Effect,
    confirm: Option<Argument>,
}

fn built<R>(cmdlet: &Cmdlet<R>) -> Built {
    let named = |name: &str| cmdlet.parameters().iter().find(move |held| held.name == name);
    Built {
        name: cmdlet.name(),
        parameters: cmdlet.parameters().iter().map(|parameter| parameter.name).collect(),
        effect: cmdlet.effect(),
        confirm: named("Confirm").map(|held| held.argument.clone()),
    }
}

fn identity() -> Identity {
    Identity::new("jane@example.com").unwrap()
}

fn controller() -> Option<DomainController> {
    DomainController::new("dc01.example.com").ok()
}

fn settings() -> PolicySettings {
    PolicySettings {
        password_enabled: Some(true),
        password_history: Some(3),
        max_inactivity_time_lock: Some(Unlimited::Limited(Duration::from_secs(900))),
        max_password_failed_attempts: Some(Unlimited::Limited(8)),
        password_expiration: Some(Unlimited::Unlimited),
        max_attachment_size: Some(Unlimited::Limited(Bytes(1024))),
        allow_bluetooth: Some("HandsfreeOnly".to_owned()),
        is_default: Some(false),
        ..PolicySettings::default()
    }
}

/// Those of one family.
fn of_family(family: DeviceFamily) -> Vec<Built> {
    let edit = || Edit { add: vec!["hash:app".to_owned()], remove: Vec::new() };
    let change = PolicyChange::with_lists(settings(), edit(), edit()).unwrap();
    let all = ResultSize::Unlimited;
    vec![
        built(&get_device(family, DeviceSelection::OfMailbox(identity()), all, controller())),
        built(&get_device(family, DeviceSelection::One(identity()), all, controller())),
        built(&get_device(
            family,
            DeviceSelection::Filtered(Filter::has(Property::DeviceId)),
            all,
            controller(),
        )),
        built(&get_device_statistics(
            family,
            StatisticsSelection::OfMailbox(identity()),
            controller(),
        )),
        built(&get_device_statistics(family, StatisticsSelection::One(identity()), controller())),
        built(&get_mailbox_policy(family, Some(identity()), controller())),
        built(&new_mailbox_policy(family, identity(), settings(), controller())),
        built(&set_mailbox_policy(family, identity(), change, controller())),
        built(&remove_mailbox_policy(family, identity(), controller()).what_if()),
        built(&clear_device(identity(), Wipe::Device(family), vec![identity()], controller())),
        built(&cancel_clear_device(family, identity(), controller())),
        built(&remove_device(family, identity(), controller())),
    ]
}

/// Those that every version has under one name.
fn of_every_version() -> Vec<Built> {
    let query = || QueryString::new("iPhone").unwrap();
    let change = OrganizationChange {
        default_access_level: Some(AccessLevel::Quarantine),
        user_mail_insert: Insert::new("Ask us").ok(),
        admin_mail_recipients: Edit { add: vec!["a@b.c".to_owned()], remove: Vec::new() },
        ota_notification_mail_insert: Insert::new("").ok(),
    };
    let (type_, block) = (Characteristic::DeviceType, AccessLevel::Block);
    let one = || Selection::One(identity());
    let all = ResultSize::Unlimited;
    vec![
        built(&get_command(asked_about())),
        built(&set_ad_server_settings(controller())),
        built(&get_exchange_server(Some(identity()))),
        built(&get_organization_settings()),
        built(&set_organization_settings(change, controller()).unwrap()),
        built(&get_device_access_rule(Some(identity()))),
        built(&new_device_access_rule(type_, query(), block, controller()).what_if()),
        built(&set_device_access_rule(identity(), block, controller())),
        built(&remove_device_access_rule(identity(), controller())),
        built(&get_device_class(one(), controller())),
        built(&get_cas_mailbox(one(), all, controller())),
        built(&set_cas_mailbox(identity(), ListEdit::allow("D1").unwrap(), controller())),
        built(&set_cas_mailbox_policy(identity(), None, controller())),
        built(&set_cas_mailbox_active_sync(identity(), false, controller())),
        built(&get_recipient(one(), all, controller())),
        built(&get_throttling_policy_association(identity())),
        built(&get_throttling_policy(Some(identity()))),
    ]
}

/// Every product with the family that is the oldest it may be spoken to with.
const PRODUCTS: [Product; 5] = [
    Product::Exchange2010,
    Product::Exchange2013,
    Product::Exchange2016,
    Product::Exchange2019,
    Product::SubscriptionEdition,
];

fn assert_known(product: Product, cmdlets: Vec<Built>) {
    for Built { name, parameters, .. } in cmdlets {
        assert!(has_cmdlet(product, name), "{product:?} {name}");
        for parameter in parameters {
            assert!(has_parameter(product, name, parameter), "{product:?} {name} -{parameter}");
        }
    }
}

#[test]
fn nothing_is_sent_that_a_version_does_not_have() {
    for product in PRODUCTS {
        assert_known(product, of_every_version());
        assert_known(product, of_family(DeviceFamily::ActiveSync));
        if product >= Product::Exchange2013 {
            assert_known(product, of_family(DeviceFamily::Mobile));
        }
    }
    let account_only = clear_device(identity(), Wipe::AccountOnly, Vec::new(), None);
    assert!(!has_parameter(Product::Exchange2013, account_only.name(), "AccountOnly"));
    assert!(has_parameter(Product::Exchange2016, account_only.name(), "AccountOnly"));
    for client in [Client::ActiveSync, Client::OwaForDevices, Client::RestApi, Client::Outlook] {
        let cmdlet =
            get_mobile_device_of(client, DeviceSelection::All, ResultSize::Unlimited, None);
        assert_known(Product::Exchange2016, vec![built(&cmdlet)]);
        assert!(!has_cmdlet(Product::Exchange2010, cmdlet.name()));
    }
    assert!(!has_parameter(Product::Exchange2013, "Get-MobileDevice", "RestApi"));
}

#[test]
fn names_of_the_newer_family_begin_with_2013() {
    for built in of_family(DeviceFamily::Mobile) {
        assert!(!has_cmdlet(Product::Exchange2010, built.name), "{}", built.name);
    }
    for required in [Task::Read, Task::Write, Task::Wipe]
        .map(|task| Families::all(DeviceFamily::ActiveSync).required(task))
        .concat()
    {
        for parameter in required.parameters {
            assert!(
                has_parameter(Product::Exchange2010, required.cmdlet, parameter),
                "{} -{parameter}",
                required.cmdlet
            );
        }
    }
}

#[test]
fn every_write_answers_the_question_beforehand_and_every_identity_is_given() {
    let cmdlets =
        [of_every_version(), of_family(DeviceFamily::ActiveSync), of_family(DeviceFamily::Mobile)];
    for built in cmdlets.into_iter().flatten() {
        let verb = built.name.split('-').next().unwrap();
        let writes = verb != "Get" && built.name != "Set-ADServerSettings";
        if writes {
            assert_eq!(built.confirm, Some(Argument::Boolean(false)), "{}", built.name);
            let rehearses = built.parameters.contains(&"WhatIf");
            let expected = if rehearses { Effect::Read } else { Effect::Write };
            assert_eq!(built.effect, expected, "{}", built.name);
        } else {
            assert_eq!(built.effect, Effect::Read, "{}", built.name);
        }
    }
}

#[test]
fn changes_that_change_nothing_and_texts_that_are_too_long_cannot_be_made() {
    assert!(set_organization_settings(OrganizationChange::default(), None).is_err());
    assert_eq!(PolicyChange::new(PolicySettings::default()), Err(PolicyUnchanged));
    assert!(Insert::new("x".repeat(256)).is_ok());
    assert_eq!(Insert::new("x".repeat(257)), Err(InsertTooLong { length: 257 }));
    // Two units of UTF-16 each.
    assert_eq!(Insert::new("\u{1F4F1}".repeat(129)), Err(InsertTooLong { length: 258 }));
    for text in ["", "  ", "a\nb"] {
        assert!(QueryString::new(text).is_err(), "{text:?}");
    }
    assert!(QueryString::new("Apple-iPhone5C2/1002.329 *").is_ok());
}

#[test]
fn a_setting_travels_under_its_familys_name() {
    for (family, enabled, lock, default) in [
        (
            DeviceFamily::ActiveSync,
            "DevicePasswordEnabled",
            "MaxInactivityTimeDeviceLock",
            "IsDefaultPolicy",
        ),
        (DeviceFamily::Mobile, "PasswordEnabled", "MaxInactivityTimeLock", "IsDefault"),
    ] {
        let cmdlet = new_mailbox_policy(family, identity(), settings(), None);
        let value = |name: &str| {
            let held = cmdlet.parameters().iter().find(|held| held.name == name);
            held.map(|held| held.argument.clone())
        };
        assert_eq!(value(enabled), Some(Argument::Boolean(true)));
        assert_eq!(value(lock), Some(Argument::Text("00:15:00".to_owned())));
        assert_eq!(value(default), Some(Argument::Boolean(false)));
        assert_eq!(value("MaxAttachmentSize"), Some(Argument::Text("1024".to_owned())));
        assert_eq!(cmdlet.parameters().len(), 10, "a setting that is not named is not touched");
    }
}
