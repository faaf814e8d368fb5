//! How well an organization is: the worst of what is wrong with it decides.

use exgate_proto::v1 as pb;
use jiff::{SignedDuration, Timestamp};

use super::Fleet;
use crate::render::{Tone, age, at, count, short, short_id};

/// How much later than due a full sync may be.
const FULL_SYNC_SLACK: SignedDuration = SignedDuration::from_hours(2);
/// After how many intervals without one a quick sync is late.
const QUICK_INTERVALS_MAX: i32 = 3;
/// How the coordinator begins when it says of an organization what is wrong with the evaluators.
const UNDECIDED: [&str; 2] = ["nothing is decided: ", "not all is decided: "];

/// How well something is; the later, the worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Health {
    Healthy,
    Warning,
    Unhealthy,
}

impl Health {
    /// The word for it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Warning => "warning",
            Self::Unhealthy => "unhealthy",
        }
    }

    /// How it looks.
    pub(super) fn tone(self) -> Tone {
        match self {
            Self::Healthy => Tone::Good,
            Self::Warning => Tone::Warning,
            Self::Unhealthy => Tone::Bad,
        }
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    /// How bad it is.
    pub(super) health: Health,
    /// Short name of the organization, or of the part of exgate.
    pub(super) of: String,
    /// What is wrong, in one line.
    pub(super) text: String,
    /// The command that says more; may be empty.
    pub(super) next: String,
}

/// What is wrong with the coordinator itself, its sources and its evaluator.
pub(super) fn of_server(fleet: &Fleet) -> Vec<Problem> {
    let problem = |health, of: &str, text: &str| Problem {
        health,
        of: of.to_owned(),
        text: text.to_owned(),
        next: String::new(),
    };
    let mut problems = Vec::new();
    let pb::ServerInfo { evaluator_problem, evaluators, .. } = &fleet.server;
    let health = match (evaluator_problem.as_str(), are_all_down(&fleet.server)) {
        ("", _) => Health::Warning,
        (_, true) => {
            let text = "none answers, so nothing is decided";
            problems.push(problem(Health::Unhealthy, "evaluators", text));
            Health::Unhealthy
        }
        (refused, false) => {
            problems.push(problem(Health::Unhealthy, "evaluator", refused));
            Health::Warning
        }
    };
    for evaluator in evaluators.iter().filter(|it| !it.problem.is_empty()) {
        let of = format!("evaluator {}", authority(&evaluator.endpoint));
        problems.push(problem(health, &of, &evaluator.problem));
    }
    for source in &fleet.server.sources {
        if !source.problem.is_empty() {
            let of = format!("source {}", source.title);
            problems.push(problem(Health::Warning, &of, &source.problem));
        }
    }
    problems
}

/// Whether no evaluator answers.
fn are_all_down(server: &pb::ServerInfo) -> bool {
    !server.evaluators.is_empty() && server.evaluators.iter().all(|it| !it.problem.is_empty())
}

/// Whether a problem that organizations have is one of the evaluators, which tell it once for all.
pub(super) fn is_of_evaluators(text: &str, server: &pb::ServerInfo) -> bool {
    let problem = server.evaluator_problem.as_str();
    let is_it = |prefix: &&str| text.strip_prefix(prefix) == Some(problem);
    !problem.is_empty() && UNDECIDED.iter().any(is_it)
}

/// The host and port of an endpoint.
fn authority(endpoint: &str) -> &str {
    endpoint.trim_start_matches("http://").trim_end_matches('/')
}

/// What is wrong with one organization, the worst first.
pub(super) fn of_organization(
    organization: &pb::Organization,
    connector: Option<&pb::Connector>,
    now: Timestamp,
) -> Vec<Problem> {
    let name = short_id(&organization.name);
    let describe = format!("exgate describe conn/{name}");
    let problem = |health, text: String, next: &str| Problem {
        health,
        of: name.to_owned(),
        text,
        next: next.to_owned(),
    };
    let mut problems = Vec::new();
    if let Some((health, text)) = connection(connector, now) {
        problems.push(problem(health, text, &describe));
    }
    if let Some((health, text)) = late(organization, connector, now) {
        let next = match health {
            Health::Unhealthy => format!("exgate sync {name} --full --wait"),
            Health::Healthy | Health::Warning => format!("exgate sync {name} --quick --wait"),
        };
        problems.push(problem(health, text, &next));
    }
    for text in &organization.problems {
        problems.push(problem(
            Health::Warning,
            text.clone(),
            &format!("exgate describe org/{name}"),
        ));
    }
    let unknown = organization.pending.as_ref().map_or(0, |pending| pending.unknown);
    if unknown > 0 {
        let text =
            format!("{} with an unknown outcome, to be read back", count(unknown, "command"));
        problems.push(problem(Health::Warning, text, &format!("exgate describe org/{name}")));
    }
    problems.sort_by_key(|problem| std::cmp::Reverse(problem.health));
    problems
}

/// What is wrong with the way to Exchange.
fn connection(connector: Option<&pb::Connector>, now: Timestamp) -> Option<(Health, String)> {
    let never = || Some((Health::Unhealthy, "no agent ever attached".to_owned()));
    let Some(connector) = connector else { return never() };
    let because = |text: &str| match connector.problem.as_str() {
        "" => text.to_owned(),
        problem => format!("{text}: {problem}"),
    };
    match pb::ConnectorState::try_from(connector.state) {
        Ok(pb::ConnectorState::Connected) if connector.problem.is_empty() => None,
        Ok(pb::ConnectorState::Connected) => Some((Health::Warning, connector.problem.clone())),
        Ok(pb::ConnectorState::ConnectionPending) => {
            Some((Health::Warning, because("the agent has not reached Exchange yet")))
        }
        Ok(pb::ConnectorState::Degraded) => {
            Some((Health::Unhealthy, because("the agent cannot work with Exchange")))
        }
        Ok(pb::ConnectorState::Disconnected) => {
            let heard = age(connector.last_heard_at.as_ref(), now);
            Some((Health::Unhealthy, because(&format!("agent last heard of {heard}"))))
        }
        Ok(pb::ConnectorState::None) => never(),
        Ok(pb::ConnectorState::Unspecified) | Err(_) => {
            Some((Health::Warning, "its state is not known to this version of exgate".to_owned()))
        }
    }
}

/// Whether a sync is overdue.
fn late(
    organization: &pb::Organization,
    connector: Option<&pb::Connector>,
    now: Timestamp,
) -> Option<(Health, String)> {
    let connector = connector?;
    let interval = |wire: Option<&prost_types::Duration>| {
        wire.map_or(SignedDuration::ZERO, |wire| SignedDuration::new(wire.seconds, wire.nanos))
    };
    let full_every = interval(organization.full_interval.as_ref());
    // A full sync looks at everything, so it counts as a quick one too.
    let full = at(connector.last_full_sync_at.as_ref())?;
    let quick = at(connector.last_quick_sync_at.as_ref()).map_or(full, |quick| quick.max(full));
    let (full_age, limit) = (now.duration_since(full), full_every.saturating_add(FULL_SYNC_SLACK));
    if !full_every.is_zero() && full_age > limit {
        let text = format!("full sync is {} old (limit {})", short(full_age), short(limit));
        return Some((Health::Unhealthy, text));
    }
    // Which of the two intervals counts depends on the server; the longer one is late for both.
    let scan = interval(organization.quick_interval_scan.as_ref());
    let every = interval(organization.quick_interval.as_ref()).max(scan);
    let (quick_age, limit) = (now.duration_since(quick), every.saturating_mul(QUICK_INTERVALS_MAX));
    (!every.is_zero() && quick_age > limit).then(|| {
        let text = format!("quick sync is {} old (limit {})", short(quick_age), short(limit));
        (Health::Warning, text)
    })
}
