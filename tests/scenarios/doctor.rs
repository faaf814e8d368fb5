//! The whole way to Exchange, looked at from the agent's own machine and from the coordinator: what is
//! well, what is not, each with its cause and its cure, and the script that gives the account its rights.

use std::collections::BTreeMap;

use exchange_sim::faults::Faults;
use exgate_proto::v1::{ConnectorState, Mode};
use exgate_tests::command_line::{Said, run};
use exgate_tests::operator::SOON;
use exgate_tests::world::{Options, Part, World};
use exgate_tests::{eventually, is, scenario};
use serde_json::Value;

const OLD: &str = "fabrikam";
const NEW: &str = "contoso";
/// Every step that the agent takes, in order.
const STEPS: [&str; 13] = [
    "name",
    "tcp",
    "tls",
    "clock",
    "sign-in",
    "shell",
    "rights to read",
    "rights to write",
    "rights to wipe",
    "version",
    "servers",
    "throttling",
    "filter",
];

fn house() -> Options {
    Options { organizations: vec![(NEW, "2019"), (OLD, "2010")], ..Options::default() }
}

/// `exgate-agent doctor` on the machine of this organization's agent.
async fn on_the_spot(world: &World, organization: &str, switches: &[&str]) -> Said {
    let file = world.setup.agent(organization).display().to_string();
    let arguments = ["--config", &file, "doctor"].into_iter().chain(switches.iter().copied());
    run("exgate-agent", &arguments.collect::<Vec<_>>(), &[]).await
}

/// `exgate doctor ORG -o json`: the document, and the exit code.
async fn over_the_coordinator(world: &World, organization: &str) -> (Value, Option<i32>) {
    let said = world.exgate(&["doctor", organization, "-o", "json"]).await;
    let document = serde_json::from_str(&said.out);
    (document.unwrap_or_else(|error| panic!("{error} in {said:#?}")), said.code)
}

/// Outcome, finding and cure of each step.
fn steps(document: &Value) -> BTreeMap<String, (String, String, String)> {
    let text = |step: &Value, key: &str| step[key].as_str().unwrap().to_owned();
    let steps = document["steps"].as_array().unwrap().iter();
    steps
        .map(|step| {
            let what = (text(step, "outcome"), text(step, "finding"), text(step, "cure"));
            (text(step, "name"), what)
        })
        .collect()
}

#[test]
fn a_house_in_order_fails_no_step_from_either_side() {
    scenario(async {
        let world = World::start(house()).await;
        for (organization, version, product) in
            [(NEW, "15.2.1748.10", "Exchange 2019"), (OLD, "14.3.123.4", "Exchange 2010")]
        {
            let said = on_the_spot(&world, organization, &[]).await;
            assert_eq!(said.code, Some(0), "{said:#?}");
            let here = on_the_spot(&world, organization, &["--json"]).await.json();
            let (there, code) = over_the_coordinator(&world, organization).await;
            assert_eq!(code, Some(0), "{there:#}");
            for (document, first) in [(&here, None), (&there, Some("agent"))] {
                assert_eq!(document["failed"], 0, "{document:#}");
                assert_eq!(document["exchangeVersion"], version);
                assert_eq!(document["roleScript"], "");
                assert!(document["endedAt"].as_str().unwrap().ends_with('Z'));
                let steps = steps(document);
                for name in STEPS {
                    assert!(steps.contains_key(name), "no {name} in {document:#}");
                }
                assert!(first.is_none_or(|name| steps.contains_key(name)), "{document:#}");
                assert!(steps["tls"].1.contains("days left"), "{document:#}");
                assert!(steps["version"].1.contains(product), "{document:#}");
                // The house goes to `localhost`, which is no server's own name.
                assert_eq!(steps["servers"].0, "STEP_OUTCOME_WARNED");
                assert!(steps["servers"].1.contains("localhost"), "{document:#}");
                assert!(steps["throttling"].1.contains("18 sessions at once"), "{document:#}");
                for (name, (outcome, finding, cure)) in &steps {
                    let is_well = outcome == "STEP_OUTCOME_PASSED";
                    assert_eq!(cure.is_empty(), is_well, "{name}: {finding}");
                }
            }
            let table = world.exgate(&["doctor", organization]).await;
            assert_eq!(table.code, Some(0), "{table:#?}");
            assert!(
                table.out.contains("✔ sign-in") && table.out.contains("0 failed"),
                "{table:#?}"
            );
        }
        world.close().await;
    });
}

#[test]
fn each_right_that_is_missing_is_named_and_the_script_gives_it() {
    scenario(async {
        let world = World::start(house()).await;
        for (organization, version) in [(NEW, "2019"), (OLD, "2010")] {
            let hide_cmdlets = vec!["Get-Recipient".to_owned(), "Get-ExchangeServer".to_owned()];
            let hide_parameters =
                [("Set-CASMailbox".to_owned(), vec!["ActiveSyncBlockedDeviceIDs".to_owned()])];
            let less = Faults {
                hide_cmdlets,
                hide_parameters: hide_parameters.into(),
                ..Faults::default()
            };
            world.exchange.set_faults(organization, &less).await;

            // The session of the check is a new one, so that it sees what the role shows now.
            let (document, code) = over_the_coordinator(&world, organization).await;
            assert_eq!(code, Some(1), "{document:#}");
            let steps = steps(&document);
            let (outcome, finding, cure) = &steps["rights to read"];
            assert_eq!(outcome, "STEP_OUTCOME_FAILED");
            assert!(finding.contains("Get-Recipient") && finding.contains("Get-ExchangeServer"));
            assert!(cure.contains("script") && cure.contains("restart the agent"), "{cure}");
            let (outcome, finding, _) = &steps["rights to write"];
            assert_eq!(outcome, "STEP_OUTCOME_WARNED", "nothing is written in observe mode");
            assert!(finding.contains("Set-CASMailbox -ActiveSyncBlockedDeviceIDs"), "{finding}");
            assert_eq!(steps["rights to wipe"].0, "STEP_OUTCOME_PASSED");
            let shipped = include_str!("../../deploy/exchange/exchange-role.ps1");
            let script = document["roleScript"].as_str().unwrap();
            assert!(script.ends_with(shipped), "{script}");

            let said = on_the_spot(&world, organization, &[]).await;
            assert_eq!(said.code, Some(1), "{said:#?}");
            for word in ["Get-Recipient", "Set-CASMailbox -ActiveSyncBlockedDeviceIDs", shipped] {
                assert!(said.out.contains(word), "no {word} in {said:#?}");
            }

            // Where the version is seen, the script is run for it.
            let less = Faults { hide_cmdlets: vec!["Get-Recipient".to_owned()], ..less };
            world.exchange.set_faults(organization, &less).await;
            let (document, _) = over_the_coordinator(&world, organization).await;
            let script = document["roleScript"].as_str().unwrap();
            assert!(script.contains(&format!("-ExchangeVersion {version}")), "{script}");
            world.exchange.set_faults(organization, &Faults::default()).await;
        }
        world.close().await;
    });
}

#[test]
fn rights_to_write_are_needed_by_who_enforces() {
    scenario(async {
        let world = World::start(Options::default()).await;
        let hidden = [("Set-CASMailbox".to_owned(), vec!["Confirm".to_owned()])];
        let less = Faults { hide_parameters: hidden.into(), ..Faults::default() };
        world.exchange.set_faults(NEW, &less).await;
        let (observing, code) = over_the_coordinator(&world, NEW).await;
        assert_eq!(code, Some(0), "{observing:#}");

        world.operator.set_mode(NEW, Mode::Enforce).await.unwrap();
        let (enforcing, code) = over_the_coordinator(&world, NEW).await;
        assert_eq!(code, Some(1), "{enforcing:#}");
        assert_eq!(steps(&enforcing)["rights to write"].0, "STEP_OUTCOME_FAILED");

        // An agent that starts so is degraded, and nothing is handed to it.
        let mut world = world;
        world.end(&Part::Agent(NEW.to_owned())).await;
        world.begin(Part::Agent(NEW.to_owned())).await;
        eventually(SOON, "the connector is degraded", async || {
            let connector = world.operator.connector(NEW).await;
            is(connector, |it| {
                it.state() == ConnectorState::Degraded && it.problem.contains("Set-CASMailbox")
            })
        })
        .await;
        world.close().await;
    });
}

#[test]
fn a_server_that_is_down_and_an_agent_that_is_gone_are_told() {
    scenario(async {
        let mut world = World::start(Options::default()).await;
        let gone = Faults { stop_listener: true, ..Faults::default() };
        world.exchange.set_faults(NEW, &gone).await;
        let (document, code) = over_the_coordinator(&world, NEW).await;
        assert_eq!(code, Some(1), "{document:#}");
        let steps = steps(&document);
        assert_eq!(steps["name"].0, "STEP_OUTCOME_PASSED");
        let (outcome, _, cure) = &steps["tcp"];
        assert_eq!(outcome, "STEP_OUTCOME_FAILED");
        assert!(cure.contains("firewalls"), "{cure}");
        assert!(!steps.contains_key("sign-in"), "the first failure ends the way there");
        world.exchange.set_faults(NEW, &Faults::default()).await;

        world.end(&Part::Agent(NEW.to_owned())).await;
        let said = eventually(SOON, "the agent is seen to be gone", async || {
            let said = world.exgate(&["doctor", NEW]).await;
            is(said, |said| said.code == Some(5))
        })
        .await;
        assert!(said.err.contains("CONNECTOR_DISCONNECTED"), "{said:#?}");
        assert!(said.err.contains("exgate describe conn/contoso"), "{said:#?}");
        let said = world.exgate(&["doctor", "contso"]).await;
        assert_eq!(said.code, Some(3), "{said:#?}");
        world.close().await;
    });
}
