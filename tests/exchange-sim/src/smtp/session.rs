//! Owns one conversation at the submission port: what each line means and what is replied.
//!
//! Invariant: pure of the network. It eats lines and messages and says what to do next.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use smtp_proto::{AUTH_LOGIN, Error, Request};
use uuid::Uuid;

use super::replies;
use crate::accounts::{Accounts, Person};
use crate::faults::SmtpStage;
use crate::live::Live;
use crate::mailboxes::delivery::{self, MESSAGE_BYTES_MAX, RECIPIENTS_MAX, STORE_BYTES_MAX};
use crate::mailboxes::{Origin, mime};

/// `MaxProtocolErrors` of Set-ReceiveConnector.
const ERRORS_MAX: u32 = 5;

/// A conversation.
#[derive(Debug)]
pub struct Session {
    live: Arc<Live>,
    accounts: Accounts,
    fqdn: String,
    is_modern: bool,
    is_secure: bool,
    is_greeted: bool,
    errors: u32,
    login: Option<Login>,
    person: Option<Person>,
    sender: Option<String>,
    recipients: Vec<String>,
}

/// How far AUTH LOGIN has come.
#[derive(Debug)]
enum Login {
    WantsName,
    WantsPassword(String),
}

/// What to do after a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Send this.
    Reply(String),
    /// Send this, and begin TLS.
    Secure(String),
    /// Send this, and read a message.
    Message(String),
    /// Send this, and close.
    Close(String),
}

impl Session {
    /// A new connection to a server.
    pub fn new(live: Arc<Live>, accounts: Accounts, fqdn: String) -> Self {
        let is_modern = live.read(|world| world.blueprint.version.is_modern());
        Self {
            live,
            accounts,
            fqdn,
            is_modern,
            is_secure: false,
            is_greeted: false,
            errors: 0,
            login: None,
            person: None,
            sender: None,
            recipients: Vec::new(),
        }
    }

    /// What the server says first.
    pub fn greet(&self) -> Next {
        match self.live.smtp_reply(SmtpStage::Connect) {
            Some(reply) => Next::Close(reply),
            None => Next::Reply(replies::greeting(&self.fqdn, self.live.moment().now)),
        }
    }

    /// TLS is there: everything said before is forgotten (RFC 3207, 4.2).
    pub fn secured(&mut self) {
        self.is_secure = true;
        self.is_greeted = false;
        self.forget();
    }

    /// Eats a line, its end included.
    pub fn line(&mut self, line: &[u8]) -> Next {
        let next = match self.login.take() {
            Some(login) => self.credential(login, line),
            None => match Request::parse(&mut line.iter()) {
                Ok(request) => self.command(request),
                Err(Error::UnknownCommand) => reply(replies::UNKNOWN),
                Err(Error::InvalidSenderAddress | Error::InvalidRecipientAddress) => {
                    reply(replies::BAD_ADDRESS)
                }
                Err(_) => reply(replies::MALFORMED),
            },
        };
        self.counted(next)
    }

    /// Eats a message.
    pub fn message(&mut self, bytes: &[u8]) -> Next {
        let next = match self.live.smtp_reply(SmtpStage::Message) {
            Some(wanted) => Next::Reply(wanted),
            None => self.submit(bytes),
        };
        self.forget();
        self.counted(next)
    }

    /// Refuses a message that was too large to keep.
    pub fn too_large(&mut self) -> Next {
        self.forget();
        self.counted(reply(replies::TOO_LARGE))
    }

    fn command(&mut self, request: Request<std::borrow::Cow<'_, str>>) -> Next {
        match request {
            Request::Ehlo { .. } => {
                self.is_greeted = true;
                self.forget();
                Next::Reply(replies::extensions(&self.fqdn, MESSAGE_BYTES_MAX, self.is_secure))
            }
            Request::Helo { .. } => {
                self.is_greeted = true;
                self.forget();
                Next::Reply(format!("250 {} Hello [127.0.0.1]", self.fqdn))
            }
            Request::Noop { .. } => reply(replies::NOTHING),
            Request::Quit => Next::Close(replies::BYE.to_owned()),
            Request::Rset => {
                self.forget();
                reply(replies::RESET)
            }
            _ if !self.is_greeted => reply(replies::NO_HELLO),
            Request::StartTls if !self.is_secure => Next::Secure(replies::TLS_READY.to_owned()),
            Request::Auth { mechanism, initial_response } => {
                self.auth(mechanism, &initial_response)
            }
            Request::Mail { from } => self.mail(&from.address, from.size),
            Request::Rcpt { to } => self.recipient(&to.address),
            Request::Data => self.data(),
            Request::StartTls
            | Request::Lhlo { .. }
            | Request::Bdat { .. }
            | Request::Vrfy { .. }
            | Request::Expn { .. }
            | Request::Help { .. }
            | Request::Etrn { .. }
            | Request::Atrn { .. }
            | Request::Burl { .. } => reply(replies::UNKNOWN),
        }
    }

    /// Only LOGIN: receive connectors offer no PLAIN.
    fn auth(&mut self, mechanism: u64, initial: &str) -> Next {
        if self.person.is_some() {
            return reply(replies::SIGNED_IN_BEFORE);
        }
        if !self.is_secure || mechanism != AUTH_LOGIN {
            return reply(replies::NO_MECHANISM);
        }
        if initial.is_empty() {
            self.login = Some(Login::WantsName);
            return reply(replies::LOGIN_PROMPTS[0]);
        }
        self.credential(Login::WantsName, initial.as_bytes())
    }

    fn credential(&mut self, login: Login, line: &[u8]) -> Next {
        let text =
            STANDARD.decode(line.trim_ascii()).ok().and_then(|it| String::from_utf8(it).ok());
        // A line of "*" gives up (RFC 4954, 4); it is no base64.
        let Some(text) = text else { return reply(replies::NOT_SIGNED_IN) };
        match login {
            Login::WantsName => {
                self.login = Some(Login::WantsPassword(text));
                reply(replies::LOGIN_PROMPTS[1])
            }
            Login::WantsPassword(name) => {
                if let Some(wanted) = self.live.smtp_reply(SmtpStage::Auth) {
                    return Next::Reply(wanted);
                }
                self.person = self.accounts.sign_in(&name, &text);
                let known = self.person.is_some();
                reply(if known { replies::SIGNED_IN } else { replies::NOT_SIGNED_IN })
            }
        }
    }

    fn mail(&mut self, sender: &str, bytes: usize) -> Next {
        if self.person.is_none() {
            return reply(replies::not_authenticated(self.is_modern));
        }
        if let Some(wanted) = self.live.smtp_reply(SmtpStage::Mail) {
            return Next::Reply(wanted);
        }
        if self.sender.is_some() {
            return reply(replies::SENDER_GIVEN);
        }
        if bytes > MESSAGE_BYTES_MAX {
            return reply(replies::TOO_LARGE);
        }
        if !delivery::is_address(sender) {
            return reply(replies::BAD_ADDRESS);
        }
        self.sender = Some(sender.to_owned());
        reply(replies::SENDER_OK)
    }

    fn recipient(&mut self, address: &str) -> Next {
        if self.sender.is_none() {
            return reply(replies::NO_SENDER);
        }
        if let Some(wanted) = self.live.smtp_reply(SmtpStage::Recipient) {
            return Next::Reply(wanted);
        }
        if !delivery::is_address(address) {
            return reply(replies::BAD_ADDRESS);
        }
        if self.recipients.len() >= RECIPIENTS_MAX {
            return reply(replies::TOO_MANY_RECIPIENTS);
        }
        self.recipients.push(address.to_owned());
        reply(replies::RECIPIENT_OK)
    }

    fn data(&self) -> Next {
        if self.sender.is_none() {
            return reply(replies::NO_SENDER);
        }
        if self.recipients.is_empty() {
            return reply(replies::NO_RECIPIENT);
        }
        match self.live.smtp_reply(SmtpStage::Data) {
            Some(wanted) => Next::Reply(wanted),
            None => Next::Message(replies::GO_ON.to_owned()),
        }
    }

    fn submit(&mut self, bytes: &[u8]) -> Next {
        let (Some(sender), Some(person)) = (self.sender.take(), &self.person) else {
            return reply(replies::NO_SENDER);
        };
        let mut message = mime::read(bytes).unwrap_or_default();
        if message.from.is_empty() {
            message.from.clone_from(&sender);
        }
        if message.message_id.is_empty() {
            message.message_id = format!("<{}@{}>", Uuid::new_v4().simple(), self.fqdn);
        }
        message.origin = Origin::Smtp;
        message.envelope = std::mem::take(&mut self.recipients);
        let message_id = message.message_id.clone();
        let sent = self.live.change(|world, moment| {
            let own = person.mailbox.and_then(|guid| world.mailbox(guid));
            let may_send = own.is_some_and(|own| {
                [&sender, &message.from]
                    .into_iter()
                    .all(|address| address.eq_ignore_ascii_case(&own.primary_smtp_address))
            });
            if !may_send {
                return (Vec::new(), Err(replies::not_the_sender(self.is_modern)));
            }
            if !delivery::has_room(world, &message, STORE_BYTES_MAX) {
                return (Vec::new(), Err(replies::NO_ROOM));
            }
            let number = world.mails.len() as u64 + 1;
            (delivery::deliver(world, &message, None, moment), Ok(number))
        });
        match sent {
            Ok(Ok(number)) => Next::Reply(replies::queued(&message_id, &self.fqdn, number)),
            Ok(Err(refusal)) => reply(refusal),
            Err(error) => {
                tracing::error!(error = exgate_runtime::report(&error), "mail was not kept");
                reply(replies::NOT_KEPT)
            }
        }
    }

    fn forget(&mut self) {
        self.sender = None;
        self.recipients.clear();
    }

    /// Counts mistakes; one too many closes the connection.
    fn counted(&mut self, next: Next) -> Next {
        if let Next::Reply(text) = &next
            && text.starts_with('5')
        {
            self.errors += 1;
            if self.errors > ERRORS_MAX {
                return Next::Close(replies::TOO_MANY_ERRORS.to_owned());
            }
        }
        next
    }
}

fn reply(text: &str) -> Next {
    Next::Reply(text.to_owned())
}

#[cfg(test)]
mod tests;
