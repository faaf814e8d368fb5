//! Messages and services on the wire, and the gate between them and domain values.
//!
//! Generated code is one module per package; [`convert`] turns messages into domain values and back.
//! A message is destructured completely there, and `*_UNSPECIFIED` is an error, never a default.

/// Messages that several packages share.
pub mod types {
    /// `exgate.types.v1`
    #[allow(unused_qualifications, clippy::allow_attributes_without_reason, reason = "generated")]
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
        reason = "generated"
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
        reason = "generated"
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
    reason = "generated"
)]
pub mod v1 {
    tonic::include_proto!("exgate.v1");
}

pub mod convert;

/// The descriptors of every package, for gRPC reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.binpb"));
