//! Checks that the coordinator asks for: run one after the other, each step told as it is known.

use std::sync::Arc;

use tokio::sync::mpsc;
use tracing::Instrument;

use exgate_domain::check::Report;
use exgate_domain::ids::CheckId;
use exgate_proto::agent::v1 as pb;
use exgate_runtime::clock::Clock;
use exgate_runtime::telemetry;

use super::message;
use crate::exchange::{Exchange, Preflight};

/// How many checks may wait for the one that runs.
pub(super) const CHECKS_WAITING_MAX: usize = 4;
/// How many steps may wait to be sent.
const STEPS_WAITING_MAX: usize = 32;

/// A check that was asked for.
#[derive(Debug)]
pub(super) struct Check {
    pub(super) id: CheckId,
    pub(super) traceparent: String,
}

/// Runs checks until the attachment ends.
pub(super) async fn run(
    exchange: Arc<dyn Exchange>,
    mut asked: mpsc::Receiver<Check>,
    said: mpsc::Sender<pb::AttachRequest>,
) {
    while let Some(Check { id, traceparent }) = asked.recv().await {
        let span = tracing::info_span!("check", check = %id);
        telemetry::adopt(&span, &traceparent);
        let (told, mut steps) = mpsc::channel(STEPS_WAITING_MAX);
        let checking = exchange.doctor(told).instrument(span);
        let telling = async {
            while let Some(step) = steps.recv().await {
                if said.send(message::check_step(id, step)).await.is_err() {
                    break;
                }
            }
        };
        let (found, ()) = tokio::join!(checking, telling);
        if said.send(message::check_finished(id, Ok(report(found)))).await.is_err() {
            break;
        }
    }
}

/// What was found, as it is told to others.
pub(crate) fn report(found: Preflight) -> Report {
    let Preflight { steps, server, exchange_version, role_script, .. } = found;
    Report { steps, server, exchange_version, role_script, ended_at: Clock::system().now() }
}
