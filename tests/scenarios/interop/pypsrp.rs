//! pypsrp over TLS against the simulator, whose wire is made of exgate's codecs: envelopes of both
//! sizes, large arguments, records, stop, a pool of several runspaces, time-outs, a cut connection.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use exchange_sim::Simulator;
use exchange_sim::faults::Faults;
use exchange_sim::settings::{Account, Settings};
use exgate_runtime::Tasks;
use exgate_tests::peers::Peers;
use exgate_tests::scenario;
use exgate_tests::setup::{ACCOUNT, PASSWORD, write_secret};
use serde_json::Value as Json;
use tempfile::TempDir;

const ORGANIZATION: &str = "contoso";
const DEVICES: u64 = 150;

/// A simulator, and the peer's way to it.
struct Wire {
    peers: Peers,
    simulator: Simulator,
    folder: TempDir,
    tasks: Tasks,
}

impl Wire {
    async fn start() -> Option<Self> {
        let peers = Peers::find("pypsrp against the simulator")?;
        let folder = tempfile::tempdir().unwrap();
        let tasks = Tasks::new();
        let settings = Settings {
            state: Some(folder.path().join("exchange")),
            mailboxes: 40,
            devices: DEVICES.try_into().unwrap(),
            ..Settings::new(Account::new(ACCOUNT, PASSWORD))
        };
        let simulator = Simulator::start(settings, &tasks).await.unwrap();
        write_secret(&folder.path().join("password"), PASSWORD);
        Some(Self { peers, simulator, folder, tasks })
    }

    fn faults(&self, faults: Faults) {
        self.simulator.control().set_faults(ORGANIZATION, faults).unwrap();
    }

    fn slow(&self, milliseconds: u64) {
        let latency_ms = BTreeMap::from([("Get-MobileDevice".to_owned(), milliseconds)]);
        self.faults(Faults { latency_ms, ..Faults::default() });
    }

    /// Runs one case of the script.
    async fn run(&self, case: &str, options: &[&str]) -> Json {
        let port = self.simulator.addresses().organization(ORGANIZATION).unwrap().port.to_string();
        let place = |name: &str| self.folder.path().join(name).display().to_string();
        let (ca, secret) = (place("exchange/ca.pem"), place("password"));
        let usual =
            ["--port", &port, "--ca", &ca, "--account", ACCOUNT, "--password-file", &secret];
        let arguments = [&[case], &usual[..], options].concat();
        self.peers.start("pypsrp_wire.py", &arguments, self.folder.path()).first().await
    }

    async fn close(self) {
        self.tasks.shutdown(Duration::from_secs(5)).await.unwrap();
    }
}

/// The ids of all devices, in order.
fn ids(said: &Json) -> Vec<String> {
    let devices = said["devices"].as_array().unwrap().iter();
    let mut ids: Vec<_> = devices
        .map(|device| {
            device.as_str().unwrap_or_else(|| device["DeviceId"].as_str().unwrap()).to_owned()
        })
        .collect();
    ids.sort_unstable();
    ids
}

#[test]
fn pypsrp_reads_every_device_in_envelopes_of_32_and_of_500_kilobytes() {
    scenario(async {
        let Some(wire) = Wire::start().await else { return };
        let small = wire.run("listing", &["--envelope", "32768"]).await;
        let large = wire.run("listing", &["--envelope", "512000"]).await;
        let every = wire.simulator.control().devices(ORGANIZATION, &Default::default()).unwrap();
        let mut expected: Vec<_> = every.iter().map(|device| device.device_id.clone()).collect();
        expected.sort_unstable();
        assert_eq!(ids(&small), expected);
        assert_eq!(small["devices"], large["devices"]);
        // The character between type and id in the name of every device.
        for device in small["devices"].as_array().unwrap() {
            assert!(device["Identity"].as_str().unwrap().contains('\u{a7}'), "{device}");
        }
        let receives = |said: &Json| said["asked"]["Receive"].as_u64().unwrap();
        assert!(
            receives(&small) >= 5 * receives(&large),
            "{} {}",
            receives(&small),
            receives(&large)
        );
        wire.close().await;
    });
}

#[test]
fn pypsrp_sends_thousands_of_ids_in_one_argument() {
    scenario(async {
        let Some(wire) = Wire::start().await else { return };
        let mailbox = wire.simulator.control().mailboxes(ORGANIZATION).unwrap().swap_remove(1);
        let guid = mailbox.guid.to_string();
        for (envelope, count, sends) in [("32768", "3000", 3), ("512000", "3000", 0)] {
            let options = ["--mailbox", &guid, "--count", count, "--envelope", envelope];
            let said = wire.run("argument", &options).await;
            assert_eq!((&said["errors"], &said["missing"]), (&Json::Array(Vec::new()), &0.into()));
            assert!(
                said["asked"]["Send"].as_u64().unwrap_or_default() >= sends,
                "{}",
                said["asked"]
            );
            assert!(
                said["largest"].as_u64().unwrap() <= envelope.parse::<u64>().unwrap(),
                "{}",
                said["largest"]
            );
            let held = wire.simulator.control().mailbox(ORGANIZATION, &guid).unwrap();
            let sent = held.allowed_device_ids.iter().filter(|id| id.starts_with("PYPSRP"));
            assert_eq!(sent.count().to_string(), count);
        }
        wire.close().await;
    });
}

#[test]
fn pypsrp_reads_warnings_error_records_and_the_error_that_ends_a_pipeline() {
    scenario(async {
        let Some(wire) = Wire::start().await else { return };
        let said = wire.run("records", &[]).await;
        assert_eq!(said["rows"], 2);
        let [warning] = said["warnings"].as_array().unwrap().as_slice() else { panic!("{said}") };
        assert!(
            warning.as_str().unwrap().contains("There are more results available"),
            "{warning}"
        );
        let [error] = said["errors"].as_array().unwrap().as_slice() else { panic!("{said}") };
        let text = error[0].as_str().unwrap();
        assert!(text.contains("nobody\u{a7}\u{1f4f1}_x0041_"), "{text}");
        assert_eq!(error[2], "ManagementObjectNotFoundException");
        assert!(
            error[3].as_str().unwrap().contains("ManagementObjectNotFoundException"),
            "{error}"
        );
        assert_eq!(said["failure"][0], true, "{said}");
        assert!(said["failure"][1].as_str().unwrap().contains("Get-Nothing"), "{said}");
        wire.close().await;
    });
}

#[test]
fn pypsrp_stops_a_pipeline_and_its_pool_goes_on() {
    scenario(async {
        let Some(wire) = Wire::start().await else { return };
        wire.slow(60_000);
        let said = wire.run("stop", &[]).await;
        assert_eq!((&said["state"], &said["after"]), (&true.into(), &1.into()), "{said}");
        assert!(said["seconds"].as_f64().unwrap() < 30.0, "{said}");
        assert_eq!(said["asked"]["Signal"].as_u64(), Some(1), "{said}");
        wire.close().await;
    });
}

#[test]
fn pypsrp_runs_four_pipelines_at_once_in_a_pool_of_four_runspaces() {
    scenario(async {
        let Some(wire) = Wire::start().await else { return };
        wire.slow(3_000);
        let said = wire.run("pool", &["--runspaces", "4"]).await;
        // None is free while the four of them run.
        assert_eq!((&said["free"], &said["busy"]), (&4.into(), &0.into()), "{said}");
        assert_eq!(said["output"], serde_json::json!([5, 5, 5, 5]), "{said}");
        wire.close().await;
    });
}

#[test]
fn pypsrp_outlives_receives_that_time_out() {
    scenario(async {
        let Some(wire) = Wire::start().await else { return };
        wire.slow(5_000);
        let begun = Instant::now();
        let said = wire.run("timeouts", &["--operation-timeout", "1"]).await;
        assert!(begun.elapsed() >= Duration::from_secs(5));
        assert_eq!(said["rows"], DEVICES, "{said}");
        assert!(said["asked"]["Receive"].as_u64().unwrap() >= 5, "{said}");
        wire.close().await;
    });
}

#[test]
fn pypsrp_sees_a_connection_cut_in_the_middle_of_a_receive_and_no_device_twice() {
    scenario(async {
        let Some(wire) = Wire::start().await else { return };
        wire.faults(Faults { drop_connection_after_bytes: Some(300_000), ..Faults::default() });
        let said = wire.run("cut", &["--envelope", "65536"]).await;
        assert!(said["failure"].is_string(), "{said}");
        let seen = ids(&said);
        let mut once = seen.clone();
        once.dedup();
        assert_eq!(seen, once);
        assert!(!seen.is_empty() && (seen.len() as u64) < DEVICES, "{} devices", seen.len());
        wire.faults(Faults::default());
        let said = wire.run("listing", &[]).await;
        assert_eq!(ids(&said).len() as u64, DEVICES);
        wire.close().await;
    });
}
