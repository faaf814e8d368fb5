//! `exgate.v1.ConnectorService`.

use exgate_proto::convert::field::to_instant;
use exgate_proto::names::ConnectorName;
use exgate_proto::v1 as pb;
use exgate_proto::v1::connector_service_server::ConnectorService;
use tonic::{Request, Response, Status};

use super::{OperatorApi, name, page};
use crate::operator::{ConnectorState, ConnectorView};
use crate::store::{Connector, PreflightStep};

#[tonic::async_trait]
impl ConnectorService for OperatorApi {
    async fn list_connectors(
        &self,
        request: Request<pb::ListConnectorsRequest>,
    ) -> Result<Response<pb::ListConnectorsResponse>, Status> {
        let pb::ListConnectorsRequest { page_size, page_token } = request.into_inner();
        let found = self.operator.list_connectors(&page(page_size, page_token)).await?;
        Ok(Response::new(pb::ListConnectorsResponse {
            connectors: found.rows.into_iter().map(connector).collect(),
            next_page_token: found.next,
        }))
    }

    async fn get_connector(
        &self,
        request: Request<pb::GetConnectorRequest>,
    ) -> Result<Response<pb::Connector>, Status> {
        let ConnectorName(id) = name("name", &request.into_inner().name)?;
        Ok(Response::new(connector(self.operator.get_connector(&id).await?)))
    }
}

fn connector(view: ConnectorView) -> pb::Connector {
    let ConnectorView {
        organization,
        state,
        connector,
        generation,
        last_heard_at,
        standing,
        history,
        problem,
    } = view;
    let state = match state {
        ConnectorState::None => pb::ConnectorState::None,
        ConnectorState::ConnectionPending => pb::ConnectorState::ConnectionPending,
        ConnectorState::Connected => pb::ConnectorState::Connected,
        ConnectorState::Degraded => pb::ConnectorState::Degraded,
        ConnectorState::Disconnected => pb::ConnectorState::Disconnected,
    };
    let about = pb::Connector {
        name: ConnectorName(organization).to_string(),
        state: state.into(),
        lease_generation: generation,
        last_heard_at: last_heard_at.map(to_instant),
        last_quick_sync_at: history.quick_succeeded_at.map(to_instant),
        last_full_sync_at: history.full_succeeded_at.map(to_instant),
        problem,
        standing: standing.clone().map(Into::into),
        ..pb::Connector::default()
    };
    let Some(known) = connector else { return about };
    let Connector { agent, host, version, exchange_server, exchange_version, preflight, .. } =
        known;
    pb::Connector {
        exchange_server: standing.map_or(exchange_server, |standing| standing.current),
        exchange_version,
        connector_server: host,
        version,
        agent_id: agent.to_string(),
        preflight: preflight.into_iter().map(step).collect(),
        ..about
    }
}

fn step(step: PreflightStep) -> pb::PreflightStep {
    let PreflightStep { name, ok, finding, cure } = step;
    pb::PreflightStep { title: name, ok, finding, cure }
}
