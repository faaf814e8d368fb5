//! Receipts. One transaction stores what Exchange answered, what the mailbox shows since, which list
//! entries are exgate's now, and when the next attempt may be made.

use jiff::Timestamp;
use sqlx::SqliteConnection;

use exgate_domain::command::{Command, CommandState, Receipt};
use exgate_domain::ids::{CommandId, DeviceId};
use exgate_domain::observation::{Mailbox, Observation};

use super::audit::{self, AuditAction, AuditEntry};
use super::columns::{Named, count};
use super::keys::{KeyMap, Known};
use super::observed::{Row, tally, upsert};
use super::written::Tally;
use super::{ListName, RowKind, Store, StoreError, cases, commands, intents};

/// A receipt and what it is taken to mean.
#[derive(Debug, Clone)]
pub struct Answer<'a> {
    /// The receipt.
    pub receipt: &'a Receipt,
    /// Where the command stands now.
    pub state: CommandState,
    /// What the mailbox shows now; none when the receipt has no read-back or may not have effects.
    pub observed: Option<&'a Mailbox>,
    /// When the mailbox may be tried again, when it was refused.
    pub retry_at: Option<Timestamp>,
    /// The W3C `traceparent` of the span it ran in.
    pub traceparent: &'a str,
    /// When the receipt came.
    pub at: Timestamp,
}

/// What came of storing a receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answered {
    /// It is stored.
    Stored,
    /// The command is over: nothing changed.
    Repeated,
    /// There is no such command.
    UnknownCommand,
}

impl Store {
    /// Stores a receipt and its effects.
    pub async fn answer_command(&self, answer: &Answer<'_>) -> Result<Answered, StoreError> {
        let Some(stored) = self.command(answer.receipt.command).await? else {
            return Ok(Answered::UnknownCommand);
        };
        let command = stored.command;
        let mut keys = self.keys(&command.organization).await;
        let mut tx = self.begin().await?;
        if !commands::put_state(&mut tx, command.id, &answer.state).await? {
            return Ok(Answered::Repeated);
        }
        put_receipt(&mut tx, answer).await?;
        consequences(&mut tx, &command, &answer.state, answer.retry_at, answer.at).await?;
        let mut written = Tally::of(RowKind::Command, 1);
        let mut map = keys.take(&mut tx).await?;
        let mut change = None;
        if let Some(mailbox) = answer.observed {
            change = observe(&mut tx, &command, &map, mailbox, answer.at).await?;
            if let Some((row, _)) = &change {
                written = tally(std::iter::once(&row.key));
                written.add(RowKind::Command, 1);
            }
        }
        let detail =
            format!("{}: {}", commands::state_name(&answer.state).name(), answer.receipt.cmdlet);
        audited(&mut tx, &command, AuditAction::CommandAnswered, detail, answer.at).await?;
        self.commit(tx, written).await?;
        if let Some((row, id)) = change {
            let read_back_at = Some(answer.at);
            map.insert(row.key, Known { row: id, digest: row.digest, read_back_at });
        }
        keys.put_back(map);
        Ok(Answered::Stored)
    }

    /// Ends a command of unknown outcome after its mailbox was read back, or one that is given up;
    /// false when it is over already or is not there.
    pub async fn settle_command(
        &self,
        id: CommandId,
        state: &CommandState,
        retry_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let Some((_, stored)) = commands::get(&mut tx, id).await? else { return Ok(false) };
        if !commands::put_state(&mut tx, id, state).await? {
            return Ok(false);
        }
        consequences(&mut tx, &stored.command, state, retry_at, now).await?;
        let detail = commands::state_name(state).name().to_owned();
        audited(&mut tx, &stored.command, AuditAction::CommandSettled, detail, now).await?;
        self.commit(tx, Tally::of(RowKind::Command, 1)).await?;
        Ok(true)
    }
}

async fn put_receipt(tx: &mut SqliteConnection, answer: &Answer<'_>) -> Result<(), StoreError> {
    let receipt = answer.receipt;
    sqlx::query(
        "UPDATE commands SET answered_at = ?2, answered_generation = ?3, cmdlet = ?4, server = ?5,
                took_ms = ?6, answered_trace = ?7
         WHERE id = ?1",
    )
    .bind(receipt.command.guid().as_bytes().as_slice())
    .bind(answer.at.as_millisecond())
    .bind(count(receipt.generation.get()))
    .bind(&receipt.cmdlet)
    .bind(&receipt.server)
    .bind(i64::try_from(receipt.took.as_millis()).unwrap_or(i64::MAX))
    .bind(answer.traceparent)
    .execute(tx)
    .await?;
    Ok(())
}

/// Whose the entries are now, when to try again, and that the mailbox has to be compared.
async fn consequences(
    tx: &mut SqliteConnection,
    command: &Command,
    state: &CommandState,
    retry_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<(), StoreError> {
    match state {
        CommandState::Done { .. } => {
            own(tx, command, now).await?;
            attempts(tx, command, false, None).await?;
        }
        CommandState::Refused { .. } => attempts(tx, command, true, retry_at).await?,
        CommandState::Queued
        | CommandState::Lent { .. }
        | CommandState::Unknown { .. }
        | CommandState::Superseded { .. } => {}
    }
    intents::mark(tx, &command.organization, command.mailbox).await
}

async fn own(
    tx: &mut SqliteConnection,
    command: &Command,
    now: Timestamp,
) -> Result<(), StoreError> {
    let edit = &command.edit;
    let owned =
        |list, ids: &[DeviceId]| ids.iter().map(|id| (list, id.folded())).collect::<Vec<_>>();
    let added =
        [owned(ListName::Allowed, &edit.allowed_add), owned(ListName::Blocked, &edit.blocked_add)];
    let removed = [
        owned(ListName::Allowed, &edit.allowed_remove),
        owned(ListName::Blocked, &edit.blocked_remove),
    ];
    for (list, id) in added.into_iter().flatten() {
        sqlx::query(
            "INSERT OR IGNORE INTO owned_entries (organization, mailbox, list, device_id, since)
             VALUES (?1, ?2, ?3, ?4, ?5)",
        )
        .bind(command.organization.as_str())
        .bind(command.mailbox.guid().as_bytes().as_slice())
        .bind(list.name())
        .bind(id)
        .bind(now.as_millisecond())
        .execute(&mut *tx)
        .await?;
    }
    for (list, id) in removed.into_iter().flatten() {
        sqlx::query(
            "DELETE FROM owned_entries
             WHERE organization = ?1 AND mailbox = ?2 AND list = ?3 AND device_id = ?4",
        )
        .bind(command.organization.as_str())
        .bind(command.mailbox.guid().as_bytes().as_slice())
        .bind(list.name())
        .bind(id)
        .execute(&mut *tx)
        .await?;
    }
    Ok(())
}

async fn attempts(
    tx: &mut SqliteConnection,
    command: &Command,
    refused: bool,
    retry_at: Option<Timestamp>,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE intents SET attempts = CASE WHEN ?3 THEN attempts + 1 ELSE 0 END, next_try_at = ?4
         WHERE organization = ?1 AND mailbox = ?2",
    )
    .bind(command.organization.as_str())
    .bind(command.mailbox.guid().as_bytes().as_slice())
    .bind(refused)
    .bind(retry_at.map(Timestamp::as_millisecond))
    .execute(tx)
    .await?;
    Ok(())
}

/// Takes a read-back into the inventory when it differs from what is stored.
async fn observe(
    tx: &mut SqliteConnection,
    command: &Command,
    map: &KeyMap,
    mailbox: &Mailbox,
    now: Timestamp,
) -> Result<Option<(Row, i64)>, StoreError> {
    let organization = &command.organization;
    let row = Row::of(&Observation::Mailbox(mailbox.clone()));
    if map.get(&row.key).is_some_and(|known| known.digest == row.digest) {
        return Ok(None);
    }
    let ids = upsert(tx, organization, std::slice::from_ref(&row), now).await?;
    let Some(id) = ids.get(&row.key).copied() else { return Ok(None) };
    cases::mark_mailboxes(tx, organization, &[id], now).await?;
    Ok(Some((row, id)))
}

async fn audited(
    tx: &mut SqliteConnection,
    command: &Command,
    action: AuditAction,
    detail: String,
    at: Timestamp,
) -> Result<(), StoreError> {
    let entry = AuditEntry {
        at,
        actor: "outbox".to_owned(),
        action,
        organization: Some(command.organization.clone()),
        subject: command.id.to_string(),
        detail,
    };
    audit::put(tx, &entry).await
}
