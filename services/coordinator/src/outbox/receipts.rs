//! What became of commands: receipts, read-backs, and leases that ended before a receipt came.
//!
//! A receipt has an effect only on a command that is handed out under the very lease it ran under;
//! any other is recorded and changes nothing.

use jiff::{SignedDuration, Timestamp};

use exgate_domain::command::{CommandState, Receipt, ReceiptOutcome};
use exgate_domain::ids::{Generation, MailboxId, OrganizationId};
use exgate_domain::sync::Completeness;

use super::{Outbox, Standstill};
use crate::store::{Answer, Answered, StoreError, StoredCommand};

/// The wait after the first refusal; it doubles.
const RETRY_FIRST: SignedDuration = SignedDuration::from_mins(1);
/// The longest wait after a refusal.
const RETRY_LONGEST: SignedDuration = SignedDuration::from_hours(1);
/// The wait after a command that Exchange never saw.
const PUT_OFF_FOR: SignedDuration = SignedDuration::from_secs(2);
/// The longest wait after commands did not get through.
const STANDSTILL_LONGEST: SignedDuration = SignedDuration::from_mins(1);
/// How long a cmdlet whose answer was lost may still take effect: longer than any agent may be set to
/// wait for one.
const LATE_EFFECT_MAX: SignedDuration = SignedDuration::from_secs(20);
/// The classes of refusal by which an agent puts a command off.
const PUT_OFF: [&str; 4] = ["LeaseLost", "LeaseEnding", "Expired", "Overtaken"];
/// The classes of refusal that every command would meet now, whatever its mailbox.
const STANDSTILL: [&str; 5] =
    ["unreachable", "throttled", "cmdlet_missing", "parameter_missing", "JournalUnavailable"];

/// What a receipt means for its command.
struct Meaning<'a> {
    state: CommandState,
    retry_at: Option<Timestamp>,
    has_effect: bool,
    receipt: &'a Receipt,
}

impl Outbox {
    /// Stores a receipt and what follows from it.
    ///
    /// # Errors
    /// When the store fails; the agent then sends it again.
    pub async fn receipt(
        &self,
        organization: &OrganizationId,
        receipt: Receipt,
    ) -> Result<(), StoreError> {
        let command = receipt.command;
        let stored = self.0.store.command(command).await?;
        let Some(stored) = stored.filter(|it| it.command.organization == *organization) else {
            tracing::warn!(%organization, %command, "receipt is for no command of ours");
            return Ok(());
        };
        let now = self.0.clock.now();
        let attempts = self.attempts(organization, stored.command.mailbox).await?;
        let meaning = meaning(&stored, &receipt, attempts, now);
        let answered = self
            .0
            .store
            .answer_command(&Answer {
                receipt: meaning.receipt,
                state: meaning.state.clone(),
                observed: receipt.read_back.as_ref().filter(|_| meaning.has_effect),
                retry_at: meaning.retry_at,
                traceparent: &receipt.traceparent,
                at: now,
            })
            .await?;
        match answered {
            Answered::Stored => {
                self.0.metrics.answered(organization, &receipt.outcome);
                self.note(organization, &receipt.outcome, now);
                log(organization, &receipt, &meaning);
            }
            Answered::Repeated | Answered::UnknownCommand => {
                tracing::info!(%organization, %command, "receipt came again");
            }
        }
        self.wake();
        Ok(())
    }

    /// Notes whether commands get through to Exchange.
    fn note(&self, organization: &OrganizationId, outcome: &ReceiptOutcome, now: Timestamp) {
        let mut organizations = self.organizations();
        let moment = organizations.entry(organization.clone()).or_default();
        match outcome {
            ReceiptOutcome::Done => moment.standstill = None,
            ReceiptOutcome::Refused { class, .. } if STANDSTILL.contains(&class.as_str()) => {
                // Those that were on their way at the same time say nothing new.
                let tries = match moment.standstill {
                    Some(standstill) if standstill.until > now => return,
                    Some(standstill) => standstill.tries.saturating_add(1),
                    None => 0,
                };
                let wait = doubled(PUT_OFF_FOR, tries, STANDSTILL_LONGEST);
                moment.standstill = Some(Standstill { until: later(now, wait), tries });
                tracing::warn!(%organization, class, tries, "commands do not get through");
            }
            ReceiptOutcome::Refused { .. } | ReceiptOutcome::Unknown { .. } => {}
        }
    }

    async fn attempts(
        &self,
        organization: &OrganizationId,
        mailbox: MailboxId,
    ) -> Result<u32, StoreError> {
        let view = self.0.store.mailbox_view(organization, mailbox).await?;
        Ok(view.map_or(0, |view| view.attempts))
    }

    /// A new lease was granted and every receipt of earlier times is stored: what was handed out
    /// before and is not answered has an unknown outcome, and what was not is computed anew.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn settle(
        &self,
        organization: &OrganizationId,
        generation: Generation,
    ) -> Result<(), StoreError> {
        let now = self.0.clock.now();
        let _turn = self.0.stepping.lock().await;
        self.0.store.supersede_queued(organization, now).await?;
        let reason = format!("lease {generation} was granted before a receipt came");
        let lost = self.0.store.lent_to_unknown(organization, &reason, now).await?;
        if lost > 0 {
            tracing::warn!(%organization, %generation, commands = lost, "commands have no receipt");
        }
        Ok(())
    }

    /// Mailboxes were read back, and what they show is stored: ends the commands of unknown outcome
    /// that were waiting for it.
    ///
    /// # Errors
    /// When the store fails; they are then read back again.
    pub async fn read_back(
        &self,
        organization: &OrganizationId,
        mailboxes: &[MailboxId],
        completeness: &Completeness,
        started: Timestamp,
    ) -> Result<(), StoreError> {
        let now = self.0.clock.now();
        let _turn = self.0.stepping.lock().await;
        for stored in self.0.store.open_commands(organization).await? {
            let CommandState::Unknown { since, .. } = stored.state else { continue };
            let command = stored.command;
            // What became unknown only after the look began was perhaps not yet written by then.
            if !mailboxes.contains(&command.mailbox) || since > started {
                continue;
            }
            let view = self.0.store.mailbox_view(organization, command.mailbox).await?;
            // The first time it is tried again at once.
            let before = view.as_ref().and_then(|view| view.attempts.checked_sub(1));
            let retry_at = before.map(|attempts| later(now, back_off(attempts)));
            // A cmdlet goes on at Exchange after its sender is gone: what it has not done yet, it may
            // still do, after whatever would be written in its place.
            let may_come = later(since, LATE_EFFECT_MAX) > started;
            let state = match view {
                Some(view) if command.edit.is_done(&view.mailbox) => CommandState::Done { at: now },
                Some(_) | None if may_come => continue,
                Some(_) if completeness.is_complete() => CommandState::Refused {
                    at: now,
                    reason: "read back: the change was not made".to_owned(),
                },
                None if completeness.is_complete() => {
                    CommandState::Refused { at: now, reason: "the mailbox is gone".to_owned() }
                }
                Some(_) | None => continue,
            };
            tracing::info!(%organization, command = %command.id, ?state, "command was read back");
            self.0.store.settle_command(command.id, &state, retry_at, now).await?;
        }
        self.expire(organization).await
    }
}

/// What follows from a receipt.
fn meaning<'a>(
    stored: &StoredCommand,
    receipt: &'a Receipt,
    attempts: u32,
    now: Timestamp,
) -> Meaning<'a> {
    let nothing =
        |state: CommandState| Meaning { state, retry_at: None, has_effect: false, receipt };
    let is_lent_under_it = matches!(
        &stored.state,
        CommandState::Lent { generation, .. } if *generation == receipt.generation
    );
    if !is_lent_under_it {
        return nothing(stored.state.clone());
    }
    let unknown = |reason: &str| CommandState::Unknown { since: now, reason: reason.to_owned() };
    match &receipt.outcome {
        ReceiptOutcome::Done => match &receipt.read_back {
            None => nothing(unknown("it ran, but the mailbox was not read back")),
            Some(mailbox) => {
                let (state, retry_at) = if stored.command.edit.is_done(mailbox) {
                    (CommandState::Done { at: now }, None)
                } else {
                    let reason = "Exchange reported no error, but the mailbox does not show it";
                    let state = CommandState::Refused { at: now, reason: reason.to_owned() };
                    (state, Some(later(now, back_off(attempts))))
                };
                Meaning { state, retry_at, has_effect: true, receipt }
            }
        },
        ReceiptOutcome::Unknown { message } => nothing(unknown(message)),
        ReceiptOutcome::Refused { class, message } => {
            let unseen = PUT_OFF.iter().chain(&STANDSTILL).any(|known| known == class);
            let wait = if unseen { PUT_OFF_FOR } else { back_off(attempts) };
            Meaning {
                state: CommandState::Refused { at: now, reason: format!("{class}: {message}") },
                retry_at: Some(later(now, wait)),
                has_effect: true,
                receipt,
            }
        }
    }
}

/// How long a mailbox waits after so many refusals in a row.
fn back_off(attempts: u32) -> SignedDuration {
    doubled(RETRY_FIRST, attempts, RETRY_LONGEST)
}

fn doubled(first: SignedDuration, times: u32, longest: SignedDuration) -> SignedDuration {
    let factor = 1_i32.checked_shl(times.min(20)).unwrap_or(i32::MAX);
    first.checked_mul(factor).unwrap_or(longest).min(longest)
}

fn later(now: Timestamp, wait: SignedDuration) -> Timestamp {
    now.checked_add(wait).unwrap_or(Timestamp::MAX)
}

fn log(organization: &OrganizationId, receipt: &Receipt, meaning: &Meaning<'_>) {
    let (command, generation) = (receipt.command, receipt.generation);
    match &meaning.state {
        CommandState::Done { .. } => {
            tracing::info!(%organization, %command, %generation, server = receipt.server, "command is done");
        }
        CommandState::Refused { reason, .. } => {
            tracing::warn!(%organization, %command, %generation, reason, "command was refused");
        }
        CommandState::Unknown { reason, .. } => {
            tracing::warn!(%organization, %command, %generation, reason, "command has an unknown outcome");
        }
        CommandState::Queued | CommandState::Lent { .. } | CommandState::Superseded { .. } => {
            tracing::warn!(%organization, %command, %generation, "receipt was recorded without effect");
        }
    }
}
