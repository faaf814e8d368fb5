//! Owns `Get-ActiveSyncMailboxPolicy` and `Get-MobileDeviceMailboxPolicy`: the same policies under two
//! sets of names.
//!
//! Source: the cmdlet pages. Where the objects lie in the directory is assumed.

use std::sync::{Arc, LazyLock};

use exgate_exchange::clixml::{Object, Value};

use super::catalogue::{Kind, Limit, SETTINGS, Setting};
use super::complaint::Complaint;
use super::directory_object::{Entry, Printer};
use super::rendering::{self, SYSTEM, TypeNames, configuration_container};
use super::{Call, Record, Records};
use crate::world::blueprint::Blueprint;
use crate::world::mailbox::escaped;
use crate::world::policy::{self, MailboxPolicy};

static MOBILE: TypeNames = LazyLock::new(|| names("MobileMailboxPolicy"));
static ACTIVE_SYNC: TypeNames = LazyLock::new(|| names("ActiveSyncMailboxPolicy"));

/// Which names a policy is printed or changed under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Names {
    /// Those of 2010.
    ActiveSync,
    /// Those of 2013 and later.
    Mobile,
}

impl Names {
    /// A setting's name.
    pub(super) fn of(self, setting: &Setting) -> &'static str {
        match self {
            Self::ActiveSync => setting.active_sync,
            Self::Mobile => setting.mobile,
        }
    }
}

/// Runs `Get-ActiveSyncMailboxPolicy`.
pub(super) fn active_sync(call: &Call) -> Result<Records, Complaint> {
    list(call, Names::ActiveSync)
}

/// Runs `Get-MobileDeviceMailboxPolicy`.
pub(super) fn mobile(call: &Call) -> Result<Records, Complaint> {
    list(call, Names::Mobile)
}

fn list(call: &Call, names: Names) -> Result<Records, Complaint> {
    let (blueprint, mut chosen) =
        call.read(|world| (world.blueprint.clone(), world.policies.clone()));
    if let Some(identity) = call.arguments.text("Identity") {
        chosen.retain(|policy| is_named(policy, &blueprint, &identity));
        if chosen.is_empty() {
            return Err(call.not_found(&identity));
        }
    }
    let printer = Printer::of(call);
    let print = move |policy: MailboxPolicy| print(&policy, names, &printer, &blueprint);
    Ok(Records::of(chosen.into_iter().map(print)))
}

/// Says whether a text names a policy: its name, Guid or distinguished name.
pub(super) fn is_named(policy: &MailboxPolicy, blueprint: &Blueprint, text: &str) -> bool {
    policy.is_named(text) || distinguished_name(&policy.name, blueprint).eq_ignore_ascii_case(text)
}

/// The id of a policy, as other objects refer to it.
pub(super) fn id(name: &str, printer: &Printer, organization: &str) -> Value {
    let container =
        format!("CN=Mobile Mailbox Policies,CN={organization},CN=Microsoft Exchange,CN=Services");
    printer.configuration_id(name, &container, policy::guid(name, organization))
}

fn distinguished_name(name: &str, blueprint: &Blueprint) -> String {
    let container = configuration_container(&blueprint.name, &blueprint.domain);
    format!("CN={},CN=Mobile Mailbox Policies,{container}", escaped(name))
}

/// Prints a policy.
pub(super) fn print(
    policy: &MailboxPolicy,
    names: Names,
    printer: &Printer,
    blueprint: &Blueprint,
) -> Record {
    let mut object = Object::default();
    if names == Names::ActiveSync {
        object = object.with("IsDefaultPolicy", policy.is_default);
    }
    if printer.is_modern() {
        object = object.with("IsDefault", policy.is_default);
    }
    for setting in SETTINGS {
        let held = policy.settings.get(setting.active_sync).map_or(setting.initial, String::as_str);
        object = object.with(names.of(setting), value(setting, held));
    }
    object = object
        .with("ApprovedApplicationList", rendering::multi(&policy.approved_applications))
        .with("UnapprovedInROMApplicationList", rendering::multi(&policy.unapproved_applications));
    let type_names = match names {
        Names::ActiveSync => &ACTIVE_SYNC,
        Names::Mobile => &MOBILE,
    };
    Record::Output(printer.finish(
        object,
        &Entry {
            type_names,
            name: &policy.name,
            identity: &policy.name,
            distinguished_name: &distinguished_name(&policy.name, blueprint),
            guid: policy.guid,
            class: &["top", "msExchMobileMailboxSettings"],
            created: policy.created,
            changed: policy.changed,
        },
    ))
}

/// A setting as it travels.
fn value(setting: &Setting, held: &str) -> Value {
    match setting.kind {
        Kind::Boolean | Kind::Switch => held.eq_ignore_ascii_case("true").into(),
        Kind::Number => held.parse::<i32>().map_or(Value::Nil, Value::from),
        Kind::Word(words) => {
            let place = words.iter().position(|word| word.eq_ignore_ascii_case(held));
            let number = place.and_then(|place| i32::try_from(place).ok()).unwrap_or(0);
            rendering::enumeration(
                &format!("{SYSTEM}.{}", enumeration_of(setting.mobile)),
                held,
                number,
            )
        }
        Kind::Limit(limit) => limited(setting.kind, limit, held),
        Kind::Text | Kind::Size | Kind::Multi | Kind::Addresses | Kind::Texts | Kind::Words(_) => {
            held.into()
        }
    }
}

/// The enumeration of a setting. Three are on the cmdlets' pages; those of S/MIME are unverified.
fn enumeration_of(setting: &str) -> &'static str {
    match setting {
        "AllowBluetooth" => "BluetoothType",
        "MaxEmailAgeFilter" => "EmailAgeFilterType",
        "MaxCalendarAgeFilter" => "CalendarAgeFilterType",
        "RequireEncryptionSMIMEAlgorithm" => "EncryptionSMIMEAlgorithmType",
        "RequireSignedSMIMEAlgorithm" => "SignedSMIMEAlgorithmType",
        _ => "SMIMEEncryptionAlgorithmNegotiationType",
    }
}

fn limited(kind: Kind, limit: Limit, held: &str) -> Value {
    let unlimited = held.eq_ignore_ascii_case("Unlimited");
    let text = match (limit, held.parse::<u64>()) {
        (Limit::Size, Ok(bytes)) => rendering::size(bytes),
        (Limit::Size | Limit::Number | Limit::Span, _) => held.to_owned(),
    };
    Value::object(
        Object::of_type([kind.type_name(), "System.ValueType", "System.Object"])
            .with_text(text)
            .with("IsUnlimited", unlimited),
    )
}

fn names(own: &str) -> Arc<[String]> {
    rendering::type_names(&[
        &format!("{SYSTEM}.{own}"),
        &format!("{SYSTEM}.MailboxPolicy"),
        &format!("{SYSTEM}.ADConfigurationObject"),
    ])
}
