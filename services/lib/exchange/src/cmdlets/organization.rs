//! `Get-` and `Set-ActiveSyncOrganizationSettings`: what happens to a device that no rule and no list
//! speaks of. A text that is too long for Exchange cannot be made. Names and limits as on the cmdlet
//! pages.

use jiff::Timestamp;
use uuid::Uuid;

use crate::cmdlets::row::row;
use crate::cmdlets::{Argument, Cmdlet, DomainController, Edit, Nothing};

row! {
    /// The organization's settings for mobile devices.
    pub struct OrganizationSettingsRow {
        /// Usually `Mobile Mailbox Settings`.
        name: Option<String> = "Name",
        /// `Allow`, `Block` or `Quarantine`.
        default_access_level: Option<String> = "DefaultAccessLevel",
        /// The footer of Exchange's own quarantine mail, at most 256 characters.
        user_mail_insert: Option<String> = "UserMailInsert",
        /// Who is told of quarantined devices.
        admin_mail_recipients: Vec<String> = "AdminMailRecipients",
        /// The footer for users who must update an old device.
        ota_notification_mail_insert: Option<String> = "OtaNotificationMailInsert",
        /// For internal use, says the reference; 2013 and later.
        allow_access_for_unsupported_platform: Option<bool> = "AllowAccessForUnSupportedPlatform",
        /// The key.
        guid: Option<Uuid> = "Guid",
        /// Names the organization and the configuration partition.
        distinguished_name: Option<String> = "DistinguishedName",
        /// The last change, as the answering domain controller stamps it.
        when_changed_utc: Option<Timestamp> = "WhenChangedUTC",
        /// The domain controller that answered.
        originating_server: Option<String> = "OriginatingServer",
    }
}

/// Reads the organization's settings.
pub fn get_organization_settings() -> Cmdlet<OrganizationSettingsRow> {
    Cmdlet::read("Get-ActiveSyncOrganizationSettings")
}

/// The level of a rule and of the organization's default (`DeviceAccessLevel`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AccessLevel {
    /// Let in.
    Allow,
    /// Kept out.
    Block,
    /// Held until a person decides.
    Quarantine,
}

impl AccessLevel {
    /// The word as Exchange spells it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Allow => "Allow",
            Self::Block => "Block",
            Self::Quarantine => "Quarantine",
        }
    }
}

impl From<AccessLevel> for Argument {
    fn from(level: AccessLevel) -> Self {
        Self::Text(level.word().to_owned())
    }
}

/// A text that Exchange puts into mail of its own; never longer than it takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Insert(String);

/// A text that is too long for an insert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an insert has {length} characters, and at most {} are taken", Insert::CHARACTERS_MAX)]
pub struct InsertTooLong {
    /// How many it has, counted as Exchange counts.
    pub length: usize,
}

impl Insert {
    /// The longest insert in characters of UTF-16, which .NET counts (cmdlet page,
    /// `-UserMailInsert`).
    pub const CHARACTERS_MAX: usize = 256;

    /// Takes a text; an empty one takes the insert away.
    pub fn new(text: impl Into<String>) -> Result<Self, InsertTooLong> {
        let text = text.into();
        let length = text.encode_utf16().count();
        if length > Self::CHARACTERS_MAX { Err(InsertTooLong { length }) } else { Ok(Self(text)) }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<Insert> for Argument {
    fn from(Insert(text): Insert) -> Self {
        Self::Text(text)
    }
}

/// What of the organization's settings gets a new value; `None` stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OrganizationChange {
    /// What happens to a device that nothing speaks of. Anything but `Allow` hits every connected
    /// device at once unless a list or a rule covers it.
    pub default_access_level: Option<AccessLevel>,
    /// The footer of the quarantine mail.
    pub user_mail_insert: Option<Insert>,
    /// Who is told of quarantined devices, edited in place.
    pub admin_mail_recipients: Edit,
    /// The footer for users who must update an old device.
    pub ota_notification_mail_insert: Option<Insert>,
}

/// A change that would change nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a change of the organization's settings changes none of them")]
pub struct OrganizationUnchanged;

/// Changes the organization's settings, all of what is named in one cmdlet.
///
/// # Errors
/// When nothing is named.
pub fn set_organization_settings(
    change: OrganizationChange,
    controller: Option<DomainController>,
) -> Result<Cmdlet<Nothing>, OrganizationUnchanged> {
    if change == OrganizationChange::default() {
        return Err(OrganizationUnchanged);
    }
    let OrganizationChange {
        default_access_level,
        user_mail_insert,
        admin_mail_recipients,
        ota_notification_mail_insert,
    } = change;
    Ok(Cmdlet::write("Set-ActiveSyncOrganizationSettings")
        .with_some("DefaultAccessLevel", default_access_level)
        .with_some("UserMailInsert", user_mail_insert)
        .with_edit("AdminMailRecipients", admin_mail_recipients)
        .with_some("OtaNotificationMailInsert", ota_notification_mail_insert)
        .with("Confirm", false)
        .with_some("DomainController", controller))
}
