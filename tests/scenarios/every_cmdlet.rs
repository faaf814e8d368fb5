//! Every cmdlet that exgate can send, over the wire, to both versions of the simulator: its binding
//! refuses a parameter that the version does not have, and its ledger says what took effect.

use std::time::Duration;

use exchange_sim::Simulator;
use exchange_sim::control::Control;
use exchange_sim::settings::{Account, OrganizationSettings, Settings};
use exgate_exchange::cmdlets::*;
use exgate_exchange::credentials::Credentials;
use exgate_exchange::error::{CmdletError, Refusal};
use exgate_exchange::http::{Authentication, Transport, TrustAnchors};
use exgate_exchange::session::{Options, Session};
use exgate_runtime::Tasks;
use exgate_tests::scenario;
use exgate_tests::setup::{ACCOUNT, PASSWORD};

/// One organization, and a session with it.
struct Scene {
    simulator: Simulator,
    session: Session,
    organization: String,
    family: DeviceFamily,
    tasks: Tasks,
    _folder: tempfile::TempDir,
}

impl Scene {
    async fn new(version: &str, family: DeviceFamily) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let tasks = Tasks::new();
        let organization = OrganizationSettings::parse(&format!("contoso:{version}:0")).unwrap();
        let settings = Settings {
            state: Some(folder.path().join("exchange")),
            organizations: vec![organization],
            mailboxes: 20,
            devices: 60,
            ..Settings::new(Account::new(ACCOUNT, PASSWORD))
        };
        let simulator = Simulator::start(settings, &tasks).await.unwrap();
        let port = simulator.addresses().organization("contoso").unwrap().port;
        let endpoint = format!("https://localhost:{port}/PowerShell/").parse().unwrap();
        let anchors = TrustAnchors::File(folder.path().join("exchange/ca.pem"));
        let account = Authentication::Basic(Credentials::new(ACCOUNT, PASSWORD).unwrap());
        let transport = Transport::new(endpoint, account, &anchors).unwrap();
        let session = Session::open(Options::new(transport)).await.unwrap();
        let organization = "contoso".to_owned();
        Self { simulator, session, organization, family, tasks, _folder: folder }
    }

    fn control(&self) -> &Control {
        self.simulator.control()
    }

    async fn rows<R: Row>(&self, cmdlet: Cmdlet<R>) -> Vec<R> {
        let name = cmdlet.name();
        let read = async { self.session.run(cmdlet).await?.collect().await };
        read.await.unwrap_or_else(|error: CmdletError| {
            panic!("{name}: {}", exgate_runtime::report(&error))
        })
    }

    async fn refused<R: Row>(&self, cmdlet: Cmdlet<R>) -> CmdletError {
        let read = async { self.session.run(cmdlet).await?.finish().await };
        read.await.expect_err("a refusal")
    }

    /// How many calls are in the ledger, and how many of them changed something.
    fn written(&self) -> (usize, usize) {
        let ledger = self.control().ledger(Some(&self.organization), 0).unwrap();
        (ledger.len(), ledger.iter().filter(|entry| entry.changed).count())
    }

    async fn end(self) {
        self.session.close().await.unwrap();
        self.tasks.shutdown(Duration::from_secs(5)).await.unwrap();
    }
}

fn identity(text: impl Into<String>) -> Identity {
    Identity::new(text).unwrap()
}

const EVERY: [(&str, DeviceFamily); 3] = [
    ("2010", DeviceFamily::ActiveSync),
    ("2019", DeviceFamily::ActiveSync),
    ("2019", DeviceFamily::Mobile),
];

#[test]
fn everything_that_reads_is_answered() {
    scenario(async {
        for (version, family) in EVERY {
            let scene = Scene::new(version, family).await;
            let controller = || DomainController::new("dc02.contoso.com").ok();
            let all = ResultSize::Unlimited;
            scene.rows(set_ad_server_settings(controller())).await;
            let commands = read_commands(&scene).await;
            assert_eq!(Capabilities::new(commands.clone()).missing(Task::Read), []);
            assert_eq!(Capabilities::new(commands.clone()).missing(Task::Write), []);
            assert_eq!(Capabilities::new(commands).missing(Task::Wipe), []);

            let servers = scene.rows(get_exchange_server(None)).await;
            assert!(servers[0].version.unwrap() >= VERSION_MIN);
            let name = identity(servers[0].name.clone().unwrap());
            assert_eq!(scene.rows(get_exchange_server(Some(name))).await.len(), 1);
            let settings = scene.rows(get_organization_settings()).await;
            assert!(settings[0].default_access_level.is_some());
            scene.rows(get_device_access_rule(None)).await;
            let classes = scene.rows(get_device_class(Selection::All, controller())).await;
            let iphones = Filter::equals(Property::DeviceType, Text::new("iPhone").unwrap());
            let some = scene.rows(get_device_class(Selection::Filtered(iphones), None)).await;
            assert!(!some.is_empty() && some.len() < classes.len(), "{version}");

            let policies = scene.rows(get_mailbox_policy(family, None, controller())).await;
            assert_eq!(policies[0].head.name.as_deref(), Some("Default"));
            assert_eq!(policies[0].settings.is_default, Some(true), "{version} {family:?}");
            assert_eq!(policies[0].settings.allow_camera, Some(true));
            let unlimited = Some(Unlimited::Unlimited);
            assert_eq!(policies[0].settings.max_inactivity_time_lock, unlimited);

            let devices =
                scene.rows(get_device(family, DeviceSelection::All, all, controller())).await;
            assert_eq!(devices.len(), 60);
            let mailboxes = scene.rows(get_cas_mailbox(Selection::All, all, controller())).await;
            let mailbox = || identity(mailboxes[0].guid.unwrap().to_string());
            let of_mailbox = StatisticsSelection::OfMailbox(mailbox());
            let statistics =
                scene.rows(get_device_statistics(family, of_mailbox, controller())).await;
            let owned = DeviceSelection::OfMailbox(mailbox());
            let owned = scene.rows(get_device(family, owned, all, None)).await;
            assert_eq!(statistics.len(), owned.len());
            assert_eq!(statistics[0].guid, owned[0].guid, "the key is the same");
            assert_eq!(statistics[0].device_id, owned[0].device_id);
            assert!(statistics[0].last_sync_attempt_time.is_some());
            assert!(statistics[0].protocol_version.is_some(), "{version} {family:?}");
            let one = StatisticsSelection::One(identity(owned[0].guid.unwrap().to_string()));
            assert_eq!(scene.rows(get_device_statistics(family, one, None)).await.len(), 1);
            let recipient = Selection::One(mailbox());
            assert_eq!(scene.rows(get_recipient(recipient, all, None)).await.len(), 1);

            let own = scene.rows(get_throttling_policy_association(identity(ACCOUNT))).await;
            assert_eq!(own[0].throttling_policy, None);
            let policy = scene.rows(get_throttling_policy(None)).await;
            assert_eq!(policy[0].power_shell_max_concurrency, Some(Unlimited::Limited(18)));
            if family == DeviceFamily::Mobile {
                let every = |client| get_mobile_device_of(client, DeviceSelection::All, all, None);
                assert_eq!(scene.rows(every(Client::ActiveSync)).await.len(), 60);
                assert_eq!(scene.rows(every(Client::RestApi)).await.len(), 0);
            }
            assert_eq!(scene.written(), (0, 0));
            scene.end().await;
        }
    });
}

/// What Get-Command shows; of the names that the version does not have it says so.
async fn read_commands(scene: &Scene) -> Vec<CommandRow> {
    let mut stream = scene.session.run(get_command(asked_about())).await.unwrap();
    let mut commands = Vec::new();
    while let Ok(Some(command)) = stream.next().await {
        commands.push(command);
    }
    commands
}

#[test]
fn everything_that_writes_takes_effect_once_and_rehearses_without() {
    scenario(async {
        for (version, family) in EVERY {
            let scene = Scene::new(version, family).await;
            settings_and_rules(&scene).await;
            policies(&scene).await;
            lists(&scene).await;
            devices(&scene).await;
            scene.end().await;
        }
    });
}

async fn settings_and_rules(scene: &Scene) {
    let change = || OrganizationChange {
        default_access_level: Some(AccessLevel::Quarantine),
        user_mail_insert: Insert::new("ü".repeat(256)).ok(),
        admin_mail_recipients: Edit { add: vec!["admin@contoso.com".into()], remove: vec![] },
        ota_notification_mail_insert: None,
    };
    let set = || set_organization_settings(change(), None).unwrap();
    let before = scene.written();
    scene.rows(set().what_if()).await;
    assert_eq!(scene.written(), (before.0 + 1, before.1));
    scene.rows(set()).await;
    let settings = scene.rows(get_organization_settings()).await;
    assert_eq!(settings[0].default_access_level.as_deref(), Some("Quarantine"));
    assert_eq!(settings[0].user_mail_insert.as_ref().unwrap().chars().count(), 256);
    assert_eq!(settings[0].admin_mail_recipients, ["admin@contoso.com"]);

    let new = || {
        let query = QueryString::new("iPhone").unwrap();
        new_device_access_rule(Characteristic::DeviceType, query, AccessLevel::Block, None)
    };
    assert_eq!(scene.rows(new().what_if()).await, []);
    let made = scene.rows(new()).await;
    assert_eq!(made[0].characteristic.as_deref(), Some("DeviceType"));
    assert!(scene.refused(new()).await.to_string().contains("already exists"));
    let rule = || identity(made[0].guid.unwrap().to_string());
    scene.rows(set_device_access_rule(rule(), AccessLevel::Allow, None)).await;
    let rules = scene.rows(get_device_access_rule(Some(rule()))).await;
    assert_eq!(rules[0].access_level.as_deref(), Some("Allow"));
    scene.rows(remove_device_access_rule(rule(), None)).await;
    assert_eq!(scene.rows(get_device_access_rule(None)).await, []);
    let gone = scene.refused(remove_device_access_rule(rule(), None)).await;
    assert_eq!(gone.refusal(), Some(&Refusal::NotFound));
}

async fn policies(scene: &Scene) {
    let family = scene.family;
    let lock = Some(Unlimited::Limited(Duration::from_secs(900)));
    let settings = PolicySettings {
        password_enabled: Some(true),
        max_inactivity_time_lock: lock,
        max_attachment_size: Some(Unlimited::Limited(Bytes(10 << 20))),
        allow_bluetooth: Some("HandsfreeOnly".into()),
        is_default: Some(true),
        ..PolicySettings::default()
    };
    let made =
        scene.rows(new_mailbox_policy(family, identity("Sales"), settings.clone(), None)).await;
    let kept = &made[0].settings;
    assert_eq!(kept.max_inactivity_time_lock, lock);
    assert_eq!(kept.max_attachment_size, settings.max_attachment_size);
    assert_eq!(kept.allow_bluetooth.as_deref(), Some("HandsfreeOnly"));
    assert_eq!((kept.password_enabled, kept.is_default), (Some(true), Some(true)));

    let change = PolicySettings { min_password_length: Some(6), ..PolicySettings::default() };
    let apps = Edit { add: vec!["hash:app".into()], remove: vec![] };
    let change = PolicyChange::with_lists(change, apps, Edit::default()).unwrap();
    scene.rows(set_mailbox_policy(family, identity("Sales"), change, None)).await;
    let read = scene.rows(get_mailbox_policy(family, Some(identity("Sales")), None)).await;
    assert_eq!(read[0].settings.min_password_length, Some(6));
    assert_eq!(read[0].head.approved_applications, ["hash:app"]);
    assert_eq!(read[0].settings.password_enabled, Some(true), "what is not named is not touched");

    let out_of_range =
        PolicySettings { min_password_length: Some(17), ..PolicySettings::default() };
    let change = PolicyChange::new(out_of_range).unwrap();
    scene.refused(set_mailbox_policy(family, identity("Sales"), change, None)).await;
    scene.refused(remove_mailbox_policy(family, identity("Sales"), None)).await;
    let back = PolicySettings { is_default: Some(true), ..PolicySettings::default() };
    let change = PolicyChange::new(back).unwrap();
    scene.rows(set_mailbox_policy(family, identity("Default"), change, None)).await;
    scene.rows(remove_mailbox_policy(family, identity("Sales"), None)).await;
    assert_eq!(scene.rows(get_mailbox_policy(family, None, None)).await.len(), 1);
}

async fn lists(scene: &Scene) {
    let mailbox = scene.control().mailboxes(&scene.organization).unwrap().swap_remove(0);
    let jane = || identity(mailbox.guid.to_string());
    scene.rows(set_cas_mailbox(jane(), ListEdit::block("WIRE1").unwrap(), None)).await;
    scene.rows(set_cas_mailbox_policy(jane(), Some(identity("Default")), None)).await;
    scene.rows(set_cas_mailbox_active_sync(jane(), false, None)).await;
    let read = || get_cas_mailbox(Selection::One(jane()), ResultSize::Unlimited, None);
    let read_once = scene.rows(read()).await;
    assert!(read_once[0].active_sync_blocked_device_ids.contains(&"WIRE1".to_owned()));
    assert_eq!(read_once[0].active_sync_enabled, Some(false));
    assert_eq!(read_once[0].active_sync_mailbox_policy_is_defaulted, Some(false));
    scene.rows(set_cas_mailbox_policy(jane(), None, None)).await;
    scene.rows(set_cas_mailbox_active_sync(jane(), true, None)).await;
    assert_eq!(scene.rows(read()).await[0].active_sync_mailbox_policy_is_defaulted, Some(true));
}

async fn devices(scene: &Scene) {
    let family = scene.family;
    let every = get_device(family, DeviceSelection::All, ResultSize::Unlimited, None);
    let guid = scene.rows(every).await[7].guid.unwrap().to_string();
    let device = || identity(guid.clone());
    let status = async || {
        let one = StatisticsSelection::One(device());
        let rows = scene.rows(get_device_statistics(family, one, None)).await;
        rows[0].status.clone().unwrap()
    };
    let quiet = status().await;
    let notify = vec![identity("admin@contoso.com")];
    let clear = || clear_device(device(), Wipe::Device(family), notify.clone(), None);
    scene.rows(clear().what_if()).await;
    assert_eq!(status().await, quiet);
    scene.rows(clear()).await;
    assert_eq!(status().await, "DeviceWipePending");
    scene.rows(cancel_clear_device(family, device(), None)).await;
    assert_eq!(status().await, quiet);
    if family == DeviceFamily::Mobile {
        scene.rows(clear_device(device(), Wipe::AccountOnly, Vec::new(), None)).await;
        assert_eq!(status().await, "AccountOnlyDeviceWipePending");
    }
    scene.rows(remove_device(family, device(), None)).await;
    let gone = scene.refused(remove_device(family, device(), None)).await;
    assert_eq!(gone.refusal(), Some(&Refusal::NotFound));
}
