//! The stations of one decision, in the order in which the data flowed. A station that was never
//! reached says so; none is left out silently.

use exgate_proto::types::v1 as types;
use exgate_proto::v1 as pb;
use jiff::Timestamp;

use crate::render::{
    NOTHING, Tone, access, access_reason, access_state, age, at, compliance, instant, paint,
    reason, since,
};

/// How many digits of a bundle's digest are shown.
const DIGEST_BYTES: usize = 3;

/// The whole explanation.
pub(super) fn text(it: &pb::ExplainDeviceResponse, now: Timestamp, color: bool) -> String {
    let mut lines = vec![headline(it, now, color)];
    let now = at(it.at.as_ref()).unwrap_or(now);
    let mut stations = vec![
        ("record", record(it, now)),
        ("match", matched(it)),
        ("rules", rules(it, color)),
        ("decision", decision(it, now)),
        ("exchange", exchange(it, color)),
        ("commands", commands(it, now)),
        ("observed", observed(it, now)),
    ];
    if it.at.is_some() {
        // What Exchange shows is of now, whatever had been decided.
        lines.insert(0, "In Exchange today:".to_owned());
        lines.push(format!("As decided at {}, with the ages of then:", instant(it.at.as_ref())));
        stations.retain(|(name, _)| !matches!(*name, "exchange" | "observed"));
    }
    for (index, (name, station)) in stations.into_iter().enumerate() {
        let mut rest = station.into_iter();
        let first = rest.next().unwrap_or_default();
        lines.push(format!("  {} {name:<9} {first}", index + 1));
        lines.extend(rest.map(|line| format!("      {line}")));
    }
    if !it.held.is_empty() {
        lines.push(format!("Held: {}", it.held));
    }
    lines.extend(cures(it));
    lines.join("\n")
}

fn headline(it: &pb::ExplainDeviceResponse, now: Timestamp, color: bool) -> String {
    let device = it.device.clone().unwrap_or_default();
    let eas = device.eas.clone().unwrap_or_default();
    let state = access_state(eas.access_state, &eas.access_state_text).to_ascii_uppercase();
    let tone = match types::AccessState::try_from(eas.access_state) {
        Ok(types::AccessState::Allowed) => Tone::Good,
        Ok(types::AccessState::Blocked) => Tone::Bad,
        Ok(
            types::AccessState::Unspecified
            | types::AccessState::Unknown
            | types::AccessState::Quarantined
            | types::AccessState::DeviceDiscovery
            | types::AccessState::Unrecognised,
        )
        | Err(_) => Tone::Warning,
    };
    let why = device.reasons.first().map_or("NOT_DECIDED".to_owned(), |it| reason(*it));
    let mut parts = vec![paint(&state, tone, color)];
    if is_under_way(device.intended, eas.access_state) {
        parts.push(format!("intended {}", access(device.intended)));
    }
    parts.push(format!("reason {why}"));
    if device.decided_at.is_some() {
        parts.push(format!("since {}", since(device.decided_at.as_ref(), now)));
    }
    let model = if eas.device_model.is_empty() { &eas.device_type } else { &eas.device_model };
    let kind: Vec<_> =
        [model.as_str(), &eas.device_os].into_iter().filter(|it| !it.is_empty()).collect();
    for part in [device.primary_smtp, kind.join(", ")] {
        if !part.is_empty() {
            parts.push(part);
        }
    }
    parts.join("   ")
}

/// Whether Exchange shows another state than the one that was decided.
fn is_under_way(intended: i32, observed: i32) -> bool {
    let wanted = match types::Access::try_from(intended) {
        Ok(types::Access::Allow) => types::AccessState::Allowed,
        Ok(types::Access::Quarantine) => types::AccessState::Quarantined,
        Ok(types::Access::Block) => types::AccessState::Blocked,
        Ok(types::Access::Leave | types::Access::Unspecified) | Err(_) => return false,
    };
    observed != i32::from(wanted)
}

fn record(it: &pb::ExplainDeviceResponse, now: Timestamp) -> Vec<String> {
    let Some(case) = &it.case else {
        return vec!["no question was put yet".to_owned()];
    };
    let mut lines = vec![match &case.management {
        Some(types::case::Management::Managed(matched)) => match &matched.record {
            Some(record) => facts(record, now),
            None => "the record is missing".to_owned(),
        },
        Some(types::case::Management::Unmanaged(_)) => "none: no MDM knows this device".to_owned(),
        Some(types::case::Management::Unavailable(why)) => format!("not available: {why}"),
        None => "not known".to_owned(),
    }];
    lines.push(match &case.owner {
        None => format!("owner {}: not in the directory", case.primary_smtp),
        Some(owner) => {
            let licensed = match owner.licensed {
                Some(true) => "licensed",
                Some(false) => "not licensed",
                None => "licence unknown",
            };
            let groups = match owner.groups.as_slice() {
                [] => "in no group".to_owned(),
                groups => format!("in {}", groups.join(", ")),
            };
            let from = source(owner.provenance.as_ref(), now);
            format!("owner {}: {licensed}, {groups}{from}", owner.user_principal_name)
        }
    });
    lines
}

fn facts(record: &types::ManagedDevice, now: Timestamp) -> String {
    let known = |label: &str, value: Option<bool>| {
        let value = value.map_or("unknown", |it| if it { "yes" } else { "no" });
        format!("{label}={value}")
    };
    let verdict = types::ComplianceState::try_from(record.compliance_state)
        .map_or(NOTHING.to_owned(), |it| {
            it.as_str_name().trim_start_matches("COMPLIANCE_STATE_").to_ascii_lowercase()
        });
    let check_in = match record.last_check_in_at {
        Some(_) => format!("   last check-in {}", age(record.last_check_in_at.as_ref(), now)),
        None => "   last check-in unknown".to_owned(),
    };
    format!(
        "device {} {} {} MDM says {verdict} {} {}{check_in}{}",
        record.id,
        record.operating_system,
        record.os_version,
        known("encrypted", record.is_encrypted),
        known("jailbroken", record.jail_broken),
        source(record.provenance.as_ref(), now),
    )
}

fn source(provenance: Option<&types::Provenance>, now: Timestamp) -> String {
    let Some(provenance) = provenance else { return String::new() };
    let read_at = provenance.read_at.as_ref();
    format!("   source {}, read {}", provenance.source, since(read_at, now))
}

fn matched(it: &pb::ExplainDeviceResponse) -> Vec<String> {
    let Some(case) = &it.case else { return vec![NOTHING.to_owned()] };
    let id = case.device.as_ref().map_or("", |device| &device.device_id);
    let line = match &case.management {
        Some(types::case::Management::Managed(matched)) => {
            let record = matched.record.as_ref().map_or("", |record| &record.id);
            let basis = match types::MatchBasis::try_from(matched.basis) {
                Ok(types::MatchBasis::EasIdAndUser) => "by ActiveSync id and user",
                Ok(types::MatchBasis::Unspecified) | Err(_) => "in a way this version cannot name",
            };
            format!("ActiveSync id {id} ↔ {record} {basis}")
        }
        Some(types::case::Management::Unmanaged(why)) => match types::Unmatched::try_from(*why) {
            Ok(types::Unmatched::NoRecord) => format!("no record names ActiveSync id {id}"),
            Ok(types::Unmatched::OtherUser) => {
                format!("a record names ActiveSync id {id}, but for somebody else")
            }
            Ok(types::Unmatched::Ambiguous) => {
                format!("several records fit ActiveSync id {id} equally well")
            }
            Ok(types::Unmatched::Unspecified) | Err(_) => format!("no match for {id}"),
        },
        Some(types::case::Management::Unavailable(_)) | None => "could not be tried".to_owned(),
    };
    vec![line]
}

fn rules(it: &pb::ExplainDeviceResponse, color: bool) -> Vec<String> {
    let Some(decision) = &it.decision else { return vec![NOTHING.to_owned()] };
    let digest: String =
        decision.bundle_digest.iter().take(DIGEST_BYTES).map(|it| format!("{it:02x}")).collect();
    let policy = match decision.policy.as_str() {
        "" => "no policy targets the owner".to_owned(),
        policy => format!("policy {policy} decided"),
    };
    let width = |of: fn(&types::Tried) -> &str| {
        decision.trace.iter().map(|it| of(it).chars().count()).max().unwrap_or_default()
    };
    let (policies, rules) = (width(|it| &it.policy), width(|it| &it.rule));
    let tried = |it: &types::Tried| {
        let mark = match types::Outcome::try_from(it.outcome) {
            Ok(types::Outcome::Satisfied) => paint("✔", Tone::Good, color),
            Ok(types::Outcome::NotSatisfied) => paint("✗", Tone::Bad, color),
            Ok(types::Outcome::Unknown | types::Outcome::Unspecified) | Err(_) => {
                paint("?", Tone::Warning, color)
            }
        };
        let line = format!("{mark} {:policies$}  {:rules$}  {}", it.policy, it.rule, it.detail);
        line.trim_end().to_owned()
    };
    let head = format!("bundle {digest}…, {policy}");
    std::iter::once(head).chain(decision.trace.iter().map(tried)).collect()
}

fn decision(it: &pb::ExplainDeviceResponse, now: Timestamp) -> Vec<String> {
    let Some(decision) = &it.decision else {
        return std::iter::once("none yet".to_owned())
            .chain(it.sentences.iter().cloned())
            .collect();
    };
    let reasons: Vec<_> = decision.reasons.iter().map(|it| reason(*it)).collect();
    let stored_at =
        it.decided_at.as_ref().or(it.device.as_ref().and_then(|it| it.decided_at.as_ref()));
    let at = match (it.undecided, stored_at) {
        (true, _) => "   asked just now, not stored".to_owned(),
        (false, Some(at)) => format!("   decided {}", age(Some(at), now)),
        (false, None) => String::new(),
    };
    let again = match &decision.look_again_at {
        Some(at) => format!("   looks again {}", instant(Some(at))),
        None => String::new(),
    };
    let head = format!(
        "{}: {}   {}{at}{again}",
        access(decision.access),
        reasons.join(", "),
        compliance(decision.compliance)
    );
    std::iter::once(head).chain(it.sentences.iter().cloned()).collect()
}

fn exchange(it: &pb::ExplainDeviceResponse, color: bool) -> Vec<String> {
    let Some(predicted) = &it.prediction else {
        return vec!["cannot be predicted: mailbox, rules or settings were not seen".to_owned()];
    };
    let rule = match predicted.rule.as_str() {
        "" => String::new(),
        rule => format!(" ({rule})"),
    };
    let agrees = if predicted.agrees {
        paint("predicted = observed ✔", Tone::Good, color)
    } else if is_to_be_seen(it) {
        paint("not looked at since the last command", Tone::Warning, color)
    } else {
        paint("predicted ≠ observed ✗", Tone::Warning, color)
    };
    vec![format!(
        "step {} of 9: {}{rule} → {} ({})   {agrees}",
        predicted.step,
        predicted.step_title,
        access_state(predicted.state, ""),
        access_reason(predicted.reason, ""),
    )]
}

/// Whether a command was answered after Exchange was last looked at.
fn is_to_be_seen(it: &pb::ExplainDeviceResponse) -> bool {
    let Some(seen) = it.device.as_ref().and_then(|device| device.seen_at.as_ref()) else {
        return false;
    };
    let answers = it.commands.iter().filter_map(|command| command.answered_at.as_ref());
    answers.into_iter().any(|at| (at.seconds, at.nanos) > (seen.seconds, seen.nanos))
}

fn commands(it: &pb::ExplainDeviceResponse, now: Timestamp) -> Vec<String> {
    if it.commands.is_empty() {
        return vec!["none".to_owned()];
    }
    it.commands.iter().map(|command| one_command(command, now)).collect()
}

fn one_command(command: &pb::CommandRecord, now: Timestamp) -> String {
    let mut parts = vec![format!("{:<10} {}", command.state, command.cmdlet)];
    if !command.answer.is_empty() && command.answer != command.state {
        parts.push(command.answer.clone());
    }
    if command.answered_at.is_some() {
        parts.push(format!("{} ms", command.took_ms));
    }
    if !command.server.is_empty() {
        parts.push(command.server.clone());
    }
    let when = command.answered_at.as_ref().or(command.created_at.as_ref());
    parts.push(age(when, now));
    if !command.trace_id.is_empty() {
        parts.push(format!("trace {}", command.trace_id));
    }
    parts.join("   ")
}

fn observed(it: &pb::ExplainDeviceResponse, now: Timestamp) -> Vec<String> {
    let device = it.device.clone().unwrap_or_default();
    let eas = device.eas.unwrap_or_default();
    let state = access_state(eas.access_state, &eas.access_state_text);
    let because = access_reason(eas.access_reason, &eas.access_reason_text);
    let seen = since(device.seen_at.as_ref(), now);
    vec![format!("{state} ({because})   seen {seen}")]
}

fn cures(it: &pb::ExplainDeviceResponse) -> Vec<String> {
    let decided = it.decision.as_ref().map_or(0, |decision| decision.access);
    // What is left alone has lost nothing, perhaps.
    let label = match types::Access::try_from(decided) {
        Ok(types::Access::Leave) => "To have it decided:",
        Ok(types::Access::Allow) => "To keep access:",
        Ok(types::Access::Unspecified | types::Access::Quarantine | types::Access::Block)
        | Err(_) => "To restore access:",
    };
    match it.cures.as_slice() {
        [] => Vec::new(),
        [only] => vec![format!("{label} {only}")],
        several => std::iter::once(label.to_owned())
            .chain(several.iter().map(|cure| format!("  {cure}")))
            .collect(),
    }
}

#[cfg(test)]
mod tests;
