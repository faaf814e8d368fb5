//! Facts about a whole process: this test binary starts itself again as a service.

use std::{
    convert::Infallible,
    io::{BufRead, BufReader, Read},
    process::{Child, Command, Output, Stdio},
    sync::{Arc, Mutex},
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest, trace::v1::ResourceSpans,
};
use prost::Message;
use serde::{Deserialize, Serialize};
use tonic::{Status, body::Body, server::NamedService};
use tower::Service;

use super::*;
use crate::config::{Invalid, Process, Span};

/// Set in the child only: its flags, parted by spaces.
const FLAGS: &str = "RUNTIME_TEST_FLAGS";

/// The flag of a child that is a command instead of a service.
const COMMAND: &str = "command";

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    log: Log,
    telemetry: Telemetry,
    /// What the service does: `run`, `refuse`, `fail` or `panic`.
    behaviour: String,
}

impl Configuration for Settings {
    fn process(&self) -> Process<'_> {
        let drain = Span::seconds(5).duration();
        Process { log: &self.log, telemetry: &self.telemetry, drain }
    }

    fn check(&self) -> Result<(), Invalid> {
        if self.behaviour.is_empty() {
            return Err(Invalid::missing("behaviour"));
        }
        Ok(())
    }
}

async fn start(settings: Settings, tasks: Tasks) -> Result<(), io::Error> {
    tracing::info_span!("starting").in_scope(|| {});
    match settings.behaviour.as_str() {
        "refuse" => return Err(io::Error::other("port taken")),
        "fail" => tasks.spawn("uplink", async { Err(io::Error::other("no route")) }),
        "panic" => tasks.spawn("uplink", boom()),
        _ => {
            let stopped = tasks.stopped();
            tasks.spawn("uplink", async move {
                stopped.await;
                tracing::info!("drained");
            });
        }
    }
    Ok(())
}

async fn boom() {
    panic!("boom");
}

/// The child's side of the tests below; without the variable it has nothing to do.
#[test]
fn child() {
    if let Ok(flags) = std::env::var(FLAGS) {
        if flags == COMMAND {
            let work = async { tracing::info_span!("asked").in_scope(|| {}) };
            command("exgate-cli", &Log::default(), &Telemetry::default(), work).unwrap();
            std::process::exit(0);
        }
        let name = OsString::from("exgate-test");
        let flags = std::iter::once(name).chain(flags.split_whitespace().map(OsString::from));
        std::process::exit(i32::from(run("exgate-test", flags, None, start)));
    }
}

fn service(flags: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "process::tests::child", "--nocapture", "--quiet"])
        .env(FLAGS, flags)
        .env("EXGATE__TELEMETRY__METRICS_LISTEN", "127.0.0.1:0")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn ended(flags: &str) -> (i32, String, String) {
    let Output { status, stdout, stderr } = service(flags).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

/// Waits for a line on the child's standard error.
fn wait_for(child: &mut Child, message: &str) -> BufReader<std::process::ChildStderr> {
    let mut lines = BufReader::new(child.stderr.take().unwrap());
    let mut seen = String::new();
    while !seen.contains(message) {
        assert_ne!(lines.read_line(&mut seen).unwrap(), 0, "{message} not in {seen}");
    }
    lines
}

#[test]
fn a_signal_drains_and_ends_well() {
    for signal in ["TERM", "INT"] {
        let mut child = service("--set behaviour=run").spawn().unwrap();
        let mut rest = wait_for(&mut child, "\"message\":\"started\"");

        let id = child.id().to_string();
        let sent = Command::new("sh").args(["-c", &format!("kill -{signal} {id}")]).status();
        assert!(sent.unwrap().success());

        let mut log = String::new();
        rest.read_to_string(&mut log).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(0), "{log}");
        let messages: Vec<String> = log
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
            .map(|line| line["message"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(messages, ["stopping", "drained", "stopped"]);
    }
}

#[test]
fn what_fails_says_so_in_one_line_and_exits_with_one() {
    for (behaviour, expected) in [
        ("refuse", "error: cannot start: port taken"),
        ("fail", "error: task uplink failed: no route"),
        ("panic", "error: task uplink panicked: boom"),
    ] {
        let (code, _, stderr) = ended(&format!("--set behaviour={behaviour}"));
        assert_eq!(code, 1, "{stderr}");
        assert_eq!(stderr.lines().last().unwrap(), expected, "{stderr}");
        // Everything before it is a log line, the panic too.
        for line in stderr.lines().filter(|line| *line != expected) {
            serde_json::from_str::<serde_json::Value>(line).unwrap();
        }
    }
}

#[test]
fn bad_settings_and_bad_usage_exit_with_64_before_anything_starts() {
    for (flags, expected) in [
        ("", "error: behaviour is required; set it in the file or as EXGATE__BEHAVIOUR"),
        (
            "--set behavior=run",
            "error: unknown key behavior in a --set flag, did you mean behaviour?",
        ),
        ("--config /nowhere.toml", "error: cannot read configuration file /nowhere.toml"),
        ("--set behaviour=run --set log.level=inof", "error: log.level = \"inof\" is not a level"),
        (
            "--set behaviour=run --set telemetry.metrics_listen=0.0.0.0:1",
            "error: telemetry.metrics_listen = 0.0.0.0:1 refused: plain",
        ),
        ("--verbose", "error: unexpected argument '--verbose'"),
    ] {
        for check in ["", " --check-config"] {
            let (code, _, stderr) = ended(&format!("{flags}{check}"));
            assert_eq!(code, 64, "{flags}: {stderr}");
            assert!(stderr.starts_with(expected), "{flags}: {stderr}");
        }
    }
}

#[test]
fn settings_can_be_checked_and_printed_without_a_start() {
    let (code, stdout, stderr) = ended("--set behaviour=run --check-config");
    assert_eq!((code, stderr.as_str()), (0, ""));
    assert!(stdout.contains("OK: exgate-test (built-in defaults)"), "{stdout}");

    let (code, stdout, _) = ended("--set behaviour=run --print-config");
    assert_eq!(code, 0);
    assert!(stdout.contains("behaviour = \"run\"\n"), "{stdout}");
    assert!(stdout.contains("[telemetry]\n"), "{stdout}");

    let (code, stdout, _) = ended("--version");
    assert_eq!(code, 0);
    assert!(stdout.contains(concat!("exgate-test ", env!("CARGO_PKG_VERSION"))), "{stdout}");
}

/// Stands where an OpenTelemetry collector would, and keeps what it is sent.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<ResourceSpans>>>);

impl NamedService for Collector {
    const NAME: &'static str = "opentelemetry.proto.collector.trace.v1.TraceService";
}

impl Service<Request<Body>> for Collector {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let spans = Arc::clone(&self.0);
        Box::pin(async move {
            let bytes = request.into_body().collect().await.unwrap().to_bytes();
            // A gRPC message follows one byte of flags and four of length.
            let message = ExportTraceServiceRequest::decode(bytes.slice(5..)).unwrap();
            spans.lock().unwrap().extend(message.resource_spans);
            let mut answer = Status::ok("").into_http();
            *answer.body_mut() =
                Body::new(Full::new(Bytes::from_static(&[0; 5])).map_err(|never| match never {}));
            answer.headers_mut().insert("content-type", "application/grpc".parse().unwrap());
            Ok(answer)
        })
    }
}

impl Collector {
    /// Every span with the service it came from.
    fn spans(&self) -> Vec<(String, String)> {
        let mut found = Vec::new();
        for sender in self.0.lock().unwrap().iter() {
            let attributes = &sender.resource.as_ref().unwrap().attributes;
            let name = attributes.iter().find(|pair| pair.key == "service.name").unwrap();
            let name = format!("{:?}", name.value);
            let spans = sender.scope_spans.iter().flat_map(|scope| &scope.spans);
            found.extend(spans.map(|span| (name.clone(), span.name.clone())));
        }
        found
    }
}

/// A process that lives shorter than the batch of its exporter waits still sends every span.
#[tokio::test(flavor = "multi_thread")]
async fn the_last_spans_are_sent_before_the_exit() {
    let tasks = Tasks::new();
    let collector = Collector::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let server = crate::grpc::Server::new(&[]).service(collector.clone());
    tasks.spawn("collector", server.serve(listener, tasks.stopped()));

    for (flags, service_name, expected) in
        [("--set behaviour=fail", "exgate-test", "starting"), (COMMAND, "exgate-cli", "asked")]
    {
        let mut child = service(flags);
        child.env("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint).env("OTEL_METRICS_EXPORTER", "none");
        let output = tokio::task::spawn_blocking(move || child.output().unwrap()).await.unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        let spans = collector.spans();
        let sent = spans.iter().filter(|(name, span)| {
            name.contains(&format!("\"{service_name}\"")) && span == expected
        });
        assert_eq!(sent.count(), 1, "{expected} not once in {spans:?}\n{stderr}");
    }

    // The exporter's own calls are not among them.
    assert_eq!(collector.spans().len(), 2, "{:?}", collector.spans());
    tasks.shutdown(Duration::from_secs(10)).await.unwrap();
}
