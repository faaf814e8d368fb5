//! Owns the order in which Exchange decides about a phone's request.
//!
//! Source: Microsoft's description of Exchange ActiveSync access states (TechNet ff959225, Exchange
//! 2010 SP1 and later): authentication, ActiveSync enabled, mailbox policy, personal exemption that
//! blocks, personal exemption that allows, rule that blocks, rule that quarantines, rule that allows,
//! organization's default. Invariant: the first question that applies decides.

use crate::world::World;
use crate::world::device::{AccessReason, AccessState, Device};
use crate::world::mailbox::Mailbox;
use crate::world::organization::{AccessLevel, AccessRule, AccessSettings, Characteristic};
use crate::world::policy::MailboxPolicy;

/// Everything the decision about one request depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// The phone knows its owner's password.
    pub authenticated: bool,
    /// `ActiveSyncEnabled` of the mailbox.
    pub active_sync_enabled: bool,
    /// The phone enforces the mailbox policy, or the policy lets in phones that do not
    /// (`AllowNonProvisionableDevices`).
    pub policy_met: bool,
    /// The personal blocked list names it.
    pub listed_blocked: bool,
    /// The personal allowed list names it.
    pub listed_allowed: bool,
    /// The rules that match it: level and name.
    pub rules: Vec<(AccessLevel, String)>,
    /// The organization's default.
    pub default_level: AccessLevel,
}

/// What a request is answered with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// HTTP 401.
    NotAuthenticated,
    /// ActiveSync is off for this user: HTTP 403, and no state is written.
    Disabled,
    /// A state is decided.
    Decided(Verdict),
}

/// A state, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What.
    pub state: AccessState,
    /// Why.
    pub reason: AccessReason,
    /// The rule that decided, by name.
    pub rule: Option<String>,
}

impl Contact {
    /// Gathers what the decision about a known phone depends on, but for what the policy allows.
    pub fn of(
        device: &Device,
        owner: &Mailbox,
        settings: &AccessSettings,
        rules: &[AccessRule],
    ) -> Self {
        let matching = rules.iter().filter(|rule| matches(rule, device));
        Self {
            authenticated: true,
            active_sync_enabled: owner.active_sync_enabled,
            policy_met: device.enforces_policy,
            listed_blocked: Mailbox::lists(&owner.blocked_device_ids, &device.device_id),
            listed_allowed: Mailbox::lists(&owner.allowed_device_ids, &device.device_id),
            rules: matching.map(|rule| (rule.access_level, rule.name.clone())).collect(),
            default_level: settings.default_access_level,
        }
    }

    /// The same with the policy of the mailbox.
    pub fn within(device: &Device, owner: &Mailbox, world: &World) -> Self {
        let mut contact = Self::of(device, owner, &world.settings, &world.rules);
        contact.policy_met |= world.policy_of(owner).is_none_or(MailboxPolicy::lets_in_everybody);
        contact
    }

    /// Asks the nine questions in order.
    pub fn answer(&self) -> Answer {
        if !self.authenticated {
            return Answer::NotAuthenticated;
        }
        if !self.active_sync_enabled {
            return Answer::Disabled;
        }
        if !self.policy_met {
            return decided(AccessState::Blocked, AccessReason::Policy, None);
        }
        if self.listed_blocked {
            return decided(AccessState::Blocked, AccessReason::Individual, None);
        }
        if self.listed_allowed {
            return decided(AccessState::Allowed, AccessReason::Individual, None);
        }
        for level in [AccessLevel::Block, AccessLevel::Quarantine, AccessLevel::Allow] {
            if let Some((_, name)) = self.rules.iter().find(|(held, _)| *held == level) {
                return decided(state_of(level), AccessReason::DeviceRule, Some(name.clone()));
            }
        }
        decided(state_of(self.default_level), AccessReason::Global, None)
    }
}

/// The state a level leads to.
pub fn state_of(level: AccessLevel) -> AccessState {
    match level {
        AccessLevel::Allow => AccessState::Allowed,
        AccessLevel::Block => AccessState::Blocked,
        AccessLevel::Quarantine => AccessState::Quarantined,
    }
}

fn decided(state: AccessState, reason: AccessReason, rule: Option<String>) -> Answer {
    Answer::Decided(Verdict { state, reason, rule })
}

/// A rule's text is compared whole: no wildcard, no part of a text.
fn matches(rule: &AccessRule, device: &Device) -> bool {
    let said = match rule.characteristic {
        Characteristic::DeviceType => &device.device_type,
        Characteristic::DeviceModel => &device.device_model,
        Characteristic::DeviceOS => &device.device_os,
        Characteristic::UserAgent => &device.user_agent,
        Characteristic::XMSWLHeader => return false,
    };
    said.eq_ignore_ascii_case(&rule.query_string)
}

#[cfg(test)]
mod tests;
