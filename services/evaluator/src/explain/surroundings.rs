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
/// How far ahead it is looked for what time alone will change. A rule that asks for the time is judged for
/// every hour of it: 2400 times, which takes 0.3 s for one rule where nothing is optimized.
const AHEAD_MAX: SignedDuration = SignedDuration::from_hours(100 * 24);
/// How many instants are looked at wherever they lie: some limits are longer than that.
const INSTANTS_MIN: usize = 16;
/// How many are looked at in all, were some closer together than hours.
const INSTANTS_MAX: usize = 3000;
/// What a device access rule can be about beside the operating system, as Exchange names it.
const OTHER_CHARACTERISTICS: [&str; 4] = ["DeviceType", "DeviceModel", "UserAgent", "XMSWLHeader"];

/// What time alone will change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ahead {
    /// Nothing is looked at again.
    Never,
    /// It is looked at again at this instant, and nothing comes of that or any later one.
    Same(Timestamp),
    /// The device gets something else at this instant.
    Changes(Timestamp, Access),
    /// Nothing up to this instant, and no later one was looked at.
    Unseen(Timestamp),
}

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
    pub(super) fn then(&self, ahead: Ahead) -> Option<String> {
        let (key, at, access) = match ahead {
            Ahead::Never => return None,
            Ahead::Same(at) => (Key::ThenSame, at, self.verdict.access),
            Ahead::Unseen(at) => (Key::ThenUnseen, at, self.verdict.access),
            // What has all that it could have loses it only by silence, unless a rule counts the days.
            Ahead::Changes(at, access) if self.is_content() && self.is_kept_by_contact(at) => {
                (Key::ThenSilent, at, access)
            }
            Ahead::Changes(at, access) => (Key::ThenAccess, at, access),
        };
        let mut values = vec![("at", at.into())];
        if matches!(ahead, Ahead::Changes(..)) {
            values.push(("access", access_word(access)));
        }
        Some(self.say(key, &values))
    }

    /// When the device is blocked for good, where something else comes of it first.
    pub(super) fn then_blocked(&self, ahead: Ahead) -> Option<String> {
        if !matches!(self.verdict.access, Access::Allow | Access::Quarantine) {
            return None;
        }
        let at = self.seen.blocked_from?;
        let is_told = matches!(ahead, Ahead::Changes(_, Access::Block));
        (!is_told).then(|| self.say(Key::ThenBlocked, &[("at", at.into())]))
    }

    /// Whether what the device has at an instant is the same as now if it has just been in touch.
    fn is_kept_by_contact(&self, at: Timestamp) -> bool {
        let mut later = self.case.clone();
        (later.now, later.last_sync_at) = (at, Some(at));
        if let Management::Managed { record, basis: _ } = &mut later.management {
            record.last_check_in_at = Some(at);
        }
        judge(self.bundle, &later, &mut Silence).access == self.verdict.access
    }

    /// What comes of the device if nothing else changes.
    pub(super) fn ahead(&self) -> Ahead {
        let Some(first) = self.verdict.look_again_at else { return Ahead::Never };
        let mut later = self.case.clone();
        if self.is_found_wanting() {
            later.noncompliant_since.get_or_insert(self.case.now);
        }
        let end = self.case.now.checked_add(AHEAD_MAX).unwrap_or(Timestamp::MAX);
        let (mut at, mut next) = (first, Some(first));
        for count in 0..INSTANTS_MAX {
            let Some(instant) = next else { return Ahead::Same(first) };
            if instant > end && count >= INSTANTS_MIN {
                break;
            }
            at = instant;
            later.now = at;
            let verdict = judge(self.bundle, &later, &mut Silence);
            if verdict.access != self.verdict.access {
                return Ahead::Changes(at, verdict.access);
            }
            match verdict.compliance {
                Compliance::InGracePeriod | Compliance::NotCompliant => {
                    later.noncompliant_since.get_or_insert(at);
                }
                // What cannot be told neither starts nor ends a grace period.
                Compliance::Unknown => {}
                Compliance::Compliant | Compliance::NotEvaluated => later.noncompliant_since = None,
            }
            next = verdict.look_again_at;
        }
        Ahead::Unseen(at)
    }
}
