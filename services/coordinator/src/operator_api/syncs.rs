//! `exgate.v1.SyncService`.

use exgate_domain::sync::{RunState, SyncMode};
use exgate_proto::convert::field::{enumeration, to_instant};
use exgate_proto::names::{OrganizationName, Parent, SyncRunName};
use exgate_proto::v1 as pb;
use exgate_proto::v1::sync_service_server::SyncService;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::{OperatorApi, name, page, trace_id};
use crate::operator::RunView;
use crate::runs::Step;

#[tonic::async_trait]
impl SyncService for OperatorApi {
    async fn run_sync(
        &self,
        request: Request<pb::RunSyncRequest>,
    ) -> Result<Response<pb::SyncRun>, Status> {
        let pb::RunSyncRequest { parent, mode, validate_only } = request.into_inner();
        let OrganizationName(id) = name("parent", &parent)?;
        let mode = enumeration::<pb::SyncMode, SyncMode>("mode", mode)?;
        Ok(Response::new(run(self.operator.run_sync(&id, mode, validate_only).await?)))
    }

    async fn get_sync_run(
        &self,
        request: Request<pb::GetSyncRunRequest>,
    ) -> Result<Response<pb::SyncRun>, Status> {
        let asked: SyncRunName = name("name", &request.into_inner().name)?;
        Ok(Response::new(run(self.operator.get_sync_run(&asked).await?)))
    }

    async fn list_sync_runs(
        &self,
        request: Request<pb::ListSyncRunsRequest>,
    ) -> Result<Response<pb::ListSyncRunsResponse>, Status> {
        let pb::ListSyncRunsRequest { parent, page_size, page_token } = request.into_inner();
        let Parent(of) = name("parent", &parent)?;
        let asked = page(page_size, page_token);
        let found = self.operator.list_sync_runs(of.as_ref(), &asked).await?;
        Ok(Response::new(pb::ListSyncRunsResponse {
            sync_runs: found.rows.into_iter().map(run).collect(),
            next_page_token: found.next,
        }))
    }
}

fn run(view: RunView) -> pb::SyncRun {
    let RunView { stored, progress, note } = view;
    let run = stored.run;
    let (state, ended_at, tally, failure) = match run.state {
        RunState::Pending => (pb::SyncRunState::Pending, None, None, None),
        RunState::Running { .. } => (pb::SyncRunState::Running, None, None, None),
        RunState::Succeeded { at, tally } => {
            (pb::SyncRunState::Succeeded, Some(at), Some(tally), note)
        }
        RunState::Failed { at, reason } => (pb::SyncRunState::Failed, Some(at), None, Some(reason)),
    };
    let tally = tally.unwrap_or_default();
    let (step, done, total) = progress.map_or_else(Default::default, |progress| {
        (progress.step.map_or("starting", in_words).to_owned(), progress.done, progress.total)
    });
    // A run that was only checked has no name.
    let is_real = run.id.guid() != Uuid::nil();
    let name = SyncRunName { organization: run.organization, run: run.id };
    pb::SyncRun {
        name: if is_real { name.to_string() } else { String::new() },
        mode: pb::SyncMode::from(run.mode).into(),
        trigger: pb::SyncTrigger::from(run.trigger).into(),
        state: state.into(),
        requested_at: Some(to_instant(run.requested_at)),
        started_at: stored.started_at.map(to_instant),
        ended_at: ended_at.map(to_instant),
        step,
        done,
        total,
        devices_seen: tally.seen,
        devices_added: tally.added,
        devices_changed: tally.changed,
        devices_unchanged: tally.unchanged,
        devices_removed: tally.removed,
        failure: failure.unwrap_or_default(),
        trace_id: trace_id(&run.traceparent),
    }
}

fn in_words(step: Step) -> &'static str {
    match step {
        Step::Mailboxes => "reading mailboxes",
        Step::Devices => "reading devices",
        Step::Organization => "reading the organization",
        Step::Waiting => "waiting for the agent to come back",
        Step::Deciding => "deciding",
    }
}
