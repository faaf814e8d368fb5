//! One upload of observations in its three parts. Only a [`Commit`] that agrees with what came before
//! it makes a snapshot; the end of a stream says nothing.

use crate::ids::{AgentId, Generation, ObservationDigest, OrganizationId, RunId, SnapshotId};
use crate::observation::{Key, Observation, Scope};
use crate::sync::Completeness;

/// The most observations and unchanged keys in one page.
pub const PAGE_ROWS_MAX: usize = 500;
/// The most bytes of observations in one page.
pub const PAGE_BYTES_MAX: usize = 512 * 1024;

/// Opens a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begin {
    /// Its id.
    pub id: SnapshotId,
    /// The run it belongs to.
    pub run: RunId,
    /// Whose Exchange.
    pub organization: OrganizationId,
    /// Who looked.
    pub agent: AgentId,
    /// The lease under which it was made.
    pub generation: Generation,
    /// What was looked at.
    pub scope: Scope,
    /// The domain controller that answers; empty when unknown.
    pub domain_controller: String,
}

/// Some observations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Its number, from 1 without a gap.
    pub number: u64,
    /// What was seen and has changed, or was never acknowledged.
    pub observations: Vec<Observation>,
    /// What was seen and is as it was when last acknowledged.
    pub unchanged: Vec<Key>,
    /// Digest of its content.
    pub digest: ObservationDigest,
    /// The step that it closes.
    pub finished: Option<Finished>,
}

/// The parts of a look, in the order in which they are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Step {
    /// Mailboxes and their lists.
    Mailboxes,
    /// Device partnerships.
    Devices,
    /// Settings, rules, servers, policies and device classes.
    Organization,
}

/// A step was listed to its end, and those before it were too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// Which one.
    pub step: Step,
    /// What the look proves so far.
    pub proof: Completeness,
}

/// What is staged of a snapshot whose upload broke off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resume {
    /// The snapshot.
    pub id: SnapshotId,
    /// Digests of its pages so far.
    pub pages: Vec<ObservationDigest>,
    /// Rows in them.
    pub rows: u64,
    /// The last step that need not be listed again, by whoever goes on.
    pub finished: Option<Finished>,
}

/// Closes a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// How many pages there were.
    pub pages: u64,
    /// How many observations and unchanged keys in all.
    pub rows: u64,
    /// Digest of all page digests in order.
    pub root: ObservationDigest,
    /// How completely the agent could look.
    pub completeness: Completeness,
}
