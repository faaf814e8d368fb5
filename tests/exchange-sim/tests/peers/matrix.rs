//! Every cmdlet of every personality, driven by pypsrp: what it prints must be what the tables say, and
//! what the tables do not give a personality must be missing there.
//!
//! Where a row's source is "unverified" the table speaks of this simulator alone; the test holds it to
//! that, and counts it apart, so that nobody takes it for a fact about Exchange.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::Write as _;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use exchange_sim::control::views::{NewDevice, NewSettings};
use exchange_sim::settings::{OrganizationSettings, Settings};
use exchange_sim::world::organization::{AccessLevel, AccessRule, Characteristic, Version};
use exchange_sim::world::platform::Platform;

use crate::rig::{Peers, Rig, settings};
use crate::tables::{CmdletRow, PropertyRow, Tables};

/// An organization's name and personality, which of its servers is asked, and what that one runs.
const PERSONALITIES: [(&str, &str, &str, Version); 8] = [
    ("alpha", "2010", "EX01", Version::Exchange2010),
    ("beta", "2013", "EX01", Version::Exchange2013),
    ("gamma", "2016", "EX01", Version::Exchange2016),
    ("delta", "2019", "EX01", Version::Exchange2019),
    ("epsilon", "SE", "EX01", Version::SubscriptionEdition),
    ("zeta", "hosted", "EX01", Version::Exchange2019),
    ("eta", "mixed", "EX01", Version::Exchange2013),
    ("eta", "mixed", "EX02", Version::Exchange2010),
];

/// What PowerShell gives every cmdlet (about_CommonParameters).
const COMMON: [&str; 8] = [
    "Verbose",
    "Debug",
    "ErrorAction",
    "WarningAction",
    "ErrorVariable",
    "WarningVariable",
    "OutVariable",
    "OutBuffer",
];
/// How long all of it may take.
const LIMIT: Duration = Duration::from_secs(180);
/// After this long Exchange knows what a new phone is.
const DISCOVERY_SECONDS: u64 = 15 * 60;

#[derive(Debug, Deserialize)]
struct Answer {
    objects: Vec<Printed>,
    errors: Vec<Value>,
    state: String,
}

#[derive(Debug, Deserialize)]
struct Printed {
    text: Option<String>,
    r#type: String,
    properties: BTreeMap<String, String>,
    extended: BTreeMap<String, String>,
    keys: BTreeMap<String, BTreeSet<String>>,
}

/// How much of what was seen has a source.
#[derive(Debug, Default)]
struct Tally {
    objects: usize,
    names: usize,
    unverified_names: usize,
    types: usize,
    unverified_types: usize,
    refused: usize,
    parameters: usize,
    seen: BTreeSet<(&'static str, &'static str)>,
    /// Properties that were null wherever they were printed.
    only_null: BTreeSet<(&'static str, &'static str)>,
}

#[tokio::test(flavor = "multi_thread")]
async fn pypsrp_drives_every_cmdlet_of_every_personality() {
    let Some(peers) = Peers::find("pypsrp_drives_every_cmdlet_of_every_personality") else {
        return;
    };
    let organizations: BTreeMap<_, _> = PERSONALITIES
        .iter()
        .map(|(name, personality, ..)| {
            let text = format!("{name}:{personality}");
            (*name, OrganizationSettings::parse(&text).expect("a personality"))
        })
        .collect();
    let organizations = organizations.into_values().collect();
    let rig = Rig::start(Settings { organizations, ..settings() }).await;
    let tables = Tables::read();
    for (organization, ..) in PERSONALITIES {
        let rules = Some(vec![iphones()]);
        let new = NewSettings { rules, ..NewSettings::default() };
        rig.control().set_settings(organization, &new).expect("a rule");
    }
    let sessions: Vec<_> = PERSONALITIES.iter().map(|who| session(&rig, &tables, who)).collect();
    rig.control().advance(DISCOVERY_SECONDS).expect("explicit time");

    let said = peers.run("matrix.py", &json!({ "sessions": sessions }), LIMIT).await;
    let said: Vec<Vec<Answer>> = serde_json::from_value(said).expect("answers");
    let mut tally = Tally::default();
    for ((_, personality, server, version), answers) in PERSONALITIES.iter().zip(&said) {
        assert_eq!(answers.len(), tables.cmdlets.len());
        for (row, answer) in tables.cmdlets.iter().zip(answers) {
            let place = format!("{} of {personality} at {server}", row.name);
            check(&tables, row, (*version, *personality == "hosted"), answer, &place, &mut tally);
        }
    }
    rig.stop().await;
    writeln!(std::io::stderr(), "{tally}").expect("somebody reads it");
    // Two servers of 2010 lack eight newer cmdlets each, the hoster five.
    assert_eq!(tally.refused, 2 * 8 + 5);
}

/// A rule that decides about the phones that the cmdlets are about.
fn iphones() -> AccessRule {
    AccessRule {
        name: "iPhone (DeviceType)".to_owned(),
        characteristic: Characteristic::DeviceType,
        query_string: "iPhone".to_owned(),
        access_level: AccessLevel::Quarantine,
    }
}

fn session(rig: &Rig, tables: &Tables, who: &(&str, &str, &str, Version)) -> Value {
    let (organization, _, server, _) = *who;
    let mut reach = rig.reach(organization);
    let endpoint = rig.simulator.addresses().organization(organization).expect("it is there");
    let servers = endpoint.servers.iter();
    let port = servers.filter(|held| held.name == server).map(|held| held.port).next();
    reach["port"] = json!(port.expect("the server is there"));
    let cast = Cast::of(rig, organization, server == "EX02");
    let cmdlets = tables
        .cmdlets
        .iter()
        .map(|row| json!({ "name": row.name, "parameters": parameters(row.name, &cast) }));
    json!({ "reach": reach, "cmdlets": cmdlets.collect::<Vec<_>>() })
}

/// Whom the cmdlets are about.
struct Cast {
    mailbox: String,
    /// Phones of that mailbox: one stays, the others are taken away.
    phones: Vec<String>,
    name: String,
}

impl Cast {
    /// Gives a mailbox that lies on the asked server three more phones.
    fn of(rig: &Rig, organization: &str, older: bool) -> Self {
        let control = rig.control();
        let mailboxes = control.mailboxes(organization).expect("mailboxes");
        let mut owners = mailboxes
            .iter()
            .filter(|held| held.has_partnership && held.guid.as_u128() % 2 == u128::from(older));
        let mailbox = owners.next().expect("a mailbox").guid.to_string();
        let phone = |_| {
            let platform = Some(Platform::IPhone);
            let new = NewDevice { mailbox: mailbox.clone(), platform, ..NewDevice::default() };
            control.new_device(organization, &new).expect("a phone").guid.to_string()
        };
        let phones = (0..3).map(phone).collect();
        let name = if older { "Matrix older" } else { "Matrix" }.to_owned();
        Self { mailbox, phones, name }
    }
}

fn parameters(cmdlet: &str, cast: &Cast) -> Value {
    let Cast { mailbox, phones, name } = cast;
    let rule = format!("{name} (DeviceModel)");
    match cmdlet {
        "Set-ADServerSettings" => json!({ "ViewEntireForest": true }),
        "Set-ActiveSyncOrganizationSettings" => json!({ "UserMailInsert": name }),
        "New-ActiveSyncDeviceAccessRule" => json!({
            "QueryString": name, "Characteristic": "DeviceModel", "AccessLevel": "Allow" }),
        "Set-ActiveSyncDeviceAccessRule" => json!({ "Identity": rule, "AccessLevel": "Block" }),
        "Remove-ActiveSyncDeviceAccessRule" => json!({ "Identity": rule, "Confirm": false }),
        "New-ActiveSyncMailboxPolicy" => json!({ "Name": name }),
        "Set-ActiveSyncMailboxPolicy" => json!({ "Identity": name, "AllowCamera": false }),
        "Remove-ActiveSyncMailboxPolicy" => json!({ "Identity": name, "Confirm": false }),
        "New-MobileDeviceMailboxPolicy" => json!({ "Name": format!("{name} mobile") }),
        "Set-MobileDeviceMailboxPolicy" => {
            json!({ "Identity": format!("{name} mobile"), "AllowCamera": false })
        }
        "Remove-MobileDeviceMailboxPolicy" => {
            json!({ "Identity": format!("{name} mobile"), "Confirm": false })
        }
        "Get-ActiveSyncDevice" | "Get-MobileDevice" | "Get-CASMailbox" | "Get-Recipient" => {
            json!({ "ResultSize": "Unlimited" })
        }
        "Get-ActiveSyncDeviceStatistics" | "Get-MobileDeviceStatistics" => {
            json!({ "Mailbox": mailbox })
        }
        "Clear-ActiveSyncDevice" | "Clear-MobileDevice" => {
            json!({ "Identity": phones[0], "Confirm": false })
        }
        "Remove-ActiveSyncDevice" => json!({ "Identity": phones[1], "Confirm": false }),
        "Remove-MobileDevice" => json!({ "Identity": phones[2], "Confirm": false }),
        "Set-CASMailbox" => {
            json!({ "Identity": mailbox, "ActiveSyncAllowedDeviceIDs": { "Add": [name] } })
        }
        _ => json!({}),
    }
}

fn check(
    tables: &Tables,
    row: &CmdletRow,
    (version, hosted): (Version, bool),
    answer: &Answer,
    place: &str,
    tally: &mut Tally,
) {
    if !row.exists(version, hosted) {
        let id = answer.errors.first().and_then(|held| held["id"].as_str()).unwrap_or_default();
        assert!(id.starts_with("CommandNotFoundException"), "{place}: {:?}", answer.errors);
        assert_eq!((answer.state.as_str(), answer.objects.len()), ("Failed", 0), "{place}");
        tally.refused += 1;
        return;
    }
    assert_eq!(answer.state, "Completed", "{place}: {:?}", answer.errors);
    assert!(answer.errors.is_empty(), "{place}: {:?}", answer.errors);
    assert_eq!(answer.objects.is_empty(), row.prints.is_empty(), "{place}");
    let rows = tables.properties(row, version);
    for object in &answer.objects {
        assert_eq!(object.r#type, row.prints, "{place}");
        compare(&rows, object, place, tally);
        tally.objects += 1;
        if let Some(shown) = object.keys.get("Parameters") {
            let cmdlet = object.text.as_deref().unwrap_or_default();
            let shown: BTreeSet<_> = shown.iter().map(String::as_str).collect();
            let known = tables.parameters(cmdlet, version, hosted).into_iter().chain(COMMON);
            assert_eq!(shown, known.collect(), "{cmdlet} as {place} shows it");
            tally.parameters += shown.len();
        }
    }
    if row.name == "Get-Command" {
        let shown: BTreeSet<_> = answer.objects.iter().filter_map(|it| it.text.clone()).collect();
        let known = tables.cmdlets.iter().filter(|row| row.exists(version, hosted));
        assert_eq!(shown, known.map(|row| row.name.to_owned()).collect(), "{place}");
    }
}

/// Holds an object's properties against the rows: none missing, none besides, each of its type.
fn compare(rows: &[&PropertyRow], object: &Printed, place: &str, tally: &mut Tally) {
    let names: BTreeSet<_> = object.properties.keys().chain(object.extended.keys()).collect();
    let known: BTreeSet<_> = rows.iter().map(|row| row.name.to_owned()).collect();
    assert_eq!(names, known.iter().collect(), "{place}");
    for row in rows {
        let bag = if row.is_extended() { &object.extended } else { &object.properties };
        let kind = bag.get(row.name).map(String::as_str);
        let is_null = kind == Some("null");
        assert!(
            kind == Some(row.kind) || (row.nullable && is_null),
            "{place}: {} is {kind:?}, not {}",
            row.name,
            row.kind
        );
        tally.note(row, is_null);
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { objects, names, unverified_names, types, unverified_types, .. } = self;
        let Self { parameters, refused, only_null, .. } = self;
        write!(f, "{objects} objects; names: {names} with a source, {unverified_names} without; ")?;
        write!(f, "types: {types} with a source, {unverified_types} without; {parameters} ")?;
        write!(f, "parameters; {refused} cmdlets missing where they must be; null wherever they ")?;
        write!(f, "were printed: {only_null:?}")
    }
}

impl Tally {
    fn note(&mut self, row: &PropertyRow, is_null: bool) {
        *(if row.named { &mut self.names } else { &mut self.unverified_names }) += 1;
        if is_null {
            if !self.seen.contains(&(row.shape, row.name)) {
                self.only_null.insert((row.shape, row.name));
            }
            return;
        }
        *(if row.typed { &mut self.types } else { &mut self.unverified_types }) += 1;
        self.seen.insert((row.shape, row.name));
        self.only_null.remove(&(row.shape, row.name));
    }
}
