//! `exgate.types.v1`: what was seen, what others say, the question and the answer.

mod observation;
mod statistics;
mod record;
mod case;
mod decision;
mod standing;
mod check;

pub(super) use observation::{access_state, to_access_reason, to_access_state};
