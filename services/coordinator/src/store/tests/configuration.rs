//! Facts about how an organization is set up, as operators ask for it.

use uuid::Uuid;

use exgate_domain::observation::{
    AccessLevel, AccessRule, Characteristic, DeviceClass, MailboxPolicy, Observation,
    PolicySetting, Server,
};

use crate::fixture::{Opened, Upload, at, contoso, opened, organization, settings, world};
use crate::store::Configuration;

fn class(number: u32, device_type: &str, device_model: &str) -> DeviceClass {
    let [device_type, device_model] = [device_type, device_model].map(ToOwned::to_owned);
    DeviceClass { guid: Uuid::from_u128(u128::from(number)), device_type, device_model }
}

fn policy(number: u32, name: &str) -> MailboxPolicy {
    let setting = PolicySetting { name: "PasswordEnabled".to_owned(), value: "true".to_owned() };
    let guid = Uuid::from_u128(u128::from(number));
    MailboxPolicy { guid, name: name.to_owned(), settings: vec![setting] }
}

#[tokio::test]
async fn a_configuration_is_all_but_mailboxes_and_devices_and_classes_are_left_out_first() {
    let Opened { store, .. } = &opened().await;
    organization(store, "fabrikam").await;
    let rule = AccessRule {
        guid: Uuid::from_u128(50),
        name: "Pixels".to_owned(),
        characteristic: Characteristic::DeviceType,
        query: "Pixel".to_owned(),
        level: AccessLevel::Block,
    };
    let server = Server {
        guid: Uuid::from_u128(60),
        name: "EX01".to_owned(),
        fqdn: "ex01.contoso.com".to_owned(),
        version: "Version 15.2".to_owned(),
        is_client_access: true,
    };
    let policies = [policy(1, "Default"), policy(2, "Strict")];
    // By Guid they come in another order.
    let classes =
        [class(3, "Pixel", "Pixel 9"), class(5, "iPhone", "One"), class(4, "iPhone", "Two")];
    let mut all = world(1..=3);
    all.extend(classes.clone().map(Observation::DeviceClass));
    all.extend(policies.clone().map(Observation::MailboxPolicy));
    all.extend([Observation::Rule(rule.clone()), Observation::Server(server.clone())]);
    Upload::everything(all).send(store, at(1)).await.unwrap();

    let seen = store.configuration(&contoso()).await.unwrap();

    let expected = Configuration {
        settings: Some(settings()),
        rules: vec![rule],
        servers: vec![server],
        policies: policies.to_vec(),
        classes: classes.to_vec(),
        left_out: 0,
    };
    assert_eq!(seen, expected);
    let fabrikam = "fabrikam".parse().unwrap();
    assert_eq!(store.configuration(&fabrikam).await.unwrap(), Configuration::default());

    let cut = store.configuration_up_to(&contoso(), 6).await.unwrap();
    let classes = vec![class(3, "Pixel", "Pixel 9")];
    assert_eq!(cut, Configuration { classes, left_out: 2, ..expected });
}
