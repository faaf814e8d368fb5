//! Devices, as they are and as they should be.

use exgate_domain::ids::{DeviceId, OrganizationId};
use exgate_domain::observation::AccessState;
use exgate_proto::names::DeviceName;

use super::paging::Cut;
use super::{Operator, OperatorError, Page, PageRequest};
use crate::status::nearest;
use crate::store::{DeviceFilter, StoredDevice};

/// How many devices are looked through for a name that was perhaps meant.
const SUGGESTIONS_FROM_MAX: u32 = 1000;

/// Which devices to list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeviceQuery {
    /// Only those of this organization.
    pub organization: Option<OrganizationId>,
    /// Only those in one of these states.
    pub states: Vec<AccessState>,
    /// Only those with this ActiveSync id; empty for all.
    pub device_id: String,
    /// Only those of the mailbox with this primary SMTP address; empty for all.
    pub primary_smtp: String,
}

impl Operator {
    /// Lists devices.
    ///
    /// # Errors
    /// When the page or the query cannot be, or there is no such organization.
    pub async fn list_devices(
        &self,
        query: DeviceQuery,
        request: &PageRequest,
    ) -> Result<Page<StoredDevice>, OperatorError> {
        let cut = Cut::of(request, &format!("devices {query:?}"))?;
        let DeviceQuery { organization, states, device_id, primary_smtp } = query;
        if let Some(organization) = &organization {
            self.existing(organization).await?;
        }
        let device_id = match device_id.as_str() {
            "" => None,
            text => Some(text.parse::<DeviceId>().map_err(|invalid| OperatorError::Invalid {
                field: "device_id",
                problem: invalid.to_string(),
            })?),
        };
        let primary_smtp = (!primary_smtp.is_empty()).then_some(primary_smtp);
        let filter = DeviceFilter { organization, states, device_id, primary_smtp };
        let after = cut.after.as_deref().map(str::parse).transpose();
        let after = after.map_err(|_| OperatorError::PageTokenMismatch)?;
        let rows = self.0.store.devices(&filter, after, cut.fetch()).await?;
        Ok(cut.weighed(rows, |device| device.row.to_string(), bytes))
    }

    /// Gets one device.
    ///
    /// # Errors
    /// When there is no such device.
    pub async fn get_device(&self, name: &DeviceName) -> Result<StoredDevice, OperatorError> {
        let store = &self.0.store;
        self.existing(&name.organization).await?;
        let found = store.device(&name.organization, &name.device_id, &name.mailbox_digits).await?;
        if let Some(device) = found {
            return Ok(device);
        }
        let filter = DeviceFilter {
            organization: Some(name.organization.clone()),
            ..DeviceFilter::default()
        };
        let others = store.devices(&filter, None, SUGGESTIONS_FROM_MAX).await?;
        let names: Vec<_> = others.iter().filter_map(device_name).collect();
        let names: Vec<_> = names.iter().map(ToString::to_string).collect();
        let suggestion = nearest(&name.to_string(), names.iter().map(String::as_str));
        Err(OperatorError::DeviceNotFound { device: name.to_string(), suggestion })
    }
}

/// About how many bytes a device takes in a message.
fn bytes(stored: &StoredDevice) -> usize {
    const FIXED: usize = 300;
    const STATISTICS: usize = 250;
    let device = &stored.device;
    let texts = [
        &device.mailbox_dn,
        &device.access_rule,
        &device.device_type,
        &device.device_model,
        &device.device_os,
        &device.user_agent,
        &device.friendly_name,
        &device.imei,
        &device.phone_number,
        &device.client_type,
        &device.protocol_version,
    ];
    let mailbox = stored.mailbox.as_ref();
    let owner = mailbox.map_or(0, |it| it.primary_smtp.len() + it.display_name.len());
    let statistics = stored.statistics.as_ref().map_or(0, |it| {
        let said = it.said.as_ref().map_or(0, |said| {
            let words = [&said.status, &said.policy_status, &said.policy_applied];
            let texts = [&said.status_note, &said.wipe_requestor];
            STATISTICS + words.iter().chain(&texts).map(|text| text.len()).sum::<usize>()
        });
        said + it.failure.len()
    });
    FIXED + owner + statistics + texts.iter().map(|text| text.len()).sum::<usize>()
}

/// The resource name of a device whose mailbox was seen.
pub(super) fn device_name(device: &StoredDevice) -> Option<DeviceName> {
    let mailbox = device.mailbox.as_ref()?.id;
    Some(DeviceName::new(device.organization.clone(), device.device.device_id.clone(), mailbox))
}
