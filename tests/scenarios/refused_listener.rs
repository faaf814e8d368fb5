//! Plain text never leaves the machine: an address elsewhere is refused before anything starts.

use exgate_tests::command_line::run;
use exgate_tests::scenario;

#[test]
fn a_plain_listener_beyond_loopback_is_refused_at_start_up() {
    scenario(async {
        let folder = tempfile::tempdir().unwrap();
        let store = format!("store.path={}", folder.path().join("exgate.db").display());
        for (name, setting, key) in [
            ("exgate-coordinator", "server.listen=0.0.0.0:0", "server.listen"),
            ("exgate-evaluator", "server.listen=0.0.0.0:0", "server.listen"),
            ("exgate-evaluator", "telemetry.metrics_listen=[::]:0", "telemetry.metrics_listen"),
        ] {
            let mut arguments = vec!["--set", setting];
            if name == "exgate-coordinator" {
                arguments.extend(["--set", &store]);
            }
            let said = run(name, &arguments, &[]).await;

            assert_eq!(said.code, Some(64), "{said:#?}");
            assert!(said.err.contains(key), "{said:#?}");
            assert!(said.err.contains("plain gRPC is for loopback only"), "{said:#?}");
            assert_eq!(said.err.trim_end().lines().count(), 1, "{said:#?}");
        }
        assert!(!folder.path().join("exgate.db").try_exists().unwrap(), "it had begun");
    });
}

#[test]
fn nobody_calls_beyond_loopback_in_plain_text() {
    scenario(async {
        let said = run("exgate", &["--server", "http://192.0.2.1:7443", "status"], &[]).await;
        assert_eq!(said.code, Some(2), "{said:#?}");
        assert!(said.err.contains("plain gRPC is for loopback only"), "{said:#?}");

        let setting = "coordinator.endpoint=http://192.0.2.1:7443";
        let arguments =
            ["--set", setting, "--set", "coordinator.organization=contoso", "--check-config"];
        let said = run("exgate-agent", &arguments, &[]).await;
        assert_eq!(said.code, Some(64), "{said:#?}");
        assert!(said.err.contains("coordinator.endpoint"), "{said:#?}");
    });
}
