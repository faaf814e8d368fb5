//! The nouns and pure rules that more than one exgate process speaks. No I/O and no clock: `now` is
//! always an argument.
//!
//! ```text
//! Exchange --Row--> agent --Observation--> coordinator --Case--> evaluator
//! Exchange <-Cmdlet- agent <--Command----- coordinator <-Decision- evaluator
//!                    agent --Receipt-----> coordinator
//! MDM, directory --Record--> coordinator
//! ```
//!
//! The modules follow the data: who is meant ([`ids`]), whose Exchange it is ([`organization`]), who
//! may write there ([`lease`]), which of its servers are up ([`standing`]), whether all
//! is well on the way there ([`check`]), what was seen ([`observation`], [`sync`], [`snapshot`],
//! [`statistics`]), what others say ([`record`]), what Exchange will do by itself ([`precedence`]), what the company wants
//! ([`policy`]), the question ([`case`]), the answer ([`decision`]) and the change ([`command`]).

pub mod ids;
pub mod organization;
pub mod lease;
pub mod standing;
pub mod check;
pub mod observation;
pub mod sync;
pub mod snapshot;
pub mod statistics;
pub mod record;
pub mod precedence;
pub mod policy;
pub mod case;
pub mod decision;
pub mod command;
