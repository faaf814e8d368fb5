//! Owns the cmdlets of mailbox policies, in both families of names.

use super::super::super::{policies, policy_edits};
use super::super::parameters::{
    ACTIVE_SYNC_SETTINGS, CONFIRM, CONTROLLER, FORCE, IDENTITY_NEEDED, MOBILE_SETTINGS,
    NAME_NEEDED, READ_ONE, WHAT_IF, modern, parameter,
};
use super::super::{Cmdlet, Kind, Parameter};

const APPROVED: Parameter = parameter("ApprovedApplicationList", Kind::Multi);
const UNAPPROVED: Parameter = parameter("UnapprovedInROMApplicationList", Kind::Multi);
const DEFAULT: Parameter = parameter("IsDefault", Kind::Boolean);
const DEFAULT_ALSO: Parameter = modern("IsDefault", Kind::Boolean);
const DEFAULT_OLD: Parameter = parameter("IsDefaultPolicy", Kind::Boolean);
const RENAME: Parameter = parameter("Name", Kind::Text);
const REMOVE: &[Parameter] = &[IDENTITY_NEEDED, FORCE, CONTROLLER, WHAT_IF, CONFIRM];

pub(super) const CMDLETS: &[Cmdlet] = &[
    Cmdlet::new(
        "Get-ActiveSyncMailboxPolicy",
        "Microsoft.Exchange.Management.Tasks.GetActiveSyncMailboxPolicy",
        READ_ONE,
        policies::active_sync,
    ),
    Cmdlet::new(
        "Get-MobileDeviceMailboxPolicy",
        "Microsoft.Exchange.Management.Tasks.GetMobileMailboxPolicy",
        READ_ONE,
        policies::mobile,
    )
    .modern(),
    Cmdlet::new(
        "Set-ActiveSyncMailboxPolicy",
        "Microsoft.Exchange.Management.Tasks.SetActiveSyncMailboxPolicy",
        &[
            IDENTITY_NEEDED,
            RENAME,
            APPROVED,
            UNAPPROVED,
            DEFAULT_OLD,
            DEFAULT_ALSO,
            CONTROLLER,
            WHAT_IF,
            CONFIRM,
        ],
        policy_edits::set_active_sync,
    )
    .with(ACTIVE_SYNC_SETTINGS),
    Cmdlet::new(
        "Set-MobileDeviceMailboxPolicy",
        "Microsoft.Exchange.Management.Tasks.SetMobileMailboxPolicy",
        &[IDENTITY_NEEDED, RENAME, APPROVED, UNAPPROVED, DEFAULT, CONTROLLER, WHAT_IF, CONFIRM],
        policy_edits::set_mobile,
    )
    .modern()
    .with(MOBILE_SETTINGS),
    Cmdlet::new(
        "New-ActiveSyncMailboxPolicy",
        "Microsoft.Exchange.Management.Tasks.NewActiveSyncMailboxPolicy",
        &[
            NAME_NEEDED,
            APPROVED,
            UNAPPROVED,
            DEFAULT_OLD,
            DEFAULT_ALSO,
            CONTROLLER,
            WHAT_IF,
            CONFIRM,
        ],
        policy_edits::new_active_sync,
    )
    .with(ACTIVE_SYNC_SETTINGS),
    Cmdlet::new(
        "New-MobileDeviceMailboxPolicy",
        "Microsoft.Exchange.Management.Tasks.NewMobileMailboxPolicy",
        &[NAME_NEEDED, APPROVED, UNAPPROVED, DEFAULT, CONTROLLER, WHAT_IF, CONFIRM],
        policy_edits::new_mobile,
    )
    .modern()
    .with(MOBILE_SETTINGS),
    Cmdlet::new(
        "Remove-ActiveSyncMailboxPolicy",
        "Microsoft.Exchange.Management.Tasks.RemoveActiveSyncMailboxPolicy",
        REMOVE,
        policy_edits::remove,
    )
    .asking(),
    Cmdlet::new(
        "Remove-MobileDeviceMailboxPolicy",
        "Microsoft.Exchange.Management.Tasks.RemoveMobileMailboxPolicy",
        REMOVE,
        policy_edits::remove,
    )
    .modern()
    .asking(),
];
