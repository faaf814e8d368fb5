//! Owns what is around a decision: how old its facts are, what Exchange does by itself, and what time
//! alone will change.

use jiff::{SignedDuration, Timestamp};

use exgate_domain::case::{Management, Sibling, Unmatched};
use exgate_domain::decision::Compliance;
use exgate_domain::observation::{AccessReason, AccessState};
use exgate_domain::policy::Access;

use super::About;
use crate::messages::{Key, Value};
use crate::verdict::{Silence, access_word, judge};

/// How long Exchange may take to find out what a device is.
const DISCOVERY_MAX: SignedDuration = SignedDuration::from_mins(14);
/// How many instants at which time alone may change something are looked at.
const INSTANTS_MAX: usize = 8;
/// What a device access rule can be about beside the operating system, as Exchange names it.
const OTHER_CHARACTERISTICS: [&str; 4] = ["DeviceType", "DeviceModel", "UserAgent", "XMSWLHeader"];

impl About<'_> {
    /// Who knew the facts, and when the device last said anything, where the facts are against it.
    pub(super) fn as_of(&self) -> Option<String> {
        let record = self.record()?;
        if !self.is_found_wanting() && self.verdict.compliance != Compliance::Unknown {
            return None;
        }
        let mut values =
            vec![("source", self.source().into()), ("read", record.provenance.read_at.into())];
        let Some(last) = record.last_check_in_at else {
            return Some(self.say(Key::AsOfSilent, &values));
        };
        values.push(("last", last.into()));
        Some(self.say(Key::AsOf, &values))
    }

    /// What Exchange does by itself, as far as the case shows it.
    pub(super) fn exchange(&self) -> Vec<String> {
        let access = self.verdict.access;
        let state = Value::Word(match &self.case.device.access_state {
            AccessState::DeviceDiscovery => return vec![self.discovery()],
            AccessState::Unknown | AccessState::Unrecognised(_) => return Vec::new(),
            AccessState::Allowed if access != Access::Leave => return Vec::new(),
            AccessState::Allowed => "allowed",
            AccessState::Blocked => "blocked",
            AccessState::Quarantined => "quarantined",
        });
        let mut sentences = Vec::new();
        match access {
            Access::Allow => sentences.push(self.say(Key::ExchangeFollows, &[("state", state)])),
            Access::Leave => {
                let values = [("state", state), ("cause", self.cause().into())];
                sentences.push(self.say(Key::ExchangeDecides, &values));
            }
            Access::Quarantine | Access::Block => {}
        }
        if access != Access::Allow && self.is_blocked_by_system_rule() {
            sentences.push(self.language.plain(Key::ExchangeRuleStays));
        }
        sentences
    }

    fn discovery(&self) -> String {
        let longest = ("longest", Value::Span(DISCOVERY_MAX));
        let first = self.case.device.first_sync_at;
        let until = first.and_then(|first| first.checked_add(DISCOVERY_MAX).ok());
        match until.filter(|until| *until > self.case.now) {
            Some(until) => {
                self.say(Key::ExchangeDiscoversUntil, &[longest, ("until", until.into())])
            }
            None => self.say(Key::ExchangeDiscovers, &[longest]),
        }
    }

    /// Why Exchange shows the state that it shows.
    fn cause(&self) -> String {
        let device = &self.case.device;
        let reason = Value::Word(match device.access_reason {
            AccessReason::Global => "global",
            AccessReason::Individual => "individual",
            AccessReason::DeviceRule => "rule",
            AccessReason::Upgrade => "upgrade",
            AccessReason::Policy => "policy",
            AccessReason::Unknown | AccessReason::Unrecognised(_) => "other",
        });
        let values = [("reason", reason), ("rule", device.access_rule.as_str().into())];
        self.say(Key::ExchangeCause, &values)
    }

    /// A rule that names no characteristic may be about the system.
    fn is_blocked_by_system_rule(&self) -> bool {
        let device = &self.case.device;
        device.access_state == AccessState::Blocked
            && device.access_reason == AccessReason::DeviceRule
            && !OTHER_CHARACTERISTICS.iter().any(|other| device.access_rule.contains(other))
    }

    /// That the device may be another one of the mailbox, under the id that it got by a wipe.
    pub(super) fn wiped(&self) -> Option<String> {
        let appeared = self.case.device.first_sync_at?;
        let Management::Unmanaged(Unmatched::NoRecord) = &self.case.management else {
            return None;
        };
        let kind = &self.case.device.device_type;
        let is_silent = |sibling: &&Sibling| {
            let last = sibling.last_sync_at.or(sibling.first_sync_at);
            !kind.is_empty()
                && sibling.device_type.eq_ignore_ascii_case(kind)
                && last.is_some_and(|last| last < appeared)
        };
        let before = self.case.siblings.iter().filter(is_silent);
        let before = before.max_by_key(|sibling| sibling.last_sync_at.or(sibling.first_sync_at))?;
        let values = [
            ("kind", self.kind(&[&before.device_type]).into()),
            ("id", Value::of(&before.device_id)),
        ];
        Some(self.say(Key::Wiped, &values))
    }

    /// What time alone will change, and when.
    pub(super) fn then(&self) -> Option<String> {
        let first = self.verdict.look_again_at?;
        let (at, access) = self.next_change(first).unwrap_or((first, self.verdict.access));
        if access == self.verdict.access {
            return Some(self.say(Key::ThenSame, &[("at", at.into())]));
        }
        let values = [("at", at.into()), ("access", access_word(access))];
        // What has all that it could have loses it only by silence.
        Some(self.say(if self.is_content() { Key::ThenSilent } else { Key::ThenAccess }, &values))
    }

    /// When the device is blocked for good, where something else comes of it first.
    pub(super) fn then_blocked(&self) -> Option<String> {
        if !matches!(self.verdict.access, Access::Allow | Access::Quarantine) {
            return None;
        }
        let at = self.seen.blocked_from?;
        let first = self.verdict.look_again_at.and_then(|first| self.next_change(first));
        let is_told = first.is_some_and(|(_, access)| access == Access::Block);
        (!is_told).then(|| self.say(Key::ThenBlocked, &[("at", at.into())]))
    }

    /// When the device gets something else if nothing else changes, and what.
    fn next_change(&self, first: Timestamp) -> Option<(Timestamp, Access)> {
        let mut later = self.case.clone();
        if self.is_found_wanting() {
            later.noncompliant_since.get_or_insert(self.case.now);
        }
        let mut at = first;
        for _ in 0..INSTANTS_MAX {
            later.now = at;
            let verdict = judge(self.bundle, &later, &mut Silence);
            if verdict.access != self.verdict.access {
                return Some((at, verdict.access));
            }
            match verdict.compliance {
                Compliance::InGracePeriod | Compliance::NotCompliant => {
                    later.noncompliant_since.get_or_insert(at);
                }
                // What cannot be told neither starts nor ends a grace period.
                Compliance::Unknown => {}
                Compliance::Compliant | Compliance::NotEvaluated => later.noncompliant_since = None,
            }
            at = verdict.look_again_at?;
        }
        None
    }
}
