//! Messages that have no domain value of their own, to and from what the coordinator knows.

use tonic::Status;

use exgate_domain::ids::{AgentId, CheckId, Generation, MailboxId};
use exgate_domain::lease::{LEASE_TTL, LeaseRefused};
use exgate_domain::snapshot::PAGE_ROWS_MAX;
use exgate_proto::agent::v1 as pb;
use exgate_proto::agent::v1::attach_request::Message as Said;
use exgate_proto::agent::v1::attach_response::Message as Answer;
use exgate_proto::convert::field::{id, required, to_span};
use exgate_proto::convert::{Fault, Malformed};

use crate::agents::checks::Told;
use crate::agents::session::{Ended, Outgoing, StartSync};
use crate::agents::{Hello, Preflight};
use crate::runs::Step;
use crate::store::PreflightStep;

/// The most receipts of earlier times that an agent may announce.
const RECEIPTS_FOLLOWING_MAX: u32 = 100_000;

/// Reads the first message of a session.
pub(super) fn hello(first: Option<pb::AttachRequest>) -> Result<Hello, Status> {
    let message = first.and_then(|request| request.message);
    let Some(Said::Hello(hello)) = message else {
        return Err(Ended::Protocol("a session begins with Hello".to_owned()).into());
    };
    let pb::Hello { agent_id, organization, version, host, generation_seen, receipts_following } =
        hello;
    if receipts_following > RECEIPTS_FOLLOWING_MAX {
        let text = format!("{receipts_following} receipts are more than {RECEIPTS_FOLLOWING_MAX}");
        return Err(Ended::Protocol(text).into());
    }
    Ok(Hello {
        agent: id::<AgentId>("hello.agent_id", &agent_id)?,
        organization: id("hello.organization", &organization)?,
        version,
        host,
        generation_seen: Generation::new(generation_seen),
        receipts_following,
    })
}

/// Reads what the agent found out.
pub(super) fn preflight(found: pb::Preflight) -> Preflight {
    let pb::Preflight { steps, server, exchange_version, filters_by_change, may_not_write } = found;
    let step = |step: pb::PreflightStep| {
        let pb::PreflightStep { name, ok, finding, cure } = step;
        PreflightStep { name, ok, finding, cure }
    };
    let steps = steps.into_iter().map(step).collect();
    Preflight { steps, server, exchange_version, filters_by_change, may_not_write }
}

/// Reads a step of a check.
pub(super) fn check_progress(progress: pb::CheckProgress) -> Result<(CheckId, Told), Malformed> {
    let pb::CheckProgress { check_id, step } = progress;
    let step = required("step", step)?.try_into().map_err(|it: Malformed| it.within("step"))?;
    Ok((id::<CheckId>("check_id", &check_id)?, Told::Step(step)))
}

/// Reads the end of a check: a report, or why there is none.
pub(super) fn check_finished(finished: pb::CheckFinished) -> Result<(CheckId, Told), Malformed> {
    let pb::CheckFinished { check_id, report, failure } = finished;
    let id = id::<CheckId>("check_id", &check_id)?;
    if !failure.is_empty() {
        return Ok((id, Told::Refused(failure)));
    }
    let report = required("report", report)?.try_into();
    let report = report.map_err(|it: Malformed| it.within("report"))?;
    Ok((id, Told::Report(Box::new(report))))
}

/// Reads what a sync is doing.
pub(super) fn run_step(number: i32) -> Result<Step, Malformed> {
    match pb::RunStep::try_from(number) {
        Ok(pb::RunStep::Mailboxes) => Ok(Step::Mailboxes),
        Ok(pb::RunStep::Devices) => Ok(Step::Devices),
        Ok(pb::RunStep::Organization) => Ok(Step::Organization),
        Ok(pb::RunStep::Unspecified) => Err(Malformed::new("step", Fault::Unspecified)),
        Err(_) => Err(Malformed::new("step", Fault::UnknownNumber(number))),
    }
}

/// What is said, as a message; the end of a session is an error for the agent.
pub(super) fn answer(outgoing: Outgoing) -> Result<pb::AttachResponse, Status> {
    let message = match outgoing {
        Outgoing::Welcome => Answer::Welcome(pb::Welcome {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            page_rows_max: u32::try_from(PAGE_ROWS_MAX).unwrap_or(u32::MAX),
        }),
        Outgoing::LeaseGranted(lease) => Answer::LeaseGranted(pb::LeaseGranted {
            generation: lease.generation.get(),
            ttl: Some(to_span(LEASE_TTL)),
        }),
        Outgoing::LeaseRefused(LeaseRefused::Held { holder, wait }) => {
            Answer::LeaseRefused(pb::LeaseRefused {
                holder_agent_id: holder.to_string(),
                retry_after: Some(to_span(wait)),
            })
        }
        Outgoing::StartSync(start) => {
            let StartSync { run, scope, forget_digests, traceparent, domain_controller, resume } =
                *start;
            Answer::StartSync(pb::StartSync {
                run_id: run.to_string(),
                scope: Some(scope.into()),
                forget_digests,
                traceparent,
                domain_controller,
                resume: resume.map(pb::SnapshotResume::from),
            })
        }
        Outgoing::StartCheck { id, traceparent } => {
            Answer::StartCheck(pb::StartCheck { check_id: id.to_string(), traceparent })
        }
        Outgoing::ReadStatistics { mailboxes, traceparent } => {
            let guid = |mailbox: MailboxId| mailbox.guid().as_bytes().to_vec();
            let mailbox_guids = mailboxes.into_iter().map(guid).collect();
            Answer::ReadStatistics(pb::ReadStatistics { mailbox_guids, traceparent })
        }
        Outgoing::Command(command) => Answer::Command((*command).into()),
        Outgoing::ReceiptStored(command) => {
            Answer::ReceiptStored(pb::ReceiptStored { command_id: command.to_string() })
        }
        Outgoing::End(why) => return Err(why.into()),
    };
    Ok(pb::AttachResponse { message: Some(message) })
}
