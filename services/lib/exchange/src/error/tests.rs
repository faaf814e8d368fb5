//! What each failure of a session means for the next attempt.

use super::*;
use crate::psrp::body::ErrorRecord;
use crate::wsman::Fault;

fn fault(code: u32, subcode: &str, text: &str) -> SessionError {
    SessionError::from_fault(Fault::new(code, "Receiver", subcode, text))
}

#[test]
fn a_shell_that_is_gone_is_replaced_at_once() {
    let lost =
        "[ClientAccessServer=EX01,BackEndServer=EX02] [FailureCategory=WSMan-InvalidShellID] x";
    for error in [
        SessionError::from_fault(Fault::shell_not_found("1")),
        fault(2_150_858_999, "InternalError", lost),
        fault(995, "", "The I/O operation has been aborted"),
    ] {
        assert!(matches!(error, SessionError::Gone { .. }), "{error:?}");
        assert!(error.is_final() && error.may_have_acted());
        assert_eq!((error.retry(), error.word()), (Retry::Now, "session_dead"));
    }
}

#[test]
fn too_many_shells_mean_waiting_not_looping() {
    let shells = "This user is allowed a maximum number of 18 concurrent shells, which has been \
                  exceeded. Close existing shells or raise the quota for this user.";
    let error = fault(2_150_859_173, "InternalError", shells);
    assert!(matches!(error, SessionError::Throttled { .. }), "{error:?}");
    assert_eq!(error.retry(), Retry::After(BUSY_PAUSE));
    assert!(!error.is_final() && !error.may_have_acted());
    let quota = fault(2_150_859_174, "QuotaLimit", "Wait for at least 2500 milliseconds");
    assert_eq!(quota.retry(), Retry::After(Duration::from_millis(2500)));
    let coded = fault(2_150_859_174, "InternalError", "Nicht genug Ressourcen.");
    assert_eq!(coded.retry(), Retry::After(BUSY_PAUSE), "texts are localised, codes are not");
}

#[test]
fn any_other_fault_is_final_for_its_request_only() {
    let error = fault(5, "AccessDenied", "Access is denied.");
    assert!(matches!(error, SessionError::Fault { .. }), "{error:?}");
    assert_eq!(error.retry(), Retry::Never);
    assert!(!error.is_final());
}

#[test]
fn a_change_without_an_answer_is_read_back_first() {
    let lost = SessionError::from_fault(Fault::shell_not_found("1"));
    let unknown = CmdletError::OutcomeUnknown { cmdlet: "Set-CASMailbox", source: Some(lost) };
    assert_eq!(unknown.retry(), Retry::ReadBackFirst);
    assert!(unknown.is_session_dead());
    let late = CmdletError::OutcomeUnknown { cmdlet: "Set-CASMailbox", source: None };
    assert_eq!(late.retry(), Retry::ReadBackFirst);
    assert!(!late.is_session_dead(), "it was stopped in good order");
}

#[test]
fn a_refused_password_is_never_sent_again() {
    let source = HttpError::Unauthorized {
        host: "cas01".into(),
        account: "svc".into(),
        scheme: "Basic",
        offered: "Negotiate".into(),
    };
    let error = SessionError::from(source);
    assert_eq!((error.retry(), error.word()), (Retry::Never, "unauthorized"));
    let wait = Some(Duration::from_secs(3));
    let down = HttpError::Unavailable { host: "cas01".into(), retry_after: wait };
    assert_eq!(down.retry(), Retry::After(Duration::from_secs(3)));
}

#[test]
fn a_message_says_what_failed_and_leaves_the_source_out() {
    let record = ErrorRecord::new("X.ManagementObjectNotFoundException", "no 'jane'");
    let refused = CmdletError::refused("Get-CASMailbox", record);
    assert_eq!(
        refused.to_string(),
        "Get-CASMailbox was refused: no 'jane' (ManagementObjectNotFoundException)"
    );
    let source = SessionError::from_fault(Fault::shell_not_found("1"));
    let session = CmdletError::Session { cmdlet: "Get-CASMailbox", source };
    assert_eq!(session.to_string(), "Get-CASMailbox could not be run");
}
