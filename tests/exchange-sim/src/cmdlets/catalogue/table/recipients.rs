//! Owns the cmdlets of mailboxes and other recipients.

use super::super::super::{cas_mailboxes, recipients, set_cas_mailbox};
use super::super::parameters::{
    ANR, CONFIRM, CONTROLLER, FILTER, FROM_CONTROLLER, IDENTITY, IDENTITY_NEEDED, MONITORING,
    NO_SCOPE, PROTOCOLS, RESULT_SIZE, SORT_BY, UNIT, WHAT_IF, modern, on_premises, parameter,
    since_2016,
};
use super::super::{Cmdlet, Kind, Parameter, Since};

const ONE_OR_SOME: &[&[&str]] = &[&["Identity"], &["Anr"]];
const TYPES: &[&str] = &[
    "DynamicDistributionGroup",
    "MailContact",
    "MailNonUniversalGroup",
    "MailUniversalDistributionGroup",
    "MailUniversalSecurityGroup",
    "MailUser",
    "PublicFolder",
    "UserMailbox",
];
/// The details that a page names, as far as any recipient here could have them.
const DETAILS: &[&str] = &[
    "ArbitrationMailbox",
    "DiscoveryMailbox",
    "DynamicDistributionGroup",
    "EquipmentMailbox",
    "LegacyMailbox",
    "LinkedMailbox",
    "MailContact",
    "MailForestContact",
    "MailNonUniversalGroup",
    "MailUniversalDistributionGroup",
    "MailUniversalSecurityGroup",
    "MailUser",
    "PublicFolder",
    "RemoteEquipmentMailbox",
    "RemoteRoomMailbox",
    "RemoteSharedMailbox",
    "RemoteUserMailbox",
    "RoomList",
    "RoomMailbox",
    "SharedMailbox",
    "UserMailbox",
];

pub(super) const CMDLETS: &[Cmdlet] = &[
    Cmdlet::new(
        "Get-CASMailbox",
        "Microsoft.Exchange.Management.RecipientTasks.GetCASMailbox",
        &[
            IDENTITY,
            ANR,
            FILTER,
            RESULT_SIZE,
            SORT_BY,
            UNIT,
            CONTROLLER,
            FROM_CONTROLLER,
            NO_SCOPE,
            on_premises("Credential", Kind::Text),
            parameter("ProtocolSettings", Kind::Switch),
            parameter("ActiveSyncDebugLogging", Kind::Switch),
            MONITORING,
            modern("RecalculateHasActiveSyncDevicePartnership", Kind::Switch),
            since_2016("ActiveSyncSuppressReadReceipt", Kind::Switch),
        ],
        cas_mailboxes::run,
    )
    .of_sets(ONE_OR_SOME),
    Cmdlet::new(
        "Set-CASMailbox",
        "Microsoft.Exchange.Management.RecipientTasks.SetCASMailbox",
        &[
            IDENTITY_NEEDED,
            parameter("ActiveSyncAllowedDeviceIDs", Kind::Multi),
            parameter("ActiveSyncBlockedDeviceIDs", Kind::Multi),
            parameter("ActiveSyncEnabled", Kind::Boolean),
            parameter("ActiveSyncMailboxPolicy", Kind::Text),
            parameter("DisplayName", Kind::Text),
            Parameter {
                since: Since::Gone,
                ..parameter("HasActiveSyncDevicePartnership", Kind::Boolean)
            },
            CONTROLLER,
            NO_SCOPE,
            WHAT_IF,
            CONFIRM,
        ],
        set_cas_mailbox::run,
    )
    .with(PROTOCOLS),
    Cmdlet::new(
        "Get-Recipient",
        "Microsoft.Exchange.Management.RecipientTasks.GetRecipient",
        &[
            IDENTITY,
            ANR,
            FILTER,
            RESULT_SIZE,
            SORT_BY,
            UNIT,
            CONTROLLER,
            FROM_CONTROLLER,
            NO_SCOPE,
            parameter("RecipientType", Kind::Words(TYPES)),
            parameter("RecipientTypeDetails", Kind::Words(DETAILS)),
            parameter("RecipientPreviewFilter", Kind::Text),
            Parameter { since: Since::Modern, ..on_premises("Database", Kind::Text) },
            modern("Properties", Kind::Texts),
        ],
        recipients::run,
    )
    .of_sets(&[&["Identity"], &["Anr"], &["RecipientPreviewFilter"], &["Database"]]),
];
