//! Messages as JSON, by the descriptors of the API itself: proto3's JSON mapping, except that 64-bit
//! numbers stay numbers and nothing is left out because it is zero, so that scripts can rely on keys.

use std::sync::LazyLock;

use exgate_proto::v1 as pb;
use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, SerializeOptions};
use serde_json::Value;

use crate::failure::Failure;

static POOL: LazyLock<Option<DescriptorPool>> =
    LazyLock::new(|| DescriptorPool::decode(exgate_proto::DESCRIPTORS).ok());

/// A message that knows its full name.
pub(crate) trait Named: Message {
    /// The name in the descriptors.
    const NAME: &'static str;
}

macro_rules! named {
    ($($message:ident)+) => {
        $(impl Named for pb::$message {
            const NAME: &'static str = concat!("exgate.v1.", stringify!($message));
        })+
    };
}

named!(
    Organization Connector Device SyncRun Policy ServerInfo ExplainDeviceResponse SetModeResponse
    ApplyDocumentsResponse ConnectorCheck Simulation
);

/// One message as a JSON object.
pub(crate) fn message<T: Named>(message: &T) -> Result<Value, Failure> {
    let fault = |reason: String| Failure::Json { what: T::NAME, reason };
    let descriptor = POOL.as_ref().and_then(|pool| pool.get_message_by_name(T::NAME));
    let descriptor = descriptor.ok_or_else(|| fault("it has no descriptor".to_owned()))?;
    let bytes = message.encode_to_vec();
    let dynamic = DynamicMessage::decode(descriptor, bytes.as_slice());
    let dynamic = dynamic.map_err(|error| fault(error.to_string()))?;
    let options =
        SerializeOptions::new().stringify_64_bit_integers(false).skip_default_fields(false);
    dynamic
        .serialize_with_options(serde_json::value::Serializer, &options)
        .map_err(|error| fault(error.to_string()))
}

/// Several messages as a JSON array.
pub(crate) fn array<T: Named>(messages: &[T]) -> Result<Value, Failure> {
    messages.iter().map(message).collect::<Result<Vec<_>, _>>().map(Value::Array)
}

/// A JSON object of these members.
pub(crate) fn object<const N: usize>(members: [(&str, Value); N]) -> Value {
    Value::Object(members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_organization_is_the_apis_own_json() {
        let organization = pb::Organization {
            name: "organizations/contoso".into(),
            mode: pb::Mode::Enforce.into(),
            quick_interval: Some(prost_types::Duration { seconds: 300, nanos: 0 }),
            created_at: Some(prost_types::Timestamp { seconds: 0, nanos: 0 }),
            devices: Some(pb::DeviceTally {
                known: 212,
                allowed: 188,
                ..pb::DeviceTally::default()
            }),
            ..pb::Organization::default()
        };

        let json = message(&organization).unwrap();

        assert_eq!(json["name"], "organizations/contoso");
        assert_eq!(json["mode"], "MODE_ENFORCE");
        assert_eq!(json["quickInterval"], "300s");
        assert_eq!(json["createdAt"], "1970-01-01T00:00:00Z");
        assert_eq!(json["devices"]["known"], 212);
        assert_eq!(json["devices"]["blocked"], 0);
        assert_eq!(json["displayName"], "");
        assert_eq!(json["problems"], serde_json::json!([]));
    }

    #[test]
    fn every_message_that_is_printed_has_its_descriptor() {
        assert!(message(&pb::Connector::default()).is_ok());
        assert!(message(&pb::Device::default()).is_ok());
        assert!(message(&pb::SyncRun::default()).is_ok());
        assert!(message(&pb::Policy::default()).is_ok());
        assert!(message(&pb::ServerInfo::default()).is_ok());
        assert!(message(&pb::ExplainDeviceResponse::default()).is_ok());
        assert!(message(&pb::SetModeResponse::default()).is_ok());
        assert!(message(&pb::ApplyDocumentsResponse::default()).is_ok());
        assert!(message(&pb::ConnectorCheck::default()).is_ok());
        assert!(message(&pb::Simulation::default()).is_ok());
    }
}
