//! Owns the decision: total and pure. The same bundle and case always give the same decision, every
//! case gets one, and a missing fact never makes a device compliant. The state that Exchange shows
//! for a device is not looked at: what should be does not depend on what is.

mod targeting;
mod compliance;
mod facts;

use jiff::Timestamp;

use exgate_domain::case::{Case, Management, Unmatched};
use exgate_domain::decision::{Compliance, Decision, Outcome, Reason, Tried};
use exgate_domain::policy::{Access, AccessPolicy};

use crate::bundles::{Bundle, Targeting};
use compliance::Assessment;
use targeting::Target;

/// Decides one case.
pub fn decide(bundle: &Bundle, case: &Case) -> Decision {
    let mut trace = Trace::default();
    let targeting = match targeting::select(bundle, case, &mut trace) {
        Target::Policy(targeting) => targeting,
        Target::Nobody(reason) => return leave(bundle, case, "", reason, trace),
        Target::LicenceUnknown(policy) => {
            return leave(bundle, case, &policy.name, Reason::NotLicensed, trace);
        }
    };
    let policy = &targeting.policy;
    let record = match &case.management {
        Management::Managed { record, basis: _ } => record,
        Management::Unmanaged(why) => {
            trace.tried(&policy.name, "managed", Outcome::NotSatisfied, unmatched(*why));
            let unmanaged = Verdict {
                access: policy.access.unmanaged,
                compliance: Compliance::NotEvaluated,
                reasons: vec![Reason::NotEnrolled],
                policy,
                look_again_at: None,
            };
            return decision(bundle, case, unmanaged, trace);
        }
        Management::Unavailable { why } => {
            trace.tried(&policy.name, "managed", Outcome::Unknown, why.clone());
            return leave(bundle, case, &policy.name, Reason::RecordsUnavailable, trace);
        }
    };
    let detail = format!("{} has record {:?}", record.provenance.source, record.id);
    trace.tried(&policy.name, "managed", Outcome::Satisfied, detail);
    let assessed = compliance::assess(bundle, targeting, case, record, &mut trace);
    decision(bundle, case, managed(targeting, assessed), trace)
}

/// What becomes of a managed device.
fn managed(targeting: &Targeting, assessed: Assessment) -> Verdict<'_> {
    let policy = &targeting.policy;
    let (access, first) = match assessed.compliance {
        Compliance::Compliant => (Access::Allow, Reason::Compliant),
        Compliance::InGracePeriod => (policy.access.in_grace_period, Reason::InGracePeriod),
        Compliance::NotCompliant => (policy.access.not_compliant, Reason::NotCompliant),
        // What was not evaluated is not known.
        Compliance::Unknown | Compliance::NotEvaluated => {
            (policy.access.unknown, Reason::ComplianceUnknown)
        }
    };
    let reasons = std::iter::once(first).chain(assessed.reasons).collect();
    let look_again_at = assessed.look_again_at;
    Verdict { access, compliance: assessed.compliance, reasons, policy, look_again_at }
}

/// What is decided by a policy, before it is a [`Decision`].
struct Verdict<'a> {
    access: Access,
    compliance: Compliance,
    reasons: Vec<Reason>,
    policy: &'a AccessPolicy,
    look_again_at: Option<Timestamp>,
}

fn decision(bundle: &Bundle, case: &Case, verdict: Verdict<'_>, trace: Trace) -> Decision {
    let Verdict { access, compliance, reasons, policy, look_again_at } = verdict;
    Decision {
        mailbox: case.mailbox.id,
        device_id: case.device.device_id.clone(),
        access,
        compliance,
        reasons,
        policy: policy.name.clone(),
        trace: trace.0,
        bundle: bundle.digest(),
        look_again_at,
    }
}

/// Touches nothing, for a reason that time alone does not change.
fn leave(bundle: &Bundle, case: &Case, policy: &str, reason: Reason, trace: Trace) -> Decision {
    Decision {
        mailbox: case.mailbox.id,
        device_id: case.device.device_id.clone(),
        access: Access::Leave,
        compliance: Compliance::NotEvaluated,
        reasons: vec![reason],
        policy: policy.to_owned(),
        trace: trace.0,
        bundle: bundle.digest(),
        look_again_at: None,
    }
}

fn unmatched(why: Unmatched) -> &'static str {
    match why {
        Unmatched::NoRecord => "no record has the device's ActiveSync id",
        Unmatched::OtherUser => "the record with the device's ActiveSync id is another person's",
        Unmatched::Ambiguous => "several records have the device's ActiveSync id",
    }
}

/// The rules tried, in order. A detail names instants and values, never an age: the same facts give
/// the same words at any time.
#[derive(Debug, Default)]
struct Trace(Vec<Tried>);

impl Trace {
    fn tried(&mut self, policy: &str, rule: &str, outcome: Outcome, detail: impl Into<String>) {
        self.0.push(Tried {
            policy: policy.to_owned(),
            rule: rule.to_owned(),
            outcome,
            detail: detail.into(),
        });
    }
}

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod tests;
