//! How many rows of which kind were written: what lets anybody outside see that an unchanged
//! inventory costs no write.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use exgate_domain::observation::Kind;

/// A kind of row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RowKind {
    /// An observed device.
    Device,
    /// An observed mailbox.
    Mailbox,
    /// An organization's observed settings.
    Settings,
    /// An observed device access rule.
    Rule,
    /// An observed server.
    Server,
    /// An observed device class.
    DeviceClass,
    /// An observed mailbox policy.
    MailboxPolicy,
    /// A stored decision.
    Decision,
    /// A command, or what became of it.
    Command,
    /// A record of a source.
    Record,
    /// A run.
    Run,
    /// What a mailbox said of its devices, and that it was asked.
    Statistics,
}

impl RowKind {
    /// Every kind.
    pub const ALL: [Self; 12] = [
        Self::Device,
        Self::Mailbox,
        Self::Settings,
        Self::Rule,
        Self::Server,
        Self::DeviceClass,
        Self::MailboxPolicy,
        Self::Decision,
        Self::Command,
        Self::Record,
        Self::Run,
        Self::Statistics,
    ];

    /// Its name as a metric's label.
    pub fn name(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::Mailbox => "mailbox",
            Self::Settings => "settings",
            Self::Rule => "rule",
            Self::Server => "server",
            Self::DeviceClass => "device_class",
            Self::MailboxPolicy => "mailbox_policy",
            Self::Decision => "decision",
            Self::Command => "command",
            Self::Record => "record",
            Self::Run => "run",
            Self::Statistics => "statistics",
        }
    }

    fn index(self) -> usize {
        Self::ALL.iter().position(|kind| *kind == self).unwrap_or_default()
    }
}

impl From<Kind> for RowKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Device => Self::Device,
            Kind::Mailbox => Self::Mailbox,
            Kind::Settings => Self::Settings,
            Kind::Rule => Self::Rule,
            Kind::Server => Self::Server,
            Kind::DeviceClass => Self::DeviceClass,
            Kind::MailboxPolicy => Self::MailboxPolicy,
        }
    }
}

/// Rows written since the store was opened; inserted, changed and deleted ones alike.
#[derive(Debug, Clone, Default)]
pub struct RowsWritten(Arc<[AtomicU64; RowKind::ALL.len()]>);

impl RowsWritten {
    /// How many of one kind.
    pub fn get(&self, kind: RowKind) -> u64 {
        self.0.get(kind.index()).map_or(0, |count| count.load(Ordering::Relaxed))
    }

    /// How many of each kind.
    pub fn snapshot(&self) -> [(RowKind, u64); RowKind::ALL.len()] {
        RowKind::ALL.map(|kind| (kind, self.get(kind)))
    }

    pub(super) fn add(&self, tally: Tally) {
        for (total, rows) in self.0.iter().zip(tally.0) {
            total.fetch_add(rows, Ordering::Relaxed);
        }
    }
}

/// Rows written by one transaction, counted once it has been committed.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tally([u64; RowKind::ALL.len()]);

impl Tally {
    pub(super) fn of(kind: RowKind, rows: u64) -> Self {
        let mut tally = Self::default();
        tally.add(kind, rows);
        tally
    }

    pub(super) fn add(&mut self, kind: RowKind, rows: u64) {
        if let Some(count) = self.0.get_mut(kind.index()) {
            *count += rows;
        }
    }
}
