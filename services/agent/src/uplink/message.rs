//! Messages that have no domain value of their own, made from what the agent knows.

use exgate_domain::check;
use exgate_domain::command::Receipt;
use exgate_domain::ids::{CheckId, RunId};
use exgate_domain::standing::Standing;
use exgate_domain::statistics::MailboxStatistics;
use exgate_proto::agent::v1 as pb;
use exgate_proto::agent::v1::attach_request::Message;
use exgate_proto::agent::v1::upload_observations_request::Part;

use crate::exchange::{Preflight, Step};

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
    let step = |step: &check::Step| pb::PreflightStep {
        name: step.name.clone(),
        ok: !step.has_failed(),
        finding: step.finding.clone(),
        cure: step.cure.clone(),
    };
    say(Message::Preflight(pb::Preflight {
        steps: found.steps.iter().map(step).collect(),
        server: found.server.clone(),
        exchange_version: found.exchange_version.clone(),
        filters_by_change: found.filters_by_change,
        may_not_write: found.may_not_write,
    }))
}

/// How the Exchange servers stand.
pub(super) fn standing(standing: &Standing) -> pb::AttachRequest {
    say(Message::Standing(standing.clone().into()))
}

/// What a mailbox knows of its devices.
pub(super) fn statistics(read: MailboxStatistics) -> pb::AttachRequest {
    say(Message::StatisticsRead(read.into()))
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

/// One more step of a check.
pub(super) fn check_step(check: CheckId, step: check::Step) -> pb::AttachRequest {
    let (check_id, step) = (check.to_string(), Some(step.into()));
    say(Message::CheckProgress(pb::CheckProgress { check_id, step }))
}

/// A check is over: what was found, or why it could not be run.
pub(super) fn check_finished(
    check: CheckId,
    found: Result<check::Report, String>,
) -> pb::AttachRequest {
    let (report, failure) = match found {
        Ok(report) => (Some(report.into()), String::new()),
        Err(failure) => (None, failure),
    };
    let check_id = check.to_string();
    say(Message::CheckFinished(pb::CheckFinished { check_id, report, failure }))
}
