//! Arbitrary domain values: any text, any instant, every variant.

mod record;
mod snapshot;
mod statistics;

use std::time::Duration;

use exgate_domain::case::{Case, MailboxFacts, Management, MatchBasis, Sibling, Unmatched};
use exgate_domain::check::{Report, Step, StepOutcome};
use exgate_domain::command::{Command, ListEdit, Receipt, ReceiptOutcome};
use exgate_domain::decision::{Compliance, Decision, Outcome, Reason, Tried};
use exgate_domain::ids::{
    BundleDigest, CommandId, DeviceId, Generation, MailboxId, ObservationDigest, OrganizationId,
    PartnershipId, Revision,
};
use exgate_domain::observation::{
    AccessLevel, AccessReason, AccessRule, AccessState, Characteristic, DeviceClass, EasDevice,
    Key, Kind, Mailbox, MailboxPolicy, Observation, OrganizationSettings, PolicySetting, Scope,
    Server,
};
use exgate_domain::organization::Mode;
use exgate_domain::policy::Access;
use exgate_domain::record::{ComplianceState, ManagedDevice, Provenance, User};
use exgate_domain::standing::{Breaker, ServerStanding, Standing};
use exgate_domain::sync::{SyncMode, Trigger};
use jiff::Timestamp;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use uuid::Uuid;

use record::{day, management_agent, owner_type, threat_state};
pub(super) use snapshot::{begin, commit, page, resume};
pub(super) use statistics::mailbox_statistics;

fn text() -> impl Strategy<Value = String> {
    ".{0,12}"
}

fn texts() -> impl Strategy<Value = Vec<String>> {
    vec(text(), 0..4)
}

fn guid() -> impl Strategy<Value = Uuid> {
    any::<[u8; 16]>().prop_map(Uuid::from_bytes)
}

fn mailbox_id() -> impl Strategy<Value = MailboxId> {
    guid().prop_map(MailboxId::new)
}

fn device_id() -> impl Strategy<Value = DeviceId> {
    "[!-~]{1,64}".prop_map(|text| text.parse().unwrap())
}

fn device_ids() -> impl Strategy<Value = Vec<DeviceId>> {
    vec(device_id(), 0..4)
}

fn organization_id() -> impl Strategy<Value = OrganizationId> {
    "[a-z][a-z0-9]{0,30}".prop_map(|text| text.parse().unwrap())
}

fn observation_digest() -> impl Strategy<Value = ObservationDigest> {
    any::<[u8; 16]>().prop_map(ObservationDigest::new)
}

pub(super) fn instant() -> impl Strategy<Value = Timestamp> {
    let seconds = Timestamp::MIN.as_second()..=Timestamp::MAX.as_second() - 1;
    (seconds, 0..1_000_000_000).prop_map(|(seconds, nanos)| Timestamp::new(seconds, nanos).unwrap())
}

fn instants() -> impl Strategy<Value = Option<Timestamp>> {
    option::of(instant())
}

fn span() -> impl Strategy<Value = Duration> {
    (0..315_576_000_000_u64, 0..1_000_000_000_u32)
        .prop_map(|(seconds, nanos)| Duration::new(seconds, nanos))
}

fn access_state() -> impl Strategy<Value = AccessState> {
    prop_oneof![
        select(vec![
            AccessState::Unknown,
            AccessState::Allowed,
            AccessState::Blocked,
            AccessState::Quarantined,
            AccessState::DeviceDiscovery,
        ]),
        text().prop_map(AccessState::Unrecognised),
    ]
}

fn access_reason() -> impl Strategy<Value = AccessReason> {
    prop_oneof![
        select(vec![
            AccessReason::Unknown,
            AccessReason::Global,
            AccessReason::Individual,
            AccessReason::DeviceRule,
            AccessReason::Upgrade,
            AccessReason::Policy,
        ]),
        text().prop_map(AccessReason::Unrecognised),
    ]
}

fn level() -> impl Strategy<Value = AccessLevel> {
    select(vec![AccessLevel::Allow, AccessLevel::Quarantine, AccessLevel::Block])
}

prop_compose! {
    fn eas_device()(
        id in guid(),
        device_id in device_id(),
        access_state in access_state(),
        access_reason in access_reason(),
        access_rule in text(),
        [device_type, device_model, device_os, user_agent] in [text(), text(), text(), text()],
        [friendly_name, imei, phone_number, mailbox_dn] in [text(), text(), text(), text()],
        [client_type, protocol_version] in [text(), text()],
        first_sync_at in instants(),
        changed_at in instants(),
    ) -> EasDevice {
        EasDevice {
            id: PartnershipId::new(id),
            device_id,
            mailbox_dn,
            access_state,
            access_reason,
            access_rule,
            device_type,
            device_model,
            device_os,
            user_agent,
            friendly_name,
            imei,
            phone_number,
            client_type,
            protocol_version,
            first_sync_at,
            changed_at,
        }
    }
}

prop_compose! {
    fn mailbox()(
        id in mailbox_id(),
        [dn, display_name, primary_smtp] in [text(), text(), text()],
        [sam_account, policy] in [text(), text()],
        active_sync_enabled in any::<bool>(),
        allowed_ids in device_ids(),
        blocked_ids in device_ids(),
        changed_at in instants(),
    ) -> Mailbox {
        Mailbox {
            id,
            dn,
            display_name,
            primary_smtp,
            sam_account,
            active_sync_enabled,
            policy,
            allowed_ids,
            blocked_ids,
            changed_at,
        }
    }
}

prop_compose! {
    fn settings()(
        guid in guid(),
        default_access_level in level(),
        user_mail_insert in text(),
        admin_mail_recipients in texts(),
    ) -> OrganizationSettings {
        OrganizationSettings {
            guid,
            default_access_level,
            user_mail_insert,
            admin_mail_recipients,
        }
    }
}

fn characteristic() -> impl Strategy<Value = Characteristic> {
    prop_oneof![
        select(vec![
            Characteristic::DeviceType,
            Characteristic::DeviceModel,
            Characteristic::DeviceOs,
            Characteristic::UserAgent,
        ]),
        text().prop_map(Characteristic::Unrecognised),
    ]
}

prop_compose! {
    fn rule()(
        guid in guid(),
        name in text(),
        characteristic in characteristic(),
        query in text(),
        level in level(),
    ) -> AccessRule {
        AccessRule { guid, name, characteristic, query, level }
    }
}

prop_compose! {
    fn server()(
        guid in guid(),
        [name, fqdn, version] in [text(), text(), text()],
        is_client_access in any::<bool>(),
    ) -> Server {
        Server { guid, name, fqdn, version, is_client_access }
    }
}

prop_compose! {
    fn device_class()(
        guid in guid(),
        [device_type, device_model] in [text(), text()],
    ) -> DeviceClass {
        DeviceClass { guid, device_type, device_model }
    }
}

prop_compose! {
    fn mailbox_policy()(
        guid in guid(),
        name in text(),
        settings in vec([text(), text()], 0..4),
    ) -> MailboxPolicy {
        let setting = |[name, value]: [String; 2]| PolicySetting { name, value };
        MailboxPolicy { guid, name, settings: settings.into_iter().map(setting).collect() }
    }
}

pub(super) fn observation() -> impl Strategy<Value = Observation> {
    prop_oneof![
        eas_device().prop_map(Observation::Device),
        mailbox().prop_map(Observation::Mailbox),
        settings().prop_map(Observation::Settings),
        rule().prop_map(Observation::Rule),
        server().prop_map(Observation::Server),
        device_class().prop_map(Observation::DeviceClass),
        mailbox_policy().prop_map(Observation::MailboxPolicy),
    ]
}

pub(super) fn key() -> impl Strategy<Value = Key> {
    let kinds = vec![
        Kind::Device,
        Kind::Mailbox,
        Kind::Settings,
        Kind::Rule,
        Kind::Server,
        Kind::DeviceClass,
        Kind::MailboxPolicy,
    ];
    (select(kinds), guid()).prop_map(|(kind, guid)| Key { kind, guid })
}

fn provenance() -> impl Strategy<Value = Provenance> {
    (text(), instant()).prop_map(|(source, read_at)| Provenance { source, read_at })
}

fn compliance_state() -> impl Strategy<Value = ComplianceState> {
    select(vec![
        ComplianceState::Unknown,
        ComplianceState::Compliant,
        ComplianceState::Noncompliant,
        ComplianceState::Conflict,
        ComplianceState::Error,
        ComplianceState::InGracePeriod,
        ComplianceState::ConfigManager,
    ])
}

prop_compose! {
    pub(super) fn managed_device()(
        [id, user_principal_name, email_address] in [text(), text(), text()],
        [device_name, operating_system, os_version, os_build, model] in
            [text(), text(), text(), text(), text()],
        security_patch_level in option::of(day()),
        (owner_type, management_agent) in (option::of(owner_type()), option::of(management_agent())),
        (threat_state, passcode_compliant) in (option::of(threat_state()), any::<Option<bool>>()),
        eas_device_id in option::of(device_id()),
        is_encrypted in any::<Option<bool>>(),
        jail_broken in any::<Option<bool>>(),
        compliance in compliance_state(),
        [grace_until, last_check_in_at, enrolled_at] in [instants(), instants(), instants()],
        provenance in provenance(),
    ) -> ManagedDevice {
        ManagedDevice {
            id,
            user_principal_name,
            email_address,
            device_name,
            operating_system,
            os_version,
            os_build,
            security_patch_level,
            model,
            eas_device_id,
            is_encrypted,
            jail_broken,
            passcode_compliant,
            owner_type,
            management_agent,
            threat_state,
            compliance,
            grace_until,
            last_check_in_at,
            enrolled_at,
            provenance,
        }
    }
}

prop_compose! {
    pub(super) fn user()(
        [user_principal_name, mail, display_name] in [text(), text(), text()],
        other_mails in texts(),
        groups in texts(),
        licensed in any::<Option<bool>>(),
        provenance in provenance(),
    ) -> User {
        User {
            user_principal_name,
            mail,
            other_mails,
            display_name,
            groups,
            licensed,
            provenance,
        }
    }
}

fn management() -> impl Strategy<Value = Management> {
    let unmatched = vec![Unmatched::NoRecord, Unmatched::OtherUser, Unmatched::Ambiguous];
    prop_oneof![
        managed_device().prop_map(|record| Management::Managed {
            record: Box::new(record),
            basis: MatchBasis::EasIdAndUser,
        }),
        select(unmatched).prop_map(Management::Unmanaged),
        text().prop_map(|why| Management::Unavailable { why }),
    ]
}

fn sibling() -> impl Strategy<Value = Sibling> {
    (device_id(), text(), access_state(), instants(), instants()).prop_map(
        |(device_id, device_type, access_state, first_sync_at, last_sync_at)| Sibling {
            device_id,
            device_type,
            access_state,
            first_sync_at,
            last_sync_at,
        },
    )
}

prop_compose! {
    pub(super) fn case()(
        organization in organization_id(),
        id in mailbox_id(),
        [primary_smtp, display_name] in [text(), text()],
        device in eas_device(),
        last_sync_at in instants(),
        siblings in vec(sibling(), 0..3),
        owner in option::of(user()),
        management in management(),
        noncompliant_since in instants(),
        now in instant(),
    ) -> Case {
        Case {
            organization,
            mailbox: MailboxFacts { id, primary_smtp, display_name },
            device,
            last_sync_at,
            siblings,
            owner,
            management,
            noncompliant_since,
            now,
        }
    }
}

fn tried() -> impl Strategy<Value = Tried> {
    let outcome = select(vec![Outcome::Satisfied, Outcome::NotSatisfied, Outcome::Unknown]);
    (text(), text(), outcome, text()).prop_map(|(policy, rule, outcome, detail)| Tried {
        policy,
        rule,
        outcome,
        detail,
    })
}

fn reason() -> impl Strategy<Value = Reason> {
    select(Reason::ALL.to_vec())
}

fn compliance() -> impl Strategy<Value = Compliance> {
    select(vec![
        Compliance::Compliant,
        Compliance::InGracePeriod,
        Compliance::NotCompliant,
        Compliance::Unknown,
        Compliance::NotEvaluated,
    ])
}

prop_compose! {
    pub(super) fn decision()(
        mailbox in mailbox_id(),
        device_id in device_id(),
        access in select(vec![Access::Leave, Access::Allow, Access::Quarantine, Access::Block]),
        compliance in compliance(),
        reasons in vec(reason(), 1..4),
        policy in text(),
        trace in vec(tried(), 0..4),
        bundle in any::<[u8; 32]>(),
        look_again_at in instants(),
    ) -> Decision {
        Decision {
            mailbox,
            device_id,
            access,
            compliance,
            reasons,
            policy,
            trace,
            bundle: BundleDigest::new(bundle),
            look_again_at,
        }
    }
}

prop_compose! {
    fn list_edit()(
        allowed_add in device_ids(),
        allowed_remove in device_ids(),
        blocked_add in device_ids(),
        blocked_remove in device_ids(),
    ) -> ListEdit {
        ListEdit { allowed_add, allowed_remove, blocked_add, blocked_remove }
    }
}

prop_compose! {
    pub(super) fn command()(
        id in guid(),
        organization in organization_id(),
        generation in any::<u64>(),
        revision in any::<u64>(),
        mailbox in mailbox_id(),
        edit in list_edit(),
        valid_for in span(),
        traceparent in text(),
    ) -> Command {
        Command {
            id: CommandId::new(id),
            organization,
            generation: Generation::new(generation),
            revision: Revision::new(revision),
            mailbox,
            edit,
            valid_for,
            traceparent,
        }
    }
}

fn receipt_outcome() -> impl Strategy<Value = ReceiptOutcome> {
    prop_oneof![
        Just(ReceiptOutcome::Done),
        (text(), text()).prop_map(|(class, message)| ReceiptOutcome::Refused { class, message }),
        text().prop_map(|message| ReceiptOutcome::Unknown { message }),
    ]
}

prop_compose! {
    pub(super) fn receipt()(
        command in guid(),
        generation in any::<u64>(),
        outcome in receipt_outcome(),
        read_back in option::of(mailbox()),
        [cmdlet, server, traceparent] in [text(), text(), text()],
        took in span(),
    ) -> Receipt {
        Receipt {
            command: CommandId::new(command),
            generation: Generation::new(generation),
            outcome,
            read_back,
            cmdlet,
            server,
            took,
            traceparent,
        }
    }
}

fn scope() -> impl Strategy<Value = Scope> {
    prop_oneof![
        Just(Scope::Everything),
        instant().prop_map(Scope::ChangedSince),
        vec(mailbox_id(), 0..4).prop_map(Scope::Mailboxes),
    ]
}

pub(super) fn mode() -> impl Strategy<Value = Mode> {
    select(vec![Mode::Observe, Mode::Enforce])
}

pub(super) fn sync_mode() -> impl Strategy<Value = SyncMode> {
    select(vec![SyncMode::Quick, SyncMode::Full])
}

pub(super) fn trigger() -> impl Strategy<Value = Trigger> {
    select(vec![Trigger::Schedule, Trigger::Manual, Trigger::ReadBack])
}

pub(super) fn standing() -> impl Strategy<Value = Standing> {
    let breaker = select(vec![Breaker::Closed, Breaker::Open, Breaker::HalfOpen]);
    let server = (text(), text(), text(), breaker, text(), option::of(instant())).prop_map(
        |(host, version, site, breaker, problem, failed_at)| ServerStanding {
            host,
            version,
            site,
            breaker,
            problem,
            failed_at,
        },
    );
    (text(), text(), any::<bool>(), option::of(instant()), vec(server, 0..4)).prop_map(
        |(primary, current, failover, fallback_since, servers)| Standing {
            primary,
            current,
            failover,
            fallback_since,
            servers,
        },
    )
}

pub(super) fn check_report() -> impl Strategy<Value = Report> {
    let outcome = select(vec![StepOutcome::Passed, StepOutcome::Warned, StepOutcome::Failed]);
    let step = (text(), outcome, text(), text()).prop_map(|(name, outcome, finding, cure)| Step {
        name,
        outcome,
        finding,
        cure,
    });
    (vec(step, 0..4), text(), text(), text(), instant()).prop_map(
        |(steps, server, exchange_version, role_script, ended_at)| Report {
            steps,
            server,
            exchange_version,
            role_script,
            ended_at,
        },
    )
}
