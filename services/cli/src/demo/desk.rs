//! The MDM and the directory of the demo: what they know, written to the record files that the
//! coordinator reads.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp, Unit};
use serde_json::{Value, json};

use super::DemoError;
use super::folder::Folder;
use super::stage::{Person, Phone};

/// How long ago an enrolled phone last talked to its MDM.
const CHECKED_IN_AGO: SignedDuration = SignedDuration::from_hours(2);

/// How an enrolled phone stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// It meets the policy.
    Compliant,
    /// Its MDM says that it does not meet a policy of its own.
    Noncompliant,
    /// It was jailbroken or rooted.
    Jailbroken,
}

/// An enrolled phone.
#[derive(Debug, Clone)]
struct Enrolled {
    /// Number of its record: it keeps it, as an MDM's ids do.
    number: usize,
    phone: Phone,
    standing: Standing,
    checked_in_at: Timestamp,
}

/// What MDM and directory know.
#[derive(Debug, Default)]
pub(super) struct Desk {
    people: Vec<(Person, Vec<&'static str>)>,
    enrolled: BTreeMap<String, Enrolled>,
}

impl Desk {
    /// Takes a person in; every thirtieth works at the service desk, whom no policy targets.
    pub(super) fn hire(&mut self, person: Person) {
        let groups = if self.people.len() % 30 == 29 {
            vec!["Mail users", "Service desk"]
        } else {
            vec!["Mail users"]
        };
        self.people.push((person, groups));
    }

    /// Enrols a phone, or notes how it stands now.
    pub(super) fn note(&mut self, phone: &Phone, standing: Standing, now: Timestamp) {
        let checked_in_at = now.checked_sub(CHECKED_IN_AGO).unwrap_or(now);
        let checked_in_at = checked_in_at.round(Unit::Second).unwrap_or(checked_in_at);
        let key = key(phone);
        let number = self.enrolled.get(&key).map_or(self.enrolled.len() + 1, |it| it.number);
        let enrolled = Enrolled { number, phone: phone.clone(), standing, checked_in_at };
        self.enrolled.insert(key, enrolled);
    }

    /// How a phone stands; `None` when nobody enrolled it.
    pub(super) fn standing(&self, phone: &Phone) -> Option<Standing> {
        self.enrolled.get(&key(phone)).map(|enrolled| enrolled.standing)
    }

    /// Whether a policy targets the phone's owner.
    pub(super) fn is_targeted(&self, phone: &Phone) -> bool {
        self.people.iter().any(|(person, groups)| {
            person.user_principal_name == phone.user_principal_name
                && !groups.contains(&"Service desk")
        })
    }

    /// Name of a phone's owner, for people.
    pub(super) fn owner(&self, phone: &Phone) -> String {
        let owner = |(person, _): &&(Person, Vec<&str>)| {
            person.user_principal_name == phone.user_principal_name
        };
        let found = self.people.iter().find(owner);
        found.map_or(phone.user_principal_name.clone(), |(person, _)| person.display_name.clone())
    }

    /// Writes both record files anew.
    pub(super) fn publish(&self, folder: &Folder) -> Result<(), DemoError> {
        let users: Vec<Value> = self.people.iter().map(user).collect();
        folder.write("records/users.json", &Value::Array(users).to_string())?;
        let devices: Vec<Value> = self.enrolled.values().map(device).collect();
        folder.write("records/devices.json", &Value::Array(devices).to_string())
    }
}

/// One phone of one person.
fn key(phone: &Phone) -> String {
    format!("{}/{}", phone.user_principal_name, phone.device_id)
}

fn user((person, groups): &(Person, Vec<&'static str>)) -> Value {
    json!({
        "userPrincipalName": person.user_principal_name,
        "mail": person.primary_smtp_address,
        "displayName": person.display_name,
        "groups": groups,
        "licensed": true,
    })
}

fn device(enrolled: &Enrolled) -> Value {
    let Enrolled { number, phone, standing, checked_in_at } = enrolled;
    json!({
        "id": format!("d-{number:04}"),
        "userPrincipalName": phone.user_principal_name,
        "emailAddress": phone.primary_smtp_address,
        "deviceName": phone.device_type,
        "operatingSystem": operating_system(phone),
        "osVersion": version(phone),
        "model": phone.device_model,
        "easDeviceId": phone.device_id,
        "isEncrypted": true,
        "jailBroken": if *standing == Standing::Jailbroken { "True" } else { "False" },
        "complianceState":
            if *standing == Standing::Noncompliant { "noncompliant" } else { "compliant" },
        "lastSyncDateTime": checked_in_at,
        "enrolledDateTime": checked_in_at,
    })
}

fn operating_system(phone: &Phone) -> &'static str {
    match phone.platform.as_str() {
        "iphone" | "ipad" => "iOS",
        "windows" => "windows",
        _ => "android",
    }
}

/// The version in a text such as `iOS 17.4 21E219` or `Android 13`.
fn version(phone: &Phone) -> &str {
    let digit = |word: &&str| word.starts_with(|c: char| c.is_ascii_digit());
    phone.device_os.split_whitespace().find(digit).unwrap_or_default()
}
