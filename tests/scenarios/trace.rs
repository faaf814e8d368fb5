//! One trace from the operator's command to the cmdlet, read by a receiver on OpenTelemetry's own
//! protobufs.

use std::time::Duration;

use exgate_tests::command_line::run;
use exgate_tests::exchange::iphone;
use exgate_tests::operator::SOON;
use exgate_tests::peers::Peers;
use exgate_tests::world::{List, Options, World};
use exgate_tests::{eventually, scenario};
use serde_json::Value;

const ORGANIZATION: &str = "contoso";

/// A span as the receiver prints it.
#[derive(Clone, Debug)]
struct Span {
    service: String,
    name: String,
    trace: String,
    span: String,
    parent: String,
    command: String,
}

fn spans(said: &[Value]) -> Vec<Span> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let read = |span: &Value| Span {
        service: text(&span["service"]),
        name: text(&span["name"]),
        trace: text(&span["trace"]),
        span: text(&span["span"]),
        parent: text(&span["parent"]),
        command: text(&span["attributes"]["command"]),
    };
    said.iter().filter(|said| said["span"].is_string()).map(read).collect()
}

/// The spans of one trace.
struct Trace(Vec<Span>);

impl Trace {
    fn find(&self, service: &str, name: &str) -> Result<&Span, String> {
        let missing = || {
            let have: Vec<_> =
                self.0.iter().map(|span| format!("{}/{}", span.service, span.name)).collect();
            format!("no {name} of {service} in {have:#?}")
        };
        let is_it = |span: &&Span| span.service == service && span.name.contains(name);
        self.0.iter().find(is_it).ok_or_else(missing)
    }

    /// The services on the way from a span up to the root, itself first, each once in a row.
    fn way_up(&self, from: &Span) -> Result<Vec<String>, String> {
        let mut way = vec![from.service.clone()];
        let mut at = from;
        while !at.parent.is_empty() {
            let above = self.0.iter().find(|span| span.span == at.parent);
            at = above.ok_or_else(|| format!("the parent of {at:?} is missing"))?;
            if way.last() != Some(&at.service) {
                way.push(at.service.clone());
            }
        }
        Ok(way)
    }

    /// Whether everything hangs together as it should.
    fn check(&self) -> Result<(), String> {
        const CLI: &str = "exgate-cli";
        const COORDINATOR: &str = "exgate-coordinator";
        const AGENT: &str = "exgate-agent";
        let expect = |span: &Span, way: &[&str]| {
            let found = self.way_up(span)?;
            if found == way { Ok(()) } else { Err(format!("{span:?} goes up by {found:?}")) }
        };
        let root = self.find(CLI, "exgate sync")?;
        if !root.parent.is_empty() {
            return Err(format!("{root:?} has a parent"));
        }
        expect(self.find(COORDINATOR, "exgate.sync")?, &[COORDINATOR, CLI])?;
        expect(self.find(AGENT, "Get-MobileDevice")?, &[AGENT, COORDINATOR, CLI])?;
        let decided = self.find("exgate-evaluator", "Evaluate")?;
        expect(decided, &["exgate-evaluator", COORDINATOR, CLI])?;
        let applied = self.find(AGENT, "apply")?;
        expect(applied, &[AGENT, COORDINATOR, CLI])?;
        if applied.command.is_empty() {
            return Err(format!("{applied:?} names no command"));
        }
        let cmdlet = self.find(AGENT, "Set-CASMailbox")?;
        expect(cmdlet, &[AGENT, COORDINATOR, CLI])?;
        if cmdlet.parent != applied.span {
            return Err(format!("{cmdlet:?} is not of {applied:?}"));
        }
        Ok(())
    }
}

#[test]
fn one_trace_runs_from_the_command_line_to_the_cmdlet() {
    scenario(async {
        let Some(peers) = Peers::find("the OpenTelemetry receiver") else { return };
        let folder = tempfile::tempdir().unwrap();
        let mut receiver = peers.start("otlp_receiver.py", &[], folder.path());
        let endpoint = receiver.first().await["endpoint"].as_str().unwrap().to_owned();
        let environment = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ("OTEL_BSP_SCHEDULE_DELAY", "200"),
        ];
        let owned = environment.iter().map(|(key, value)| ((*key).into(), (*value).into()));
        let options = Options { is_real: true, environment: owned.collect(), ..Options::default() };
        let mut world = World::start(options).await;
        world.enforce(ORGANIZATION).await;
        let ann = world.person(ORGANIZATION, 0).await;
        world.records.person(&ann);
        let phone =
            world.exchange.connect_and_decide(ORGANIZATION, iphone(&ann, "APPLTRACE01")).await;
        world.records.enrol(&phone, true);
        world.write_records().await;

        // Everything that follows is caused by this one command.
        let server = world.setup.coordinator_url();
        let arguments = ["--server", &server, "sync", ORGANIZATION, "--full", "--wait"];
        run("exgate", &arguments, &environment).await.well();
        world.listed(&phone, List::Allowed).await;

        let trace = eventually(SOON, "the trace is whole", async || {
            let spans = spans(&receiver.said());
            let root = spans.iter().find(|span| span.name == "exgate sync");
            let root = root.ok_or_else(|| "no root yet".to_owned())?.trace.clone();
            let trace = Trace(spans.into_iter().filter(|span| span.trace == root).collect());
            trace.check().map(|()| trace)
        })
        .await;

        // `why` leads from the device to that very trace.
        let device = world.operator.device(ORGANIZATION, "APPLTRACE01").await.unwrap();
        let explained = world.operator.explain(&device).await;
        let traces: Vec<_> = explained.commands.iter().map(|it| it.trace_id.as_str()).collect();
        assert_eq!(traces, [trace.0[0].trace.as_str()]);
        let syncs = world.operator.syncs(ORGANIZATION).await;
        assert!(syncs.iter().any(|run| run.trace_id == trace.0[0].trace), "{syncs:#?}");
        drop(receiver);
        world.close().await;
    });
}

/// Nobody listens to the telemetry: everything else goes on, and ends.
#[test]
fn a_missing_collector_holds_nothing_up() {
    scenario(async {
        let environment = vec![
            ("OTEL_EXPORTER_OTLP_ENDPOINT".to_owned(), "http://127.0.0.1:9".to_owned()),
            ("OTEL_BSP_SCHEDULE_DELAY".to_owned(), "200".to_owned()),
        ];
        let options = Options { is_real: true, environment, ..Options::default() };
        let world = World::start(options).await;
        let run = world.operator.quick(ORGANIZATION).await;
        assert!(run.devices_seen <= 10, "{run:?}");
        let closed = tokio::time::timeout(Duration::from_secs(60), world.close()).await;
        assert!(closed.is_ok(), "the end waits for a collector that is not there");
    });
}
