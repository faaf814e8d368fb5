//! Tests of policies, run: what was expected, what came out, and the rule that makes the difference. A
//! bundle in which a test fails does not exist.

use std::borrow::Cow;

use serde_json::Value;

use exgate_domain::case::Case;
use exgate_domain::decision::{Compliance, Decision, Outcome, Reason, Tried};
use exgate_domain::policy::Access;

use super::Bundle;
use super::compiled::Where;
use super::diagnostic::{Diagnostic, Position, Severity};
use crate::verdict::decide_and_tell;

/// The most tests in a bundle.
pub(crate) const TESTS_MAX: usize = 5_000;

/// Rules that say which policy decides; they are not what a device fails by.
const TARGETING: [&str; 6] =
    ["organizations", "enabled", "owner", "includedGroups", "excludedGroups", "licenseRequired"];

/// A case, and what has to be decided about it.
#[derive(Debug, Clone)]
pub(crate) struct Test {
    /// Name of the document that it stands in.
    pub(crate) document: String,
    pub(crate) name: String,
    /// Its key in the document, such as `tests[2]`.
    pub(crate) key: String,
    pub(crate) place: Where,
    pub(crate) case: Case,
    pub(crate) expected: Expected,
}

/// What has to be decided; none where anything will do.
#[derive(Debug, Clone)]
pub(crate) struct Expected {
    pub(crate) access: Option<(Position, Access)>,
    pub(crate) compliance: Option<(Position, Compliance)>,
    /// These have to be among the decision's.
    pub(crate) reasons: Option<(Position, Vec<Reason>)>,
    pub(crate) policy: Option<(Position, String)>,
}

/// One thing that came out otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Difference {
    /// The key under `expect`.
    pub(crate) key: &'static str,
    at: Position,
    pub(crate) expected: String,
    pub(crate) got: String,
}

/// A test that was run.
#[derive(Debug)]
pub(crate) struct Proof<'a> {
    pub(crate) test: &'a Test,
    pub(crate) decision: Decision,
    /// Empty when the test passed.
    pub(crate) differences: Vec<Difference>,
}

impl Test {
    /// Decides the case and compares.
    pub(crate) fn run(&self, bundle: &Bundle) -> Proof<'_> {
        let decision = decide_and_tell(bundle, &self.case);
        let differences = self.expected.differences(&decision);
        Proof { test: self, decision, differences }
    }
}

impl Expected {
    /// What is expected, by key.
    pub(crate) fn pairs(&self) -> Vec<(String, Value)> {
        let Self { access, compliance, reasons, policy } = self;
        [
            ("access", access.map(|(_, access)| access.word().into())),
            ("compliance", compliance.map(|(_, compliance)| compliance.word().into())),
            ("reasons", reasons.as_ref().map(|(_, reasons)| reason_words(reasons).into())),
            ("policy", policy.as_ref().map(|(_, policy)| policy.as_str().into())),
        ]
        .into_iter()
        .filter_map(|(key, value)| Some((key.to_owned(), value?)))
        .collect()
    }

    fn differences(&self, decision: &Decision) -> Vec<Difference> {
        let mut found = Vec::new();
        let mut differ = |key, at, expected: Cow<'_, str>, got: Cow<'_, str>| {
            let (expected, got) = (expected.into_owned(), got.into_owned());
            found.push(Difference { key, at, expected, got });
        };
        if let Some((at, access)) = self.access.filter(|(_, it)| *it != decision.access) {
            differ("access", at, access.word().into(), decision.access.word().into());
        }
        if let Some((at, it)) = self.compliance.filter(|(_, it)| *it != decision.compliance) {
            differ("compliance", at, it.word().into(), decision.compliance.word().into());
        }
        if let Some((at, reasons)) = &self.reasons
            && !reasons.iter().all(|reason| decision.reasons.contains(reason))
        {
            let [expected, got] =
                [reasons, &decision.reasons].map(|it| reason_words(it).join(", "));
            differ("reasons", *at, expected.into(), got.into());
        }
        if let Some((at, policy)) = self.policy.as_ref().filter(|(_, it)| *it != decision.policy) {
            differ("policy", *at, named(policy), named(&decision.policy));
        }
        found
    }
}

/// The words of reasons.
pub(crate) fn reason_words(reasons: &[Reason]) -> Vec<&'static str> {
    reasons.iter().map(|reason| reason.word()).collect()
}

fn named(policy: &str) -> Cow<'_, str> {
    if policy.is_empty() { "none".into() } else { policy.into() }
}

impl Proof<'_> {
    /// What refuses the bundle when the test failed.
    pub(crate) fn mistake(&self) -> Option<Diagnostic> {
        let first = self.differences.first()?;
        let differences: Vec<_> = self
            .differences
            .iter()
            .map(|it| format!("{} expected {}, got {}", it.key, it.expected, it.got))
            .collect();
        Some(Diagnostic {
            path: self.test.place.path.clone(),
            line: first.at.line,
            column: first.at.column,
            key: format!("{}.expect.{}", self.test.key, first.key),
            message: format!("the test {:?} fails: {}", self.test.name, differences.join("; ")),
            suggestion: self.cause(),
            severity: Severity::Error,
        })
    }

    /// The rule that made the decision what it is, and the fact that it looked at.
    pub(crate) fn cause(&self) -> String {
        let Decision { policy, .. } = &self.decision;
        let Some(tried) = decisive(&self.decision) else {
            return match policy.as_str() {
                "" => "no policy is for this organization".to_owned(),
                policy => format!("because of {policy}: every rule is met"),
            };
        };
        let place = [tried.policy.as_str(), &tried.rule];
        let place: Vec<_> = place.into_iter().filter(|part| !part.is_empty()).collect();
        format!("because of {}: {}", place.join(", "), tried.detail)
    }
}

/// The rule that made a decision what it is; none where every rule was met.
fn decisive(decision: &Decision) -> Option<&Tried> {
    let last = |wanted: &str, outcome: Option<Outcome>| {
        decision.trace.iter().rev().find(|tried| {
            let (list, _) = tried.rule.split_once('.').unwrap_or((&tried.rule, ""));
            list == wanted && outcome.is_none_or(|outcome| tried.outcome == outcome)
        })
    };
    match decision.reasons.first()? {
        Reason::LocalRule => last("localRules", Some(Outcome::Satisfied)),
        Reason::PlatformException => last("platformExceptions", Some(Outcome::Satisfied)),
        Reason::Protected => last("protected", None),
        Reason::Inactive => last("inactiveAfter", None),
        Reason::TooManyDevices => last("maximumDevices", None),
        Reason::NotEnrolled | Reason::RecordsUnavailable => last("managed", None),
        Reason::Compliant => last("overrideDefaultRule", Some(Outcome::NotSatisfied)),
        Reason::NotTargeted | Reason::OwnerUnknown | Reason::NotLicensed => {
            decision.trace.iter().rev().find(|tried| tried.outcome != Outcome::Satisfied)
        }
        Reason::NotCompliant
        | Reason::InGracePeriod
        | Reason::ComplianceUnknown
        | Reason::OsVersionTooOld
        | Reason::OsVersionTooNew
        | Reason::PlatformNotAllowed
        | Reason::NotEncrypted
        | Reason::JailBroken
        | Reason::CheckInTooOld
        | Reason::MdmNotCompliant
        | Reason::OsBuildTooOld
        | Reason::OsBuildTooNew
        | Reason::OsVersionNotInRange
        | Reason::SecurityPatchTooOld
        | Reason::PasscodeMissing
        | Reason::ThreatLevelTooHigh
        | Reason::OwnerTypeNotAllowed
        | Reason::ManagementAgentNotAllowed
        | Reason::RuleNotMet
        | Reason::Escalated => decision.trace.iter().find(|tried| {
            let is_before =
                tried.rule.starts_with("localRules.") || TARGETING.contains(&tried.rule.as_str());
            tried.outcome != Outcome::Satisfied && !is_before
        }),
    }
}
