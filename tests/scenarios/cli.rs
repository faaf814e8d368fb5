//! What a script may rely on: one JSON document, one exit code, the same rows at any page size.

use exgate_proto::types::v1::Access;
use exgate_tests::command_line::run;
use exgate_tests::exchange::iphone;
use exgate_tests::ports::free_port;
use exgate_tests::scenario;
use exgate_tests::world::{Options, Part, World};
use serde_json::Value;

const ORGANIZATION: &str = "contoso";

#[test]
fn every_reading_command_prints_one_json_document() {
    scenario(async {
        let mut world = World::start(Options::default()).await;
        let ann = world.person(ORGANIZATION, 0).await;
        world.records.person(&ann);
        let phone =
            world.exchange.connect_and_decide(ORGANIZATION, iphone(&ann, "APPLJSON001")).await;
        world.write_records().await;
        world.operator.quick(ORGANIZATION).await;
        world.decided(&phone, Access::Quarantine).await;

        for arguments in [
            &["status"][..],
            &["status", ORGANIZATION],
            &["get", "organizations"],
            &["get", "organizations", ORGANIZATION],
            &["get", "connectors"],
            &["get", "devices"],
            &["get", "devices", "-O", ORGANIZATION, "--state", "quarantined"],
            &["get", "devices", "-O", ORGANIZATION, "--state", "blocked"],
            &["get", "syncs"],
            &["get", "policies"],
            &["describe", "org/contoso"],
            &["describe", "conn/contoso"],
            &["describe", "dev/APPLJSON001"],
            &["describe", "policy/mail-access"],
            &["why", "APPLJSON001"],
            &["version"],
            &["mode", ORGANIZATION, "enforce", "--dry-run"],
            &["sync", ORGANIZATION, "--quick", "--dry-run"],
            &["sync", ORGANIZATION, "--quick", "--wait"],
        ] {
            let mut json = arguments.to_vec();
            json.extend(["-o", "json"]);
            let said = world.exgate(&json).await;
            assert!(!said.out.contains('\u{1b}'), "{arguments:?}: {said:#?}");
            let document = said.json();
            assert!(document.is_object() || document.is_array(), "{arguments:?}: {document}");

            // People read something else, and it is there.
            let table = world.exgate(arguments).await;
            assert!(!table.out.contains('\u{1b}'), "{arguments:?}: {table:#?}");
            assert_eq!(table.code, Some(0), "{arguments:?}: {table:#?}");
            let is_said = !table.out.trim().is_empty() || !table.err.trim().is_empty();
            assert!(is_said, "{arguments:?} says nothing");
        }
        let why = world.exgate(&["why", "APPLJSON001"]).await.well();
        for word in ["APPLJSON001", "quarantine", &ann.primary_smtp_address] {
            assert!(why.to_lowercase().contains(&word.to_lowercase()), "no {word} in {why}");
        }
        let dutch = world.exgate(&["why", "APPLJSON001", "--language", "nl-NL"]).await;
        assert!(dutch.out.contains("quarantaine") && dutch.err.is_empty(), "{dutch:#?}");
        let other = world.exgate(&["why", "APPLJSON001", "--language", "fr"]).await;
        assert_eq!(other.out.lines().count(), why.lines().count(), "{other:#?}");
        assert!(other.err.contains(r#"no explanations in "fr""#), "{other:#?}");
        world.close().await;
    });
}

#[test]
fn a_list_has_the_same_rows_at_any_page_size() {
    scenario(async {
        let options = Options { mailboxes: 30, devices: 45, ..Options::default() };
        let world = World::start(options).await;
        let pages = |size: &'static str| {
            let world = &world;
            async move {
                let arguments = ["get", "devices", "-o", "name", "--page-size", size];
                world.exgate(&arguments).await.well()
            }
        };
        let whole = pages("1000").await;
        let rows: std::collections::BTreeSet<_> = whole.lines().collect();
        assert_eq!((whole.lines().count(), rows.len()), (45, 45), "{whole}");
        for size in ["1", "7", "44", "45", "46"] {
            assert_eq!(pages(size).await, whole, "page size {size}");
        }
        let some = world.exgate(&["get", "devices", "-o", "name", "--limit", "10"]).await.well();
        let first: Vec<_> = whole.lines().take(10).collect();
        assert_eq!(some.lines().collect::<Vec<_>>(), first);

        let json = ["get", "devices", "-o", "json", "--page-size", "7"];
        let document = world.exgate(&json).await.json();
        let whole = world.exgate(&["get", "devices", "-o", "json"]).await.json();
        assert_eq!(document, whole);
        assert_eq!(rows_of(&document).len(), 45);
        world.close().await;
    });
}

/// The rows of a list's document.
fn rows_of(document: &Value) -> Vec<Value> {
    let list = document.as_array().or_else(|| {
        let mut lists = document.as_object()?.values().filter_map(Value::as_array);
        lists.next()
    });
    list.cloned().unwrap_or_else(|| panic!("no list in {document}"))
}

#[test]
fn every_outcome_has_its_exit_code() {
    scenario(async {
        let mut world = World::start(Options::default()).await;
        // (exit code, command)
        for (code, arguments) in [
            (0, &["status"][..]),
            (0, &["get", "devices", "--state", "allowed"]),
            (2, &["frobnicate"]),
            (2, &["sync", ORGANIZATION]),
            (2, &["apply", "-f", "/no/such/file.yaml"]),
            (3, &["why", "NOSUCHDEVICE"]),
            (3, &["describe", "policy/none"]),
            (3, &["get", "organizations", "none"]),
            (8, &["sync", ORGANIZATION, "--full", "--wait", "--timeout", "1ms"]),
        ] {
            let said = world.exgate(arguments).await;
            assert_eq!(said.code, Some(code), "{arguments:?}: {said:#?}");
            assert_eq!(said.err.contains("error:"), code != 0, "{arguments:?}: {said:#?}");
        }

        // Not possible now: no agent is attached, so nobody can look.
        world.end(&Part::Agent(ORGANIZATION.to_owned())).await;
        let said = world.exgate(&["sync", ORGANIZATION, "--quick"]).await;
        assert_eq!(said.code, Some(5), "{said:#?}");

        // Nobody answers.
        let server = format!("http://127.0.0.1:{}", free_port());
        let said = run("exgate", &["--server", &server, "status"], &[]).await;
        assert_eq!(said.code, Some(7), "{said:#?}");
        assert!(said.err.contains("--server"), "{said:#?}");
        world.close().await;
    });
}

/// Applying says what became of each document, and is safe to repeat.
#[test]
fn applying_again_changes_nothing() {
    scenario(async {
        let options = Options { is_applied: false, ..Options::default() };
        let world = World::start(options).await;
        let file = world.setup.path("all.yaml");
        let organization = exgate_tests::setup::organization_document(ORGANIZATION);
        let text = format!("{organization}---\n{}", exgate_tests::setup::POLICIES);
        std::fs::write(&file, text).unwrap();
        let apply = ["apply", "-f", &file.display().to_string()].map(str::to_owned);
        let apply: Vec<_> = apply.iter().map(String::as_str).collect();

        let mut dry = apply.clone();
        dry.push("--dry-run");
        let said = world.exgate(&dry).await.well();
        assert_eq!(said.matches("created").count(), 3, "{said}");
        assert!(rows_of(&world.exgate(&["get", "org", "-o", "json"]).await.json()).is_empty());

        let said = world.exgate(&apply).await.well();
        assert_eq!(said.matches("created").count(), 3, "{said}");
        let said = world.exgate(&apply).await.well();
        assert_eq!(said.matches("unchanged").count(), 3, "{said}");
        world.close().await;
    });
}

/// A coordinator that hears and says nothing: the command ends in time, and says what nobody knows.
#[test]
fn a_silent_coordinator_leaves_a_doubt() {
    scenario(async {
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = format!("http://{}", silent.local_addr().unwrap());
        let ask = async |arguments: &[&str]| {
            let all = [&["--server", &server, "--timeout", "1s"][..], arguments].concat();
            run("exgate", &all, &[]).await
        };
        let said = ask(&["mode", ORGANIZATION, "observe"]).await;
        assert_eq!(said.code, Some(8), "{said:?}");
        let doubt = "it may have been done all the same; see: exgate describe org/contoso";
        assert!(said.err.contains("gave up after 1s") && said.err.contains(doubt), "{said:?}");
        let said = ask(&["status"]).await;
        assert_eq!(said.code, Some(8), "{said:?}");
        assert!(!said.err.contains("may have been done"), "{said:?}");
    });
}

/// A policy that a file leaves out stays in force, and is named, until somebody asks for its removal.
#[test]
fn applying_removes_only_what_it_is_asked_to() {
    scenario(async {
        let world = World::start(Options::default()).await;
        let folder = world.setup.path("mine");
        std::fs::create_dir_all(format!("{}/below", folder.display())).unwrap();
        let file = folder.join("below/all.yaml");
        std::fs::write(&file, exgate_tests::setup::POLICIES).unwrap();
        let path = folder.display().to_string();
        let said = world.exgate(&["apply", "-f", &path]).await.well();
        assert_eq!(said.matches("unchanged").count(), 2, "a folder below counts: {said}");

        let (first, _) = exgate_tests::setup::POLICIES.split_once("---").unwrap();
        std::fs::write(&file, first).unwrap();
        let listed = async || world.exgate(&["get", "policies", "-o", "name"]).await.well();
        let before = listed().await;
        for arguments in [&["apply", "-f", &path, "--dry-run"][..], &["apply", "-f", &path]] {
            let said = world.exgate(arguments).await;
            assert_eq!(said.code, Some(5), "{said:?}");
            assert!(said.err.contains("PRUNE_NEEDED") && said.err.contains("--prune"), "{said:?}");
            let named = "below/all.yaml: policies/";
            assert!(said.err.contains(named), "{said:?}");
            assert_eq!(listed().await, before);
        }
        let tried = world.exgate(&["simulate", "-f", &path]).await.well();
        assert!(tried.contains("It would remove policies/"), "{tried}");

        let dry = world.exgate(&["apply", "-f", &path, "--prune", "--dry-run"]).await.well();
        assert!(dry.contains(" removed (dry run)"), "{dry}");
        let json = world.exgate(&["apply", "-f", &path, "--prune", "-o", "json"]).await.json();
        let changes: Vec<_> =
            json["documents"].as_array().unwrap().iter().map(|it| &it["change"]).collect();
        assert_eq!(changes, ["unchanged", "removed"]);
        assert_eq!(listed().await.lines().count(), 1);
        world.close().await;
    });
}
