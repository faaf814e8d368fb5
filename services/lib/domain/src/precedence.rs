//! Exchange's own order: what Exchange will do with a device, in nine steps.
//!
//! Source: the order on TechNet ff959225 for Exchange 2010 SP1 and later. Steps that cannot be seen
//! from outside (authentication, mailbox policy) are taken as passed, except that a device Exchange
//! itself blocks for policy stays blocked. Among matching rules the strictest level wins.

use crate::observation::{
    AccessLevel, AccessReason, AccessRule, AccessState, Characteristic, EasDevice, Mailbox,
    OrganizationSettings,
};

/// The step of the nine that decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Step {
    /// 1: not signed in. Never predicted: a device in the directory did sign in.
    Authentication,
    /// 2: ActiveSync is switched off for the mailbox.
    ActiveSyncDisabled,
    /// 3: the mailbox policy is not met or cannot be enforced.
    MailboxPolicy,
    /// 4: on the mailbox's blocked list.
    PersonalBlock,
    /// 5: on the mailbox's allowed list.
    PersonalAllow,
    /// 6: a rule blocks it.
    BlockRule,
    /// 7: a rule quarantines it.
    QuarantineRule,
    /// 8: a rule allows it.
    AllowRule,
    /// 9: the organization's default.
    DefaultLevel,
}

impl Step {
    /// Its number, 1 to 9.
    pub fn number(self) -> u8 {
        match self {
            Self::Authentication => 1,
            Self::ActiveSyncDisabled => 2,
            Self::MailboxPolicy => 3,
            Self::PersonalBlock => 4,
            Self::PersonalAllow => 5,
            Self::BlockRule => 6,
            Self::QuarantineRule => 7,
            Self::AllowRule => 8,
            Self::DefaultLevel => 9,
        }
    }
}

impl Step {
    /// What it means that this step decided, in words.
    pub fn title(self) -> &'static str {
        match self {
            Self::Authentication => "the device is not signed in",
            Self::ActiveSyncDisabled => "ActiveSync is switched off for the mailbox",
            Self::MailboxPolicy => "the mailbox policy is not met",
            Self::PersonalBlock => "the id is on the mailbox's blocked list",
            Self::PersonalAllow => "the id is on the mailbox's allowed list",
            Self::BlockRule => "a device access rule blocks it",
            Self::QuarantineRule => "a device access rule quarantines it",
            Self::AllowRule => "a device access rule allows it",
            Self::DefaultLevel => "the organization's default access level",
        }
    }
}

/// What Exchange will do, and the step that says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prediction {
    /// The state the device will be in.
    pub state: AccessState,
    /// The reason Exchange will give.
    pub reason: AccessReason,
    /// Which step decided.
    pub step: Step,
    /// The rule that decided; empty when none did.
    pub rule: String,
}

/// What Exchange knows when it decides about one device.
#[derive(Debug, Clone, Copy)]
pub struct Situation<'a> {
    /// The device.
    pub device: &'a EasDevice,
    /// Its mailbox.
    pub mailbox: &'a Mailbox,
    /// The organization's rules.
    pub rules: &'a [AccessRule],
    /// The organization's settings.
    pub settings: &'a OrganizationSettings,
}

/// Says what Exchange will do with the device at its next contact.
pub fn predict(at: Situation<'_>) -> Prediction {
    let Situation { device, mailbox, rules, settings } = at;
    let outcome = |state, reason, step| Prediction { state, reason, step, rule: String::new() };
    if !mailbox.active_sync_enabled {
        return outcome(AccessState::Blocked, AccessReason::Policy, Step::ActiveSyncDisabled);
    }
    if device.access_state == AccessState::Blocked && device.access_reason == AccessReason::Policy {
        return outcome(AccessState::Blocked, AccessReason::Policy, Step::MailboxPolicy);
    }
    if mailbox.blocked_ids.contains(&device.device_id) {
        return outcome(AccessState::Blocked, AccessReason::Individual, Step::PersonalBlock);
    }
    if mailbox.allowed_ids.contains(&device.device_id) {
        return outcome(AccessState::Allowed, AccessReason::Individual, Step::PersonalAllow);
    }
    for (level, step) in [
        (AccessLevel::Block, Step::BlockRule),
        (AccessLevel::Quarantine, Step::QuarantineRule),
        (AccessLevel::Allow, Step::AllowRule),
    ] {
        if let Some(rule) = rules.iter().find(|rule| rule.level == level && matches(rule, device)) {
            let decided = outcome(state(level), AccessReason::DeviceRule, step);
            return Prediction { rule: rule.name.clone(), ..decided };
        }
    }
    outcome(state(settings.default_access_level), AccessReason::Global, Step::DefaultLevel)
}

/// Whether a rule covers a device: exact text, no wildcard.
fn matches(rule: &AccessRule, device: &EasDevice) -> bool {
    let value = match &rule.characteristic {
        Characteristic::DeviceType => &device.device_type,
        Characteristic::DeviceModel => &device.device_model,
        Characteristic::DeviceOs => &device.device_os,
        Characteristic::UserAgent => &device.user_agent,
        Characteristic::Unrecognised(_) => return false,
    };
    value.eq_ignore_ascii_case(&rule.query)
}

fn state(level: AccessLevel) -> AccessState {
    match level {
        AccessLevel::Allow => AccessState::Allowed,
        AccessLevel::Quarantine => AccessState::Quarantined,
        AccessLevel::Block => AccessState::Blocked,
    }
}

#[cfg(test)]
mod tests;
