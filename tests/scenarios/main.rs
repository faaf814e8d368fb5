//! Every scenario in one binary: whole houses of real processes' libraries on loopback, the tests of
//! the house about itself, and the peers nobody here wrote.

mod architecture;
mod tidy;
mod corpus;
mod hostile;
mod example;
mod interop;
mod reach;
mod every_cmdlet;
mod sign_in;
mod doctor;
mod refused_listener;
mod first_contact;
mod observe_mode;
mod what_if;
mod evaluator_down;
mod killed_evaluator;
mod stale_records;
mod lost_answer;
mod cut_upload;
mod full_sync;
mod cas_failover;
mod quick_sync;
mod statistics;
mod repeated_sync;
mod unchanged;
mod restart;
mod throttled;
mod trace;
mod bad_input;
mod cli;
mod policies;
mod deploy;
mod demo;
