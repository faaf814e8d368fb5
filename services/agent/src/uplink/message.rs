//! Messages that have no domain value of their own, made from what the agent knows.

use exgate_domain::command::Receipt;
use exgate_domain::ids::RunId;
use exgate_domain::standing::Standing;
use exgate_proto::agent::v1 as pb;
use exgate_proto::agent::v1::attach_request::Message;
use exgate_proto::agent::v1::upload_observations_request::Part;

use crate::exchange::{Preflight, PreflightStep, Step};

/// Wraps something the agent says.
pub(super) fn say(message: Message) -> pb::AttachRequest {
    pb::AttachRequest { message: Some(message) }
}

/// Wraps a part of a snapshot.
pub(super) fn part(part: Part) -> pb::UploadObservationsRequest {
    pb::UploadObservationsRequest { part: Some(part) }
}

/// What the agent found out about its Exchange.
pub(super) fn preflight(found: &Preflight) -> pb::AttachRequest {
    let step = |step: &PreflightStep| pb::PreflightStep {
        name: step.name.to_owned(),
        ok: step.ok,
        finding: step.finding.clone(),
        cure: step.cure.clone(),
    };
    say(Message::Preflight(pb::Preflight {
        steps: found.steps.iter().map(step).collect(),
        server: found.server.clone(),
        exchange_version: found.exchange_version.clone(),
        filters_by_change: found.filters_by_change,
    }))
}

/// How the Exchange servers stand.
pub(super) fn standing(standing: &Standing) -> pb::AttachRequest {
    say(Message::Standing(standing.clone().into()))
}

/// What Exchange answered.
pub(super) fn receipt(receipt: Receipt) -> pb::AttachRequest {
    say(Message::Receipt(receipt.into()))
}

/// How a sync comes along.
pub(super) fn progress(run: RunId, step: Step, done: u64) -> pb::AttachRequest {
    let step = pb::RunStep::from(step);
    say(Message::RunProgress(pb::RunProgress { run_id: run.to_string(), step: step.into(), done }))
}

/// A sync is over; `failure` is empty when its snapshot was stored. It can resume when its look waits
/// for another upload.
pub(super) fn finished(run: RunId, failure: String, can_resume: bool) -> pb::AttachRequest {
    say(Message::RunFinished(pb::RunFinished { run_id: run.to_string(), failure, can_resume }))
}
