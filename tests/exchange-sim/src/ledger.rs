//! Owns the record of who changed what, by which cmdlet: the truth that tests hold a client against.
//!
//! Invariant: sequence numbers grow by one over all organizations of a simulator and survive its death.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One call of a state-changing cmdlet, refused ones included.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LedgerEntry {
    /// The position in the ledger, from 1.
    pub sequence: u64,
    /// When it ran.
    pub at: Timestamp,
    /// In which organization.
    pub organization: String,
    /// As whom.
    pub account: String,
    /// The cmdlet, in Exchange's spelling.
    pub cmdlet: String,
    /// The `-Identity` as sent.
    pub identity: String,
    /// Every parameter as sent.
    pub parameters: Value,
    /// Whether it changed anything.
    pub changed: bool,
    /// The short class of the error that refused it.
    pub error: Option<String>,
}
