//! Starts syncs and follows them. A sync that somebody stops waiting for goes on.

mod progress;

use std::time::Duration;

use exgate_proto::v1 as pb;
use serde_json::Value;

use super::Session;
use crate::args::{Format, Sync};
use crate::failure::Failure;
use crate::render::{array, count, message, object, short, short_id, sync_mode};
use progress::Progress;

/// How often a running sync is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Reason of the refusal when a sync of the organization is under way.
const ALREADY_RUNNING: &str = "SYNC_ALREADY_RUNNING";

/// Starts, and perhaps follows, what was asked for.
pub(super) async fn run(session: Session<'_>, sync: Sync) -> Result<(), Failure> {
    let mode = if sync.full { pb::SyncMode::Full } else { pb::SyncMode::Quick };
    let request =
        |parent| pb::RunSyncRequest { parent, mode: mode.into(), validate_only: sync.dry_run };
    let (runs, failures) = match &sync.org {
        Some(organization) => {
            (vec![start(session, request(organization.name()), sync.wait).await?], 0)
        }
        None => start_all(session, request, sync.wait).await?,
    };
    if sync.dry_run {
        return finish(session, &sync, &runs, failures, "would start");
    }
    if !sync.wait {
        for run in &runs {
            let name = &run.name;
            session.terminal.hint(&format!("started; follow it: exgate describe {name}"));
        }
        return finish(session, &sync, &runs, failures, "started");
    }
    let runs = follow(session, runs).await?;
    let failed: Vec<_> = runs.iter().filter(|run| is(run, pb::SyncRunState::Failed)).collect();
    if let (Some(only), 1, 0) = (failed.first(), runs.len(), failures) {
        if session.terminal.format == Format::Json {
            print(session, &sync, &runs, "")?;
        }
        return Err(Failure::SyncFailed {
            organization: organization(only).to_owned(),
            why: only.failure.clone(),
            trace: only.trace_id.clone(),
        });
    }
    for run in &failed {
        let (organization, why) = (organization(run), &run.failure);
        session.terminal.complain(&format!("error: sync of {organization} failed: {why}"));
    }
    finish(session, &sync, &runs, failures + failed.len(), "")
}

fn is(run: &pb::SyncRun, state: pb::SyncRunState) -> bool {
    run.state == i32::from(state)
}

fn organization(run: &pb::SyncRun) -> &str {
    run.name.split('/').nth(1).unwrap_or(&run.name)
}

/// Starts a sync. Whoever waits for its end also waits for the end of one that is under way.
async fn start(
    session: Session<'_>,
    request: pb::RunSyncRequest,
    waits: bool,
) -> Result<pb::SyncRun, Failure> {
    let mut is_told = false;
    loop {
        match session.coordinator.run_sync(request.clone()).await {
            Err(failure) if waits && failure.reason().as_deref() == Some(ALREADY_RUNNING) => {
                if !is_told {
                    let organization = short_id(&request.parent);
                    session.terminal.hint(&format!("{organization}: waiting for the running sync"));
                    is_told = true;
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
            started => return started,
        }
    }
}

/// Starts a sync in every organization; those that refuse are told and counted.
async fn start_all(
    session: Session<'_>,
    request: impl Fn(String) -> pb::RunSyncRequest,
    waits: bool,
) -> Result<(Vec<pb::SyncRun>, usize), Failure> {
    let all = pb::ListOrganizationsRequest::default();
    let organizations = session.coordinator.list_organizations(all, None).await?;
    let (mut runs, mut failures, mut first) = (Vec::new(), 0, None);
    for parent in organizations.into_iter().map(|it| it.name) {
        match start(session, request(parent.clone()), waits).await {
            Ok(run) => runs.push(run),
            Err(failure) => {
                let why = refusal(&failure);
                session.terminal.complain(&format!("error: {}: {why}", short_id(&parent)));
                failures += 1;
                first.get_or_insert(failure);
            }
        }
    }
    match first {
        // Nothing went well: then the first refusal is the answer.
        Some(failure) if runs.is_empty() => Err(failure),
        _ => Ok((runs, failures)),
    }
}

fn refusal(failure: &Failure) -> String {
    let reason = failure.reason().map(|it| format!("  [{it}]")).unwrap_or_default();
    if let Failure::Call { status, .. } = failure {
        return format!("{}{reason}", status.message());
    }
    format!("{failure}{reason}")
}

/// Looks at each run until all are over.
async fn follow(
    session: Session<'_>,
    mut runs: Vec<pb::SyncRun>,
) -> Result<Vec<pb::SyncRun>, Failure> {
    let mut progress = Progress::new(session.terminal, runs.len());
    for run in &runs {
        let name = &run.name;
        session.terminal.hint(&format!("following {name}; Ctrl-C ends the waiting, not the sync"));
    }
    let mut is_away = false;
    let mut clock = tokio::time::interval(LOOK_EVERY);
    loop {
        for (index, run) in runs.iter().enumerate() {
            progress.show(index, organization(run), run);
        }
        if runs.iter().all(progress::is_over) {
            return Ok(runs);
        }
        clock.tick().await;
        for run in runs.iter_mut().filter(|run| !progress::is_over(run)) {
            let request = pb::GetSyncRunRequest { name: run.name.clone() };
            match session.coordinator.get_sync(request).await {
                Ok(now) => (*run, is_away) = (now, false),
                // It keeps its runs, so a coordinator that starts again still knows this one.
                Err(failure) if failure.is_passing() => {
                    if !is_away {
                        session.terminal.hint("no coordinator answers; trying again");
                    }
                    is_away = true;
                }
                Err(failure) => return Err(failure),
            }
        }
    }
}

fn finish(
    session: Session<'_>,
    sync: &Sync,
    runs: &[pb::SyncRun],
    failed: usize,
    word: &str,
) -> Result<(), Failure> {
    print(session, sync, runs, word)?;
    let over = runs.iter().filter(|run| !is(run, pb::SyncRunState::Failed)).count();
    match (failed, over) {
        (0, _) => Ok(()),
        (failed, over) => Err(Failure::Partial { failed, of: failed + over }),
    }
}

/// One document, one name a line, or one sentence a line.
fn print(
    session: Session<'_>,
    sync: &Sync,
    runs: &[pb::SyncRun],
    word: &str,
) -> Result<(), Failure> {
    match session.terminal.format {
        Format::Json => {
            let document: Value = match (runs, sync.all) {
                ([only], false) => message(only)?,
                _ => object([("syncRuns", array(runs)?)]),
            };
            session.terminal.document(&document)
        }
        Format::Name => {
            let names: Vec<_> = runs.iter().map(|run| run.name.as_str()).collect();
            session.terminal.result(&names.join("\n"))
        }
        Format::Table | Format::Wide => {
            let lines: Vec<_> = runs.iter().map(|run| sentence(run, word)).collect();
            session.terminal.result(&lines.join("\n"))
        }
    }
}

fn sentence(run: &pb::SyncRun, word: &str) -> String {
    let head = format!("{}: {} sync", organization(run), sync_mode(run.mode));
    if !word.is_empty() {
        return format!("{head} {word}");
    }
    match pb::SyncRunState::try_from(run.state) {
        Ok(pb::SyncRunState::Succeeded) => {
            let took = super::get::took(run).map(|it| format!(" in {}", short(it)));
            format!(
                "{head} succeeded{}: {}, {} added, {} changed, {} unchanged, {} removed",
                took.unwrap_or_default(),
                count(run.devices_seen, "device"),
                run.devices_added,
                run.devices_changed,
                run.devices_unchanged,
                run.devices_removed,
            )
        }
        Ok(pb::SyncRunState::Failed) => format!("{head} failed: {}", run.failure),
        Ok(pb::SyncRunState::Pending) => format!("{head} is waiting for an agent"),
        Ok(pb::SyncRunState::Running) => format!("{head} is running"),
        Ok(pb::SyncRunState::Unspecified) | Err(_) => format!("{head} is in an unknown state"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Option<prost_types::Timestamp> {
        Some(prost_types::Timestamp { seconds, nanos: 0 })
    }

    #[test]
    fn the_end_of_a_sync_is_one_sentence() {
        let run = pb::SyncRun {
            name: "organizations/contoso/syncRuns/1".into(),
            mode: pb::SyncMode::Full.into(),
            state: pb::SyncRunState::Succeeded.into(),
            started_at: at(100),
            ended_at: at(174),
            devices_seen: 212,
            devices_added: 3,
            devices_changed: 1,
            devices_unchanged: 208,
            ..pb::SyncRun::default()
        };
        assert_eq!(
            sentence(&run, ""),
            "contoso: full sync succeeded in 1m14s: 212 devices, 3 added, 1 changed, \
             208 unchanged, 0 removed"
        );
        assert_eq!(sentence(&run, "started"), "contoso: full sync started");
        let failed = pb::SyncRun {
            state: pb::SyncRunState::Failed.into(),
            failure: "Exchange did not answer".into(),
            ..run
        };
        assert_eq!(sentence(&failed, ""), "contoso: full sync failed: Exchange did not answer");
    }
}
