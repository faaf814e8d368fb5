//! The example of the exchange crate, as a stranger would run it: connects, lists, leaves.

use std::path::Path;
use std::time::Duration;

use exchange_sim::Simulator;
use exchange_sim::settings::{Account, Settings};
use exgate_runtime::Tasks;
use exgate_tests::process::binary;
use exgate_tests::scenario;
use exgate_tests::setup::{ACCOUNT, PASSWORD, write_secret};

/// More, and it is no example any more.
const LINES_MAX: usize = 40;

#[test]
fn the_example_of_the_crate_lists_every_device_and_leaves() {
    scenario(async {
        let folder = tempfile::tempdir().unwrap();
        let tasks = Tasks::new();
        let settings = Settings {
            state: Some(folder.path().join("exchange")),
            mailboxes: 20,
            devices: 60,
            ..Settings::new(Account::new(ACCOUNT, PASSWORD))
        };
        let simulator = Simulator::start(settings, &tasks).await.unwrap();
        let secret = folder.path().join("password");
        write_secret(&secret, PASSWORD);
        let port = simulator.addresses().organization("contoso").unwrap().port;

        let mut command = tokio::process::Command::new(binary("examples/list_devices"));
        command.arg(format!("https://localhost:{port}/PowerShell/")).arg(ACCOUNT);
        command.arg(&secret).arg(folder.path().join("exchange/ca.pem")).kill_on_drop(true);
        let output = command.output().await.unwrap();

        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let printed = String::from_utf8(output.stdout).unwrap();
        let mut ids: Vec<_> = printed.lines().filter_map(|line| line.split('\t').nth(1)).collect();
        ids.sort_unstable();
        let every = simulator.control().devices("contoso", &Default::default()).unwrap();
        let mut expected: Vec<_> = every.iter().map(|device| device.device_id.as_str()).collect();
        expected.sort_unstable();
        assert_eq!(ids, expected);
        tasks.shutdown(Duration::from_secs(5)).await.unwrap();
    });
}

#[test]
fn the_example_is_short() {
    let place = Path::new(env!("CARGO_MANIFEST_DIR"));
    let place = place.join("../services/lib/exchange/examples/list_devices.rs");
    let lines = std::fs::read_to_string(place).unwrap().lines().count();
    assert!(lines < LINES_MAX, "{lines} lines");
}
