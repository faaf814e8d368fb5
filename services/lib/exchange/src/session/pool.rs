//! The runspaces of one account: used one cmdlet after the other by whoever holds one, opened when
//! they are needed, replaced before they are worn, given back when nobody needs them. Invariant:
//! never more are in use than the budget permits, and a runspace is given back before another is
//! opened in its place.
//!
//! No traffic keeps an idle shell alive: a server ends it after 15 minutes (`MaxShellIdleTimeoutMinutes`
//! in the configuration of 2016 and 2019 servers) and counts it until then, so it is given back earlier
//! and opened anew, which costs three requests. A runspace that runs a long cmdlet is not idle: its
//! Receive is pending, and the server's own time-out of that Receive (`w:TimedOut` of WS-Management) is
//! an answer, so it is busy and not dead. Dead is one whose shell is unknown to the server or whose
//! Receive gets no answer.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use crate::error::SessionError;
use crate::session::Session;
use crate::session::budget::{Budget, Permit, Urgency, Usage};

/// The last idle runspace is given back after this: well below the server's 15 minutes, and above
/// the interval at which changes are usually looked for.
const IDLE_MAX: Duration = Duration::from_secs(10 * 60);
/// Other idle runspaces are given back after this: shells are for people too.
const SPARE_IDLE_MAX: Duration = Duration::from_secs(60);
/// How often idle runspaces are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(20);
/// How long giving one runspace back may take.
const CLOSE_LIMIT: Duration = Duration::from_secs(5);
/// How long [`Pool::close`] waits for runspaces in use.
const CLOSE_WAIT_MAX: Duration = Duration::from_secs(15);
/// How long an opener waits for a server that gives no shells for now.
const SHELL_WAIT_MAX: Duration = Duration::from_secs(60);
/// How often a caller that gets no shell tries to share those there are, before it is told.
const SHARE_TRIES_MAX: u32 = 3;

/// Opens runspaces for a pool: chooses the server, signs in, says what a new runspace is told first.
pub trait Opener {
    /// Why there is no runspace.
    type Error: From<SessionError>;

    /// Opens one.
    fn open(&self) -> impl Future<Output = Result<Session, Self::Error>> + Send;

    /// Whether a runspace that is open may be used, or another server is wanted meanwhile.
    fn is_wanted(&self, session: &Session) -> bool {
        let _ = session;
        true
    }

    /// Hears of a runspace that was lost before it was given back.
    fn lost(&self, session: &Session) {
        let _ = session;
    }
}

/// The runspaces of one account.
#[derive(Debug, Clone)]
pub struct Pool {
    held: Arc<Held>,
    keeper: Arc<OnceLock<AbortOnDropHandle<()>>>,
}

#[derive(Debug)]
struct Held {
    budget: Budget,
    shelf: Mutex<Shelf>,
    closing: TaskTracker,
}

/// Runspaces that are open.
#[derive(Debug, Default)]
struct Shelf {
    idle: Vec<Idle>,
    /// How many are in use. Fewer than the permits, when somebody with a permit has no runspace yet: what
    /// is idle is then not more than may be used.
    used: usize,
}

/// A runspace that nobody uses, and since when.
#[derive(Debug)]
struct Idle {
    session: Session,
    since: Instant,
}

/// The right to use one runspace, and the runspace once there is one. It goes back to the pool when
/// it is dropped.
#[derive(Debug)]
pub struct Slot {
    held: Arc<Held>,
    urgency: Urgency,
    session: Option<Session>,
    permit: Option<Permit>,
}

impl Pool {
    /// A pool with no runspace yet. Sessions for it are opened with the same budget.
    pub fn new(budget: Budget) -> Self {
        let held = Held { budget, shelf: Mutex::default(), closing: TaskTracker::new() };
        Self { held: Arc::new(held), keeper: Arc::default() }
    }

    /// The budget.
    pub fn budget(&self) -> &Budget {
        &self.held.budget
    }

    /// How the budget stands.
    pub fn usage(&self) -> Usage {
        self.held.budget.usage()
    }

    /// How many runspaces are open and not in use.
    pub fn idle(&self) -> usize {
        self.held.shelf().idle.len()
    }

    /// Waits until one more runspace may be used; urgent callers go first.
    pub async fn slot(&self, urgency: Urgency) -> Slot {
        self.keeper.get_or_init(|| {
            let keeping = keep(Arc::clone(&self.held));
            AbortOnDropHandle::new(TaskTracker::new().spawn(keeping))
        });
        let permit = self.held.budget.runspace(urgency).await;
        Slot { held: Arc::clone(&self.held), urgency, session: None, permit: Some(permit) }
    }

    /// Gives every runspace back. Waits for those in use, within a limit; what is then still in use
    /// is left to the server's own time-out.
    pub async fn close(&self) {
        let deadline = Instant::now() + CLOSE_WAIT_MAX;
        loop {
            let idle: Vec<Idle> = std::mem::take(&mut self.held.shelf().idle);
            for idle in idle {
                self.held.give_back(idle.session);
            }
            let busy = self.usage().runspaces_busy;
            if busy == 0 && self.idle() == 0 {
                break;
            }
            let returned = self.held.budget.fewer_runspaces_than(busy.max(1));
            if timeout_at(deadline, returned).await.is_err() {
                tracing::warn!("some runspaces were left to the server's time-out");
                break;
            }
        }
        self.held.closing.close();
        self.held.closing.wait().await;
        self.held.closing.reopen();
    }
}

impl Slot {
    /// The runspace: the one that was used last here, an idle one, or one that `opener` opens.
    ///
    /// # Errors
    /// Those of `opener`; and [`SessionError::Throttled`] while the server gives no shells.
    pub async fn session<O: Opener>(&mut self, opener: &O) -> Result<&Session, O::Error> {
        let mut tries = 0;
        let session = loop {
            if let Some(session) = self.usable(opener).await {
                break session;
            }
            let refused = self.held.budget.usage().shells_refused;
            self.held.budget.shell(SHELL_WAIT_MAX).await?;
            match opener.open().await {
                Ok(session) => {
                    self.held.shelf().used += 1;
                    break session;
                }
                Err(error) => {
                    tries += 1;
                    let is_refused = self.held.budget.usage().shells_refused > refused;
                    if !is_refused || tries > SHARE_TRIES_MAX || !self.is_shared() {
                        return Err(error);
                    }
                    // Others have runspaces: wait for one of theirs instead of asking again.
                    self.permit = None;
                    self.permit = Some(self.held.budget.runspace(self.urgency).await);
                }
            }
        };
        session.set_urgency(self.urgency);
        Ok(self.session.insert(session))
    }

    /// Whether the runspace used last is lost, or there was none yet.
    pub fn is_lost(&self) -> bool {
        self.session.as_ref().is_none_or(Session::has_ended)
    }

    /// A runspace that is open and not worn.
    async fn usable<O: Opener>(&mut self, opener: &O) -> Option<Session> {
        loop {
            let own = self.session.take();
            let session = match own {
                Some(session) => session,
                None => self.held.shelf().take()?,
            };
            if !session.is_worn() && opener.is_wanted(&session) {
                return Some(session);
            }
            self.held.shelf().used -= 1;
            // Given back first: for a moment there would be one more than permitted.
            if session.has_ended() {
                opener.lost(&session);
                self.held.give_back(session);
            } else {
                close(session).await;
            }
        }
    }

    /// Whether somebody else has a runspace.
    fn is_shared(&self) -> bool {
        self.held.budget.usage().runspaces_busy > 1 || !self.held.shelf().idle.is_empty()
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        // Also one that is lost: whoever finds it tells the opener.
        if let Some(session) = self.session.take() {
            let mut shelf = self.held.shelf();
            shelf.used -= 1;
            shelf.idle.push(Idle { session, since: Instant::now() });
        }
        // Only now: whoever gets the permit finds the runspace.
        self.permit = None;
    }
}

impl Shelf {
    /// Takes the one that was used last.
    fn take(&mut self) -> Option<Session> {
        let Idle { session, .. } = self.idle.pop()?;
        self.used += 1;
        Some(session)
    }
}

impl Held {
    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes a session in the background. One that is dead may still have a shell on the server.
    fn give_back(&self, session: Session) {
        if tokio::runtime::Handle::try_current().is_ok() {
            self.closing.spawn(close(session));
        }
    }

    /// Takes out what has been idle for too long, and what is more than may be used now.
    fn take_surplus(&self, now: Instant) -> Vec<Idle> {
        let usage = self.budget.usage();
        let mut shelf = self.shelf();
        let Shelf { idle, used } = &mut *shelf;
        let spare = (*used + idle.len()).saturating_sub(usage.runspaces_permitted);
        let mut kept = Vec::with_capacity(idle.len());
        let mut surplus = Vec::new();
        for (place, held) in idle.drain(..).enumerate() {
            let age = now.saturating_duration_since(held.since);
            // The one used last stays longest.
            let is_surplus = place < spare || age >= IDLE_MAX || held.session.is_worn();
            if is_surplus { surplus.push(held) } else { kept.push(held) }
        }
        let last = kept.len().saturating_sub(1);
        for (place, held) in kept.into_iter().enumerate() {
            let is_last = place == last && usage.runspaces_busy == 0;
            let age = now.saturating_duration_since(held.since);
            if !is_last && age >= SPARE_IDLE_MAX { surplus.push(held) } else { idle.push(held) }
        }
        surplus
    }
}

/// Gives back what nobody needs, for as long as the pool lives.
async fn keep(held: Arc<Held>) {
    loop {
        // The time is up, or fewer are permitted: either way it is time to look.
        drop(timeout(LOOK_EVERY, held.budget.narrowed()).await);
        for idle in held.take_surplus(Instant::now()) {
            held.give_back(idle.session);
        }
    }
}

async fn close(session: Session) {
    match timeout(CLOSE_LIMIT, session.close()).await {
        Ok(Ok(())) => {}
        // The server ends it by itself, and counts it until then.
        Ok(Err(error)) => tracing::debug!(error = %error, "a shell was left behind"),
        Err(_) => tracing::debug!(limit = ?CLOSE_LIMIT, "a shell was left behind"),
    }
}
