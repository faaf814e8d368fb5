//! The test house: one whole exgate beside an Exchange that can be looked at and broken, on loopback
//! and in a folder that goes away.
//!
//! * [`scenario`] runs a test under a deadline, [`eventually`] waits for a condition;
//! * [`world`] starts the parts, in this process or as the real binaries ([`process`]), out of
//!   [`setup`]'s configuration files;
//! * a scenario acts through the hands of those who live in it: [`exchange`] (phones, and what
//!   Exchange knows), [`records`] (the MDM and the directory), [`operator`] and [`command_line`];
//! * [`population`] is a company larger than any Exchange here can be asked about;
//! * [`player`] is an agent played by hand; [`peers`] are programs that nobody here wrote, [`kdc`] one of
//!   them: a Kerberos realm.
//!
//! Invariant: whatever is started here is ended and reaped here, however the test ends.

pub mod scenario;
pub mod eventually;
pub mod ports;
pub mod setup;
pub mod process;
pub mod world;
pub mod http;
pub mod exchange;
pub mod records;
pub mod population;
pub mod operator;
pub mod command_line;
pub mod player;
pub mod peers;
pub mod kdc;

pub use eventually::{eventually, is};
pub use scenario::{scenario, scenario_alone};
