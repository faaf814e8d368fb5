//! One failure in at most a few lines on standard error: what, its reason in brackets, what to do next,
//! and where to look it up.

use std::collections::HashMap;

use exgate_runtime::telemetry::current_traceparent;
use exgate_runtime::{one_line, report};
use tonic::Status;
use tonic_types::StatusExt;

use super::Terminal;
use super::table::{Tone, paint};
use crate::failure::{self, Failure};

/// Prints a failure, unless nobody is there to read it.
pub(crate) fn print(failure: &Failure, terminal: &Terminal) {
    if failure.is_quiet() {
        return;
    }
    let traceparent = current_traceparent();
    let told_by = terminal.told_by.as_deref();
    let text = text(failure, &terminal.server, told_by, &traceparent);
    let rest = text.strip_prefix("error:").unwrap_or(&text);
    terminal.complain(&format!("{}{rest}", paint("error:", Tone::Bad, terminal.color_errors)));
}

fn text(failure: &Failure, server: &str, told_by: Option<&str>, traceparent: &str) -> String {
    let reason = failure.reason().map(|it| format!("  [{it}]")).unwrap_or_default();
    let mut lines = vec![format!("error: {}{reason}", what(failure, server))];
    lines.extend(particulars(failure));
    let next = next(failure);
    if !next.is_empty() {
        lines.push(next.join("   "));
    }
    // Who gives up does not know whether the other side did.
    let told_by = told_by.filter(|_| failure.is_deadline());
    lines.extend(told_by.map(|it| format!("it may have been done all the same; see: {it}")));
    let trace = trace_id(traceparent).filter(|_| asked_somebody(failure));
    lines.extend(trace.map(|id| format!("trace {id}")));
    // What a server or a file says is not to steer the terminal.
    let shown = |line: &String| line.split('\n').map(one_line).collect::<Vec<_>>().join("\n");
    lines.iter().map(shown).collect::<Vec<_>>().join("\n  ")
}

fn what(failure: &Failure, server: &str) -> String {
    match failure {
        Failure::Call { status, .. } if failure::is_unreachable(status) => {
            let cause = failure::causes(status).last().map(ToString::to_string);
            format!("no coordinator answers at {server}: {}", cause.unwrap_or_default())
        }
        Failure::Call { attempt, status, .. } => match status.message() {
            "" => format!("cannot {attempt}"),
            message if failure::info(status).is_some() => message.to_owned(),
            message => format!("cannot {attempt}: {message}"),
        },
        Failure::Json { reason, .. } => format!("{failure}: {reason}"),
        Failure::NoAnswer { .. } => format!("{failure} from {server}"),
        Failure::Address(_)
        | Failure::Usage { .. }
        | Failure::File { .. }
        | Failure::Demo(_)
        | Failure::NotFound { .. }
        | Failure::Ambiguous { .. }
        | Failure::SyncFailed { .. }
        | Failure::CheckFailed { .. }
        | Failure::CheckCut { .. }
        | Failure::PoliciesRefused(_)
        | Failure::NoEvaluator { .. }
        | Failure::Evaluator { .. }
        | Failure::SimulationCut
        | Failure::Partial { .. }
        | Failure::TimedOut { .. }
        | Failure::Interrupted
        | Failure::Output(_) => report(failure),
    }
}

/// The parts of a failure that has several: each candidate, each wrong field.
fn particulars(failure: &Failure) -> Vec<String> {
    match failure {
        Failure::Ambiguous { candidates, .. } => {
            candidates.iter().map(|(name, user)| format!("{name}   {user}")).collect()
        }
        Failure::Call { status, .. } => violations(status),
        Failure::Address(_)
        | Failure::Usage { .. }
        | Failure::File { .. }
        | Failure::Demo(_)
        | Failure::NotFound { .. }
        | Failure::SyncFailed { .. }
        | Failure::CheckFailed { .. }
        | Failure::CheckCut { .. }
        | Failure::PoliciesRefused(_)
        | Failure::NoEvaluator { .. }
        | Failure::Evaluator { .. }
        | Failure::SimulationCut
        | Failure::Partial { .. }
        | Failure::TimedOut { .. }
        | Failure::NoAnswer { .. }
        | Failure::Interrupted
        | Failure::Output(_)
        | Failure::Json { .. } => Vec::new(),
    }
}

fn violations(status: &Status) -> Vec<String> {
    let details = status.get_error_details();
    let fields = details.bad_request().map(|it| it.field_violations.as_slice()).unwrap_or_default();
    let preconditions =
        details.precondition_failure().map(|it| it.violations.as_slice()).unwrap_or_default();
    let field = fields.iter().map(|it| (&it.field, &it.description));
    let condition = preconditions.iter().map(|it| (&it.subject, &it.description));
    field
        .chain(condition)
        // One fault whose message says it already is not said twice.
        .filter(|(_, description)| !status.message().contains(description.as_str()))
        .map(|(place, description)| {
            if description.starts_with(place.as_str()) {
                one_line(description).into_owned()
            } else {
                one_line(&format!("{place}: {description}")).into_owned()
            }
        })
        .collect()
}

/// What to type next.
fn next(failure: &Failure) -> Vec<String> {
    let mut next = Vec::new();
    match failure {
        Failure::Call { status, .. } if failure::is_unreachable(status) => {
            next.push("start it, or say where it is: --server URL or EXGATE_SERVER".to_owned());
        }
        Failure::Call { status, .. } => next.extend(cures(status)),
        Failure::Usage { cure, .. } if cure.is_empty() => {}
        Failure::Usage { cure, .. } => next.push(cure.clone()),
        Failure::NotFound { see, .. } => next.push(format!("see: {see}")),
        Failure::Ambiguous { .. } => {
            next.push("say which: type its whole name, or USER/ID".to_owned());
        }
        Failure::SyncFailed { organization, trace, .. } => {
            next.push(format!("see: exgate describe conn/{organization}"));
            if !trace.is_empty() {
                next.push(format!("trace {trace}"));
            }
        }
        Failure::TimedOut { .. } | Failure::NoAnswer { .. } => {
            next.push("give it longer: --timeout 10m".to_owned());
        }
        Failure::NoEvaluator { .. } => {
            next.push("install exgate-evaluator into the folder that exgate lies in".to_owned());
        }
        Failure::Address(_)
        | Failure::CheckFailed { .. }
        | Failure::PoliciesRefused(_)
        | Failure::Evaluator { .. }
        | Failure::CheckCut { .. }
        | Failure::SimulationCut
        | Failure::File { .. }
        | Failure::Demo(_)
        | Failure::Partial { .. }
        | Failure::Interrupted
        | Failure::Output(_)
        | Failure::Json { .. } => {}
    }
    next
}

fn cures(status: &Status) -> Vec<String> {
    let details = status.get_error_details();
    let mut cures = Vec::new();
    if let Some(info) = details.error_info() {
        cures.extend(info.metadata.get("suggestion").map(|it| format!("did you mean {it:?}?")));
        cures.extend(command(&info.reason, &info.metadata).map(|it| format!("see: {it}")));
    }
    if let Some(resource) = details.resource_info().filter(|it| !it.resource_name.is_empty()) {
        cures.push(resource.resource_name.clone());
    }
    if let Some(delay) = details.retry_info().and_then(|it| it.retry_delay) {
        cures.push(format!("try again in {delay:?}"));
    }
    let links = details.help().map(|it| it.links.as_slice()).unwrap_or_default();
    cures.extend(links.iter().map(|link| format!("{}: {}", link.description, link.url)));
    if status.code() == tonic::Code::Unimplemented {
        cures.push("the coordinator is of another version: exgate version".to_owned());
    }
    cures
}

/// The command that helps with a reason of the coordinator's.
fn command(reason: &str, metadata: &HashMap<String, String>) -> Option<String> {
    let of = |key: &str| metadata.get(key).map(String::as_str);
    let command = match (reason, of("organization"), of("run")) {
        ("ORGANIZATION_NOT_FOUND", ..) => "exgate get organizations".to_owned(),
        ("DEVICE_NOT_FOUND", ..) => "exgate get devices".to_owned(),
        ("SYNC_RUN_NOT_FOUND", ..) => "exgate get syncs".to_owned(),
        ("POLICY_NOT_FOUND", ..) => "exgate get policies".to_owned(),
        ("SYNC_ALREADY_RUNNING", _, Some(run)) => format!("exgate describe {run}"),
        ("CONNECTOR_DISCONNECTED" | "CHECK_LOST", Some(name), _) => {
            format!("exgate describe conn/{name}")
        }
        ("FULL_SYNC_NEEDED", Some(name), _) => format!("exgate sync {name} --full --wait"),
        ("EVALUATOR_UNAVAILABLE", ..) => "exgate status".to_owned(),
        _ => return None,
    };
    Some(command)
}

/// Whether a trace has anything to show.
fn asked_somebody(failure: &Failure) -> bool {
    match failure {
        Failure::Call { status, .. } => !failure::is_unreachable(status),
        // A sync that ran in a trace has told it already.
        Failure::SyncFailed { trace, .. } => trace.is_empty(),
        Failure::NotFound { .. }
        | Failure::Ambiguous { .. }
        | Failure::TimedOut { .. }
        | Failure::NoAnswer { .. }
        | Failure::CheckCut { .. }
        | Failure::SimulationCut
        | Failure::Json { .. } => true,
        Failure::Address(_)
        | Failure::Usage { .. }
        | Failure::File { .. }
        | Failure::Demo(_)
        | Failure::CheckFailed { .. }
        | Failure::PoliciesRefused(_)
        | Failure::NoEvaluator { .. }
        | Failure::Evaluator { .. }
        | Failure::Partial { .. }
        | Failure::Interrupted
        | Failure::Output(_) => false,
    }
}

/// The 32 digits of a `traceparent`.
fn trace_id(traceparent: &str) -> Option<&str> {
    traceparent.split('-').nth(1).filter(|id| id.len() == 32)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tonic::Code;
    use tonic_types::{ErrorDetails, FieldViolation};

    use super::*;

    const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    const SERVER: &str = "http://127.0.0.1:7443";

    fn refused(code: Code, message: &str, details: ErrorDetails) -> Failure {
        Failure::call("ask")(Status::with_error_details(code, message, details))
    }

    fn info(reason: &str, metadata: &[(&str, &str)]) -> ErrorDetails {
        let owned = metadata.iter().map(|(key, value)| (key.to_string(), value.to_string()));
        ErrorDetails::with_error_info(reason, "exgate.dev", owned.collect::<HashMap<_, _>>())
    }

    #[test]
    fn a_slip_is_told_with_its_neighbour_and_the_list() {
        let metadata = [("organization", "contso"), ("suggestion", "contoso")];
        let failure = refused(
            Code::NotFound,
            "organization \"contso\" not found",
            info("ORGANIZATION_NOT_FOUND", &metadata),
        );
        let expected = "\
error: organization \"contso\" not found  [ORGANIZATION_NOT_FOUND]
  did you mean \"contoso\"?   see: exgate get organizations
  trace 4bf92f3577b34da6a3ce929d0e0e4736";
        assert_eq!(text(&failure, SERVER, None, TRACEPARENT), expected);
    }

    #[test]
    fn each_wrong_place_of_a_policy_has_its_line() {
        let mut details = info("POLICY_INVALID", &[]);
        details.set_bad_request(vec![
            FieldViolation::new("mail.yaml", "mail.yaml:4:3: unknown key \"platfroms\""),
            FieldViolation::new("mail.yaml:9:5", "\"17,4\" is not a version"),
        ]);
        let failure = refused(Code::InvalidArgument, "2 mistakes in mail.yaml", details);
        let expected = "\
error: 2 mistakes in mail.yaml  [POLICY_INVALID]
  mail.yaml:4:3: unknown key \"platfroms\"
  mail.yaml:9:5: \"17,4\" is not a version";
        assert_eq!(text(&failure, SERVER, None, ""), expected);

        let mut details = info("POLICY_INVALID", &[]);
        details
            .set_bad_request(vec![FieldViolation::new("a.yaml", "a.yaml:4: \u{1b}[31mred\n: no")]);
        let failure = refused(Code::InvalidArgument, "1 mistake\u{7}", details);
        let expected =
            "error: 1 mistake\\u{7}  [POLICY_INVALID]\n  a.yaml:4: \\u{1b}[31mred\\n: no";
        assert_eq!(text(&failure, SERVER, None, ""), expected);
    }

    #[test]
    fn each_reason_with_a_next_step_names_its_command() {
        let metadata = [("organization", "contoso"), ("run", "organizations/contoso/syncRuns/1")];
        for (reason, command) in [
            ("SYNC_ALREADY_RUNNING", "exgate describe organizations/contoso/syncRuns/1"),
            ("CONNECTOR_DISCONNECTED", "exgate describe conn/contoso"),
            ("FULL_SYNC_NEEDED", "exgate sync contoso --full --wait"),
            ("DEVICE_NOT_FOUND", "exgate get devices"),
        ] {
            let failure = refused(Code::Aborted, "no", info(reason, &metadata));
            let expected = format!("error: no  [{reason}]\n  see: {command}");
            assert_eq!(text(&failure, SERVER, None, ""), expected);
        }
    }

    #[test]
    fn several_devices_are_listed() {
        let failure = Failure::Ambiguous {
            device: "Appl1".into(),
            candidates: vec![
                ("organizations/contoso/devices/Appl1-00000001".into(), "ann@contoso.com".into()),
                ("organizations/contoso/devices/Appl1-00000002".into(), "bob@contoso.com".into()),
            ],
        };
        let expected = "\
error: device \"Appl1\" is in 2 mailboxes  [DEVICE_AMBIGUOUS]
  organizations/contoso/devices/Appl1-00000001   ann@contoso.com
  organizations/contoso/devices/Appl1-00000002   bob@contoso.com
  say which: type its whole name, or USER/ID";
        assert_eq!(text(&failure, SERVER, None, ""), expected);
    }

    #[test]
    fn a_bare_status_says_what_was_attempted() {
        let failure = refused(Code::Internal, "reference 17", ErrorDetails::new());
        assert_eq!(text(&failure, SERVER, None, ""), "error: cannot ask: reference 17  [INTERNAL]");
        let failure = Failure::TimedOut { after: Duration::from_secs(90) };
        assert_eq!(
            text(&failure, SERVER, None, ""),
            "error: gave up after 90s  [DEADLINE_EXCEEDED]\n  give it longer: --timeout 10m"
        );
        let refused = Failure::call("ask")(Status::new(Code::Internal, "no"));
        let said = text(&refused, SERVER, Some("exgate get policies"), "");
        assert!(!said.contains("exgate get policies"), "{said}");
    }

    #[test]
    fn silence_leaves_a_doubt_and_says_what_ends_it() {
        let within = Duration::from_secs(30);
        let failure = Failure::NoAnswer { attempt: "set the mode", within };
        let expected = "\
error: cannot set the mode: no answer came within 30s from http://127.0.0.1:7443  [DEADLINE_EXCEEDED]
  give it longer: --timeout 10m
  it may have been done all the same; see: exgate describe org/contoso
  trace 4bf92f3577b34da6a3ce929d0e0e4736";
        let told_by = Some("exgate describe org/contoso");
        assert_eq!(text(&failure, SERVER, told_by, TRACEPARENT), expected);
    }
}
