//! A whole simulator: over HTTPS with the codecs' client, over HTTP with JSON, and after its death.

mod peer;

use std::time::Duration;

use serde_json::json;

use exgate_exchange::clixml::Value;
use exgate_exchange::psrp::Command;
use exgate_exchange::psrp::body::InvocationState;
use exgate_exchange::wsman::uris;

use super::*;
use crate::control::views::{DeviceQuery, NewDevice, NewSettings, SyncAnswer};
use crate::faults::{Faults, LostAnswer, Midway};
use crate::settings::{Account, ServerSettings};
use crate::time::Mode;
use crate::winrm::throttle::Limits;
use crate::world::device::AccessState;
use crate::world::organization::AccessLevel;
use peer::{Peer, Trouble};

const PASSWORD: &str = "correct horse";

fn settings(state: Option<&Path>) -> Settings {
    Settings {
        state: state.map(Path::to_owned),
        mailboxes: 40,
        devices: 60,
        ..Settings::new(Account::new("CONTOSO\\svc-admin", PASSWORD))
    }
}

/// An organization in motion, without a network.
pub(crate) fn a_live_organization(settings: &Settings, name: &str) -> Arc<Live> {
    let now = whole_milliseconds(settings.clock.now());
    let organization = settings.organizations.iter().find(|held| held.name == name).unwrap();
    let world = blueprint(settings, organization, now).build();
    let time = Time::new(settings.clock.clone(), settings.mode, Past::begin(now, settings.mode));
    Arc::new(Live::new(world, Arc::new(Journal::in_memory()), Arc::new(time)))
}

async fn started(settings: Settings) -> (Simulator, Tasks) {
    let tasks = Tasks::new();
    let simulator = Simulator::start(settings, &tasks).await.unwrap();
    (simulator, tasks)
}

async fn stop(tasks: &Tasks) {
    tasks.shutdown(Duration::from_secs(5)).await.unwrap();
    assert!(tasks.failure().is_none());
}

fn allow(mailbox: &str, id: &str) -> Command {
    Command::new("Set-CASMailbox")
        .with("Identity", mailbox)
        .with("ActiveSyncAllowedDeviceIDs", Value::hashtable([("Add", Value::from(id))]))
        .with("ActiveSyncBlockedDeviceIDs", Value::hashtable([("Remove", Value::from(id))]))
}

#[tokio::test]
async fn a_phone_is_held_allowed_over_the_wire_and_gets_its_mail() {
    let (simulator, tasks) = started(settings(None)).await;
    let control = simulator.control();
    for organization in ["contoso", "fabrikam"] {
        let mailbox = control.mailboxes(organization).unwrap().swap_remove(3);
        let new = NewDevice { mailbox: mailbox.alias.clone(), ..NewDevice::default() };
        let phone = control.new_device(organization, &new).unwrap();
        assert_eq!(phone.access_state, AccessState::DeviceDiscovery);
        let address = &mailbox.primary_smtp_address;
        assert!(control.mails(organization, Some(address)).unwrap().is_empty());
        control.advance(14 * 60).unwrap();
        let held = control.sync(organization, &phone.device_id).unwrap();
        assert_eq!((held.answer, held.http_status), (SyncAnswer::Quarantine, 200));
        assert_eq!(control.mails(organization, Some(address)).unwrap().len(), 1);

        let mut peer = Peer::open(&simulator, organization, PASSWORD).await.unwrap();
        let done = peer.run(allow(&mailbox.guid.to_string(), &phone.device_id)).await.unwrap();
        assert_eq!((done.state, done.errors.len()), (InvocationState::Completed, 0));
        control.advance(60).unwrap();

        let answer = control.sync(organization, &phone.device_id).unwrap();
        assert_eq!((answer.answer, answer.http_status), (SyncAnswer::Mail, 200));
        let ledger = control.ledger(Some(organization), 0).unwrap();
        assert_eq!(ledger.len(), 1);
        assert_eq!(ledger[0].account, "CONTOSO\\svc-admin");
        peer.delete().await.unwrap();
    }
    stop(&tasks).await;
}

#[tokio::test]
async fn a_listing_travels_in_envelopes_that_fit() {
    let settings = Settings { mailboxes: 400, devices: 600, ..settings(None) };
    let (simulator, tasks) = started(settings).await;
    let mut peer = Peer::open(&simulator, "contoso", PASSWORD).await.unwrap();
    peer.client.max_envelope_bytes = 32 * 1024;

    let listing = Command::new("Get-MobileDevice").with("ResultSize", "Unlimited");
    let done = peer.run(listing).await.unwrap();

    assert_eq!(done.output.len(), 600);
    assert!(done.envelopes > 20, "{}", done.envelopes);
    assert!(done.envelope_bytes_max <= 32 * 1024, "{}", done.envelope_bytes_max);
    stop(&tasks).await;
}

#[tokio::test]
async fn a_stopped_pipeline_ends_and_its_shell_goes_on() {
    let settings = Settings { mailboxes: 400, devices: 600, ..settings(None) };
    let (simulator, tasks) = started(settings).await;
    let mut peer = Peer::open(&simulator, "contoso", PASSWORD).await.unwrap();
    let listing = Command::new("Get-MobileDevice").with("ResultSize", "Unlimited");

    let mut pipeline = peer.start(listing).await.unwrap();
    peer.receive(&mut pipeline).await.unwrap();
    peer.signal(&pipeline, uris::SIGNAL_STOP).await.unwrap();
    while !pipeline.is_done {
        peer.receive(&mut pipeline).await.unwrap();
    }

    assert_eq!(pipeline.written.state, InvocationState::Stopped);
    assert!(pipeline.written.output.len() < 600);
    let done = peer.run(Command::new("Get-ExchangeServer")).await.unwrap();
    assert_eq!(done.output.len(), 1);
    stop(&tasks).await;
}

#[tokio::test]
async fn refusals_arrive_as_records() {
    let (simulator, tasks) = started(settings(None)).await;
    let mut peer = Peer::open(&simulator, "contoso", PASSWORD).await.unwrap();

    let beside = peer.run(allow("nobody", "X")).await.unwrap();
    assert_eq!(beside.state, InvocationState::Completed);
    assert_eq!(beside.errors[0].reason, "ManagementObjectNotFoundException");
    let ended = peer.run(Command::new("Remove-Everything")).await.unwrap();
    assert_eq!(ended.state, InvocationState::Failed);
    assert_eq!(ended.failure.unwrap().reason, "CommandNotFoundException");
    let two = peer
        .run_all(vec![Command::new("Get-ExchangeServer"), Command::new("Get-ExchangeServer")])
        .await
        .unwrap();
    assert_eq!(two.state, InvocationState::Failed);
    stop(&tasks).await;
}

#[tokio::test]
async fn only_a_known_account_a_known_path_and_a_known_shell_are_served() {
    let throttle = Limits { shells_max: 2, ..Limits::default() };
    let (simulator, tasks) = started(Settings { throttle, ..settings(None) }).await;

    let wrong = Peer::open(&simulator, "contoso", "wrong").await.unwrap_err();
    assert!(matches!(wrong, Trouble::Status(401)), "{wrong:?}");
    let mut peer = Peer::open(&simulator, "contoso", PASSWORD).await.unwrap();
    let _second = Peer::open(&simulator, "contoso", PASSWORD).await.unwrap();
    let third = Peer::open(&simulator, "contoso", PASSWORD).await.unwrap_err();
    assert!(third.fault().text().contains("maximum number of 2 concurrent shells"));

    peer.delete().await.unwrap();
    let gone = peer.run(Command::new("Get-ExchangeServer")).await.unwrap_err();
    assert!(gone.fault().is_shell_gone());
    Peer::open(&simulator, "contoso", PASSWORD).await.unwrap();
    stop(&tasks).await;
}

#[tokio::test]
async fn a_receive_without_output_ends_in_time() {
    let (simulator, tasks) = started(settings(None)).await;
    let slow =
        Faults { latency_ms: [("Get-ExchangeServer".to_owned(), 400)].into(), ..Faults::default() };
    simulator.control().set_faults("contoso", slow).unwrap();
    let mut peer = Peer::open(&simulator, "contoso", PASSWORD).await.unwrap();
    peer.client.operation_timeout = Duration::from_millis(50);

    let mut pipeline = peer.start(Command::new("Get-ExchangeServer")).await.unwrap();
    let empty = peer.receive(&mut pipeline).await.unwrap_err();
    assert!(empty.fault().is_timeout());
    while !pipeline.is_done {
        match peer.receive(&mut pipeline).await {
            Ok(()) => {}
            Err(trouble) => assert!(trouble.fault().is_timeout()),
        }
    }

    assert_eq!(pipeline.written.output.len(), 1);
    stop(&tasks).await;
}

#[tokio::test]
async fn a_lost_answer_is_an_effect_without_a_word() {
    let (simulator, tasks) = started(settings(None)).await;
    let control = simulator.control();
    let mailbox = control.mailboxes("contoso").unwrap().swap_remove(3).guid.to_string();
    let lose = Faults {
        lose_answer: Some(LostAnswer { cmdlet: "Set-CASMailbox".to_owned(), times: 1 }),
        ..Faults::default()
    };
    control.set_faults("contoso", lose).unwrap();
    let mut peer = Peer::open(&simulator, "contoso", PASSWORD).await.unwrap();

    let lost = peer.run(allow(&mailbox, "LOST1")).await.unwrap_err();
    assert!(matches!(lost, Trouble::Connection(_)), "{lost:?}");
    let after = control.mailbox("contoso", &mailbox).unwrap();
    assert!(after.allowed_device_ids.contains(&"LOST1".to_owned()));

    let mut peer = Peer::open(&simulator, "contoso", PASSWORD).await.unwrap();
    assert!(peer.run(allow(&mailbox, "LOST2")).await.is_ok());
    stop(&tasks).await;
}

#[tokio::test]
async fn a_stopped_listener_comes_back_on_its_port() {
    let (simulator, tasks) = started(settings(None)).await;
    let control = simulator.control();
    let stopped = Faults { stop_listener: true, ..Faults::default() };
    control.set_faults("contoso", stopped).unwrap();

    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    while !matches!(Peer::open(&simulator, "contoso", PASSWORD).await, Err(Trouble::Connection(_)))
    {
        assert!(tokio::time::Instant::now() < deadline, "the port still answers");
    }
    Peer::open(&simulator, "fabrikam", PASSWORD).await.unwrap();
    control.set_faults("contoso", Faults::default()).unwrap();
    while Peer::open(&simulator, "contoso", PASSWORD).await.is_err() {
        assert!(tokio::time::Instant::now() < deadline, "the port does not answer again");
    }
    stop(&tasks).await;
}

#[tokio::test]
async fn a_server_of_several_goes_down_in_the_middle_of_an_answer() {
    let mut settings = settings(None);
    let further = |text| ServerSettings::parse(text).unwrap().1;
    settings.organizations[0].servers = vec![further("contoso:2019:Rome"), further("contoso:2010")];
    let (simulator, tasks) = started(settings).await;
    let servers = &simulator.addresses().organization("contoso").unwrap().servers;
    let names: Vec<_> =
        servers.iter().map(|held| (held.name.as_str(), held.fqdn.as_str())).collect();
    assert_eq!(
        names,
        [("EX01", "ex01.contoso.com"), ("EX02", "ex02.contoso.com"), ("EX03", "ex03.contoso.com")]
    );
    let mut peer = Peer::open(&simulator, "contoso", PASSWORD).await.unwrap();
    let midway = Midway { cmdlet: "Get-MobileDevice".to_owned(), bytes: 20_000 };
    let dying =
        Faults { stop_servers_in: [("ex01".to_owned(), midway)].into(), ..Faults::default() };
    simulator.control().set_faults("contoso", dying).unwrap();

    let listing = || Command::new("Get-MobileDevice").with("ResultSize", "Unlimited");
    let trouble = peer.run(listing()).await.unwrap_err();
    assert!(matches!(trouble, Trouble::Connection(_)), "{trouble:?}");
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    while !matches!(Peer::open(&simulator, "contoso", PASSWORD).await, Err(Trouble::Connection(_)))
    {
        assert!(tokio::time::Instant::now() < deadline, "EX01 still answers");
    }
    let mut other = Peer::open_at(&simulator, "contoso", 1, PASSWORD).await.unwrap();
    assert!(other.run(listing()).await.is_ok());
    simulator.control().set_faults("contoso", Faults::default()).unwrap();
    while Peer::open(&simulator, "contoso", PASSWORD).await.is_err() {
        assert!(tokio::time::Instant::now() < deadline, "EX01 does not come back");
    }
    stop(&tasks).await;
}

#[tokio::test]
async fn a_connection_is_cut_after_as_many_bytes() {
    let (simulator, tasks) = started(settings(None)).await;
    let mut peer = Peer::open(&simulator, "contoso", PASSWORD).await.unwrap();
    let cut = Faults { drop_connection_after_bytes: Some(20_000), ..Faults::default() };
    simulator.control().set_faults("contoso", cut).unwrap();

    let listing = Command::new("Get-MobileDevice").with("ResultSize", "Unlimited");
    let trouble = peer.run(listing).await.unwrap_err();

    assert!(matches!(trouble, Trouble::Connection(_)), "{trouble:?}");
    stop(&tasks).await;
}

#[tokio::test]
async fn what_a_role_hides_is_fixed_when_the_shell_is_made() {
    let (simulator, tasks) = started(settings(None)).await;
    let mut before = Peer::open(&simulator, "contoso", PASSWORD).await.unwrap();
    let hide = Faults { hide_cmdlets: vec!["Get-ExchangeServer".to_owned()], ..Faults::default() };
    simulator.control().set_faults("contoso", hide).unwrap();

    let mut after = Peer::open(&simulator, "contoso", PASSWORD).await.unwrap();

    let shown = before.run(Command::new("Get-ExchangeServer")).await.unwrap();
    assert_eq!(shown.state, InvocationState::Completed);
    let hidden = after.run(Command::new("Get-ExchangeServer")).await.unwrap();
    assert_eq!(hidden.state, InvocationState::Failed);
    stop(&tasks).await;
}

#[tokio::test]
async fn a_killed_simulator_goes_on_where_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let (simulator, tasks) = started(settings(Some(directory.path()))).await;
    let control = simulator.control();
    let mailbox = control.mailboxes("contoso").unwrap().swap_remove(3);
    let new = NewDevice { mailbox: mailbox.alias.clone(), ..NewDevice::default() };
    let phone = control.new_device("contoso", &new).unwrap();
    control.advance(14 * 60).unwrap();
    let block =
        NewSettings { default_access_level: Some(AccessLevel::Block), ..NewSettings::default() };
    control.set_settings("fabrikam", &block).unwrap();
    let mut peer = Peer::open(&simulator, "contoso", PASSWORD).await.unwrap();
    peer.run(allow(&mailbox.guid.to_string(), "A1")).await.unwrap();
    let (devices, ledger) = (
        control.devices("contoso", &DeviceQuery::default()).unwrap(),
        control.ledger(None, 0).unwrap(),
    );
    let endpoints = simulator.addresses().clone();
    // Cancelled, not drained: nothing is written at the end, as after SIGKILL.
    tasks.cancel();
    drop(simulator);
    stop(&tasks).await;

    let (simulator, tasks) = started(settings(Some(directory.path()))).await;
    let control = simulator.control();

    assert_eq!(*simulator.addresses(), endpoints);
    let known: Endpoints =
        serde_json::from_slice(&std::fs::read(directory.path().join(ENDPOINTS_FILE)).unwrap())
            .unwrap();
    assert_eq!(known, endpoints);
    let again = control.devices("contoso", &DeviceQuery::default()).unwrap();
    let forget = |mut device: crate::control::views::DeviceView| {
        device.last_contact = None;
        device
    };
    assert_eq!(
        again.into_iter().map(forget).collect::<Vec<_>>(),
        devices.into_iter().map(forget).collect::<Vec<_>>()
    );
    assert_eq!(control.ledger(None, 0).unwrap(), ledger);
    assert_eq!(control.mails("contoso", Some(&mailbox.alias)).unwrap().len(), 1);
    let settings_after = control.organization("fabrikam").unwrap();
    assert_eq!(settings_after.default_access_level, AccessLevel::Block);
    assert_eq!(control.sync("contoso", &phone.device_id).unwrap().answer, SyncAnswer::Quarantine);
    let mut peer = Peer::open(&simulator, "contoso", PASSWORD).await.unwrap();
    peer.run(allow(&mailbox.guid.to_string(), "A2")).await.unwrap();
    assert_eq!(control.ledger(None, 0).unwrap().last().unwrap().sequence, 2);
    stop(&tasks).await;
}

#[tokio::test]
async fn another_world_and_an_open_control_address_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let (_, tasks) = started(settings(Some(directory.path()))).await;
    stop(&tasks).await;

    let other = Settings { seed: 99, ..settings(Some(directory.path())) };
    let error = Simulator::start(other, &Tasks::new()).await.unwrap_err().to_string();

    assert!(error.contains("seed 1,") && error.contains("seed 99,"), "{error}");
    let open = Settings { control: "0.0.0.0:0".parse().unwrap(), ..settings(None) };
    let error = Simulator::start(open, &Tasks::new()).await.unwrap_err().to_string();
    assert!(error.contains("loopback only"), "{error}");
}

#[tokio::test]
async fn in_auto_mode_phones_call_and_appear_by_themselves() {
    let automatic = Settings {
        mode: Mode::Auto { speed: 6000 },
        new_device_every: Some(Duration::from_millis(200)),
        ..settings(None)
    };
    let (simulator, tasks) = started(automatic).await;
    let control = simulator.control();
    let mailbox = control.mailboxes("contoso").unwrap().swap_remove(0);
    let query = DeviceQuery { mailbox: Some(mailbox.alias.clone()), ..DeviceQuery::default() };
    let phone = control.devices("contoso", &query).unwrap().swap_remove(0);
    let mut peer = Peer::open(&simulator, "contoso", PASSWORD).await.unwrap();
    peer.run(allow(&mailbox.guid.to_string(), &phone.device_id)).await.unwrap();

    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    loop {
        let all = control.devices("contoso", &DeviceQuery::default()).unwrap();
        let allowed = all
            .iter()
            .any(|held| held.guid == phone.guid && held.access_state == AccessState::Allowed);
        let new = all.iter().skip(60).any(|held| held.access_state == AccessState::Quarantined);
        if allowed && new {
            break;
        }
        assert!(tokio::time::Instant::now() < deadline, "allowed {allowed}, new {new}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(matches!(control.advance(1), Err(ControlError::TimeRuns)));
    stop(&tasks).await;
}

fn rule(query: &str) -> serde_json::Value {
    json!({
        "name": format!("{query} (DeviceType)"), "characteristic": "DeviceType",
        "query_string": query, "access_level": "Block",
    })
}

#[tokio::test]
async fn the_control_surface_speaks_json() {
    let (simulator, tasks) = started(settings(None)).await;
    let base = simulator.addresses().control.trim_start_matches("http://").to_owned();
    let organizations = peer::http(&base, "GET", "/organizations", None).await;
    assert_eq!((organizations.0, organizations.1[1]["version"].as_str()), (200, Some("2010")));
    let owner = &peer::http(&base, "GET", "/organizations/contoso/mailboxes", None).await.1[3];
    let owner = owner["user_principal_name"].as_str().unwrap();

    let new = json!({ "mailbox": owner, "platform": "android", "device_id": "NEW1" });
    let made = peer::http(&base, "POST", "/organizations/contoso/devices", Some(new.clone())).await;
    assert_eq!((made.0, made.1["access_state"].as_str()), (201, Some("DeviceDiscovery")));
    let again = peer::http(&base, "POST", "/organizations/contoso/devices", Some(new)).await;
    assert_eq!(again.0, 409);
    let advanced =
        peer::http(&base, "POST", "/time/advance", Some(json!({ "seconds": 840 }))).await;
    assert_eq!(advanced.0, 200);
    let update = json!({ "version": "16" });
    let path = "/organizations/contoso/devices/new1/os-update";
    let updated = peer::http(&base, "POST", path, Some(update)).await;
    assert_eq!(updated.1["device"]["device_os"], "Android 16");
    assert_eq!(updated.1["answer"], "quarantine");
    let mails = format!("/organizations/contoso/mails?mailbox={owner}");
    assert_eq!(peer::http(&base, "GET", &mails, None).await.1[0]["kind"], "quarantine");
    let ruled = json!({ "rules": [rule("iPhone")] });
    let settings = "/organizations/contoso/settings";
    assert_eq!(
        peer::http(&base, "POST", settings, Some(ruled)).await.1["rules"][0],
        rule("iPhone")
    );
    let found = peer::http(&base, "GET", "/organizations/contoso/devices?id=NEW1", None).await;
    assert_eq!(found.1.as_array().map(Vec::len), Some(1));

    for (method, path, body, status) in [
        ("GET", "/organizations/adatum", None, 404),
        ("GET", "/nowhere", None, 404),
        ("GET", "/organizations/contoso/devices?color=red", None, 400),
        ("POST", "/organizations/contoso/devices/none/sync", None, 404),
        ("POST", "/organizations/contoso/faults", Some(json!({ "fire": true })), 422),
        (
            "POST",
            "/organizations/contoso/settings",
            Some(json!({ "user_mail_insert": "x".repeat(257) })),
            400,
        ),
        (
            "POST",
            "/organizations/contoso/settings",
            Some(json!({ "rules": [rule("iPhone"), rule("iphone")] })),
            400,
        ),
        ("POST", "/organizations/contoso/settings", Some(json!({ "rules": [rule("")] })), 400),
    ] {
        let refused = peer::http(&base, method, path, body).await;
        assert_eq!(refused.0, status, "{method} {path}");
        assert!(refused.1["detail"].as_str().is_some_and(|text| text.len() > 10), "{refused:?}");
    }
    stop(&tasks).await;
}
