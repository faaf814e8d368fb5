//! Owns whether a managed device complies: the MDM's verdict and every compliance policy, of which
//! the worst result counts. From bad to good: not compliant, unknown, in grace period, compliant.

use jiff::{SignedDuration, Timestamp};

use exgate_domain::case::Case;
use exgate_domain::decision::{Compliance, Outcome, Reason};
use exgate_domain::policy::{CompliancePolicy, PlatformRequirements};
use exgate_domain::record::ManagedDevice;

use super::Trace;
use super::facts::{self, Finding};
use crate::bundles::{Bundle, Targeting};

/// Whether the device complies, why not, and until when.
#[derive(Debug)]
pub(super) struct Assessment {
    pub(super) compliance: Compliance,
    /// What is wrong, in the order in which it was found; empty when it complies.
    pub(super) reasons: Vec<Reason>,
    pub(super) look_again_at: Option<Timestamp>,
}

pub(super) fn assess(
    bundle: &Bundle,
    targeting: &Targeting,
    case: &Case,
    record: &ManagedDevice,
    trace: &mut Trace,
) -> Assessment {
    let mut look = Look { case, record, trace, reasons: Vec::new(), look_again_at: None };
    let name = &targeting.policy.name;
    let (finding, in_mdm_grace) = facts::mdm(record, case.now);
    let mdm = Facts {
        failed: finding.outcome == Outcome::NotSatisfied && !in_mdm_grace,
        unknown: finding.outcome == Outcome::Unknown,
    };
    look.note(name, "complianceState", finding);
    // The MDM's verdict counts in every policy; without any it counts alone, and without grace.
    let mut worst = if in_mdm_grace { Compliance::InGracePeriod } else { Compliance::Compliant };
    let mut policies = bundle.compliance(targeting).peekable();
    if policies.peek().is_none() {
        worst = worse(worst, look.conclude(name, SignedDuration::ZERO, mdm));
    }
    for policy in policies {
        let found = look.policy(policy);
        let all =
            Facts { failed: found.failed || mdm.failed, unknown: found.unknown || mdm.unknown };
        worst = worse(worst, look.conclude(&policy.name, policy.grace_period, all));
    }
    let Look { reasons, look_again_at, .. } = look;
    Assessment { compliance: worst, reasons, look_again_at }
}

/// What was found in one policy.
#[derive(Debug, Clone, Copy, Default)]
struct Facts {
    failed: bool,
    unknown: bool,
}

/// One device while its policies are gone through.
struct Look<'a> {
    case: &'a Case,
    record: &'a ManagedDevice,
    trace: &'a mut Trace,
    reasons: Vec<Reason>,
    look_again_at: Option<Timestamp>,
}

impl Look<'_> {
    fn policy(&mut self, policy: &CompliancePolicy) -> Facts {
        let mut found = Facts::default();
        let platform = self.record.operating_system.trim();
        let listed =
            policy.platforms.iter().find(|listed| listed.platform.eq_ignore_ascii_case(platform));
        let finding = match listed {
            Some(listed) => Finding::satisfied(format!("{} is listed", listed.platform)),
            None if platform.is_empty() => Finding::unknown("the operating system is not known"),
            None => Finding::not_satisfied(
                Reason::PlatformNotAllowed,
                format!("{platform} is not listed"),
            ),
        };
        self.count(policy, "platforms", finding, &mut found);
        if let Some(listed) = listed {
            self.platform(policy, listed, &mut found);
        }
        if let Some(longest) = policy.last_check_in_max {
            let finding = facts::check_in(self.record, longest, self.case.now);
            self.count(policy, "lastCheckInMax", finding, &mut found);
        }
        found
    }

    fn platform(
        &mut self,
        policy: &CompliancePolicy,
        listed: &PlatformRequirements,
        found: &mut Facts,
    ) {
        let key = |rule: &str| format!("platforms.{}.{rule}", listed.platform);
        if let Some(wanted) = &listed.os_minimum {
            let finding = facts::minimum(self.record, wanted);
            self.count(policy, &key("osMinimumVersion"), finding, found);
        }
        if let Some(wanted) = &listed.os_maximum {
            let finding = facts::maximum(self.record, wanted);
            self.count(policy, &key("osMaximumVersion"), finding, found);
        }
        if listed.require_encryption {
            let finding = facts::encryption(self.record);
            self.count(policy, &key("storageRequireEncryption"), finding, found);
        }
        if listed.refuse_jailbroken {
            let finding = facts::jailbreak(self.record);
            self.count(policy, &key("securityBlockJailbrokenDevices"), finding, found);
        }
    }

    fn count(
        &mut self,
        policy: &CompliancePolicy,
        rule: &str,
        finding: Finding,
        found: &mut Facts,
    ) {
        match finding.outcome {
            Outcome::Satisfied => {}
            Outcome::NotSatisfied => found.failed = true,
            Outcome::Unknown => found.unknown = true,
        }
        self.note(&policy.name, rule, finding);
    }

    fn note(&mut self, policy: &str, rule: &str, finding: Finding) {
        if let Some(reason) = finding.reason.filter(|reason| !self.reasons.contains(reason)) {
            self.reasons.push(reason);
        }
        self.wake(finding.changes_at);
        self.trace.tried(policy, rule, finding.outcome, finding.detail);
    }

    /// Remembers the earliest instant after now.
    fn wake(&mut self, at: Option<Timestamp>) {
        let future = at.filter(|at| *at > self.case.now);
        self.look_again_at = [self.look_again_at, future].into_iter().flatten().min();
    }

    /// The result of one policy, given its grace period.
    fn conclude(&mut self, policy: &str, grace: SignedDuration, found: Facts) -> Compliance {
        let in_grace = found.failed && grace > SignedDuration::ZERO && self.grace(policy, grace);
        match (found.failed, found.unknown) {
            (true, _) if !in_grace => Compliance::NotCompliant,
            (_, true) => Compliance::Unknown,
            (true, false) => Compliance::InGracePeriod,
            (false, false) => Compliance::Compliant,
        }
    }

    /// Whether the grace period still runs. It starts when the device was first found not compliant,
    /// which is now when it never was, and never in the future.
    fn grace(&mut self, policy: &str, grace: SignedDuration) -> bool {
        let now = self.case.now;
        let since = self.case.noncompliant_since.map_or(now, |since| since.min(now));
        let end = since.checked_add(grace).unwrap_or(Timestamp::MAX);
        let runs = end > now;
        let (outcome, word) =
            if runs { (Outcome::Satisfied, "until") } else { (Outcome::NotSatisfied, "ended") };
        let detail = format!("not compliant since {since}, grace period {word} {end}");
        self.trace.tried(policy, "gracePeriod", outcome, detail);
        self.wake(runs.then_some(end));
        runs
    }
}

fn worse(a: Compliance, b: Compliance) -> Compliance {
    let rank = |compliance| match compliance {
        Compliance::NotEvaluated => 0,
        Compliance::Compliant => 1,
        Compliance::InGracePeriod => 2,
        Compliance::Unknown => 3,
        Compliance::NotCompliant => 4,
    };
    if rank(a) >= rank(b) { a } else { b }
}
