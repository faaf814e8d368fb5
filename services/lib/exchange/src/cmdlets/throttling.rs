//! `Get-ThrottlingPolicyAssociation` and `Get-ThrottlingPolicy`: which limits Exchange puts on an
//! account. Outside of what the account needs; asked only where its roles show them. Names and meaning
//! as on the page `New-ThrottlingPolicy`.

use crate::cmdlets::row::row;
use crate::cmdlets::{Cmdlet, Identity, Selection, Unlimited};

row! {
    /// Which policy an account has.
    pub struct ThrottlingAssociationRow {
        /// The account's name.
        name: Option<String> = "Name",
        /// The policy; none is the organization's or the default one.
        throttling_policy: Option<String> = "ThrottlingPolicyId",
    }
}

row! {
    /// The limits that concern PowerShell.
    pub struct ThrottlingPolicyRow {
        /// The policy's name.
        name: Option<String> = "Name",
        /// Whether it is the one of accounts without their own; 2010.
        is_default: Option<bool> = "IsDefault",
        /// `Regular`, `Organization` or `Global`; 2013 and later.
        scope: Option<String> = "ThrottlingPolicyScope",
        /// Sessions of one account at once.
        power_shell_max_concurrency: Option<Unlimited<u32>> = "PowerShellMaxConcurrency",
        /// Cmdlets in a period; more are refused.
        power_shell_max_cmdlets: Option<Unlimited<u32>> = "PowerShellMaxCmdlets",
        /// The period in seconds.
        power_shell_max_cmdlets_period: Option<Unlimited<u32>> = "PowerShellMaxCmdletsTimePeriod",
        /// Cmdlets in the same period after which Exchange slows down.
        exchange_max_cmdlets: Option<Unlimited<u32>> = "ExchangeMaxCmdlets",
        /// Whether its accounts are services; 2013 and later.
        is_service_account: Option<bool> = "IsServiceAccount",
    }
}

/// Asks which policy an account has.
pub fn get_throttling_policy_association(account: Identity) -> Cmdlet<ThrottlingAssociationRow> {
    Cmdlet::read("Get-ThrottlingPolicyAssociation").with("Identity", account)
}

/// Reads one policy, or lists all.
pub fn get_throttling_policy(policy: Option<Identity>) -> Cmdlet<ThrottlingPolicyRow> {
    Cmdlet::read("Get-ThrottlingPolicy").select(policy.map_or(Selection::All, Selection::One))
}
