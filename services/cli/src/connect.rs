//! One coordinator and what can be asked of it. Lists page by themselves, and no call waits for ever.

use std::time::Duration;

use exgate_proto::v1 as pb;
use exgate_proto::v1::{
    connector_service_client::ConnectorServiceClient, device_service_client::DeviceServiceClient,
    organization_service_client::OrganizationServiceClient,
    policy_service_client::PolicyServiceClient, sync_service_client::SyncServiceClient,
    system_service_client::SystemServiceClient,
};
use exgate_runtime::grpc::{Channel, MESSAGE_BYTES_MAX};
use exgate_runtime::listen::Endpoint;
use tonic::{Request, Status, Streaming};

use crate::failure::{self, Failure};

/// How long one call may take, unless the whole command is given longer.
const CALL: Duration = Duration::from_secs(30);
/// How long a check may take; the coordinator gives up before.
const CHECK: Duration = Duration::from_secs(330);
/// How long a simulation may take: a million devices and a busy evaluator need minutes.
const SIMULATION: Duration = Duration::from_secs(3600);
/// How many rows to ask for at a time.
pub(crate) const PAGE_SIZE: i32 = 500;

/// The coordinator.
#[derive(Debug, Clone)]
pub(crate) struct Coordinator {
    channel: Channel,
    page_size: i32,
    /// How long one call may take.
    limit: Duration,
}

macro_rules! client {
    ($name:ident, $client:ident) => {
        fn $name(&self) -> $client<Channel> {
            $client::new(self.channel.clone()).max_decoding_message_size(MESSAGE_BYTES_MAX)
        }
    };
}

macro_rules! list {
    (
        $(#[$doc:meta])* $name:ident($request:ty) -> $item:ty,
        $client:ident.$rpc:ident, $field:ident, $attempt:literal
    ) => {
        $(#[$doc])*
        pub(crate) async fn $name(
            &self,
            mut request: $request,
            limit: Option<usize>,
        ) -> Result<Vec<$item>, Failure> {
            let mut all = Vec::new();
            request.page_size = self.page_size;
            loop {
                let asked = timed(request.clone(), self.limit);
                let answer = self.$client().$rpc(asked).await;
                let page = answer.map_err(unanswered($attempt, self.limit))?.into_inner();
                all.extend(page.$field);
                let enough = limit.is_some_and(|limit| all.len() >= limit);
                if page.next_page_token.is_empty() || enough {
                    all.truncate(limit.unwrap_or(usize::MAX));
                    return Ok(all);
                }
                request.page_token = page.next_page_token;
            }
        }
    };
}

macro_rules! call {
    (
        $(#[$doc:meta])* $name:ident($request:ty) -> $answer:ty,
        $client:ident.$rpc:ident, $attempt:literal
    ) => {
        $(#[$doc])*
        pub(crate) async fn $name(&self, request: $request) -> Result<$answer, Failure> {
            let answer = self.$client().$rpc(timed(request, self.limit)).await;
            Ok(answer.map_err(unanswered($attempt, self.limit))?.into_inner())
        }
    };
}

impl Coordinator {
    /// The coordinator at `server`, for a command that may take `timeout`; nothing is sent before the
    /// first call.
    pub(crate) fn at(server: &str, timeout: Option<Duration>) -> Result<Self, Failure> {
        let endpoint = Endpoint::parse("--server", server)?;
        let limit = timeout.unwrap_or(CALL).max(CALL);
        // The deadline of a call ends it, not a probe before: only the one says what went wrong.
        let channel = Channel::patient(&endpoint, limit);
        Ok(Self { channel, page_size: PAGE_SIZE, limit })
    }

    /// Asks for this many rows at a time.
    #[must_use]
    pub(crate) fn paged(self, page_size: i32) -> Self {
        Self { page_size, ..self }
    }

    client!(organization, OrganizationServiceClient);
    client!(connector, ConnectorServiceClient);
    client!(device, DeviceServiceClient);
    client!(sync, SyncServiceClient);
    client!(policy, PolicyServiceClient);
    client!(system, SystemServiceClient);

    list!(
        /// All organizations.
        list_organizations(pb::ListOrganizationsRequest) -> pb::Organization,
        organization.list_organizations, organizations, "list organizations"
    );
    list!(
        /// All connectors.
        list_connectors(pb::ListConnectorsRequest) -> pb::Connector,
        connector.list_connectors, connectors, "list connectors"
    );
    list!(
        /// The devices asked for.
        list_devices(pb::ListDevicesRequest) -> pb::Device,
        device.list_devices, devices, "list devices"
    );
    list!(
        /// The syncs asked for, the newest first.
        list_syncs(pb::ListSyncRunsRequest) -> pb::SyncRun,
        sync.list_sync_runs, sync_runs, "list syncs"
    );
    list!(
        /// All policies.
        list_policies(pb::ListPoliciesRequest) -> pb::Policy,
        policy.list_policies, policies, "list policies"
    );

    call!(
        /// One organization.
        get_organization(pb::GetOrganizationRequest) -> pb::Organization,
        organization.get_organization, "get the organization"
    );
    call!(
        /// Chooses what exgate may do in an organization.
        set_mode(pb::SetModeRequest) -> pb::SetModeResponse,
        organization.set_mode, "set the mode"
    );
    call!(
        /// One connector.
        get_connector(pb::GetConnectorRequest) -> pb::Connector,
        connector.get_connector, "get the connector"
    );
    /// Has a connector checked: each step as it is known, at last everything.
    pub(crate) async fn check_connector(
        &self,
        request: pb::CheckConnectorRequest,
    ) -> Result<Streaming<pb::CheckConnectorResponse>, Failure> {
        let limit = CHECK.max(self.limit);
        let answer = self.connector().check_connector(timed(request, limit)).await;
        Ok(answer.map_err(unanswered("check the connector", limit))?.into_inner())
    }

    call!(
        /// One device.
        get_device(pb::GetDeviceRequest) -> pb::Device,
        device.get_device, "get the device"
    );
    call!(
        /// Why a device has the access it has.
        explain_device(pb::ExplainDeviceRequest) -> pb::ExplainDeviceResponse,
        device.explain_device, "explain the device"
    );
    call!(
        /// Starts a sync.
        run_sync(pb::RunSyncRequest) -> pb::SyncRun,
        sync.run_sync, "start a sync"
    );
    call!(
        /// One sync.
        get_sync(pb::GetSyncRunRequest) -> pb::SyncRun,
        sync.get_sync_run, "get the sync"
    );
    call!(
        /// Applies documents.
        apply(pb::ApplyDocumentsRequest) -> pb::ApplyDocumentsResponse,
        policy.apply_documents, "apply the documents"
    );
    /// Tries documents on every device: how far it is, the summary, then the changed devices.
    pub(crate) async fn simulate(
        &self,
        request: pb::SimulatePoliciesRequest,
    ) -> Result<Streaming<pb::SimulatePoliciesResponse>, Failure> {
        let limit = SIMULATION.max(self.limit);
        let answer = self.policy().simulate_policies(timed(request, limit)).await;
        Ok(answer.map_err(unanswered("simulate the policies", limit))?.into_inner())
    }

    call!(
        /// One policy.
        get_policy(pb::GetPolicyRequest) -> pb::Policy,
        policy.get_policy, "get the policy"
    );
    call!(
        /// Who answers.
        server_info(pb::GetServerInfoRequest) -> pb::ServerInfo,
        system.get_server_info, "ask the coordinator for its version"
    );
}

fn timed<T>(message: T, limit: Duration) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(limit);
    request
}

/// What a refused call means; one that ran out of its time was perhaps never heard.
fn unanswered(attempt: &'static str, limit: Duration) -> impl FnOnce(Status) -> Failure {
    move |status| match failure::is_expired(&status) {
        true => Failure::NoAnswer { attempt, within: limit },
        false => Failure::call(attempt)(status),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The clock stands still but for what is waited for: a probe that gives up before the limit is seen.
    #[tokio::test(start_paused = true)]
    async fn silence_ends_at_the_limit_and_is_told_as_such() {
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = format!("http://{}", silent.local_addr().unwrap());
        for (timeout, limit) in [(None, CALL), (Some(CALL * 4), CALL * 4)] {
            let coordinator = Coordinator::at(&server, timeout).unwrap();
            let asked = coordinator.server_info(pb::GetServerInfoRequest {}).await;
            let failure = asked.unwrap_err();
            assert!(
                matches!(failure, Failure::NoAnswer { within, .. } if within == limit),
                "{failure:?}"
            );
            assert_eq!(failure.exit_code(), 8);
        }
    }

    #[tokio::test]
    async fn a_longer_command_waits_longer_for_each_answer() {
        for (timeout, limit) in [(600, 600), (5, 30)] {
            let timeout = Some(Duration::from_secs(timeout));
            let coordinator = Coordinator::at("http://127.0.0.1:1", timeout).unwrap();
            assert_eq!(coordinator.limit, Duration::from_secs(limit));
        }
    }
}
