//! Owns what is wrong with faults before they are switched on, and the word that was probably meant.
//!
//! Invariant: a fault that could never strike because of its spelling is refused.

use std::fmt::Display;

use super::{Faults, Kind, Scripted};
use crate::cmdlets::{Engine, catalogue};
use crate::world::replication::HOSTS;
use crate::world::{Found, World};

/// How many faults may be scripted at once.
pub const SCRIPTED_MAX: usize = 100;
/// The longest that a fault may hold something up: ten minutes.
const WAIT_MS_MAX: u64 = 10 * 60 * 1000;
/// The furthest that clocks may differ: a hundred days.
const SKEW_MS_MAX: i64 = 100 * 24 * 60 * 60 * 1000;
/// How alike a word must be to be suggested, of 1.
const ALIKE_MIN: f64 = 0.8;

/// What is wrong with faults for an organization; none when nothing is.
pub fn problem(faults: &Faults, world: &World) -> Option<String> {
    if faults.script.len() > SCRIPTED_MAX {
        return Some(format!("must be at most {SCRIPTED_MAX}"));
    }
    let midway = faults.stop_servers_in.values().map(|midway| &midway.cmdlet);
    let lost = faults.lose_answer.iter().map(|lost| &lost.cmdlet);
    let named = faults.latency_ms.keys().filter(|name| *name != "*");
    let cmdlets = midway.chain(lost).chain(named).find_map(|name| unknown_cmdlet(name, world));
    let mut servers = faults.stop_servers.iter().chain(faults.stop_servers_in.keys());
    let servers = servers.find_map(|name| unknown_server(name, world));
    let mut controllers = faults.stop_domain_controllers.iter();
    let controllers = controllers.find_map(|name| unknown_controller(name, world));
    cmdlets
        .or(servers)
        .or(controllers)
        .or_else(|| faults.script.iter().find_map(|held| of_one(held, world)))
}

/// Adds the word that was probably meant to what serde says of an unknown one.
pub fn with_suggestion(problem: &str) -> String {
    let mut quoted = problem.split('`').skip(1).step_by(2);
    let is_unknown = problem.contains("unknown field") || problem.contains("unknown variant");
    let Some(said) = quoted.next().filter(|_| is_unknown) else { return problem.to_owned() };
    match closest(said, quoted) {
        Some(meant) => format!("{problem}; did you mean `{meant}`?"),
        None => problem.to_owned(),
    }
}

fn of_one(scripted: &Scripted, world: &World) -> Option<String> {
    let Scripted { fault, cmdlet, server, times, probability, .. } = scripted;
    if !(*probability > 0.0 && *probability <= 1.0) {
        return Some(format!("have a probability of {probability}; it must be above 0, at most 1"));
    }
    let is_counted = times.is_some() || *probability < 1.0;
    let too_long = |milliseconds: u64| {
        (milliseconds > WAIT_MS_MAX)
            .then(|| format!("wait {milliseconds} ms; at most {WAIT_MS_MAX} ms are possible"))
    };
    let cmdlet = cmdlet.as_ref().and_then(|name| unknown_cmdlet(name, world));
    let server = server.as_ref().and_then(|name| unknown_server(name, world));
    cmdlet.or(server).or_else(|| match fault {
        Kind::Latency { milliseconds }
        | Kind::ObjectLatency { milliseconds }
        | Kind::Throttle { milliseconds } => too_long(*milliseconds),
        Kind::SlowController { controller, milliseconds } => {
            unknown_controller(controller, world).or_else(|| too_long(*milliseconds))
        }
        Kind::FailMailbox { mailbox } => match world.find_mailbox(mailbox) {
            Found::One(_) => None,
            Found::None => Some(format!("name {mailbox:?}, which is no mailbox")),
            Found::Several(_) => Some(format!("name {mailbox:?}, which is more than one mailbox")),
        },
        Kind::ClockSkew { milliseconds } => {
            if is_counted {
                return Some("count a clock skew; it is on until it is cleared".to_owned());
            }
            (milliseconds.checked_abs().is_none_or(|it| it > SKEW_MS_MAX)).then(|| {
                format!("skew by {milliseconds} ms; at most {SKEW_MS_MAX} ms are possible")
            })
        }
        Kind::Unauthorized
        | Kind::Unavailable
        | Kind::DropConnection { .. }
        | Kind::DeadShell
        | Kind::LoseAnswer
        | Kind::Truncate { .. }
        | Kind::Empty => None,
    })
}

fn unknown_cmdlet(name: &str, world: &World) -> Option<String> {
    let engines = world.servers.iter().map(|server| Engine {
        server: server.name.clone(),
        version: server.version,
        hosted: false,
    });
    let engines: Vec<_> = engines.collect();
    if engines.iter().any(|engine| catalogue::find(name, engine).is_some()) {
        return None;
    }
    let known = engines.iter().flat_map(catalogue::all).map(|cmdlet| cmdlet.name);
    Some(format!(
        "name the cmdlet {name:?}, which {} does not have{}",
        world.blueprint.version.year(),
        hint(name, known)
    ))
}

fn unknown_server(name: &str, world: &World) -> Option<String> {
    let mut known = world.servers.iter().map(|server| server.name.as_str());
    if known.clone().any(|held| held.eq_ignore_ascii_case(name)) {
        return None;
    }
    let all = known.by_ref().collect::<Vec<_>>().join(", ");
    Some(format!("name the server {name:?}; there are {all}"))
}

fn unknown_controller(name: &str, world: &World) -> Option<String> {
    let known = HOSTS;
    let short = name.strip_suffix(&format!(".{}", world.blueprint.domain)).unwrap_or(name);
    (!known.iter().any(|held| held.eq_ignore_ascii_case(short)))
        .then(|| format!("name the domain controller {name:?}; there are {}", known.join(", ")))
}

fn hint<'a>(said: &str, known: impl Iterator<Item = &'a str>) -> impl Display {
    closest(said, known).map(|meant| format!("; did you mean {meant}?")).unwrap_or_default()
}

fn closest<'a>(said: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let said = said.to_lowercase();
    let likeness = |word: &str| strsim::jaro_winkler(&said, &word.to_lowercase());
    let rated = known.map(|word| (likeness(word), word)).filter(|(like, _)| *like >= ALIKE_MIN);
    rated.max_by(|left, right| left.0.total_cmp(&right.0)).map(|(_, word)| word)
}
