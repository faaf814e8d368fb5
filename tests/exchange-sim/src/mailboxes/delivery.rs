//! Owns where a message goes: into the mailboxes of its recipients, out of the organization, back to its
//! sender as undeliverable, and into the sender's Sent Items.
//!
//! Invariant: every recipient of an accepted message is accounted for: delivered, sent out, or named in a
//! non-delivery report.

use std::collections::HashSet;

use uuid::Uuid;

use super::{BodyType, Folder, Mail, MailKind, Origin};
use crate::behaviour::contact::Moment;
use crate::world::event::Event;
use crate::world::mailbox::Mailbox;
use crate::world::{Found, World};

/// The largest message: `MaxSendSize` of Set-TransportConfig, 10 MB unless changed.
pub const MESSAGE_BYTES_MAX: usize = 10 * 1024 * 1024;
/// The most recipients: `MaxRecipientEnvelopeLimit` of Set-TransportConfig, 500 unless changed.
pub const RECIPIENTS_MAX: usize = 500;
/// What the mail of an organization may take, subjects and bodies counted for each mailbox; more is refused.
pub const STORE_BYTES_MAX: usize = 256 * 1024 * 1024;
/// RFC 5321, 4.5.3.1: a path has at most 256 octets, its brackets included.
const ADDRESS_BYTES_MAX: usize = 254;
/// The sender of what Exchange writes by itself: the system mailbox that every organization has.
const SYSTEM_SENDER: &str = "MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e";

/// A message on its way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// The sender's address.
    pub from: String,
    /// Whom it names as recipients.
    pub to: Vec<String>,
    /// Whom it names as recipients of a copy.
    pub cc: Vec<String>,
    /// Recipients that it does not name.
    pub bcc: Vec<String>,
    /// Who gets it, where an envelope says so (RFC 5321); empty: whom `to`, `cc` and `bcc` list.
    pub envelope: Vec<String>,
    /// The subject.
    pub subject: String,
    /// The text.
    pub body: String,
    /// What the text is written in.
    pub body_type: BodyType,
    /// The Message-ID, in its brackets; empty: one is made.
    pub message_id: String,
    /// Further header fields.
    pub headers: Vec<(String, String)>,
    /// How it came.
    pub origin: Origin,
}

impl Message {
    /// How large it is, as far as its parts tell.
    pub fn bytes(&self) -> usize {
        let headers: usize =
            self.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        self.subject.len() + self.body.len() + headers
    }

    /// Everybody who gets it, each once.
    pub fn recipients(&self) -> Vec<&str> {
        let mut known = HashSet::new();
        let listed = self.to.iter().chain(&self.cc).chain(&self.bcc);
        let all = listed.filter(|_| self.envelope.is_empty()).chain(&self.envelope);
        all.map(String::as_str).filter(|address| known.insert(address.to_lowercase())).collect()
    }
}

/// The address that Exchange's own mail comes from.
pub fn system_sender(domain: &str) -> String {
    format!("{SYSTEM_SENDER}@{domain}")
}

/// Says whether a text is an address as far as a server looks before it accepts it (RFC 5321, 4.1.2,
/// without quoted local parts and address literals).
pub fn is_address(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let is_odd = |character: char| {
        character.is_whitespace() || character.is_control() || "<>()[],;:\"\\@".contains(character)
    };
    text.len() <= ADDRESS_BYTES_MAX
        && !local.is_empty()
        && !local.contains(is_odd)
        && !domain.contains(is_odd)
        && domain.split('.').all(|label| !label.is_empty())
}

/// The mailbox that an address belongs to.
pub fn mailbox_of(world: &World, address: &str) -> Option<std::sync::Arc<Mailbox>> {
    match world.find_mailbox(address) {
        // A mailbox also answers to names that are no address of its own.
        Found::One(held) if held.primary_smtp_address.eq_ignore_ascii_case(address) => Some(held),
        Found::One(_) | Found::None | Found::Several(_) => None,
    }
}

/// Says whether there is room for a message in all the mailboxes that it goes to, `bytes_max` being what all
/// mail may take.
pub fn has_room(world: &World, message: &Message, bytes_max: usize) -> bool {
    let held: usize = world.mails.iter().map(|mail| mail.subject.len() + mail.body.len()).sum();
    // One more for the copy in Sent Items.
    let copies = message.recipients().len().saturating_add(1);
    held.saturating_add(message.bytes().saturating_mul(copies)) <= bytes_max
}

/// Delivers an accepted message; `copy_to` is the mailbox whose Sent Items keep a copy.
pub fn deliver(
    world: &World,
    message: &Message,
    copy_to: Option<Uuid>,
    moment: &Moment,
) -> Vec<Event> {
    let domain = &world.blueprint.domain;
    let message_id = match message.message_id.as_str() {
        "" => format!("<{}@{}>", Uuid::new_v4().simple(), world.blueprint.server_fqdn()),
        given => given.to_owned(),
    };
    let mail = |mailbox: Option<Uuid>, folder: Folder, to: &str| Mail {
        at: moment.now,
        mailbox,
        folder,
        origin: message.origin,
        from: message.from.clone(),
        to: to.to_owned(),
        to_recipients: message.to.clone(),
        cc_recipients: message.cc.clone(),
        subject: message.subject.clone(),
        body: message.body.clone(),
        body_type: message.body_type,
        message_id: message_id.clone(),
        headers: message.headers.clone(),
        ..Mail::default()
    };
    let recipients = message.recipients();
    let (mut mails, mut unknown) = (Vec::new(), Vec::new());
    for &recipient in &recipients {
        let mailbox = mailbox_of(world, recipient).map(|held| held.guid);
        if mailbox.is_none() && is_of(recipient, domain) {
            unknown.push(recipient);
        } else {
            mails.push(mail(mailbox, Folder::Inbox, recipient));
        }
    }
    if let Some(owner) = copy_to {
        let first = recipients.first().copied().unwrap_or_default();
        mails.push(mail(Some(owner), Folder::SentItems, first));
    }
    mails.extend(report(world, message, &unknown, moment));
    mails.into_iter().map(|mail| Event::Mail(Box::new(mail))).collect()
}

/// Tells a sender who did not get a message. Codes: learn.microsoft.com, "Non-delivery reports in Exchange
/// Server" (5.1.1 up to 2013, 5.1.10 later); the wording is made up.
fn report(world: &World, message: &Message, unknown: &[&str], moment: &Moment) -> Option<Mail> {
    if unknown.is_empty() {
        return None;
    }
    let domain = &world.blueprint.domain;
    let [major, minor, _, _] = world.blueprint.version.numbers();
    let status = if (major, minor) < (15, 1) {
        "550 5.1.1 RESOLVER.ADR.RecipNotFound; not found"
    } else {
        "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup"
    };
    let mut body = "Delivery has failed to these recipients or groups:\n".to_owned();
    for recipient in unknown {
        body.push_str(&format!(
            "\n{recipient}\nThe address could not be found.\nRemote Server returned '{status}'\n"
        ));
    }
    Some(Mail {
        at: moment.now,
        kind: MailKind::NonDelivery,
        mailbox: mailbox_of(world, &message.from).map(|held| held.guid),
        from: system_sender(domain),
        to: message.from.clone(),
        subject: format!("Undeliverable: {}", message.subject),
        body,
        message_id: format!("<{}@{}>", Uuid::new_v4().simple(), world.blueprint.server_fqdn()),
        ..Mail::default()
    })
}

fn is_of(address: &str, domain: &str) -> bool {
    address.rsplit_once('@').is_some_and(|(_, held)| held.eq_ignore_ascii_case(domain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_told_from_other_texts() {
        for good in ["jane@contoso.com", "o'brien+x@sub.contoso.com", "müller@contoso.com"] {
            assert!(is_address(good), "{good}");
        }
        let long = format!("{}@contoso.com", "x".repeat(250));
        for bad in ["", "jane", "@contoso.com", "jane@", "a@b@c", "a b@c", "a@b..c", "<a@b>", &long]
        {
            assert!(!is_address(bad), "{bad}");
        }
    }

    #[test]
    fn every_recipient_counts_once() {
        let addresses = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
        let message = Message {
            to: addresses(&["a@x.com", "b@x.com"]),
            cc: addresses(&["A@X.com"]),
            bcc: addresses(&["c@x.com", "b@x.com"]),
            ..Message::default()
        };
        assert_eq!(message.recipients(), ["a@x.com", "b@x.com", "c@x.com"]);
    }
}
