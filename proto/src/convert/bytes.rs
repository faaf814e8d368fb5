//! Values as protobuf bytes, for storage and for digests. Encoding is deterministic: the messages have
//! no maps, and fields are written in the order of their numbers.

use exgate_domain::case::Case;
use exgate_domain::command::{Command, ListEdit, Receipt};
use exgate_domain::decision::Decision;
use exgate_domain::ids::ObservationDigest;
use exgate_domain::observation::{Key, Observation};
use exgate_domain::record::{ManagedDevice, User};
use exgate_domain::snapshot::Finished;
use exgate_domain::statistics::DeviceStatistics;
use prost::Message;

use super::{Fault, Malformed};
use crate::{agent, types};

macro_rules! stored {
    ($what:literal, $domain:ty, $wire:ty, $encode:ident, $decode:ident) => {
        #[doc = concat!("Writes ", $what, " as bytes for storage.")]
        pub fn $encode(value: &$domain) -> Vec<u8> {
            <$wire>::from(value.clone()).encode_to_vec()
        }

        #[doc = concat!("Reads ", $what, " from stored bytes.")]
        pub fn $decode(bytes: &[u8]) -> Result<$domain, Malformed> {
            let fault = |error: prost::DecodeError| Fault::Bytes(error.to_string());
            let name = stringify!($domain);
            let wire = <$wire>::decode(bytes).map_err(|it| Malformed::new(name, fault(it)))?;
            wire.try_into().map_err(|it: Malformed| it.within(name))
        }
    };
}

stored!(
    "an observation",
    Observation,
    types::v1::Observation,
    encode_observation,
    decode_observation
);
stored!(
    "statistics of a device",
    DeviceStatistics,
    types::v1::DeviceStatistics,
    encode_statistics,
    decode_statistics
);
stored!("a case", Case, types::v1::Case, encode_case, decode_case);
stored!("a decision", Decision, types::v1::Decision, encode_decision, decode_decision);
stored!(
    "a managed device",
    ManagedDevice,
    types::v1::ManagedDevice,
    encode_managed_device,
    decode_managed_device
);
stored!("a user", User, types::v1::User, encode_user, decode_user);
stored!("an edit of a mailbox's lists", ListEdit, agent::v1::ListEdit, encode_edit, decode_edit);
stored!("a command", Command, agent::v1::Command, encode_command, decode_command);
stored!("a finished step", Finished, agent::v1::StepFinished, encode_finished, decode_finished);
stored!("a receipt", Receipt, agent::v1::Receipt, encode_receipt, decode_receipt);

/// Takes the digest of an observation: SHA-256 over its protobuf bytes, the first 16 bytes.
pub fn digest(observation: &Observation) -> ObservationDigest {
    ObservationDigest::of(&encode_observation(observation))
}

/// Takes the digest of an observation that is a message already.
pub fn wire_digest(observation: &types::v1::Observation) -> ObservationDigest {
    ObservationDigest::of(&observation.encode_to_vec())
}

/// Takes the digest of a page: over the digests of its observations, then one byte of kind (its
/// number in the enum) and 16 of GUID for each unchanged key.
pub fn page_digest(observations: &[ObservationDigest], unchanged: &[Key]) -> ObservationDigest {
    let mut content = Vec::with_capacity(16 * observations.len() + 17 * unchanged.len());
    for digest in observations {
        content.extend_from_slice(digest.as_bytes());
    }
    for key in unchanged {
        let kind = types::v1::ObservationKind::from(key.kind);
        content.push(kind as u8);
        content.extend_from_slice(key.guid.as_bytes());
    }
    ObservationDigest::of(&content)
}

/// Takes the digest of a whole snapshot: over its page digests in order.
pub fn root_digest(pages: &[ObservationDigest]) -> ObservationDigest {
    let mut content = Vec::with_capacity(16 * pages.len());
    for digest in pages {
        content.extend_from_slice(digest.as_bytes());
    }
    ObservationDigest::of(&content)
}
