//! Owns what all Get cmdlets do alike: filter, order, result size and its warning, one object at a time.

use std::cmp::Ordering;
use std::sync::Arc;

use exgate_exchange::clixml::Value;

use super::binding::size;
use super::complaint::Complaint;
use super::filter::{Filter, Held};
use super::{Call, Engine, Record, Records};
use crate::world::World;
use crate::world::homes::Homes;
use crate::world::mailbox::{DEFAULT_POLICY, Mailbox, domain_components};

/// How many objects a Get cmdlet returns unless told otherwise.
pub const RESULT_SIZE_DEFAULT: usize = 1000;

/// The warning that a listing was cut.
pub const MORE_RESULTS: &str = "There are more results available than are currently displayed. To \
                                view them, increase the value for the ResultSize parameter.";

/// Reads a property of an object, by lower-case name, for filters and orders.
pub type Reading<T> = fn(&T, &Scene, &str) -> Option<Held>;

/// What readings need besides the object itself.
#[derive(Clone, Debug)]
pub struct Scene {
    /// The organization.
    pub organization: String,
    /// Its domain.
    pub domain: String,
    /// Who holds which mailbox.
    pub homes: Homes,
    /// The policy of mailboxes that name none.
    pub default_policy: String,
}

impl Scene {
    /// Takes what a world's readings need.
    pub fn of(world: &World) -> Self {
        Self {
            organization: world.blueprint.name.clone(),
            domain: world.blueprint.domain.clone(),
            homes: Homes::of(&world.servers),
            default_policy: world
                .policies
                .iter()
                .find(|policy| policy.is_default)
                .map_or_else(|| DEFAULT_POLICY.to_owned(), |policy| policy.name.clone()),
        }
    }

    /// Says whether a server shows the phones of a mailbox: one of 2010 does not show those of newer
    /// servers' mailboxes, and says nothing about it.
    ///
    /// Source: the list of common problems with the on-premises connector of Intune, on
    /// learn.microsoft.com, on client access servers of 2010 and 2013 in one organization.
    pub fn shows_phones(&self, engine: &Engine, mailbox: &Mailbox) -> bool {
        let home = self.homes.of_mailbox(mailbox);
        engine.version.is_modern() || home.is_none_or(|home| !home.version.is_modern())
    }

    /// The name of the server that holds a mailbox.
    pub fn home(&self, mailbox: &Mailbox) -> &str {
        self.homes.of_mailbox(mailbox).map_or("", |server| &server.name)
    }
}

/// Objects that a listing may print, made as they are taken.
pub type Choice<T> = Box<dyn Iterator<Item = Arc<T>> + Send>;

/// Filters and orders a choice of objects as the call asks, by the properties that may be filtered and
/// those that may be ordered by. Only an order takes all of them at once.
pub fn narrow<T: Send + Sync + 'static>(
    call: &Call,
    scene: &Scene,
    mut chosen: Choice<T>,
    (filterable, sortable): (&[&str], &[&str]),
    reading: Reading<T>,
) -> Result<Choice<T>, Complaint> {
    if let Some(text) = call.arguments.text("Filter") {
        let filter = Filter::read(&text, filterable)
            .map_err(|problem| Complaint::filter(call.cmdlet, &problem))?;
        let scene = scene.clone();
        chosen =
            Box::new(chosen.filter(move |held| filter.passes(&|name| reading(held, &scene, name))));
    }
    if let Some(property) = call.arguments.text("SortBy") {
        if !sortable.iter().any(|held| held.eq_ignore_ascii_case(&property)) {
            return Err(Complaint::sort(call.cmdlet, &property));
        }
        let property = property.to_lowercase();
        let mut ordered: Vec<_> = chosen.collect();
        ordered.sort_by(|left, right| {
            order(reading(left, scene, &property), reading(right, scene, &property))
        });
        chosen = Box::new(ordered.into_iter());
    }
    Ok(chosen)
}

/// Prints a choice of objects, at most as many as the call's result size.
pub fn print<T: Send + Sync + 'static>(
    call: &Call,
    mut chosen: Choice<T>,
    render: impl Fn(&T) -> Option<Value> + Send + 'static,
) -> Records {
    let mut left = call.arguments.value("ResultSize").and_then(size).unwrap_or(RESULT_SIZE_DEFAULT);
    let mut is_over = false;
    Records::of(std::iter::from_fn(move || {
        while !is_over {
            let next = chosen.next();
            is_over = next.is_none() || left == 0;
            let held = next?;
            if is_over {
                return Some(Record::Warning(MORE_RESULTS.to_owned()));
            }
            left -= 1;
            if let Some(object) = render(&held) {
                return Some(Record::Output(object));
            }
        }
        None
    }))
}

/// Says whether a mailbox lies in a container given by name, canonical path or distinguished name.
pub fn lies_in(mailbox: &Mailbox, domain: &str, unit: &str) -> bool {
    let kind = if mailbox.in_unit { "OU" } else { "CN" };
    let distinguished = format!("{kind}={},{}", mailbox.container, domain_components(domain));
    let canonical = format!("{domain}/{}", mailbox.container);
    [mailbox.container.as_str(), &canonical, &distinguished, domain]
        .iter()
        .any(|held| held.eq_ignore_ascii_case(unit))
}

/// What mailboxes may be ordered by.
pub const SORTABLE: &[&str] = &["Name", "DisplayName", "Alias", "ServerLegacyDN"];

/// Reads a mailbox's property.
pub fn mailbox_property(mailbox: &Mailbox, scene: &Scene, name: &str) -> Option<Held> {
    let domain = &scene.domain;
    Some(match name {
        "name" => Held::Text(mailbox.name.clone()),
        "displayname" => Held::Text(mailbox.display_name.clone()),
        "alias" => Held::Text(mailbox.alias.clone()),
        "samaccountname" => Held::Text(mailbox.sam_account_name.clone()),
        "primarysmtpaddress" => Held::Text(mailbox.primary_smtp_address.clone()),
        "emailaddresses" => Held::Texts(vec![
            mailbox.primary_smtp_address.clone(),
            format!("SMTP:{}", mailbox.primary_smtp_address),
        ]),
        "distinguishedname" => Held::Text(mailbox.distinguished_name(domain)),
        "guid" => Held::Guid(mailbox.guid),
        "servername" => Held::Text(scene.home(mailbox).to_owned()),
        "serverlegacydn" => Held::Text(server_legacy_dn(&scene.organization, scene.home(mailbox))),
        "hasactivesyncdevicepartnership" => Held::Flag(mailbox.has_partnership),
        "activesyncenabled" => Held::Flag(mailbox.active_sync_enabled),
        "activesyncalloweddeviceids" => Held::Texts(mailbox.allowed_device_ids.clone()),
        "activesyncblockeddeviceids" => Held::Texts(mailbox.blocked_device_ids.clone()),
        "activesyncmailboxpolicy" => {
            Held::Text(mailbox.policy.as_ref().unwrap_or(&scene.default_policy).clone())
        }
        "recipienttypedetails" | "recipienttype" => Held::Text("UserMailbox".to_owned()),
        "whenchanged" | "whenchangedutc" => Held::Time(mailbox.changed),
        "whencreated" | "whencreatedutc" => Held::Time(mailbox.created),
        _ => return None,
    })
}

/// The X.500 name of a server.
pub fn server_legacy_dn(organization: &str, server: &str) -> String {
    format!(
        "/o={organization}/{}/cn=Configuration/cn=Servers/cn={server}",
        crate::world::mailbox::LEGACY_GROUP
    )
}

fn order(left: Option<Held>, right: Option<Held>) -> Ordering {
    match (left, right) {
        (Some(Held::Text(left)), Some(Held::Text(right))) => {
            left.to_lowercase().cmp(&right.to_lowercase())
        }
        (Some(Held::Time(left)), Some(Held::Time(right))) => left.cmp(&right),
        (Some(Held::Flag(left)), Some(Held::Flag(right))) => left.cmp(&right),
        (Some(Held::Guid(left)), Some(Held::Guid(right))) => left.cmp(&right),
        (Some(_) | None, Some(_) | None) => Ordering::Equal,
    }
}
