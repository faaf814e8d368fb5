//! Commands with any text in their names and arguments, from the client through envelopes and
//! fragments to the server: what arrives is what was meant, and never a script.

use exgate_exchange::clixml::Value;
use exgate_exchange::psrp::Command;
use exgate_exchange::psrp::fragment::HEADER_BYTES;
use exgate_exchange::psrp::server::Event;
use exgate_exchange::wsman::{Client, Request, RequestBody, decode_base64};
use uuid::Uuid;

use super::messages::{open_pool, open_server};

const PIPELINE: Uuid = Uuid::from_u128(0xC);

/// Builds a command from the bytes and sends it.
///
/// # Panics
/// When another command arrives than was sent.
pub fn arguments(bytes: &[u8]) {
    let mut bytes = Bytes(bytes);
    let fragment_bytes_max = HEADER_BYTES + 16 * (1 + usize::from(bytes.number()));
    let mut command = Command::new(bytes.text());
    for _ in 0..bytes.number() % 8 {
        let name = bytes.text();
        command = command.with(name, bytes.value(2));
    }
    let mut pool = open_pool();
    pool.set_fragment_bytes_max(fragment_bytes_max);
    let (_, mut fragments) = pool.start(PIPELINE, vec![command.clone()]).expect("an open pool");
    let wsman = Client::new("https://localhost/", Uuid::nil());
    let mut server = open_server();
    let mut arrived = Vec::new();
    let mut is_first = true;
    while let Some(piece) = fragments.take(usize::from(is_first) * fragment_bytes_max) {
        let envelope = match is_first {
            true => wsman.command(Uuid::nil(), "shell", PIPELINE, piece),
            false => wsman.send(Uuid::nil(), "shell", Some(PIPELINE), piece),
        };
        is_first = false;
        let request = Request::parse(envelope.as_bytes()).expect("a request of ours");
        let mut data = Vec::new();
        match &request.body {
            RequestBody::Command { arguments, .. } => {
                decode_base64(&arguments[0], &mut data).expect("base64 of ours");
            }
            RequestBody::Send { streams } => {
                streams[0].decode_into(&mut data).expect("base64 of ours");
            }
            other => panic!("{other:?}"),
        }
        arrived.extend(server.feed(&data).expect("fragments of ours"));
    }
    let [Event::PipelineCreated { pipeline: PIPELINE, create }] = arrived.as_slice() else {
        panic!("{arrived:?}")
    };
    assert_eq!(create.commands, [command]);
    assert!(create.commands.iter().all(|command| !command.is_script));
    assert!(create.statements.is_empty());
}

/// What is left of the fuzzer's bytes; zero once they are used up.
struct Bytes<'b>(&'b [u8]);

impl Bytes<'_> {
    fn number(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    /// Any text: UTF-8 as it comes, or UTF-16 units, of which lone surrogates become U+FFFD.
    fn text(&mut self) -> String {
        let kind = self.number();
        let (taken, rest) = self.0.split_at(self.0.len().min(usize::from(kind >> 1)));
        self.0 = rest;
        if kind & 1 == 0 {
            return String::from_utf8_lossy(taken).into_owned();
        }
        let units = taken.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
        char::decode_utf16(units).map(|unit| unit.unwrap_or('\u{FFFD}')).collect()
    }

    fn value(&mut self, depth: u8) -> Value {
        match self.number() % 8 {
            0 => Value::Bool(self.number() & 1 == 0),
            1 => Value::I32(i32::from_le_bytes([0; 4].map(|_| self.number()))),
            2 => Value::I64(i64::from_le_bytes([0; 8].map(|_| self.number()))),
            3 if depth > 0 => {
                let count = self.number() % 6;
                Value::array((0..count).map(|_| self.value(depth - 1)).collect::<Vec<_>>())
            }
            4 if depth > 0 => {
                let count = self.number() % 4;
                let entries = (0..count).map(|_| (self.text(), self.value(depth - 1)));
                Value::hashtable(entries.collect::<Vec<_>>())
            }
            5 => Value::Nil,
            _ => Value::String(self.text()),
        }
    }
}
