//! The nine steps as a table: each row switches on one more thing and names the step that must win.

use uuid::Uuid;

use super::*;
use crate::ids::{MailboxId, PartnershipId};

fn device() -> EasDevice {
    EasDevice {
        id: PartnershipId::new(Uuid::from_u128(1)),
        device_id: "ApplDLXH1234".parse().unwrap(),
        mailbox_dn: "CN=Jane,DC=contoso,DC=com".into(),
        access_state: AccessState::Quarantined,
        access_reason: AccessReason::Global,
        access_rule: String::new(),
        device_type: "iPhone".into(),
        device_model: "iPhone15C2".into(),
        device_os: "iOS 17.4 21E219".into(),
        user_agent: "Apple-iPhone15C2/2104.219".into(),
        friendly_name: String::new(),
        imei: String::new(),
        phone_number: String::new(),
        client_type: "EAS".into(),
        protocol_version: "16.1".into(),
        first_sync_at: None,
        changed_at: None,
    }
}

fn mailbox() -> Mailbox {
    Mailbox {
        id: MailboxId::new(Uuid::from_u128(2)),
        dn: "CN=Jane,DC=contoso,DC=com".into(),
        display_name: "Jane".into(),
        primary_smtp: "jane@contoso.com".into(),
        sam_account: "jane".into(),
        active_sync_enabled: true,
        policy: "Default".into(),
        allowed_ids: vec![],
        blocked_ids: vec![],
        changed_at: None,
    }
}

fn rule(level: AccessLevel) -> AccessRule {
    AccessRule {
        guid: Uuid::from_u128(3),
        name: format!("{level:?} iPhone (DeviceType)"),
        characteristic: Characteristic::DeviceType,
        query: "iPhone".into(),
        level,
    }
}

#[test]
fn each_step_is_overruled_by_every_earlier_one() {
    let settings = OrganizationSettings {
        guid: Uuid::from_u128(4),
        default_access_level: AccessLevel::Quarantine,
        user_mail_insert: String::new(),
        admin_mail_recipients: vec![],
    };
    let (mut device, mut mailbox, mut rules) = (device(), mailbox(), vec![]);
    let at = |device: &EasDevice, mailbox: &Mailbox, rules: &[AccessRule]| {
        let decided = predict(Situation { device, mailbox, rules, settings: &settings });
        (decided.step.number(), decided.state, decided.reason)
    };
    let id = device.device_id.clone();

    assert_eq!(at(&device, &mailbox, &rules), (9, AccessState::Quarantined, AccessReason::Global));
    rules.push(rule(AccessLevel::Allow));
    assert_eq!(at(&device, &mailbox, &rules), (8, AccessState::Allowed, AccessReason::DeviceRule));
    rules.push(rule(AccessLevel::Quarantine));
    assert_eq!(
        at(&device, &mailbox, &rules),
        (7, AccessState::Quarantined, AccessReason::DeviceRule)
    );
    rules.push(rule(AccessLevel::Block));
    assert_eq!(at(&device, &mailbox, &rules), (6, AccessState::Blocked, AccessReason::DeviceRule));
    mailbox.allowed_ids.push(id.clone());
    assert_eq!(at(&device, &mailbox, &rules), (5, AccessState::Allowed, AccessReason::Individual));
    mailbox.blocked_ids.push(id);
    assert_eq!(at(&device, &mailbox, &rules), (4, AccessState::Blocked, AccessReason::Individual));
    device.access_state = AccessState::Blocked;
    device.access_reason = AccessReason::Policy;
    assert_eq!(at(&device, &mailbox, &rules), (3, AccessState::Blocked, AccessReason::Policy));
    mailbox.active_sync_enabled = false;
    assert_eq!(at(&device, &mailbox, &rules), (2, AccessState::Blocked, AccessReason::Policy));
}

#[test]
fn lists_are_compared_without_case() {
    let settings = OrganizationSettings {
        guid: Uuid::nil(),
        default_access_level: AccessLevel::Block,
        user_mail_insert: String::new(),
        admin_mail_recipients: vec![],
    };
    let mut mailbox = mailbox();
    mailbox.allowed_ids.push("APPLDLXH1234".parse().unwrap());

    let decided = predict(Situation {
        device: &device(),
        mailbox: &mailbox,
        rules: &[],
        settings: &settings,
    });

    assert_eq!(decided.step, Step::PersonalAllow);
}
