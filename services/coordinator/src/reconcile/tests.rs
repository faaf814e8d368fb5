//! Facts about the difference between intent and observed.

use proptest::prelude::*;
use uuid::Uuid;

use exgate_domain::ids::{MailboxId, PartnershipId};
use exgate_domain::observation::{AccessLevel, AccessReason, Characteristic};

use super::*;

fn id(text: &str) -> DeviceId {
    text.parse().unwrap()
}

fn ids(list: &[&str]) -> Vec<DeviceId> {
    list.iter().map(|text| id(text)).collect()
}

fn mailbox(allowed: &[&str], blocked: &[&str]) -> Mailbox {
    Mailbox {
        id: MailboxId::new(Uuid::from_u128(1)),
        dn: "CN=Ann,DC=contoso,DC=com".to_owned(),
        display_name: "Ann".to_owned(),
        primary_smtp: "ann@contoso.com".to_owned(),
        sam_account: "ann".to_owned(),
        active_sync_enabled: true,
        policy: "Default".to_owned(),
        allowed_ids: ids(allowed),
        blocked_ids: ids(blocked),
        changed_at: None,
    }
}

fn device(name: &str, state: AccessState) -> EasDevice {
    EasDevice {
        id: PartnershipId::new(Uuid::from_u128(2)),
        device_id: id(name),
        mailbox_dn: "CN=Ann,DC=contoso,DC=com".to_owned(),
        access_state: state,
        access_reason: AccessReason::Global,
        access_rule: String::new(),
        device_type: "iPhone".to_owned(),
        device_model: "iPhone15C2".to_owned(),
        device_os: "iOS 17.4".to_owned(),
        user_agent: "Apple-iPhone15C2/2104.219".to_owned(),
        friendly_name: String::new(),
        imei: String::new(),
        phone_number: String::new(),
        client_type: "EAS".to_owned(),
        protocol_version: "16.1".to_owned(),
        first_sync_at: None,
        changed_at: None,
    }
}

fn settings(level: AccessLevel) -> OrganizationSettings {
    OrganizationSettings {
        guid: Uuid::from_u128(3),
        default_access_level: level,
        user_mail_insert: String::new(),
        admin_mail_recipients: Vec::new(),
    }
}

fn rule(query: &str, level: AccessLevel) -> AccessRule {
    AccessRule {
        guid: Uuid::from_u128(4),
        name: format!("{query} (DeviceType)"),
        characteristic: Characteristic::DeviceType,
        query: query.to_owned(),
        level,
    }
}

fn show(edit: &ListEdit) -> String {
    let part = |mark: &str, list: &[DeviceId]| {
        list.iter().map(|id| format!("{mark}{id}")).collect::<Vec<_>>()
    };
    [
        part("+a:", &edit.allowed_add),
        part("-a:", &edit.allowed_remove),
        part("+b:", &edit.blocked_add),
        part("-b:", &edit.blocked_remove),
    ]
    .concat()
    .join(" ")
}

/// case | allowed | blocked | state | default | iPhone rule | intent | edit | turn
const TABLE: &str = "
allow                          |    |    | quarantined | quarantine |            | allow      | +a:A1       | loosen
allowed already                | A1 |    | allowed     | quarantine |            | allow      |             | keep
allow what is blocked          |    | A1 | blocked     | quarantine |            | allow      | +a:A1 -b:A1 | loosen
allow what is on both          | A1 | A1 | blocked     | quarantine |            | allow      | -b:A1       | loosen
allow in discovery             |    |    | discovery   | quarantine |            | allow      | +a:A1       | loosen
block                          |    |    | allowed     | allow      |            | block      | +b:A1       | tighten
block what is allowed          | A1 |    | allowed     | quarantine |            | block      | -a:A1 +b:A1 | tighten
block what is on both          | A1 | A1 | blocked     | allow      |            | block      | -a:A1       | keep
block in discovery             | A1 |    | discovery   | quarantine |            | block      |             | keep
quarantine by default          | A1 |    | allowed     | quarantine |            | quarantine | -a:A1       | tighten
quarantined already            |    |    | quarantined | quarantine |            | quarantine |             | keep
quarantine by rule             | A1 |    | allowed     | allow      | quarantine | quarantine | -a:A1       | tighten
a rule blocks it anyway        | A1 |    | allowed     | allow      | block      | quarantine | -a:A1       | tighten
the default would let it in    | A1 |    | allowed     | allow      |            | quarantine | -a:A1 +b:A1 | tighten
a rule would let it in         |    |    | allowed     | quarantine | allow      | quarantine | +b:A1       | tighten
held so already                |    | A1 | blocked     | allow      |            | quarantine |             | keep
the fallback ends with cause   |    | A1 | blocked     | quarantine |            | quarantine | -b:A1       | loosen
quarantine in discovery        | A1 |    | discovery   | quarantine |            | quarantine |             | keep
leave                          | A1 | A1 | blocked     | quarantine |            | leave      |             | keep
the spelling on the list       | a1 |    | allowed     | quarantine |            | quarantine | -a:a1       | tighten
";

#[test]
fn each_intent_becomes_an_edit_of_the_two_lists() {
    let level = |word: &str| match word {
        "allow" => AccessLevel::Allow,
        "quarantine" => AccessLevel::Quarantine,
        "block" => AccessLevel::Block,
        other => panic!("level {other}"),
    };
    let mut cases = 0;
    for row in TABLE.trim().lines() {
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        let [case, allowed, blocked, state, default, for_iphone, access, edit, turn] = cells[..]
        else {
            panic!("row {row}")
        };
        let list = |cell: &'static str| cell.split_whitespace().collect::<Vec<_>>();
        let mailbox = mailbox(&list(allowed), &list(blocked));
        let device = device(
            "A1",
            match state {
                "allowed" => AccessState::Allowed,
                "blocked" => AccessState::Blocked,
                "quarantined" => AccessState::Quarantined,
                "discovery" => AccessState::DeviceDiscovery,
                other => panic!("state {other}"),
            },
        );
        let access = if access == "leave" { Access::Leave } else { intent(level(access)) };
        let settings = settings(level(default));
        let rules: Vec<_> = list(for_iphone).iter().map(|it| rule("iPhone", level(it))).collect();
        let order = Order { rules: &rules, settings: &settings };

        let difference = reconcile(&mailbox, &[Intended { device: &device, access }], order);

        assert_eq!(show(&difference.edit), edit, "{case}");
        let effect = difference.effect(&id("A1")).unwrap();
        assert_eq!(format!("{:?}", effect.turn).to_lowercase(), turn, "{case}");
        assert_eq!(effect.pending, !edit.is_empty(), "{case}");
        cases += 1;
    }
    assert_eq!(cases, 20);
}

fn intent(level: AccessLevel) -> Access {
    match level {
        AccessLevel::Allow => Access::Allow,
        AccessLevel::Quarantine => Access::Quarantine,
        AccessLevel::Block => Access::Block,
    }
}

#[test]
fn entries_of_others_are_never_touched() {
    let mailbox = mailbox(&["FOREIGN1", "A1"], &["FOREIGN2", "B1"]);
    let (one, two) = (device("A1", AccessState::Allowed), device("B1", AccessState::Blocked));
    let settings = settings(AccessLevel::Quarantine);
    let intents = [
        Intended { device: &one, access: Access::Block },
        Intended { device: &two, access: Access::Allow },
    ];

    let edit = reconcile(&mailbox, &intents, Order { rules: &[], settings: &settings }).edit;

    assert_eq!(show(&edit), "+a:B1 -a:A1 +b:A1 -b:B1");
    let after = edited(&mailbox, &edit);
    assert_eq!(after.allowed_ids, ids(&["B1", "FOREIGN1"]));
    assert_eq!(after.blocked_ids, ids(&["A1", "FOREIGN2"]));
}

#[test]
fn a_person_reads_why_a_quarantine_is_a_block_and_why_an_allow_does_not_help() {
    let phone = device("A1", AccessState::Allowed);
    let settings = settings(AccessLevel::Quarantine);
    let rules = [rule("iPhone", AccessLevel::Allow)];
    let order = Order { rules: &rules, settings: &settings };
    let quarantine = [Intended { device: &phone, access: Access::Quarantine }];
    let held = reconcile(&mailbox(&[], &[]), &quarantine, order);
    assert_eq!(
        held.effects[0].note,
        "held by the mailbox's blocked list, because device access rule \"iPhone (DeviceType)\" would let it in"
    );

    let off = Mailbox { active_sync_enabled: false, ..mailbox(&["A1"], &[]) };
    let allow = [Intended { device: &phone, access: Access::Allow }];
    let difference = reconcile(&off, &allow, order);
    assert!(difference.edit.is_empty());
    assert_eq!(
        difference.effects[0].note,
        "on the allowed list, but kept out: ActiveSync is switched off for the mailbox"
    );
}

#[test]
fn two_partnerships_with_one_id_are_one_entry() {
    let (eas, rest) = (
        device("A1", AccessState::Quarantined),
        EasDevice { device_type: "Outlook".to_owned(), ..device("a1", AccessState::Allowed) },
    );
    let settings = settings(AccessLevel::Quarantine);
    let rules = [rule("Outlook", AccessLevel::Allow)];
    let intents = [
        Intended { device: &eas, access: Access::Quarantine },
        Intended { device: &rest, access: Access::Quarantine },
    ];

    let order = Order { rules: &rules, settings: &settings };
    let difference = reconcile(&mailbox(&[], &[]), &intents, order);

    assert_eq!(difference.effects.len(), 1);
    assert_eq!(show(&difference.edit), "+b:A1", "one of the two would be let in");
}

fn states() -> impl Strategy<Value = AccessState> {
    prop_oneof![
        Just(AccessState::Allowed),
        Just(AccessState::Blocked),
        Just(AccessState::Quarantined),
        Just(AccessState::DeviceDiscovery),
        Just(AccessState::Unknown),
    ]
}

fn levels() -> impl Strategy<Value = AccessLevel> {
    prop_oneof![Just(AccessLevel::Allow), Just(AccessLevel::Quarantine), Just(AccessLevel::Block)]
}

fn accesses() -> impl Strategy<Value = Access> {
    prop_oneof![
        Just(Access::Leave),
        Just(Access::Allow),
        Just(Access::Quarantine),
        Just(Access::Block)
    ]
}

prop_compose! {
    fn phones()(
        found in prop::collection::btree_map(
            0..6_u8,
            (states(), any::<bool>(), accesses(), prop_oneof!["iPhone", "Outlook"]),
            0..6,
        )
    ) -> Vec<(EasDevice, Access)> {
        found
            .into_iter()
            .map(|(n, (state, policy, access, device_type))| {
                let reason = if policy { AccessReason::Policy } else { AccessReason::Global };
                let device = EasDevice { access_reason: reason, device_type, ..device(&format!("D{n}"), state) };
                (device, access)
            })
            .collect()
    }
}

proptest! {
    #[test]
    fn the_edit_leads_to_the_intended_state_and_leaves_nothing_to_do(
        phones in phones(),
        allowed in prop::collection::btree_set(0..9_u8, 0..6),
        blocked in prop::collection::btree_set(0..9_u8, 0..6),
        level in levels(),
        rules in prop::collection::vec((prop_oneof!["iPhone", "Outlook"], levels()), 0..3),
        enabled in any::<bool>(),
    ) {
        let list = |set: std::collections::BTreeSet<u8>| -> Vec<DeviceId> {
            set.into_iter().map(|n| id(&format!("d{n}"))).collect()
        };
        let before = Mailbox {
            allowed_ids: list(allowed),
            blocked_ids: list(blocked),
            active_sync_enabled: enabled,
            ..mailbox(&[], &[])
        };
        let settings = settings(level);
        let rules: Vec<_> = rules.into_iter().map(|(query, level)| rule(&query, level)).collect();
        let order = Order { rules: &rules, settings: &settings };
        let intents: Vec<_> =
            phones.iter().map(|(device, access)| Intended { device, access: *access }).collect();

        let difference = reconcile(&before, &intents, order);
        let after = edited(&before, &difference.edit);

        prop_assert!(difference.edit.is_done(&after));
        let again = reconcile(&after, &intents, order);
        prop_assert!(again.edit.is_empty(), "again: {:?}", again.edit);
        for (device, access) in &phones {
            let outcome = predict(at(&after, device, order));
            let waits = device.access_state == AccessState::DeviceDiscovery;
            let refused = outcome.step == Step::ActiveSyncDisabled || outcome.step == Step::MailboxPolicy;
            match access {
                Access::Allow => prop_assert!(refused || outcome.state == AccessState::Allowed),
                Access::Block if !waits => {
                    prop_assert!(outcome.state == AccessState::Blocked);
                    prop_assert!(after.blocked_ids.contains(&device.device_id));
                }
                Access::Quarantine if !waits => prop_assert!(is_kept_out(&outcome.state)),
                Access::Leave | Access::Block | Access::Quarantine => {
                    for (one, other) in
                        [(&before.allowed_ids, &after.allowed_ids), (&before.blocked_ids, &after.blocked_ids)]
                    {
                        prop_assert_eq!(one.contains(&device.device_id), other.contains(&device.device_id));
                    }
                }
            }
            prop_assert_eq!(&difference.effect(&device.device_id).unwrap().after, &outcome);
        }
        let covered = |id: &DeviceId| phones.iter().any(|(device, _)| device.device_id == *id);
        for (one, other) in
            [(&before.allowed_ids, &after.allowed_ids), (&before.blocked_ids, &after.blocked_ids)]
        {
            for id in one.iter().filter(|id| !covered(id)) {
                prop_assert!(other.contains(id), "foreign entry {id} is gone");
            }
        }
    }
}
