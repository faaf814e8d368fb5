//! Owns whose mailbox a request acts in, and what it may open there.
//!
//! Sources: "Impersonation and EWS in Exchange", "ConnectingSID". The simulator's accounts are taken to have
//! the role ApplicationImpersonation over everybody; nobody has rights in another's mailbox otherwise.

use std::sync::Arc;

use uuid::Uuid;

use super::code::{Code, Failure};
use crate::accounts::Person;
use crate::behaviour::contact::Moment;
use crate::mailboxes::delivery::mailbox_of;
use crate::world::mailbox::Mailbox;
use crate::world::{Found, World};
use crate::xml::Element;

/// A request's view of the organization.
#[derive(Clone, Copy, Debug)]
pub struct Access<'a> {
    /// Everything.
    pub world: &'a World,
    /// The mailbox that it acts as; `None`: the account has none.
    pub acting: Option<Uuid>,
    /// The present.
    pub moment: &'a Moment,
}

impl<'a> Access<'a> {
    /// Decides whom a request acts as.
    pub fn new(
        world: &'a World,
        person: &Person,
        connecting: Option<&Element>,
        moment: &'a Moment,
    ) -> Result<Self, Failure> {
        let acting = match connecting {
            None => person.mailbox,
            Some(_) if !person.administers => return Err(Code::ErrorImpersonateUserDenied.into()),
            Some(connecting) => Some(impersonated(world, connecting)?),
        };
        Ok(Self { world, acting, moment })
    }

    /// The mailbox that it acts as.
    pub fn own(&self) -> Result<Arc<Mailbox>, Failure> {
        let own = self.acting.and_then(|guid| self.world.mailbox(guid));
        own.ok_or_else(|| Code::ErrorMissingEmailAddress.into())
    }

    /// The mailbox of an address, or its own.
    pub fn named(&self, address: Option<&str>) -> Result<Uuid, Failure> {
        match address {
            None => Ok(self.own()?.guid),
            Some(address) => {
                let held = mailbox_of(self.world, address);
                held.map(|held| held.guid).ok_or_else(|| Code::ErrorNonExistentMailbox.into())
            }
        }
    }

    /// Refuses what is another's.
    pub fn may_open(&self, mailbox: Uuid) -> Result<(), Failure> {
        if self.acting == Some(mailbox) { Ok(()) } else { Err(Code::ErrorAccessDenied.into()) }
    }
}

fn impersonated(world: &World, connecting: &Element) -> Result<Uuid, Failure> {
    let one = connecting.children.first().ok_or(Code::ErrorImpersonationFailed)?;
    let text = one.text.trim();
    let found = match one.name.as_str() {
        "PrimarySmtpAddress" | "SmtpAddress" => mailbox_of(world, text),
        "PrincipalName" => match world.find_mailbox(text) {
            Found::One(held) if held.user_principal_name.eq_ignore_ascii_case(text) => Some(held),
            Found::One(_) | Found::None | Found::Several(_) => None,
        },
        // No mailbox here has a security identifier.
        _ => return Err(Code::ErrorImpersonationFailed.into()),
    };
    found.map(|held| held.guid).ok_or_else(|| Code::ErrorNonExistentMailbox.into())
}
