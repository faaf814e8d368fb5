//! exgate's client over TLS against a server built on psrpcore: every value, every record, pieces
//! of every size, stops, time-outs, and a connection that breaks in the middle of an answer.

use std::collections::BTreeSet;

use exgate_exchange::clixml;
use exgate_exchange::cmdlets::{self, DeviceSelection, Identity};
use exgate_exchange::error::{CmdletError, SessionError};
use exgate_exchange::http::HttpError;
use exgate_exchange::session::{Event, RowStream, Session};
use exgate_tests::peers::{Peer, Peers};
use exgate_tests::scenario;
use serde_json::Value as Json;
use tempfile::TempDir;

use super::description::describe;
use super::{DeviceRow, devices, open};

/// A server that tells about the wire, and a session with it.
struct Wire {
    session: Session,
    ready: Json,
    peer: Peer,
    _folder: TempDir,
}

impl Wire {
    async fn open(options: &[&str]) -> Option<Self> {
        let peers = Peers::find("exgate against psrpcore")?;
        let folder = tempfile::tempdir().unwrap();
        let arguments = [&["--wire"], options].concat();
        let mut peer = peers.start("psrp_server.py", &arguments, folder.path());
        let session = open(&mut peer).await;
        let ready = peer.first().await;
        Some(Self { session, ready, peer, _folder: folder })
    }

    async fn run(&self, mailbox: &str) -> RowStream<DeviceRow> {
        run(&self.session, mailbox).await
    }

    /// What the server was asked so far.
    async fn journal(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let mut journal = self.run("journal").await;
        while let Some(event) = journal.event().await.unwrap() {
            let Event::Row(xml) = event else { panic!("{event:?}") };
            lines.push(clixml::read(&xml).unwrap().as_str().unwrap().to_owned());
        }
        lines
    }
}

async fn run(session: &Session, mailbox: &str) -> RowStream<DeviceRow> {
    let selection = DeviceSelection::OfMailbox(Identity::new(mailbox).unwrap());
    session.run(devices(selection)).await.unwrap()
}

#[test]
fn every_value_of_psrpcore_is_read_through_a_session() {
    scenario(async {
        let Some(wire) = Wire::open(&["--devices", "1"]).await else { return };
        let mut values = wire.run("values").await;
        let expected = wire.ready["values"].as_array().unwrap();
        for each in expected {
            let Some(Event::Row(xml)) = values.event().await.unwrap() else { panic!("{each}") };
            assert_eq!(describe(&clixml::read(&xml).unwrap()), each[1], "{}", each[0]);
        }
        assert!(values.event().await.unwrap().is_none());
        assert!(expected.len() > 50, "{}", expected.len());
        wire.session.close().await.unwrap();
    });
}

#[test]
fn records_of_every_kind_arrive_and_an_error_can_end_a_pipeline() {
    scenario(async {
        let Some(wire) = Wire::open(&["--devices", "2"]).await else { return };
        let mut records = wire.run("records").await;
        let mut heard = Vec::new();
        while let Some(event) = records.event().await.unwrap() {
            heard.push(match event {
                Event::Row(_) => "row".to_owned(),
                Event::Warning(text) => format!("warning {text}"),
                Event::Error(record) => format!("error {} {}", record.text(), record.reason),
                Event::Progress(it) => format!("progress {} {}", it.activity, it.percent),
            });
        }
        // Debug, verbose and information are read and have no use.
        let error = "error no \u{a7} such \u{1f4f1} NotFoundException";
        assert_eq!(
            heard,
            ["row", error, "warning warning \u{1f4f1}", "progress Reading 50", "row"]
        );
        let summary = records.summary();
        assert_eq!((summary.rows, summary.errors_total, summary.warnings_total), (2, 1, 1));

        let mut failing = wire.run("failing").await;
        assert!(failing.next().await.unwrap().is_some());
        assert!(failing.next().await.unwrap().is_some());
        let error = failing.next().await.unwrap_err();
        assert!(matches!(error, CmdletError::Refused { .. }), "{error:?}");
        assert!(format!("{error:?}").contains("ManagementObjectAmbiguousException"), "{error:?}");
        assert!(!error.is_session_dead());
        wire.session.close().await.unwrap();
    });
}

/// Lists 300 devices and says how many requests that took.
async fn requests_of_a_listing(options: &[&str]) -> Option<u64> {
    let wire = Wire::open(&[&["--devices", "300"], options].concat()).await?;
    let before = wire.session.counts().requests;
    let mut every = wire.session.run(devices(DeviceSelection::All)).await.unwrap();
    let mut seen = BTreeSet::new();
    while let Some(device) = every.next().await.unwrap() {
        assert!(device.name.unwrap().contains("Android\u{a7}"));
        assert!(seen.insert(device.guid.unwrap()), "twice");
    }
    assert_eq!((every.finish().await.unwrap().rows, seen.len()), (300, 300));
    let requests = wire.session.counts().requests - before;
    wire.session.close().await.unwrap();
    Some(requests)
}

#[test]
fn devices_arrive_in_many_fragments_and_in_envelopes_of_32_kilobytes() {
    scenario(async {
        let small = ["--fragment", "100", "--envelope", "32768"];
        let Some(requests) = requests_of_a_listing(&small).await else { return };
        // 300 devices of some 4 kB each, in base64.
        assert!(requests > 50, "{requests} requests");
    });
}

#[test]
fn many_devices_arrive_in_one_envelope_of_500_kilobytes() {
    scenario(async {
        let Some(requests) = requests_of_a_listing(&["--envelope", "512000"]).await else { return };
        assert!(requests < 12, "{requests} requests");
    });
}

#[test]
fn an_argument_of_twenty_thousand_names_goes_out_in_several_envelopes() {
    scenario(async {
        let Some(wire) = Wire::open(&["--devices", "1"]).await else { return };
        let name = |number: u32| &*format!("Get-\u{a7}{number:05}{}", "x".repeat(40)).leak();
        let names: Vec<&'static str> = (0..20_000).map(name).chain(["Get-CASMailbox"]).collect();
        let rows = wire.session.run(cmdlets::get_command(names)).await.unwrap();
        let rows = rows.collect().await.unwrap();
        assert_eq!(
            rows.iter().map(|row| row.name.as_str()).collect::<Vec<_>>(),
            ["Get-CASMailbox"]
        );

        let sizes = |kind: &str, journal: &[String]| -> Vec<usize> {
            let lines = journal.iter().filter_map(|line| line.strip_prefix(kind));
            lines.map(|line| line.trim_end_matches(" bytes").parse().unwrap()).collect()
        };
        let journal = wire.journal().await;
        let sends = sizes("SendResponse ", &journal);
        assert!(sends.len() >= 2, "{journal:?}");
        let largest = sends.iter().chain(&sizes("CommandResponse ", &journal)).max().copied();
        assert!((400_000..=512_000).contains(&largest.unwrap()), "{largest:?}");
        wire.session.close().await.unwrap();
    });
}

#[test]
fn a_stop_is_spelled_as_the_real_server_compares_it() {
    scenario(async {
        let Some(wire) = Wire::open(&["--devices", "3"]).await else { return };
        let mut endless = wire.run("endless").await;
        assert!(endless.next().await.unwrap().is_some());
        endless.stop().await.unwrap();
        let journal = wire.journal().await;
        let signals: Vec<_> = journal.iter().filter(|line| line.starts_with("signal ")).collect();
        let stops: Vec<_> = signals.iter().filter(|line| line.ends_with("c")).collect();
        assert_eq!(stops, [&"signal powershell/signal/crtl_c"], "{signals:?}");
        // The stop comes before the command is closed, and its end is heard before that too.
        let terminate =
            "signal http://schemas.microsoft.com/wbem/wsman/1/windows/shell/signal/terminate";
        let at = signals.iter().position(|line| line.ends_with("crtl_c")).unwrap();
        assert_eq!(signals.get(at + 1).map(|line| line.as_str()), Some(terminate));
        wire.session.close().await.unwrap();
    });
}

#[test]
fn twenty_polls_without_output_are_outlived() {
    scenario(async {
        let Some(wire) = Wire::open(&["--devices", "1", "--poll", "0.12"]).await else { return };
        let before = wire.session.counts().requests;
        let rows = wire.run("silent").await.collect().await.unwrap();
        assert_eq!(rows.len(), 1);
        let polls = wire.session.counts().requests - before;
        // One command, some twenty polls that timed out, and no storm of them.
        assert!((15..=30).contains(&polls), "{polls}");
        wire.session.close().await.unwrap();
    });
}

#[test]
fn a_connection_cut_in_the_middle_of_an_answer_loses_and_doubles_nothing() {
    scenario(async {
        let small = ["--devices", "300", "--envelope", "65536"];
        let Some(mut wire) = Wire::open(&small).await else { return };
        let mut every = wire.run("cut").await;
        let mut seen = Vec::new();
        let error = loop {
            match every.next().await {
                Ok(Some(device)) => seen.push(device.guid.unwrap().as_u128() & 0xffff),
                Ok(None) => panic!("a cut listing looks complete"),
                Err(error) => break error,
            }
        };
        let is_cut = matches!(
            &error,
            CmdletError::Session {
                source: SessionError::Transport { source: HttpError::Interrupted { .. } },
                ..
            }
        );
        assert!(is_cut, "{error:?}");
        assert!(error.is_session_dead() && wire.session.has_ended());
        // What came before is whole, in order and without a gap; what was cut is not made up.
        assert!(!seen.is_empty() && seen.len() < 300, "{}", seen.len());
        assert_eq!(seen, (0..seen.len() as u128).collect::<Vec<_>>());

        // The lost session says so at once, and a new one sees everything.
        let ended = wire.session.run(devices(DeviceSelection::All)).await.map(drop);
        let ended = matches!(ended, Err(CmdletError::Session { source: SessionError::Ended, .. }));
        assert!(ended);
        let session = open(&mut wire.peer).await;
        let rows = session.run(devices(DeviceSelection::All)).await.unwrap();
        assert_eq!(rows.collect().await.unwrap().len(), 300);
        session.close().await.unwrap();
    });
}
