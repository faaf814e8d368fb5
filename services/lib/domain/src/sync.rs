//! One sync of one organization: its states and its proof of completeness. Only a complete run over
//! [`Scope::Everything`](crate::observation::Scope) may conclude that something is gone.

use jiff::Timestamp;

use crate::ids::{Generation, OrganizationId, RunId};

/// Quick looks at what changed, full at everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SyncMode {
    /// Devices and mailboxes that changed since the last sync.
    Quick,
    /// Everything, and servers and settings too.
    Full,
}

/// What made a run start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Trigger {
    /// It was due.
    Schedule,
    /// An operator asked for it.
    Manual,
    /// A command's outcome was unknown and has to be read back.
    ReadBack,
}

/// Where a run stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunState {
    /// Waiting for an agent.
    Pending,
    /// The agent is looking.
    Running {
        /// The lease under which it was started.
        generation: Generation,
        /// When it was handed out.
        since: Timestamp,
    },
    /// Looked, stored and compared.
    Succeeded {
        /// When it was stored.
        at: Timestamp,
        /// What it found.
        tally: Tally,
    },
    /// Gave up; the old inventory stands.
    Failed {
        /// When it gave up.
        at: Timestamp,
        /// Why, in one line.
        reason: String,
    },
}

impl RunState {
    /// Whether the run is over.
    pub fn is_over(&self) -> bool {
        match self {
            Self::Pending | Self::Running { .. } => false,
            Self::Succeeded { .. } | Self::Failed { .. } => true,
        }
    }
}

/// One sync of one organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Its id.
    pub id: RunId,
    /// Whose Exchange.
    pub organization: OrganizationId,
    /// How much it looks at.
    pub mode: SyncMode,
    /// What made it start.
    pub trigger: Trigger,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// Where it stands.
    pub state: RunState,
    /// The W3C `traceparent` it runs under; empty when nobody traces.
    pub traceparent: String,
}

/// What a run found, in devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Devices looked at.
    pub seen: u64,
    /// Never seen before.
    pub added: u64,
    /// Different from the last look.
    pub changed: u64,
    /// As they were.
    pub unchanged: u64,
    /// Gone.
    pub removed: u64,
}

/// What an agent says about how completely it could look.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Completeness {
    /// Every pipeline ended in state Completed.
    pub pipelines_completed: bool,
    /// How many error records came beside the output.
    pub error_records: u32,
    /// Exchange warned that there were more results than it returned.
    pub truncated: bool,
    /// The domain controller that answered; empty when unknown.
    pub domain_controller: String,
    /// Whether the server found the changed devices itself; if not, everything was listed.
    pub filtered_by_server: bool,
    /// More than one domain controller answered: each is its own copy of the directory.
    pub controller_changed: bool,
    /// Asked for what changed, the agent listed everything, because the domain controller that was
    /// asked last does not answer any more.
    pub fell_back: bool,
    /// The newest change that was seen, by the clock of the domain controller that answered.
    pub newest_change_at: Option<Timestamp>,
    /// What each cmdlet printed.
    pub listings: Vec<Listing>,
}

/// What one cmdlet printed during a look.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Listing {
    /// The cmdlet.
    pub cmdlet: String,
    /// How often it was run to its end.
    pub calls: u32,
    /// How many objects it printed in all of these.
    pub rows: u64,
    /// How often it broke off and was run again.
    pub repeats: u32,
}

impl Completeness {
    /// Whether nothing speaks against the listing being whole.
    pub fn is_complete(&self) -> bool {
        self.pipelines_completed
            && self.error_records == 0
            && !self.truncated
            && !self.controller_changed
    }
}
