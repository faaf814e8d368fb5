//! The wire, against programs that nobody here wrote: the simulator is read by pypsrp, exgate's own
//! client reads a server built on psrpcore, and a server of exgate's answers grpcio.
//!
//! * `codecs`: CLIXML, messages and fragments, both ends, without a transport;
//! * `session`: exgate's client over TLS against psrpcore;
//! * `pypsrp`: pypsrp over TLS against the simulator.

mod codecs;
mod description;
mod pypsrp;
mod session;

use std::collections::BTreeSet;

use exchange_sim::Simulator;
use exchange_sim::settings::{Account, Settings};
use exgate_exchange::cmdlets::{
    self, Cmdlet, DeviceFamily, DeviceRow, DeviceSelection, Identity, ResultSize,
};
use exgate_exchange::credentials::Credentials;
use exgate_exchange::error::Refusal;
use exgate_exchange::http::{Authentication, Transport, TrustAnchors};
use exgate_exchange::session::{Event, Options, Session};
use exgate_runtime::Tasks;
use exgate_tests::peers::{Peer, Peers};
use exgate_tests::scenario;
use exgate_tests::setup::{ACCOUNT, PASSWORD, write_secret};
use exgate_tests::world::{Options as House, World};

#[test]
fn pypsrp_lists_devices_and_edits_a_list_on_the_simulator() {
    scenario(async {
        let Some(peers) = Peers::find("pypsrp against the simulator") else { return };
        let folder = tempfile::tempdir().unwrap();
        let tasks = Tasks::new();
        let settings = Settings {
            state: Some(folder.path().join("exchange")),
            mailboxes: 50,
            devices: 400,
            ..Settings::new(Account::new(ACCOUNT, PASSWORD))
        };
        let simulator = Simulator::start(settings, &tasks).await.unwrap();
        let secret = folder.path().join("password");
        write_secret(&secret, PASSWORD);
        let control = simulator.control();
        let mailbox = control.mailboxes("contoso").unwrap().swap_remove(3);
        let port = simulator.addresses().organization("contoso").unwrap().port.to_string();
        let ca = folder.path().join("exchange/ca.pem");

        let arguments = [
            ["--port", &port],
            ["--ca", ca.to_str().unwrap()],
            ["--account", ACCOUNT],
            ["--password-file", secret.to_str().unwrap()],
            ["--mailbox", &mailbox.guid.to_string()],
            ["--device", "PYPSRP0001"],
        ];
        let mut peer = peers.start("pypsrp_client.py", arguments.as_flattened(), folder.path());
        let said = peer.first().await;

        let texts = |name: &str| -> Vec<&str> {
            said[name].as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect()
        };
        let every = control.devices("contoso", &Default::default()).unwrap();
        let mut ids: Vec<_> = every.iter().map(|device| device.device_id.as_str()).collect();
        ids.sort_unstable();
        assert_eq!(texts("devices"), ids);
        let edited = control.mailbox("contoso", &mailbox.guid.to_string()).unwrap();
        assert_eq!(texts("before"), mailbox.allowed_device_ids);
        assert_eq!(texts("after"), edited.allowed_device_ids);
        assert!(edited.allowed_device_ids.iter().any(|id| id == "PYPSRP0001"));
        assert!(said["refusal"].as_str().unwrap().contains("nobody@example.com"), "{said}");
        let ledger = control.ledger(Some("contoso"), 0).unwrap();
        let outcomes: Vec<_> = ledger.iter().map(|entry| entry.error.is_none()).collect();
        assert_eq!(outcomes, [true, false], "{ledger:#?}");
        tasks.shutdown(std::time::Duration::from_secs(5)).await.unwrap();
    });
}

#[test]
fn exgate_lists_five_thousand_devices_from_psrpcore() {
    scenario(async {
        let Some(peers) = Peers::find("exgate against psrpcore") else { return };
        let folder = tempfile::tempdir().unwrap();
        let mut peer = peers.start("psrp_server.py", &["--devices", "5000"], folder.path());
        let session = open(&mut peer).await;

        let mut every = session.run(devices(DeviceSelection::All)).await.unwrap();
        let mut seen = BTreeSet::new();
        while let Some(device) = every.next().await.unwrap() {
            assert!(device.device_id.is_some() && device.distinguished_name.is_some());
            assert_eq!(device.when_changed_utc.unwrap().to_string()[..4], *"2026");
            let name = device.friendly_name.unwrap();
            assert!(name.starts_with("phone ") || name.contains("<Phone> & \u{1f4f1} _x0041_"));
            seen.insert(device.guid.unwrap());
        }
        let summary = every.finish().await.unwrap();
        assert_eq!((seen.len(), summary.rows, summary.errors_total), (5000, 5000, 0));

        let mut one = session.run(devices(DeviceSelection::All)).await.unwrap();
        let Some(Event::Row(xml)) = one.event().await.unwrap() else { panic!("no row first") };
        let xml = String::from_utf8(xml.to_vec()).unwrap();
        let (_, properties) = xml.split_once("<Props>").unwrap();
        let document = format!("<r>{}</r>", properties.rsplit_once("</Props>").unwrap().0);
        assert_eq!(children(&document), 40, "{document}");
        drop(one);

        session.close().await.unwrap();
    });
}

#[test]
fn exgate_hears_error_records_and_cancels_pipelines_of_psrpcore() {
    scenario(async {
        let Some(peers) = Peers::find("exgate against psrpcore") else { return };
        let folder = tempfile::tempdir().unwrap();
        let mut peer = peers.start("psrp_server.py", &["--devices", "100"], folder.path());
        let session = open(&mut peer).await;

        // An error record beside a pipeline that completes.
        let unknown = Identity::new("00000000-0000-4000-8000-000000000000").unwrap();
        let mut one = session.run(devices(DeviceSelection::One(unknown))).await.unwrap();
        assert!(one.next().await.unwrap().is_none());
        assert_eq!(one.summary().errors_total, 1);
        let error = one.finish().await.unwrap_err();
        assert_eq!(error.refusal(), Some(&Refusal::NotFound), "{error:?}");
        assert!(!error.is_session_dead());

        // A pipeline that would never end by itself, stopped in the middle.
        let endless = DeviceSelection::OfMailbox(Identity::new("endless").unwrap());
        let mut rows = session.run(devices(endless)).await.unwrap();
        for _ in 0..3 {
            assert!(rows.next().await.unwrap().is_some());
        }
        rows.stop().await.unwrap();

        // The runspace is still good.
        let listing = session.run(devices(DeviceSelection::All)).await.unwrap();
        assert_eq!(listing.collect().await.unwrap().len(), 100);
        assert!(!session.has_ended());
        session.close().await.unwrap();
    });
}

#[test]
fn grpcio_finds_the_coordinator_healthy_and_its_services_by_reflection() {
    scenario(async {
        let Some(peers) = Peers::find("grpcio against the coordinator") else { return };
        let world = World::start(House::default()).await;

        let address = format!("127.0.0.1:{}", world.setup.coordinator_port);
        let mut peer = peers.start("grpc_client.py", &[&address], world.folder());
        let said = peer.first().await;

        for service in [
            "exgate.agent.v1.AgentService",
            "exgate.v1.OrganizationService",
            "exgate.v1.ConnectorService",
            "exgate.v1.DeviceService",
            "exgate.v1.SyncService",
            "exgate.v1.PolicyService",
            "exgate.v1.SystemService",
        ] {
            assert!(said["services"][service].is_array(), "{service} is not listed: {said:#}");
            assert_eq!(said["health"][service], "SERVING", "{said:#}");
        }
        assert_eq!(said["health"][""], "SERVING");
        assert_eq!(said["unknown"], "NOT_FOUND");
        let methods = &said["services"]["exgate.v1.SyncService"];
        assert_eq!(*methods, serde_json::json!(["GetSyncRun", "ListSyncRuns", "RunSync"]));
        drop(peer);
        world.close().await;
    });
}

/// Opens a session with the server that a peer says it is.
async fn open(peer: &mut Peer) -> Session {
    let ready = peer.first().await;
    let text = |name: &str| ready[name].as_str().unwrap().to_owned();
    let credentials = Credentials::new(text("account"), text("password")).unwrap();
    let endpoint = format!("https://localhost:{}/PowerShell/", ready["port"]).parse().unwrap();
    let anchors = TrustAnchors::File(text("ca").into());
    let transport = Transport::new(endpoint, Authentication::Basic(credentials), &anchors).unwrap();
    let session = Session::open(Options::new(transport)).await.unwrap();
    session.execute(cmdlets::set_ad_server_settings(None)).await.unwrap();
    session
}

fn devices(selection: DeviceSelection) -> Cmdlet<DeviceRow> {
    cmdlets::get_device(DeviceFamily::Mobile, selection, ResultSize::Unlimited, None)
}

/// How many elements lie directly in the root of a document.
fn children(document: &str) -> usize {
    let (mut depth, mut found) = (0_i32, 0);
    for tag in document.split('<').skip(1) {
        let tag = tag.split('>').next().unwrap_or_default();
        if tag.starts_with('/') {
            depth -= 1;
            continue;
        }
        found += usize::from(depth == 1);
        depth += i32::from(!tag.ends_with('/'));
    }
    found
}
