//! The hop without exgate: plain tonic, the same messages read and written, and nothing decided.

use std::io::Read;
use std::path::Path;

use futures_util::stream::{self, BoxStream, StreamExt};
use tokio::net::TcpListener;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status, Streaming};

use exgate_evaluator::api::MESSAGE_BYTES_MAX;
use exgate_proto::evaluator::v1::evaluator_service_server::{
    EvaluatorService, EvaluatorServiceServer,
};
use exgate_proto::evaluator::v1::{
    CheckBundleRequest, CheckBundleResponse, EvaluateRequest, EvaluateResponse, ExplainRequest,
    ExplainResponse, LoadBundleRequest, LoadBundleResponse,
};
use exgate_proto::types::v1 as pb;
use exgate_runtime::listen;

/// The name of the policy that is told to have decided.
const POLICY: &str = "mail-access";
/// How far behind now a decision says that it may change.
const AGAIN_SECONDS: i64 = 86_400;

/// Serves until standard input ends, which is when whoever started it does.
pub(crate) fn serve(addresses: &Path) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        listen::publish(addresses, &[("grpc", listener.local_addr()?)])?;
        let service = EvaluatorServiceServer::new(Raw)
            .max_decoding_message_size(MESSAGE_BYTES_MAX)
            .max_encoding_message_size(MESSAGE_BYTES_MAX);
        let ended = tokio::task::spawn_blocking(|| std::io::stdin().read(&mut [0; 1]));
        Server::builder()
            .add_service(service)
            .serve_with_incoming_shutdown(
                TcpIncoming::from(listener).with_nodelay(Some(true)),
                async move { drop(ended.await) },
            )
            .await?;
        Ok(())
    })
}

struct Raw;

#[tonic::async_trait]
impl EvaluatorService for Raw {
    type EvaluateStream = BoxStream<'static, Result<EvaluateResponse, Status>>;

    async fn evaluate(
        &self,
        request: Request<Streaming<EvaluateRequest>>,
    ) -> Result<Response<Self::EvaluateStream>, Status> {
        let next = |mut incoming: Streaming<EvaluateRequest>| async move {
            let Some(request) = incoming.message().await? else { return Ok(None) };
            Ok(Some((answer(request), incoming)))
        };
        Ok(Response::new(stream::try_unfold(request.into_inner(), next).boxed()))
    }

    async fn load_bundle(
        &self,
        _: Request<LoadBundleRequest>,
    ) -> Result<Response<LoadBundleResponse>, Status> {
        Err(Status::unimplemented("it only answers"))
    }

    async fn check_bundle(
        &self,
        _: Request<CheckBundleRequest>,
    ) -> Result<Response<CheckBundleResponse>, Status> {
        Err(Status::unimplemented("it only answers"))
    }

    async fn explain(
        &self,
        _: Request<ExplainRequest>,
    ) -> Result<Response<ExplainResponse>, Status> {
        Err(Status::unimplemented("it only answers"))
    }
}

/// As long an answer as a decision about most devices is.
fn answer(request: EvaluateRequest) -> EvaluateResponse {
    let EvaluateRequest { bundle_digest, batch, cases } = request;
    let decision = |case: pb::Case| pb::Decision {
        mailbox_guid: case.mailbox_guid,
        device_id: case.device.map(|device| device.device_id).unwrap_or_default(),
        access: pb::Access::Allow.into(),
        compliance: pb::Compliance::Compliant.into(),
        reasons: vec![pb::Reason::Compliant.into()],
        policy: POLICY.to_owned(),
        trace: Vec::new(),
        bundle_digest: bundle_digest.clone(),
        look_again_at: case.now_at.map(|at| prost_types::Timestamp {
            seconds: at.seconds + AGAIN_SECONDS,
            nanos: at.nanos,
        }),
    };
    EvaluateResponse { batch, decisions: cases.into_iter().map(decision).collect() }
}
