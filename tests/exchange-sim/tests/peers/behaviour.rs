//! What Exchange does by itself, seen from outside: phones are pyactivesync, the administrator is pypsrp.
//! Each test names where the behaviour is documented.

use std::time::Duration;

use serde_json::{Value, json};

use exchange_sim::control::views::{DeviceQuery, DeviceView, MailboxView, NewDevice, NewSettings};
use exchange_sim::faults::Faults;
use exchange_sim::mailboxes::MailKind;
use exchange_sim::settings::Settings;
use exchange_sim::world::device::{AccessReason, AccessState};
use exchange_sim::world::organization::AccessLevel;

use crate::rig::{PASSWORD, Peers, Rig, settings};

const ORGANIZATION: &str = "contoso";
const PATIENCE: Duration = Duration::from_secs(90);
/// How long Exchange may look at an unknown phone, and how long servers go on with an old list.
const DISCOVERY_SECONDS: u64 = 14 * 60;
const CACHE_SECONDS: u64 = 60;

/// A simulator whose time moves by hand, and the peers.
struct Stage {
    rig: Rig,
    peers: Peers,
}

impl Stage {
    async fn begin(test: &str, settings: Settings) -> Option<Self> {
        let peers = Peers::find(test)?;
        Some(Self { rig: Rig::start(settings).await, peers })
    }

    /// A user who has no phone and may have one.
    fn user(&self) -> MailboxView {
        let all = self.rig.control().mailboxes(ORGANIZATION).unwrap();
        let mut free = all.into_iter().filter(|it| !it.has_partnership && it.active_sync_enabled);
        free.next().expect("somebody without a phone")
    }

    /// What a phone got for each thing it did.
    async fn phone(&self, user: &MailboxView, id: &str, actions: Value) -> Vec<Value> {
        let mut input = self.rig.reach(ORGANIZATION);
        let more = json!({
            "user": user.user_principal_name, "password": PASSWORD,
            "device_id": id, "actions": actions,
        });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let said = self.peers.run("phone.py", &input, PATIENCE).await;
        said.as_array().expect("an answer for each action").clone()
    }

    /// What the administrator's cmdlets wrote.
    async fn cmdlets(&self, cmdlets: Value) -> Vec<Value> {
        let input = json!({ "reach": self.rig.reach(ORGANIZATION), "cmdlets": cmdlets });
        let said = self.peers.run("cmdlets.py", &input, PATIENCE).await;
        said.as_array().expect("an answer for each cmdlet").clone()
    }

    /// One cmdlet that has to succeed.
    async fn cmdlet(&self, name: &str, parameters: Value) -> Value {
        let said = self.cmdlets(json!([{ "name": name, "parameters": parameters }])).await;
        assert_eq!(said[0]["errors"], json!([]), "{name}");
        said[0]["output"].clone()
    }

    fn pass(&self, seconds: u64) {
        self.rig.control().advance(seconds).unwrap();
    }

    fn held(&self, id: &str) -> DeviceView {
        self.rig.control().device(ORGANIZATION, id).unwrap()
    }

    fn state(&self, id: &str) -> (AccessState, AccessReason) {
        let held = self.held(id);
        (held.access_state, held.access_state_reason)
    }
}

/// TechNet ff959225 (order, quarantine), KB 3013802 (the quarantine mail), [MS-ASHTTP] 2.2.2.1.1 (403).
#[tokio::test(flavor = "multi_thread")]
async fn a_phone_that_nobody_knows_is_held_then_let_in_then_refused() {
    let test = "a_phone_that_nobody_knows_is_held_then_let_in_then_refused";
    let insert = "Enrol at https://enrol.contoso.com".to_owned();
    let admins = vec!["help@contoso.com".to_owned()];
    let settings =
        Settings { user_mail_insert: insert.clone(), admin_mail_recipients: admins, ..settings() };
    let Some(stage) = Stage::begin(test, settings).await else { return };
    let (user, id) = (stage.user(), "UNKNOWN1");

    let said = stage.phone(&user, id, json!(["options", "folders", "inbox"])).await;
    let versions = said[0]["headers"]["MS-ASProtocolVersions"].as_str().unwrap();
    assert!(versions.ends_with("16.1"), "{versions}");
    assert!(said[1]["names"].as_array().unwrap().contains(&json!("Inbox")), "{said:?}");
    assert_eq!(said[2]["subjects"], json!([]), "discovery: connected, and no mail");
    assert_eq!(stage.state(id).0, AccessState::DeviceDiscovery);

    stage.pass(DISCOVERY_SECONDS);
    assert_eq!(stage.state(id), (AccessState::Quarantined, AccessReason::Global));
    let held = stage.phone(&user, id, json!(["inbox"])).await;
    assert_eq!(held[0]["subjects"].as_array().map(Vec::len), Some(1), "one mail only: {held:?}");
    assert!(held[0]["bodies"][0].as_str().unwrap().contains(&insert), "{held:?}");
    let to_admin = stage.rig.control().mails(ORGANIZATION, Some("help@contoso.com")).unwrap();
    assert_eq!(to_admin[0].kind, MailKind::QuarantineAdmin);

    let identity = user.guid.to_string();
    let allow = json!({ "Identity": identity, "ActiveSyncAllowedDeviceIDs": { "Add": [id] } });
    stage.cmdlet("Set-CASMailbox", allow).await;
    stage.phone(&user, id, json!(["inbox"])).await;
    assert_eq!(stage.state(id).0, AccessState::Quarantined, "the old list is still in force");
    stage.pass(CACHE_SECONDS);
    let served = stage.phone(&user, id, json!(["folders", "inbox"])).await;
    assert_eq!(served[1]["http"], 200, "{served:?}");
    assert!(!served[1]["subjects"].as_array().unwrap().is_empty(), "mail flows: {served:?}");
    assert_eq!(stage.state(id), (AccessState::Allowed, AccessReason::Individual));

    let block = json!({
        "Identity": identity,
        "ActiveSyncAllowedDeviceIDs": { "Remove": [id] },
        "ActiveSyncBlockedDeviceIDs": { "Add": [id] },
    });
    stage.cmdlet("Set-CASMailbox", block).await;
    stage.pass(CACHE_SECONDS);
    let refused = stage.phone(&user, id, json!(["provision"])).await;
    assert_eq!(refused[0]["http"], 403, "{refused:?}");
    assert_eq!(stage.state(id), (AccessState::Blocked, AccessReason::Individual));
    stage.rig.stop().await;
}

/// Step 1 and 2 of the order (TechNet ff959225); [MS-ASHTTP] 2.2.2.1.1 (401, 403).
#[tokio::test(flavor = "multi_thread")]
async fn strangers_are_challenged_and_users_without_active_sync_restricted() {
    let test = "strangers_are_challenged_and_users_without_active_sync_restricted";
    let Some(stage) = Stage::begin(test, settings()).await else { return };
    let user = stage.user();
    let stranger = MailboxView { user_principal_name: "nobody@contoso.com".into(), ..user.clone() };
    let said = stage.phone(&stranger, "STRANGER1", json!(["options", "provision"])).await;
    assert_eq!((&said[0]["http"], &said[1]["http"]), (&json!(401), &json!(401)));
    let challenge = said[0]["headers"]["WWW-Authenticate"].as_str().unwrap();
    assert!(challenge.starts_with("Basic realm="), "{challenge}");

    let off = json!({ "Identity": user.guid.to_string(), "ActiveSyncEnabled": false });
    stage.cmdlet("Set-CASMailbox", off).await;
    let said = stage.phone(&user, "STRANGER1", json!(["options", "provision"])).await;
    assert_eq!((&said[0]["http"], &said[1]["http"]), (&json!(403), &json!(403)));
    let nobody = DeviceQuery { id: Some("STRANGER1".into()), ..DeviceQuery::default() };
    assert!(stage.rig.control().devices(ORGANIZATION, &nobody).unwrap().is_empty());
    stage.rig.stop().await;
}

/// [MS-ASPROV] 4.1.1 and note 4 (142 since 14.0, 449 before), 3.1.5.2 (141);
/// New-MobileDeviceMailboxPolicy (AllowNonProvisionableDevices).
#[tokio::test(flavor = "multi_thread")]
async fn a_phone_without_the_present_policy_must_fetch_it_first() {
    let test = "a_phone_without_the_present_policy_must_fetch_it_first";
    let Some(stage) = Stage::begin(test, settings()).await else { return };
    let (user, id) = (stage.user(), "POLICY1");
    let asks = json!([
        { "do": "folder_sync", "protocol": "14.0", "key": 0 },
        { "do": "folder_sync", "protocol": "12.1", "key": 0 },
        { "do": "folder_sync", "protocol": "14.1" },
    ]);
    let said = stage.phone(&user, id, asks.clone()).await;
    assert_eq!((&said[0]["http"], &said[0]["status"]), (&json!(200), &json!("142")));
    assert_eq!(said[1]["http"], 449);
    assert_eq!(said[2]["status"], "1", "the first policy lets in phones that enforce nothing");

    let strict = json!({ "Identity": "Default", "AllowNonProvisionableDevices": false });
    stage.cmdlet("Set-MobileDeviceMailboxPolicy", strict).await;
    let said = stage.phone(&user, id, asks).await;
    assert_eq!((&said[2]["http"], &said[2]["status"]), (&json!(200), &json!("141")), "{said:?}");
    let said = stage.phone(&user, id, json!(["provision", "folders"])).await;
    assert!(said[1]["names"].is_array(), "{said:?}");
    stage.rig.stop().await;
}

/// Clear-MobileDevice; Exchange 2013 help "Remote device wipe"; [MS-ASPROV] 3.2.5.1.1 and 3.2.5.1.2.2;
/// KB 3013802 (a reset phone has a new DeviceId and is held again).
#[tokio::test(flavor = "multi_thread")]
async fn a_wipe_is_requested_sent_and_acknowledged_and_the_phone_comes_back_as_another() {
    let test = "a_wipe_is_requested_sent_and_acknowledged_and_the_phone_comes_back_as_another";
    let Some(stage) = Stage::begin(test, settings()).await else { return };
    let (user, id) = (stage.user(), "WIPED1");
    let allow = json!({
        "Identity": user.guid.to_string(), "ActiveSyncAllowedDeviceIDs": { "Add": [id] },
    });
    stage.cmdlet("Set-CASMailbox", allow).await;
    stage.phone(&user, id, json!(["inbox"])).await;
    let identity = stage.held(id).guid.to_string();
    let statistics = async || {
        let rows =
            stage.cmdlet("Get-MobileDeviceStatistics", json!({ "Identity": identity })).await;
        let times = ["DeviceWipeRequestTime", "DeviceWipeSentTime", "DeviceWipeAckTime"];
        let status = rows[0]["Status"]["value"].as_str().unwrap().to_owned();
        (status, times.map(|name| !rows[0][name]["value"].is_null()))
    };
    assert_eq!(statistics().await, ("DeviceOk".into(), [false; 3]));

    let clear = json!({ "Identity": identity, "Confirm": false });
    stage.cmdlet("Clear-MobileDevice", clear).await;
    assert_eq!(statistics().await, ("DeviceWipePending".into(), [true, false, false]));
    let asks = json!([{ "do": "folder_sync", "protocol": "16.1" },
                      { "do": "folder_sync", "protocol": "12.1" }]);
    let said = stage.phone(&user, id, asks).await;
    assert_eq!((&said[0]["status"], &said[1]["http"]), (&json!("140"), &json!(449)), "{said:?}");
    assert_eq!(statistics().await.1, [true, false, false]);

    let told = stage.phone(&user, id, json!([{ "do": "wipe" }])).await;
    assert_eq!((&told[0]["status"], &told[0]["wipe"]), (&json!("1"), &json!(true)), "{told:?}");
    assert_eq!(statistics().await, ("DeviceWipePending".into(), [true, true, false]));
    let done = stage.phone(&user, id, json!([{ "do": "wiped" }])).await;
    assert_eq!(done[0]["status"], "1");
    assert_eq!(statistics().await, ("DeviceWipeSucceeded".into(), [true, true, true]));

    let again = stage.rig.control().reset(ORGANIZATION, id).unwrap();
    assert_ne!(again.device_id, id);
    assert_eq!(again.device_model, stage.held(id).device_model);
    stage.pass(DISCOVERY_SECONDS);
    assert_eq!(stage.state(&again.device_id), (AccessState::Quarantined, AccessReason::Global));
    let remove = json!({ "Identity": identity, "Confirm": false });
    stage.cmdlet("Remove-MobileDevice", remove).await;
    let left = stage.cmdlet("Get-MobileDevice", json!({ "Mailbox": user.guid.to_string() })).await;
    assert_eq!(left.as_array().map(Vec::len), Some(1), "{left}");
    stage.rig.stop().await;
}

/// New-ThrottlingPolicy (EASMaxDevices); [MS-ASCMD] 2.2.2 (177).
#[tokio::test(flavor = "multi_thread")]
async fn the_eleventh_phone_is_refused_where_there_may_be_ten() {
    let test = "the_eleventh_phone_is_refused_where_there_may_be_ten";
    let settings = Settings { default_access_level: AccessLevel::Allow, ..settings() };
    let Some(stage) = Stage::begin(test, settings).await else { return };
    let user = stage.user();
    let ten = NewSettings { eas_max_devices: Some(10), ..NewSettings::default() };
    stage.rig.control().set_settings(ORGANIZATION, &ten).unwrap();
    let ask = json!([{ "do": "folder_sync", "protocol": "16.1" }]);
    for number in 1..=10 {
        let said = stage.phone(&user, &format!("PHONE{number}"), ask.clone()).await;
        assert_eq!(said[0]["status"], "1", "{number}: {said:?}");
    }

    let said = stage.phone(&user, "PHONE11", ask).await;

    assert_eq!(said[0]["status"], "177", "{said:?}");
    let count = DeviceQuery { mailbox: Some(user.guid.to_string()), ..DeviceQuery::default() };
    assert_eq!(stage.rig.control().devices(ORGANIZATION, &count).unwrap().len(), 10);
    let mails = stage.rig.control().mails(ORGANIZATION, Some(&user.primary_smtp_address)).unwrap();
    assert_eq!(mails.last().unwrap().kind, MailKind::TooManyDevices);
    let policy = stage.cmdlet("Get-ThrottlingPolicy", json!({})).await;
    assert_eq!(policy[0]["EASMaxDevices"]["value"], 10, "{policy}");
    stage.rig.stop().await;
}

/// Set-ActiveSyncDeviceAutoblockThreshold; [MS-ASHTTP] 3.2.5.1.1 (changes of the user agent), 3.1.5.2.3
/// (503, Retry-After), 2.2.2.1.2.13 (X-MS-ASThrottle).
#[tokio::test(flavor = "multi_thread")]
async fn a_phone_that_misbehaves_is_blocked_for_a_while() {
    let test = "a_phone_that_misbehaves_is_blocked_for_a_while";
    let settings = Settings { default_access_level: AccessLevel::Allow, ..settings() };
    let Some(stage) = Stage::begin(test, settings).await else { return };
    let (user, id) = (stage.user(), "CHANGING1");
    let threshold = json!({ "autoblock": { "RecentCommands":
        { "limit": 5, "within_minutes": 720, "block_minutes": 720 } } });
    let threshold: NewSettings = serde_json::from_value(threshold).unwrap();
    stage.rig.control().set_settings(ORGANIZATION, &threshold).unwrap();
    stage.phone(&user, id, json!(["inbox"])).await;
    let misbehave = |times: u32| {
        let how = json!({ "behaviour": "RecentCommands", "times": times });
        let how = serde_json::from_value(how).unwrap();
        stage.rig.control().misbehave(ORGANIZATION, id, &how).unwrap().access_state
    };
    assert_eq!(misbehave(5), AccessState::Allowed);
    assert_eq!(misbehave(1), AccessState::Blocked);
    assert_eq!(stage.state(id), (AccessState::Blocked, AccessReason::RecentCommands));

    let said = stage.phone(&user, id, json!(["provision"])).await;
    assert_eq!(said[0]["http"], 503, "{said:?}");
    assert_eq!(said[0]["headers"]["Retry-After"], "43200");
    assert_eq!(said[0]["headers"]["X-MS-ASThrottle"], "RecentCommands");
    let rows = stage.cmdlet("Get-MobileDevice", json!({ "Mailbox": user.guid.to_string() })).await;
    assert_eq!(rows[0]["DeviceAccessStateReason"]["value"], "RecentCommands");
    stage.pass(720 * 60);
    let said = stage.phone(&user, id, json!(["inbox"])).await;
    assert_eq!(said[0]["http"], 200, "{said:?}");
    assert_eq!(stage.state(id), (AccessState::Allowed, AccessReason::Global));
    stage.rig.stop().await;
}

/// Exchange 2010 help, "mailbox upgrade": temporary, so that the phone can update itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_phone_of_a_moved_mailbox_is_in_between_until_it_fetched_its_policy() {
    let test = "a_phone_of_a_moved_mailbox_is_in_between_until_it_fetched_its_policy";
    let settings = Settings { default_access_level: AccessLevel::Allow, ..settings() };
    let Some(stage) = Stage::begin(test, settings).await else { return };
    let (user, id) = (stage.user(), "MOVED1");
    stage.phone(&user, id, json!(["inbox"])).await;
    stage.rig.control().move_mailbox(ORGANIZATION, &user.alias).unwrap();

    let said = stage.phone(&user, id, json!([{ "do": "folder_sync", "protocol": "16.1" }])).await;
    assert_eq!(said[0]["status"], "142", "{said:?}");
    assert_eq!(stage.state(id), (AccessState::DeviceDiscovery, AccessReason::Upgrade));
    let said = stage.phone(&user, id, json!(["provision", "inbox"])).await;
    assert_eq!(said[1]["http"], 200, "{said:?}");
    assert_eq!(stage.state(id), (AccessState::Allowed, AccessReason::Global));
    stage.rig.stop().await;
}

/// Practical365, "Is quarantine smarter than block": a quarantine rule looks again when a phone's data
/// change, a block rule does not.
#[tokio::test(flavor = "multi_thread")]
async fn an_update_takes_a_phone_out_of_a_quarantine_rule_but_not_out_of_a_block_rule() {
    let test = "an_update_takes_a_phone_out_of_a_quarantine_rule_but_not_out_of_a_block_rule";
    let settings = Settings { default_access_level: AccessLevel::Allow, ..settings() };
    let Some(stage) = Stage::begin(test, settings).await else { return };
    let (user, id) = (stage.user(), "UPDATED1");
    // Its system is "Linux": pyactivesync says so.
    stage.phone(&user, id, json!(["inbox"])).await;
    let rule = |level: &str| json!({ "QueryString": "Linux", "Characteristic": "DeviceOS", "AccessLevel": level });
    let tell = |system: &str| json!([{ "do": "tell", "os": system }]);
    stage.cmdlet("New-ActiveSyncDeviceAccessRule", rule("Quarantine")).await;
    stage.pass(CACHE_SECONDS);
    stage.phone(&user, id, json!(["inbox"])).await;
    assert_eq!(stage.state(id), (AccessState::Quarantined, AccessReason::DeviceRule));
    stage.phone(&user, id, tell("Linux 7")).await;
    stage.phone(&user, id, json!([{ "do": "folder_sync", "protocol": "16.1" }])).await;
    assert_eq!(stage.state(id), (AccessState::Allowed, AccessReason::Global));

    let name = "Linux (DeviceOS)";
    let harder = json!({ "Identity": name, "AccessLevel": "Block" });
    stage.cmdlet("Set-ActiveSyncDeviceAccessRule", harder).await;
    stage.phone(&user, id, tell("Linux")).await;
    stage.pass(CACHE_SECONDS);
    let ask = json!([{ "do": "folder_sync", "protocol": "16.1" }]);
    assert_eq!(stage.phone(&user, id, ask.clone()).await[0]["http"], 403);
    let update = json!({ "version": "8" });
    let update = serde_json::from_value(update).unwrap();
    stage.rig.control().os_update(ORGANIZATION, id, &update).unwrap();
    assert_eq!(stage.phone(&user, id, ask.clone()).await[0]["http"], 403, "it sticks");
    let remove = json!({ "Identity": name, "Confirm": false });
    stage.cmdlet("Remove-ActiveSyncDeviceAccessRule", remove).await;
    stage.pass(CACHE_SECONDS);
    assert_eq!(stage.phone(&user, id, ask).await[0]["status"], "1");
    stage.rig.stop().await;
}

/// Active Directory: changes take their time from one domain controller to another, and whenChanged is
/// not replicated; the cmdlets' -DomainController says whose copy is read and written.
#[tokio::test(flavor = "multi_thread")]
async fn each_domain_controller_has_its_own_copy_until_changes_arrive() {
    let test = "each_domain_controller_has_its_own_copy_until_changes_arrive";
    let Some(stage) = Stage::begin(test, settings()).await else { return };
    let lag = Faults { replication_lag_ms: 30_000, ..Faults::default() };
    stage.rig.control().set_faults(ORGANIZATION, lag).unwrap();
    let (identity, here, there) =
        (stage.user().guid.to_string(), "dc02.contoso.com", "dc01.contoso.com");
    let read = async |controller: &str| {
        let asked = json!({ "Identity": identity, "DomainController": controller });
        let rows = stage.cmdlet("Get-CASMailbox", asked).await;
        assert_eq!(rows[0]["OriginatingServer"]["value"], controller);
        let listed = rows[0]["ActiveSyncAllowedDeviceIDs"]["value"].as_array().unwrap().len();
        (listed, rows[0]["WhenChangedUTC"]["value"].as_str().unwrap().to_owned())
    };
    let before = read(there).await;
    let add = json!({ "Identity": identity, "DomainController": here,
                      "ActiveSyncAllowedDeviceIDs": { "Add": ["LATE1"] } });
    stage.cmdlet("Set-CASMailbox", add).await;

    let written = read(here).await;
    assert_eq!((written.0, read(there).await), (1, before.clone()));
    stage.pass(29);
    assert_eq!(read(there).await, before);
    stage.pass(1);
    let arrived = read(there).await;
    assert_eq!(arrived.0, 1);
    assert_ne!(arrived.1, written.1, "stamped by each for itself");
    assert_eq!(read(here).await, written);
    stage.rig.stop().await;
}

/// A controller that is down refuses whoever asks for it, and another one answers whoever does not.
#[tokio::test(flavor = "multi_thread")]
async fn a_domain_controller_that_is_down_is_named_and_another_one_answers() {
    let test = "a_domain_controller_that_is_down_is_named_and_another_one_answers";
    let Some(stage) = Stage::begin(test, settings()).await else { return };
    let stop = |hosts: &[&str]| {
        let hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
        let faults = Faults { stop_domain_controllers: hosts, ..Faults::default() };
        stage.rig.control().set_faults(ORGANIZATION, faults).unwrap();
    };
    let get = json!({ "ResultSize": 1 });
    let pinned = json!({ "ResultSize": 1, "DomainController": "dc01.contoso.com" });
    let both = json!([{ "name": "Get-CASMailbox", "parameters": get },
                      { "name": "Get-CASMailbox", "parameters": pinned }]);

    stop(&["dc01"]);
    let said = stage.cmdlets(both.clone()).await;
    assert_eq!(said[0]["output"][0]["OriginatingServer"]["value"], "dc02.contoso.com");
    let refused = said[1]["errors"][0]["message"].as_str().unwrap();
    assert!(refused.contains("dc01.contoso.com"), "{refused}");
    assert_eq!(said[1]["output"], json!([]));

    stop(&["dc01", "dc02"]);
    assert_eq!(stage.cmdlets(both.clone()).await[0]["errors"].as_array().map(Vec::len), Some(1));
    stop(&[]);
    assert_eq!(stage.cmdlets(both).await[1]["errors"], json!([]));
    stage.rig.stop().await;
}

/// [MS-ASCMD] 2.2.3.177.11: a Ping that hears of new mail, and one that is too short.
#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_phone_is_told_when_mail_comes() {
    let test = "a_waiting_phone_is_told_when_mail_comes";
    let settings = Settings { default_access_level: AccessLevel::Allow, ..settings() };
    let Some(stage) = Stage::begin(test, settings).await else { return };
    let (user, id) = (stage.user(), "WAITING1");
    stage.phone(&user, id, json!(["inbox"])).await;
    let one = NewSettings { eas_max_devices: Some(1), ..NewSettings::default() };
    stage.rig.control().set_settings(ORGANIZATION, &one).unwrap();
    let second = NewDevice { mailbox: user.guid.to_string(), ..NewDevice::default() };
    // A refused second phone is a mail to its owner; nobody can see when the first one begins to wait,
    // so there is one after the other.
    let mail = async {
        loop {
            stage.rig.control().new_device(ORGANIZATION, &second).unwrap_err();
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    };

    let said = tokio::select! {
        said = stage.phone(&user, id, json!(["ping"])) => said,
        () = mail => unreachable!(),
    };

    assert_eq!(said[0]["status"], "2", "{said:?}");
    stage.rig.stop().await;
}
