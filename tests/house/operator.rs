//! An operator in a scenario's hands: the coordinator's own API, as the command line uses it.

use std::time::Duration;

use exgate_proto::types::v1::PolicyFile;
use exgate_proto::v1 as pb;
use exgate_proto::v1::connector_service_client::ConnectorServiceClient;
use exgate_proto::v1::device_service_client::DeviceServiceClient;
use exgate_proto::v1::organization_service_client::OrganizationServiceClient;
use exgate_proto::v1::policy_service_client::PolicyServiceClient;
use exgate_proto::v1::sync_service_client::SyncServiceClient;
use exgate_proto::v1::system_service_client::SystemServiceClient;
use exgate_runtime::grpc::Channel;
use exgate_runtime::listen::Endpoint;
use tonic::{Code, Request, Status};

use crate::eventually;

/// How long one call may take.
const CALL: Duration = Duration::from_secs(20);
/// How long anything that exgate does by itself may take on a loaded machine.
pub const SOON: Duration = Duration::from_secs(60);

/// Whoever operates the coordinator.
#[derive(Clone, Debug)]
pub struct Operator {
    channel: Channel,
}

impl Operator {
    /// The coordinator that answers at `url`.
    pub fn at(url: &str) -> Self {
        let endpoint = Endpoint::parse("coordinator", url).expect("an endpoint");
        Self { channel: Channel::new(&endpoint) }
    }

    /// Applies documents: all of them, or none.
    ///
    /// # Errors
    /// As the coordinator refuses them.
    pub async fn apply(
        &self,
        path: &str,
        text: &str,
    ) -> Result<pb::ApplyDocumentsResponse, Status> {
        let file = PolicyFile { path: path.to_owned(), content: text.as_bytes().to_vec() };
        let request =
            pb::ApplyDocumentsRequest { files: vec![file], validate_only: false, prune: false };
        let mut client = PolicyServiceClient::new(self.channel.clone());
        client.apply_documents(timed(request)).await.map(tonic::Response::into_inner)
    }

    /// Who answers, and how its sources are.
    ///
    /// # Errors
    /// When nobody answers.
    pub async fn server_info(&self) -> Result<pb::ServerInfo, Status> {
        let mut client = SystemServiceClient::new(self.channel.clone());
        let request = timed(pb::GetServerInfoRequest {});
        client.get_server_info(request).await.map(tonic::Response::into_inner)
    }

    /// Chooses what exgate may do in an organization.
    ///
    /// # Errors
    /// As the coordinator refuses it.
    pub async fn set_mode(&self, organization: &str, mode: pb::Mode) -> Result<(), Status> {
        let request = pb::SetModeRequest {
            name: format!("organizations/{organization}"),
            mode: mode.into(),
            validate_only: false,
            changes_max: 0,
        };
        let mut client = OrganizationServiceClient::new(self.channel.clone());
        client.set_mode(timed(request)).await.map(|_| ())
    }

    /// One organization.
    pub async fn organization(&self, name: &str) -> pb::Organization {
        let request = pb::GetOrganizationRequest { name: format!("organizations/{name}") };
        let mut client = OrganizationServiceClient::new(self.channel.clone());
        client.get_organization(timed(request)).await.expect("an organization").into_inner()
    }

    /// The connector of an organization.
    pub async fn connector(&self, organization: &str) -> pb::Connector {
        let name = format!("organizations/{organization}/connector");
        let mut client = ConnectorServiceClient::new(self.channel.clone());
        let request = timed(pb::GetConnectorRequest { name });
        client.get_connector(request).await.expect("a connector").into_inner()
    }

    /// Every device of an organization.
    pub async fn devices(&self, organization: &str) -> Vec<pb::Device> {
        self.devices_like(organization, "").await.expect("devices")
    }

    /// The device with this ActiveSync id.
    pub async fn device(&self, organization: &str, device_id: &str) -> Option<pb::Device> {
        let found = self.devices_like(organization, device_id).await;
        found.ok()?.into_iter().next()
    }

    async fn devices_like(
        &self,
        organization: &str,
        device_id: &str,
    ) -> Result<Vec<pb::Device>, Status> {
        let mut client = DeviceServiceClient::new(self.channel.clone());
        let mut request = pb::ListDevicesRequest {
            parent: format!("organizations/{organization}"),
            page_size: 1000,
            device_id: device_id.to_owned(),
            ..pb::ListDevicesRequest::default()
        };
        let mut devices = Vec::new();
        loop {
            let answer = client.list_devices(timed(request.clone())).await?.into_inner();
            devices.extend(answer.devices);
            if answer.next_page_token.is_empty() {
                return Ok(devices);
            }
            request.page_token = answer.next_page_token;
        }
    }

    /// Why a device has the access it has.
    pub async fn explain(&self, device: &pb::Device) -> pb::ExplainDeviceResponse {
        let mut client = DeviceServiceClient::new(self.channel.clone());
        let name = device.name.clone();
        let request = pb::ExplainDeviceRequest { name, ..pb::ExplainDeviceRequest::default() };
        client.explain_device(timed(request)).await.expect("an explanation").into_inner()
    }

    /// Syncs an organization, and waits until that is over; another one under way is waited for.
    pub async fn sync_to_its_end(&self, organization: &str, mode: pb::SyncMode) -> pb::SyncRun {
        let what = format!("a {mode:?} sync of {organization} starts");
        let run = eventually(SOON, &what, async || self.start_sync(organization, mode).await).await;
        let what = format!("the {mode:?} sync of {organization} ends");
        eventually(SOON, &what, async || {
            let mut client = SyncServiceClient::new(self.channel.clone());
            let request = timed(pb::GetSyncRunRequest { name: run.name.clone() });
            let run = client.get_sync_run(request).await.map_err(|error| error.to_string())?;
            let run = run.into_inner();
            match run.state() {
                pb::SyncRunState::Succeeded | pb::SyncRunState::Failed => Ok(run),
                _ => Err(format!("{run:?}")),
            }
        })
        .await
    }

    /// Syncs an organization with success.
    pub async fn sync(&self, organization: &str, mode: pb::SyncMode) -> pb::SyncRun {
        let run = self.sync_to_its_end(organization, mode).await;
        assert_eq!(run.state(), pb::SyncRunState::Succeeded, "{run:?}");
        run
    }

    /// A quick sync, with success.
    pub async fn quick(&self, organization: &str) -> pb::SyncRun {
        self.sync(organization, pb::SyncMode::Quick).await
    }

    /// A full sync, with success.
    pub async fn full(&self, organization: &str) -> pb::SyncRun {
        self.sync(organization, pb::SyncMode::Full).await
    }

    /// Starts a sync.
    ///
    /// # Errors
    /// As the coordinator refuses it.
    ///
    /// # Panics
    /// When it refuses for another reason than that it is not ready yet.
    pub async fn start_sync(
        &self,
        organization: &str,
        mode: pb::SyncMode,
    ) -> Result<pb::SyncRun, Status> {
        let mut client = SyncServiceClient::new(self.channel.clone());
        let request = pb::RunSyncRequest {
            parent: format!("organizations/{organization}"),
            mode: mode.into(),
            validate_only: false,
        };
        let answer = client.run_sync(timed(request)).await;
        if let Err(status) = &answer {
            let may_pass = [Code::Aborted, Code::FailedPrecondition, Code::Unavailable];
            assert!(may_pass.contains(&status.code()), "{status:?}");
        }
        answer.map(tonic::Response::into_inner)
    }

    /// The newest syncs of an organization.
    pub async fn syncs(&self, organization: &str) -> Vec<pb::SyncRun> {
        let mut client = SyncServiceClient::new(self.channel.clone());
        let request = pb::ListSyncRunsRequest {
            parent: format!("organizations/{organization}"),
            page_size: 100,
            page_token: String::new(),
        };
        client.list_sync_runs(timed(request)).await.expect("syncs").into_inner().sync_runs
    }
}

fn timed<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(CALL);
    request
}
