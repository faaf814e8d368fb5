//! Owns how administrators reach an organization: PowerShell remoting over HTTPS.
//!
//! `certificates` are what TLS shows, `listener` the port and its connections, `authentication` who
//! calls, `soap` which operation, `throttle` how much, `shells` the runspaces, `pipeline` one running cmdlet. Invariant:
//! output is made when a Receive asks for it, one envelope at a time, so that a listing of any length
//! needs bounded memory.

pub mod certificates;
pub mod listener;
pub mod authentication;
pub mod soap;
pub mod throttle;
pub mod shells;
pub mod pipeline;
