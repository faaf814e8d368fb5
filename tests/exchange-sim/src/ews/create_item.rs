//! Owns `CreateItem`: a message is sent, with or without a copy in Sent Items.
//!
//! Sources: "CreateItem operation" and "MessageDisposition". What is refused here and not by Exchange:
//! `SaveOnly`, attachments, items that are no messages.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::access::Access;
use super::code::{Code, Failure};
use super::envelope;
use super::folders::{self, Place};
use super::items::header_name;
use crate::mailboxes::delivery::{
    self, MESSAGE_BYTES_MAX, Message, RECIPIENTS_MAX, STORE_BYTES_MAX,
};
use crate::mailboxes::{BodyType, Origin, mime};
use crate::world::event::Event;
use crate::xml::Element;

/// `CreateItem`: what happens, and the answer.
pub fn create(access: &Access<'_>, asked: &Element) -> (Vec<Event>, String) {
    let items = asked.child("Items").map(|items| items.children.as_slice()).unwrap_or_default();
    let (mut events, mut messages) = (Vec::new(), Vec::new());
    for item in items {
        messages.push(one(access, asked, item).map(|sent| {
            events.extend(sent);
            "<m:Items/>".to_owned()
        }));
    }
    (events, envelope::responses("CreateItem", &messages))
}

fn one(access: &Access<'_>, asked: &Element, item: &Element) -> Result<Vec<Event>, Failure> {
    if item.name != "Message" {
        return Err(Failure::saying(
            Code::ErrorInvalidOperation,
            "Only messages are created here.",
        ));
    }
    let own = access.own()?;
    let copy_to = match asked.attribute("MessageDisposition") {
        None => return Err(Code::ErrorMessageDispositionRequired.into()),
        Some("SendOnly") => None,
        Some("SendAndSaveCopy") => Some(copy_folder(access, asked)?),
        Some(_) => {
            return Err(Failure::saying(
                Code::ErrorInvalidOperation,
                "Nothing is only saved here.",
            ));
        }
    };
    let message = read(item)?;
    let from = own.primary_smtp_address.clone();
    if !message.from.is_empty() && !message.from.eq_ignore_ascii_case(&from) {
        return Err(Code::ErrorSendAsDenied.into());
    }
    let message = Message { from, origin: Origin::Ews, ..message };
    let recipients = message.recipients();
    if recipients.is_empty() {
        return Err(Code::ErrorMissingRecipients.into());
    }
    if recipients.len() > RECIPIENTS_MAX || !recipients.into_iter().all(delivery::is_address) {
        return Err(Code::ErrorInvalidRecipients.into());
    }
    if message.bytes() > MESSAGE_BYTES_MAX {
        return Err(Code::ErrorMessageSizeExceeded.into());
    }
    if !delivery::has_room(access.world, &message, STORE_BYTES_MAX) {
        return Err(Code::ErrorQuotaExceeded.into());
    }
    Ok(delivery::deliver(access.world, &message, copy_to, access.moment))
}

/// The mailbox that keeps the copy: in Sent Items, whether named or not.
fn copy_folder(access: &Access<'_>, asked: &Element) -> Result<uuid::Uuid, Failure> {
    let Some(id) = asked.child("SavedItemFolderId").and_then(|held| held.children.first()) else {
        return Ok(access.own()?.guid);
    };
    match folders::find(access, id)? {
        (mailbox, Place::SentItems) => Ok(mailbox),
        _ => Err(Failure::saying(Code::ErrorInvalidOperation, "Copies are kept in Sent Items.")),
    }
}

fn read(item: &Element) -> Result<Message, Failure> {
    if item.child("Attachments").is_some_and(|held| !held.children.is_empty()) {
        return Err(Failure::saying(Code::ErrorInvalidOperation, "No attachments are kept here."));
    }
    let mut message = match item.text_at(&["MimeContent"]) {
        None => Message::default(),
        Some(content) => {
            let content: String = content.split_ascii_whitespace().collect();
            let bytes = STANDARD.decode(content).ok();
            let read = bytes.as_deref().and_then(mime::read);
            read.ok_or_else(|| Failure::saying(Code::ErrorInvalidRequest, "MimeContent."))?
        }
    };
    if let Some(subject) = item.child("Subject") {
        message.subject.clone_from(&subject.text);
    }
    if let Some(body) = item.child("Body") {
        message.body.clone_from(&body.text);
        let is_html = body.attribute("BodyType") == Some("HTML");
        message.body_type = if is_html { BodyType::Html } else { BodyType::Text };
    }
    for (name, list) in [
        ("ToRecipients", &mut message.to),
        ("CcRecipients", &mut message.cc),
        ("BccRecipients", &mut message.bcc),
    ] {
        if let Some(field) = item.child(name) {
            *list = field.children.iter().map(address).collect();
        }
    }
    if let Some(from) = item.at(&["From", "Mailbox"]) {
        message.from = address(from);
    }
    if let Some(id) = item.text_at(&["InternetMessageId"]) {
        message.message_id = id.to_owned();
    }
    for property in item.children.iter().filter(|child| child.name == "ExtendedProperty") {
        let name = property.child("ExtendedFieldURI").and_then(header_name);
        let value = property.child("Value").map(|value| value.text.trim());
        if let (Some(name), Some(value)) = (name, value)
            && message.headers.len() < mime::HEADERS_MAX
        {
            message.headers.push((name.to_owned(), value.to_owned()));
        }
    }
    Ok(message)
}

/// The address of a `Mailbox`; a name alone is no recipient.
fn address(mailbox: &Element) -> String {
    mailbox.text_at(&["EmailAddress"]).unwrap_or_default().to_owned()
}
