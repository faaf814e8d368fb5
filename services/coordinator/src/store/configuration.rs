//! How an Exchange organization is set up, as operators ask for it: all that was observed but mailboxes
//! and devices. Nothing is decided by what is read here.

use sqlx::Row as _;

use exgate_domain::ids::OrganizationId;
use exgate_domain::observation::{
    AccessRule, DeviceClass, MailboxPolicy, Observation, OrganizationSettings, Server,
};

use super::observed::observation;
use super::{Store, StoreError};

/// The most objects that are shown, so that an answer stays below the 4 MiB of a gRPC message: device
/// classes, the only ones of which there are thousands, have some hundred bytes each.
const OBJECTS_SHOWN_MAX: u32 = 5_000;

/// How an Exchange organization is set up.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Configuration {
    /// Its ActiveSync settings, once they were seen.
    pub settings: Option<OrganizationSettings>,
    /// Its device access rules, by name.
    pub rules: Vec<AccessRule>,
    /// Its servers, by name.
    pub servers: Vec<Server>,
    /// Its mobile device mailbox policies, by name.
    pub policies: Vec<MailboxPolicy>,
    /// Its device classes, by family and model.
    pub classes: Vec<DeviceClass>,
    /// How many objects there are beside these.
    pub left_out: u64,
}

impl Store {
    /// Gets how an organization is set up, as it was last seen. Of more objects than can be shown,
    /// device classes are left out first.
    ///
    /// # Errors
    /// When the store fails, or holds what cannot be read.
    pub async fn configuration(
        &self,
        organization: &OrganizationId,
    ) -> Result<Configuration, StoreError> {
        self.configuration_up_to(organization, OBJECTS_SHOWN_MAX).await
    }

    /// As [`Store::configuration`], of at most so many objects.
    pub(super) async fn configuration_up_to(
        &self,
        organization: &OrganizationId,
        objects_max: u32,
    ) -> Result<Configuration, StoreError> {
        let rows = sqlx::query(
            "SELECT observation, count(*) OVER () AS found FROM observed
             WHERE organization = ?1
               AND kind IN ('Settings', 'Rule', 'Server', 'MailboxPolicy', 'DeviceClass')
             ORDER BY kind = 'DeviceClass', kind = 'MailboxPolicy', guid
             LIMIT ?2",
        )
        .bind(organization.as_str())
        .bind(objects_max)
        .fetch_all(&self.read)
        .await?;
        let mut all = Configuration::default();
        if let Some(row) = rows.first() {
            let found: i64 = row.try_get("found")?;
            all.left_out = found.unsigned_abs().saturating_sub(rows.len() as u64);
        }
        for row in &rows {
            match observation(row)? {
                Observation::Settings(settings) => all.settings = Some(settings),
                Observation::Rule(rule) => all.rules.push(rule),
                Observation::Server(server) => all.servers.push(server),
                Observation::MailboxPolicy(policy) => all.policies.push(policy),
                Observation::DeviceClass(class) => all.classes.push(class),
                Observation::Device(_) | Observation::Mailbox(_) => {}
            }
        }
        all.rules.sort_by(|one, other| one.name.cmp(&other.name));
        all.servers.sort_by(|one, other| one.name.cmp(&other.name));
        all.policies.sort_by(|one, other| one.name.cmp(&other.name));
        all.classes.sort_by(|one, other| {
            let key = |class: &DeviceClass| (class.device_type.clone(), class.device_model.clone());
            key(one).cmp(&key(other))
        });
        Ok(all)
    }
}
