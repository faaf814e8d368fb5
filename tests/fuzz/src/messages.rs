//! Messages with any body, at both ends of a pool and at a pipeline.

use exgate_exchange::psrp::body::{
    ErrorRecord, Information, InvocationState, PipelineState, PoolState, Progress,
    RunspacePoolState,
};
use exgate_exchange::psrp::client::{self, PipelineEvent, PoolEvent};
use exgate_exchange::psrp::server;
use exgate_exchange::psrp::{Command, Destination, Fragmenter, Fragments, Message, MessageType};
use exgate_exchange::{clixml, psrp};
use uuid::Uuid;

/// The pool of every run.
pub(super) const POOL: Uuid = Uuid::from_u128(0xA);
/// Its pipeline.
const PIPELINE: Uuid = Uuid::from_u128(0xB);

/// The numbers of every message type of [MS-PSRP] 2.2.1, and one that is none.
const KINDS: [u32; 31] = [
    0x10002, 0x10004, 0x10005, 0x10006, 0x10007, 0x10008, 0x21002, 0x21003, 0x21004, 0x21005,
    0x21006, 0x21007, 0x21008, 0x21009, 0x2100A, 0x2100B, 0x2100C, 0x21100, 0x21101, 0x41002,
    0x41003, 0x41004, 0x41005, 0x41006, 0x41007, 0x41008, 0x41009, 0x41010, 0x41011, 0x41100,
    0x12345,
];

/// Takes the bytes as a message, and as the body of a message of the type that the first byte
/// chooses.
///
/// # Panics
/// When a record that was read is another one after it was written and read again, or when the
/// server's end and the client's do not fit together.
pub fn messages(bytes: &[u8]) {
    if let Ok(message) = Message::decode(bytes) {
        let mut again = Vec::new();
        message.encode_into(&mut again);
        let decoded = Message::decode(&again).expect("a message of ours");
        // A second byte order mark would be passed over too.
        assert_eq!((decoded.kind, decoded.pool), (message.kind, message.pool));
        assert_eq!(decoded.pipeline, message.pipeline);
    }
    let Some((kind, body)) = bytes.split_first() else { return };
    let kind = MessageType::from(KINDS[usize::from(*kind) % KINDS.len()]);

    for event in
        open_pool().feed(&framed(Destination::Client, kind, None, body)).unwrap_or_default()
    {
        if let PoolEvent::State(state, error) = event {
            let state = RunspacePoolState { state, error };
            let again = RunspacePoolState::from_value(&state.to_value());
            same(&state, &again.expect("a state of ours"));
        }
    }
    let mut pool = open_pool();
    let (mut pipeline, _) =
        pool.start(PIPELINE, vec![Command::new("Get-X")]).expect("an open pool");
    let stream = framed(Destination::Client, kind, Some(PIPELINE), body);
    let mut events = pipeline.feed(&stream);
    while let Ok(Some(event)) = events.next_event() {
        check(event);
    }
    let mut server = open_server();
    for pipeline in [None, Some(PIPELINE)] {
        drop(server.feed(&framed(Destination::Server, kind, pipeline, body)));
    }
}

fn check(event: PipelineEvent<'_>) {
    match event {
        PipelineEvent::Output(xml) => drop(clixml::read(xml)),
        PipelineEvent::Error(record) => {
            let again = ErrorRecord::from_value(&record.to_value());
            same(&*record, &again.expect("a record of ours"));
            let short = record.shortened(3);
            assert!(short.message.len() <= 3 && short.details.is_none_or(|it| it.len() <= 3));
        }
        PipelineEvent::Information(record) => {
            let again = Information::from_value(&record.to_value());
            same(&*record, &again.expect("a record of ours"));
        }
        PipelineEvent::Progress(progress) => {
            let again = Progress::from_value(&progress.to_value());
            same(&*progress, &again.expect("progress of ours"));
        }
        PipelineEvent::State(state, error) => {
            assert!(state != InvocationState::Running || !state.is_final());
            let state = PipelineState { state, error: error.map(|error| *error) };
            let again = PipelineState::from_value(&state.to_value());
            same(&state, &again.expect("a state of ours"));
        }
        _ => {}
    }
}

/// Compares what is printed: a NaN inside is no reason to fail.
fn same<T: std::fmt::Debug>(left: &T, right: &T) {
    assert_eq!(format!("{left:?}"), format!("{right:?}"));
}

fn framed(
    destination: Destination,
    kind: MessageType,
    pipeline: Option<Uuid>,
    data: &[u8],
) -> Vec<u8> {
    let mut message = Vec::new();
    Message { destination, kind, pool: POOL, pipeline, data }.encode_into(&mut message);
    let mut fragments = Fragments::default();
    Fragmenter::new(psrp::FRAGMENT_BYTES_MAX).split(&message, &mut fragments);
    fragments.as_bytes().to_vec()
}

/// A client's pool that a server has opened.
pub(super) fn open_pool() -> client::RunspacePool {
    let mut pool = client::RunspacePool::new(POOL, client::Options::default());
    let creation = pool.open();
    let server = server::RunspacePool::accept(creation.as_bytes(), server::Options::default());
    let mut opened = Fragments::default();
    server.expect("a pool of ours").opened(&mut opened);
    pool.feed(opened.as_bytes()).expect("an opening of ours");
    assert_eq!(pool.state(), PoolState::Opened);
    pool
}

/// A server's pool that a client has asked for.
pub(super) fn open_server() -> server::RunspacePool {
    let creation = client::RunspacePool::new(POOL, client::Options::default()).open();
    server::RunspacePool::accept(creation.as_bytes(), server::Options::default())
        .expect("a pool of ours")
}
