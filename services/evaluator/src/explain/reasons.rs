//! Owns the words for reasons: some are sentences, the others say in few words what is wrong.

use exgate_domain::decision::Reason;
use exgate_domain::policy::ClassKind;

use super::About;
use crate::messages::{Key, Value};

/// How a reason is told.
enum Said {
    /// As a sentence.
    Sentence(String),
    /// As part of the sentence that says that something is wrong.
    Cause(Key),
}

impl About<'_> {
    /// The reasons as sentences, the weightiest first.
    pub(super) fn reasons(&self) -> Vec<String> {
        let reasons = self.verdict.reasons.as_slice().iter();
        let said = reasons.filter_map(|reason| self.reason(*reason));
        let sentences = said.filter_map(|said| match said {
            Said::Sentence(sentence) => Some(sentence),
            Said::Cause(_) => None,
        });
        sentences.collect()
    }

    /// None where the value that it would tell was not heard.
    fn reason(&self, reason: Reason) -> Option<Said> {
        let plain = |key| Said::Sentence(self.language.plain(key));
        let person = ("person", Value::from(self.person()));
        Some(match reason {
            Reason::Compliant => plain(Key::ReasonCompliant),
            Reason::NotCompliant => self.wrong(Key::ReasonNotCompliant),
            Reason::InGracePeriod => self.wrong(Key::ReasonInGracePeriod),
            Reason::ComplianceUnknown => plain(Key::ReasonComplianceUnknown),
            Reason::NotEnrolled => Said::Sentence(self.say(Key::ReasonNotEnrolled, &[person])),
            Reason::NotTargeted => Said::Sentence(self.say(Key::ReasonNotTargeted, &[person])),
            Reason::OwnerUnknown => plain(Key::ReasonOwnerUnknown),
            Reason::NotLicensed => plain(Key::ReasonNotLicensed),
            Reason::RecordsUnavailable => plain(Key::ReasonRecordsUnavailable),
            Reason::Protected => Said::Sentence(self.say(Key::ReasonProtected, &[person])),
            Reason::Escalated => self.escalated()?,
            Reason::Inactive => self.inactive(),
            Reason::TooManyDevices => self.too_many()?,
            Reason::LocalRule => self.local_rule()?,
            Reason::PlatformException => self.exception()?,
            Reason::OsVersionTooOld => Said::Cause(Key::CauseOsVersionTooOld),
            Reason::OsVersionTooNew => Said::Cause(Key::CauseOsVersionTooNew),
            Reason::PlatformNotAllowed => Said::Cause(Key::CausePlatformNotAllowed),
            Reason::NotEncrypted => Said::Cause(Key::CauseNotEncrypted),
            Reason::JailBroken => Said::Cause(Key::CauseJailBroken),
            Reason::CheckInTooOld => Said::Cause(Key::CauseCheckInTooOld),
            Reason::MdmNotCompliant => Said::Cause(Key::CauseMdmNotCompliant),
            Reason::OsBuildTooOld => Said::Cause(Key::CauseOsBuildTooOld),
            Reason::OsBuildTooNew => Said::Cause(Key::CauseOsBuildTooNew),
            Reason::OsVersionNotInRange => Said::Cause(Key::CauseOsVersionNotInRange),
            Reason::SecurityPatchTooOld => Said::Cause(Key::CauseSecurityPatchTooOld),
            Reason::PasscodeMissing => Said::Cause(Key::CausePasscodeMissing),
            Reason::ThreatLevelTooHigh => Said::Cause(Key::CauseThreatLevelTooHigh),
            Reason::OwnerTypeNotAllowed => Said::Cause(Key::CauseOwnerTypeNotAllowed),
            Reason::ManagementAgentNotAllowed => Said::Cause(Key::CauseManagementAgentNotAllowed),
            Reason::RuleNotMet => Said::Cause(Key::CauseRuleNotMet),
        })
    }

    /// That something is wrong, and what.
    fn wrong(&self, key: Key) -> Said {
        let others = self.verdict.reasons.as_slice().iter();
        // The sentence that asks is none of the causes.
        let others =
            others.filter(|it| !matches!(it, Reason::NotCompliant | Reason::InGracePeriod));
        let causes = others.filter_map(|reason| match self.reason(*reason)? {
            Said::Cause(key) => Some(self.language.plain(key)),
            Said::Sentence(_) => None,
        });
        Said::Sentence(self.say(key, &[("causes", Value::All(causes.collect()))]))
    }

    fn escalated(&self) -> Option<Said> {
        let (since, at) = self.seen.escalated?;
        let values = [("since", since.into()), ("at", at.into())];
        Some(Said::Sentence(self.say(Key::ReasonEscalated, &values)))
    }

    /// An access policy counts silent devices out; to a compliance policy silence is one cause of many.
    fn inactive(&self) -> Said {
        let Some((last, longest)) = self.seen.inactive else {
            return Said::Cause(Key::CauseInactive);
        };
        let values = [("last", last.into()), ("longest", Value::Span(longest))];
        Said::Sentence(self.say(Key::ReasonInactive, &values))
    }

    fn too_many(&self) -> Option<Said> {
        let (before, maximum) = self.seen.devices?;
        let values = [
            ("person", self.person().into()),
            ("before", before.into()),
            ("maximum", maximum.into()),
        ];
        Some(Said::Sentence(self.say(Key::ReasonTooManyDevices, &values)))
    }

    fn local_rule(&self) -> Option<Said> {
        let rule = self.seen.local_rule.as_deref()?;
        Some(Said::Sentence(self.say(Key::ReasonLocalRule, &[("rule", rule.into())])))
    }

    fn exception(&self) -> Option<Said> {
        let (kind, name) = self.seen.class.as_ref()?;
        let kind = Value::Word(match kind {
            ClassKind::Family => "family",
            ClassKind::Model => "model",
        });
        let values = [("kind", kind), ("name", name.as_str().into())];
        Some(Said::Sentence(self.say(Key::ReasonPlatformException, &values)))
    }
}
