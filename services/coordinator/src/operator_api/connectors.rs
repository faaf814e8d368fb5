//! `exgate.v1.ConnectorService`.

use exgate_domain::check::{Report, StepOutcome};
use exgate_domain::ids::OrganizationId;
use exgate_proto::convert::field::to_instant;
use exgate_proto::names::ConnectorName;
use exgate_proto::v1 as pb;
use exgate_proto::v1::check_connector_response::Event;
use exgate_proto::v1::connector_service_server::ConnectorService;
use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream};
use tonic::{Request, Response, Status};

use super::{OperatorApi, name, page};
use crate::operator::{CheckEvent, ConnectorState, ConnectorView};
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

    type CheckConnectorStream = BoxStream<'static, Result<pb::CheckConnectorResponse, Status>>;

    async fn check_connector(
        &self,
        request: Request<pb::CheckConnectorRequest>,
    ) -> Result<Response<Self::CheckConnectorStream>, Status> {
        let ConnectorName(id) = name("name", &request.into_inner().name)?;
        let check = self.operator.check(&id).await?;
        let events = stream::unfold((check, id), |(mut check, id)| async move {
            let event = check.next().await?;
            let said = event.map(|event| said(event, &id)).map_err(Status::from);
            Some((said, (check, id)))
        });
        Ok(Response::new(events.boxed()))
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

fn said(event: CheckEvent, organization: &OrganizationId) -> pb::CheckConnectorResponse {
    let event = match event {
        CheckEvent::Step(step) => Event::Step(step.into()),
        CheckEvent::Report(report) => Event::Report(check(*report, organization)),
    };
    pb::CheckConnectorResponse { event: Some(event) }
}

fn check(report: Report, organization: &OrganizationId) -> pb::ConnectorCheck {
    let count = |outcome| u32::try_from(report.count(outcome)).unwrap_or(u32::MAX);
    let (passed, warned, failed) =
        (count(StepOutcome::Passed), count(StepOutcome::Warned), count(StepOutcome::Failed));
    let Report { steps, server, exchange_version, role_script, ended_at } = report;
    pb::ConnectorCheck {
        name: ConnectorName(organization.clone()).to_string(),
        steps: steps.into_iter().map(Into::into).collect(),
        exchange_server: server,
        exchange_version,
        role_script,
        ended_at: Some(to_instant(ended_at)),
        passed,
        warned,
        failed,
    }
}
