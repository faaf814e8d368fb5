//! Owns the decision: total and pure. The same bundle and case always give the same decision, every
//! case gets one, and a missing fact never makes a device compliant. The state that Exchange shows
//! for a device is not looked at: what should be does not depend on what is.
//!
//! The one path to a verdict is walked for decisions and for explanations alike; only who listens to
//! the rules that are tried differs ([`Listener`]).

mod listener;
mod fact;
mod reasons;
mod targeting;
mod local;
mod compliance;
mod facts;
mod limits;

pub(crate) use fact::{
    Contact, Fact, Limit, Own, Owner, Recorded, System, access_word, agent, owner_type, threat,
};
pub(crate) use facts::{build, version};
pub(crate) use listener::{Listener, Rule, Silence, in_words};
pub(crate) use local::under as lies_under;

use jiff::Timestamp;

use exgate_domain::case::{Case, Management, Unmatched};
use exgate_domain::decision::{Compliance, Decision, Outcome, Reason, Tried};
use exgate_domain::policy::{Access, ClassKind};
use exgate_domain::record::{ManagedDevice, ManagementAgent};

use crate::bundles::{Bundle, Membership, Targeting};
use crate::expressions::Facts;
use compliance::Assessment;
use listener::Trace;
use reasons::Reasons;
use targeting::Target;

/// Decides one case. The rules tried are not told.
pub fn decide(bundle: &Bundle, case: &Case) -> Decision {
    judge(bundle, case, &mut Silence).into_decision(bundle, case, Vec::new())
}

/// Decides one case, and tells the rules tried, in order.
pub fn decide_and_tell(bundle: &Bundle, case: &Case) -> Decision {
    let mut trace = Trace::default();
    let verdict = judge(bundle, case, &mut trace);
    verdict.into_decision(bundle, case, trace.0)
}

/// What is decided, without memory of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Verdict<'b> {
    pub(crate) access: Access,
    pub(crate) compliance: Compliance,
    pub(crate) reasons: Reasons,
    /// The access policy that decided; empty when none did.
    pub(crate) policy: &'b str,
    pub(crate) look_again_at: Option<Timestamp>,
}

impl<'b> Verdict<'b> {
    fn new(access: Access, reason: Reason, policy: &'b str) -> Self {
        let compliance = Compliance::NotEvaluated;
        Self { access, compliance, reasons: Reasons::of(reason), policy, look_again_at: None }
    }

    /// Looks again at the earliest instant after now.
    fn wake(&mut self, now: Timestamp, at: Option<Timestamp>) {
        let future = at.filter(|at| *at > now);
        self.look_again_at = [self.look_again_at, future].into_iter().flatten().min();
    }

    /// The decision about a case, with the rules tried.
    pub(crate) fn into_decision(self, bundle: &Bundle, case: &Case, trace: Vec<Tried>) -> Decision {
        Decision {
            mailbox: case.mailbox.id,
            device_id: case.device.device_id.clone(),
            access: self.access,
            compliance: self.compliance,
            reasons: self.reasons.to_vec(),
            policy: self.policy.to_owned(),
            trace,
            bundle: bundle.digest(),
            look_again_at: self.look_again_at,
        }
    }
}

/// Decides one case; the rules tried are told to the listener.
pub(crate) fn judge<'b, L: Listener>(
    bundle: &'b Bundle,
    case: &Case,
    listener: &mut L,
) -> Verdict<'b> {
    let groups = case.owner.as_ref().map(|owner| bundle.membership(&owner.groups));
    let groups = groups.unwrap_or_default();
    let targeting = match targeting::select(bundle, case, &groups, listener) {
        Target::Policy(targeting) => targeting,
        Target::Nobody(reason) => return Verdict::new(Access::Leave, reason, ""),
        Target::LicenceUnknown(targeting) => {
            return Verdict::new(Access::Leave, Reason::NotLicensed, &targeting.policy.name);
        }
    };
    let facts = Facts::of(case, bundle.asked());
    let mut look = Look { bundle, targeting, case, groups: &groups, facts, listener };
    let mut verdict = match local::first_match(&mut look) {
        Some(access) => Verdict::new(access, Reason::LocalRule, &targeting.policy.name),
        None => {
            let verdict = by_management(&mut look);
            limits::apply(&mut look, verdict)
        }
    };
    limits::protect(&mut look, &mut verdict);
    verdict.wake(case.now, look.facts.changes_at());
    verdict
}

/// One device while it is decided about.
struct Look<'b, 'c, L> {
    bundle: &'b Bundle,
    targeting: &'b Targeting,
    case: &'c Case,
    groups: &'c Membership,
    facts: Facts<'c>,
    listener: &'c mut L,
}

impl<'b, L: Listener> Look<'b, '_, L> {
    /// Name of the access policy.
    fn name(&self) -> &'b str {
        &self.targeting.policy.name
    }

    fn tried(&mut self, rule: Rule<'_>, outcome: Outcome, fact: Fact<'_>) {
        self.listener.tried(&self.targeting.policy.name, rule, outcome, fact);
    }
}

/// What the records lead to.
fn by_management<'b, L: Listener>(look: &mut Look<'b, '_, L>) -> Verdict<'b> {
    let (policy, case) = (&look.targeting.policy, look.case);
    let rule = Rule::Key("managed");
    match &case.management {
        Management::Managed { record, basis: _ } if is_managed(record) => {
            look.tried(rule, Outcome::Satisfied, Fact::Record(Recorded::Has(record)));
            let assessed = compliance::assess(look, record);
            managed(look, &assessed)
        }
        Management::Managed { record, basis: _ } => {
            look.tried(
                rule,
                Outcome::NotSatisfied,
                Fact::Record(Recorded::ManagedByEasAlone(record)),
            );
            unmanaged(look)
        }
        Management::Unmanaged(why) => {
            look.tried(rule, Outcome::NotSatisfied, Fact::Record(unmatched(*why)));
            unmanaged(look)
        }
        Management::Unavailable { why } => {
            look.tried(rule, Outcome::Unknown, Fact::Record(Recorded::Unavailable(why)));
            Verdict::new(policy.access.stale, Reason::RecordsUnavailable, look.name())
        }
    }
}

/// Exchange ActiveSync alone manages nothing: the MDM only saw the partnership.
pub(crate) fn is_managed(record: &ManagedDevice) -> bool {
    record.management_agent != Some(ManagementAgent::Eas)
}

fn unmatched(why: Unmatched) -> Recorded<'static> {
    match why {
        Unmatched::NoRecord => Recorded::Nowhere,
        Unmatched::OtherUser => Recorded::OtherUsers,
        Unmatched::Ambiguous => Recorded::Several,
    }
}

/// What becomes of a device that no MDM manages. Where its family and its model are exceptions, the
/// stricter one counts, as among Exchange's own rules.
fn unmanaged<'b, L: Listener>(look: &mut Look<'b, '_, L>) -> Verdict<'b> {
    let (policy, device) = (&look.targeting.policy, &look.case.device);
    let mut strictest = None;
    for exception in &policy.platform_exceptions {
        let name = match exception.kind {
            ClassKind::Family => &device.device_type,
            ClassKind::Model => &device.device_model,
        };
        let is_it = !name.is_empty() && same_text(name, &exception.name);
        let outcome = if is_it { Outcome::Satisfied } else { Outcome::NotSatisfied };
        let rule = Rule::Item { list: "platformExceptions", id: &exception.name };
        let fact = Fact::Record(Recorded::Class { kind: exception.kind, name });
        look.tried(rule, outcome, fact);
        if is_it {
            strictest = strictest.max(Some(exception.access));
        }
    }
    let Some(access) = strictest else {
        return Verdict::new(policy.access.unmanaged, Reason::NotEnrolled, look.name());
    };
    let mut verdict = Verdict::new(access, Reason::PlatformException, look.name());
    verdict.reasons.push(Reason::NotEnrolled);
    verdict
}

/// Whether texts are the same but for case.
fn same_text(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other) || !one.is_ascii() && one.to_lowercase() == other.to_lowercase()
}

/// What becomes of a managed device.
fn managed<'b, L: Listener>(look: &mut Look<'b, '_, L>, assessed: &Assessment) -> Verdict<'b> {
    let policy = &look.targeting.policy;
    let (mut access, first) = match assessed.compliance {
        Compliance::Compliant if policy.override_default_rule => (Access::Allow, Reason::Compliant),
        Compliance::Compliant => {
            let (rule, outcome) = (Rule::Key("overrideDefaultRule"), Outcome::NotSatisfied);
            look.tried(rule, outcome, Fact::Record(Recorded::LeftToExchange));
            (Access::Leave, Reason::Compliant)
        }
        Compliance::InGracePeriod => (policy.access.in_grace_period, Reason::InGracePeriod),
        Compliance::NotCompliant => (policy.access.not_compliant, Reason::NotCompliant),
        // What was not evaluated is not known.
        Compliance::Unknown | Compliance::NotEvaluated => {
            (policy.access.unknown, Reason::ComplianceUnknown)
        }
    };
    let mut reasons = Reasons::of(first);
    if assessed.escalated && assessed.compliance == Compliance::NotCompliant {
        access = Access::Block;
        reasons.push(Reason::Escalated);
    }
    reasons.extend(&assessed.reasons);
    let look_again_at = assessed.look_again_at;
    let compliance = assessed.compliance;
    Verdict { access, compliance, reasons, policy: &policy.name, look_again_at }
}

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod tests;
