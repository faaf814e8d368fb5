//! Commands and where they stand. One that is over (done, refused, superseded) never moves again.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};

use exgate_domain::command::{Command, CommandState, ListEdit};
use exgate_domain::ids::{CommandId, DeviceId, Generation, MailboxId, OrganizationId, Revision};
use exgate_domain::organization::Mode;
use exgate_proto::convert::{decode_edit, encode_edit};

use super::audit::{self, AuditAction, AuditEntry};
use super::columns::{Columns, Named, count, named};
use super::written::Tally;
use super::{RowKind, Store, StoreError, organizations};

/// A command and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredCommand {
    /// The command.
    pub command: Command,
    /// Where it stands.
    pub state: CommandState,
    /// When it was made.
    pub created_at: Timestamp,
    /// Its last receipt.
    pub answer: Option<StoredAnswer>,
}

/// What a receipt said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAnswer {
    /// When it came.
    pub at: Timestamp,
    /// The lease under which the command ran.
    pub generation: Generation,
    /// The cmdlet as sent; empty when none was.
    pub cmdlet: String,
    /// The Exchange server that answered; empty when none did.
    pub server: String,
    /// How long Exchange took.
    pub took: Duration,
    /// The W3C `traceparent` of the span it ran in.
    pub traceparent: String,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum StateName {
    Queued,
    Lent,
    Done,
    Refused,
    Unknown,
    Superseded,
}

named!(StateName, "state of a command", Queued, Lent, Done, Refused, Unknown, Superseded);

macro_rules! select {
    ($tail:literal) => {
        concat!(
            "SELECT number, id, organization, mailbox, generation, revision, edit, valid_for_ms,
                    traceparent, created_at, state, lent_generation, lent_until, state_at, reason,
                    answered_at, answered_generation, cmdlet, server, took_ms, answered_trace
             FROM commands ",
            $tail
        )
    };
}

impl Store {
    /// Adds commands that wait to be handed out.
    pub async fn create_commands(
        &self,
        commands: &[Command],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        for command in commands {
            create(&mut tx, command, now).await?;
        }
        self.commit(tx, Tally::of(RowKind::Command, commands.len() as u64)).await
    }

    /// Gets one command.
    pub async fn command(&self, id: CommandId) -> Result<Option<StoredCommand>, StoreError> {
        let mut connection = self.read.acquire().await?;
        Ok(get(&mut connection, id).await?.map(|(_, command)| command))
    }

    /// Lists an organization's commands that are not over, the oldest first.
    pub async fn open_commands(
        &self,
        organization: &OrganizationId,
    ) -> Result<Vec<StoredCommand>, StoreError> {
        let rows = sqlx::query(select!(
            "WHERE organization = ?1 AND state IN ('Queued', 'Lent', 'Unknown') ORDER BY number"
        ))
        .bind(organization.as_str())
        .fetch_all(&self.read)
        .await?;
        rows.iter().map(read).collect()
    }

    /// Moves a command to another state; false when it is over already or is not there.
    pub async fn set_command_state(
        &self,
        id: CommandId,
        state: &CommandState,
    ) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let moved = put_state(&mut tx, id, state).await?;
        self.commit(tx, Tally::of(RowKind::Command, moved.into())).await?;
        Ok(moved)
    }

    /// Moves a command to being handed out, unless its organization only observes by now; false when
    /// nothing may be sent.
    pub async fn lend_command(
        &self,
        organization: &OrganizationId,
        id: CommandId,
        generation: Generation,
        until: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let stored = organizations::get(&mut tx, organization).await?;
        if stored.is_none_or(|stored| stored.mode != Mode::Enforce) {
            return Ok(false);
        }
        let moved = put_state(&mut tx, id, &CommandState::Lent { generation, until }).await?;
        self.commit(tx, Tally::of(RowKind::Command, moved.into())).await?;
        Ok(moved)
    }

    /// Drops what was never handed out: it is computed anew. Says how many.
    pub async fn supersede_queued(
        &self,
        organization: &OrganizationId,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let dropped = sqlx::query(
            "UPDATE commands SET state = 'Superseded', state_at = ?2
             WHERE organization = ?1 AND state = 'Queued'",
        )
        .bind(organization.as_str())
        .bind(now.as_millisecond())
        .execute(&self.write)
        .await?;
        self.written.add(Tally::of(RowKind::Command, dropped.rows_affected()));
        Ok(dropped.rows_affected())
    }

    /// Everything handed out and not answered has an unknown outcome now. Says how many.
    pub async fn lent_to_unknown(
        &self,
        organization: &OrganizationId,
        reason: &str,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let lost = sqlx::query(
            "UPDATE commands SET state = 'Unknown', state_at = ?2, reason = ?3
             WHERE organization = ?1 AND state = 'Lent'",
        )
        .bind(organization.as_str())
        .bind(now.as_millisecond())
        .bind(reason)
        .execute(&self.write)
        .await?;
        self.written.add(Tally::of(RowKind::Command, lost.rows_affected()));
        Ok(lost.rows_affected())
    }

    /// Lists commands that touched a device of a mailbox, the newest first.
    pub async fn commands_of_device(
        &self,
        organization: &OrganizationId,
        mailbox: MailboxId,
        device: &DeviceId,
        limit: u32,
    ) -> Result<Vec<StoredCommand>, StoreError> {
        let rows = sqlx::query(select!(
            "WHERE number IN (
                 SELECT command FROM command_devices
                 WHERE organization = ?1 AND mailbox = ?2 AND device_id = ?3
                 ORDER BY command DESC LIMIT ?4)
             ORDER BY number DESC"
        ))
        .bind(organization.as_str())
        .bind(mailbox.guid().as_bytes().as_slice())
        .bind(device.folded())
        .bind(limit)
        .fetch_all(&self.read)
        .await?;
        rows.iter().map(read).collect()
    }
}

async fn create(
    tx: &mut SqliteConnection,
    command: &Command,
    now: Timestamp,
) -> Result<(), StoreError> {
    let mailbox = command.mailbox.guid().into_bytes();
    let number: i64 = sqlx::query_scalar(
        "INSERT INTO commands (id, organization, mailbox, generation, revision, edit, valid_for_ms,
                               traceparent, created_at, state)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 'Queued') RETURNING number",
    )
    .bind(command.id.guid().as_bytes().as_slice())
    .bind(command.organization.as_str())
    .bind(mailbox.as_slice())
    .bind(count(command.generation.get()))
    .bind(count(command.revision.get()))
    .bind(encode_edit(&command.edit))
    .bind(i64::try_from(command.valid_for.as_millis()).unwrap_or(i64::MAX))
    .bind(&command.traceparent)
    .bind(now.as_millisecond())
    .fetch_one(&mut *tx)
    .await?;
    for device in touched(&command.edit) {
        sqlx::query(
            "INSERT OR IGNORE INTO command_devices (organization, mailbox, device_id, command)
             VALUES (?1, ?2, ?3, ?4)",
        )
        .bind(command.organization.as_str())
        .bind(mailbox.as_slice())
        .bind(device.folded())
        .bind(number)
        .execute(&mut *tx)
        .await?;
    }
    let entry = AuditEntry {
        at: now,
        actor: "reconcile".to_owned(),
        action: AuditAction::CommandCreated,
        organization: Some(command.organization.clone()),
        subject: command.id.to_string(),
        detail: summary(command),
    };
    audit::put(tx, &entry).await
}

/// Every id that an edit names.
pub(super) fn touched(edit: &ListEdit) -> impl Iterator<Item = &DeviceId> {
    let ListEdit { allowed_add, allowed_remove, blocked_add, blocked_remove } = edit;
    [allowed_add, allowed_remove, blocked_add, blocked_remove].into_iter().flatten()
}

/// A command in one line.
fn summary(command: &Command) -> String {
    let ListEdit { allowed_add, allowed_remove, blocked_add, blocked_remove } = &command.edit;
    let part = |verb: &str, ids: &[DeviceId]| {
        let ids: Vec<_> = ids.iter().map(DeviceId::as_str).collect();
        (!ids.is_empty()).then(|| format!("{verb} {}", ids.join(" ")))
    };
    let parts = [
        part("allow", allowed_add),
        part("no longer allow", allowed_remove),
        part("block", blocked_add),
        part("no longer block", blocked_remove),
    ];
    let parts: Vec<_> = parts.into_iter().flatten().collect();
    format!("mailbox {}: {}", command.mailbox, parts.join(", "))
}

/// Gets a command and its row number.
pub(super) async fn get(
    connection: &mut SqliteConnection,
    id: CommandId,
) -> Result<Option<(i64, StoredCommand)>, StoreError> {
    let row = sqlx::query(select!("WHERE id = ?1"))
        .bind(id.guid().as_bytes().as_slice())
        .fetch_optional(connection)
        .await?;
    row.map(|row| Ok((row.try_get("number")?, read(&row)?))).transpose()
}

/// The open command of each of these mailboxes that has one.
pub(super) async fn open_by_mailbox(
    connection: &mut SqliteConnection,
    organization: &OrganizationId,
    guids: &str,
) -> Result<HashMap<MailboxId, StoredCommand>, StoreError> {
    let rows = sqlx::query(select!(
        "WHERE organization = ?1 AND state IN ('Queued', 'Lent', 'Unknown')
           AND mailbox IN (SELECT unhex(value) FROM json_each(?2))"
    ))
    .bind(organization.as_str())
    .bind(guids)
    .fetch_all(connection)
    .await?;
    let pair = |row| read(row).map(|stored| (stored.command.mailbox, stored));
    rows.iter().map(pair).collect()
}

/// Moves a command that is not over; says whether it moved.
pub(super) async fn put_state(
    tx: &mut SqliteConnection,
    id: CommandId,
    state: &CommandState,
) -> Result<bool, StoreError> {
    let (mut lent, mut until, mut at, mut why) = (None, None, None, "");
    match state {
        CommandState::Queued => {}
        CommandState::Lent { generation, until: end } => {
            (lent, until) = (Some(count(generation.get())), Some(end.as_millisecond()));
        }
        CommandState::Done { at: instant } | CommandState::Superseded { at: instant } => {
            at = Some(instant.as_millisecond());
        }
        CommandState::Refused { at: instant, reason }
        | CommandState::Unknown { since: instant, reason } => {
            (at, why) = (Some(instant.as_millisecond()), reason);
        }
    }
    let moved = sqlx::query(
        "UPDATE commands SET state = ?2, lent_generation = COALESCE(?3, lent_generation),
                lent_until = COALESCE(?4, lent_until), state_at = ?5, reason = ?6
         WHERE id = ?1 AND state IN ('Queued', 'Lent', 'Unknown')",
    )
    .bind(id.guid().as_bytes().as_slice())
    .bind(state_name(state).name())
    .bind(lent)
    .bind(until)
    .bind(at)
    .bind(why)
    .execute(tx)
    .await?;
    Ok(moved.rows_affected() == 1)
}

pub(super) fn state_name(state: &CommandState) -> StateName {
    match state {
        CommandState::Queued => StateName::Queued,
        CommandState::Lent { .. } => StateName::Lent,
        CommandState::Done { .. } => StateName::Done,
        CommandState::Refused { .. } => StateName::Refused,
        CommandState::Unknown { .. } => StateName::Unknown,
        CommandState::Superseded { .. } => StateName::Superseded,
    }
}

fn read(row: &SqliteRow) -> Result<StoredCommand, StoreError> {
    let at = || row.instant("state_at");
    let state = match row.variant("state")? {
        StateName::Queued => CommandState::Queued,
        StateName::Lent => CommandState::Lent {
            generation: Generation::new(row.number("lent_generation")?),
            until: row.instant("lent_until")?,
        },
        StateName::Done => CommandState::Done { at: at()? },
        StateName::Refused => CommandState::Refused { at: at()?, reason: row.text("reason")? },
        StateName::Unknown => CommandState::Unknown { since: at()?, reason: row.text("reason")? },
        StateName::Superseded => CommandState::Superseded { at: at()? },
    };
    let command = Command {
        id: CommandId::new(row.guid("id")?),
        organization: row.organization()?,
        generation: Generation::new(row.number("generation")?),
        revision: Revision::new(row.number("revision")?),
        mailbox: MailboxId::new(row.guid("mailbox")?),
        edit: decode_edit(row.try_get("edit")?)
            .map_err(|error| StoreError::damaged("edit", error))?,
        valid_for: Duration::from_millis(row.number("valid_for_ms")?),
        traceparent: row.text("traceparent")?,
    };
    let answer = row.instant_or_none("answered_at")?.map(|at| {
        Ok::<_, StoreError>(StoredAnswer {
            at,
            generation: Generation::new(row.number("answered_generation")?),
            cmdlet: row.text("cmdlet")?,
            server: row.text("server")?,
            took: Duration::from_millis(row.number("took_ms")?),
            traceparent: row.text("answered_trace")?,
        })
    });
    let created_at = row.instant("created_at")?;
    Ok(StoredCommand { command, state, created_at, answer: answer.transpose()? })
}
