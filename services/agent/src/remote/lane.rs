//! Runspaces for one kind of work: where one is taken from, and how a new one is opened. It is never
//! opened again after the server refused the account: a second try could lock it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Mutex;

use exgate_exchange::cmdlets::set_ad_server_settings;
use exgate_exchange::error::{CmdletError, SessionError};
use exgate_exchange::session::{Opener, Pool, Session, Slot, Urgency};

use crate::servers::Servers;

/// The runspaces of the organization's account, and the servers they are opened at.
#[derive(Debug)]
pub struct Runspaces {
    pool: Pool,
    forest: Forest,
}

/// Opens runspaces that see the whole forest.
#[derive(Debug)]
struct Forest {
    servers: Arc<Servers>,
    /// Held while one is opened: two at once would both try a password that is refused.
    opening: Mutex<()>,
    is_refused: AtomicBool,
}

/// Takes runspaces for one kind of work.
#[derive(Debug)]
pub struct Lane {
    runspaces: Arc<Runspaces>,
    urgency: Urgency,
}

/// A runspace while somebody uses it.
#[derive(Debug)]
pub struct Open<'a> {
    lane: &'a Lane,
    slot: Slot,
}

/// Why there is no session.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The account was refused before; it is not tried again, so that it is not locked.
    #[error(
        "sign-in was refused before and is not tried again; correct exchange.user and its secret, then restart the agent"
    )]
    Refused,
    /// It could not be opened.
    #[error("no session with Exchange")]
    Session(#[from] SessionError),
    /// It could not be made to see the whole forest.
    #[error("the session cannot see the whole forest")]
    Forest(#[from] CmdletError),
}

impl Runspaces {
    /// Runspaces of this pool at these servers; nothing is opened yet.
    pub fn new(pool: Pool, servers: Arc<Servers>) -> Self {
        let (opening, is_refused) = (Mutex::default(), AtomicBool::new(false));
        Self { pool, forest: Forest { servers, opening, is_refused } }
    }

    /// Whether the account was refused before.
    pub fn is_refused(&self) -> bool {
        self.forest.is_refused.load(Ordering::Acquire)
    }

    /// The account was refused elsewhere: it is not tried here either.
    pub fn refuse(&self) {
        self.forest.is_refused.store(true, Ordering::Release);
    }

    /// Gives all of them back.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

impl Lane {
    /// A lane for work of this urgency.
    pub fn new(runspaces: Arc<Runspaces>, urgency: Urgency) -> Self {
        Self { runspaces, urgency }
    }

    /// Waits until a runspace may be used.
    pub async fn lock(&self) -> Open<'_> {
        Open { lane: self, slot: self.runspaces.pool.slot(self.urgency).await }
    }
}

impl Open<'_> {
    /// The session, opened if need be.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub async fn session(&mut self) -> Result<&Session, OpenError> {
        self.slot.session(&self.lane.runspaces.forest).await
    }

    /// Whether the session that was used last is lost.
    pub fn is_lost(&self) -> bool {
        self.slot.is_lost()
    }

    /// Name of the server in use.
    pub fn host(&self) -> String {
        self.lane.runspaces.forest.servers.current()
    }
}

impl Opener for Forest {
    type Error = OpenError;

    async fn open(&self) -> Result<Session, OpenError> {
        let _alone = self.opening.lock().await;
        if self.is_refused.load(Ordering::Acquire) {
            return Err(OpenError::Refused);
        }
        let session = match self.servers.open(Session::open).await {
            Ok((session, _)) => session,
            Err(error) => {
                if is_refusal(&error) {
                    self.is_refused.store(true, Ordering::Release);
                }
                return Err(error.into());
            }
        };
        // The setting lives in the runspace only; without it reads stop at the servers' own domain.
        match session.execute(set_ad_server_settings(None)).await {
            Ok(_) => Ok(session),
            Err(error) => {
                if let Err(left) = session.close().await {
                    // The server expires it by itself, and counts it until then.
                    let left = exgate_runtime::report(&left);
                    tracing::debug!(error = left, "a shell was left behind");
                }
                Err(error.into())
            }
        }
    }

    fn is_wanted(&self, session: &Session) -> bool {
        self.servers.is_current(session.host())
    }

    fn lost(&self, session: &Session) {
        self.servers.lost(session.host());
    }
}

/// Whether the server refused the account itself.
pub(crate) fn is_refusal(error: &SessionError) -> bool {
    matches!(error, SessionError::Transport { source } if source.refuses_account())
}
