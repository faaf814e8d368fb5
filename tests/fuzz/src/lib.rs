//! What each fuzz target does with its bytes. A body returns for any bytes, in time and in memory
//! bounded by them; it panics only when a promise of the exchange crate is broken.

mod arguments;
mod clixml;
mod messages;
mod wire;

pub use arguments::arguments;
pub use clixml::clixml;
pub use messages::messages;
pub use wire::{fragments, soap};

/// A target: its name, which is also its folder in the corpus, and its body.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: [Target; 5] = [
    ("soap", soap),
    ("fragments", fragments),
    ("messages", messages),
    ("clixml", clixml),
    ("arguments", arguments),
];
