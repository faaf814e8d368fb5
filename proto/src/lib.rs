//! Messages and services on the wire, and the gate between them and domain values.
//!
//! Generated code is one module per package; [`convert`] turns messages into domain values and back.
//! A message is destructured completely there, and `*_UNSPECIFIED` is an error, never a default.
//! [`names`] writes and parses the resource names of the operators' package.

/// Messages that several packages share.
pub mod types {
    /// `exgate.types.v1`
    #[allow(
        unused_qualifications,
        clippy::allow_attributes_without_reason,
        clippy::large_enum_variant,
        reason = "generated: oneofs are plain enums"
    )]
    pub mod v1 {
        tonic::include_proto!("exgate.types.v1");
    }
}

/// Between agents and the coordinator.
pub mod agent {
    /// `exgate.agent.v1`
    #[allow(
        let_underscore_drop,
        unused_qualifications,
        clippy::allow_attributes_without_reason,
        clippy::large_enum_variant,
        clippy::too_many_lines,
        reason = "generated: oneofs are plain enums, services one long match"
    )]
    pub mod v1 {
        tonic::include_proto!("exgate.agent.v1");
    }
}

/// Between the coordinator and evaluators.
pub mod evaluator {
    /// `exgate.evaluator.v1`
    #[allow(
        let_underscore_drop,
        unused_qualifications,
        clippy::allow_attributes_without_reason,
        clippy::large_enum_variant,
        clippy::too_many_lines,
        reason = "generated: oneofs are plain enums, services one long match"
    )]
    pub mod v1 {
        tonic::include_proto!("exgate.evaluator.v1");
    }
}

/// For operators: `exgate.v1`
#[allow(
    let_underscore_drop,
    unused_qualifications,
    clippy::allow_attributes_without_reason,
    clippy::large_enum_variant,
    clippy::too_many_lines,
    reason = "generated: oneofs are plain enums, services one long match"
)]
pub mod v1 {
    tonic::include_proto!("exgate.v1");
}

pub mod convert;
pub mod names;

/// The descriptors of every package, for gRPC reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.binpb"));
