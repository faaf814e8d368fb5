//! One session, opened when it is needed, replaced when it is worn, and never opened again after the
//! server refused the account: a second try could lock it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{Mutex, MutexGuard};

use exgate_exchange::cmdlets::set_ad_server_settings;
use exgate_exchange::error::{CmdletError, SessionError};
use exgate_exchange::session::Session;

use crate::servers::Servers;

/// A session that was idle for this long is replaced: the server ends it after 15 minutes
/// (`MaxShellIdleTimeoutMinutes` of the PowerShell back end).
const IDLE_MAX: Duration = Duration::from_secs(10 * 60);

/// Where one session lives.
#[derive(Debug)]
pub struct Lane {
    servers: Arc<Servers>,
    session: Mutex<Option<Used>>,
    is_refused: AtomicBool,
}

/// A session and when it was last asked for.
#[derive(Debug)]
struct Used {
    session: Session,
    server: String,
    at: Instant,
}

/// The lane while somebody uses it.
#[derive(Debug)]
pub struct Open<'a> {
    lane: &'a Lane,
    session: MutexGuard<'a, Option<Used>>,
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

impl Lane {
    /// A lane that opens sessions with these servers.
    pub fn new(servers: Arc<Servers>) -> Self {
        Self { servers, session: Mutex::default(), is_refused: AtomicBool::new(false) }
    }

    /// Waits for the lane.
    pub async fn lock(&self) -> Open<'_> {
        Open { lane: self, session: self.session.lock().await }
    }

    /// Gives the shell back to the server.
    pub async fn close(&self) {
        if let Some(used) = self.session.lock().await.take() {
            give_back(used.session).await;
        }
    }
}

impl Open<'_> {
    /// The session, opened if need be.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub async fn session(&mut self) -> Result<&Session, OpenError> {
        let servers = &self.lane.servers;
        let is_worn = |used: &mut Used| {
            let is_old = used.session.is_worn() || used.at.elapsed() >= IDLE_MAX;
            is_old || !servers.is_current(&used.server)
        };
        let now = Instant::now();
        let used = match self.session.take_if(|used| !is_worn(used)) {
            Some(used) => Used { at: now, ..used },
            None => {
                if let Some(worn) = self.session.take() {
                    if worn.session.has_ended() {
                        servers.lost(&worn.server);
                    }
                    give_back(worn.session).await;
                }
                let (session, server) = self.open().await?;
                Used { session, server, at: now }
            }
        };
        Ok(&self.session.insert(used).session)
    }

    /// Whether the session that was used last is lost.
    pub fn is_lost(&self) -> bool {
        self.session.as_ref().is_none_or(|used| used.session.has_ended())
    }

    /// Name of the server in use.
    pub fn host(&self) -> String {
        self.lane.servers.current()
    }

    async fn open(&self) -> Result<(Session, String), OpenError> {
        if self.lane.is_refused.load(Ordering::Acquire) {
            return Err(OpenError::Refused);
        }
        let (session, server) = match self.lane.servers.open(Session::open).await {
            Ok(opened) => opened,
            Err(error) => {
                if is_refusal(&error) {
                    self.lane.is_refused.store(true, Ordering::Release);
                }
                return Err(error.into());
            }
        };
        // The setting lives in the runspace only; without it reads stop at the servers' own domain.
        match session.execute(set_ad_server_settings(None)).await {
            Ok(_) => Ok((session, server)),
            Err(error) => {
                give_back(session).await;
                Err(error.into())
            }
        }
    }
}

/// Whether the server refused the account itself.
pub(crate) fn is_refusal(error: &SessionError) -> bool {
    matches!(error, SessionError::Transport { source } if source.refuses_account())
}

async fn give_back(session: Session) {
    if session.has_ended() {
        return;
    }
    if let Err(error) = session.close().await {
        // The server expires it by itself, and counts it until then.
        tracing::debug!(error = exgate_runtime::report(&error), "a shell was left behind");
    }
}
