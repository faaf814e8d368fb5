//! The least that any program must do with the captured bytes to see what is in them: decode base64 into
//! a buffer that is used again, and step once through the events of each object's XML.

use std::hint::black_box;
use std::ops::Range;
use std::time::Duration;

use anyhow::{bail, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use quick_xml::Reader;
use quick_xml::events::Event;

use exgate_exchange::psrp::client::PipelineEvent;
use exgate_exchange::wsman::{Response, ResponseBody, Stream};

use crate::capture::Capture;
use crate::statistics::cost_of;

/// The captured bytes, cut into what the floor reads of each body.
pub(super) struct Floor<'a> {
    bodies: Vec<Piece<'a>>,
    buffer: Vec<u8>,
}

/// What one body carries: streams, and the objects that end in it.
struct Piece<'a> {
    streams: Vec<Stream<'a>>,
    objects: Vec<String>,
    events: usize,
}

/// What some of it costs.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct FloorCost {
    pub(super) base64: Duration,
    pub(super) scan: Duration,
}

impl<'a> Floor<'a> {
    /// Cuts beforehand, so that the floor pays for no envelope and no fragment.
    pub(super) fn new(capture: &mut Capture, bodies: &'a [bytes::Bytes]) -> anyhow::Result<Self> {
        let mut pipeline = capture.replay()?;
        let mut floor = Self { bodies: Vec::new(), buffer: Vec::new() };
        for body in bodies {
            let ResponseBody::Receive(received) = Response::parse(body)?.body else {
                bail!("a captured answer carries no output");
            };
            let mut piece = Piece { streams: received.streams, objects: Vec::new(), events: 0 };
            for stream in &piece.streams {
                floor.buffer.clear();
                stream.decode_into(&mut floor.buffer)?;
                let mut events = pipeline.feed(&floor.buffer);
                while let Some(event) = events.next_event()? {
                    if let PipelineEvent::Output(xml) = event {
                        piece.objects.push(std::str::from_utf8(xml)?.to_owned());
                    }
                }
            }
            piece.events = piece.scan()?;
            floor.bodies.push(piece);
        }
        Ok(floor)
    }

    /// How many bytes of XML the objects have.
    pub(super) fn xml_bytes(&self) -> usize {
        self.bodies.iter().flat_map(|piece| &piece.objects).map(String::len).sum()
    }

    /// How many objects there are.
    pub(super) fn objects(&self) -> usize {
        self.bodies.iter().map(|piece| piece.objects.len()).sum()
    }

    /// Reads what these bodies carry into the caches, for whoever comes first.
    pub(super) fn warm(&self, bodies: Range<usize>) {
        for piece in &self.bodies[bodies] {
            let streams = piece.streams.iter().map(|stream| stream.base64.as_bytes());
            let objects = piece.objects.iter().map(|object| object.as_bytes());
            let sum =
                streams.chain(objects).flatten().fold(0_u64, |sum, byte| sum + u64::from(*byte));
            black_box(sum);
        }
    }

    /// Does it once with some bodies.
    pub(super) fn step(&mut self, bodies: Range<usize>) -> anyhow::Result<FloorCost> {
        let Self { bodies: pieces, buffer } = self;
        let pieces = &pieces[bodies];
        let decode = |piece: &Piece<'_>| piece.decode(buffer);
        let (base64, decoded) = cost_of(|| pieces.iter().try_for_each(decode));
        decoded?;
        let scan = || {
            pieces.iter().try_fold(true, |same, piece| Ok(piece.scan()? == piece.events && same))
        };
        let (scan, same): (_, anyhow::Result<bool>) = cost_of(scan);
        ensure!(same?, "the floor saw another number of events");
        Ok(FloorCost { base64, scan })
    }
}

impl Piece<'_> {
    fn decode(&self, buffer: &mut Vec<u8>) -> anyhow::Result<()> {
        for stream in &self.streams {
            buffer.clear();
            STANDARD.decode_vec(stream.base64.as_bytes(), buffer)?;
            black_box(&buffer);
        }
        Ok(())
    }

    fn scan(&self) -> anyhow::Result<usize> {
        let mut events = 0;
        for object in &self.objects {
            let mut reader = Reader::from_str(object);
            loop {
                let event = reader.read_event()?;
                events += 1;
                if matches!(black_box(&event), Event::Eof) {
                    break;
                }
            }
        }
        Ok(events)
    }
}

impl std::ops::AddAssign for FloorCost {
    fn add_assign(&mut self, more: Self) {
        self.base64 += more.base64;
        self.scan += more.scan;
    }
}
