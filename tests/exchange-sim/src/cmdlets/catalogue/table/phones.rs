//! Owns the cmdlets of partnerships: listings, statistics, wipes.

use super::super::super::{devices, statistics, wipes};
use super::super::parameters::{
    CONFIRM, CONTROLLER, FILTER, IDENTITY, IDENTITY_NEEDED, MAILBOX, MONITORING, REMOVE,
    RESULT_SIZE, SORT_BY, UNIT, WHAT_IF, modern, parameter, since_2016,
};
use super::super::{Cmdlet, Kind, Parameter};

const DEVICES: &[Parameter] =
    &[IDENTITY, MAILBOX, FILTER, RESULT_SIZE, SORT_BY, UNIT, CONTROLLER, MONITORING];
const CLIENTS: &[Parameter] = &[
    modern("ActiveSync", Kind::Switch),
    modern("OWAforDevices", Kind::Switch),
    since_2016("RestApi", Kind::Switch),
    since_2016("UniversalOutlook", Kind::Switch),
];
const STATISTICS: &[Parameter] = &[
    IDENTITY,
    MAILBOX,
    parameter("GetMailboxLog", Kind::Switch),
    parameter("NotificationEmailAddresses", Kind::Multi),
    parameter("ShowRecoveryPassword", Kind::Switch),
    CONTROLLER,
];
const CLEAR: &[Parameter] = &[
    IDENTITY_NEEDED,
    parameter("Cancel", Kind::Switch),
    parameter("NotificationEmailAddresses", Kind::Multi),
    CONTROLLER,
    WHAT_IF,
    CONFIRM,
];
const ONE_OR_OWNERS: &[&[&str]] = &[&["Identity"], &["Mailbox"]];

pub(super) const CMDLETS: &[Cmdlet] = &[
    Cmdlet::new(
        "Get-ActiveSyncDevice",
        "Microsoft.Exchange.Management.Tasks.GetActiveSyncDevice",
        DEVICES,
        devices::active_sync,
    )
    .of_sets(ONE_OR_OWNERS),
    Cmdlet::new(
        "Get-MobileDevice",
        "Microsoft.Exchange.Management.Tasks.GetMobileDevice",
        DEVICES,
        devices::mobile,
    )
    .modern()
    .with(CLIENTS)
    .of_sets(ONE_OR_OWNERS),
    Cmdlet::new(
        "Get-ActiveSyncDeviceStatistics",
        "Microsoft.Exchange.Management.Tasks.GetActiveSyncDeviceStatistics",
        STATISTICS,
        statistics::active_sync,
    )
    .of_sets(ONE_OR_OWNERS),
    Cmdlet::new(
        "Get-MobileDeviceStatistics",
        "Microsoft.Exchange.Management.Tasks.GetMobileDeviceStatistics",
        STATISTICS,
        statistics::mobile,
    )
    .modern()
    .with(CLIENTS)
    .of_sets(ONE_OR_OWNERS),
    Cmdlet::new(
        "Clear-ActiveSyncDevice",
        "Microsoft.Exchange.Management.Tasks.ClearActiveSyncDevice",
        CLEAR,
        wipes::clear,
    )
    .asking(),
    Cmdlet::new(
        "Clear-MobileDevice",
        "Microsoft.Exchange.Management.Tasks.ClearMobileDevice",
        CLEAR,
        wipes::clear,
    )
    .modern()
    .with(&[since_2016("AccountOnly", Kind::Switch)])
    .asking(),
    Cmdlet::new(
        "Remove-ActiveSyncDevice",
        "Microsoft.Exchange.Management.Tasks.RemoveActiveSyncDevice",
        REMOVE,
        wipes::remove,
    )
    .asking(),
    Cmdlet::new(
        "Remove-MobileDevice",
        "Microsoft.Exchange.Management.Tasks.RemoveMobileDevice",
        REMOVE,
        wipes::remove,
    )
    .modern()
    .asking(),
];
