//! `exgate.v1`: what Exchange's own order says about a device. Modes and triggers are among the enums.

use exgate_domain::observation::EasDevice;
use exgate_domain::precedence::{Prediction, Step};

use super::types::{to_access_reason, to_access_state};
use crate::v1 as pb;

/// Puts what Exchange's own order predicts beside what Exchange shows of `device`.
pub fn prediction(predicted: Prediction, device: &EasDevice) -> pb::Prediction {
    let Prediction { state, reason, step, rule } = predicted;
    let agrees = state == device.access_state && reason == device.access_reason;
    pb::Prediction {
        state: to_access_state(state).0,
        reason: to_access_reason(reason).0,
        step: step.number().into(),
        step_title: step_title(step).to_owned(),
        rule,
        agrees,
    }
}

/// A step of Exchange's order, in words.
pub fn step_title(step: Step) -> &'static str {
    match step {
        Step::Authentication => "the device is not signed in",
        Step::ActiveSyncDisabled => "ActiveSync is switched off for the mailbox",
        Step::MailboxPolicy => "the mailbox policy is not met",
        Step::PersonalBlock => "the id is on the mailbox's blocked list",
        Step::PersonalAllow => "the id is on the mailbox's allowed list",
        Step::BlockRule => "a device access rule blocks it",
        Step::QuarantineRule => "a device access rule quarantines it",
        Step::AllowRule => "a device access rule allows it",
        Step::DefaultLevel => "the organization's default access level",
    }
}
