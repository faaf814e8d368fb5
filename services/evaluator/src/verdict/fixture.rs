//! An ordinary compliant device of a targeted owner, and the policies it is decided by.

use std::sync::LazyLock;

use jiff::Timestamp;
use uuid::Uuid;

use exgate_domain::case::{Case, MailboxFacts, Management, MatchBasis};
use exgate_domain::ids::{MailboxId, PartnershipId};
use exgate_domain::observation::{AccessReason, AccessState, EasDevice};
use exgate_domain::record::{
    ComplianceState, ManagedDevice, ManagementAgent, OwnerType, Provenance, ThreatState, User,
};

use crate::bundles::{Bundle, PolicyFile};

pub(crate) const POLICIES: &str = r#"
apiVersion: exgate/v1
kind: CompliancePolicy
name: phones
platforms:
  iOS: { osMinimumVersion: 17.4, securityBlockJailbrokenDevices: true }
  android: { osMinimumVersion: 13, osMaximumVersion: 16.99, storageRequireEncryption: true }
lastCheckInMax: 14d
gracePeriod: 3d
---
apiVersion: exgate/v1
kind: CompliancePolicy
name: encrypted
platforms: { iOS: { storageRequireEncryption: true } }
---
apiVersion: exgate/v1
kind: AccessPolicy
name: tablets
precedence: 30
organizations: [contoso]
includedGroups: [Tablets]
compliancePolicies: [phones, encrypted]
access: { notCompliant: block, inGracePeriod: leave }
---
apiVersion: exgate/v1
kind: AccessPolicy
name: mail-access
precedence: 10
organizations: [contoso]
includedGroups: [Mail users, Board]
excludedGroups: [Service desk]
licenseRequired: true
compliancePolicies: [phones]
---
apiVersion: exgate/v1
kind: AccessPolicy
name: desk
precedence: 20
organizations: ["*"]
includedGroups: [Service desk]
excludedGroups: [Exempt]
access: { unmanaged: block, notCompliant: block }
"#;

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(crate) fn bundle() -> &'static Bundle {
    static BUNDLE: LazyLock<Bundle> = LazyLock::new(|| {
        let content = POLICIES.as_bytes().to_vec();
        Bundle::read(&[PolicyFile { path: "policies.yaml".to_owned(), content }]).unwrap()
    });
    &BUNDLE
}

pub(crate) fn case() -> Case {
    let provenance =
        Provenance { source: "intune".to_owned(), read_at: at("2026-03-10T11:59:00Z") };
    Case {
        organization: "contoso".parse().unwrap(),
        mailbox: MailboxFacts {
            id: MailboxId::new(Uuid::from_u128(1)),
            primary_smtp: "anna@contoso.example".to_owned(),
            display_name: "Anna Berg".to_owned(),
        },
        device: device(),
        last_sync_at: Some(at("2026-03-10T11:00:00Z")),
        siblings: Vec::new(),
        owner: Some(User {
            user_principal_name: "anna@contoso.example".to_owned(),
            mail: "anna@contoso.example".to_owned(),
            other_mails: Vec::new(),
            display_name: "Anna Berg".to_owned(),
            groups: vec!["Everyone".to_owned(), "mail users".to_owned()],
            licensed: Some(true),
            provenance: provenance.clone(),
        }),
        management: Management::Managed {
            record: Box::new(ManagedDevice {
                id: "r-1".to_owned(),
                user_principal_name: "anna@contoso.example".to_owned(),
                email_address: "anna@contoso.example".to_owned(),
                device_name: "Anna's iPhone".to_owned(),
                operating_system: "iOS".to_owned(),
                os_version: "17.4.1".to_owned(),
                os_build: "21E236".to_owned(),
                security_patch_level: None,
                model: "iPhone 15".to_owned(),
                eas_device_id: Some("ApplDLXH1234".parse().unwrap()),
                is_encrypted: Some(true),
                jail_broken: Some(false),
                passcode_compliant: Some(true),
                owner_type: Some(OwnerType::Company),
                management_agent: Some(ManagementAgent::EasMdm),
                threat_state: Some(ThreatState::Secured),
                compliance: ComplianceState::Compliant,
                grace_until: None,
                last_check_in_at: Some(at("2026-03-10T06:00:00Z")),
                enrolled_at: Some(at("2026-01-01T00:00:00Z")),
                provenance,
            }),
            basis: MatchBasis::EasIdAndUser,
        },
        noncompliant_since: None,
        now: at("2026-03-10T12:00:00Z"),
    }
}

fn device() -> EasDevice {
    EasDevice {
        id: PartnershipId::new(Uuid::from_u128(2)),
        device_id: "ApplDLXH1234".parse().unwrap(),
        mailbox_dn: "CN=Anna Berg,DC=contoso,DC=example".to_owned(),
        access_state: AccessState::Quarantined,
        access_reason: AccessReason::Global,
        access_rule: String::new(),
        device_type: "iPhone".to_owned(),
        device_model: "iPhone15C2".to_owned(),
        device_os: "iOS 17.4.1".to_owned(),
        user_agent: "Apple-iPhone15C2/2105.236".to_owned(),
        friendly_name: String::new(),
        imei: String::new(),
        phone_number: String::new(),
        client_type: "EAS".to_owned(),
        protocol_version: "16.1".to_owned(),
        first_sync_at: Some(at("2026-01-01T00:00:00Z")),
        changed_at: None,
    }
}

pub(crate) fn owner(case: &mut Case) -> &mut User {
    case.owner.as_mut().unwrap()
}

pub(crate) fn record(case: &mut Case) -> &mut ManagedDevice {
    let Management::Managed { record, basis: _ } = &mut case.management else {
        panic!("the case has no record");
    };
    record
}
