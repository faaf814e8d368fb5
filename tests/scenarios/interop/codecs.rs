//! CLIXML, messages and fragments without a transport: exgate's client against psrpcore's server
//! and psrpcore's client against exgate's server, with fragments of the size that PowerShell uses,
//! of both envelope sizes, and so small that every object takes many.

use exgate_exchange::clixml;
use exgate_exchange::psrp::body::{
    ErrorCategory, ErrorRecord, InitRunspacePool, InvocationState, PoolState, Progress,
};
use exgate_exchange::psrp::client::{Options, Pipeline, PipelineEvent, PoolEvent, RunspacePool};
use exgate_exchange::psrp::{Command, Fragments, body::Information, server};
use exgate_exchange::wsman::Client;
use exgate_tests::peers::Peers;
use exgate_tests::scenario;
use serde_json::{Value as Json, json};
use tempfile::TempDir;
use uuid::Uuid;

use super::description::{describe, values};

const POOL: Uuid = Uuid::from_u128(0x0011_2233_4455_6677_8899_aabb_ccdd_eeff);
const PIPELINES: [Uuid; 2] = [Uuid::from_u128(0xa), Uuid::from_u128(0xb)];

/// What psrpcore read, what it wrote, and our two ends of it.
struct Both {
    said: Json,
    folder: TempDir,
    pipelines: Vec<Pipeline>,
}

/// How exgate's server ends its pipeline.
enum End {
    Completed,
    Failed,
}

#[test]
fn psrpcore_reads_every_value_of_ours() {
    both(32_768, End::Completed, |both| {
        let said = both.said["heard"]["said"].as_array().unwrap();
        let output: Vec<_> = said.iter().filter(|each| each[0] == "PipelineOutput").collect();
        for ((name, value), read) in values().iter().zip(&output) {
            assert_eq!(read[1], describe(value), "{name}");
        }
        assert_eq!(output.len(), values().len());
    });
}

#[test]
fn psrpcore_reads_every_argument_of_ours() {
    both(32_768, End::Completed, |both| {
        for commands in both.said["served"]["commands"].as_array().unwrap() {
            let [command] = commands.as_array().unwrap().as_slice() else { panic!("{commands}") };
            assert_eq!(command["name"], "Set-\u{a7}_x0041_\u{1f4f1}");
            assert_eq!(command["script"], false);
            let parameters = command["parameters"].as_array().unwrap();
            for ((name, value), read) in values().iter().zip(parameters) {
                assert_eq!(*read, json!([name, describe(value)]));
            }
            assert_eq!(parameters.len(), values().len());
        }
    });
}

#[test]
fn objects_in_hundreds_of_fragments_are_read_at_both_ends() {
    // Down to one byte of data per fragment for the smallest, 65,536 fragments for the largest.
    both(64, End::Completed, |mut both| {
        let heard = both.said["heard"]["said"].as_array().unwrap().len();
        assert_eq!(heard, values().len() + 7 + 1);
        let commands = both.said["served"]["commands"][0].as_array().unwrap();
        assert_eq!(commands[0]["parameters"].as_array().unwrap().len(), values().len());
        let stream = both.answer("0");
        let fragments = stream.len() / 64;
        assert!(fragments > 10_000, "{fragments} fragments");
        both.reads_what_psrpcore_wrote(0);
    });
}

#[test]
fn many_objects_in_one_answer_are_read_at_both_ends() {
    both(1 << 20, End::Completed, |mut both| {
        both.reads_what_psrpcore_wrote(0);
        both.reads_what_psrpcore_wrote(1);
    });
}

#[test]
fn fragments_that_fill_envelopes_of_32_and_500_kilobytes_are_read_at_both_ends() {
    for envelope in [32 << 10, 500 << 10] {
        let wsman = Client { max_envelope_bytes: envelope, ..Client::new("x", POOL) };
        both(wsman.payload_bytes_max(), End::Completed, |mut both| {
            both.reads_what_psrpcore_wrote(0);
            let commands = both.said["served"]["commands"][1].as_array().unwrap();
            assert_eq!(commands[0]["parameters"].as_array().unwrap().len(), values().len());
        });
    }
}

#[test]
fn two_pipelines_of_one_pool_of_four_runspaces_are_kept_apart() {
    both(500, End::Completed, |mut both| {
        assert_eq!(both.said["served"]["runspaces"], json!([2, 4]));
        assert_eq!(
            both.said["served"]["opening"],
            json!(["SessionCapabilityEvent", "InitRunspacePoolEvent"])
        );
        let mut pool = pool(500);
        pool.open();
        let mut seen = Vec::new();
        for event in pool.feed(&both.answer("pool")).unwrap() {
            match event {
                PoolEvent::Availability(answer) => {
                    assert_eq!((answer.call_id, answer.response.as_i64()), (1, Some(3)));
                    seen.push("availability");
                }
                PoolEvent::State(PoolState::Opened, None) => seen.push("opened"),
                PoolEvent::Negotiated(_) => seen.push("negotiated"),
                PoolEvent::PrivateData(_) => seen.push("private data"),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(seen, ["negotiated", "private data", "opened", "availability"]);
        // What psrpcore wrote in turns comes apart, in whichever order it is read.
        both.reads_what_psrpcore_wrote(1);
        both.reads_what_psrpcore_wrote(0);
    });
}

#[test]
fn psrpcore_reads_every_record_of_ours() {
    both(32_768, End::Failed, |both| {
        let said = &both.said["heard"]["said"];
        let records: Vec<_> = said.as_array().unwrap()[..7].to_vec();
        let error = json!({
            "message": "no \u{a7} such \u{1f4f1}", "id": "id", "category": "ObjectNotFound",
            "reason": "NotFoundException", "activity": "Get-X", "target": "jane",
        });
        let expected = [
            json!(["ErrorRecord", error]),
            json!(["DebugRecord", "debug \u{a7}"]),
            json!(["VerboseRecord", "verbose _x0041_"]),
            json!(["WarningRecord", "warning \u{1f4f1}"]),
            json!(["ProgressRecord", ["Reading", "half", "step", "Processing"], [3, -1, 50, 7]]),
            json!(["ProgressRecord", ["Reading", "done", "None", "Completed"], [0, -1, 100, -1]]),
            json!(["InformationRecord", ["S", "information"], "source", ["tag"]]),
        ];
        assert_eq!(records, expected);
        let last = said.as_array().unwrap().last().unwrap();
        assert_eq!(*last, json!(["PipelineState", "Failed", error]));
        assert_eq!(both.said["heard"]["state"], "Opened");
    });
}

/// Lets psrpcore read what our two ends write, and answer; then looks.
fn both(fragment_bytes_max: usize, end: End, look: impl FnOnce(Both)) {
    scenario(async {
        let Some(peers) = Peers::find("exgate's codecs against psrpcore") else { return };
        let folder = tempfile::tempdir().unwrap();
        let keep = |name: &str, bytes: &[u8]| {
            std::fs::write(folder.path().join(format!("{name}.bin")), bytes).unwrap();
        };
        let mut client = pool(fragment_bytes_max);
        let creation = client.open();
        keep("creation", creation.as_bytes());
        let options = server::Options { fragment_bytes_max, ..server::Options::default() };
        let mut server = server::RunspacePool::accept(creation.as_bytes(), options).unwrap();
        assert_eq!((server.init().min_runspaces, server.init().max_runspaces), (2, 4));
        let mut out = Fragments::default();
        server.opened(&mut out);
        keep("pool", out.as_bytes());
        client.feed(out.as_bytes()).unwrap();
        keep("question", client.ask_availability().unwrap().1.as_bytes());
        let mut command = Command::new("Set-\u{a7}_x0041_\u{1f4f1}");
        for (name, value) in values() {
            command = command.with(name, value);
        }
        let mut pipelines = Vec::new();
        for (place, id) in PIPELINES.into_iter().enumerate() {
            let (pipeline, fragments) = client.start(id, vec![command.clone()]).unwrap();
            keep(&format!("command-{place}"), fragments.as_bytes());
            pipelines.push(pipeline);
        }
        keep("pipeline", write(&mut server, end).as_bytes());

        let fragment = fragment_bytes_max.to_string();
        let ids = [POOL, PIPELINES[0], PIPELINES[1]].map(|id| id.to_string());
        let place = folder.path().to_str().unwrap();
        let arguments = [
            place,
            "--pool",
            &ids[0],
            "--pipeline",
            &ids[1],
            "--pipeline",
            &ids[2],
            "--fragment",
            &fragment,
        ];
        let mut peer = peers.start("codec_peer.py", &arguments, folder.path());
        let said = peer.first().await;
        drop(peer);
        look(Both { said, folder, pipelines });
    });
}

fn pool(fragment_bytes_max: usize) -> RunspacePool {
    let init =
        InitRunspacePool { min_runspaces: 2, max_runspaces: 4, ..InitRunspacePool::default() };
    RunspacePool::new(POOL, Options { init, fragment_bytes_max, ..Options::default() })
}

/// Everything a server can say on a pipeline.
fn write(server: &mut server::RunspacePool, end: End) -> Fragments {
    let (id, mut out) = (PIPELINES[0], Fragments::default());
    let record = ErrorRecord {
        fully_qualified_id: "id".to_owned(),
        category: ErrorCategory::ObjectNotFound,
        activity: "Get-X".to_owned(),
        target_name: "jane".to_owned(),
        ..ErrorRecord::new("Example.NotFoundException", "no \u{a7} such \u{1f4f1}")
    };
    server.error(id, &record, &mut out);
    server.debug(id, "debug \u{a7}", &mut out);
    server.verbose(id, "verbose _x0041_", &mut out);
    server.warning(id, "warning \u{1f4f1}", &mut out);
    let step = Progress {
        activity_id: 3,
        operation: Some("step".to_owned()),
        seconds_remaining: 7,
        ..Progress::new("Reading", "half", 50)
    };
    server.progress(id, &step, &mut out);
    let done = Progress { is_completed: true, ..Progress::new("Reading", "done", 100) };
    server.progress(id, &done, &mut out);
    let (source, tags) = ("source".to_owned(), vec!["tag".to_owned()]);
    server.information(id, &Information { message: "information".into(), source, tags }, &mut out);
    for (_, value) in values() {
        server.output(id, &value, &mut out);
    }
    match end {
        End::Completed => server.state(id, InvocationState::Completed, None, &mut out),
        End::Failed => server.state(id, InvocationState::Failed, Some(record), &mut out),
    }
    out
}

impl Both {
    fn answer(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.folder.path().join(format!("answer-{name}.bin"))).unwrap()
    }

    /// Reads one pipeline of psrpcore's server: records, values, end.
    fn reads_what_psrpcore_wrote(&mut self, place: usize) {
        let stream = self.answer(&place.to_string());
        let expected = self.said["values"].as_array().unwrap();
        let mut output = Vec::new();
        let mut records = Vec::new();
        let mut states = Vec::new();
        let mut events = self.pipelines[place].feed(&stream);
        while let Some(event) = events.next_event().unwrap() {
            match event {
                PipelineEvent::Output(xml) => output.push(describe(&clixml::read(xml).unwrap())),
                PipelineEvent::State(state, None) => states.push(state),
                other => records.push(other_record(other)),
            }
        }
        assert_eq!(records, RECORDS);
        assert_eq!(
            states,
            [InvocationState::Running, InvocationState::Completed][2 - states.len()..]
        );
        for (value, read) in expected.iter().zip(&output) {
            assert_eq!(*read, value[1], "{}", value[0]);
        }
        assert_eq!(output.len(), expected.len());
    }
}

/// What `write_records` of `tests/interop/wire_cmdlets.py` writes.
const RECORDS: [&str; 6] = [
    "error no \u{a7} such \u{1f4f1} Example.NotFoundException NotFoundException ObjectNotFound jane",
    "debug debug \u{a7}",
    "verbose verbose _x0041_",
    "warning warning \u{1f4f1}",
    "progress Reading 3 half 50 step 7",
    "information information source tag",
];

fn other_record(event: PipelineEvent<'_>) -> String {
    match event {
        PipelineEvent::Error(record) => format!(
            "error {} {} {} {:?} {}",
            record.message,
            record.exception_type,
            record.reason,
            record.category,
            record.target.as_str().unwrap_or_default()
        ),
        PipelineEvent::Debug(text) => format!("debug {text}"),
        PipelineEvent::Verbose(text) => format!("verbose {text}"),
        PipelineEvent::Warning(text) => format!("warning {text}"),
        PipelineEvent::Progress(it) => format!(
            "progress {} {} {} {} {} {}",
            it.activity,
            it.activity_id,
            it.status,
            it.percent,
            it.operation.unwrap_or_default(),
            it.seconds_remaining
        ),
        PipelineEvent::Information(it) => {
            format!("information {} {} {}", it.text().unwrap(), it.source, it.tags.join(","))
        }
        other => panic!("{other:?}"),
    }
}
