//! Owns who may sign in to an organization, and which mailbox is theirs.
//!
//! Invariant: a password is compared or lent to a sign-in, never shown.

use std::sync::Arc;

use uuid::Uuid;

use crate::live::Live;
use crate::settings::{Account, Password};
use crate::world::mailbox::Mailbox;
use crate::world::{Found, World};

/// Those who may sign in to one organization.
#[derive(Clone, Debug)]
pub struct Accounts {
    live: Arc<Live>,
    administrators: Vec<Account>,
    user_password: Option<Password>,
}

/// One who may sign in.
#[derive(Clone, Debug)]
pub struct Person {
    /// The account, with its password.
    pub account: Account,
    /// Whether it is one of the simulator's accounts, which administer, and may impersonate; else it is the
    /// user of a mailbox.
    pub administers: bool,
    /// The mailbox that is theirs.
    pub mailbox: Option<Uuid>,
}

impl Accounts {
    /// The simulator's accounts, and with a password for them every mailbox's user.
    pub fn new(
        live: Arc<Live>,
        administrators: Vec<Account>,
        user_password: Option<Password>,
    ) -> Self {
        Self { live, administrators, user_password }
    }

    /// Finds whom a name means: `DOMAIN\user`, `user@domain`, the bare user name; for users also the address.
    ///
    /// Names compare without regard to case, as in a directory.
    pub fn find(&self, name: &str) -> Option<Person> {
        let held = self.administrators.iter().find(|account| same(&account.name, name));
        self.live.read(|world| match held {
            Some(account) => {
                let mailbox = mailbox_of(world, &account.name).map(|held| held.guid);
                Some(Person { account: account.clone(), administers: true, mailbox })
            }
            None => {
                let password = self.user_password.clone()?;
                let mailbox = mailbox_of(world, name)?;
                let account = Account { password, ..Account::new(name, "") };
                Some(Person { account, administers: false, mailbox: Some(mailbox.guid) })
            }
        })
    }

    /// Finds whom a name means, if the password is theirs.
    pub fn sign_in(&self, name: &str, password: &str) -> Option<Person> {
        self.find(name).filter(|person| person.account.password.is(password))
    }
}

/// The mailbox of an account: by its whole name, else by its user name.
fn mailbox_of(world: &World, name: &str) -> Option<Arc<Mailbox>> {
    [name, user(name)].into_iter().filter(|name| !name.is_empty()).find_map(|name| {
        match world.find_mailbox(name) {
            // Nobody signs in with a display name.
            Found::One(held) if held.display_name != name => Some(held),
            Found::One(_) | Found::None | Found::Several(_) => None,
        }
    })
}

fn same(held: &str, sent: &str) -> bool {
    held.eq_ignore_ascii_case(sent) || user(held).eq_ignore_ascii_case(user(sent))
}

fn user(name: &str) -> &str {
    let name = name.rsplit('\\').next().unwrap_or(name);
    name.split('@').next().unwrap_or(name)
}
