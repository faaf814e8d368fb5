//! An Exchange organization that can be looked at and broken: its mobile-device side, over the same
//! wire as the real one.
//!
//! * [`world`] is the truth (mailboxes, phones, lists, rules, settings), drawn from a seed and kept in
//!   an append-only journal that survives SIGKILL;
//! * [`time`] says how fast it moves; [`behaviour`] is what Exchange does by itself;
//! * [`live`] is a world in motion; [`ledger`] and [`mailboxes`] are what it leaves to read;
//! * [`cmdlets`] are what an administrator can do to it, [`winrm`] how they are reached, [`sign_in`] who may;
//! * [`eas`] is where phones call;
//! * [`accounts`] are who may sign in; [`web`] leads to [`ews`] and [`autodiscover`], which speak [`xml`]; [`smtp`]
//!   takes mail as well;
//! * [`faults`] is what can be made to go wrong; [`control`] looks and tells;
//! * [`simulator`] starts it all, with [`settings`].

pub mod settings;
pub mod world;
pub mod time;
pub mod ledger;
pub mod mailboxes;
pub mod behaviour;
pub mod faults;
pub mod live;
pub mod accounts;
pub mod xml;
pub mod ews;
pub mod autodiscover;
pub mod smtp;
pub mod web;
pub mod cmdlets;
pub mod sign_in;
pub mod winrm;
pub mod eas;
pub mod control;
pub mod simulator;

pub use simulator::Simulator;
