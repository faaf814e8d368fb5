//! Signing in, against what nobody here wrote: MIT's KDC and library, and pyspnego. Every way in, every
//! refusal with its own error, and every way in which somebody between could cheat.

mod realm;
mod ways;
mod refusals;
mod cheats;
mod agent;
