//! Owns how the simulator's answers look in a terminal.

use std::collections::BTreeMap;

use comfy_table::{ContentArrangement, Table, presets};
use serde::Deserialize;
use serde_json::Value;

use exchange_sim::control::views::{
    DeviceView, MailboxView, OrganizationView, SyncAnswer, SyncView, TimeView,
};
use exchange_sim::faults::{AutodiscoverAnswer, Faults, Kind, Scripted};
use exchange_sim::ledger::LedgerEntry;
use exchange_sim::mailboxes::Mail;
use exchange_sim::time::Mode;
use exchange_sim::winrm::throttle::View;

type Printed = Result<String, serde_json::Error>;

#[derive(Deserialize)]
struct Status {
    organizations: Vec<OrganizationView>,
    time: TimeView,
}

pub(super) fn status(answer: &Value) -> Printed {
    let Status { organizations, time } = Status::deserialize(answer)?;
    let mut table = columns(&[
        "ORGANIZATION",
        "VERSION",
        "MAILBOXES",
        "DEVICES",
        "STATES",
        "DEFAULT",
        "MAILS",
        "FAULTS",
    ]);
    for held in &organizations {
        let states = held.states.iter().map(|(state, count)| format!("{state} {count}"));
        table.add_row([
            held.name.clone(),
            held.version.year().to_owned(),
            held.mailboxes.to_string(),
            held.devices.to_string(),
            states.collect::<Vec<_>>().join(", "),
            format!("{:?}", held.default_access_level),
            held.mails.to_string(),
            held.faults.to_string(),
        ]);
    }
    Ok(format!("{}\n{}", pace(&time), printed(&table)))
}

pub(super) fn time(answer: &Value) -> Printed {
    Ok(pace(&TimeView::deserialize(answer)?))
}

pub(super) fn devices(answer: &Value) -> Printed {
    let mut table =
        columns(&["DEVICE", "MAILBOX", "TYPE", "MODEL", "OS", "ACCESS", "REASON", "LAST CONTACT"]);
    for held in Vec::<DeviceView>::deserialize(answer)? {
        table.add_row([
            held.device_id,
            held.primary_smtp_address,
            held.device_type,
            held.device_model,
            held.device_os,
            format!("{:?}", held.access_state),
            held.access_control_rule.unwrap_or_else(|| format!("{:?}", held.access_state_reason)),
            held.last_contact.map_or_else(|| "-".to_owned(), |at| at.to_string()),
        ]);
    }
    Ok(printed(&table))
}

pub(super) fn mailboxes(answer: &Value) -> Printed {
    let mut table = columns(&["MAILBOX", "NAME", "ALIAS", "ACTIVESYNC", "ALLOWED", "BLOCKED"]);
    for held in Vec::<MailboxView>::deserialize(answer)? {
        table.add_row([
            held.primary_smtp_address,
            held.display_name,
            held.alias,
            if held.active_sync_enabled { "on" } else { "off" }.to_owned(),
            list(&held.allowed_device_ids),
            list(&held.blocked_device_ids),
        ]);
    }
    Ok(printed(&table))
}

pub(super) fn mails(answer: &Value) -> Printed {
    let mut text = String::new();
    for mail in Vec::<Mail>::deserialize(answer)? {
        let Mail { number, at, from, to, subject, body, .. } = mail;
        text +=
            &format!("#{number} {at}\nFrom: {from}\nTo: {to}\nSubject: {subject}\n\n{body}\n\n");
    }
    Ok(or_none(text))
}

pub(super) fn ledger(answer: &Value) -> Printed {
    let mut table =
        columns(&["#", "AT", "ORGANIZATION", "ACCOUNT", "CMDLET", "IDENTITY", "RESULT", "SENT"]);
    for entry in Vec::<LedgerEntry>::deserialize(answer)? {
        let result = match (entry.error, entry.changed) {
            (Some(error), _) => error,
            (None, true) => "changed".to_owned(),
            (None, false) => "no change".to_owned(),
        };
        table.add_row([
            entry.sequence.to_string(),
            entry.at.to_string(),
            entry.organization,
            entry.account,
            entry.cmdlet,
            entry.identity,
            result,
            entry.parameters.to_string(),
        ]);
    }
    Ok(printed(&table))
}

pub(super) fn cmdlets(answer: &Value) -> Printed {
    let mut table = columns(&["CMDLET", "CALLS"]);
    for (name, count) in BTreeMap::<String, u64>::deserialize(answer)? {
        table.add_row([name, count.to_string()]);
    }
    Ok(printed(&table))
}

pub(super) fn sync(answer: &Value) -> Printed {
    let SyncView { answer, http_status, device } = SyncView::deserialize(answer)?;
    let says = match answer {
        SyncAnswer::Mail => "mail flows",
        SyncAnswer::Quarantine => "held: nothing but the quarantine mail",
        SyncAnswer::Blocked => "refused",
        SyncAnswer::Provision => "must fetch its policy first",
        SyncAnswer::Wipe => "erased itself, as it was told",
        SyncAnswer::Autoblocked => "refused for a while, because of how it behaves",
    };
    let (id, mailbox) = (device.device_id, device.primary_smtp_address);
    let (state, reason) = (device.access_state, device.access_state_reason);
    Ok(format!("{id} of {mailbox}: HTTP {http_status}, {says} ({state:?}, {reason:?})\n"))
}

pub(super) fn throttle(answer: &Value) -> Printed {
    let View { limits, shells_open, accounts } = View::deserialize(answer)?;
    let most = |most: Option<u32>| most.map_or_else(|| "unlimited".to_owned(), |it| it.to_string());
    let mut text = format!(
        "shells {shells_open} open, {} for each account; cmdlets {} in {} ms, Exchange's own {}; \
         commands for each shell {}\n",
        limits.shells_max,
        most(limits.powershell_cmdlets),
        limits.period_ms,
        most(limits.exchange_cmdlets),
        most(limits.commands_per_shell_max),
    );
    let mut table = columns(&["ACCOUNT", "CMDLETS", "REFUSED", "DELAYED", "BY MS", "SHELLS"]);
    for (name, counts) in accounts {
        table.add_row([
            name,
            counts.cmdlets.to_string(),
            counts.stopped.to_string(),
            counts.delayed.to_string(),
            counts.delayed_ms.to_string(),
            counts.shells.to_string(),
        ]);
    }
    text += &printed(&table);
    Ok(text)
}

pub(super) fn faults(answer: &Value) -> Printed {
    let faults = Faults::deserialize(answer)?;
    let mut table = columns(&["#", "FAULT", "CMDLET", "SERVER", "LEFT", "CHANCE", "SEEN", "HIT"]);
    for (number, held) in (1..).zip(&faults.script) {
        table.add_row(row(number, held));
    }
    let mut text = if faults.script.is_empty() { String::new() } else { printed(&table) };
    for line in standing(&faults) {
        text += &format!("{line}\n");
    }
    Ok(or_none(text))
}

pub(super) fn nothing(_: &Value) -> Printed {
    Ok(String::new())
}

fn row(number: usize, held: &Scripted) -> [String; 8] {
    let Scripted { fault, cmdlet, server, times, probability, seen, hits, .. } = held;
    let any = |text: &Option<String>| text.clone().unwrap_or_else(|| "any".to_owned());
    [
        number.to_string(),
        said(fault),
        any(cmdlet),
        any(server),
        times.map_or_else(|| "always".to_owned(), |it| it.to_string()),
        probability.to_string(),
        seen.to_string(),
        hits.to_string(),
    ]
}

fn said(fault: &Kind) -> String {
    match fault {
        Kind::Latency { milliseconds } => format!("latency {milliseconds} ms"),
        Kind::ObjectLatency { milliseconds } => format!("latency {milliseconds} ms an object"),
        Kind::Unauthorized => "HTTP 401".to_owned(),
        Kind::Unavailable => "HTTP 503".to_owned(),
        Kind::DropConnection { bytes } => format!("connection cut at byte {bytes}"),
        Kind::DeadShell => "dead shell".to_owned(),
        Kind::Throttle { milliseconds } => format!("throttled for {milliseconds} ms"),
        Kind::LoseAnswer => "done, and the answer lost".to_owned(),
        Kind::Truncate { objects } => format!("cut to {objects} objects"),
        Kind::Empty => "empty".to_owned(),
        Kind::FailMailbox { mailbox } => format!("{mailbox} fails"),
        Kind::SlowController { controller, milliseconds } => {
            format!("{controller} takes {milliseconds} ms")
        }
        Kind::ClockSkew { milliseconds } => format!("clocks ahead by {milliseconds} ms"),
    }
}

/// The faults that are on until they are cleared, a line each.
fn standing(faults: &Faults) -> Vec<String> {
    let mut lines = Vec::new();
    if faults.stop_listener {
        lines.push("all servers are down".to_owned());
    }
    lines.extend(faults.stop_servers.iter().map(|name| format!("{name} is down")));
    lines.extend(faults.stop_servers_in.iter().map(|(name, midway)| {
        format!("{name} goes down in {} after {} bytes", midway.cmdlet, midway.bytes)
    }));
    let down = faults.stop_domain_controllers.iter();
    lines.extend(down.map(|name| format!("{name} is down")));
    if faults.replication_lag_ms > 0 {
        let lag = faults.replication_lag_ms;
        lines.push(format!("changes reach other domain controllers after {lag} ms"));
    }
    lines.extend(faults.hide_cmdlets.iter().map(|name| format!("the role hides {name}")));
    lines.extend(faults.hide_parameters.iter().map(|(cmdlet, parameters)| {
        format!("the role hides of {cmdlet} {}", parameters.join(", "))
    }));
    lines
        .extend(faults.latency_ms.iter().map(|(cmdlet, wait)| format!("{cmdlet} takes {wait} ms")));
    lines.extend(
        faults
            .drop_connection_after_bytes
            .map(|bytes| format!("connections are cut at byte {bytes}")),
    );
    lines.extend(
        faults
            .lose_answer
            .iter()
            .map(|lost| format!("{} answers of {} get lost", lost.times, lost.cmdlet)),
    );
    if faults.hang_unconfirmed {
        lines.push("a cmdlet that asks waits for an answer for ever".to_owned());
    }
    let offline = faults.offline_mailboxes.iter();
    lines.extend(offline.map(|mailbox| format!("the database of {mailbox} is offline")));
    lines.extend(of_mail(faults));
    lines
}

/// Faults of EWS, of Autodiscover and of the submission port.
fn of_mail(faults: &Faults) -> Vec<String> {
    let mut lines = Vec::new();
    for error in &faults.ews_errors {
        let answer = match (error.code, error.http_status) {
            (Some(code), _) => format!("{code:?}"),
            (None, Some(status)) => format!("HTTP {status}"),
            (None, None) => "an error".to_owned(),
        };
        let operation = error.operation.as_deref().unwrap_or("EWS");
        lines.push(format!("{operation} answers {answer}, {} more times", error.times));
    }
    lines.extend(faults.autodiscover.iter().map(|fault| {
        let answer = match &fault.answer {
            AutodiscoverAnswer::RedirectAddress(address) => {
                format!("to start again with {address}")
            }
            AutodiscoverAnswer::RedirectUrl(url) => format!("to ask again at {url}"),
            AutodiscoverAnswer::HttpRedirect(url) => format!("HTTP 302 to {url}"),
            AutodiscoverAnswer::HttpStatus(status) => format!("HTTP {status}"),
            AutodiscoverAnswer::Error(code) => code.clone(),
        };
        format!("Autodiscover answers {answer}, {} more times", fault.times)
    }));
    lines.extend(faults.smtp_replies.iter().map(|reply| {
        let stage = format!("{:?}", reply.at).to_lowercase();
        format!("SMTP replies {:?} at {stage}, {} more times", reply.reply, reply.times)
    }));
    lines
}

fn pace(time: &TimeView) -> String {
    let pace = match time.mode {
        Mode::Auto { speed: 1 } => "real time".to_owned(),
        Mode::Auto { speed } => format!("{speed} times real time"),
        Mode::Explicit => "stepped: only `advance` moves Exchange's time".to_owned(),
    };
    format!("{}, {pace}\n", time.now)
}

fn list(ids: &[String]) -> String {
    if ids.is_empty() { "-".to_owned() } else { ids.join(" ") }
}

fn or_none(text: String) -> String {
    if text.is_empty() { "none\n".to_owned() } else { text }
}

/// Plain columns: no lines, two blanks between them, nothing cut off.
fn columns(headings: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_content_arrangement(ContentArrangement::Disabled);
    table.force_no_tty();
    table.set_header(headings.iter().copied());
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table
}

fn printed(table: &Table) -> String {
    table.trim_fmt() + "\n"
}
