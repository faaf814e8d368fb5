//! What people get wrong: each in one clear line with its cause and its cure, a non-zero exit, and
//! everything else as it was.

use exchange_sim::faults::Faults;
use exgate_proto::types::v1::Access;
use exgate_proto::v1::{ConnectorState, SyncMode};
use exgate_tests::command_line::{Said, check_config, run};
use exgate_tests::exchange::iphone;
use exgate_tests::operator::SOON;
use exgate_tests::process::{Program, binary};
use exgate_tests::records::replace;
use exgate_tests::setup::{POLICIES, write_secret};
use exgate_tests::world::{List, Options, Part, World};
use exgate_tests::{eventually, is, scenario};

const ORGANIZATION: &str = "contoso";

/// The only line that says `error` or `failed`, with all of these words in it.
#[track_caller]
fn one_line<'a>(text: &'a str, words: &[&str]) -> &'a str {
    let told = |line: &&str| line.starts_with("failed") || line.starts_with("error:");
    let lines: Vec<_> = text.lines().filter(told).collect();
    let [line] = lines.as_slice() else { panic!("{} lines in {text}", lines.len()) };
    for word in words {
        assert!(line.contains(word), "no {word:?} in {line:?}");
    }
    line
}

/// `exgate-agent doctor` with the settings of this house's agent, and others on top.
async fn preflight(world: &World, settings: &[&str]) -> Said {
    let file = world.setup.agent(ORGANIZATION).display().to_string();
    let mut arguments = vec!["--config", &file, "doctor"];
    arguments.extend(settings.iter().flat_map(|setting| ["--set", setting]));
    run("exgate-agent", &arguments, &[]).await
}

#[test]
fn a_wrong_password_is_told_once_and_not_tried_again() {
    scenario(async {
        let world = World::start(Options::default()).await;
        let file = world.setup.path("wrong-password");
        write_secret(&file, "correct horse battery staples");
        let wrong = format!("exchange.password_file={}", file.display());

        let said = preflight(&world, &[&wrong]).await;
        assert_eq!(said.code, Some(1), "{said:#?}");
        let line = one_line(&said.out, &["sign-in", "cure:", "exchange.password_file"]);
        assert!(!said.out.contains("staples") && !said.err.contains("staples"), "{line}");

        // An agent that runs so says it and ends, instead of locking the account.
        let settings = world.setup.agent(ORGANIZATION).display().to_string();
        let spool = format!("spool.path={}", world.setup.path("another-spool").display());
        let arguments = ["--config", &settings, "--set", &wrong, "--set", &spool];
        let said = run("exgate-agent", &arguments, &[]).await;
        assert_eq!(said.code, Some(1), "{said:#?}");
        one_line(&said.err, &["Exchange refused the account", "exchange.password_file"]);

        // The right one goes on.
        preflight(&world, &[]).await.well();
        world.operator.full(ORGANIZATION).await;
        world.close().await;
    });
}

#[test]
fn an_unreachable_server_is_told_with_the_step_that_failed() {
    scenario(async {
        let world = World::start(Options::default()).await;
        let port = format!("exchange.port={}", exgate_tests::ports::free_port());
        let said = preflight(&world, &[&port]).await;
        assert_eq!(said.code, Some(1), "{said:#?}");
        one_line(&said.out, &["tcp", "localhost", "cure:", "exchange.port"]);

        let said = preflight(&world, &["exchange.server=no-such-host.invalid"]).await;
        assert_eq!(said.code, Some(1), "{said:#?}");
        one_line(&said.out, &["name", "no-such-host.invalid", "cure:"]);

        let said = preflight(&world, &["exchange.ca_file="]).await;
        assert_eq!(said.code, Some(1), "{said:#?}");
        one_line(&said.out, &["tls", "cure:", "exchange.ca_file"]);

        // Exchange goes away under a running agent: the sync fails, what is known stands.
        let known = world.operator.devices(ORGANIZATION).await;
        let gone = Faults { stop_listener: true, ..Faults::default() };
        world.exchange.set_faults(ORGANIZATION, &gone).await;
        let failed = world.operator.sync_to_its_end(ORGANIZATION, SyncMode::Full).await;
        assert!(failed.failure.contains("Exchange could not be read"), "{failed:?}");
        assert_eq!(world.operator.devices(ORGANIZATION).await, known);
        let connector = world.operator.connector(ORGANIZATION).await;
        assert_eq!(connector.state(), ConnectorState::Degraded, "{connector:?}");
        assert!(!connector.problem.is_empty());
        world.exchange.set_faults(ORGANIZATION, &Faults::default()).await;
        world.operator.full(ORGANIZATION).await;
        world.close().await;
    });
}

#[test]
fn an_unknown_configuration_key_is_refused_with_the_nearest_one() {
    scenario(async {
        let folder = tempfile::tempdir().unwrap();
        for (name, text, key, nearest) in [
            (
                "exgate-coordinator",
                "[sync]\nquik_interval = \"5m\"",
                "sync.quik_interval",
                "quick_interval",
            ),
            ("exgate-evaluator", "[cache]\nmax_bundle = 3", "cache.max_bundle", "max_bundles"),
            ("exgate-agent", "[exchange]\nsever = \"ex01\"", "exchange.sever", "server"),
        ] {
            let file = folder.path().join(format!("{name}.toml"));
            std::fs::write(&file, text).unwrap();
            let path = file.display().to_string();

            for said in
                [check_config(name, &file).await, run(name, &["--config", &path], &[]).await]
            {
                assert_eq!(said.code, Some(64), "{said:#?}");
                one_line(&said.err, &[key, &path, &format!("did you mean {nearest}?")]);
            }
        }
    });
}

#[test]
fn a_malformed_policy_is_refused_and_the_old_one_stands() {
    scenario(async {
        let world = World::start(Options::default()).await;
        let before = world.exgate(&["get", "policies", "-o", "json"]).await.json();
        let file = world.setup.path("wrong.yaml");
        let path = file.display().to_string();
        // (from, to, line, what is said)
        for (from, to, line, words) in [
            ("platforms:", "platform:", 4, "platforms"),
            ("includedGroups:", "includedGroup:", 14, "includedGroups"),
            ("unmanaged: quarantine", "unmanaged: quarantined", 17, "quarantine"),
        ] {
            std::fs::write(&file, POLICIES.replace(from, to)).unwrap();
            let said = world.exgate(&["apply", "-f", &path]).await;

            assert_eq!(said.code, Some(6), "{said:#?}");
            one_line(&said.err, &["error:"]);
            assert!(said.err.contains(&format!("wrong.yaml:{line}:")), "line {line}: {said:#?}");
            assert!(said.err.contains(words), "{words}: {said:#?}");

            // Without a server the same is said.
            let said = run("exgate-evaluator", &["--check-policy", &path], &[]).await;
            assert_eq!(said.code, Some(1), "{said:#?}");
            assert!(said.out.contains(&format!("wrong.yaml:{line}:")), "{said:#?}");
        }
        let after = world.exgate(&["get", "policies", "-o", "json"]).await.json();
        assert_eq!(before, after);
        world.close().await;
    });
}

#[test]
fn a_malformed_row_refuses_its_file_and_the_last_good_one_stands() {
    scenario(async {
        let world = World::start(Options::default()).await;
        world.enforce(ORGANIZATION).await;
        let ann = world.person(ORGANIZATION, 0).await;
        let folder = world.records.folder().to_owned();
        let phone =
            world.exchange.connect_and_decide(ORGANIZATION, iphone(&ann, "APPLCSV0001")).await;
        let users = format!(
            "userPrincipalName,mail,groups,licensed\n{},{},Mail users;Everybody,true\n",
            ann.user_principal_name, ann.primary_smtp_address,
        );
        let devices = |state: &str| {
            format!(
                "id,userPrincipalName,operatingSystem,osVersion,easDeviceId,jailBroken,complianceState\n\
                 d-1,{},iOS,18.2,APPLCSV0001,False,{state}\n",
                ann.user_principal_name,
            )
        };
        for name in ["devices.json", "users.json"] {
            std::fs::remove_file(folder.join(name)).unwrap();
        }
        replace(&folder.join("devices.csv"), &devices("compliant"));
        replace(&folder.join("users.csv"), &users);
        world.operator.quick(ORGANIZATION).await;
        world.listed(&phone, List::Allowed).await;

        // A bad row, which would also have taken the phone's access away.
        replace(&folder.join("devices.csv"), &devices("compliantt"));
        let said =
            run("exgate-coordinator", &["--check-records", &folder.display().to_string()], &[])
                .await;
        assert_eq!(said.code, Some(1), "{said:#?}");
        assert_eq!(said.out.lines().count(), 1, "{said:#?}");
        assert!(said.out.contains("devices.csv:2"), "{said:#?}");
        assert!(
            said.out.contains("complianceState") && said.out.contains("compliantt"),
            "{said:#?}"
        );
        assert!(said.out.contains("write one of"), "{said:#?}");
        let problem = eventually(SOON, "the operator is told", async || {
            let info = world.operator.server_info().await.unwrap();
            is(info.sources[0].problem.clone(), |problem| !problem.is_empty())
        })
        .await;
        assert!(problem.contains("devices.csv:2"), "{problem}");
        world.operator.full(ORGANIZATION).await;
        world.decided(&phone, Access::Allow).await;
        assert_eq!(world.exchange.ledger(ORGANIZATION).await.len(), 1);

        // Corrected, it counts.
        replace(&folder.join("devices.csv"), &devices("noncompliant"));
        world.listed(&phone, List::Neither).await;
        let info = world.operator.server_info().await.unwrap();
        assert_eq!(info.sources[0].problem, "");
        world.close().await;
    });
}

#[test]
fn a_wrong_organization_name_is_answered_with_the_right_one() {
    scenario(async {
        let mut world = World::start(Options::default()).await;
        let syncs = world.operator.syncs(ORGANIZATION).await.len();
        for arguments in [
            &["sync", "contso", "--quick"][..],
            &["sync", "contso", "--full", "--wait"],
            &["mode", "contso", "enforce"],
            &["status", "contso"],
            &["describe", "org/contso"],
        ] {
            let said = world.exgate(arguments).await;
            assert_eq!(said.code, Some(3), "{arguments:?}: {said:#?}");
            one_line(&said.err, &["contso", "not found"]);
            assert!(said.err.contains("contoso"), "{arguments:?} suggests nothing: {said:#?}");
            assert!(said.out.is_empty(), "{said:#?}");
        }
        assert_eq!(world.operator.syncs(ORGANIZATION).await.len(), syncs);

        // An agent with the wrong name ends, and says what is right.
        world.end(&Part::Agent(ORGANIZATION.to_owned())).await;
        let settings = world.setup.agent(ORGANIZATION).display().to_string();
        let program = Program {
            binary: binary("exgate-agent"),
            arguments: ["--config", &settings, "--set", "coordinator.organization=contso"]
                .map(str::to_owned)
                .to_vec(),
            environment: Vec::new(),
            log: world.setup.path("misnamed.log"),
        };
        let mut agent = program.start();
        let status = eventually(SOON, "the agent ends", async || {
            agent.ended().ok_or_else(|| "it runs".to_owned())
        })
        .await;
        assert_eq!(status.code(), Some(1), "{}", agent.log());
        one_line(&agent.log(), &["contso", "did you mean \"contoso\"", "coordinator.organization"]);
        world.close().await;
    });
}
