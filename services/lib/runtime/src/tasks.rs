//! Owns every long-running part of a process: each is named, told to stop, and awaited.
//!
//! Invariant: after [`Tasks::shutdown`] returns, nothing started through these tasks runs. The
//! first failure (an error or a panic) ends the process; what may fail and be tried again is
//! handled inside a task and not returned from it.

use std::{
    collections::BTreeMap,
    error::Error,
    future::Future,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::FutureExt;
use tokio::{sync::watch, task::AbortHandle};
use tokio_util::{
    sync::{CancellationToken, WaitForCancellationFutureOwned},
    task::TaskTracker,
};

use crate::{health::Readiness, report};

/// How long aborted tasks may take to notice; only blocking code takes longer.
const ABORT_GRACE: Duration = Duration::from_secs(1);

/// A scope of tasks; cheap to clone, every clone is the same scope.
#[derive(Clone, Debug)]
pub struct Tasks {
    name: Arc<str>,
    token: CancellationToken,
    /// The trackers of this scope and of every scope around it.
    trackers: Arc<[TaskTracker]>,
    process: Arc<Process>,
}

/// What all scopes of one process share.
#[derive(Debug)]
struct Process {
    failure: watch::Sender<Option<Failure>>,
    running: Mutex<Running>,
    readiness: Readiness,
}

#[derive(Debug, Default)]
struct Running {
    next: u64,
    tasks: BTreeMap<u64, (String, Option<AbortHandle>)>,
}

/// The task that ended the process, and why.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Failure {
    /// The task returned an error.
    #[error("task {task} failed: {cause}")]
    Failed {
        /// The name of the task, with its scopes.
        task: String,
        /// Its error and the chain of causes.
        cause: String,
    },
    /// The task panicked.
    #[error("task {task} panicked: {cause}")]
    Panicked {
        /// The name of the task, with its scopes.
        task: String,
        /// What the panic said.
        cause: String,
    },
}

/// Some tasks did not stop in time and were aborted.
#[derive(Debug, thiserror::Error)]
#[error("tasks still running after {deadline:?} were aborted: {}", tasks.join(", "))]
pub struct Overdue {
    /// How long they had.
    pub deadline: Duration,
    /// Their names.
    pub tasks: Vec<String>,
}

/// What a task may end with: `()`, or a `Result` whose error ends the process.
pub trait Ending {
    /// The report of the error, if it is one.
    fn failure(self) -> Option<String>;
}

impl Ending for () {
    fn failure(self) -> Option<String> {
        None
    }
}

impl<E: Error + 'static> Ending for Result<(), E> {
    fn failure(self) -> Option<String> {
        self.err().map(|error| report(&error))
    }
}

impl Tasks {
    /// The outermost scope of a process, or of one service in a test.
    #[must_use]
    pub fn new() -> Self {
        Self {
            name: "".into(),
            token: CancellationToken::new(),
            trackers: [TaskTracker::new()].into(),
            process: Arc::new(Process {
                failure: watch::Sender::new(None),
                running: Mutex::default(),
                readiness: Readiness::new(),
            }),
        }
    }

    /// A scope inside this one: stopped with it, and able to be stopped alone.
    #[must_use]
    pub fn child(&self, name: &str) -> Self {
        let mut trackers = self.trackers.to_vec();
        trackers.push(TaskTracker::new());
        Self {
            name: self.path(name).into(),
            token: self.token.child_token(),
            trackers: trackers.into(),
            process: Arc::clone(&self.process),
        }
    }

    /// Starts a task. It must end soon after this scope is cancelled, and it may end earlier.
    #[expect(clippy::disallowed_methods, reason = "the one place that starts tasks")]
    pub fn spawn<F>(&self, name: &str, future: F)
    where
        F: Future<Output: Ending> + Send + 'static,
    {
        let task = self.path(name);
        let process = Arc::clone(&self.process);
        let entry = Entry { id: process.enter(&task), process: Arc::clone(&process) };
        let id = entry.id;
        let trackers: Vec<_> = self.trackers.iter().map(TaskTracker::token).collect();

        let handle = tokio::spawn(async move {
            // Both are dropped last, even when the task is aborted before it begins.
            let (_trackers, _entry) = (trackers, entry);
            match AssertUnwindSafe(future).catch_unwind().await.map(Ending::failure) {
                Ok(None) => {}
                Ok(Some(cause)) => process.fail(Failure::Failed { task, cause }),
                Err(panic) => {
                    let cause = panic_text(panic.as_ref()).to_owned();
                    process.fail(Failure::Panicked { task, cause });
                }
            }
        });
        if let Some((_, abort)) = self.process.running().tasks.get_mut(&id) {
            *abort = Some(handle.abort_handle());
        }
    }

    /// The token that is cancelled when this scope has to stop.
    #[must_use]
    pub fn token(&self) -> CancellationToken {
        self.token.clone()
    }

    /// Waits until this scope has to stop.
    pub fn stopped(&self) -> WaitForCancellationFutureOwned {
        self.token.clone().cancelled_owned()
    }

    /// Whether this process can do its work, for probes and load balancers.
    #[must_use]
    pub fn readiness(&self) -> Readiness {
        self.process.readiness.clone()
    }

    /// Tells everything in this scope to stop, and does not wait.
    pub fn cancel(&self) {
        self.token.cancel();
    }

    /// Waits for the first task of the process that fails.
    pub async fn failed(&self) -> Failure {
        let mut failure = self.process.failure.subscribe();
        loop {
            if let Some(failure) = failure.borrow_and_update().clone() {
                return failure;
            }
            if failure.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// The first task of the process that failed, if one did.
    #[must_use]
    pub fn failure(&self) -> Option<Failure> {
        self.process.failure.borrow().clone()
    }

    /// Tells everything in this scope to stop, waits for it, and aborts what is left.
    ///
    /// # Errors
    /// When something had to be aborted.
    pub async fn shutdown(&self, deadline: Duration) -> Result<(), Overdue> {
        self.token.cancel();
        let Some(tracker) = self.trackers.last() else { return Ok(()) };
        tracker.close();
        if tokio::time::timeout(deadline, tracker.wait()).await.is_ok() {
            return Ok(());
        }
        let prefix = self.path("");
        let tasks: Vec<_> = {
            let running = self.process.running();
            let ours = running.tasks.values().filter(|(task, _)| task.starts_with(&prefix));
            ours.map(|(task, handle)| {
                if let Some(handle) = handle {
                    handle.abort();
                }
                task.clone()
            })
            .collect()
        };
        let aborted = tokio::time::timeout(ABORT_GRACE, tracker.wait()).await;
        if aborted.is_err() {
            tracing::warn!(tasks = tasks.join(", "), "aborted tasks did not end");
        }
        Err(Overdue { deadline, tasks })
    }

    fn path(&self, name: &str) -> String {
        if self.name.is_empty() { name.to_owned() } else { format!("{}/{name}", self.name) }
    }
}

impl Default for Tasks {
    fn default() -> Self {
        Self::new()
    }
}

impl Process {
    fn running(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a task on the list of what runs.
    fn enter(&self, task: &str) -> u64 {
        let mut running = self.running();
        let id = running.next;
        running.next += 1;
        running.tasks.insert(id, (task.to_owned(), None));
        id
    }

    fn fail(&self, failure: Failure) {
        tracing::error!(error = %failure, "task failed");
        self.failure.send_if_modified(|first| {
            let is_first = first.is_none();
            if is_first {
                *first = Some(failure);
            }
            is_first
        });
    }
}

/// Takes a task off the list when it ends, however it ends.
struct Entry {
    process: Arc<Process>,
    id: u64,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.process.running().tasks.remove(&self.id);
    }
}

/// The text that a panic carries.
pub(crate) fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&'static str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}

#[cfg(test)]
mod tests;
