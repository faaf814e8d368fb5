//! Servers that mean ill: each attack ends in an error of its own, in time and in bounded memory,
//! and nothing that came is decoded beyond plain values.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use exgate_exchange::cmdlets::{self, DeviceFamily, DeviceRow, DeviceSelection, ResultSize};
use exgate_exchange::credentials::Credentials;
use exgate_exchange::error::CmdletError;
use exgate_exchange::http::{Authentication, Transport, TrustAnchors};
use exgate_exchange::session::{Options, Session};
use exgate_tests::peers::{Peer, Peers};
use exgate_tests::process::binary;
use exgate_tests::setup::write_secret;
use exgate_tests::{eventually, scenario};
use serde_json::Value as Json;
use tempfile::TempDir;

/// How long opening may take; an attack that only takes time is over after this.
const OPEN_LIMIT: Duration = Duration::from_secs(3);
/// What reading up to a limit of size may take, in an unoptimized build on a busy machine.
const READ_LIMIT: Duration = Duration::from_secs(60);
/// What an attack may take beyond the limit, on a busy machine.
const TOLERANCE: Duration = Duration::from_secs(12);
/// How long the client may take to swallow what it is sent.
const FLOOD: Duration = Duration::from_secs(100);
/// What the client may hold at any time while it is flooded, KiB.
const PEAK_KIB_MAX: u64 = 160 << 10;
/// By how much that may grow while three times as much comes in, KiB.
const GROWTH_KIB_MAX: u64 = 24 << 10;

/// A server with an attack at every path.
struct Hostile {
    ready: Json,
    peer: Peer,
    folder: TempDir,
}

impl Hostile {
    async fn start(skipped: &str) -> Option<Self> {
        let peers = Peers::find(skipped)?;
        let folder = tempfile::tempdir().unwrap();
        let mut peer = peers.start("hostile_server.py", &[], folder.path());
        let ready = peer.first().await;
        Some(Self { ready, peer, folder })
    }

    fn address(&self, attack: &str) -> String {
        format!("https://localhost:{}/{attack}/", self.ready["port"])
    }

    fn authority(&self) -> PathBuf {
        self.ready["ca"].as_str().unwrap().into()
    }

    fn options(&self, attack: &str, open_limit: Duration) -> Options {
        let credentials = Credentials::new("EXAMPLE\\svc", "only a test").unwrap();
        let endpoint = self.address(attack).parse().unwrap();
        let anchors = TrustAnchors::File(self.authority());
        let basic = Authentication::Basic(credentials);
        let transport = Transport::new(endpoint, basic, &anchors).unwrap();
        Options { open_limit, ..Options::new(transport) }
    }

    /// The attacks of one stage; a test has to know every one.
    fn attacks(&self, stage: &str) -> BTreeSet<&str> {
        let attacks = self.ready["attacks"][stage].as_array().unwrap();
        attacks.iter().map(|attack| attack.as_str().unwrap()).collect()
    }

    /// Opens a session under each attack, and looks at what it ends in.
    async fn refused(&self, stage: &str, expected: &[(&str, &str)]) {
        let known: BTreeSet<&str> = expected.iter().map(|(attack, _)| *attack).collect();
        assert_eq!(self.attacks(stage), known);
        for (attack, word) in expected {
            let begun = Instant::now();
            let limit = if *word == "OpenTimedOut" { OPEN_LIMIT } else { READ_LIMIT };
            let error = Session::open(self.options(attack, limit)).await.map(drop).unwrap_err();
            let found = format!("{error:?}");
            assert!(found.contains(word), "{attack}: {word} expected, not {found:.2000}");
            assert!(found.len() < 4_000, "{attack}: an error of {} bytes", found.len());
            let took = begun.elapsed();
            assert!(took < limit + TOLERANCE, "{attack} took {took:?}");
        }
    }
}

#[test]
fn attacks_on_the_first_request_are_refused_by_name() {
    scenario(async {
        let Some(hostile) = Hostile::start("a hostile server").await else { return };
        let expected = [
            ("doctype", "DocumentType"),
            ("instruction", "ProcessingInstruction"),
            ("entity", "UnknownEntity(\"bomb\")"),
            ("deep", "TooDeep"),
            ("attributes", "TooManyAttributes"),
            ("value", "TextTooLong { max: 16384 }"),
            ("fault-text", "TextTooLong { max: 65536 }"),
            ("not-utf8", "Utf8"),
            ("not-soap", "NotAnEnvelope"),
            ("unrelated", "Unrelated"),
            ("relates-to-nothing", "Unrelated"),
            ("other-answer", "Unexpected"),
            ("announced-body", "TooLarge"),
            ("endless-body", "TooLarge"),
            ("endless-headers", "Interrupted"),
            ("endless-interim", "OpenTimedOut"),
            ("trickle", "OpenTimedOut"),
            ("trickled-head", "OpenTimedOut"),
            ("silence", "OpenTimedOut"),
            ("garbage", "Interrupted"),
        ];
        hostile.refused("first", &expected).await;
    });
}

#[test]
fn attacks_on_an_opening_runspace_are_refused_by_name() {
    scenario(async {
        let Some(hostile) = Hostile::start("a hostile server").await else { return };
        let expected = [
            ("endless-object", "TooLarge { max: 16777216 }"),
            ("endless-empty-fragments", "TooManyFragments"),
            ("many-objects", "Fragment(TooMany)"),
            ("lost-fragment", "OutOfOrder"),
            ("cut-fragment", "Truncated"),
            ("short-message", "Short"),
            ("wrong-way", "Misaddressed"),
            ("not-base64", "Base64"),
            ("many-streams", "TooMany { what: \"streams\", max: 4096 }"),
            ("version", "Version"),
            ("deep-body", "TooDeep"),
            ("values", "TooLarge"),
            ("references", "TooLarge"),
            ("chatter", "OpenTimedOut"),
            ("hurried-polls", "OpenTimedOut"),
            ("hurried-silence", "OpenTimedOut"),
        ];
        hostile.refused("opening", &expected).await;
    });
}

#[test]
fn attacks_in_the_output_of_a_cmdlet_are_refused_by_name() {
    scenario(async {
        let Some(hostile) = Hostile::start("a hostile server").await else { return };
        let expected = [
            ("deep-row", "TooDeep"),
            ("doctype-row", "DocumentType"),
            ("long-row", "TextTooLong { max: 1048576 }"),
            ("wide-row", "TooManyAttributes"),
            ("after-the-end", "Unexpected"),
            ("other-pipeline", "Misaddressed"),
        ];
        let floods = FLOODS.iter().copied();
        let known: BTreeSet<_> =
            expected.iter().map(|(attack, _)| *attack).chain(floods).chain(["blob-row"]).collect();
        assert_eq!(hostile.attacks("output"), known);
        for (attack, word) in expected {
            let error = list(&hostile, attack).await.unwrap_err();
            let found = format!("{error:?}");
            assert!(found.contains(word), "{attack}: {word} expected, not {found:.2000}");
        }
        // A blob is passed over, and the properties beside it are read.
        let rows = list(&hostile, "blob-row").await.unwrap();
        assert_eq!(rows[0].device_id.as_deref(), Some("D"));
    });
}

async fn list(hostile: &Hostile, attack: &str) -> Result<Vec<DeviceRow>, CmdletError> {
    let session = Session::open(hostile.options(attack, READ_LIMIT)).await.unwrap();
    let rows = session.run(devices()).await?.collect().await;
    session.close().await.unwrap();
    rows
}

fn devices() -> cmdlets::Cmdlet<DeviceRow> {
    let (family, all) = (DeviceFamily::Mobile, DeviceSelection::All);
    cmdlets::get_device(family, all, ResultSize::Unlimited, None)
}

/// The attacks that never end and say nothing wrong.
const FLOODS: [&str; 5] =
    ["large-errors", "endless-warnings", "endless-progress", "endless-rows", "endless-empty-rows"];

/// A client of its own process, so that its memory is its own.
struct Client(Child);

impl Client {
    /// The most that it ever held, KiB.
    fn peak_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[test]
fn endless_output_takes_no_more_memory_than_some_answers() {
    scenario(async {
        let Some(hostile) = Hostile::start("a hostile server").await else { return };
        let secret = hostile.folder.path().join("password");
        write_secret(&secret, "only a test");
        for attack in FLOODS.into_iter().filter(|_| cfg!(target_os = "linux")) {
            let mut command = Command::new(binary("examples/list_devices"));
            command.args([&hostile.address(attack), "EXAMPLE\\svc"]);
            command.arg(&secret).arg(hostile.authority());
            let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
            let client = Client(child);
            let sent = async |mebibytes: u64| {
                eventually(FLOOD, "the flood comes in", async || {
                    let said = hostile.peer.said();
                    let is_sent = said.iter().any(|line| {
                        line["attack"] == attack && line["mebibytes"].as_u64() >= Some(mebibytes)
                    });
                    if is_sent { Ok(()) } else { Err(said.len()) }
                })
                .await;
            };
            sent(8).await;
            let early = client.peak_kib();
            sent(24).await;
            let late = client.peak_kib();
            assert!(late < PEAK_KIB_MAX, "{attack}: {late} KiB");
            // The system reckons a peak from counters that lag: it may come out a little lower later.
            assert!(
                late.saturating_sub(early) < GROWTH_KIB_MAX,
                "{attack}: from {early} to {late} KiB"
            );
        }
    });
}
