//! The seam's real side: an Exchange organization over PowerShell remoting. Reads and writes share
//! one pool of runspaces, in which a long listing never keeps a change waiting.

mod lane;
mod reading;
mod statistics;
mod writing;

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::mpsc;

use exgate_domain::check;
use exgate_domain::command::ListEdit;
use exgate_domain::ids::MailboxId;
use exgate_domain::statistics::StatisticsOutcome;
use exgate_domain::sync::Completeness;
use exgate_exchange::cmdlets::{DeviceFamily, DomainController};
use exgate_exchange::session::{Pool, Urgency};

use crate::collect::DigestTable;
use crate::exchange::{Attempt, Exchange, LookError, Preflight, Seen, Wanted};
use crate::preflight;
use crate::servers::Servers;

pub use lane::{Lane, OpenError, Runspaces};
pub(crate) use lane::{Open, is_refusal};

/// An Exchange organization over PowerShell remoting.
#[derive(Debug)]
pub struct Remote {
    runspaces: Arc<Runspaces>,
    reads: Lane,
    writes: Lane,
    /// The account's name, for people.
    account: String,
    servers: Arc<Servers>,
    /// What was found out about the server; asked once per process.
    server: OnceLock<Capabilities>,
    /// The domain controller that answered last: writes and their read-back ask the same one.
    controller: Mutex<Option<DomainController>>,
    /// How long a read-back may keep the next change waiting.
    read_back_limit: Duration,
}

/// What the server can do and the account may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// Which names the device cmdlets have.
    pub family: DeviceFamily,
    /// Whether devices can be filtered by the time of change.
    pub filters_by_change: bool,
}

impl Remote {
    /// An organization reached at these servers with runspaces of this pool; nothing is opened yet. A
    /// read-back may keep the next change waiting for `read_back_limit`.
    pub fn new(
        servers: Arc<Servers>,
        pool: Pool,
        account: String,
        read_back_limit: Duration,
    ) -> Self {
        let runspaces = Arc::new(Runspaces::new(pool, Arc::clone(&servers)));
        Self {
            account,
            read_back_limit,
            reads: Lane::new(Arc::clone(&runspaces), Urgency::Bulk),
            writes: Lane::new(Arc::clone(&runspaces), Urgency::Urgent),
            runspaces,
            servers,
            server: OnceLock::new(),
            controller: Mutex::default(),
        }
    }

    fn controller(&self) -> Option<DomainController> {
        self.controller.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_controller(&self, controller: Option<DomainController>) {
        *self.controller.lock().unwrap_or_else(PoisonError::into_inner) = controller;
    }
}

impl Exchange for Remote {
    fn preflight(&self) -> BoxFuture<'_, Preflight> {
        async {
            // Somebody waits for it.
            let mut lane = self.writes.lock().await;
            let (preflight, found) = preflight::run(&mut lane, &self.account, &self.servers).await;
            if let Some(found) = found {
                self.server.get_or_init(|| found);
            }
            preflight
        }
        .boxed()
    }

    fn doctor(&self, told: mpsc::Sender<check::Step>) -> BoxFuture<'_, Preflight> {
        async {
            // The session is a new one, and counts as if it were of the pool.
            let _runspace = self.writes.lock().await;
            let (options, account) = (self.servers.primary_options(), &self.account);
            let was_refused = self.runspaces.is_refused();
            let found = preflight::doctor(options, account, was_refused, &self.servers, told).await;
            if found.is_final {
                // A refused password is tried once, whoever tried it.
                self.runspaces.refuse();
            }
            found
        }
        .boxed()
    }

    fn look<'a>(
        &'a self,
        wanted: &'a Wanted,
        known: &'a DigestTable,
        seen: mpsc::Sender<Seen>,
    ) -> BoxFuture<'a, Result<Completeness, LookError>> {
        async {
            let _looking = self.servers.look();
            self.read(wanted, known, seen).await
        }
        .boxed()
    }

    fn statistics(&self, mailbox: MailboxId) -> BoxFuture<'_, StatisticsOutcome> {
        self.ask_mailbox(mailbox).boxed()
    }

    fn edit_lists<'a>(
        &'a self,
        mailbox: MailboxId,
        edit: &'a ListEdit,
        start_by: Instant,
    ) -> BoxFuture<'a, Attempt> {
        self.write(mailbox, edit, start_by).boxed()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.runspaces.close().boxed()
    }
}
