//! Every scenario in one binary: whole houses of real processes' libraries on loopback, the tests of
//! the house about itself, and the peers nobody here wrote.

mod architecture;
mod cut_upload;
mod interop;
mod deploy;
mod tidy;
