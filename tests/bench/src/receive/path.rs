//! The way of the product's own agent from the body of an answer to an observation, in the agent's order
//! and through the agent's own functions, up to a stage of one's choice.

use std::hint::black_box;
use std::time::Duration;

use anyhow::bail;
use bytes::Bytes;

use exgate_agent::collect::{DigestTable, Skim, Skimmed};
use exgate_agent::translate::ListedDevice;
use exgate_domain::ids::ObservationDigest;
use exgate_domain::observation::{Kind, Observation};
use exgate_domain::snapshot::PAGE_ROWS_MAX;
use exgate_exchange::clixml::{Columns, Row as Fields};
use exgate_exchange::cmdlets::Row;
use exgate_exchange::psrp::client::{Pipeline, PipelineEvent};
use exgate_exchange::wsman::{Received, Response, ResponseBody};
use exgate_proto::convert;

use crate::capture::Capture;
use crate::statistics::cost_of;

/// How far a pass goes; each stage includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// The envelope is read; stream data is found in it.
    Envelope,
    /// Base64 is decoded.
    Decoded,
    /// Messages are put together.
    Messages,
    /// An object's properties have become a row, and the row an observation.
    Observations,
    /// The observation is encoded.
    Encoded,
    /// Its digest is taken, as a sync does with each.
    Digests,
}

/// All stages, in their order.
pub(super) const STAGES: [Stage; 6] = [
    Stage::Envelope,
    Stage::Decoded,
    Stage::Messages,
    Stage::Observations,
    Stage::Encoded,
    Stage::Digests,
];

impl Stage {
    /// What it is called in print.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Envelope => "envelope",
            Self::Decoded => "base64",
            Self::Messages => "messages",
            Self::Observations => "observations",
            Self::Encoded => "encoding",
            Self::Digests => "digest",
        }
    }
}

/// What a pass saw, to be held against the truth. The sums do not depend on the order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) objects: usize,
    pub(super) observations: usize,
    pub(super) keys: u128,
    pub(super) encoded_bytes: usize,
    pub(super) digests: u128,
}

impl Tally {
    /// Takes an observation in.
    pub(super) fn see(&mut self, observation: &Observation) {
        self.observations += 1;
        self.keys = self.keys.wrapping_add(observation.key().guid.as_u128());
    }

    /// Takes a digest in.
    pub(super) fn digest(&mut self, digest: &ObservationDigest) {
        let bytes = *digest.as_bytes();
        self.digests = self.digests.wrapping_add(u128::from_be_bytes(bytes));
    }
}

/// Goes the way once, up to `stage`, and hands what comes out to `seen`.
pub(super) fn pass(
    capture: &mut Capture,
    stage: Stage,
    mut seen: impl FnMut(Observation),
) -> anyhow::Result<(Duration, Tally)> {
    let pipeline = capture.replay()?;
    let bodies = &capture.bodies;
    let (cost, tally) = cost_of(move || walk(bodies, pipeline, stage, &mut seen));
    Ok((cost, tally?))
}

/// Goes the way once with a table that may know the objects: up to keys on pages for those that it does,
/// up to observations, which it learns, for the others.
pub(super) fn pass_known(
    capture: &mut Capture,
    table: &DigestTable,
) -> anyhow::Result<(Duration, Known)> {
    let pipeline = capture.replay()?;
    let bodies = &capture.bodies;
    let (cost, known) = cost_of(move || walk_known(bodies, pipeline, table));
    Ok((cost, known?))
}

/// What such a pass saw. The sum does not depend on the order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Known {
    /// Objects that the table knows.
    pub(super) skipped: usize,
    /// Objects that had to be read.
    pub(super) read: usize,
    /// The keys of all.
    pub(super) keys: u128,
}

fn walk_known(
    bodies: &[Bytes],
    mut pipeline: Pipeline,
    table: &DigestTable,
) -> anyhow::Result<Known> {
    let columns = Columns::new(ListedDevice::COLUMNS.iter().copied());
    let mut skim = Skim::new(table, Kind::Device, true);
    let mut known = Known::default();
    let mut page = Vec::with_capacity(PAGE_ROWS_MAX);
    for body in bodies {
        let ResponseBody::Receive(received) = Response::parse(body)?.body else {
            bail!("a captured answer carries no output");
        };
        for xml in messages(&mut pipeline, decoded(&received)?)? {
            let key = match skim.look(&xml) {
                Skimmed::Known(key) => {
                    known.skipped += 1;
                    black_box(skim.controller(&xml));
                    page.push(key);
                    key
                }
                Skimmed::Unread(raw) => {
                    let row = ListedDevice::from_fields(&Fields::read(&xml, &columns)?)?;
                    let observation = Observation::Device(row.device?);
                    let digest = convert::digest(&observation);
                    table.see(observation.key(), digest, raw.map(|(_, raw)| raw));
                    known.read += 1;
                    observation.key()
                }
            };
            known.keys = known.keys.wrapping_add(key.guid.as_u128());
            if page.len() == PAGE_ROWS_MAX {
                black_box(convert::page_digest(&[], &page));
                page.clear();
            }
        }
    }
    black_box(convert::page_digest(&[], &page));
    Ok(known)
}

fn walk(
    bodies: &[Bytes],
    mut pipeline: Pipeline,
    stage: Stage,
    seen: &mut impl FnMut(Observation),
) -> anyhow::Result<Tally> {
    let columns = Columns::new(ListedDevice::COLUMNS.iter().copied());
    let mut tally = Tally::default();
    for body in bodies {
        let ResponseBody::Receive(received) = Response::parse(body)?.body else {
            bail!("a captured answer carries no output");
        };
        if stage == Stage::Envelope {
            black_box(&received);
            continue;
        }
        let output = decoded(&received)?;
        if stage == Stage::Decoded {
            black_box(&output);
            continue;
        }
        let batch = messages(&mut pipeline, output)?;
        tally.objects += batch.len();
        if stage == Stage::Messages {
            black_box(&batch);
            continue;
        }
        for xml in batch {
            let row = ListedDevice::from_fields(&Fields::read(&xml, &columns)?)?;
            let observation = Observation::Device(row.device?);
            tally.see(&observation);
            if stage >= Stage::Encoded {
                let encoded = convert::encode_observation(&observation);
                tally.encoded_bytes += encoded.len();
                if stage == Stage::Digests {
                    tally.digest(&ObservationDigest::of(&encoded));
                }
                black_box(encoded);
            }
            seen(observation);
        }
    }
    Ok(tally)
}

/// The decoded streams of one answer.
fn decoded(received: &Received<'_>) -> anyhow::Result<Vec<Bytes>> {
    let mut output = Vec::with_capacity(received.streams.len());
    for stream in &received.streams {
        let mut bytes = Vec::with_capacity(stream.base64.len() / 4 * 3);
        stream.decode_into(&mut bytes)?;
        output.push(Bytes::from(bytes));
    }
    Ok(output)
}

/// The objects in some output, sharing its memory where they lie in one piece.
fn messages(pipeline: &mut Pipeline, output: Vec<Bytes>) -> anyhow::Result<Vec<Bytes>> {
    let mut batch = Vec::new();
    for bytes in output {
        let mut events = pipeline.feed(&bytes);
        while let Some(event) = events.next_event()? {
            if let PipelineEvent::Output(xml) = event {
                let (whole, piece) = (bytes.as_ptr_range(), xml.as_ptr_range());
                let is_part = whole.start <= piece.start && piece.end <= whole.end;
                batch.push(if is_part {
                    bytes.slice_ref(xml)
                } else {
                    Bytes::copy_from_slice(xml)
                });
            }
        }
    }
    Ok(batch)
}
