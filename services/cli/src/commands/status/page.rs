//! The status as a table with its problems below, and as one JSON document.

use exgate_proto::v1 as pb;
use jiff::Timestamp;
use serde_json::Value;

use super::Fleet;
use super::health::{self, Health, Problem};
use crate::args::Format;
use crate::failure::Failure;
use crate::render::{
    Alignment, Cell, Table, Terminal, Tone, age, connector_state, count, message, mode, object,
    paint, short_id,
};

/// One organization with how well it is.
struct Line<'a> {
    organization: &'a pb::Organization,
    connector: Option<&'a pb::Connector>,
    problems: Vec<Problem>,
}

impl Line<'_> {
    fn health(&self) -> Health {
        self.problems.iter().map(|it| it.health).max().unwrap_or(Health::Healthy)
    }
}

/// Unhealthy first, then by name.
fn lines(fleet: &Fleet, now: Timestamp) -> Vec<Line<'_>> {
    let line = |(organization, connector): &'_ (pb::Organization, Option<pb::Connector>)| {
        health::of_organization(organization, connector.as_ref(), now)
    };
    let mut lines: Vec<Line<'_>> = fleet
        .organizations
        .iter()
        .map(|pair| Line {
            organization: &pair.0,
            connector: pair.1.as_ref(),
            problems: line(pair),
        })
        .collect();
    lines.sort_by(|one, two| {
        let by_name = || one.organization.name.cmp(&two.organization.name);
        two.health().cmp(&one.health()).then_with(by_name)
    });
    lines
}

/// All problems: the organizations' in their order, then exgate's own, each once.
fn problems(fleet: &Fleet, lines: &[Line<'_>]) -> Vec<Problem> {
    let is_its_own = |it: &Problem| !health::is_of_evaluators(&it.text, &fleet.server);
    let of_lines = lines.iter().flat_map(|line| line.problems.clone()).filter(is_its_own);
    of_lines.chain(health::of_server(fleet)).collect()
}

/// The page for people.
pub(super) fn text(fleet: &Fleet, terminal: &Terminal) -> String {
    render(fleet, terminal.now(), terminal.format == Format::Wide, terminal.color)
}

fn render(fleet: &Fleet, now: Timestamp, wide: bool, color: bool) -> String {
    let lines = lines(fleet, now);
    if lines.is_empty() {
        let none = "No organizations yet. Apply one: exgate apply -f organization.yaml";
        return with_problems(none.to_owned(), &problems(fleet, &lines), color);
    }
    let (left, right) = (Alignment::Left, Alignment::Right);
    let mut columns = vec![
        ("ORGANIZATION", left),
        ("HEALTH", left),
        ("STATE", left),
        ("QUICK SYNC", left),
        ("FULL SYNC", left),
        ("DEVICES", right),
        ("ALLOWED", right),
        ("BLOCKED", right),
        ("QUAR", right),
        ("PENDING", right),
        ("MODE", left),
        ("AGENT", left),
    ];
    if wide {
        columns.extend([("EXCHANGE", left), ("HOST", left), ("LEASE", right)]);
    }
    let mut table = Table::new(color, &columns);
    for line in &lines {
        table.row(cells(line, &fleet.server, now, wide));
    }
    with_problems(table.text(), &problems(fleet, &lines), color)
}

fn cells(line: &Line<'_>, server: &pb::ServerInfo, now: Timestamp, wide: bool) -> Vec<Cell> {
    let Line { organization, connector, .. } = line;
    let none = pb::Connector { state: pb::ConnectorState::None.into(), ..pb::Connector::default() };
    let connector = connector.unwrap_or(&none);
    let devices = organization.devices.unwrap_or_default();
    let pending = organization.pending.unwrap_or_default();
    let newer = !connector.version.is_empty() && connector.version != server.version;
    let mut cells: Vec<Cell> = vec![
        short_id(&organization.name).into(),
        Cell::toned(line.health().word(), line.health().tone()),
        connector_state(connector.state).into(),
        age(connector.last_quick_sync_at.as_ref(), now).into(),
        age(connector.last_full_sync_at.as_ref(), now).into(),
        devices.known.into(),
        devices.allowed.into(),
        devices.blocked.into(),
        devices.quarantined.into(),
        (pending.allow + pending.quarantine + pending.block).into(),
        mode(organization.mode).into(),
        format!("{}{}", connector.version, if newer { " ↑" } else { "" }).into(),
    ];
    if wide {
        cells.push(connector.exchange_server.as_str().into());
        cells.push(connector.connector_server.as_str().into());
        cells.push(connector.lease_generation.into());
    }
    cells
}

fn with_problems(mut text: String, problems: &[Problem], color: bool) -> String {
    if problems.is_empty() {
        return text;
    }
    text.push_str(&format!("\n{} ({}):", "Health", count(problems.len() as u64, "problem")));
    let width = problems.iter().map(|it| it.of.chars().count()).max().unwrap_or_default();
    for Problem { health, of, text: what, next } in problems {
        let mark = match health {
            Health::Unhealthy => paint("✗", Tone::Bad, color),
            Health::Warning | Health::Healthy => paint("!", Tone::Warning, color),
        };
        let next = if next.is_empty() { String::new() } else { format!("   → {next}") };
        text.push_str(&format!("\n  {mark} {of:width$}  {what}{next}"));
    }
    text
}

/// The page for scripts.
pub(super) fn document(fleet: &Fleet, now: Timestamp) -> Result<Value, Failure> {
    let lines = lines(fleet, now);
    let organization = |line: &Line<'_>| {
        Ok(object([
            ("organization", message(line.organization)?),
            ("connector", line.connector.map_or(Ok(Value::Null), message)?),
            ("health", line.health().word().into()),
        ]))
    };
    let problem = |it: &Problem| {
        object([
            ("of", it.of.as_str().into()),
            ("health", it.health.word().into()),
            ("text", it.text.as_str().into()),
            ("next", it.next.as_str().into()),
        ])
    };
    let organizations: Result<Vec<_>, Failure> = lines.iter().map(organization).collect();
    Ok(object([
        ("organizations", organizations?.into()),
        ("problems", problems(fleet, &lines).iter().map(problem).collect::<Vec<_>>().into()),
        ("server", message(&fleet.server)?),
    ]))
}

#[cfg(test)]
mod tests;
