//! `exgate.v1`: what Exchange's own order says about a device. Modes and triggers are among the enums.

use exgate_domain::observation::{AccessState, EasDevice};
use exgate_domain::precedence::Prediction;

use super::types::{to_access_reason, to_access_state};
use crate::types::v1 as types;
use crate::v1 as pb;

/// Puts what Exchange's own order predicts beside what Exchange shows of `device`.
pub fn prediction(predicted: Prediction, device: &EasDevice) -> pb::Prediction {
    let Prediction { state, reason, step, rule } = predicted;
    let agrees = state == device.access_state && reason == device.access_reason;
    pb::Prediction {
        state: to_access_state(state).0,
        reason: to_access_reason(reason).0,
        step: step.number().into(),
        step_title: step.title().to_owned(),
        rule,
        agrees,
    }
}

/// A state, and beside it Exchange's own word when it is unrecognised.
pub fn access_state(state: AccessState) -> (types::AccessState, String) {
    let (number, word) = to_access_state(state);
    (types::AccessState::try_from(number).unwrap_or_default(), word)
}
