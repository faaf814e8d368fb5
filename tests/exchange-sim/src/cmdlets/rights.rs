//! Owns what an account may see and change: management roles, the groups that carry them, what is taken
//! away from them, and where it may write.
//!
//! Sources: "Mail Recipients role", "Recipient Policies role", "Organization Client Access role",
//! "View-Only Configuration role", "View-Only Recipients role" and "Built-in role groups" on
//! learn.microsoft.com. Which of these cmdlets lies in which role is unverified: on a live server
//! `Get-ManagementRoleEntry *\<Cmdlet>` tells. Invariant: what a role hides looks as if it did not exist.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::catalogue::Cmdlet;
use crate::world::mailbox::Mailbox;

/// A built-in management role, as far as it holds cmdlets of this simulator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Existing mailboxes and their phones.
    MailRecipients,
    /// Mailbox policies, throttling policies.
    RecipientPolicies,
    /// Organization settings, device access rules, device classes.
    OrganizationClientAccess,
    /// Everything of the configuration, to look at.
    ViewOnlyConfiguration,
    /// Every recipient, to look at.
    ViewOnlyRecipients,
}

/// What an account may; fixed for a shell when it is made. The default may everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rights {
    /// Role groups and management roles, such as `View-Only Organization Management`; none is every role.
    pub roles: Vec<String>,
    /// Cmdlets that its roles lack although the built-in ones have them.
    pub hide_cmdlets: Vec<String>,
    /// Parameters, by cmdlet, that its roles lack.
    pub hide_parameters: BTreeMap<String, Vec<String>>,
    /// The container whose mailboxes and phones alone it may change, such as `Sales`.
    pub writes_in: Option<String>,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 5] = [
        Self::MailRecipients,
        Self::RecipientPolicies,
        Self::OrganizationClientAccess,
        Self::ViewOnlyConfiguration,
        Self::ViewOnlyRecipients,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::MailRecipients => "Mail Recipients",
            Self::RecipientPolicies => "Recipient Policies",
            Self::OrganizationClientAccess => "Organization Client Access",
            Self::ViewOnlyConfiguration => "View-Only Configuration",
            Self::ViewOnlyRecipients => "View-Only Recipients",
        }
    }

    /// The roles of a group or a role, by name; `None` for neither.
    pub fn named(text: &str) -> Option<Vec<Self>> {
        let group = GROUPS.iter().find(|(group, _)| group.eq_ignore_ascii_case(text));
        let role = Self::ALL.into_iter().find(|role| role.name().eq_ignore_ascii_case(text));
        group.map(|(_, roles)| roles.to_vec()).or_else(|| role.map(|role| vec![role]))
    }

    /// The names that [`Self::named`] knows, for messages.
    pub fn known() -> String {
        let groups = GROUPS.iter().map(|(group, _)| *group);
        groups.chain(Self::ALL.map(Self::name)).collect::<Vec<_>>().join(", ")
    }
}

/// The built-in role groups, as far as they hold one of these roles.
const GROUPS: [(&str, &[Role]); 4] = [
    ("Organization Management", &Role::ALL),
    ("Recipient Management", &[Role::MailRecipients, Role::RecipientPolicies]),
    ("View-Only Organization Management", &[Role::ViewOnlyConfiguration, Role::ViewOnlyRecipients]),
    ("Help Desk", &[Role::ViewOnlyRecipients]),
];

/// Which role changes what is behind a noun, and which one may look at it besides.
const NOUNS: [(&str, Option<Role>, Role); 14] = [
    ("CASMailbox", Some(Role::MailRecipients), Role::ViewOnlyRecipients),
    ("Recipient", Some(Role::MailRecipients), Role::ViewOnlyRecipients),
    ("ActiveSyncDevice", Some(Role::MailRecipients), Role::ViewOnlyRecipients),
    ("ActiveSyncDeviceStatistics", Some(Role::MailRecipients), Role::ViewOnlyRecipients),
    ("MobileDevice", Some(Role::MailRecipients), Role::ViewOnlyRecipients),
    ("MobileDeviceStatistics", Some(Role::MailRecipients), Role::ViewOnlyRecipients),
    ("ActiveSyncMailboxPolicy", Some(Role::RecipientPolicies), Role::ViewOnlyConfiguration),
    ("MobileDeviceMailboxPolicy", Some(Role::RecipientPolicies), Role::ViewOnlyConfiguration),
    ("ThrottlingPolicy", Some(Role::RecipientPolicies), Role::ViewOnlyConfiguration),
    ("ThrottlingPolicyAssociation", Some(Role::RecipientPolicies), Role::ViewOnlyConfiguration),
    (
        "ActiveSyncOrganizationSettings",
        Some(Role::OrganizationClientAccess),
        Role::ViewOnlyConfiguration,
    ),
    (
        "ActiveSyncDeviceAccessRule",
        Some(Role::OrganizationClientAccess),
        Role::ViewOnlyConfiguration,
    ),
    ("ActiveSyncDeviceClass", Some(Role::OrganizationClientAccess), Role::ViewOnlyConfiguration),
    ("ExchangeServer", None, Role::ViewOnlyConfiguration),
];

/// The roles that have a cmdlet; none is every role, as with `Get-Command` and `*-ADServerSettings`.
fn roles_of(cmdlet: &str) -> Vec<Role> {
    let Some((verb, noun)) = cmdlet.split_once('-') else { return Vec::new() };
    let Some((_, changes, looks)) = NOUNS.iter().find(|(held, ..)| *held == noun) else {
        return Vec::new();
    };
    let looks = (verb == "Get").then_some(*looks);
    changes.iter().copied().chain(looks).collect()
}

impl Rights {
    /// Reads `role=ROLE`, `hide=CMDLET`, `hide=CMDLET:PARAMETER` and `writes-in=CONTAINER`.
    pub fn read<'a>(parts: impl Iterator<Item = &'a str>) -> Result<Self, String> {
        let mut rights = Self::default();
        for part in parts {
            match part.trim().split_once('=') {
                Some(("role", role)) => rights.roles.push(role.to_owned()),
                Some(("hide", hidden)) => match hidden.split_once(':') {
                    None => rights.hide_cmdlets.push(hidden.to_owned()),
                    Some((cmdlet, parameter)) => {
                        let parameters = rights.hide_parameters.entry(cmdlet.to_owned());
                        parameters.or_default().push(parameter.to_owned());
                    }
                },
                Some(("writes-in", unit)) => rights.writes_in = Some(unit.to_owned()),
                Some(_) | None => {
                    return Err(format!(
                        "{part:?} is none of role=ROLE, hide=CMDLET[:PARAMETER], writes-in=CONTAINER"
                    ));
                }
            }
        }
        rights.problem().map_or(Ok(rights), Err)
    }

    /// What is wrong with these, if anything: a role that does not exist.
    pub fn problem(&self) -> Option<String> {
        let unknown = self.roles.iter().find(|text| Role::named(text).is_none())?;
        Some(format!("{unknown:?} is no role; there are {}", Role::known()))
    }

    /// Says whether a cmdlet can be seen.
    pub fn shows(&self, cmdlet: &Cmdlet) -> bool {
        let hidden = self.hide_cmdlets.iter().any(|held| held.eq_ignore_ascii_case(cmdlet.name));
        let needed = roles_of(cmdlet.name);
        let given = self.roles.iter().filter_map(|text| Role::named(text)).flatten();
        let is_free = self.roles.is_empty() || needed.is_empty();
        !hidden && (is_free || given.into_iter().any(|role| needed.contains(&role)))
    }

    /// Says whether a cmdlet's parameter can be seen.
    pub fn shows_parameter(&self, cmdlet: &Cmdlet, parameter: &str) -> bool {
        let of_cmdlet = self
            .hide_parameters
            .iter()
            .filter(|(held, _)| held.eq_ignore_ascii_case(cmdlet.name))
            .flat_map(|(_, held)| held);
        !of_cmdlet.into_iter().any(|held| held.eq_ignore_ascii_case(parameter))
    }

    /// Says whether a mailbox and its phones may be changed.
    pub fn may_write(&self, mailbox: &Mailbox, domain: &str) -> bool {
        let unit = self.writes_in.as_ref();
        unit.is_none_or(|unit| super::listing::lies_in(mailbox, domain, unit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cmdlets::{Engine, catalogue};
    use crate::world::organization::Version;

    fn seen(text: &str) -> Vec<&'static str> {
        let rights = Rights::read(text.split(',')).unwrap();
        let version = Version::SubscriptionEdition;
        let engine = Engine { server: "EX01".to_owned(), version, hosted: false };
        catalogue::all(&engine).filter(|it| rights.shows(it)).map(|it| it.name).collect()
    }

    #[test]
    fn who_may_look_only_sees_no_cmdlet_that_writes() {
        let seen = seen("role=view-only organization management");
        assert!(seen.contains(&"Get-MobileDevice") && seen.contains(&"Get-ExchangeServer"));
        let free = ["Get-Command", "Set-ADServerSettings"];
        assert!(
            seen.iter().all(|name| name.starts_with("Get-") || free.contains(name)),
            "{seen:?}"
        );
    }

    #[test]
    fn a_group_sees_what_its_roles_do_and_nothing_else() {
        let helpers = seen("role=Help Desk");
        assert!(helpers.contains(&"Get-CASMailbox") && !helpers.contains(&"Set-CASMailbox"));
        assert!(!helpers.contains(&"Get-ActiveSyncDeviceAccessRule"));
        let recipients = seen("role=Recipient Management,hide=Remove-MobileDevice");
        assert!(
            recipients.contains(&"Set-CASMailbox") && recipients.contains(&"Clear-MobileDevice")
        );
        assert!(!recipients.contains(&"Remove-MobileDevice"));
        assert!(!recipients.contains(&"Set-ActiveSyncOrganizationSettings"));
        let own = seen("role=Organization Client Access,role=View-Only Recipients");
        assert!(own.contains(&"New-ActiveSyncDeviceAccessRule") && own.contains(&"Get-Recipient"));
    }

    #[test]
    fn only_what_every_role_has_is_behind_no_noun() {
        let version = Version::SubscriptionEdition;
        let engine = Engine { server: "EX01".to_owned(), version, hosted: false };
        let free: Vec<_> = catalogue::all(&engine)
            .map(|cmdlet| cmdlet.name)
            .filter(|name| roles_of(name).is_empty())
            .collect();
        assert_eq!(free, ["Get-Command", "Get-ADServerSettings", "Set-ADServerSettings"]);
    }

    #[test]
    fn unknown_words_are_refused() {
        for bad in ["role=Nobody", "hidden=Get-Recipient", "writes-in"] {
            assert!(Rights::read(bad.split(',')).is_err(), "{bad}");
        }
    }
}
