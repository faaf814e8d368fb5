//! What a mailbox knows of its devices: one call per mailbox, beside all other reads and never before a
//! change. That a mailbox cannot say is an answer; only what keeps any mailbox from being asked is not.

use exgate_domain::ids::MailboxId;
use exgate_domain::statistics::{DEVICES_PER_MAILBOX_MAX, DeviceStatistics, StatisticsOutcome};
use exgate_exchange::cmdlets::{
    DeviceFamily, Identity, StatisticsSelection, get_device_statistics,
};
use exgate_exchange::error::{CmdletError, Refusal};
use exgate_exchange::session::Session;

use super::Remote;
use crate::translate;

/// How often a mailbox is asked when the session turns out to be dead.
const TRIES_MAX: u32 = 2;

impl Remote {
    /// Asks one mailbox for the statistics of its devices.
    pub(super) async fn ask_mailbox(&self, mailbox: MailboxId) -> StatisticsOutcome {
        let not_asked = |why: &str| StatisticsOutcome::NotAsked(why.to_owned());
        let Some(server) = self.server.get() else {
            return not_asked("nobody has asked yet what the server can do");
        };
        let Ok(identity) = Identity::new(mailbox.to_string()) else {
            return not_asked("the mailbox cannot be named");
        };
        let mut outcome = not_asked("there is no session with Exchange");
        for _ in 0..TRIES_MAX {
            let mut lane = self.reads.lock().await;
            let session = match lane.session().await {
                Ok(session) => session,
                Err(error) => return StatisticsOutcome::NotAsked(exgate_runtime::report(&error)),
            };
            match self.statistics_of(session, server.family, identity.clone()).await {
                Ok(read) => return read,
                Err(error) => {
                    let is_dead = error.is_session_dead();
                    outcome = failed(&error);
                    if !is_dead {
                        break;
                    }
                }
            }
        }
        outcome
    }

    async fn statistics_of(
        &self,
        session: &Session,
        family: DeviceFamily,
        mailbox: Identity,
    ) -> Result<StatisticsOutcome, CmdletError> {
        let selection = StatisticsSelection::OfMailbox(mailbox);
        let cmdlet = get_device_statistics(family, selection, self.controller());
        let name = cmdlet.name();
        let mut stream = session.run(cmdlet).await?;
        let mut read: Vec<DeviceStatistics> = Vec::new();
        while let Some(row) = stream.next().await? {
            if read.len() >= DEVICES_PER_MAILBOX_MAX {
                let why = format!("it has more than {DEVICES_PER_MAILBOX_MAX} devices");
                return Ok(StatisticsOutcome::Unknown(why));
            }
            match translate::statistics::statistics(row) {
                Ok(statistics) => read.push(statistics),
                Err(error) => {
                    let error = exgate_runtime::report(&error);
                    tracing::warn!(cmdlet = name, error, "left out what cannot be told");
                }
            }
        }
        // Some devices beside an error are told; the others are unknown.
        match stream.summary().errors.first() {
            Some(record) if read.is_empty() => {
                Ok(StatisticsOutcome::Unknown(record.message.clone()))
            }
            Some(_) | None => Ok(StatisticsOutcome::Read(read)),
        }
    }
}

/// Whether a failure is the mailbox's own, or would meet every other mailbox too.
fn failed(error: &CmdletError) -> StatisticsOutcome {
    let why = exgate_runtime::report(error);
    match error {
        CmdletError::Refused { record, refusal, .. } => match refusal {
            Refusal::CmdletMissing
            | Refusal::ParameterMissing(_)
            | Refusal::Forbidden
            | Refusal::Throttled(_)
            | Refusal::DirectoryTrouble => StatisticsOutcome::NotAsked(why),
            Refusal::NotFound
            | Refusal::Ambiguous
            | Refusal::NotFilterable
            | Refusal::MailboxBusy
            | Refusal::MailboxUnavailable
            | Refusal::Other => StatisticsOutcome::Unknown(record.message.clone()),
        },
        CmdletError::Session { .. }
        | CmdletError::OutcomeUnknown { .. }
        | CmdletError::NoTurn { .. }
        | CmdletError::Stopped { .. } => StatisticsOutcome::NotAsked(why),
        CmdletError::TimedOut { .. }
        | CmdletError::Prompted { .. }
        | CmdletError::Row { .. }
        | CmdletError::Incomplete { .. } => StatisticsOutcome::Unknown(why),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use exgate_exchange::error::SessionError;
    use exgate_exchange::psrp::body::ErrorRecord;

    use super::*;

    fn refused(refusal: Refusal) -> CmdletError {
        let record =
            ErrorRecord { message: "the database is offline".into(), ..Default::default() };
        CmdletError::Refused { cmdlet: "Get-X", refusal, record: Box::new(record) }
    }

    #[test]
    fn a_mailbox_that_cannot_say_is_unknown_and_a_way_that_is_blocked_asks_nobody() {
        let unknown = |error: &CmdletError| matches!(failed(error), StatisticsOutcome::Unknown(_));
        let limit = Duration::from_secs(1);
        for own in [
            refused(Refusal::MailboxUnavailable),
            refused(Refusal::MailboxBusy),
            refused(Refusal::NotFound),
            CmdletError::TimedOut { cmdlet: "Get-X", limit },
        ] {
            assert!(unknown(&own), "{own}");
        }
        let gone = SessionError::Gone { message: "recycled".into() };
        for everybodys in [
            refused(Refusal::Forbidden),
            refused(Refusal::CmdletMissing),
            refused(Refusal::Throttled(None)),
            CmdletError::Session { cmdlet: "Get-X", source: gone },
        ] {
            assert!(!unknown(&everybodys), "{everybodys}");
        }
        let outcome = failed(&refused(Refusal::MailboxBusy));
        assert_eq!(outcome, StatisticsOutcome::Unknown("the database is offline".into()));
    }
}
