//! Owns whether a managed device complies: the MDM's verdict and every compliance policy, of which
//! the worst result counts. From bad to good: not compliant, unknown, in grace period, compliant.

use jiff::{SignedDuration, Timestamp};

use exgate_domain::case::Case;
use exgate_domain::decision::{Compliance, Outcome, Reason};
use exgate_domain::policy::{ComplianceRule, MdmVerdict, PlatformRequirements, trimmed};
use exgate_domain::record::{ComplianceState, ManagedDevice};

use super::facts::{self, Finding};
use super::reasons::Reasons;
use super::{Fact, Limit, Listener, Look, Own, Rule, System, fact};
use crate::bundles;
use crate::expressions::Facts;

/// Whether the device complies, why not, and until when.
#[derive(Debug, Clone, Copy)]
pub(super) struct Assessment {
    pub(super) compliance: Compliance,
    /// Whether it was not compliant for so long that a policy blocks it.
    pub(super) escalated: bool,
    /// What is wrong, in the order in which it was found; empty when it complies.
    pub(super) reasons: Reasons,
    pub(super) look_again_at: Option<Timestamp>,
}

pub(super) fn assess<L: Listener>(
    look: &mut Look<'_, '_, L>,
    record: &ManagedDevice,
) -> Assessment {
    let (bundle, targeting) = (look.bundle, look.targeting);
    let name = look.name();
    let mut assessing = Assessing {
        case: look.case,
        record,
        facts: &mut look.facts,
        listener: &mut *look.listener,
        reasons: Reasons::none(),
        escalated: false,
        look_again_at: None,
    };
    let mut policies = bundle.compliance(targeting).peekable();
    let is_alone = policies.peek().is_none();
    let counts =
        is_alone || bundle.compliance(targeting).any(|it| it.policy.mdm != MdmVerdict::Ignored);
    let mdm = if counts { assessing.mdm(name) } else { Mdm::default() };
    // The MDM's verdict without any policy counts alone, and without grace.
    let mut worst = if mdm.in_grace { Compliance::InGracePeriod } else { Compliance::Compliant };
    if is_alone {
        worst = worse(worst, conclude(mdm.as_found()));
    }
    for policy in policies {
        let result = match policy.policy.mdm {
            MdmVerdict::Trusted if mdm.is_known => assessing.by_mdm_alone(policy, mdm),
            MdmVerdict::Required => assessing.policy(policy, Some(mdm)),
            MdmVerdict::Trusted | MdmVerdict::Ignored => assessing.policy(policy, None),
        };
        worst = worse(worst, result);
    }
    let Assessing { reasons, escalated, look_again_at, .. } = assessing;
    Assessment { compliance: worst, escalated, reasons, look_again_at }
}

/// What the MDM's own verdict is worth.
#[derive(Debug, Clone, Copy, Default)]
struct Mdm {
    /// It says yes or no.
    is_known: bool,
    failed: bool,
    unknown: bool,
    /// It grants a grace period of its own.
    in_grace: bool,
}

impl Mdm {
    fn as_found(self) -> Found {
        Found { failed: self.failed, unknown: self.unknown, ..Found::default() }
    }
}

/// What was found in one policy.
#[derive(Debug, Clone, Copy, Default)]
struct Found {
    /// A rule is not met, and its grace period has ended or there is none.
    failed: bool,
    /// A rule is not met, and its own grace period runs.
    in_grace: bool,
    /// A rule is not met that has the policy's own grace period.
    shares_grace: bool,
    unknown: bool,
}

/// One device while its policies are gone through.
struct Assessing<'c, 'l, L> {
    case: &'c Case,
    record: &'l ManagedDevice,
    facts: &'l mut Facts<'c>,
    listener: &'l mut L,
    reasons: Reasons,
    escalated: bool,
    look_again_at: Option<Timestamp>,
}

impl<L: Listener> Assessing<'_, '_, L> {
    fn mdm(&mut self, policy: &str) -> Mdm {
        let record = self.record;
        let (finding, in_grace) = facts::mdm(record, self.case.now);
        let mdm = Mdm {
            is_known: !matches!(
                record.compliance,
                ComplianceState::Unknown | ComplianceState::ConfigManager
            ),
            failed: finding.outcome == Outcome::NotSatisfied && !in_grace,
            unknown: finding.outcome == Outcome::Unknown,
            in_grace,
        };
        self.note(policy, Rule::Key(ComplianceRule::ComplianceState.key()), finding);
        mdm
    }

    /// The result where the MDM is believed: nothing else is asked.
    fn by_mdm_alone(&mut self, policy: &bundles::Compliance, mdm: Mdm) -> Compliance {
        let mut found = Found::default();
        if mdm.failed {
            self.failing(policy, ComplianceRule::ComplianceState, &mut found);
        }
        let name = &policy.policy.name;
        let (rule, outcome) = (Rule::Key("mdmCompliance"), Outcome::Satisfied);
        self.listener.tried(name, rule, outcome, Fact::Mdm(fact::Mdm::Trusted));
        self.end(policy, found)
    }

    fn policy(&mut self, policy: &bundles::Compliance, mdm: Option<Mdm>) -> Compliance {
        let (written, record) = (&policy.policy, self.record);
        let mut found = Found::default();
        if let Some(mdm) = mdm {
            found.unknown = mdm.unknown;
            if mdm.failed {
                self.failing(policy, ComplianceRule::ComplianceState, &mut found);
            }
        }
        let platform = trimmed(&record.operating_system);
        let listed = written.platforms.iter().find(|it| it.are_for(platform));
        let finding = match listed {
            Some(listed) => Finding::satisfied(Fact::System(System::Listed(&listed.platform))),
            None if platform.is_empty() => Finding::unknown(Fact::System(System::Unknown)),
            None => Finding::not_satisfied(
                Reason::PlatformNotAllowed,
                Fact::System(System::NotListed(platform)),
            ),
        };
        self.count(policy, ComplianceRule::Platforms, None, finding, &mut found);
        if let Some(listed) = listed {
            self.platform(policy, listed, &mut found);
        }
        let now = self.case.now;
        if let Some(longest) = written.last_check_in_max {
            let finding = facts::check_in(record, longest, now);
            self.count(policy, ComplianceRule::LastCheckInMax, None, finding, &mut found);
        }
        if let Some(longest) = written.last_sync_max {
            let finding = facts::last_sync(self.case.last_sync_at, longest, now);
            self.count(policy, ComplianceRule::LastSyncMax, None, finding, &mut found);
        }
        if !written.owner_types.is_empty() {
            let finding = facts::owner_type(record, &written.owner_types);
            self.count(policy, ComplianceRule::ManagedDeviceOwnerTypes, None, finding, &mut found);
        }
        if !written.management_agents.is_empty() {
            let finding = facts::management_agent(record, &written.management_agents);
            self.count(policy, ComplianceRule::ManagementAgents, None, finding, &mut found);
        }
        self.rules(policy, &mut found);
        self.end(policy, found)
    }

    fn platform(
        &mut self,
        policy: &bundles::Compliance,
        listed: &PlatformRequirements,
        found: &mut Found,
    ) {
        let record = self.record;
        let mut count = |rule: ComplianceRule, finding: Finding<'_>| {
            self.count(policy, rule, Some(&listed.platform), finding, found);
        };
        if let Some(wanted) = &listed.os_minimum {
            count(ComplianceRule::OsMinimumVersion, facts::minimum(record, wanted));
        }
        if let Some(wanted) = &listed.os_maximum {
            count(ComplianceRule::OsMaximumVersion, facts::maximum(record, wanted));
        }
        if let Some(wanted) = &listed.build_minimum {
            count(ComplianceRule::OsMinimumBuildVersion, facts::build_minimum(record, wanted));
        }
        if let Some(wanted) = &listed.build_maximum {
            count(ComplianceRule::OsMaximumBuildVersion, facts::build_maximum(record, wanted));
        }
        if !listed.build_ranges.is_empty() {
            let finding = facts::ranges(record, &listed.build_ranges);
            count(ComplianceRule::ValidOperatingSystemBuildRanges, finding);
        }
        if let Some(wanted) = listed.patch_minimum {
            let finding = facts::patch_level(record, wanted);
            count(ComplianceRule::MinAndroidSecurityPatchLevel, finding);
        }
        if listed.require_encryption {
            count(ComplianceRule::StorageRequireEncryption, facts::encryption(record));
        }
        if listed.refuse_jailbroken {
            count(ComplianceRule::SecurityBlockJailbrokenDevices, facts::jailbreak(record));
        }
        if listed.require_passcode {
            count(ComplianceRule::PasscodeRequired, facts::passcode(record));
        }
        if let Some(worst) = listed.threat_maximum {
            let finding = facts::threat(record, worst);
            count(ComplianceRule::DeviceThreatProtectionRequiredSecurityLevel, finding);
        }
    }

    /// Rules written as expressions.
    fn rules(&mut self, policy: &bundles::Compliance, found: &mut Found) {
        for rule in &policy.rules {
            let outcome = rule.expression.holds(self.facts);
            let fact = Fact::Own(Own::Expression { text: &rule.written.require, outcome });
            let reason = (outcome == Outcome::NotSatisfied).then_some(Reason::RuleNotMet);
            let finding = Finding { outcome, fact, reason, changes_at: None };
            let place = Rule::Item { list: "rules", id: &rule.written.id };
            found.unknown |= outcome == Outcome::Unknown;
            self.note(&policy.policy.name, place, finding);
            if outcome == Outcome::NotSatisfied {
                match rule.written.grace_period {
                    Some(grace) => self.own_grace(policy, place, grace, found),
                    None => found.shares_grace = true,
                }
            }
        }
    }

    fn count(
        &mut self,
        policy: &bundles::Compliance,
        rule: ComplianceRule,
        platform: Option<&str>,
        finding: Finding<'_>,
        found: &mut Found,
    ) {
        let outcome = finding.outcome;
        let place = match platform {
            Some(platform) => Rule::Platform { platform, key: rule.key() },
            None => Rule::Key(rule.key()),
        };
        self.note(&policy.policy.name, place, finding);
        match outcome {
            Outcome::Satisfied => {}
            Outcome::NotSatisfied => self.failing(policy, rule, found),
            Outcome::Unknown => found.unknown = true,
        }
    }

    /// A rule is not met: whether that counts already is a matter of its grace period.
    fn failing(&mut self, policy: &bundles::Compliance, rule: ComplianceRule, found: &mut Found) {
        let own = policy.policy.grace_by_rule.iter().find(|(key, _)| *key == rule);
        match own {
            Some((_, grace)) => {
                self.own_grace(policy, Rule::Under("gracePeriods", rule.key()), *grace, found);
            }
            None => found.shares_grace = true,
        }
    }

    fn own_grace(
        &mut self,
        policy: &bundles::Compliance,
        place: Rule<'_>,
        grace: SignedDuration,
        found: &mut Found,
    ) {
        if self.grace(&policy.policy.name, place, grace) {
            found.in_grace = true;
        } else {
            found.failed = true;
        }
    }

    /// The result of one policy.
    fn end(&mut self, policy: &bundles::Compliance, mut found: Found) -> Compliance {
        let written = &policy.policy;
        if found.shares_grace {
            self.own_grace(policy, Rule::Key("gracePeriod"), written.grace_period, &mut found);
        }
        if let Some(after) = written.block_after.filter(|_| found.failed || found.in_grace) {
            let since = self.since();
            let at = since.checked_add(after).unwrap_or(Timestamp::MAX);
            let is_reached = at <= self.case.now;
            let outcome = if is_reached { Outcome::NotSatisfied } else { Outcome::Satisfied };
            let fact = Fact::Limit(Limit::BlockedFrom { since, at, is_reached });
            self.listener.tried(&written.name, Rule::Key("blockAfter"), outcome, fact);
            self.wake(Some(at));
            self.escalated |= is_reached;
        }
        conclude(found)
    }

    fn note(&mut self, policy: &str, rule: Rule<'_>, finding: Finding<'_>) {
        if let Some(reason) = finding.reason {
            self.reasons.push(reason);
        }
        self.wake(finding.changes_at);
        self.listener.tried(policy, rule, finding.outcome, finding.fact);
    }

    /// Remembers the earliest instant after now.
    fn wake(&mut self, at: Option<Timestamp>) {
        let future = at.filter(|at| *at > self.case.now);
        self.look_again_at = [self.look_again_at, future].into_iter().flatten().min();
    }

    /// When the device was first found not compliant, which is now when it never was, and never in the
    /// future.
    fn since(&self) -> Timestamp {
        let now = self.case.now;
        self.case.noncompliant_since.map_or(now, |since| since.min(now))
    }

    /// Whether a grace period still runs.
    fn grace(&mut self, policy: &str, place: Rule<'_>, grace: SignedDuration) -> bool {
        if grace <= SignedDuration::ZERO {
            return false;
        }
        let since = self.since();
        let end = since.checked_add(grace).unwrap_or(Timestamp::MAX);
        let runs = end > self.case.now;
        let outcome = if runs { Outcome::Satisfied } else { Outcome::NotSatisfied };
        let fact = Fact::Limit(Limit::GracePeriod { since, end, runs });
        self.listener.tried(policy, place, outcome, fact);
        self.wake(runs.then_some(end));
        runs
    }
}

fn conclude(found: Found) -> Compliance {
    match (found.failed, found.unknown, found.in_grace) {
        (true, _, _) => Compliance::NotCompliant,
        (false, true, _) => Compliance::Unknown,
        (false, false, true) => Compliance::InGracePeriod,
        (false, false, false) => Compliance::Compliant,
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
