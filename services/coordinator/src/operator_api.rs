//! The gRPC surface for operators. A handler converts in, calls one function, converts out.

mod connectors;
mod devices;
mod organizations;
mod policies;
mod simulations;
mod syncs;
mod system;

use exgate_proto::names::InvalidName;
use exgate_proto::v1::connector_service_server::ConnectorServiceServer;
use exgate_proto::v1::device_service_server::DeviceServiceServer;
use exgate_proto::v1::organization_service_server::OrganizationServiceServer;
use exgate_proto::v1::policy_service_server::PolicyServiceServer;
use exgate_proto::v1::sync_service_server::SyncServiceServer;
use exgate_proto::v1::system_service_server::SystemServiceServer;
use exgate_runtime::grpc::{MESSAGE_BYTES_MAX, Server};
use tonic::Status;

use crate::operator::{Operator, OperatorError, PageRequest};

/// Serves operators.
#[derive(Debug, Clone)]
pub struct OperatorApi {
    operator: Operator,
}

macro_rules! limited {
    ($service:ident, $api:expr) => {
        $service::new($api)
            .max_decoding_message_size(MESSAGE_BYTES_MAX)
            .max_encoding_message_size(MESSAGE_BYTES_MAX)
    };
}

impl OperatorApi {
    /// Puts the surface in front of the functions.
    pub fn new(operator: Operator) -> Self {
        Self { operator }
    }

    /// Adds every service to a server.
    pub fn add_to(self, server: Server) -> Server {
        server
            .service(limited!(OrganizationServiceServer, self.clone()))
            .service(limited!(ConnectorServiceServer, self.clone()))
            .service(limited!(SyncServiceServer, self.clone()))
            .service(limited!(DeviceServiceServer, self.clone()))
            .service(limited!(PolicyServiceServer, self.clone()))
            .service(limited!(SystemServiceServer, self))
    }
}

/// Reads a resource name.
fn name<T: std::str::FromStr<Err = InvalidName>>(
    field: &'static str,
    text: &str,
) -> Result<T, Status> {
    text.parse().map_err(|invalid| OperatorError::name(field, &invalid).into())
}

fn page(size: i32, token: String) -> PageRequest {
    PageRequest { size, token }
}

/// The trace id of a `traceparent`; empty when there is none.
fn trace_id(traceparent: &str) -> String {
    traceparent.split('-').nth(1).filter(|id| id.len() == 32).unwrap_or_default().to_owned()
}

#[cfg(test)]
pub(crate) mod tests;
