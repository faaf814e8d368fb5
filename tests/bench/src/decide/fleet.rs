//! The devices that are decided about, and the policies. Nine of ten devices pass every rule; each of the
//! others fails one, in turn, so that no engine gains by the order of its rules.

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use exgate_domain::case::{Case, MailboxFacts, Management, MatchBasis};
use exgate_domain::ids::{MailboxId, PartnershipId};
use exgate_domain::observation::{AccessReason, AccessState, EasDevice};
use exgate_domain::record::{
    ComplianceState, ManagedDevice, ManagementAgent, OwnerType, Provenance, ThreatState, User,
};

/// Ten rules, as typed fields.
pub(crate) const POLICY: &str = r#"
apiVersion: exgate/v1
kind: CompliancePolicy
name: phones
mdmCompliance: ignored
platforms:
  iOS:
    osMinimumVersion: "17.4"
    storageRequireEncryption: true
    securityBlockJailbrokenDevices: true
    passcodeRequired: true
    deviceThreatProtectionRequiredSecurityLevel: low
  android:
    osMinimumVersion: "13"
    storageRequireEncryption: true
    securityBlockJailbrokenDevices: true
    passcodeRequired: true
    deviceThreatProtectionRequiredSecurityLevel: low
lastCheckInMax: 14d
lastSyncMax: 60d
---
apiVersion: exgate/v1
kind: AccessPolicy
name: mail-access
precedence: 10
organizations: ["*"]
includedGroups: [Mail users]
excludedGroups: [Service desk]
compliancePolicies: [phones]
localRules:
  - id: no-test-models
    match: { deviceModel: [MODELS] }
    access: block
"#;

/// The same ten as expressions.
pub(super) const AS_EXPRESSIONS: &str = r#"
apiVersion: exgate/v1
kind: CompliancePolicy
name: phones
mdmCompliance: ignored
platforms: { iOS: {}, android: {} }
rules:
  - { id: included, require: 'principal in Group::"Mail users"' }
  - { id: excluded, require: '!(principal in Group::"Service desk")' }
  - id: version
    require: >-
      resource has osVersion && (if resource.operatingSystem == "iOS"
      then resource.osVersion >= version("17.4") else resource.osVersion >= version("13"))
  - { id: encrypted, require: resource has isEncrypted && resource.isEncrypted }
  - { id: jailbreak, require: resource has jailBroken && !resource.jailBroken }
  - { id: passcode, require: resource has passcodeCompliant && resource.passcodeCompliant }
  - id: threat
    require: >-
      resource has threatState
      && [ThreatState::"secured", ThreatState::"lowSeverity"].contains(resource.threatState)
  - id: check-in
    require: resource has lastCheckInAt && context.now - resource.lastCheckInAt < 14 * 86400
  - id: sync
    require: resource has lastSyncAt && context.now - resource.lastSyncAt < 60 * 86400
  - { id: model, require: '![MODELS].contains(resource.deviceModel)' }
---
apiVersion: exgate/v1
kind: AccessPolicy
name: mail-access
precedence: 10
organizations: ["*"]
includedGroups: [Everyone]
compliancePolicies: [phones]
"#;

/// How many models are blocked.
const MODELS_BLOCKED: usize = 20;
/// One of so many devices fails a rule.
const FAILS_EVERY: usize = 10;
/// The rules.
const RULES: usize = 10;
/// How many groups everybody is in besides the one that counts.
const GROUPS: usize = 11;

/// The devices.
pub(crate) struct Fleet {
    pub(crate) cases: Vec<Case>,
}

/// The models that are blocked, each in quotes.
pub(super) fn models() -> String {
    let quoted: Vec<_> = blocked_models().map(|model| format!("\"{model}\"")).collect();
    quoted.join(", ")
}

/// The models that are blocked.
pub(super) fn blocked_models() -> impl Iterator<Item = String> {
    (0..MODELS_BLOCKED).map(|number| format!("Test{number}"))
}

/// A policy with its models.
pub(crate) fn policy_text(policy: &str) -> String {
    policy.replace("MODELS", &models())
}

/// The policy after one rule was changed.
pub(super) fn changed_policy() -> String {
    POLICY.replace("17.4", "17.5")
}

impl Fleet {
    /// Makes that many devices; the same ones for the same seed.
    pub(crate) fn make(devices: usize, seed: u64) -> Self {
        Self { cases: (0..devices).map(|number| case(number, seed)).collect() }
    }

    /// Whether each has access.
    pub(crate) fn truth(&self) -> Vec<bool> {
        (0..self.cases.len()).map(|number| failed(number).is_none()).collect()
    }

    /// How many of those that have access lose it by the changed policy.
    pub(super) fn hit_by_the_change(&self, truth: &[bool]) -> usize {
        let hit = |case: &Case| match &case.management {
            Management::Managed { record, .. } => record.os_version == "17.4.1",
            Management::Unmanaged(_) | Management::Unavailable { .. } => false,
        };
        self.cases.iter().zip(truth).filter(|(case, allows)| **allows && hit(case)).count()
    }
}

/// The rule that a device fails.
fn failed(number: usize) -> Option<usize> {
    number.is_multiple_of(FAILS_EVERY).then_some(number / FAILS_EVERY % RULES)
}

pub(super) fn now() -> Timestamp {
    // A full hour: expressions know the time in hours.
    Timestamp::from_second(1_773_144_000).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn ago(span: SignedDuration) -> Option<Timestamp> {
    now().checked_sub(span).ok()
}

fn case(number: usize, seed: u64) -> Case {
    let mut dice = Dice(seed ^ (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let fails = |rule: usize| failed(number) == Some(rule);
    let mut groups: Vec<_> = (0..GROUPS).map(|_| format!("Team {}", dice.below(5_000))).collect();
    if !fails(0) {
        groups.insert(dice.below(GROUPS), "Mail users".to_owned());
    }
    if fails(1) {
        groups.push("Service desk".to_owned());
    }
    groups.push("Everyone".to_owned());
    let name = format!("person{number}@contoso.example");
    let provenance = Provenance { source: "intune".to_owned(), read_at: now() };
    let mut record = record(number, &mut dice, &provenance);
    match failed(number) {
        Some(2) => record.os_version = "12.1".to_owned(),
        Some(3) => record.is_encrypted = dice.either(Some(false), None),
        Some(4) => record.jail_broken = dice.either(Some(true), None),
        Some(5) => record.passcode_compliant = dice.either(Some(false), None),
        Some(6) => record.threat_state = dice.either(Some(ThreatState::HighSeverity), None),
        Some(7) => record.last_check_in_at = ago(SignedDuration::from_hours(15 * 24)),
        _ => {}
    }
    let device_id = record.eas_device_id.clone().unwrap_or_else(|| unreachable!("it has one"));
    let mut device = device(number, device_id, &record);
    if fails(9) {
        device.device_model = format!("Test{}", dice.below(MODELS_BLOCKED));
    }
    let last_sync = if fails(8) { 61 * 24 } else { 1 + dice.below(500) as i64 };
    Case {
        organization: "contoso".parse().unwrap_or_else(|_| unreachable!("it is a name")),
        mailbox: MailboxFacts {
            id: MailboxId::new(Uuid::from_u128(number as u128 + 1)),
            primary_smtp: name.clone(),
            display_name: format!("Person {number}"),
        },
        device,
        last_sync_at: ago(SignedDuration::from_hours(last_sync)),
        siblings: Vec::new(),
        owner: Some(User {
            user_principal_name: name.clone(),
            mail: name,
            other_mails: Vec::new(),
            display_name: format!("Person {number}"),
            groups,
            licensed: Some(true),
            provenance,
        }),
        management: Management::Managed {
            record: Box::new(record),
            basis: MatchBasis::EasIdAndUser,
        },
        noncompliant_since: None,
        now: now(),
    }
}

/// A record that passes every rule.
fn record(number: usize, dice: &mut Dice, provenance: &Provenance) -> ManagedDevice {
    let is_ios = dice.below(10) < 6;
    let versions: &[&str] =
        if is_ios { &["17.4.1", "17.10", "18.1.1", "18.6", "26.0"] } else { &["13", "14", "15"] };
    let name = format!("person{number}@contoso.example");
    ManagedDevice {
        id: Uuid::from_u128(number as u128).to_string(),
        user_principal_name: name.clone(),
        email_address: name,
        device_name: format!("Phone of {number}"),
        operating_system: if is_ios { "iOS" } else { "android" }.to_owned(),
        os_version: versions[dice.below(versions.len())].to_owned(),
        os_build: if is_ios { "21E236" } else { "" }.to_owned(),
        security_patch_level: None,
        model: if is_ios { "iPhone 15" } else { "Pixel 8" }.to_owned(),
        eas_device_id: format!("ApplDLXH{number:08}").parse().ok(),
        is_encrypted: Some(true),
        jail_broken: Some(false),
        passcode_compliant: Some(true),
        owner_type: Some(OwnerType::Company),
        management_agent: Some(ManagementAgent::EasMdm),
        threat_state: dice.either(Some(ThreatState::Secured), Some(ThreatState::LowSeverity)),
        compliance: ComplianceState::Compliant,
        grace_until: None,
        last_check_in_at: ago(SignedDuration::from_hours(1 + dice.below(300) as i64)),
        enrolled_at: ago(SignedDuration::from_hours(24 * 200)),
        provenance: provenance.clone(),
    }
}

fn device(
    number: usize,
    device_id: exgate_domain::ids::DeviceId,
    record: &ManagedDevice,
) -> EasDevice {
    let is_ios = record.operating_system == "iOS";
    EasDevice {
        id: PartnershipId::new(Uuid::from_u128(number as u128 + 7)),
        device_id,
        mailbox_dn: format!("CN=Person {number},OU=Sales,OU=Staff,DC=contoso,DC=example"),
        access_state: AccessState::Quarantined,
        access_reason: AccessReason::Global,
        access_rule: String::new(),
        device_type: if is_ios { "iPhone" } else { "Android" }.to_owned(),
        device_model: if is_ios { "iPhone15C2" } else { "Pixel 8" }.to_owned(),
        device_os: format!("{} {}", record.operating_system, record.os_version),
        user_agent: "Apple-iPhone15C2/2105.236".to_owned(),
        friendly_name: String::new(),
        imei: String::new(),
        phone_number: String::new(),
        client_type: "EAS".to_owned(),
        protocol_version: "16.1".to_owned(),
        first_sync_at: ago(SignedDuration::from_hours(24 * 150)),
        changed_at: None,
    }
}

/// Xorshift: the same numbers for the same seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }

    fn either<T>(&mut self, one: T, other: T) -> T {
        if self.below(2) == 0 { one } else { other }
    }
}
