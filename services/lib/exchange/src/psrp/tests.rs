//! Owns the tests of whole messages: both ends against each other, and each against bytes of
//! an independent implementation (see `vectors/README.md`).

use uuid::Uuid;

use super::{
    body::{
        ErrorCategory, ErrorRecord, Information, InvocationState, PoolState, Progress,
        ProtocolVersion, RunspaceAvailability,
    },
    client::{self, PipelineEvent, PoolEvent},
    server::{self, Event},
    *,
};
use crate::clixml::{self, Columns, Row, Value};

const POOL: Uuid = Uuid::from_u128(0x0011_2233_4455_6677_8899_AABB_CCDD_EEFF);
const PIPELINE: Uuid = Uuid::from_u128(0x0F1E_2D3C_4B5A_6978_8796_A5B4_C3D2_E1F0);

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> =
        text.chars().filter_map(|c| c.to_digit(16)).map(|d| u8::try_from(d).unwrap()).collect();
    digits.chunks(2).map(|pair| (pair[0] << 4) | pair[1]).collect()
}

/// What a pipeline said, with the output in owned form.
fn events(
    pipeline: &mut client::Pipeline,
    bytes: &[u8],
) -> (Vec<Value>, Vec<PipelineEvent<'static>>) {
    let (mut output, mut others) = (Vec::new(), Vec::new());
    let mut events = pipeline.feed(bytes);
    while let Some(event) = events.next_event().unwrap() {
        match event {
            PipelineEvent::Output(xml) => output.push(clixml::read(xml).unwrap()),
            PipelineEvent::Error(record) => others.push(PipelineEvent::Error(record)),
            PipelineEvent::Warning(text) => others.push(PipelineEvent::Warning(text)),
            PipelineEvent::Verbose(text) => others.push(PipelineEvent::Verbose(text)),
            PipelineEvent::Debug(text) => others.push(PipelineEvent::Debug(text)),
            PipelineEvent::Information(it) => others.push(PipelineEvent::Information(it)),
            PipelineEvent::Progress(it) => others.push(PipelineEvent::Progress(it)),
            PipelineEvent::State(state, record) => others.push(PipelineEvent::State(state, record)),
            PipelineEvent::HostCall(call) => others.push(PipelineEvent::HostCall(call)),
            PipelineEvent::Ignored(kind) => others.push(PipelineEvent::Ignored(kind)),
        }
    }
    (output, others)
}

fn open_pool() -> client::RunspacePool {
    let mut pool = client::RunspacePool::new(POOL, client::Options::default());
    pool.open();
    pool.feed(&hex(include_str!("../../vectors/psrpcore/opened.hex"))).unwrap();
    pool
}

fn open_server(protocol: ProtocolVersion) -> (client::RunspacePool, server::RunspacePool) {
    let mut pool = client::RunspacePool::new(POOL, client::Options::default());
    let creation = pool.open();
    let options = server::Options { protocol, ..server::Options::default() };
    let mut server = server::RunspacePool::accept(creation.as_bytes(), options).unwrap();
    let mut out = Fragments::default();
    server.opened(&mut out);
    pool.feed(out.as_bytes()).unwrap();
    (pool, server)
}

#[test]
fn the_session_capability_is_written_byte_for_byte() {
    let documented = hex(include_str!("../../vectors/ms-psrp/session-capability.hex"));
    let mut pool = client::RunspacePool::new(POOL, client::Options::default());
    let written = pool.open();
    assert_eq!(written.iter().next().unwrap(), documented);
    assert_eq!(written.len(), 2, "SESSION_CAPABILITY and INIT_RUNSPACEPOOL");
}

#[test]
fn a_pool_opens_against_psrpcore() {
    let mut pool = client::RunspacePool::new(POOL, client::Options::default());
    assert_eq!(pool.state(), PoolState::BeforeOpen);
    pool.open();
    assert_eq!(pool.state(), PoolState::Opening);

    let said = pool.feed(&hex(include_str!("../../vectors/psrpcore/opened.hex"))).unwrap();

    assert_eq!(said.len(), 3);
    assert!(matches!(&said[0], PoolEvent::Negotiated(it) if it.protocol == ProtocolVersion::V2_3));
    let PoolEvent::PrivateData(data) = &said[1] else { panic!("{:?}", said[1]) };
    assert_eq!(data.version("PSRemotingProtocolVersion"), Some("2.3"));
    assert_eq!(said[2], PoolEvent::State(PoolState::Opened, None));
    assert_eq!(pool.state(), PoolState::Opened);
}

#[test]
fn a_server_reads_what_psrpcore_asks() {
    let creation = hex(include_str!("../../vectors/psrpcore/open.hex"));
    let mut server = server::RunspacePool::accept(&creation, server::Options::default()).unwrap();
    assert_eq!(server.id(), POOL);
    assert_eq!(server.client().protocol, ProtocolVersion::V2_3);
    assert_eq!((server.init().min_runspaces, server.init().max_runspaces), (1, 1));

    let create = hex(include_str!("../../vectors/psrpcore/create-pipeline.hex"));
    let wanted = server.feed(&create).unwrap();

    let [Event::PipelineCreated { pipeline, create }] = &wanted[..] else { panic!("{wanted:?}") };
    assert_eq!(*pipeline, PIPELINE);
    assert!(create.no_input && create.statements.is_empty());
    let [set, null] = &create.commands[..] else { panic!("{create:?}") };
    assert_eq!(
        (set.name.as_str(), set.is_script, null.name.as_str()),
        ("Set-CASMailbox", false, "Out-Null")
    );
    assert_eq!(set.parameter("identity").unwrap().as_str(), Some("jane@contoso.com"));
    let ids = set.parameter("ActiveSyncAllowedDeviceIDs").unwrap();
    assert_eq!(ids.entry("add").unwrap().as_list(), [Value::from("67AE\u{A7}")]);
    assert_eq!(set.parameter("Confirm"), Some(&Value::Bool(false)));
    assert!(null.parameters.is_empty());
}

#[test]
fn a_script_is_seen_as_one_and_never_sent_back() {
    let creation = hex(include_str!("../../vectors/psrpcore/open.hex"));
    let mut server = server::RunspacePool::accept(&creation, server::Options::default()).unwrap();
    let create = hex(include_str!("../../vectors/psrpcore/create-script.hex"));

    let wanted = server.feed(&create).unwrap();

    let [Event::PipelineCreated { create, .. }] = &wanted[..] else { panic!("{wanted:?}") };
    let script = &create.commands[0];
    assert!(script.is_script);
    let written = Command::from_value(&script.to_value(ProtocolVersion::V2_3)).unwrap();
    assert!(!written.is_script, "a script is never written as one");
}

#[test]
fn a_client_reads_a_pipeline_of_psrpcore() {
    let (mut pipeline, _) =
        open_pool().start(PIPELINE, vec![Command::new("Get-MobileDevice")]).unwrap();

    let (output, others) =
        events(&mut pipeline, &hex(include_str!("../../vectors/psrpcore/pipeline.hex")));

    assert_eq!(output[0].property("deviceid").unwrap().as_str(), Some("67AE\u{A7}"));
    assert_eq!(output[0].property("Model").unwrap().as_str(), Some("\u{1F4F1}"));
    assert_eq!(output[1], Value::Nil, "a null has no body");
    assert_eq!(others[0], PipelineEvent::State(InvocationState::Running, None));
    let PipelineEvent::Error(record) = &others[1] else { panic!("{:?}", others[1]) };
    assert_eq!(record.category, ErrorCategory::ObjectNotFound);
    assert_eq!(record.reason, "ManagementObjectNotFoundException");
    assert_eq!(record.activity, "Get-MobileDevice");
    assert_eq!(
        (record.target_name.as_str(), record.target_type.as_str()),
        ("jane", "MobileDeviceIdParameter")
    );
    assert_eq!(record.target, Value::from("jane"));
    assert_eq!(record.exception_type, "System.Exception");
    assert!(
        record.message.starts_with("The operation couldn't be performed because object 'jane'")
    );
    assert!(
        record
            .fully_qualified_id
            .contains("FailureCategory=Cmdlet-ManagementObjectNotFoundException")
    );
    let warning = "There are more results available than are currently displayed.";
    assert_eq!(others[2], PipelineEvent::Warning(warning.to_owned()));
    assert_eq!(others[3], PipelineEvent::Verbose("verbose text".to_owned()));
    assert_eq!(others[4], PipelineEvent::Debug("debug text".to_owned()));
    let PipelineEvent::Progress(progress) = &others[5] else { panic!("{:?}", others[5]) };
    assert_eq!(
        (progress.activity.as_str(), progress.percent, progress.activity_id),
        ("Reading", 50, 3)
    );
    let PipelineEvent::Information(information) = &others[6] else { panic!("{:?}", others[6]) };
    assert_eq!(information.text().as_deref(), Some("information text"));
    assert_eq!(information.tags, ["tag"]);
    assert_eq!(others[7], PipelineEvent::State(InvocationState::Completed, None));
    assert_eq!(pipeline.state(), InvocationState::Completed);
}

#[test]
fn a_terminating_error_comes_with_the_state() {
    let (mut pipeline, _) = open_pool().start(PIPELINE, vec![Command::new("Get-Device")]).unwrap();

    let (_, others) =
        events(&mut pipeline, &hex(include_str!("../../vectors/psrpcore/failed.hex")));

    let PipelineEvent::State(InvocationState::Failed, Some(record)) = &others[1] else {
        panic!("{others:?}")
    };
    assert_eq!(record.reason, "CommandNotFoundException");
    assert_eq!(record.text(), "The term 'Get-Device' is not recognized as the name of a cmdlet");
    assert!(pipeline.state().is_final());
}

#[test]
fn every_record_survives_both_ends() {
    let (mut pool, mut server) = open_server(ProtocolVersion::V2_3);
    let command = Command::new("Get-CASMailbox")
        .with("ResultSize", "Unlimited")
        .with_switch("ActiveSyncDebugLogging");
    let (mut pipeline, start) = pool.start(PIPELINE, vec![command.clone()]).unwrap();
    let wanted = server.feed(start.as_bytes()).unwrap();
    let [Event::PipelineCreated { pipeline: id, create }] = &wanted[..] else {
        panic!("{wanted:?}")
    };
    assert_eq!((*id, &create.commands[..]), (PIPELINE, &[command][..]));

    let mut record = ErrorRecord::new(
        "Microsoft.Exchange.Configuration.Tasks.ManagementObjectNotFoundException",
        "gone _x0041_ \u{1F4F1}",
    );
    record.category = ErrorCategory::Unknown(99);
    record.details = Some("details".to_owned());
    record.target = Value::array(["a".into(), 1.into()]);
    record.activity = "Get-CASMailbox".to_owned();
    let progress = Progress { is_completed: true, ..Progress::new("a", "b", 100) };
    let information = Information {
        message: "said".into(),
        source: "here".to_owned(),
        tags: vec!["PSHOST".to_owned()],
    };
    let mut out = Fragments::default();
    server.state(PIPELINE, InvocationState::Running, None, &mut out);
    server.output(PIPELINE, &Value::from("out"), &mut out);
    server.output_xml(PIPELINE, "<I32>7</I32>", &mut out);
    server.error(PIPELINE, &record, &mut out);
    server.warning(PIPELINE, "w", &mut out);
    server.verbose(PIPELINE, "v", &mut out);
    server.debug(PIPELINE, "", &mut out);
    server.information(PIPELINE, &information, &mut out);
    server.progress(PIPELINE, &progress, &mut out);
    server.state(PIPELINE, InvocationState::Stopped, Some(record.clone()), &mut out);

    let (output, others) = events(&mut pipeline, out.as_bytes());

    assert_eq!(output, [Value::from("out"), Value::I32(7)]);
    assert_eq!(record.reason, "ManagementObjectNotFoundException");
    assert_eq!(
        others,
        [
            PipelineEvent::State(InvocationState::Running, None),
            PipelineEvent::Error(Box::new(record.clone())),
            PipelineEvent::Warning("w".to_owned()),
            PipelineEvent::Verbose("v".to_owned()),
            PipelineEvent::Debug(String::new()),
            PipelineEvent::Information(Box::new(information)),
            PipelineEvent::Progress(Box::new(progress)),
            PipelineEvent::State(InvocationState::Stopped, Some(Box::new(record))),
        ]
    );
    server.output(PIPELINE, &Value::Nil, &mut out);
    out.take(usize::MAX);
    server.output(PIPELINE, &Value::Nil, &mut out);
    let mut late = pipeline.feed(out.as_bytes());
    assert!(matches!(
        late.next_event(),
        Err(ProtocolError::Unexpected { kind: MessageType::PipelineOutput })
    ));
}

#[test]
fn both_sides_go_on_with_the_lower_version() {
    let (mut pool, mut server) = open_server(ProtocolVersion::V2_1);
    assert_eq!(pool.protocol_version(), ProtocolVersion::V2_1);
    assert_eq!(server.protocol_version(), ProtocolVersion::V2_1);

    let (_, start) = pool.start(PIPELINE, vec![Command::new("Get-X")]).unwrap();
    let text = String::from_utf8_lossy(start.as_bytes()).into_owned();
    assert!(text.contains("MergePreviousResults") && !text.contains("MergeError"), "{text}");
    let mut out = Fragments::default();
    server.information(PIPELINE, &Information::default(), &mut out);
    assert!(out.is_empty(), "2.1 has no information stream");
}

#[test]
fn another_major_version_is_refused() {
    let mut pool = client::RunspacePool::new(POOL, client::Options::default());
    let creation = pool.open();
    let options = server::Options {
        protocol: ProtocolVersion { major: 3, minor: 0 },
        ..server::Options::default()
    };
    let refused = server::RunspacePool::accept(creation.as_bytes(), options);
    assert!(matches!(refused, Err(ProtocolError::Version { .. })));
}

#[test]
fn a_pool_that_is_not_open_starts_nothing() {
    let mut pool = client::RunspacePool::new(POOL, client::Options::default());
    assert!(matches!(pool.start(PIPELINE, Vec::new()), Err(ProtocolError::NotOpen)));
    let (mut pool, mut server) = open_server(ProtocolVersion::V2_3);
    let mut out = Fragments::default();
    let broken = ErrorRecord::new("System.Exception", "the server is going down");
    server.pool_state(PoolState::Broken, Some(broken.clone()), &mut out);
    assert_eq!(
        pool.feed(out.as_bytes()).unwrap(),
        [PoolEvent::State(PoolState::Broken, Some(broken))]
    );
    server.pool_state(PoolState::Opened, None, &mut out);
    out.take(1);
    pool.feed(out.as_bytes()).unwrap();
    assert_eq!(pool.state(), PoolState::Broken, "a broken pool stays broken");
    assert!(matches!(pool.ask_availability(), Err(ProtocolError::NotOpen)));
}

#[test]
fn free_runspaces_are_asked_for_and_told() {
    let (mut pool, mut server) = open_server(ProtocolVersion::V2_3);
    let (call_id, question) = pool.ask_availability().unwrap();
    let wanted = server.feed(question.as_bytes()).unwrap();
    assert_eq!(wanted, [Event::Availability { call_id, kind: MessageType::GetAvailableRunspaces }]);
    let answer = RunspaceAvailability { call_id, response: Value::I64(1) };
    let mut out = Fragments::default();
    server.availability(&answer, &mut out);
    assert_eq!(pool.feed(out.as_bytes()).unwrap(), [PoolEvent::Availability(answer)]);
}

#[test]
fn messages_for_somebody_else_are_refused() {
    let (mut pool, mut server) = open_server(ProtocolVersion::V2_3);
    let (mut pipeline, start) = pool.start(PIPELINE, vec![Command::new("Get-X")]).unwrap();
    assert!(
        matches!(pool.feed(start.as_bytes()), Err(ProtocolError::Misaddressed { .. })),
        "for the server"
    );
    let mut out = Fragments::default();
    server.warning(POOL, "for another pipeline", &mut out);
    assert!(matches!(
        pipeline.feed(out.as_bytes()).next_event(),
        Err(ProtocolError::Misaddressed { .. })
    ));
    let creation = client::RunspacePool::new(PIPELINE, client::Options::default()).open();
    assert!(
        matches!(server.feed(creation.as_bytes()), Err(ProtocolError::Misaddressed { .. })),
        "another pool's"
    );
}

#[test]
fn long_output_comes_together_from_small_fragments() {
    let (mut pool, mut server) = open_server(ProtocolVersion::V2_3);
    let (mut pipeline, start) = pool.start(PIPELINE, vec![Command::new("Get-X")]).unwrap();
    server.feed(start.as_bytes()).unwrap();
    server.set_fragment_bytes_max(64);
    let long = Value::object(
        clixml::Object::default().with("Text", "x".repeat(10_000)).with("Guid", POOL),
    );
    let mut out = Fragments::default();
    server.output(PIPELINE, &long, &mut out);
    assert!(out.len() > 200);
    let mut seen = 0;
    while let Some(batch) = out.take(500) {
        assert!(batch.len() <= 500);
        let mut events = pipeline.feed(batch);
        while let Some(event) = events.next_event().unwrap() {
            let PipelineEvent::Output(xml) = event else { panic!("{event:?}") };
            let row = Row::read(xml, &Columns::new(["guid"])).unwrap();
            assert_eq!(row.get(0).unwrap().as_guid(), Some(POOL));
            seen += 1;
        }
    }
    assert_eq!(seen, 1);
}
