//! What a server says about too much work, made of its texts. The numbers in them are believed; a
//! text without one still counts. Where the texts come from stands in [`crate::error::Refusal`]'s file.

use std::time::Duration;

use super::Quota;
use crate::error::{CmdletError, Refusal, SessionError};

/// A server's word about too much work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    /// It refuses work for a while: `The user load quota of X requests per Y seconds has been
    /// exceeded .. at least Z milliseconds`.
    Stopped { wait: Option<Duration>, quota: Option<Quota> },
    /// It gives no more shells: `allowed a maximum number of 18 concurrent shells`.
    Shells { wait: Option<Duration>, permitted: Option<usize> },
    /// It slowed a cmdlet down: `Micro delay applied. Actual delayed: 120 msecs`.
    Delayed(Duration),
}

impl Signal {
    /// What a failed session, or a session that did not open, says.
    pub(crate) fn of_session(error: &SessionError) -> Option<Self> {
        if let SessionError::Throttled { wait, message } = error {
            return Some(Self::of(message, *wait));
        }
        if let SessionError::Broken { record: Some(record) } = error
            && let Refusal::Throttled(wait) = Refusal::of(record)
        {
            return Some(Self::of(&record.message, wait));
        }
        None
    }

    /// What a cmdlet's end says.
    pub(crate) fn of_cmdlet(error: &CmdletError) -> Option<Self> {
        if let CmdletError::Refused { refusal: Refusal::Throttled(wait), record, .. } = error {
            return Some(Self::of(&record.message, *wait));
        }
        if let CmdletError::Session { source, .. }
        | CmdletError::OutcomeUnknown { source: Some(source), .. } = error
        {
            return Self::of_session(source);
        }
        None
    }

    /// What a text of throttling says.
    pub(crate) fn of(text: &str, wait: Option<Duration>) -> Self {
        let is_about_shells = text.contains("concurrent shells") || text.contains("connections");
        if is_about_shells {
            return Self::Shells { wait, permitted: permitted(text) };
        }
        Self::Stopped { wait, quota: quota(text) }
    }
}

/// `load quota of 200 requests per 5 seconds`.
fn quota(text: &str) -> Option<Quota> {
    let (_, rest) = text.split_once("load quota of ")?;
    let mut words = rest.split_ascii_whitespace();
    let cmdlets = words.next()?.parse().ok().filter(|cmdlets| *cmdlets > 0)?;
    let mut after = words.skip_while(|word| *word != "per").skip(1);
    let seconds = after.next()?.parse().ok().filter(|seconds: &f64| *seconds > 0.0)?;
    let period = Duration::try_from_secs_f64(seconds).ok()?;
    after.next()?.starts_with("second").then_some(Quota { cmdlets, period })
}

/// `a maximum number of 18 concurrent shells`, `connections allowed : 3`.
fn permitted(text: &str) -> Option<usize> {
    let after = |mark: &str| text.split_once(mark)?.1.trim_start().split([' ', '.', ',']).next();
    let number = after("maximum number of").and_then(|word| word.parse().ok());
    number.or_else(|| after("connections allowed :")?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::BUSY_PAUSE;

    #[test]
    fn numbers_in_the_texts_are_believed() {
        let text = "The user load quota of 200 requests per 5 seconds has been exceeded. Send future \
                    requests at a slower rate. The next request from this user will not be approved \
                    for at least 1500 milliseconds.";
        let quota = Quota { cmdlets: 200, period: Duration::from_secs(5) };
        let wait = Some(Duration::from_millis(1500));
        assert_eq!(Signal::of(text, wait), Signal::Stopped { wait, quota: Some(quota) });
        let text = "This user is allowed a maximum number of 18 concurrent shells, which has been \
                    exceeded.";
        assert_eq!(Signal::of(text, None), Signal::Shells { wait: None, permitted: Some(18) });
        let text = "Fail to create a runspace because you have exceeded the maximum number of \
                    connections allowed : 3.";
        assert_eq!(Signal::of(text, None), Signal::Shells { wait: None, permitted: Some(3) });
        let text = "The maximum number of concurrent shells for this tenant has been exceeded.";
        assert_eq!(Signal::of(text, None), Signal::Shells { wait: None, permitted: None });
    }

    #[test]
    fn a_text_without_a_number_still_counts() {
        for text in ["The user load quota of", "load quota of 0 requests per 0 seconds", "busy"] {
            let wait = Some(BUSY_PAUSE);
            assert_eq!(Signal::of(text, wait), Signal::Stopped { wait, quota: None });
        }
    }
}
