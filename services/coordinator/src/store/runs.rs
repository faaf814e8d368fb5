//! Runs: at most one is open per organization, and beside it at most one read-back.

use jiff::Timestamp;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use exgate_domain::ids::{Generation, OrganizationId, RunId};
use exgate_domain::sync::{Run, RunState, Tally, Trigger};

use super::columns::{Columns, Named, count, named};
use super::written::Tally as Written;
use super::{RowKind, Store, StoreError};

/// A run and when it was handed out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRun {
    /// The run.
    pub run: Run,
    /// When it was handed to the agent.
    pub started_at: Option<Timestamp>,
    /// What went wrong although it succeeded; empty for nothing.
    pub note: String,
}

/// What came of creating a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunCreated {
    /// It waits for an agent.
    Created,
    /// This one is under way.
    AlreadyOpen(StoredRun),
}

/// How an organization's runs went, read-backs left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RunHistory {
    /// End of the last one that succeeded, quick or full.
    pub any_succeeded_at: Option<Timestamp>,
    /// End of the last quick one that succeeded.
    pub quick_succeeded_at: Option<Timestamp>,
    /// End of the last full one that succeeded.
    pub full_succeeded_at: Option<Timestamp>,
    /// How many failed since one succeeded.
    pub failures: u32,
    /// End of the last of those.
    pub failed_at: Option<Timestamp>,
    /// What the last full one found.
    pub last_full: Option<Tally>,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum StateName {
    Pending,
    Running,
    Succeeded,
    Failed,
}

named!(StateName, "state of a run", Pending, Running, Succeeded, Failed);

macro_rules! select {
    ($tail:literal) => {
        concat!(
            "SELECT number, id, organization, mode, cause, requested_at, traceparent, state,
                    generation, started_at, ended_at, seen, added, changed, unchanged, removed,
                    reason
             FROM runs ",
            $tail
        )
    };
}

impl Store {
    /// Adds a run that waits for an agent, unless one of its class is open.
    pub async fn create_run(&self, run: &Run) -> Result<RunCreated, StoreError> {
        let mut tx = self.begin().await?;
        let open = sqlx::query(select!(
            "WHERE organization = ?1 AND (cause = 'ReadBack') = ?2
               AND state IN ('Pending', 'Running')"
        ))
        .bind(run.organization.as_str())
        .bind(run.trigger == Trigger::ReadBack)
        .fetch_optional(&mut *tx)
        .await?;
        if let Some(row) = open {
            return Ok(RunCreated::AlreadyOpen(read(&row)?));
        }
        sqlx::query(
            "INSERT INTO runs (id, organization, mode, cause, requested_at, traceparent, state)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'Pending')",
        )
        .bind(run.id.guid().as_bytes().as_slice())
        .bind(run.organization.as_str())
        .bind(run.mode.name())
        .bind(run.trigger.name())
        .bind(run.requested_at.as_millisecond())
        .bind(&run.traceparent)
        .execute(&mut *tx)
        .await?;
        self.commit(tx, Written::of(RowKind::Run, 1)).await?;
        Ok(RunCreated::Created)
    }

    /// Gets one run.
    pub async fn run(&self, id: RunId) -> Result<Option<StoredRun>, StoreError> {
        let row = sqlx::query(select!("WHERE id = ?1"))
            .bind(id.guid().as_bytes().as_slice())
            .fetch_optional(&self.read)
            .await?;
        row.as_ref().map(read).transpose()
    }

    /// Lists the runs that are not over, the oldest first, of one or of all organizations.
    pub async fn open_runs(
        &self,
        organization: Option<&OrganizationId>,
    ) -> Result<Vec<StoredRun>, StoreError> {
        let rows = sqlx::query(select!(
            "WHERE state IN ('Pending', 'Running') AND (?1 IS NULL OR organization = ?1)
             ORDER BY number"
        ))
        .bind(organization.map(OrganizationId::as_str))
        .fetch_all(&self.read)
        .await?;
        rows.iter().map(read).collect()
    }

    /// Moves a run to another state; false when it was over already or is not there.
    pub async fn set_run_state(&self, id: RunId, state: &RunState) -> Result<bool, StoreError> {
        let (name, mut generation, mut since, mut end) = (state_name(state), None, None, None);
        let (mut tally, mut why) = (Tally::default(), "");
        match state {
            RunState::Pending => {}
            RunState::Running { generation: under, since: at } => {
                (generation, since) = (Some(count(under.get())), Some(at.as_millisecond()));
            }
            RunState::Succeeded { at, tally: found } => {
                (end, tally) = (Some(at.as_millisecond()), *found);
            }
            RunState::Failed { at, reason } => (end, why) = (Some(at.as_millisecond()), reason),
        }
        let changed = sqlx::query(
            "UPDATE runs SET
                 state = ?2, generation = COALESCE(?3, generation),
                 started_at = COALESCE(?4, started_at), ended_at = ?5,
                 reason = CASE WHEN ?6 = '' THEN reason ELSE ?6 END,
                 seen = ?7, added = ?8, changed = ?9, unchanged = ?10, removed = ?11
             WHERE id = ?1 AND state IN ('Pending', 'Running')",
        )
        .bind(id.guid().as_bytes().as_slice())
        .bind(name.name())
        .bind(generation)
        .bind(since)
        .bind(end)
        .bind(why)
        .bind(count(tally.seen))
        .bind(count(tally.added))
        .bind(count(tally.changed))
        .bind(count(tally.unchanged))
        .bind(count(tally.removed))
        .execute(&self.write)
        .await?;
        self.written.add(Written::of(RowKind::Run, changed.rows_affected()));
        Ok(changed.rows_affected() == 1)
    }

    /// Notes what goes wrong in a run that succeeds all the same.
    pub async fn set_run_note(&self, id: RunId, note: &str) -> Result<(), StoreError> {
        sqlx::query("UPDATE runs SET reason = ?2 WHERE id = ?1")
            .bind(id.guid().as_bytes().as_slice())
            .bind(note)
            .execute(&self.write)
            .await?;
        Ok(())
    }

    /// Lists runs, the newest first, of one or of all organizations; `before` is the last run of the
    /// page before.
    pub async fn runs(
        &self,
        organization: Option<&OrganizationId>,
        before: Option<RunId>,
        limit: u32,
    ) -> Result<Vec<StoredRun>, StoreError> {
        let before = before.map(|id| id.guid().as_bytes().to_vec());
        let rows = sqlx::query(select!(
            "WHERE (?1 IS NULL OR organization = ?1)
               AND (?2 IS NULL OR number < (SELECT number FROM runs WHERE id = ?2))
             ORDER BY number DESC LIMIT ?3"
        ))
        .bind(organization.map(OrganizationId::as_str))
        .bind(before)
        .bind(limit)
        .fetch_all(&self.read)
        .await?;
        rows.iter().map(read).collect()
    }

    /// Says how an organization's runs went.
    pub async fn run_history(
        &self,
        organization: &OrganizationId,
    ) -> Result<RunHistory, StoreError> {
        // Each end is found from the newest run backwards, never by reading all of them.
        let ends = sqlx::query(
            "WITH mine AS (SELECT * FROM runs WHERE organization = ?1 AND cause != 'ReadBack'),
                  good AS (SELECT * FROM mine WHERE state = 'Succeeded')
             SELECT (SELECT ended_at FROM good ORDER BY number DESC LIMIT 1) AS any_end,
                    (SELECT ended_at FROM good WHERE mode = 'Quick'
                     ORDER BY number DESC LIMIT 1) AS quick_end,
                    (SELECT ended_at FROM good WHERE mode = 'Full'
                     ORDER BY number DESC LIMIT 1) AS full_end,
                    (SELECT number FROM good ORDER BY number DESC LIMIT 1) AS last",
        )
        .bind(organization.as_str())
        .fetch_one(&self.read)
        .await?;
        let last: Option<i64> = ends.try_get("last")?;
        let failed = sqlx::query(
            "SELECT COUNT(*) AS failures, MAX(ended_at) AS failed_end FROM runs
             WHERE organization = ?1 AND cause != 'ReadBack' AND state = 'Failed' AND number > ?2",
        )
        .bind(organization.as_str())
        .bind(last.unwrap_or(0))
        .fetch_one(&self.read)
        .await?;
        let full = sqlx::query(select!(
            "WHERE organization = ?1 AND mode = 'Full' AND state = 'Succeeded'
             ORDER BY number DESC LIMIT 1"
        ))
        .bind(organization.as_str())
        .fetch_optional(&self.read)
        .await?;
        Ok(RunHistory {
            any_succeeded_at: ends.instant_or_none("any_end")?,
            quick_succeeded_at: ends.instant_or_none("quick_end")?,
            full_succeeded_at: ends.instant_or_none("full_end")?,
            failures: failed.try_get("failures")?,
            failed_at: failed.instant_or_none("failed_end")?,
            last_full: full.as_ref().map(tally).transpose()?,
        })
    }
}

pub(super) fn state_name(state: &RunState) -> StateName {
    match state {
        RunState::Pending => StateName::Pending,
        RunState::Running { .. } => StateName::Running,
        RunState::Succeeded { .. } => StateName::Succeeded,
        RunState::Failed { .. } => StateName::Failed,
    }
}

fn tally(row: &SqliteRow) -> Result<Tally, StoreError> {
    Ok(Tally {
        seen: row.number("seen")?,
        added: row.number("added")?,
        changed: row.number("changed")?,
        unchanged: row.number("unchanged")?,
        removed: row.number("removed")?,
    })
}

fn read(row: &SqliteRow) -> Result<StoredRun, StoreError> {
    let state = match row.variant("state")? {
        StateName::Pending => RunState::Pending,
        StateName::Running => RunState::Running {
            generation: Generation::new(row.number("generation")?),
            since: row.instant("started_at")?,
        },
        StateName::Succeeded => {
            RunState::Succeeded { at: row.instant("ended_at")?, tally: tally(row)? }
        }
        StateName::Failed => {
            RunState::Failed { at: row.instant("ended_at")?, reason: row.text("reason")? }
        }
    };
    let run = Run {
        id: RunId::new(row.guid("id")?),
        organization: row.organization()?,
        mode: row.variant("mode")?,
        trigger: row.variant("cause")?,
        requested_at: row.instant("requested_at")?,
        state,
        traceparent: row.text("traceparent")?,
    };
    let note = match run.state {
        RunState::Succeeded { .. } => row.text("reason")?,
        RunState::Pending | RunState::Running { .. } | RunState::Failed { .. } => String::new(),
    };
    Ok(StoredRun { run, started_at: row.instant_or_none("started_at")?, note })
}
