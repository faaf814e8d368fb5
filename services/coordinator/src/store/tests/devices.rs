//! Facts about devices as operators ask for them.

use exgate_domain::observation::{AccessState, Mailbox, Observation, Scope};

use crate::fixture::{Opened, Upload, at, contoso, device, mailbox, opened, organization, world};
use crate::store::{DeviceFilter, DeviceTally};

#[tokio::test]
async fn devices_are_found_by_organization_state_id_and_mailbox() {
    let Opened { store, .. } = &opened().await;
    organization(store, "fabrikam").await;
    let mut all = world(1..=5);
    let mut states = Vec::new();
    for (number, state) in (10..).zip([
        AccessState::Unknown,
        AccessState::Allowed,
        AccessState::Blocked,
        AccessState::DeviceDiscovery,
        AccessState::Unrecognised("Held".to_owned()),
    ]) {
        let mut device = device(number);
        device.access_state = state.clone();
        all.push(Observation::Device(device));
        states.push(state);
    }
    Upload::everything(all).send(store, at(1)).await.unwrap();
    let list = async |filter: DeviceFilter| {
        let found = store.devices(&filter, None, 100).await.unwrap();
        found.into_iter().map(|found| found.device.device_id.to_string()).collect::<Vec<_>>()
    };
    let any = DeviceFilter::default;
    assert_eq!(list(any()).await.len(), 10);
    assert_eq!(list(DeviceFilter { organization: Some(contoso()), ..any() }).await.len(), 10);
    let other = Some("fabrikam".parse().unwrap());
    assert_eq!(list(DeviceFilter { organization: other, ..any() }).await.len(), 0);
    for (number, state) in (10..).zip(states) {
        let filter = DeviceFilter { states: vec![state.clone()], ..any() };
        assert_eq!(list(filter).await, [format!("Appl{number}")], "{state:?}");
        let filter = DeviceFilter { organization: Some(contoso()), ..any() };
        let all = store.devices(&filter, None, 100).await.unwrap();
        assert!(all.iter().any(|found| found.device.access_state == state));
    }
    let id = Some("APPL3".parse().unwrap());
    assert_eq!(list(DeviceFilter { device_id: id, ..any() }).await, ["Appl3"]);
    let smtp = Some("USER4@Contoso.com".to_owned());
    assert_eq!(list(DeviceFilter { primary_smtp: smtp, ..any() }).await, ["Appl4"]);

    let tally = store.device_tally(&contoso()).await.unwrap();
    let expected =
        DeviceTally { known: 10, allowed: 1, blocked: 1, quarantined: 5, discovery: 1, other: 2 };
    assert_eq!(tally, expected);

    let page = store.devices(&any(), None, 3).await.unwrap();
    let next = store.devices(&any(), Some(page[2].row), 3).await.unwrap();
    assert_eq!(next[0].device.device_id, device(4).device_id);
    let named = store.device(&contoso(), &"appl2".parse().unwrap(), "AAAA0000").await.unwrap();
    assert_eq!(named.unwrap().mailbox.unwrap().id, mailbox(2).id);
    let named = store.device(&contoso(), &"appl2".parse().unwrap(), "bbbb").await.unwrap();
    assert_eq!(named, None);
}

#[tokio::test]
async fn a_scope_of_mailboxes_takes_what_it_shows() {
    let Opened { store, .. } = &opened().await;
    Upload::everything(world(1..=2)).send(store, at(1)).await.unwrap();
    let shown = Mailbox { blocked_ids: vec![device(1).device_id], ..mailbox(1) };
    let upload = Upload {
        scope: Scope::Mailboxes(vec![shown.id]),
        ..Upload::everything(vec![Observation::Mailbox(shown.clone())])
    };
    upload.send(store, at(2)).await.unwrap();
    let view = store.mailbox_view(&contoso(), shown.id).await.unwrap().unwrap();
    assert_eq!(view.mailbox, shown);
    assert_eq!(store.device_tally(&contoso()).await.unwrap().known, 2);
}
