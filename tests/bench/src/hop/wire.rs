//! The client of both servers: it writes the same messages over and over without copying them, and reads
//! what comes back.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::stream;
use http::uri::PathAndQuery;
use prost::Message;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::transport::Channel;
use tonic::{Request, Status, Streaming};

use exgate_evaluator::api::MESSAGE_BYTES_MAX;
use exgate_proto::evaluator::v1::{EvaluateRequest, EvaluateResponse};

const EVALUATE: &str = "/exgate.evaluator.v1.EvaluatorService/Evaluate";
/// How long nothing may be taken before it counts as stopped, and how often that is looked at.
const STOPPED_AFTER: Duration = Duration::from_secs(2);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// One call under way.
pub(super) struct Stream {
    taken: Arc<AtomicUsize>,
    answers: Streaming<EvaluateResponse>,
}

impl Stream {
    /// Begins to send.
    pub(super) async fn open(
        channel: Channel,
        batches: Vec<Arc<EvaluateRequest>>,
    ) -> anyhow::Result<Self> {
        let taken = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&taken);
        let batches = batches.into_iter().inspect(move |_| {
            counted.fetch_add(1, Ordering::Relaxed);
        });
        let mut client = tonic::client::Grpc::new(channel)
            .max_decoding_message_size(MESSAGE_BYTES_MAX)
            .max_encoding_message_size(MESSAGE_BYTES_MAX);
        client.ready().await?;
        let request = Request::new(stream::iter(batches));
        let path = PathAndQuery::from_static(EVALUATE);
        let answers = client.streaming(request, path, Shared).await?.into_inner();
        Ok(Self { taken, answers })
    }

    /// The next answer.
    pub(super) async fn next(&mut self) -> anyhow::Result<Option<EvaluateResponse>> {
        Ok(self.answers.message().await?)
    }

    /// Waits until nothing more is taken; tells how many batches were.
    pub(super) async fn until_it_stops(&self) -> anyhow::Result<usize> {
        let (mut taken, mut since) = (0, Duration::ZERO);
        while since < STOPPED_AFTER {
            tokio::time::sleep(LOOK_EVERY).await;
            let now = self.taken.load(Ordering::Relaxed);
            since = if now == taken { since + LOOK_EVERY } else { Duration::ZERO };
            taken = now;
        }
        Ok(taken)
    }
}

/// Writes a message that others hold, too.
#[derive(Clone, Copy, Debug)]
struct Shared;

impl Codec for Shared {
    type Encode = Arc<EvaluateRequest>;
    type Decode = EvaluateResponse;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for Shared {
    type Item = Arc<EvaluateRequest>;
    type Error = Status;

    fn encode(&mut self, item: Self::Item, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        item.encode(to).map_err(|error| Status::internal(error.to_string()))
    }
}

impl Decoder for Shared {
    type Item = EvaluateResponse;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<EvaluateResponse>, Status> {
        let read = EvaluateResponse::decode(from);
        read.map(Some).map_err(|error| Status::internal(error.to_string()))
    }
}
