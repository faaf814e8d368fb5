//! The way of the product's own agent from the body of an answer to an observation, in the agent's order
//! and through the agent's own functions, up to a stage of one's choice.

use std::hint::black_box;
use std::time::Duration;

use anyhow::bail;
use bytes::Bytes;

use exgate_agent::collect::{DigestTable, Skim, Skimmed};
use exgate_agent::translate::ListedDevice;
use exgate_domain::ids::ObservationDigest;
use exgate_domain::observation::{Key, Kind, Observation};
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

/// The way up to a stage, as far as it has been gone.
pub(super) struct Way {
    pipeline: Pipeline,
    columns: Columns,
    stage: Stage,
    cost: Duration,
    tally: Tally,
}

impl Way {
    /// Begins with nothing read.
    pub(super) fn new(capture: &mut Capture, stage: Stage) -> anyhow::Result<Self> {
        Ok(Self {
            pipeline: capture.replay()?,
            columns: Columns::new(ListedDevice::COLUMNS.iter().copied()),
            stage,
            cost: Duration::ZERO,
            tally: Tally::default(),
        })
    }

    /// Goes on through the next bodies, and hands what comes out to `seen`.
    pub(super) fn step(
        &mut self,
        bodies: &[Bytes],
        seen: &mut impl FnMut(Observation),
    ) -> anyhow::Result<()> {
        let (cost, walked) = cost_of(|| bodies.iter().try_for_each(|body| self.read(body, seen)));
        self.cost += cost;
        walked
    }

    /// What it cost, and what it saw.
    pub(super) fn end(self) -> (Duration, Tally) {
        (self.cost, self.tally)
    }

    fn read(&mut self, body: &Bytes, seen: &mut impl FnMut(Observation)) -> anyhow::Result<()> {
        let received = received(body)?;
        if self.stage == Stage::Envelope {
            black_box(&received);
            return Ok(());
        }
        let output = decoded(&received)?;
        if self.stage == Stage::Decoded {
            black_box(&output);
            return Ok(());
        }
        let batch = messages(&mut self.pipeline, output)?;
        self.tally.objects += batch.len();
        if self.stage == Stage::Messages {
            black_box(&batch);
            return Ok(());
        }
        for xml in batch {
            let row = ListedDevice::from_fields(&Fields::read(&xml, &self.columns)?)?;
            let observation = Observation::Device(row.device?);
            self.tally.see(&observation);
            if self.stage >= Stage::Encoded {
                let encoded = convert::encode_observation(&observation);
                self.tally.encoded_bytes += encoded.len();
                if self.stage == Stage::Digests {
                    self.tally.digest(&ObservationDigest::of(&encoded));
                }
                black_box(encoded);
            }
            seen(observation);
        }
        Ok(())
    }
}

/// What a way past a table of digests saw. The sum does not depend on the order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Known {
    /// Objects that the table knows.
    pub(super) skipped: usize,
    /// Objects that had to be read.
    pub(super) read: usize,
    /// The keys of all.
    pub(super) keys: u128,
}

/// The way with a table that may know the objects: up to keys on pages for those that it does, up to
/// observations, which it learns, for the others.
pub(super) struct KnownWay<'a> {
    pipeline: Pipeline,
    columns: Columns,
    table: &'a DigestTable,
    skim: Skim<'a>,
    page: Vec<Key>,
    cost: Duration,
    known: Known,
}

impl<'a> KnownWay<'a> {
    /// Begins with nothing read.
    pub(super) fn new(capture: &mut Capture, table: &'a DigestTable) -> anyhow::Result<Self> {
        Ok(Self {
            pipeline: capture.replay()?,
            columns: Columns::new(ListedDevice::COLUMNS.iter().copied()),
            table,
            skim: Skim::new(table, Kind::Device, true),
            page: Vec::with_capacity(PAGE_ROWS_MAX),
            cost: Duration::ZERO,
            known: Known::default(),
        })
    }

    /// Goes on through the next bodies.
    pub(super) fn step(&mut self, bodies: &[Bytes]) -> anyhow::Result<()> {
        let (cost, walked) = cost_of(|| bodies.iter().try_for_each(|body| self.read(body)));
        self.cost += cost;
        walked
    }

    /// What it cost, and what it saw.
    pub(super) fn end(mut self) -> (Duration, Known) {
        let (cost, ()) = cost_of(|| self.turn_page());
        (self.cost + cost, self.known)
    }

    fn read(&mut self, body: &Bytes) -> anyhow::Result<()> {
        let received = received(body)?;
        for xml in messages(&mut self.pipeline, decoded(&received)?)? {
            let key = match self.skim.look(&xml) {
                Skimmed::Known(key) => {
                    self.known.skipped += 1;
                    black_box(self.skim.controller(&xml));
                    self.page.push(key);
                    key
                }
                Skimmed::Unread(raw) => {
                    let row = ListedDevice::from_fields(&Fields::read(&xml, &self.columns)?)?;
                    let observation = Observation::Device(row.device?);
                    let digest = convert::digest(&observation);
                    self.table.see(observation.key(), digest, raw.map(|(_, raw)| raw));
                    self.known.read += 1;
                    observation.key()
                }
            };
            self.known.keys = self.known.keys.wrapping_add(key.guid.as_u128());
            if self.page.len() == PAGE_ROWS_MAX {
                self.turn_page();
            }
        }
        Ok(())
    }

    fn turn_page(&mut self) {
        black_box(convert::page_digest(&[], &self.page));
        self.page.clear();
    }
}

/// The output that an answer carries.
fn received(body: &Bytes) -> anyhow::Result<Received<'_>> {
    match Response::parse(body)?.body {
        ResponseBody::Receive(received) => Ok(received),
        _ => bail!("a captured answer carries no output"),
    }
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
