//! The simulated Exchange in a scenario's hands: its phones, and what it knows itself. Everything goes
//! over the simulator's own HTTP, whether it runs in this process or in another.

use std::collections::BTreeMap;

use exchange_sim::control::views::{
    DeviceView, MailboxView, NewDevice, NewSettings, OrganizationView, OsUpdate, SyncView,
};
use exchange_sim::faults::Faults;
use exchange_sim::ledger::LedgerEntry;
use exchange_sim::mailboxes::Mail;
use exchange_sim::winrm::throttle::{Limits, View};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::http;

/// How long a first contact is looked at before it is decided, and then some.
pub const DISCOVERY_SECONDS: u64 = 14 * 60 + 1;
/// How long Exchange goes on with the lists it has read, and then some.
pub const CACHE_SECONDS: u64 = 61;

/// A simulator's control surface.
#[derive(Clone, Debug)]
pub struct Exchange {
    authority: String,
}

impl Exchange {
    /// The simulator that answers there, such as `127.0.0.1:8080`.
    pub fn at(authority: impl Into<String>) -> Self {
        Self { authority: authority.into() }
    }

    /// A user connects a new phone; it is looked at first.
    pub async fn connect(&self, organization: &str, new: NewDevice) -> DeviceView {
        self.post(&format!("/organizations/{organization}/devices"), &new).await
    }

    /// A user connects a new phone, and Exchange decides about it.
    pub async fn connect_and_decide(&self, organization: &str, new: NewDevice) -> DeviceView {
        let device = self.connect(organization, new).await;
        self.advance(DISCOVERY_SECONDS).await;
        self.device(organization, &device.guid.to_string()).await
    }

    /// A phone calls.
    pub async fn call(&self, organization: &str, device: &DeviceView) -> SyncView {
        let path = format!("/organizations/{organization}/devices/{}/sync", device.guid);
        self.post(&path, &json!({})).await
    }

    /// A phone calls after Exchange has read its lists again.
    pub async fn call_later(&self, organization: &str, device: &DeviceView) -> SyncView {
        self.advance(CACHE_SECONDS).await;
        self.call(organization, device).await
    }

    /// A phone got a new system version, such as `18.3 22D63`, and calls.
    pub async fn update_system(
        &self,
        organization: &str,
        device: &DeviceView,
        version: &str,
    ) -> SyncView {
        let path = format!("/organizations/{organization}/devices/{}/os-update", device.guid);
        self.post(&path, &OsUpdate { version: version.to_owned(), user_agent: None }).await
    }

    /// Exchange's own delays pass.
    pub async fn advance(&self, seconds: u64) {
        let _: serde_json::Value = self.post("/time/advance", &json!({"seconds": seconds})).await;
    }

    /// One organization.
    pub async fn organization(&self, name: &str) -> OrganizationView {
        self.get(&format!("/organizations/{name}")).await
    }

    /// Every device.
    pub async fn devices(&self, organization: &str) -> Vec<DeviceView> {
        self.get(&format!("/organizations/{organization}/devices")).await
    }

    /// One device, by id or Guid.
    pub async fn device(&self, organization: &str, device: &str) -> DeviceView {
        self.get(&format!("/organizations/{organization}/devices/{device}")).await
    }

    /// Every mailbox.
    pub async fn mailboxes(&self, organization: &str) -> Vec<MailboxView> {
        self.get(&format!("/organizations/{organization}/mailboxes")).await
    }

    /// One mailbox, by anything that Exchange takes for its identity.
    pub async fn mailbox(&self, organization: &str, mailbox: &str) -> MailboxView {
        self.get(&format!("/organizations/{organization}/mailboxes/{mailbox}")).await
    }

    /// Mail that Exchange sent by itself to a mailbox.
    pub async fn mails(&self, organization: &str, mailbox: &str) -> Vec<Mail> {
        self.get(&format!("/organizations/{organization}/mails?mailbox={mailbox}")).await
    }

    /// Every state-changing cmdlet of an organization.
    pub async fn ledger(&self, organization: &str) -> Vec<LedgerEntry> {
        self.get(&format!("/_ledger?organization={organization}&after=0")).await
    }

    /// How often each cmdlet was called.
    pub async fn cmdlets(&self, organization: &str) -> BTreeMap<String, u64> {
        self.get(&format!("/organizations/{organization}/cmdlets")).await
    }

    /// What the accounts may ask of an organization, and asked.
    pub async fn throttle(&self, organization: &str) -> View {
        self.get(&format!("/organizations/{organization}/throttle")).await
    }

    /// Replaces what accounts may ask, and counts from nothing.
    pub async fn set_throttle(&self, organization: &str, limits: &Limits) -> View {
        self.post(&format!("/organizations/{organization}/throttle"), limits).await
    }

    /// Replaces the faults that are on.
    pub async fn set_faults(&self, organization: &str, faults: &Faults) {
        let path = format!("/organizations/{organization}/faults");
        let _: Faults = self.post(&path, faults).await;
    }

    /// The faults that are on.
    pub async fn faults(&self, organization: &str) -> Faults {
        self.get(&format!("/organizations/{organization}/faults")).await
    }

    /// Changes settings and rules.
    pub async fn set_settings(&self, organization: &str, new: &NewSettings) -> OrganizationView {
        self.post(&format!("/organizations/{organization}/settings"), new).await
    }

    /// Whether it answers.
    ///
    /// # Errors
    /// When it does not.
    pub async fn answers(&self) -> Result<(), String> {
        http::request(&self.authority, "GET", "/organizations", None).await.map(|_| ())
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> T {
        self.ask("GET", path, None).await
    }

    async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> T {
        let body = serde_json::to_string(body).expect("JSON");
        self.ask("POST", path, Some(body)).await
    }

    async fn ask<T: DeserializeOwned>(&self, method: &str, path: &str, body: Option<String>) -> T {
        let answer = http::request(&self.authority, method, path, body).await;
        let (status, text) = answer.expect("the simulator answers");
        assert!(status < 300, "{method} {path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error} in {text}"))
    }
}

/// The only phone of an iPhone user whom nothing is known about yet.
pub fn iphone(mailbox: &MailboxView, device_id: &str) -> NewDevice {
    NewDevice {
        mailbox: mailbox.primary_smtp_address.clone(),
        platform: Some(exchange_sim::world::platform::Platform::IPhone),
        device_id: Some(device_id.to_owned()),
        device_os: Some("iOS 18.2 22C152".to_owned()),
        ..NewDevice::default()
    }
}

/// How often lists were written: `Set-CASMailbox` calls that Exchange did not refuse.
pub fn writes(ledger: &[LedgerEntry]) -> Vec<&LedgerEntry> {
    ledger.iter().filter(|entry| entry.error.is_none()).collect()
}
