//! Owns who may sign in to an organization, and which mailbox is theirs.
//!
//! Invariant: a password is compared or lent to a sign-in, never shown.

use std::sync::Arc;

use jiff::Timestamp;
use uuid::Uuid;

use crate::live::Live;
use crate::settings::{Account, Password};
use crate::sign_in::names;
use crate::world::chance::Chance;
use crate::world::event::Event;
use crate::world::mailbox::Mailbox;
use crate::world::{Found, World};

/// Those who may sign in to one organization.
#[derive(Clone, Debug)]
pub struct Accounts {
    administrators: Vec<Account>,
    users: Option<Users>,
}

/// The users of an organization's mailboxes.
#[derive(Clone, Debug)]
struct Users {
    live: Arc<Live>,
    password: Option<Password>,
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
    pub fn new(live: Arc<Live>, administrators: Vec<Account>, password: Option<Password>) -> Self {
        Self { administrators, users: Some(Users { live, password }) }
    }

    /// These accounts alone; none has a mailbox.
    pub fn only(administrators: Vec<Account>) -> Self {
        Self { administrators, users: None }
    }

    /// The accounts that a name may mean: the simulator's, of which several may have one user name, else a
    /// user's. Users are also known by their address.
    pub fn candidates(&self, name: &str) -> Vec<Account> {
        let named = self.administrators.iter().filter(|account| names::same(&account.name, name));
        let named: Vec<_> = named.cloned().collect();
        let users = self.users.as_ref().filter(|_| named.is_empty());
        let Some((users, password)) = users.and_then(|it| Some((it, it.password.clone()?))) else {
            return named;
        };
        let user = users.mailbox(name).map(|_| Account { password, ..Account::new(name, "") });
        user.into_iter().collect()
    }

    /// Whether an account is one of the simulator's, not a user's.
    pub fn administers(&self, account: &Account) -> bool {
        self.administrators.iter().any(|held| held.name == account.name)
    }

    /// Whose account this is.
    pub fn person(&self, account: Account) -> Person {
        let administers = self.administers(&account);
        let mailbox = self.users.as_ref().and_then(|users| users.mailbox(&account.name));
        Person { account, administers, mailbox }
    }

    /// Finds whom a name means, if the password is theirs.
    pub fn sign_in(&self, name: &str, password: &str) -> Option<Person> {
        let mut candidates = self.candidates(name).into_iter();
        let account = candidates.find(|account| account.password.is(password))?;
        Some(self.person(account))
    }
}

impl Users {
    fn mailbox(&self, name: &str) -> Option<Uuid> {
        self.live.read(|world| mailbox_of(world, name).map(|held| held.guid))
    }
}

/// Makes a mailbox, `user@DOMAIN`, for each account that has none in this world.
pub fn new_mailboxes(accounts: &[Account], world: &World, now: Timestamp) -> Vec<Event> {
    let without = accounts.iter().filter(|account| mailbox_of(world, &account.name).is_none());
    let made = without.map(|account| {
        let (user, domain) = (names::user(&account.name), &world.blueprint.domain);
        let address = format!("{user}@{domain}");
        Event::Mailbox(Box::new(Mailbox {
            guid: Chance::new(world.blueprint.seed, &format!("mailbox of {address}")).guid(),
            name: user.to_owned(),
            display_name: user.to_owned(),
            alias: user.to_owned(),
            sam_account_name: user.to_owned(),
            user_principal_name: address.clone(),
            primary_smtp_address: address,
            container: "Users".to_owned(),
            in_unit: false,
            active_sync_enabled: false,
            allowed_device_ids: Vec::new(),
            blocked_device_ids: Vec::new(),
            policy: None,
            protocols: std::collections::BTreeMap::new(),
            has_partnership: false,
            moves: 0,
            created: now,
            changed: now,
            access_changed_ms: 0,
        }))
    });
    made.collect()
}

/// The mailbox of an account: by its whole name, else by its user name.
fn mailbox_of(world: &World, name: &str) -> Option<Arc<Mailbox>> {
    [name, names::user(name)].into_iter().filter(|name| !name.is_empty()).find_map(|name| {
        match world.find_mailbox(name) {
            // Nobody signs in with a display name, which need not be unique.
            Found::One(held) if answers_to(&held, name) => Some(held),
            Found::One(_) | Found::None | Found::Several(_) => None,
        }
    })
}

fn answers_to(held: &Mailbox, name: &str) -> bool {
    let name = name.rsplit('\\').next().unwrap_or(name);
    [&held.sam_account_name, &held.user_principal_name, &held.primary_smtp_address, &held.alias]
        .into_iter()
        .any(|own| own.eq_ignore_ascii_case(name))
}
