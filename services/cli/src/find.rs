//! From what was typed to the one thing that is meant; two candidates are an error that lists both.

use exgate_domain::ids::{OrganizationId, RunId};
use exgate_proto::names::{Parent, SyncRunName};
use exgate_proto::v1 as pb;

use crate::connect::Coordinator;
use crate::failure::Failure;
use crate::target::{DeviceRef, OrganizationRef, SyncRef};

/// The parent of a list: one organization, or all.
pub(crate) fn parent(organization: Option<&OrganizationRef>) -> String {
    Parent(organization.map(|it| it.0.clone())).to_string()
}

/// The devices that `device` may mean.
pub(crate) async fn devices(
    coordinator: &Coordinator,
    device: &DeviceRef,
    organization: Option<&OrganizationRef>,
) -> Result<Vec<pb::Device>, Failure> {
    match device {
        DeviceRef::Name(name) => {
            let request = pb::GetDeviceRequest { name: name.to_string() };
            Ok(vec![coordinator.get_device(request).await?])
        }
        DeviceRef::Id { user, id } => {
            let request = pb::ListDevicesRequest {
                parent: parent(organization),
                device_id: id.to_string(),
                primary_smtp: user.clone().unwrap_or_default(),
                ..pb::ListDevicesRequest::default()
            };
            coordinator.list_devices(request, None).await
        }
    }
}

/// The one device that `device` means.
pub(crate) async fn device(
    coordinator: &Coordinator,
    device: &DeviceRef,
    organization: Option<&OrganizationRef>,
) -> Result<pb::Device, Failure> {
    only(device, devices(coordinator, device, organization).await?)
}

fn only(device: &DeviceRef, mut found: Vec<pb::Device>) -> Result<pb::Device, Failure> {
    match (found.pop(), found.is_empty()) {
        (Some(only), true) => Ok(only),
        (None, _) => Err(Failure::NotFound {
            what: "device",
            name: device.to_string(),
            see: "exgate get devices".to_owned(),
        }),
        (Some(last), false) => {
            found.push(last);
            let candidate = |it: pb::Device| (it.name, it.primary_smtp);
            let candidates = found.into_iter().map(candidate).collect();
            Err(Failure::Ambiguous { device: device.to_string(), candidates })
        }
    }
}

/// The sync that is meant.
pub(crate) async fn sync(
    coordinator: &Coordinator,
    sync: &SyncRef,
    organization: Option<&OrganizationRef>,
) -> Result<pb::SyncRun, Failure> {
    let name = match (sync, organization) {
        (SyncRef::Name(name), _) => name.to_string(),
        (SyncRef::Id(run), Some(OrganizationRef(organization))) => named(organization, *run),
        (SyncRef::Id(run), None) => {
            let request = pb::ListSyncRunsRequest {
                parent: parent(None),
                ..pb::ListSyncRunsRequest::default()
            };
            let runs = coordinator.list_syncs(request, None).await?;
            let suffix = format!("/syncRuns/{run}");
            let found = runs.into_iter().find(|it| it.name.ends_with(&suffix));
            return found.ok_or_else(|| Failure::NotFound {
                what: "sync run",
                name: run.to_string(),
                see: "exgate get syncs".to_owned(),
            });
        }
    };
    coordinator.get_sync(pb::GetSyncRunRequest { name }).await
}

fn named(organization: &OrganizationId, run: RunId) -> String {
    SyncRunName { organization: organization.clone(), run }.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(name: &str, primary_smtp: &str) -> pb::Device {
        pb::Device {
            name: name.to_owned(),
            primary_smtp: primary_smtp.to_owned(),
            ..pb::Device::default()
        }
    }

    #[test]
    fn one_device_is_the_one_and_two_are_named_both() {
        let typed: DeviceRef = "Appl1".parse().unwrap();
        let ann = seen("organizations/contoso/devices/Appl1-00000001", "ann@contoso.com");
        let bob = seen("organizations/contoso/devices/Appl1-00000002", "bob@contoso.com");

        assert_eq!(only(&typed, vec![ann.clone()]).unwrap(), ann);
        assert!(matches!(only(&typed, vec![]), Err(Failure::NotFound { .. })));
        let Err(Failure::Ambiguous { candidates, .. }) = only(&typed, vec![ann, bob]) else {
            panic!("two devices have this id");
        };
        let users: Vec<_> = candidates.into_iter().map(|(_, user)| user).collect();
        assert_eq!(users, ["ann@contoso.com", "bob@contoso.com"]);
    }
}
