//! Doing: both lists of one mailbox in one Set-CASMailbox, then Get-CASMailbox from the same domain
//! controller. What may have taken effect is `Unknown`, never repeated here.

use std::time::{Duration, Instant};

use exgate_domain::command::{ListEdit, ReceiptOutcome};
use exgate_domain::ids::{DeviceId, MailboxId};
use exgate_domain::observation::Mailbox;
use exgate_exchange::cmdlets::{Identity, ResultSize, Selection, get_cas_mailbox, set_cas_mailbox};
use exgate_exchange::error::{CmdletError, Refusal};
use exgate_exchange::session::Session;

use super::Remote;
use super::lane::Open;
use crate::exchange::Attempt;
use crate::translate;

impl Remote {
    /// Changes one mailbox's two lists and reads it back.
    pub(super) async fn write(
        &self,
        mailbox: MailboxId,
        edit: &ListEdit,
        start_by: Instant,
    ) -> Attempt {
        let begun = Instant::now();
        let mut lane = self.writes.lock().await;
        let (outcome, took) = match self.set(&mut lane, mailbox, edit, start_by).await {
            Ok(took) => (ReceiptOutcome::Done, took),
            Err(outcome) => (outcome, begun.elapsed()),
        };
        let is_unsent = |class: &String| UNSENT.contains(&class.as_str());
        let is_sent =
            !matches!(&outcome, ReceiptOutcome::Refused { class, .. } if is_unsent(class));
        let read_back = match &outcome {
            ReceiptOutcome::Done | ReceiptOutcome::Unknown { .. } => {
                self.read_back(&mut lane, mailbox).await
            }
            ReceiptOutcome::Refused { .. } => None,
        };
        let server = match lane.session().await {
            Ok(session) => session.front_end().unwrap_or_default().to_owned(),
            Err(_) => String::new(),
        };
        let server = if server.is_empty() { lane.host() } else { server };
        Attempt {
            outcome,
            read_back,
            cmdlet: if is_sent { in_words(mailbox, edit) } else { String::new() },
            server: if is_sent { server } else { String::new() },
            took,
        }
    }

    /// Runs the cmdlet; a session that had died before it could change anything is replaced once.
    async fn set(
        &self,
        lane: &mut Open<'_>,
        mailbox: MailboxId,
        edit: &ListEdit,
        start_by: Instant,
    ) -> Result<Duration, ReceiptOutcome> {
        let mut last = None;
        for _ in 0..2 {
            let session = lane.session().await.map_err(|error| unreachable(&error))?;
            let begun = Instant::now();
            in_time(begun, start_by)?;
            match self.set_once(session, mailbox, edit, start_by).await? {
                Ok(()) => return Ok(begun.elapsed()),
                Err(CmdletError::Session { source, .. }) => last = Some(source),
                Err(error @ CmdletError::OutcomeUnknown { .. }) => {
                    return Err(ReceiptOutcome::Unknown {
                        message: exgate_runtime::report(&error),
                    });
                }
                Err(error) => return Err(self.refused(&error)),
            }
        }
        Err(match last {
            Some(error) => unreachable(&error),
            None => refusal(UNREACHABLE, "no session with Exchange".to_owned()),
        })
    }

    async fn set_once(
        &self,
        session: &Session,
        mailbox: MailboxId,
        edit: &ListEdit,
        start_by: Instant,
    ) -> Result<Result<(), CmdletError>, ReceiptOutcome> {
        let invalid = |error: &dyn std::fmt::Display| refusal("Invalid", error.to_string());
        let identity = Identity::new(mailbox.to_string()).map_err(|error| invalid(&error))?;
        let edit = translate::list_edit(edit).map_err(|error| invalid(&error))?;
        let cmdlet = set_cas_mailbox(identity, edit, self.controller());
        Ok(session.execute_by(cmdlet, start_by).await.map(|_| ()))
    }

    fn refused(&self, error: &CmdletError) -> ReceiptOutcome {
        if error.refusal() == Some(&Refusal::DirectoryTrouble) {
            // The next attempt lets Exchange choose another domain controller.
            self.set_controller(None);
        }
        let class = if let CmdletError::NoTurn { .. } = error { TOO_LATE } else { error.word() };
        refusal(class, exgate_runtime::report(error))
    }

    async fn read_back(&self, lane: &mut Open<'_>, mailbox: MailboxId) -> Option<Mailbox> {
        let session = lane.session().await.ok()?;
        let identity = Identity::new(mailbox.to_string()).ok()?;
        let selection = Selection::One(identity);
        let cmdlet = get_cas_mailbox(selection, ResultSize::Unlimited, self.controller());
        let read = async { session.run(cmdlet).await?.collect().await };
        let Ok(rows) = tokio::time::timeout(self.read_back_limit, read).await else {
            tracing::warn!(%mailbox, "a mailbox was not read back in time");
            return None;
        };
        match rows {
            Ok(rows) => translate::mailbox(rows.into_iter().next()?).ok()?,
            Err(error) => {
                let error = exgate_runtime::report(&error);
                tracing::warn!(%mailbox, error, "could not read a mailbox back");
                None
            }
        }
    }
}

/// Class of a refusal for want of a session: no cmdlet was sent.
const UNREACHABLE: &str = "unreachable";
/// Class of a refusal because the session came too late: no cmdlet was sent.
const TOO_LATE: &str = "LeaseEnding";
/// The classes of refusal before any cmdlet was sent.
const UNSENT: [&str; 2] = [UNREACHABLE, TOO_LATE];

/// Refuses a cmdlet that would leave after the lease or the command may have ended.
fn in_time(now: Instant, start_by: Instant) -> Result<(), ReceiptOutcome> {
    if now <= start_by {
        return Ok(());
    }
    let late = now.saturating_duration_since(start_by);
    let message = format!("the session with Exchange was there {late:.1?} too late");
    Err(refusal(TOO_LATE, message))
}

fn unreachable(error: &(dyn std::error::Error + 'static)) -> ReceiptOutcome {
    refusal(UNREACHABLE, exgate_runtime::report(error))
}

fn refusal(class: &str, message: String) -> ReceiptOutcome {
    ReceiptOutcome::Refused { class: class.to_owned(), message }
}

/// The cmdlet as an administrator would type it, for the audit.
fn in_words(mailbox: MailboxId, edit: &ListEdit) -> String {
    let list = |name: &str, add: &[DeviceId], remove: &[DeviceId]| {
        let part = |verb: &str, ids: &[DeviceId]| {
            let ids: Vec<String> = ids.iter().map(|id| format!("'{id}'")).collect();
            (!ids.is_empty()).then(|| format!("{verb}={}", ids.join(",")))
        };
        let parts: Vec<String> =
            [part("Add", add), part("Remove", remove)].into_iter().flatten().collect();
        if parts.is_empty() { String::new() } else { format!(" -{name} @{{{}}}", parts.join("; ")) }
    };
    format!(
        "Set-CASMailbox {mailbox}{}{}",
        list("ActiveSyncAllowedDeviceIDs", &edit.allowed_add, &edit.allowed_remove),
        list("ActiveSyncBlockedDeviceIDs", &edit.blocked_add, &edit.blocked_remove),
    )
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_cmdlet_whose_session_came_too_late_is_not_sent() {
        let start_by = Instant::now();
        assert!(in_time(start_by, start_by).is_ok());
        let late = in_time(start_by + Duration::from_secs(3), start_by).unwrap_err();
        let ReceiptOutcome::Refused { class, .. } = late else { panic!("{late:?}") };
        assert!(UNSENT.contains(&class.as_str()), "{class}");
    }

    #[test]
    fn the_audit_shows_what_an_administrator_would_type() {
        let edit = ListEdit {
            allowed_add: vec!["A1".parse().unwrap(), "B2".parse().unwrap()],
            blocked_remove: vec!["A1".parse().unwrap()],
            ..ListEdit::default()
        };
        assert_eq!(
            in_words(MailboxId::new(Uuid::nil()), &edit),
            "Set-CASMailbox 00000000-0000-0000-0000-000000000000 \
             -ActiveSyncAllowedDeviceIDs @{Add='A1','B2'} -ActiveSyncBlockedDeviceIDs @{Remove='A1'}"
        );
    }
}
