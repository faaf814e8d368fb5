//! Owns how a mail is shown: which properties a request asks for, and each as types.xsd writes it.
//!
//! Sources: `MessageType` of types.xsd for the order, "BaseShape" for what `Default` has. A property that a mail
//! here does not have is left out, as Exchange does.

use jiff::Timestamp;
use uuid::Uuid;

use super::code::{Code, Failure};
use super::folders::Place;
use super::identity::{Named, change_key};
use crate::mailboxes::delivery::mailbox_of;
use crate::mailboxes::{BodyType, Folder, Mail};
use crate::world::World;
use crate::xml::{Element, escaped};

/// How many properties a request may name.
const PROPERTIES_MAX: usize = 500;
/// Which properties are wanted.
#[derive(Clone, Debug)]
pub struct Shape {
    all: bool,
    default: bool,
    bodies: bool,
    paths: Vec<String>,
    headers: Vec<String>,
}

impl Shape {
    /// Reads an `ItemShape`. `bodies`: whether the operation returns bodies at all, which FindItem does not.
    pub fn read(asked: Option<&Element>, bodies: bool) -> Result<Self, Failure> {
        let base = asked.and_then(|shape| shape.text_at(&["BaseShape"])).unwrap_or("Default");
        let (all, default) = match base {
            "IdOnly" => (false, false),
            "Default" => (false, true),
            "AllProperties" => (true, true),
            _ => return Err(Failure::saying(Code::ErrorSchemaValidation, "BaseShape is unknown.")),
        };
        let further = asked.and_then(|shape| shape.child("AdditionalProperties"));
        let further = further.map(|further| further.children.as_slice()).unwrap_or_default();
        if further.len() > PROPERTIES_MAX {
            return Err(Failure::saying(Code::ErrorInvalidRequest, "Too many properties."));
        }
        let (mut paths, mut headers) = (Vec::new(), Vec::new());
        for path in further {
            if let Some(uri) = path.attribute("FieldURI") {
                paths.push(uri.to_owned());
            } else if let Some(name) = header_name(path) {
                headers.push(name.to_owned());
            }
        }
        let body = ["item:Body", "item:TextBody", "item:UniqueBody", "item:MimeContent"];
        if !bodies && paths.iter().any(|path| body.contains(&path.as_str())) {
            return Err(Code::ErrorInvalidPropertyRequest.into());
        }
        Ok(Self { all, default, bodies, paths, headers })
    }

    fn wants(&self, uri: &str) -> bool {
        const DEFAULT: [&str; 11] = [
            "item:Subject",
            "item:Sensitivity",
            "item:Body",
            "item:Size",
            "item:DateTimeSent",
            "item:DateTimeCreated",
            "item:HasAttachments",
            "message:ToRecipients",
            "message:CcRecipients",
            "message:From",
            "message:IsRead",
        ];
        if uri == "item:Body" && !self.bodies {
            return false;
        }
        let is_asked = self.paths.iter().any(|path| path == uri);
        is_asked || self.all && uri != "item:TextBody" || self.default && DEFAULT.contains(&uri)
    }
}

/// The name of an internet header that an `ExtendedFieldURI` means.
pub fn header_name(path: &Element) -> Option<&str> {
    let is_header = path.attribute("DistinguishedPropertySetId") == Some("InternetHeaders");
    path.attribute("PropertyName").filter(|_| is_header)
}

/// The Message-ID of a mail; of what Exchange wrote, one that follows from its place.
pub fn message_id(world: &World, mail: &Mail) -> String {
    match mail.message_id.as_str() {
        "" => format!("<{}@{}>", mail.number, world.blueprint.server_fqdn()),
        held => held.to_owned(),
    }
}

/// An instant as EWS writes it: seconds, UTC.
pub fn date(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A `Message` element in the making.
struct Page<'a> {
    world: &'a World,
    shape: &'a Shape,
    out: String,
}

/// Shows a mail of a mailbox.
pub fn show(world: &World, mail: &Mail, shape: &Shape) -> String {
    let mailbox = mail.mailbox.unwrap_or_default();
    let item = Named::Item(mailbox, mail.number).id();
    let out = format!("<t:Message><t:ItemId Id=\"{item}\" ChangeKey=\"{}\"/>", change_key(mail));
    let mut page = Page { world, shape, out };
    page.item(mail, mailbox);
    page.message(mail);
    page.out.push_str("</t:Message>");
    page.out
}

impl Page<'_> {
    /// What every item has (`ItemType`).
    fn item(&mut self, mail: &Mail, mailbox: Uuid) {
        let place = match mail.folder {
            Folder::Inbox => Place::Inbox,
            Folder::SentItems => Place::SentItems,
        };
        let (sent, parent) = (date(mail.at), Named::Folder(mailbox, place).id());
        let parent = format!("<t:ParentFolderId Id=\"{parent}\" ChangeKey=\"AQAAAA==\"/>");
        self.put_whole("item:ParentFolderId", &parent);
        self.put("item:ItemClass", "IPM.Note");
        self.put("item:Subject", &escaped(&mail.subject));
        self.put("item:Sensitivity", "Normal");
        let kind = match mail.body_type {
            BodyType::Text => "Text",
            BodyType::Html => "HTML",
        };
        let text = escaped(&mail.body);
        self.put_whole("item:Body", &format!("<t:Body BodyType=\"{kind}\">{text}</t:Body>"));
        self.put("item:DateTimeReceived", &sent);
        self.put("item:Size", &(mail.subject.len() + mail.body.len()).to_string());
        self.put("item:Importance", "Normal");
        self.put("item:IsSubmitted", "false");
        self.put("item:IsDraft", "false");
        let is_own = mail.folder == Folder::SentItems;
        self.put("item:IsFromMe", if is_own { "true" } else { "false" });
        self.put("item:IsResend", "false");
        self.put("item:IsUnmodified", "true");
        let fields = mail.headers.iter().map(|(name, value)| {
            let (name, value) = (escaped(name), escaped(value));
            format!(
                "<t:InternetMessageHeader HeaderName=\"{name}\">{value}</t:InternetMessageHeader>"
            )
        });
        let fields: String = fields.collect();
        if !fields.is_empty() {
            self.put("item:InternetMessageHeaders", &fields);
        }
        self.put("item:DateTimeSent", &sent);
        self.put("item:DateTimeCreated", &sent);
        self.put("item:DisplayCc", &self.display(&mail.cc_recipients));
        let to: Vec<_> = mail.named_recipients().into_iter().map(str::to_owned).collect();
        self.put("item:DisplayTo", &self.display(&to));
        self.put("item:HasAttachments", "false");
        self.extended(mail);
        self.put("item:Culture", "en-US");
        self.put("item:LastModifiedTime", &sent);
        self.put("item:IsAssociated", "false");
        if mail.body_type == BodyType::Text && self.shape.bodies {
            self.put_whole(
                "item:TextBody",
                &format!("<t:TextBody BodyType=\"Text\">{text}</t:TextBody>"),
            );
        }
    }

    /// What a message has beside (`MessageType`).
    fn message(&mut self, mail: &Mail) {
        let sender = self.mailbox(&mail.from);
        self.put("message:Sender", &sender);
        let to: String = mail.named_recipients().iter().map(|held| self.mailbox(held)).collect();
        self.put("message:ToRecipients", &to);
        if !mail.cc_recipients.is_empty() {
            let cc: String = mail.cc_recipients.iter().map(|held| self.mailbox(held)).collect();
            self.put("message:CcRecipients", &cc);
        }
        self.put("message:IsReadReceiptRequested", "false");
        self.put("message:IsDeliveryReceiptRequested", "false");
        self.put("message:ConversationTopic", &escaped(&mail.subject));
        self.put("message:From", &sender);
        self.put("message:InternetMessageId", &escaped(&message_id(self.world, mail)));
        let is_read = mail.folder == Folder::SentItems;
        self.put("message:IsRead", if is_read { "true" } else { "false" });
        self.put("message:IsResponseRequested", "false");
        if mail.folder == Folder::Inbox {
            self.put("message:ReceivedBy", &self.mailbox(&mail.to));
            self.put("message:ReceivedRepresenting", &self.mailbox(&mail.to));
        }
    }

    /// Header fields asked for by name.
    fn extended(&mut self, mail: &Mail) {
        for asked in &self.shape.headers {
            let held = mail.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(asked));
            if let Some((_, value)) = held {
                self.out.push_str(&format!(
                    "<t:ExtendedProperty><t:ExtendedFieldURI \
                     DistinguishedPropertySetId=\"InternetHeaders\" PropertyName=\"{}\" \
                     PropertyType=\"String\"/><t:Value>{}</t:Value></t:ExtendedProperty>",
                    escaped(asked),
                    escaped(value)
                ));
            }
        }
    }

    fn put(&mut self, uri: &str, inner: &str) {
        let name = uri.rsplit(':').next().unwrap_or(uri);
        self.put_whole(uri, &format!("<t:{name}>{inner}</t:{name}>"));
    }

    fn put_whole(&mut self, uri: &str, element: &str) {
        if self.shape.wants(uri) {
            self.out.push_str(element);
        }
    }

    fn mailbox(&self, address: &str) -> String {
        mailbox(self.world, address)
    }

    fn display(&self, addresses: &[String]) -> String {
        let names: Vec<_> =
            addresses.iter().map(|address| escaped(&name_of(self.world, address))).collect();
        names.join("; ")
    }
}

/// Shows an address with the name that the directory has for it.
pub fn mailbox(world: &World, address: &str) -> String {
    let (name, kind) = (name_of(world, address), kind_of(world, address));
    format!(
        "<t:Mailbox><t:Name>{}</t:Name><t:EmailAddress>{}</t:EmailAddress>\
         <t:RoutingType>SMTP</t:RoutingType><t:MailboxType>{kind}</t:MailboxType></t:Mailbox>",
        escaped(&name),
        escaped(address)
    )
}

fn name_of(world: &World, address: &str) -> String {
    mailbox_of(world, address).map_or_else(|| address.to_owned(), |held| held.display_name.clone())
}

fn kind_of(world: &World, address: &str) -> &'static str {
    if mailbox_of(world, address).is_some() { "Mailbox" } else { "OneOff" }
}
