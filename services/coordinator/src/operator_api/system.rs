//! `exgate.v1.SystemService`.

use exgate_proto::convert::field::to_instant;
use exgate_proto::v1 as pb;
use exgate_proto::v1::system_service_server::SystemService;
use tonic::{Request, Response, Status};

use super::OperatorApi;
use crate::evaluation::replicas::EvaluatorState;
use crate::operator::ServerState;
use crate::sources::SourceState;

#[tonic::async_trait]
impl SystemService for OperatorApi {
    async fn get_server_info(
        &self,
        _request: Request<pb::GetServerInfoRequest>,
    ) -> Result<Response<pb::ServerInfo>, Status> {
        let ServerState { started_at, sources, evaluator_problem, evaluators } =
            self.operator.server_state();
        Ok(Response::new(pb::ServerInfo {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at: Some(to_instant(started_at)),
            sources: sources.into_iter().map(source).collect(),
            evaluator_problem: evaluator_problem.unwrap_or_default(),
            evaluators: evaluators.into_iter().map(evaluator).collect(),
        }))
    }
}

fn evaluator(state: EvaluatorState) -> pb::EvaluatorInfo {
    let EvaluatorState { endpoint, problem, answered_at, cases } = state;
    pb::EvaluatorInfo {
        endpoint,
        problem: problem.unwrap_or_default(),
        answered_at: answered_at.map(to_instant),
        cases,
    }
}

fn source(state: SourceState) -> pb::SourceInfo {
    let SourceState { name, devices, users, read_at, problem } = state;
    pb::SourceInfo { title: name, devices, users, read_at: read_at.map(to_instant), problem }
}
