//! Random expressions, and what each of them means, said plainly: a handful of conditions, put together
//! in the four ways there are.

use jiff::Timestamp;

use exgate_domain::case::{Case, Management};
use exgate_domain::record::{ManagedDevice, ThreatState, User};

use super::dice::Dice;
use super::naive::{is_managed, version};

/// What asks for the time.
const NOW: &str = "context.now";
const HOUR: i64 = 3_600;

/// Who is asked about.
struct About<'a> {
    case: &'a Case,
    owner: &'a User,
    record: Option<&'a ManagedDevice>,
}

/// A condition; none where it cannot be told.
type Meaning = fn(&About<'_>) -> Option<bool>;

const CONDITIONS: [(&str, Meaning); 14] = [
    (r#"principal in Group::"Board""#, |it| Some(is_in(it.owner, "board"))),
    (r#"principal in Group::"lager KÖLN""#, |it| Some(is_in(it.owner, "lager köln"))),
    (r#"principal.mail like "anna@*""#, |it| {
        known(&it.owner.mail).map(|mail| mail.starts_with("anna@"))
    }),
    ("principal has licensed && principal.licensed", |it| Some(it.owner.licensed == Some(true))),
    (r#"resource.deviceType == "iPhone""#, |it| {
        known(&it.case.device.device_type).map(|text| text == "iPhone")
    }),
    (r#"["SM-S911B", "iPad14C3"].contains(resource.deviceModel)"#, |it| {
        known(&it.case.device.device_model).map(|text| ["SM-S911B", "iPad14C3"].contains(&text))
    }),
    (r#"resource.operatingSystem == "iOS""#, |it| {
        known(&it.record?.operating_system).map(|text| text == "iOS")
    }),
    ("resource has isManaged && !resource.isManaged", |it| {
        Some(match &it.case.management {
            Management::Managed { record, .. } => !is_managed(record),
            Management::Unmanaged(_) => true,
            Management::Unavailable { .. } => false,
        })
    }),
    ("resource has isEncrypted && resource.isEncrypted", |it| {
        Some(it.record.and_then(|record| record.is_encrypted) == Some(true))
    }),
    (r#"resource has osVersion && resource.osVersion >= version("17.4")"#, |it| {
        let mine = it.record.and_then(|record| version(&record.os_version));
        Some(mine.is_some_and(|mine| mine >= vec![17, 4, 0, 0]))
    }),
    (r#"resource has threatState && resource.threatState == ThreatState::"secured""#, |it| {
        Some(it.record.and_then(|record| record.threat_state) == Some(ThreatState::Secured))
    }),
    ("resource has lastSyncAt && context.now - resource.lastSyncAt < 7 * 86400", |it| {
        let last = it.case.last_sync_at;
        Some(last.is_some_and(|last| hour(it.case.now) - last.as_second() < 7 * 86_400))
    }),
    (r#"context.organization == "contoso""#, |it| Some(it.case.organization.as_str() == "contoso")),
    ("context.deviceCount > 2", |it| Some(it.case.siblings.len() > 1)),
];

/// An expression.
pub(super) fn expression(dice: &mut Dice) -> String {
    let mut one = || dice.one(&CONDITIONS).0;
    let (first, second, third) = (one(), one(), one());
    match dice.below(8) {
        0 => format!("!({first})"),
        1 | 2 => format!("({first}) && ({second})"),
        3 | 4 => format!("({first}) || ({second})"),
        5 => format!("if ({first}) then ({second}) else ({third})"),
        _ => first.to_owned(),
    }
}

/// Whether an expression holds; none where that cannot be told.
pub(super) fn holds(expression: &str, case: &Case) -> Option<bool> {
    let record = match &case.management {
        Management::Managed { record, .. } => Some(&**record),
        Management::Unmanaged(_) | Management::Unavailable { .. } => None,
    };
    value(expression, &About { case, owner: case.owner.as_ref()?, record })
}

fn value(text: &str, about: &About<'_>) -> Option<bool> {
    if let Some(rest) = text.strip_prefix("if (") {
        let (first, rest) = rest.split_once(") then (").unwrap();
        let (second, third) = rest.strip_suffix(')').unwrap().split_once(") else (").unwrap();
        return value(if value(first, about)? { second } else { third }, about);
    }
    if let Some(rest) = text.strip_prefix("!(") {
        return value(rest.strip_suffix(')').unwrap(), about).map(|holds| !holds);
    }
    let pair = |between: &str| {
        let (first, second) = text.strip_prefix('(')?.strip_suffix(')')?.split_once(between)?;
        Some((first.to_owned(), second.to_owned()))
    };
    // The second is only asked when the first does not settle it.
    if let Some((first, second)) = pair(") && (") {
        return if value(&first, about)? { value(&second, about) } else { Some(false) };
    }
    if let Some((first, second)) = pair(") || (") {
        return if value(&first, about)? { Some(true) } else { value(&second, about) };
    }
    let (_, meaning) = CONDITIONS.iter().find(|(condition, _)| *condition == text).unwrap();
    meaning(about)
}

/// The hour that an expression sees, if it asks for the time.
pub(super) fn hour_asked(expression: &str, case: &Case) -> Option<i64> {
    expression.contains(NOW).then(|| hour(case.now))
}

/// The next full hour.
pub(super) fn next_hour(now: Timestamp) -> Timestamp {
    Timestamp::from_second(hour(now) + HOUR).unwrap()
}

fn hour(at: Timestamp) -> i64 {
    at.as_second().div_euclid(HOUR) * HOUR
}

fn known(text: &str) -> Option<&str> {
    let text = text.trim();
    (!text.is_empty()).then_some(text)
}

fn is_in(owner: &User, group: &str) -> bool {
    owner.groups.iter().any(|it| it.trim().to_lowercase() == group)
}
