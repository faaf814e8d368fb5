//! The least that any program must do with the captured bytes to see what is in them: decode base64 into
//! a buffer that is used again, and step once through the events of each object's XML.

use std::hint::black_box;
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

/// The captured bytes, cut into what the floor reads.
pub(super) struct Floor<'a> {
    streams: Vec<Stream<'a>>,
    objects: Vec<String>,
    buffer: Vec<u8>,
    events: usize,
}

/// What one pass costs.
#[derive(Clone, Copy, Debug)]
pub(super) struct FloorCost {
    pub(super) base64: Duration,
    pub(super) scan: Duration,
}

impl<'a> Floor<'a> {
    /// Cuts beforehand, so that the floor pays for no envelope and no fragment.
    pub(super) fn new(capture: &mut Capture, bodies: &'a [bytes::Bytes]) -> anyhow::Result<Self> {
        let mut pipeline = capture.replay()?;
        let (mut streams, mut objects, mut buffer) = (Vec::new(), Vec::new(), Vec::new());
        for body in bodies {
            let ResponseBody::Receive(received) = Response::parse(body)?.body else {
                bail!("a captured answer carries no output");
            };
            for stream in received.streams {
                buffer.clear();
                stream.decode_into(&mut buffer)?;
                let mut events = pipeline.feed(&buffer);
                while let Some(event) = events.next_event()? {
                    if let PipelineEvent::Output(xml) = event {
                        objects.push(std::str::from_utf8(xml)?.to_owned());
                    }
                }
                streams.push(stream);
            }
        }
        let mut floor = Self { streams, objects, buffer, events: 0 };
        floor.events = floor.scan()?;
        Ok(floor)
    }

    /// How many bytes of XML the objects have.
    pub(super) fn xml_bytes(&self) -> usize {
        self.objects.iter().map(String::len).sum()
    }

    /// How many objects there are.
    pub(super) fn objects(&self) -> usize {
        self.objects.len()
    }

    /// Does it once.
    pub(super) fn pass(&mut self) -> anyhow::Result<FloorCost> {
        let (base64, decoded) = cost_of(|| self.decode());
        let (scan, events) = cost_of(|| self.scan());
        decoded?;
        ensure!(events? == self.events, "the floor saw another number of events");
        Ok(FloorCost { base64, scan })
    }

    fn decode(&mut self) -> anyhow::Result<()> {
        for stream in &self.streams {
            self.buffer.clear();
            STANDARD.decode_vec(stream.base64.as_bytes(), &mut self.buffer)?;
            black_box(&self.buffer);
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
