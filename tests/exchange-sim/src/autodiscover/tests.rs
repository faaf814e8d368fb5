//! What clients are told, in both dialects, without a network.

use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::accounts::Accounts;
use crate::settings::{Account, Settings};
use crate::simulator::tests::a_live_organization;
use crate::web::Site;
use crate::xml::Element;

const PASSWORD: &str = "correct horse";
const OUTLOOK: &str =
    "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a";

#[test]
fn a_client_is_told_what_it_can_reach() {
    let told = |host| {
        let told = Authorities::told(host, 8443, "ex01.contoso.com", "contoso.com");
        (told.inside, told.outside)
    };
    let pair = |inside: &str, outside: &str| (inside.to_owned(), outside.to_owned());
    assert_eq!(told("autodiscover.contoso.com"), pair("ex01.contoso.com", "mail.contoso.com"));
    assert_eq!(
        told("ex01.contoso.com:8443"),
        pair("ex01.contoso.com:8443", "mail.contoso.com:8443")
    );
    assert_eq!(told("localhost:8080"), pair("localhost:8443", "localhost:8443"));
    assert_eq!(told("127.0.0.1"), pair("127.0.0.1:8443", "127.0.0.1:8443"));
}

struct House {
    live: Arc<Live>,
    accounts: Accounts,
    address: String,
}

impl House {
    fn new(organization: &str) -> Self {
        let account = Account::new("CONTOSO\\svc-admin", PASSWORD);
        let settings = Settings { mailboxes: 6, devices: 0, ..Settings::new(account) };
        let live = a_live_organization(&settings, organization);
        let address =
            live.read(|world| world.mailboxes().nth(2).unwrap().primary_smtp_address.clone());
        let (accounts, password) = (settings.accounts.clone(), settings.user_password.clone());
        Self { accounts: Accounts::new(Arc::clone(&live), accounts, password), live, address }
    }

    fn ask(&self, site: Site, body: &str) -> (u16, Option<String>, Element) {
        let person = self.accounts.sign_in(&self.address, PASSWORD).unwrap();
        let call = Call {
            site,
            live: &self.live,
            server: "EX01",
            person: &person,
            host: "localhost:8443",
            https_port: 8443,
            body: body.as_bytes(),
        };
        let answer = match site {
            Site::AutodiscoverPox => pox::answer(&call),
            Site::AutodiscoverSoap | Site::Ews => soap::answer(&call),
        };
        let root = Element::parse(answer.body.as_bytes()).unwrap_or_default();
        (answer.status.as_u16(), answer.location, root)
    }

    fn outlook(&self, address: &str, schema: &str) -> (u16, Option<String>, Element) {
        let request =
            "http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006";
        let body = format!(
            "<Autodiscover xmlns=\"{request}\"><Request><EMailAddress>{address}</EMailAddress>\
             <AcceptableResponseSchema>{schema}</AcceptableResponseSchema></Request></Autodiscover>"
        );
        self.ask(Site::AutodiscoverPox, &body)
    }

    fn settings(&self, address: &str, names: &[&str]) -> (u16, Option<String>, Element) {
        let names: String =
            names.iter().map(|name| format!("<a:Setting>{name}</a:Setting>")).collect();
        let body = format!(
            "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" \
             xmlns:a=\"http://schemas.microsoft.com/exchange/2010/Autodiscover\"><s:Body>\
             <a:GetUserSettingsRequestMessage><a:Request><a:Users><a:User><a:Mailbox>{address}\
             </a:Mailbox></a:User></a:Users><a:RequestedSettings>{names}</a:RequestedSettings>\
             </a:Request></a:GetUserSettingsRequestMessage></s:Body></s:Envelope>"
        );
        self.ask(Site::AutodiscoverSoap, &body)
    }

    fn once(&self, answer: serde_json::Value) {
        let faults = json!({ "autodiscover": { "answer": answer } });
        self.live.set_faults(serde_json::from_value(faults).unwrap());
    }
}

fn texts(root: &Element, name: &str) -> Vec<String> {
    root.all(name).iter().map(|element| element.text.clone()).collect()
}

#[test]
fn outlooks_dialect_names_the_service_or_the_error() {
    let house = House::new("contoso");
    let (status, _, root) = house.outlook(&house.address, OUTLOOK);
    assert_eq!((status, texts(&root, "Action")), (200, vec!["settings".to_owned()]));
    assert_eq!(texts(&root, "Type"), ["EXCH", "EXPR"]);
    assert_eq!(texts(&root, "EwsUrl"), ["https://localhost:8443/EWS/Exchange.asmx"; 2]);
    assert_eq!(texts(&root, "ASUrl"), texts(&root, "EwsUrl"));
    assert_eq!(texts(&root, "AutoDiscoverSMTPAddress"), std::slice::from_ref(&house.address));
    let code = |told: (u16, Option<String>, Element)| texts(&told.2, "ErrorCode").concat();
    assert_eq!(code(house.outlook("nobody@contoso.com", OUTLOOK)), "500");
    assert_eq!(code(house.outlook(&house.address, "urn:other")), "601");
    assert_eq!(code(house.ask(Site::AutodiscoverPox, "<a/>")), "600");
    assert_eq!(code(house.ask(Site::AutodiscoverPox, "")), "600");

    for (answer, action, element) in [
        (json!({ "redirect_address": "a@b.test" }), "redirectAddr", "RedirectAddr"),
        (json!({ "redirect_url": "https://b.test/" }), "redirectUrl", "RedirectUrl"),
    ] {
        house.once(answer);
        let (_, _, root) = house.outlook(&house.address, OUTLOOK);
        assert_eq!(texts(&root, "Action"), [action]);
        assert!(texts(&root, element).concat().contains("b.test"));
        let (_, _, root) = house.outlook(&house.address, OUTLOOK);
        assert_eq!(texts(&root, "Action"), ["settings"], "only once");
    }
}

#[test]
fn soap_tells_each_setting_or_why_not() {
    for (organization, schemas) in [("contoso", "Exchange2016"), ("fabrikam", "Exchange2010_SP2")] {
        let house = House::new(organization);
        let names =
            ["ExternalEwsUrl", "EwsSupportedSchemas", "ExternalPop3Connections", "Nonsense"];
        let (status, _, root) = house.settings(&house.address, &names);
        assert_eq!(status, 200);
        let values = texts(&root, "Value");
        assert_eq!(
            values.first().map(String::as_str),
            Some("https://localhost:8443/EWS/Exchange.asmx")
        );
        assert!(values.get(1).is_some_and(|value| value.ends_with(schemas)), "{values:?}");
        let codes = texts(&root, "ErrorCode");
        let expected = ["NoError", "NoError", "SettingIsNotAvailable", "InvalidSetting"];
        assert_eq!(codes, expected, "response, user, and the two settings");
    }
    let house = House::new("contoso");
    let code = |told: (u16, Option<String>, Element)| texts(&told.2, "ErrorCode").pop();
    let asks = ["ExternalEwsUrl"];
    assert_eq!(code(house.settings("nobody@contoso.com", &asks)).as_deref(), Some("InvalidUser"));
    assert_eq!(code(house.settings("a@b.test", &asks)).as_deref(), Some("InvalidDomain"));
    assert_eq!(code(house.settings(&house.address, &[])).as_deref(), Some("InvalidRequest"));
    assert_eq!(house.ask(Site::AutodiscoverSoap, "<a/>").0, 500);
    house.once(json!({ "error": "ServerBusy" }));
    assert_eq!(code(house.settings(&house.address, &asks)).as_deref(), Some("ServerBusy"));
    house.once(json!({ "http_redirect": "https://b.test/x" }));
    let (status, location, _) = house.settings(&house.address, &asks);
    assert_eq!((status, location.as_deref()), (302, Some("https://b.test/x")));
    house.once(json!({ "http_status": 503 }));
    assert_eq!(house.settings(&house.address, &asks).0, 503);
}
