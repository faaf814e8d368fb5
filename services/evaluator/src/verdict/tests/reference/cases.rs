//! Random cases: every fact is now and then missing, odd, or right at the edge of a rule.

use jiff::{SignedDuration, Timestamp};

use exgate_domain::case::{Case, Management, Sibling, Unmatched};
use exgate_domain::observation::AccessState;
use exgate_domain::record::{
    ComplianceState, ManagedDevice, ManagementAgent, OwnerType, ThreatState,
};

use super::dice::Dice;
use super::documents::{
    ADDRESSES, BUILDS, GROUPS, MODELS, ORGANIZATIONS, PATCHES, SPANS, TYPES, UNITS, VERSIONS,
};
use super::naive::span;
use crate::verdict::fixture::{case as ordinary, owner, record};

pub(in crate::verdict::tests) fn case(dice: &mut Dice) -> Case {
    let mut case = ordinary();
    let now = case.now;
    case.organization = dice.one(&ORGANIZATIONS).parse().unwrap();
    case.mailbox.primary_smtp = dice.one(&ADDRESSES).to_owned();
    device(dice, &mut case, now);
    case.last_sync_at = maybe(dice, 80, |dice| past(dice, now));
    for number in 0..dice.below(4) {
        case.siblings.push(Sibling {
            device_id: format!("{}{number}", dice.one(&["appl", "SEC", "Zeta"])).parse().unwrap(),
            device_type: "iPad".to_owned(),
            access_state: AccessState::Allowed,
            first_sync_at: maybe(dice, 80, |dice| past(dice, now)),
            last_sync_at: maybe(dice, 80, |dice| past(dice, now)),
        });
    }
    people(dice, &mut case);
    case.noncompliant_since = maybe(dice, 60, |dice| past(dice, now));
    facts(dice, record(&mut case), now);
    match dice.below(14) {
        0 => case.management = Management::Unavailable { why: "too old".to_owned() },
        1 | 2 => case.management = Management::Unmanaged(Unmatched::NoRecord),
        3 => case.management = Management::Unmanaged(Unmatched::Ambiguous),
        4 => case.management = Management::Unmanaged(Unmatched::OtherUser),
        _ => {}
    }
    case
}

fn maybe<T>(dice: &mut Dice, percent: usize, make: impl FnOnce(&mut Dice) -> T) -> Option<T> {
    dice.chance(percent).then(|| make(dice))
}

/// An instant that lies as far back as a policy may say, or next to that, or a little ahead.
fn past(dice: &mut Dice, now: Timestamp) -> Timestamp {
    let span = span(dice.one(&SPANS)).unwrap();
    let edge = dice.one(&[0, 0, 1, -1, 60_000_000_000, -60_000_000_000]);
    let at = now - span + SignedDuration::from_nanos(edge);
    if dice.chance(8) { now + span + SignedDuration::from_nanos(edge) } else { at }
}

fn device(dice: &mut Dice, case: &mut Case, now: Timestamp) {
    let device = &mut case.device;
    device.device_id = dice.one(&["ApplID7", "SEC0ID3", "zeta9", "APPL0"]).parse().unwrap();
    device.device_type = dice.one(&["iPhone", "IPAD", TYPES[2], "GRÖßE", ""]).to_owned();
    device.device_model = dice.one(&[MODELS[0], MODELS[1], "ipad14c3", ""]).to_owned();
    device.device_os = dice.one(&["iOS 17.4.1", "Android 14", "Windows", ""]).to_owned();
    device.user_agent = dice.one(&["Apple-iPhone15C2/2105", "Outlook/1", ""]).to_owned();
    device.protocol_version = dice.one(&["16.1", "2.5", ""]).to_owned();
    let unit = dice.one(&[UNITS[0], UNITS[1], "OU=Other,DC=contoso,DC=example", ""]);
    device.mailbox_dn = format!("CN=Anna\\, Berg,{unit}");
    device.first_sync_at = maybe(dice, 80, |dice| past(dice, now));
}

fn people(dice: &mut Dice, case: &mut Case) {
    let person = owner(case);
    person.groups = dice.some(&GROUPS, 50).into_iter().map(str::to_owned).collect();
    for group in &mut person.groups {
        *group = match dice.below(4) {
            0 => group.to_uppercase(),
            1 => format!(" {group} "),
            _ => group.clone(),
        };
    }
    person.groups.push("Everyone".to_owned());
    person.mail = dice.one(&[ADDRESSES[0], ADDRESSES[1], ""]).to_owned();
    person.user_principal_name = dice.one(&[ADDRESSES[0], "CEO@contoso.example"]).to_owned();
    person.licensed = dice.one(&[Some(true), Some(true), Some(false), None]);
    if dice.chance(4) {
        case.owner = None;
    }
}

fn facts(dice: &mut Dice, record: &mut ManagedDevice, now: Timestamp) {
    record.operating_system = dice
        .one(&["iOS", "iOS", "IOS", "i PadOS", "AndroidForWork", "windows", "macOS", ""])
        .to_owned();
    record.os_version = if dice.chance(90) {
        dice.one(&VERSIONS).to_owned()
    } else {
        dice.one(&["", "17.x", "17.4 (21E219)", "18.0.0.0", "1.2.3.4.5"]).to_owned()
    };
    let build = dice.one(&BUILDS);
    record.os_build = dice.one(&[build, build, build, "", "21e219"]).to_owned();
    record.security_patch_level = maybe(dice, 80, |dice| dice.one(&PATCHES).parse().unwrap());
    record.is_encrypted = dice.one(&[Some(true), Some(true), Some(false), None]);
    record.jail_broken = dice.one(&[Some(false), Some(false), Some(true), None]);
    record.passcode_compliant = dice.one(&[Some(true), Some(true), Some(false), None]);
    record.owner_type = dice.one(&[Some(OwnerType::Company), Some(OwnerType::Personal), None]);
    record.management_agent = dice.one(&[
        Some(ManagementAgent::Mdm),
        Some(ManagementAgent::EasMdm),
        Some(ManagementAgent::EasMdm),
        Some(ManagementAgent::Jamf),
        Some(ManagementAgent::IntuneClient),
        Some(ManagementAgent::Eas),
        None,
    ]);
    record.threat_state = dice.one(&[
        Some(ThreatState::Secured),
        Some(ThreatState::LowSeverity),
        Some(ThreatState::MediumSeverity),
        Some(ThreatState::HighSeverity),
        Some(ThreatState::Compromised),
        Some(ThreatState::Activated),
        Some(ThreatState::Unresponsive),
        None,
    ]);
    record.compliance = dice.one(&[
        ComplianceState::Compliant,
        ComplianceState::Compliant,
        ComplianceState::Compliant,
        ComplianceState::Noncompliant,
        ComplianceState::Conflict,
        ComplianceState::Error,
        ComplianceState::InGracePeriod,
        ComplianceState::Unknown,
        ComplianceState::ConfigManager,
    ]);
    record.grace_until = maybe(dice, 70, |dice| past(dice, now));
    if record.grace_until.is_some() && dice.chance(50) {
        record.grace_until = record.grace_until.map(|at| now + now.duration_since(at));
    }
    record.last_check_in_at = maybe(dice, 85, |dice| past(dice, now));
}
