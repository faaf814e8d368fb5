//! `*-ActiveSyncMailboxPolicy` and `*-MobileDeviceMailboxPolicy`: what a device must do before a
//! mailbox lets it sync. The families spell nine settings differently; here each has one name. Lists
//! of applications are edited in place, never replaced. Names as on the cmdlet pages.

mod settings;

use jiff::Timestamp;
use uuid::Uuid;

use crate::clixml::{ReadError, rows};
use crate::cmdlets::row::row;
use crate::cmdlets::{
    Cmdlet, DeviceFamily, DomainController, Edit, Identity, Nothing, Row, Selection,
};

pub use settings::PolicySettings;

row! {
    /// What a policy is called and where it lies.
    pub struct PolicyHead {
        /// The policy's name.
        name: Option<String> = "Name",
        /// Applications that may run, as hashes and names; empty for all.
        approved_applications: Vec<String> = "ApprovedApplicationList",
        /// Built-in applications that may not run.
        unapproved_in_rom_applications: Vec<String> = "UnapprovedInROMApplicationList",
        /// The key.
        guid: Option<Uuid> = "Guid",
        /// The name once more.
        identity: Option<String> = "Identity",
        /// The path in the configuration partition.
        distinguished_name: Option<String> = "DistinguishedName",
        /// The last change, as the answering domain controller stamps it.
        when_changed_utc: Option<Timestamp> = "WhenChangedUTC",
        /// The domain controller that answered.
        originating_server: Option<String> = "OriginatingServer",
    }
}

/// A mailbox policy of either family.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MailboxPolicyRow {
    /// What it is called and where it lies.
    pub head: PolicyHead,
    /// What it asks of a device.
    pub settings: PolicySettings,
}

/// How many properties the head takes.
const HEAD: usize = PolicyHead::COLUMNS.len();
/// How many properties a policy takes.
const ALL: usize = HEAD + PolicySettings::COLUMNS.len();

const COLUMNS: [&str; ALL] = columns();

/// The head's properties, then those of the settings.
const fn columns() -> [&'static str; ALL] {
    let mut all = [""; ALL];
    let (mut head, mut rest) = (PolicyHead::COLUMNS, PolicySettings::COLUMNS);
    let mut places = all.as_mut_slice();
    while let Some((place, others)) = places.split_first_mut() {
        if let Some((name, names)) = head.split_first() {
            *place = name;
            head = names;
        } else if let Some((name, names)) = rest.split_first() {
            *place = name;
            rest = names;
        }
        places = others;
    }
    all
}

impl Row for MailboxPolicyRow {
    const COLUMNS: &'static [&'static str] = &COLUMNS;

    fn from_fields(fields: &rows::Row<'_>) -> Result<Self, ReadError> {
        Ok(Self {
            head: PolicyHead::from_fields(fields)?,
            settings: PolicySettings::from_fields(fields, HEAD)?,
        })
    }
}

/// Lists the mailbox policies with the cmdlet of one family, or reads one. The cmdlet knows no filter
/// and no result size.
pub fn get_mailbox_policy(
    family: DeviceFamily,
    identity: Option<Identity>,
    controller: Option<DomainController>,
) -> Cmdlet<MailboxPolicyRow> {
    Cmdlet::read(family.mailbox_policy().get)
        .select(identity.map_or(Selection::All, Selection::One))
        .with_some("DomainController", controller)
}

/// A change of a policy that changes something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyChange {
    settings: PolicySettings,
    approved_applications: Edit,
    unapproved_in_rom_applications: Edit,
}

/// A change of a policy that would change nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a change of a mailbox policy changes no setting")]
pub struct PolicyUnchanged;

impl PolicyChange {
    /// Takes the settings that get a new value; those that are `None` stay as they are.
    pub fn new(settings: PolicySettings) -> Result<Self, PolicyUnchanged> {
        Self::with_lists(settings, Edit::default(), Edit::default())
    }

    /// As [`PolicyChange::new`], with edits of the lists of approved applications and of built-in
    /// ones that may not run.
    pub fn with_lists(
        settings: PolicySettings,
        approved_applications: Edit,
        unapproved_in_rom_applications: Edit,
    ) -> Result<Self, PolicyUnchanged> {
        if settings.is_empty()
            && approved_applications.is_empty()
            && unapproved_in_rom_applications.is_empty()
        {
            return Err(PolicyUnchanged);
        }
        Ok(Self { settings, approved_applications, unapproved_in_rom_applications })
    }
}

/// Changes a policy. It takes hold of a device at its next policy refresh.
pub fn set_mailbox_policy(
    family: DeviceFamily,
    policy: Identity,
    change: PolicyChange,
    controller: Option<DomainController>,
) -> Cmdlet<Nothing> {
    let PolicyChange { settings, approved_applications, unapproved_in_rom_applications } = change;
    Cmdlet::write(family.mailbox_policy().set)
        .with("Identity", policy)
        .with_all(settings.into_parameters(family))
        .with_edit("ApprovedApplicationList", approved_applications)
        .with_edit("UnapprovedInROMApplicationList", unapproved_in_rom_applications)
        .with("Confirm", false)
        .with_some("DomainController", controller)
}

/// Makes a policy and prints it; settings that are `None` get Exchange's own values.
pub fn new_mailbox_policy(
    family: DeviceFamily,
    name: Identity,
    settings: PolicySettings,
    controller: Option<DomainController>,
) -> Cmdlet<MailboxPolicyRow> {
    Cmdlet::write(family.mailbox_policy().new)
        .with("Name", name)
        .with_all(settings.into_parameters(family))
        .with("Confirm", false)
        .with_some("DomainController", controller)
}

/// Removes a policy. Without `-Force`, Exchange still refuses to remove one that is in use.
pub fn remove_mailbox_policy(
    family: DeviceFamily,
    policy: Identity,
    controller: Option<DomainController>,
) -> Cmdlet<Nothing> {
    Cmdlet::write(family.mailbox_policy().remove)
        .with("Identity", policy)
        .with("Confirm", false)
        .with_some("DomainController", controller)
}
