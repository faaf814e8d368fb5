//! Requests as clients write them, against a small organization without a network.

use std::sync::Arc;

use serde_json::json;

use super::endpoint;
use crate::accounts::{Accounts, Person};
use crate::faults::Faults;
use crate::live::Live;
use crate::mailboxes::Mail;
use crate::mailboxes::delivery::{self, Message};
use crate::settings::{Account, Settings};
use crate::simulator::tests::a_live_organization;
use crate::web::{Answer, NoAnswer};
use crate::world::mailbox::Mailbox;
use crate::xml::Element;

const PASSWORD: &str = "correct horse";

struct House {
    live: Arc<Live>,
    accounts: Accounts,
    people: Vec<Arc<Mailbox>>,
}

impl House {
    fn new() -> Self {
        let account = Account::new("CONTOSO\\svc-admin", PASSWORD);
        let settings = Settings { mailboxes: 6, devices: 0, ..Settings::new(account.clone()) };
        let password = settings.user_password.clone();
        let live = a_live_organization(&settings, "contoso");
        let people = live.read(|world| world.mailboxes().collect::<Vec<_>>());
        let accounts = Accounts::new(Arc::clone(&live), vec![account], password);
        Self { live, accounts, people }
    }

    fn person(&self, number: usize) -> Person {
        self.accounts.sign_in(&self.people[number].primary_smtp_address, PASSWORD).unwrap()
    }

    fn address(&self, number: usize) -> &str {
        &self.people[number].primary_smtp_address
    }

    async fn ask(&self, person: &Person, header: &str, body: &str) -> Result<Answer, NoAnswer> {
        let envelope = format!(
            "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" \
             xmlns:t=\"http://schemas.microsoft.com/exchange/services/2006/types\" \
             xmlns:m=\"http://schemas.microsoft.com/exchange/services/2006/messages\">\
             <s:Header>{header}</s:Header><s:Body>{body}</s:Body></s:Envelope>"
        );
        endpoint::answer(&self.live, "EX01", person, envelope.as_bytes()).await
    }

    /// Asks, and returns the status, the first response code, and everything.
    async fn told(&self, number: usize, body: &str) -> (u16, String, Element) {
        let answer = self.ask(&self.person(number), VERSION, body).await.unwrap();
        let root = Element::parse(answer.body.as_bytes()).unwrap();
        let code = root.all("ResponseCode").first().map(|code| code.text.clone());
        (answer.status.as_u16(), code.unwrap_or_default(), root)
    }

    fn mails(&self) -> Vec<Arc<Mail>> {
        self.live.read(|world| world.mails.clone())
    }
}

const VERSION: &str = "<t:RequestServerVersion Version=\"Exchange2010\"/>";

/// A message, a copy of which is kept in Sent Items.
fn create(disposition: &str, inner: &str) -> String {
    format!(
        "<m:CreateItem {disposition}><m:SavedItemFolderId><t:DistinguishedFolderId Id=\"sentitems\"/>\
         </m:SavedItemFolderId><m:Items><t:Message>{inner}</t:Message></m:Items></m:CreateItem>"
    )
}

fn to(address: &str) -> String {
    format!(
        "<t:Subject>s</t:Subject><t:Body BodyType=\"HTML\">b</t:Body><t:ToRecipients><t:Mailbox>\
         <t:EmailAddress>{address}</t:EmailAddress></t:Mailbox></t:ToRecipients>"
    )
}

#[tokio::test]
async fn a_message_is_sent_once_and_found_by_what_its_sender_put_in() {
    let house = House::new();
    let header = "<t:ExtendedFieldURI DistinguishedPropertySetId=\"InternetHeaders\" \
                  PropertyName=\"X-Ticket\" PropertyType=\"String\"/>";
    let message = format!(
        "<t:Subject>s</t:Subject><t:Body BodyType=\"Text\">b</t:Body>\
         <t:ExtendedProperty>{header}<t:Value>77</t:Value></t:ExtendedProperty>\
         <t:ToRecipients><t:Mailbox><t:EmailAddress>{}</t:EmailAddress></t:Mailbox></t:ToRecipients>\
         <t:InternetMessageId>&lt;1@agent&gt;</t:InternetMessageId>",
        house.address(2)
    );
    let sent = create("MessageDisposition=\"SendAndSaveCopy\"", &message);
    let (status, code, root) = house.told(1, &sent).await;
    assert_eq!((status, code.as_str()), (200, "NoError"));
    assert!(root.all("Items").iter().all(|items| items.children.is_empty()));
    let version = root.all("ServerVersionInfo")[0].attribute("MajorVersion").map(str::to_owned);
    assert_eq!(version.as_deref(), Some("15"));
    assert_eq!(house.mails().len(), 2, "the recipient's and the copy");

    let search = |folder: &str, restriction: &str| {
        format!(
            "<m:FindItem Traversal=\"Shallow\"><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape>\
             <t:AdditionalProperties>{header}</t:AdditionalProperties></m:ItemShape>\
             <m:Restriction>{restriction}</m:Restriction><m:ParentFolderIds>\
             <t:DistinguishedFolderId Id=\"{folder}\"/></m:ParentFolderIds></m:FindItem>"
        )
    };
    let equals = |path: &str, value: &str| {
        format!(
            "<t:IsEqualTo>{path}<t:FieldURIOrConstant><t:Constant Value=\"{value}\"/>\
             </t:FieldURIOrConstant></t:IsEqualTo>"
        )
    };
    let id = "<t:FieldURI FieldURI=\"message:InternetMessageId\"/>";
    for (restriction, found) in [
        (equals(id, "&lt;1@agent&gt;"), 1),
        (equals(id, "&lt;2@agent&gt;"), 0),
        (equals(header, "77"), 1),
        (format!("<t:Not>{}</t:Not>", equals(header, "77")), 0),
    ] {
        let (_, code, root) = house.told(1, &search("sentitems", &restriction)).await;
        assert_eq!((code.as_str(), root.all("Message").len()), ("NoError", found), "{restriction}");
        let values: Vec<_> = root.all("Value").iter().map(|value| value.text.clone()).collect();
        assert_eq!(values, vec!["77"; found]);
    }
    let unsearchable = equals("<t:FieldURI FieldURI=\"item:Size\"/>", "1");
    let (_, code, _) = house.told(1, &search("inbox", &unsearchable)).await;
    assert_eq!(code, "ErrorUnsupportedPathForQuery");
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused_by_its_code() {
    let house = House::new();
    let send = "MessageDisposition=\"SendOnly\"";
    let large =
        format!("<t:Body BodyType=\"Text\">{}</t:Body>{}", "x".repeat(11 << 20), to("a@b.test"));
    let from = format!(
        "{}<t:From><t:Mailbox><t:EmailAddress>{}</t:EmailAddress></t:Mailbox></t:From>",
        to(house.address(2)),
        house.address(3)
    );
    for (request, code) in [
        (create("", &to(house.address(2))), "ErrorMessageDispositionRequired"),
        (create("MessageDisposition=\"SaveOnly\"", &to(house.address(2))), "ErrorInvalidOperation"),
        (create(send, &to("nobody")), "ErrorInvalidRecipients"),
        (create(send, "<t:Subject>s</t:Subject>"), "ErrorMissingRecipients"),
        (create(send, &from), "ErrorSendAsDenied"),
        (create(send, &large), "ErrorMessageSizeExceeded"),
        (
            create(send, "<t:Attachments><t:FileAttachment/></t:Attachments>"),
            "ErrorInvalidOperation",
        ),
    ] {
        let start: String = request.chars().take(80).collect();
        assert_eq!(house.told(1, &request).await.1, code, "{start}");
    }
    let account = house.accounts.sign_in("svc-admin@contoso.com", PASSWORD).unwrap();
    let answer = house.ask(&account, VERSION, &create(send, &to(house.address(2)))).await.unwrap();
    assert!(answer.body.contains("ErrorMissingEmailAddress"), "{}", answer.body);
    assert!(house.mails().is_empty());
}

#[tokio::test]
async fn a_request_that_is_none_ends_in_a_fault() {
    let house = House::new();
    let person = house.person(1);
    for (header, body, code) in [
        (
            "<t:RequestServerVersion Version=\"Exchange2030\"/>",
            "<m:GetItem/>",
            "ErrorInvalidServerVersion",
        ),
        (VERSION, "<m:DeleteItem/>", "ErrorInvalidOperation"),
        (VERSION, "<t:GetItem/>", "ErrorSchemaValidation"),
        (VERSION, "", "ErrorSchemaValidation"),
    ] {
        let answer = house.ask(&person, header, body).await.unwrap();
        assert_eq!(answer.status, 500, "{body}");
        assert!(answer.body.contains(&format!("a:{code}")), "{}", answer.body);
    }
    let dtd = b"<!DOCTYPE x [<!ENTITY a \"b\">]><x>&a;</x>";
    let answer = endpoint::answer(&house.live, "EX01", &person, dtd).await.unwrap();
    assert!(answer.status == 500 && answer.body.contains("ErrorSchemaValidation"));
}

#[tokio::test]
async fn ids_of_others_open_nothing() {
    let house = House::new();
    let send = create("MessageDisposition=\"SendOnly\"", &to(house.address(2)));
    house.told(1, &send).await;
    let find = "<m:FindItem Traversal=\"Shallow\"><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape>\
                </m:ItemShape><m:ParentFolderIds><t:DistinguishedFolderId Id=\"inbox\"/>\
                </m:ParentFolderIds></m:FindItem>";
    let (_, _, root) = house.told(2, find).await;
    let id = root.all("ItemId")[0].attribute("Id").unwrap().to_owned();
    let get = |id: &str| {
        format!(
            "<m:GetItem><m:ItemShape><t:BaseShape>Default</t:BaseShape></m:ItemShape><m:ItemIds>\
             <t:ItemId Id=\"{id}\"/></m:ItemIds></m:GetItem>"
        )
    };
    let (_, code, root) = house.told(2, &get(&id)).await;
    assert_eq!((code.as_str(), root.all("Body").len()), ("NoError", 2), "SOAP's and the mail's");
    assert_eq!(house.told(1, &get(&id)).await.1, "ErrorAccessDenied");
    assert_eq!(house.told(2, &get("nonsense")).await.1, "ErrorInvalidIdMalformed");
}

#[tokio::test]
async fn faults_come_as_often_as_they_are_set() {
    let house = House::new();
    let faults: Faults = serde_json::from_value(json!({
        "ews_errors": [
            { "code": "ErrorServerBusy", "back_off_ms": 2000, "times": 2 },
            { "code": "ErrorMailboxMoveInProgress", "operation": "CreateItem" },
            { "http_status": 401 },
        ],
        "lose_answer": { "cmdlet": "CreateItem", "times": 1 },
    }))
    .unwrap();
    house.live.set_faults(faults);
    let send = create("MessageDisposition=\"SendOnly\"", &to(house.address(2)));
    for _ in 0..2 {
        let (status, code, root) = house.told(1, &send).await;
        assert_eq!((status, code.as_str()), (500, "ErrorServerBusy"));
        let value = root.all("Value")[0];
        assert_eq!(
            (value.attribute("Name"), value.text.as_str()),
            (Some("BackOffMilliseconds"), "2000")
        );
    }
    let (status, code, _) = house.told(1, &send).await;
    assert_eq!((status, code.as_str()), (200, "ErrorMailboxMoveInProgress"));
    let person = house.person(1);
    assert_eq!(house.ask(&person, VERSION, &send).await.unwrap().status, 401);
    assert!(house.mails().is_empty());
    let lost = house.ask(&person, VERSION, &send).await;
    assert!(matches!(lost, Err(NoAnswer::Lost)), "{lost:?}");
    assert_eq!(house.mails().len(), 1, "it was sent all the same");
}

#[tokio::test]
async fn room_is_counted_for_each_mailbox() {
    let house = House::new();
    let message = Message {
        to: vec![house.address(2).to_owned(), house.address(3).to_owned()],
        body: "x".repeat(100),
        ..Message::default()
    };
    let has_room =
        |bytes_max| house.live.read(|world| delivery::has_room(world, &message, bytes_max));
    assert!(has_room(300) && !has_room(299), "two recipients and a copy");
    let deliver = |world: &_, moment: &_| (delivery::deliver(world, &message, None, moment), ());
    house.live.change(deliver).unwrap();
    assert!(has_room(500) && !has_room(499), "two are there");
}
