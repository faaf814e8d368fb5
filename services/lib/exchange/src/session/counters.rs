//! What a session has moved so far, readable while it runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The counters of one session; a clone counts the same.
#[derive(Debug, Clone, Default)]
pub(super) struct Counters {
    held: Arc<Held>,
}

#[derive(Debug, Default)]
struct Held {
    requests: AtomicU64,
    bytes_sent: AtomicU64,
    bytes_received: AtomicU64,
    rows: AtomicU64,
    pipelines: AtomicU64,
}

/// What a session had moved when it was asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Requests that were answered.
    pub requests: u64,
    /// Bytes of envelopes sent.
    pub bytes_sent: u64,
    /// Bytes of envelopes received.
    pub bytes_received: u64,
    /// Objects that cmdlets printed.
    pub rows: u64,
    /// Cmdlets started.
    pub pipelines: u64,
}

impl Counters {
    pub(super) fn request(&self, sent: usize, received: usize) {
        self.held.requests.fetch_add(1, Ordering::Relaxed);
        self.held.bytes_sent.fetch_add(sent as u64, Ordering::Relaxed);
        self.held.bytes_received.fetch_add(received as u64, Ordering::Relaxed);
    }

    pub(super) fn rows(&self, rows: usize) {
        self.held.rows.fetch_add(rows as u64, Ordering::Relaxed);
    }

    /// Counts one more cmdlet.
    pub(super) fn pipeline(&self) {
        self.held.pipelines.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn read(&self) -> Counts {
        let Held { requests, bytes_sent, bytes_received, rows, pipelines } = &*self.held;
        Counts {
            requests: requests.load(Ordering::Relaxed),
            bytes_sent: bytes_sent.load(Ordering::Relaxed),
            bytes_received: bytes_received.load(Ordering::Relaxed),
            rows: rows.load(Ordering::Relaxed),
            pipelines: pipelines.load(Ordering::Relaxed),
        }
    }
}
