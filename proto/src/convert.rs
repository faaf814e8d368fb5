//! The gate between messages and domain values. Whatever passed it inwards is complete and valid: a
//! missing message, an `*_UNSPECIFIED` or unknown enum number, a GUID that is not 16 bytes or an id
//! that does not parse is [`Malformed`], never a default.
//!
//! `TryFrom<pb::X>` leads in, `From<X>` leads out, and `From<&X>` exists where values are sent again
//! and again. For single fields of messages without a domain value of their own (`Hello`,
//! `StartSync`, ...) the functions of [`field`] do the same job.

pub mod field;
mod malformed;
mod enums;
mod types;
mod agent;
mod operator;
mod bytes;

pub use bytes::{
    decode_case, decode_command, decode_decision, decode_edit, decode_finished,
    decode_managed_device, decode_observation, decode_receipt, decode_statistics, decode_user,
    digest, encode_case, encode_command, encode_decision, encode_edit, encode_finished,
    encode_managed_device, encode_observation, encode_receipt, encode_statistics, encode_user,
    page_digest, root_digest, wire_digest,
};
pub use malformed::{ERROR_DOMAIN, Fault, Malformed};
pub use operator::{access_state, prediction};

#[cfg(test)]
mod tests;
