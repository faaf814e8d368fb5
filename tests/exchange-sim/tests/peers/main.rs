//! The simulator against clients that nobody here wrote: they must not be able to tell its wire from
//! Exchange's. One binary; a file for each client or topic.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "tests: what is not there ends them"
)]

mod behaviour;
mod faults;
mod first_look;
mod kdc;
mod mail;
mod matrix;
mod rehearsals;
mod rig;
mod served;
mod sign_in;
mod tables;
