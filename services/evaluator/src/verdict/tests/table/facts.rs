//! What else a compliance policy asks for: encryption, jailbreak, passcode, threats, owner, agent, the
//! last check-in, the last synchronisation.

use exgate_domain::record::{ManagementAgent, OwnerType, ThreatState};

use super::sources::{AGENT, CAREFUL, EXACT, HEALTH, OWNER_TYPE, THREAT, THREAT_LEVEL, VALIDITY};
use super::{GRACE, NEVER, Policies, Row, STALE, asks, platform, record, rows, version};
use crate::verdict::fixture::at;

const PASSCODE: Policies = asks("platforms: { iOS: { passcodeRequired: true } }");
const LOW: Policies =
    asks("platforms: { iOS: { deviceThreatProtectionRequiredSecurityLevel: low } }");
const HIGH: Policies =
    asks("platforms: { iOS: { deviceThreatProtectionRequiredSecurityLevel: high } }");
const COMPANY: Policies = asks("platforms: { iOS: {} }\nmanagedDeviceOwnerTypes: [company]");
const ANYBODY: Policies =
    asks("platforms: { iOS: {} }\nmanagedDeviceOwnerTypes: [company, personal]");
const AGENTS: Policies = asks("platforms: { iOS: {} }\nmanagementAgents: [mdm, easMdm]");
const SYNCED: Policies = asks("platforms: { iOS: {} }\nlastSyncMax: 30d");

const AHEAD: &str =
    "ours: a clock that is more than an hour ahead is wrong, and what it says is not believed";
const WORSE: &str = "ours: a compromised device is worse than any level that a policy can accept";

pub(super) fn rows(list: &mut Vec<Row>) {
    health(list);
    threats(list);
    people(list);
    check_ins(list);
    syncs(list);
}

fn health(list: &mut Vec<Row>) {
    rows! { list, Policies::Fixture;
        "android not encrypted", HEALTH; |c| {
            platform(c, "Android", "14");
            record(c).is_encrypted = Some(false);
        } => Allow, InGracePeriod, [InGracePeriod, NotEncrypted], GRACE;
        "android, encryption not known", CAREFUL; |c| {
            platform(c, "Android", "14");
            record(c).is_encrypted = None;
        } => Quarantine, Unknown, [ComplianceUnknown], STALE;
        "ios, encryption not known and not asked for", "ours: what nobody asks for need not be known";
            |c| record(c).is_encrypted = None => Allow, Compliant, [Compliant], STALE;
        "jailbroken", HEALTH; |c| record(c).jail_broken = Some(true) =>
            Allow, InGracePeriod, [InGracePeriod, JailBroken], GRACE;
        "jailbreak not known", CAREFUL; |c| record(c).jail_broken = None =>
            Quarantine, Unknown, [ComplianceUnknown], STALE;
        "too old, and jailbreak not known",
            "ours: a fact that is missing weighs more than a grace period that runs"; |c| {
            version(c, "16");
            record(c).jail_broken = None;
        } => Quarantine, Unknown, [ComplianceUnknown, OsVersionTooOld], GRACE;
    }
    rows! { list, PASSCODE;
        "a passcode that meets the demands", HEALTH; |_| {} => Allow, Compliant, [Compliant], NEVER;
        "no passcode", HEALTH; |c| record(c).passcode_compliant = Some(false) =>
            Quarantine, NotCompliant, [NotCompliant, PasscodeMissing], NEVER;
        "passcode not known", CAREFUL; |c| record(c).passcode_compliant = None =>
            Quarantine, Unknown, [ComplianceUnknown], NEVER;
    }
}

fn threats(list: &mut Vec<Row>) {
    rows! { list, LOW;
        "no threat where a low one is accepted", THREAT_LEVEL;
            |c| record(c).threat_state = Some(ThreatState::Secured) =>
            Allow, Compliant, [Compliant], NEVER;
        "a low threat where a low one is accepted", THREAT_LEVEL;
            |c| record(c).threat_state = Some(ThreatState::LowSeverity) =>
            Allow, Compliant, [Compliant], NEVER;
        "a medium threat where a low one is accepted", THREAT_LEVEL;
            |c| record(c).threat_state = Some(ThreatState::MediumSeverity) =>
            Quarantine, NotCompliant, [NotCompliant, ThreatLevelTooHigh], NEVER;
        "threat defence has said nothing yet", THREAT;
            |c| record(c).threat_state = Some(ThreatState::Activated) =>
            Quarantine, Unknown, [ComplianceUnknown], NEVER;
        "threat defence is switched off", THREAT;
            |c| record(c).threat_state = Some(ThreatState::Deactivated) =>
            Quarantine, Unknown, [ComplianceUnknown], NEVER;
        "threat defence does not answer", THREAT;
            |c| record(c).threat_state = Some(ThreatState::Unresponsive) =>
            Quarantine, Unknown, [ComplianceUnknown], NEVER;
        "threat defence is not set up well", THREAT;
            |c| record(c).threat_state = Some(ThreatState::Misconfigured) =>
            Quarantine, Unknown, [ComplianceUnknown], NEVER;
        "no threat defence", CAREFUL; |c| record(c).threat_state = None =>
            Quarantine, Unknown, [ComplianceUnknown], NEVER;
    }
    rows! { list, HIGH;
        "a high threat where a high one is accepted", THREAT_LEVEL;
            |c| record(c).threat_state = Some(ThreatState::HighSeverity) =>
            Allow, Compliant, [Compliant], NEVER;
        "compromised where a high threat is accepted", WORSE;
            |c| record(c).threat_state = Some(ThreatState::Compromised) =>
            Quarantine, NotCompliant, [NotCompliant, ThreatLevelTooHigh], NEVER;
    }
}

fn people(list: &mut Vec<Row>) {
    rows! { list, COMPANY;
        "the company's device", OWNER_TYPE; |_| {} => Allow, Compliant, [Compliant], NEVER;
        "a personal device", OWNER_TYPE;
            |c| record(c).owner_type = Some(OwnerType::Personal) =>
            Quarantine, NotCompliant, [NotCompliant, OwnerTypeNotAllowed], NEVER;
        "whose device is not known", CAREFUL; |c| record(c).owner_type = None =>
            Quarantine, Unknown, [ComplianceUnknown], NEVER;
    }
    rows! { list, ANYBODY;
        "a personal device where both are listed", OWNER_TYPE;
            |c| record(c).owner_type = Some(OwnerType::Personal) =>
            Allow, Compliant, [Compliant], NEVER;
        "whose device is not known where both are listed",
            "ours: a list was written, so that the fact is asked for"; |c| record(c).owner_type = None =>
            Quarantine, Unknown, [ComplianceUnknown], NEVER;
    }
    rows! { list, AGENTS;
        "an agent that is listed", AGENT;
            |c| record(c).management_agent = Some(ManagementAgent::Mdm) =>
            Allow, Compliant, [Compliant], NEVER;
        "an agent that is not listed", AGENT;
            |c| record(c).management_agent = Some(ManagementAgent::ConfigurationManagerClient) =>
            Quarantine, NotCompliant, [NotCompliant, ManagementAgentNotAllowed], NEVER;
        "an agent that is not known", CAREFUL; |c| record(c).management_agent = None =>
            Quarantine, Unknown, [ComplianceUnknown], NEVER;
        "managed by Exchange alone where agents are listed", AGENT;
            |c| record(c).management_agent = Some(ManagementAgent::Eas) =>
            Quarantine, NotEvaluated, [NotEnrolled], NEVER;
    }
}

fn seen(case: &mut exgate_domain::case::Case, text: &str) {
    record(case).last_check_in_at = Some(at(text));
}

fn check_ins(list: &mut Vec<Row>) {
    rows! { list, Policies::Fixture;
        "a nanosecond before it is too old", EXACT; |c| seen(c, "2026-02-24T12:00:00.000000001Z") =>
            Allow, Compliant, [Compliant], Some("2026-03-10T12:00:00.000000001Z");
        "the instant at which it is too old", VALIDITY; |c| seen(c, "2026-02-24T12:00:00Z") =>
            Allow, InGracePeriod, [InGracePeriod, CheckInTooOld], GRACE;
        "long too old", VALIDITY; |c| {
            seen(c, "2025-02-24T12:00:00Z");
            super::since(c, "2025-03-10T12:00:00Z");
        } => Quarantine, NotCompliant, [NotCompliant, CheckInTooOld], NEVER;
        "never checked in", CAREFUL; |c| record(c).last_check_in_at = None =>
            Quarantine, Unknown, [ComplianceUnknown], NEVER;
        "checked in a little ahead of now", AHEAD; |c| seen(c, "2026-03-10T13:00:00Z") =>
            Allow, Compliant, [Compliant], Some("2026-03-24T13:00:00Z");
        "checked in far ahead of now", AHEAD; |c| seen(c, "2026-03-10T13:00:01Z") =>
            Quarantine, Unknown, [ComplianceUnknown], Some("2026-03-10T12:00:01Z");
    }
}

fn syncs(list: &mut Vec<Row>) {
    rows! { list, SYNCED;
        "synchronised an hour ago", EXACT; |_| {} =>
            Allow, Compliant, [Compliant], Some("2026-04-09T11:00:00Z");
        "the instant at which the last synchronisation is too old", EXACT;
            |c| c.last_sync_at = Some(at("2026-02-08T12:00:00Z")) =>
            Quarantine, NotCompliant, [NotCompliant, Inactive], NEVER;
        "a nanosecond before the last synchronisation is too old", EXACT;
            |c| c.last_sync_at = Some(at("2026-02-08T12:00:00.000000001Z")) =>
            Allow, Compliant, [Compliant], Some("2026-03-10T12:00:00.000000001Z");
        "last synchronisation not known", CAREFUL; |c| c.last_sync_at = None =>
            Quarantine, Unknown, [ComplianceUnknown], NEVER;
    }
}
