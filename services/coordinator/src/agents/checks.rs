//! Checks that an operator asked an agent for, from the question to the report. One at a time in each
//! organization; an agent that goes away ends its own.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;

use exgate_domain::check::{Report, Step};
use exgate_domain::ids::{CheckId, OrganizationId};
use exgate_runtime::telemetry::current_traceparent;
use uuid::Uuid;

use super::session::{NotAttached, Outgoing, Session};
use super::{Agents, Holder};

/// How many steps may wait for whoever asked.
const STEPS_WAITING_MAX: usize = 64;

/// What is heard of a check.
#[derive(Debug)]
pub enum Told {
    /// One more step.
    Step(Step),
    /// It is over.
    Report(Box<Report>),
    /// The agent could not run it.
    Refused(String),
}

/// Why a check cannot be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CheckRefused {
    /// No agent holds the organization's lease.
    #[error("no agent is attached")]
    NotAttached,
    /// Somebody else asked already.
    #[error("a check is under way")]
    UnderWay,
}

/// The checks under way.
#[derive(Debug, Default)]
pub(super) struct Checks(Mutex<HashMap<OrganizationId, Open>>);

#[derive(Debug)]
struct Open {
    id: CheckId,
    session: Session,
    told: mpsc::Sender<Told>,
}

impl Checks {
    fn open(&self) -> MutexGuard<'_, HashMap<OrganizationId, Open>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets the check of a session that is gone; whoever asked hears that nothing more comes.
    pub(super) fn lost(&self, session: &Session) {
        self.open().retain(|_, open| !open.session.is(session));
    }
}

impl Agents {
    /// Asks the attached agent to check its way to Exchange now.
    ///
    /// # Errors
    /// When none is attached, or somebody waits for another check of it.
    pub fn check(
        &self,
        organization: &OrganizationId,
    ) -> Result<(Holder, mpsc::Receiver<Told>), CheckRefused> {
        let (session, holder) = {
            let seats = self.seats();
            let (session, holder) = seats.holder(organization).ok_or(CheckRefused::NotAttached)?;
            (session.clone(), holder.clone())
        };
        let (told, hearing) = mpsc::channel(STEPS_WAITING_MAX);
        let id = CheckId::new(Uuid::now_v7());
        {
            let mut checks = self.0.checks.open();
            // One that nobody waits for any more is in nobody's way.
            if checks.get(organization).is_some_and(|open| !open.told.is_closed()) {
                return Err(CheckRefused::UnderWay);
            }
            let open = Open { id, session: session.clone(), told };
            checks.insert(organization.clone(), open);
        }
        let start = Outgoing::StartCheck { id, traceparent: current_traceparent() };
        session.say(start).map_err(|NotAttached| {
            self.0.checks.lost(&session);
            CheckRefused::NotAttached
        })?;
        Ok((holder, hearing))
    }

    /// Passes on what an agent says of a check that was asked for. Of any other nobody wants to hear.
    pub(super) fn checked(&self, session: &Session, id: CheckId, told: Told) {
        let mut checks = self.0.checks.open();
        let organization = session.organization();
        let is_it = |open: &&Open| open.id == id && open.session.is(session);
        let Some(open) = checks.get(organization).filter(is_it) else { return };
        let is_over = !matches!(told, Told::Step(_));
        if open.told.try_send(told).is_err() || is_over {
            // Whoever asked is gone, does not read, or has everything.
            checks.remove(organization);
        }
    }
}
