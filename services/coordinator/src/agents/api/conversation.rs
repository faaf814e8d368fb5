//! One attached agent: what it says becomes one call each, in the order in which it says it.

use tonic::Streaming;

use exgate_domain::command::Receipt;
use exgate_domain::ids::{Generation, OrganizationId, RunId};
use exgate_domain::standing::Standing;
use exgate_domain::statistics::MailboxStatistics;
use exgate_proto::agent::v1 as pb;
use exgate_proto::agent::v1::attach_request::Message as Said;
use exgate_proto::convert::Malformed;
use exgate_proto::convert::field::{id, required};

use super::{Api, message};
use crate::agents::session::{Ended, Outgoing, Session};
use crate::agents::{AttachError, Hello, Known};

/// One attached agent, from its hello to its end.
pub(super) struct Conversation {
    api: Api,
    session: Session,
    known: Known,
    /// How many receipts of earlier times have not come yet.
    receipts_left: u32,
    /// How many requests for a lease are not answered yet: the hello is one.
    questions: u32,
    is_admitted: bool,
}

impl Conversation {
    /// A session that has just said hello.
    pub(super) fn new(api: Api, session: Session, hello: Hello) -> Self {
        Self {
            api,
            receipts_left: hello.receipts_following,
            known: Known { hello, preflight: None },
            session,
            questions: 1,
            is_admitted: false,
        }
    }

    /// Listens until the end, and then gives the seat back.
    pub(super) async fn hold(mut self, mut said: Streaming<pb::AttachRequest>) {
        if self.session.say(Outgoing::Welcome).is_ok() {
            let ended = self.listen(&mut said).await;
            if let Err(why) = ended {
                tracing::warn!(
                    organization = %self.session.organization(), agent = %self.session.agent(),
                    error = %why, "session was ended"
                );
                self.session.end(why);
            }
        }
        let organization = self.session.organization();
        if self.api.agents.leave(&self.session).await {
            self.api.runs.lost(organization).await;
        }
        tracing::info!(%organization, agent = %self.session.agent(), "agent is gone");
    }

    async fn listen(&mut self, said: &mut Streaming<pb::AttachRequest>) -> Result<(), Ended> {
        if self.receipts_left == 0 {
            self.admit().await?;
        }
        loop {
            let request = tokio::select! {
                () = self.session.cut() => return Ok(()),
                request = said.message() => request,
            };
            // A lost connection and a clean end look alike, and mean the same: nothing.
            let Ok(Some(request)) = request else { return Ok(()) };
            let said = required("message", request.message).map_err(|it| protocol(&it))?;
            self.hear(said).await?;
            self.api.agents.heard(&self.session).await;
        }
    }

    async fn hear(&mut self, said: Said) -> Result<(), Ended> {
        let organization = self.session.organization().clone();
        match said {
            Said::Hello(_) => Err(Ended::Protocol("a session has one Hello".to_owned())),
            Said::RenewLease(pb::RenewLease { generation }) => {
                self.renew(Generation::new(generation)).await
            }
            Said::Receipt(receipt) => {
                let receipt = Receipt::try_from(receipt).map_err(|it| protocol(&it))?;
                self.receipt(&organization, receipt).await
            }
            Said::Preflight(found) => {
                self.known.preflight = Some(message::preflight(found));
                let described = self.api.agents.preflight(&self.session, &self.known).await;
                described.map_err(|error| unstored(&error))
            }
            Said::Standing(standing) => {
                let standing = Standing::try_from(standing).map_err(|it| protocol(&it))?;
                self.api.agents.stands(&self.session, standing);
                Ok(())
            }
            Said::CheckProgress(progress) => {
                let (id, told) = message::check_progress(progress).map_err(|it| protocol(&it))?;
                self.api.agents.checked(&self.session, id, told);
                Ok(())
            }
            Said::CheckFinished(finished) => {
                let (id, told) = message::check_finished(finished).map_err(|it| protocol(&it))?;
                self.api.agents.checked(&self.session, id, told);
                Ok(())
            }
            Said::StatisticsRead(read) => {
                let read = MailboxStatistics::try_from(read).map_err(|it| protocol(&it))?;
                let stored = self.api.statistics.read(&self.session, read).await;
                stored.map_err(|error| unstored(&error))
            }
            Said::RunProgress(pb::RunProgress { run_id, step, done }) => {
                let run = id::<RunId>("run_id", &run_id).map_err(|it| protocol(&it))?;
                let step = message::run_step(step).map_err(|it| protocol(&it))?;
                self.api.runs.advanced(&organization, run, step, done);
                Ok(())
            }
            Said::RunFinished(pb::RunFinished { run_id, failure, can_resume }) => {
                let run = id::<RunId>("run_id", &run_id).map_err(|it| protocol(&it))?;
                self.api.runs.finished(&organization, run, failure, can_resume).await;
                Ok(())
            }
        }
    }

    /// Stores a receipt. The last of those that were announced lets the agent in.
    async fn receipt(
        &mut self,
        organization: &OrganizationId,
        receipt: Receipt,
    ) -> Result<(), Ended> {
        let command = receipt.command;
        let stored = self.api.outbox.receipt(organization, receipt).await;
        stored.map_err(|error| unstored(&error))?;
        if self.session.say(Outgoing::ReceiptStored(command)).is_err() {
            return Ok(());
        }
        if self.receipts_left > 0 {
            self.receipts_left -= 1;
            if self.receipts_left == 0 {
                self.admit().await?;
            }
        }
        Ok(())
    }

    /// Asks for the lease once everything of earlier times is known, and answers every question for
    /// it that came so far: agents match answers to questions by their order.
    async fn admit(&mut self) -> Result<(), Ended> {
        let seen = self.known.hello.generation_seen;
        let questions = std::mem::take(&mut self.questions);
        self.is_admitted = true;
        for _ in 0..questions {
            self.renew(seen).await?;
        }
        Ok(())
    }

    /// Answers one question for the lease: renews it, or grants the next one.
    async fn renew(&mut self, seen: Generation) -> Result<(), Ended> {
        if !self.is_admitted {
            self.questions = self.questions.saturating_add(1);
            return Ok(());
        }
        let agents = &self.api.agents;
        if let Some(lease) = agents.renew(&self.session).await.map_err(|it| ungranted(&it))? {
            return self.say(Outgoing::LeaseGranted(lease));
        }
        let seen = seen.max(self.known.hello.generation_seen);
        let granted = agents.grant(&self.session, seen).await.map_err(|it| ungranted(&it))?;
        let organization = self.session.organization();
        match granted {
            Err(refused) => self.say(Outgoing::LeaseRefused(refused)),
            Ok(lease) => {
                let settled = self.api.outbox.settle(organization, lease.generation).await;
                settled.map_err(|error| unstored(&error))?;
                let installed = agents.install(&self.session, lease.clone(), &self.known).await;
                installed.map_err(|error| unstored(&error))?;
                self.say(Outgoing::LeaseGranted(lease))?;
                self.api.runs.wake();
                self.api.outbox.wake();
                Ok(())
            }
        }
    }

    /// Says something; that nobody hears it shows at the next turn.
    fn say(&self, message: Outgoing) -> Result<(), Ended> {
        if self.session.say(message).is_err() {
            tracing::debug!(agent = %self.session.agent(), "agent did not hear");
        }
        Ok(())
    }
}

fn protocol(malformed: &Malformed) -> Ended {
    Ended::Protocol(exgate_runtime::report(malformed))
}

fn unstored(error: &(dyn std::error::Error + 'static)) -> Ended {
    tracing::error!(error = exgate_runtime::report(error), "what an agent said was not stored");
    Ended::Store
}

fn ungranted(error: &AttachError) -> Ended {
    match error {
        AttachError::FarAhead { .. } => Ended::Protocol(error.to_string()),
        AttachError::UnknownOrganization { .. }
        | AttachError::Full(_)
        | AttachError::Overtaken
        | AttachError::Store(_) => unstored(error),
    }
}
