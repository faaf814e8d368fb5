//! One thing as a sheet of labels and values; what is not known is not shown.

mod configuration;
mod statistics;

use exgate_proto::{types::v1 as types, v1 as pb};
use jiff::Timestamp;

use crate::commands::get::took;
use crate::render::{
    NOTHING, access, access_reason, access_state, breaker, compliance, connector_state, count,
    instant, mode, reason, short, short_id, since, span, sync_mode, sync_state, trigger,
};

/// The column in which values begin.
const VALUES_AT: usize = 20;

/// A sheet under construction.
#[derive(Debug, Default)]
struct Sheet(String);

impl Sheet {
    fn line(mut self, label: &str, value: impl AsRef<str>) -> Self {
        let value = value.as_ref();
        if !value.is_empty() && value != NOTHING {
            let label = format!("{label}:");
            self.0.push_str(&format!("{label:VALUES_AT$}{value}\n"));
        }
        self
    }

    fn list(mut self, label: &str, values: impl IntoIterator<Item = String>) -> Self {
        let mut values = values.into_iter().peekable();
        if values.peek().is_some() {
            self.0.push_str(&format!("{label}:\n"));
        }
        for value in values {
            self.0.push_str(&format!("  {value}\n"));
        }
        self
    }

    fn next(mut self, commands: &[String]) -> String {
        let label = "Next:";
        for (index, command) in commands.iter().enumerate() {
            let label = if index == 0 { label } else { "" };
            self.0.push_str(&format!("{label:VALUES_AT$}{command}\n"));
        }
        self.0
    }
}

/// An organization.
pub(super) fn organization(it: &pb::Organization, now: Timestamp) -> String {
    let id = short_id(&it.name);
    let devices = it.devices.unwrap_or_default();
    let pending = it.pending.unwrap_or_default();
    let [allow, quarantine, block] = [pending.allow, pending.quarantine, pending.block];
    let quick = span(it.quick_interval.as_ref());
    let scan = span(it.quick_interval_scan.as_ref());
    let sheet = Sheet::default()
        .line("Name", &it.name)
        .line("Display name", &it.display_name)
        .line("Mode", mode(it.mode))
        .line("Quick sync every", format!("{quick}, where the server cannot filter {scan}"))
        .line("Full sync every", span(it.full_interval.as_ref()))
        .line("Created", since(it.created_at.as_ref(), now))
        .line("Changed", since(it.changed_at.as_ref(), now))
        .line(
            "Devices",
            format!(
                "{} known: {} allowed, {} blocked, {} quarantined, {} in discovery, {} other",
                devices.known,
                devices.allowed,
                devices.blocked,
                devices.quarantined,
                devices.discovery,
                devices.other
            ),
        )
        .line(
            "Pending",
            format!(
                "{}: allow {allow}, quarantine {quarantine}, block {block}",
                count(pending.mailboxes, "mailbox")
            ),
        )
        .line("Commands", format!("{} in flight, {} unknown", pending.in_flight, pending.unknown))
        .list("Problems", it.problems.iter().cloned());
    let sheet = match &it.configuration {
        Some(seen) => configuration::written(sheet, seen),
        None => sheet,
    };
    sheet.next(&[
        format!("exgate describe conn/{id}"),
        format!("exgate get devices -O {id}"),
        format!("exgate mode {id} enforce --dry-run"),
    ])
}

/// A connector with its preflight.
pub(super) fn connector(it: &pb::Connector, now: Timestamp) -> String {
    let id = it.name.split('/').nth(1).unwrap_or(&it.name);
    let step = |step: &pb::PreflightStep| {
        let mark = if step.ok { "✔" } else { "✗" };
        let cure =
            if step.cure.is_empty() { String::new() } else { format!("   → {}", step.cure) };
        let finding = match step.finding.as_str() {
            "" => String::new(),
            finding => format!(": {finding}"),
        };
        format!("{mark} {}{finding}{cure}", step.title)
    };
    let lease = match it.lease_generation {
        0 => String::new(),
        generation => format!("generation {generation}"),
    };
    Sheet::default()
        .line("Name", &it.name)
        .line("State", connector_state(it.state))
        .line("Problem", &it.problem)
        .line("Exchange server", &it.exchange_server)
        .line("Exchange version", &it.exchange_version)
        .line("Agent host", &it.connector_server)
        .line("Agent version", &it.version)
        .line("Agent id", &it.agent_id)
        .line("Lease", lease)
        .line("Last heard", since(it.last_heard_at.as_ref(), now))
        .line("Last quick sync", since(it.last_quick_sync_at.as_ref(), now))
        .line("Last full sync", since(it.last_full_sync_at.as_ref(), now))
        .list("Servers", servers(it.standing.as_ref(), now))
        .list("Preflight", it.preflight.iter().map(step))
        .next(&[format!("exgate sync {id} --quick --wait"), format!("exgate get syncs -O {id}")])
}

/// One line for each Exchange server.
fn servers(standing: Option<&types::Standing>, now: Timestamp) -> Vec<String> {
    let Some(standing) = standing else { return Vec::new() };
    let line = |server: &types::ServerStanding| {
        let is = |host: &str| server.host.eq_ignore_ascii_case(host);
        let well = server.breaker == i32::from(types::Breaker::Closed);
        let mark = if well { "✔" } else { "✗" };
        let roles = match (is(&standing.current), is(&standing.primary)) {
            (true, true) => ", primary, in use",
            (true, false) => ", in use",
            (false, true) => ", primary",
            (false, false) => "",
        };
        let about = [&server.version, &server.site].map(String::as_str).map(|text| match text {
            "" => String::new(),
            text => format!(", {text}"),
        });
        let failed = match (well, server.problem.as_str()) {
            (true, _) => String::new(),
            (false, problem) => {
                let when = since(server.failed_at.as_ref(), now);
                format!(", breaker {}; {when}: {problem}", breaker(server.breaker))
            }
        };
        format!("{mark} {}{roles}{}{failed}", server.host, about.concat())
    };
    standing.servers.iter().map(line).collect()
}

/// A device.
pub(super) fn device(it: &pb::Device, now: Timestamp) -> String {
    let eas = it.eas.clone().unwrap_or_default();
    let state = access_state(eas.access_state, &eas.access_state_text);
    let because = access_reason(eas.access_reason, &eas.access_reason_text);
    let rule = match eas.access_rule.as_str() {
        "" => String::new(),
        rule => format!(", rule {rule:?}"),
    };
    let mailbox = match it.mailbox_guid.as_str() {
        "" => "not seen".to_owned(),
        guid => format!("{} <{}> {guid}", it.mailbox_display_name, it.primary_smtp),
    };
    let reasons: Vec<_> = it.reasons.iter().map(|it| reason(*it)).collect();
    let sheet = Sheet::default()
        .line("Name", &it.name)
        .line("ActiveSync id", &eas.device_id)
        .line("Mailbox", mailbox.trim())
        .line("State", format!("{state} ({because}{rule})"))
        .line("Intended", access(it.intended))
        .line("Compliance", compliance(it.compliance))
        .line("Reasons", reasons.join(", "))
        .line("Decided", since(it.decided_at.as_ref(), now))
        .line("Seen", since(it.seen_at.as_ref(), now))
        .line("Type", &eas.device_type)
        .line("Model", &eas.device_model)
        .line("OS", &eas.device_os)
        .line("User agent", &eas.user_agent)
        .line("Friendly name", &eas.friendly_name)
        .line("IMEI", &eas.imei)
        .line("Phone number", &eas.phone_number)
        .line("Client type", &eas.client_type)
        .line("Protocol", &eas.protocol_version)
        .line("First sync", since(eas.first_sync_at.as_ref(), now))
        .line("Changed", since(eas.changed_at.as_ref(), now));
    statistics::written(sheet, it, now).next(&[format!("exgate why {}", it.name)])
}

/// A sync.
pub(super) fn sync(it: &pb::SyncRun, now: Timestamp) -> String {
    let id = it.name.split('/').nth(1).unwrap_or(&it.name);
    let progress = match (it.step.as_str(), it.total) {
        ("", _) => String::new(),
        (step, 0) => format!("{step}: {}", it.done),
        (step, total) => format!("{step}: {} of {total}", it.done),
    };
    let found = format!(
        "{}: {} added, {} changed, {} unchanged, {} removed",
        count(it.devices_seen, "device"),
        it.devices_added,
        it.devices_changed,
        it.devices_unchanged,
        it.devices_removed
    );
    let is_over = pb::SyncRunState::try_from(it.state) == Ok(pb::SyncRunState::Succeeded);
    Sheet::default()
        .line("Name", &it.name)
        .line("Mode", sync_mode(it.mode))
        .line("Trigger", trigger(it.trigger))
        .line("State", sync_state(it.state))
        .line("Progress", progress)
        .line("Failure", &it.failure)
        .line("Requested", since(it.requested_at.as_ref(), now))
        .line("Started", since(it.started_at.as_ref(), now))
        .line("Ended", instant(it.ended_at.as_ref()))
        .line("Took", took(it).map_or(String::new(), short))
        .line("Found", if is_over { found } else { String::new() })
        .line("Trace", &it.trace_id)
        .next(&[format!("exgate describe conn/{id}"), format!("exgate get syncs -O {id}")])
}

/// A policy with the file it stands in.
pub(super) fn policy(it: &pb::Policy, now: Timestamp) -> String {
    Sheet::default()
        .line("Name", &it.name)
        .line("Kind", &it.kind)
        .line("File", &it.path)
        .line("Applied", since(it.applied_at.as_ref(), now))
        .list("Source", it.source.lines().map(ToOwned::to_owned))
        .next(&[format!("exgate get policies {} -o json", short_id(&it.name))])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-11-23T14:00:00Z".parse().unwrap()
    }

    #[test]
    fn a_connector_shows_where_its_preflight_ended_and_the_cure() {
        let step = |title: &str, ok, finding: &str, cure: &str| pb::PreflightStep {
            title: title.into(),
            ok,
            finding: finding.into(),
            cure: cure.into(),
        };
        let it = pb::Connector {
            name: "organizations/contoso/connector".into(),
            state: pb::ConnectorState::Degraded.into(),
            problem: "sign-in failed".into(),
            exchange_server: "ex01.contoso.com".into(),
            lease_generation: 7,
            preflight: vec![
                step("reach", true, "ex01:443 in 3 ms", ""),
                step("tls", true, "", ""),
                step("sign-in", false, "401", "check exchange.password_file"),
            ],
            ..pb::Connector::default()
        };
        let expected = "\
Name:               organizations/contoso/connector
State:              DEGRADED
Problem:            sign-in failed
Exchange server:    ex01.contoso.com
Lease:              generation 7
Preflight:
  ✔ reach: ex01:443 in 3 ms
  ✔ tls
  ✗ sign-in: 401   → check exchange.password_file
Next:               exgate sync contoso --quick --wait
                    exgate get syncs -O contoso
";
        assert_eq!(connector(&it, now()), expected);
    }

    #[test]
    fn a_failed_sync_shows_why_and_not_what_it_did_not_find() {
        let it = pb::SyncRun {
            name: "organizations/contoso/syncRuns/1".into(),
            mode: pb::SyncMode::Quick.into(),
            trigger: pb::SyncTrigger::Manual.into(),
            state: pb::SyncRunState::Failed.into(),
            failure: "the stream was cut in the middle".into(),
            ..pb::SyncRun::default()
        };
        let text = sync(&it, now());
        assert!(text.contains("Failure:            the stream was cut in the middle\n"));
        assert!(!text.contains("Found:"));
        assert!(!text.contains("Ended:"));
    }

    #[test]
    fn a_device_without_mailbox_says_so() {
        let it =
            pb::Device { name: "organizations/a/devices/b-00000000".into(), ..Default::default() };
        let text = device(&it, now());
        assert!(text.contains("Mailbox:            not seen\n"), "{text}");
        assert!(text.ends_with("exgate why organizations/a/devices/b-00000000\n"));
    }

    #[test]
    fn an_organization_shows_its_tallies() {
        let it = pb::Organization {
            name: "organizations/contoso".into(),
            mode: pb::Mode::Observe.into(),
            devices: Some(pb::DeviceTally {
                known: 3,
                allowed: 2,
                blocked: 1,
                ..Default::default()
            }),
            pending: Some(pb::PendingTally { block: 1, mailboxes: 1, ..Default::default() }),
            problems: vec!["source intune: 7:3 unknown state".into()],
            ..Default::default()
        };
        let text = organization(&it, now());
        assert!(text.contains("3 known: 2 allowed, 1 blocked, 0 quarantined"), "{text}");
        assert!(text.contains("1 mailbox: allow 0, quarantine 0, block 1"), "{text}");
        assert!(text.contains("Problems:\n  source intune: 7:3 unknown state\n"), "{text}");
    }
}
