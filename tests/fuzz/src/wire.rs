//! Envelopes and fragments: what frames everything else.

use exgate_exchange::psrp::fragment::{Defragmenter, Fragmenter, Fragments, HEADER_BYTES};
use exgate_exchange::psrp::server::{Options, RunspacePool};
use exgate_exchange::wsman::request::Header;
use exgate_exchange::wsman::{Reply, Request, RequestBody, Response, ResponseBody, decode_base64};
use uuid::Uuid;

/// The bound that the hostile half of [`fragments`] gives its reader, in bytes.
const OBJECT_BYTES_MAX: usize = 4_096;

/// Reads an envelope as an answer and as a request, and everything inside it.
///
/// # Panics
/// When a fault that was read cannot be written and read again.
pub fn soap(bytes: &[u8]) {
    if let Ok(answer) = Response::parse(bytes) {
        match answer.body {
            ResponseBody::Receive(received) => {
                let mut data = Vec::new();
                for stream in &received.streams {
                    drop(stream.decode_into(&mut data));
                }
            }
            ResponseBody::Fault(fault) => {
                let header = Header { message_id: Uuid::nil().to_string(), ..Header::default() };
                let written = Reply::new(&header, Uuid::nil()).fault(&fault);
                let read = Response::parse_answer(written.as_bytes(), Uuid::nil());
                let read = read.expect("a fault of ours is an envelope");
                let ResponseBody::Fault(again) = read.body else { panic!("{:?}", read.body) };
                assert_eq!(again.code, fault.code);
            }
            _ => {}
        }
    }
    let Ok(request) = Request::parse(bytes) else { return };
    let mut data = Vec::new();
    match &request.body {
        RequestBody::Create { creation, .. } => {
            drop(decode_base64(creation, &mut data));
            drop(RunspacePool::accept(&data, Options::default()));
        }
        RequestBody::Command { arguments, .. } => {
            for argument in arguments {
                drop(decode_base64(argument, &mut data));
            }
        }
        RequestBody::Send { streams } => {
            for stream in streams {
                drop(stream.decode_into(&mut data));
            }
        }
        _ => {}
    }
}

/// Reads the bytes as fragments, then cuts them into messages of their own, sends those as
/// interleaved fragments and puts them together again.
///
/// # Panics
/// When a message is larger than its bound, or is not put together as it was cut.
pub fn fragments(bytes: &[u8]) {
    let Some((&[size, turn], rest)) = bytes.split_first_chunk() else { return };
    let mut defragmenter = Defragmenter::new(OBJECT_BYTES_MAX);
    let (first, second) = rest.split_at(rest.len().min(usize::from(turn)));
    'hostile: for part in [first, second] {
        let mut objects = defragmenter.feed(part);
        loop {
            match objects.next_object() {
                Ok(Some(object)) => assert!(object.len() <= OBJECT_BYTES_MAX),
                Ok(None) => break,
                Err(_) => break 'hostile,
            }
        }
    }

    let mut fragmenter = Fragmenter::new(HEADER_BYTES + usize::from(size % 32));
    let mut sent: Vec<&[u8]> = rest.splitn(8, |byte| *byte == 0).collect();
    let mut queues: Vec<Fragments> = Vec::new();
    for message in &sent {
        let mut queue = Fragments::default();
        fragmenter.split(message, &mut queue);
        queues.push(queue);
    }
    let mut defragmenter = Defragmenter::default();
    let mut received = Vec::new();
    let mut next = usize::from(turn);
    while queues.iter().any(|queue| !queue.is_empty()) {
        next = (next * 5 + 3) % queues.len();
        // The queue whose turn it is, or the first that has something left.
        let place = (0..queues.len()).map(|step| (next + step) % queues.len());
        let mut waiting = place.filter(|place| !queues[*place].is_empty());
        let place = waiting.next().expect("a queue has something left");
        let fragment = queues[place].take(usize::from(size)).unwrap_or_default();
        let mut objects = defragmenter.feed(fragment);
        while let Some(object) = objects.next_object().expect("fragments of ours fit") {
            received.push(object.to_vec());
        }
    }
    assert!(!defragmenter.is_waiting());
    sent.sort_unstable();
    received.sort_unstable();
    assert_eq!(sent, received);
}
