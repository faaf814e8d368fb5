//! The MDM and the directory in a scenario's hands: a folder of record files, replaced by rename.

use std::path::{Path, PathBuf};

use exchange_sim::control::views::{DeviceView, MailboxView};
use serde_json::{Map, Value, json};

/// The group that the scenarios' policy is for.
pub const GROUP: &str = "Mail users";

/// All that one source says.
#[derive(Debug)]
pub struct Records {
    folder: PathBuf,
    devices: Map<String, Value>,
    users: Map<String, Value>,
}

impl Records {
    /// Writes to `folder`, which says nothing yet.
    pub fn new(folder: &Path) -> Self {
        std::fs::create_dir_all(folder).expect("a folder");
        let records = Self { folder: folder.to_owned(), devices: Map::new(), users: Map::new() };
        records.write();
        records
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A user who is licensed and in the group.
    pub fn person(&mut self, mailbox: &MailboxView) {
        let MailboxView { user_principal_name, primary_smtp_address, display_name, .. } = mailbox;
        self.user(user_principal_name, primary_smtp_address, display_name);
    }

    /// So many users who have no mailbox here.
    pub fn crowd(&mut self, count: u32) {
        for number in 0..count {
            let address = format!("crowd{number}@contoso.com");
            self.user(&address, &address, &address);
        }
    }

    fn user(&mut self, name: &str, mail: &str, display_name: &str) {
        let user = json!({
            "userPrincipalName": name,
            "mail": mail,
            "otherMails": [],
            "displayName": display_name,
            "groups": [GROUP],
            "licensed": true,
        });
        self.users.insert(name.to_owned(), user);
    }

    /// Sets the groups that a user is in.
    pub fn groups(&mut self, mailbox: &MailboxView, groups: &[&str]) {
        let user = &mut self.users[&mailbox.user_principal_name];
        user["groups"] = json!(groups);
    }

    /// A phone that is enrolled; whether it is compliant is the MDM's verdict.
    pub fn enrol(&mut self, device: &DeviceView, is_compliant: bool) {
        let (system, version) = system(&device.device_os);
        let record = json!({
            "id": format!("mdm-{}", device.guid),
            "userPrincipalName": device.user_principal_name,
            "emailAddress": device.primary_smtp_address,
            "deviceName": device.friendly_name,
            "operatingSystem": system,
            "osVersion": version,
            "model": device.device_model,
            "easDeviceId": device.device_id,
            "isEncrypted": true,
            "jailBroken": "False",
            "complianceState": if is_compliant { "compliant" } else { "noncompliant" },
        });
        self.devices.insert(device.guid.to_string(), record);
    }

    /// Sets one property of an enrolled phone.
    pub fn set(&mut self, device: &DeviceView, property: &str, value: Value) {
        let record = &mut self.devices[&device.guid.to_string()];
        record[property] = value;
    }

    /// The MDM forgets a phone.
    pub fn forget(&mut self, device: &DeviceView) {
        self.devices.remove(&device.guid.to_string());
    }

    /// Makes all that was said since visible.
    pub fn write(&self) {
        for (name, records) in [("devices.json", &self.devices), ("users.json", &self.users)] {
            let list: Vec<_> = records.values().collect();
            let text = serde_json::to_string_pretty(&list).expect("JSON");
            replace(&self.folder.join(name), &text);
        }
    }
}

/// Puts a file in another one's place, in one step.
pub fn replace(path: &Path, text: &str) {
    let draft = path.with_extension("draft");
    std::fs::write(&draft, text).expect("a file");
    std::fs::rename(&draft, path).expect("a rename");
}

/// What an MDM calls what Exchange calls `iOS 18.2 22C152`.
fn system(device_os: &str) -> (&str, &str) {
    let mut words = device_os.split(' ');
    (words.next().unwrap_or_default(), words.next().unwrap_or_default())
}
