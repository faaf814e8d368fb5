//! Owns one running cmdlet: from its command to the last fragment of its output.
//!
//! Invariant: records are made only to fill the envelope that was asked for; once a pipeline ended or
//! was stopped, nothing is made any more.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;
use uuid::Uuid;

use exgate_exchange::psrp::Fragments;
use exgate_exchange::psrp::body::InvocationState;
use exgate_exchange::psrp::server::RunspacePool;

use crate::cmdlets::complaint::Complaint;
use crate::cmdlets::{Record, Records};

/// A pipeline of a shell.
#[derive(Debug)]
pub struct Pipeline {
    /// Its id.
    pub id: Uuid,
    changed: Notify,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    cmdlet: String,
    stage: Stage,
    pending: Fragments,
    /// How long each object takes, and when the next one may be made.
    pace: Option<(Duration, Instant)>,
}

#[derive(Debug)]
enum Stage {
    /// The command is not complete yet, or takes its time.
    Waiting,
    /// It ran; this is what it writes.
    Writing(Records),
    /// Its last state is among the pending fragments.
    Ended,
}

/// What one Receive gets.
#[derive(Debug)]
pub struct Piece {
    /// Whole fragments.
    pub fragments: Vec<u8>,
    /// Whether nothing follows.
    pub is_last: bool,
}

impl Pipeline {
    /// A pipeline whose command is on its way.
    pub fn new(id: Uuid) -> Self {
        let inner = Inner {
            cmdlet: String::new(),
            stage: Stage::Waiting,
            pending: Fragments::default(),
            pace: None,
        };
        Self { id, changed: Notify::new(), inner: Mutex::new(inner) }
    }

    /// Names the cmdlet.
    pub fn name(&self, cmdlet: &str) {
        cmdlet.clone_into(&mut self.inner().cmdlet);
    }

    /// Every object takes so long from now on.
    pub fn slow_down(&self, pace: Duration) {
        self.inner().pace = Some((pace, Instant::now() + pace));
    }

    /// The cmdlet's name.
    pub fn cmdlet(&self) -> String {
        self.inner().cmdlet.clone()
    }

    /// Says whether the cmdlet may still take effect.
    pub fn is_waiting(&self) -> bool {
        matches!(self.inner().stage, Stage::Waiting)
    }

    /// Starts the output of a cmdlet that ran, or ends with what refused it.
    pub fn begin(&self, pool: &Mutex<RunspacePool>, ran: Result<Records, Complaint>) {
        let mut inner = self.inner();
        if !matches!(inner.stage, Stage::Waiting) {
            return;
        }
        match ran {
            Ok(records) => inner.stage = Stage::Writing(records),
            Err(complaint) => {
                let record = Some(complaint.to_record());
                lock(pool).state(self.id, InvocationState::Failed, record, &mut inner.pending);
                inner.stage = Stage::Ended;
            }
        }
        drop(inner);
        self.changed.notify_waiters();
    }

    /// Stops it: what is not sent yet never will be.
    pub fn stop(&self, pool: &Mutex<RunspacePool>) {
        let mut inner = self.inner();
        if matches!(inner.stage, Stage::Ended) {
            return;
        }
        inner.pending.clear();
        let record = Some(stopped().to_record());
        lock(pool).state(self.id, InvocationState::Stopped, record, &mut inner.pending);
        inner.stage = Stage::Ended;
        drop(inner);
        self.changed.notify_waiters();
    }

    /// Waits until there is something to take.
    pub async fn take(&self, pool: &Mutex<RunspacePool>, bytes_max: usize) -> Piece {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            // Registered before looking, so that nothing that happens in between is missed.
            changed.as_mut().enable();
            if let Some(piece) = self.piece(pool, bytes_max) {
                return piece;
            }
            match self.due() {
                None => changed.await,
                Some(due) => tokio::select! {
                    () = changed => {}
                    () = tokio::time::sleep_until(due) => {}
                },
            }
        }
    }

    /// When the next object of a slow listing is made.
    fn due(&self) -> Option<Instant> {
        let inner = self.inner();
        let is_writing = matches!(inner.stage, Stage::Writing(_));
        inner.pace.filter(|_| is_writing).map(|(_, due)| due)
    }

    fn piece(&self, pool: &Mutex<RunspacePool>, bytes_max: usize) -> Option<Piece> {
        let mut guard = self.inner();
        let Inner { stage, pending, pace, .. } = &mut *guard;
        if let Stage::Writing(records) = stage {
            let mut pool = lock(pool);
            while pending.byte_len() < bytes_max {
                if let Some((pace, due)) = pace {
                    if Instant::now() < *due {
                        break;
                    }
                    *due += *pace;
                }
                let Some(record) = records.next() else {
                    pool.state(self.id, InvocationState::Completed, None, pending);
                    *stage = Stage::Ended;
                    break;
                };
                match record {
                    Record::Output(value) => pool.output(self.id, &value, pending),
                    Record::Error(complaint) => {
                        pool.error(self.id, &complaint.to_record(), pending);
                    }
                    Record::Warning(text) => pool.warning(self.id, &text, pending),
                }
            }
        }
        let fragments = pending.take(bytes_max)?.to_vec();
        let is_last = pending.is_empty() && matches!(stage, Stage::Ended);
        Some(Piece { fragments, is_last })
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        lock(&self.inner)
    }
}

fn stopped() -> Complaint {
    Complaint {
        message: "The pipeline has been stopped.".to_owned(),
        exception: "System.Management.Automation.PipelineStoppedException".to_owned(),
        category: exgate_exchange::psrp::body::ErrorCategory::OperationStopped,
        activity: Box::default(),
        target: String::new(),
        id: "PipelineStopped".to_owned(),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
