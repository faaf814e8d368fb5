//! Owns how much longer a cmdlet takes than it needs to.

use std::sync::PoisonError;
use std::time::Duration;

use super::{Kind, Site};
use crate::cmdlets::{Invocation, Runspace};
use crate::live::Live;
use crate::world::replication::HOSTS;

/// How long every object of a listing takes.
pub fn of_objects(live: &Live, site: &Site<'_>) -> Option<Duration> {
    let struck = live.strikes(site, |kind| matches!(kind, Kind::ObjectLatency { .. }));
    struck.as_ref().map(wait)
}

/// How long a cmdlet takes before it has any effect.
pub fn of_cmdlet(
    live: &Live,
    runspace: &Runspace,
    invocation: &Invocation,
    site: &Site<'_>,
) -> Duration {
    let standing = live.faults().latency(site.cmdlet);
    let latency = live.strikes(site, |kind| matches!(kind, Kind::Latency { .. }));
    let asked = controller(runspace, invocation);
    let is_asked = |kind: &Kind| match kind {
        Kind::SlowController { controller, .. } => short(controller).eq_ignore_ascii_case(&asked),
        Kind::Latency { .. }
        | Kind::ObjectLatency { .. }
        | Kind::Unauthorized
        | Kind::Unavailable
        | Kind::DropConnection { .. }
        | Kind::DeadShell
        | Kind::Throttle { .. }
        | Kind::LoseAnswer
        | Kind::Truncate { .. }
        | Kind::Empty
        | Kind::FailMailbox { .. }
        | Kind::ClockSkew { .. } => false,
    };
    let slow = live.strikes(site, is_asked);
    let scripted: Duration = latency.iter().chain(&slow).map(wait).sum();
    standing + scripted
}

fn wait(kind: &Kind) -> Duration {
    Duration::from_millis(match kind {
        Kind::Latency { milliseconds }
        | Kind::ObjectLatency { milliseconds }
        | Kind::SlowController { milliseconds, .. } => *milliseconds,
        Kind::Unauthorized
        | Kind::Unavailable
        | Kind::DropConnection { .. }
        | Kind::DeadShell
        | Kind::Throttle { .. }
        | Kind::LoseAnswer
        | Kind::Truncate { .. }
        | Kind::Empty
        | Kind::FailMailbox { .. }
        | Kind::ClockSkew { .. } => 0,
    })
}

/// The short name of the controller that a cmdlet will be answered by.
fn controller(runspace: &Runspace, invocation: &Invocation) -> String {
    let is_named = |name: &Option<String>| {
        name.as_deref().is_some_and(|name| name.eq_ignore_ascii_case("DomainController"))
    };
    let asked = invocation.arguments.iter().find(|(name, _)| is_named(name));
    let asked = asked.and_then(|(_, value)| value.to_text()).map(|text| text.into_owned());
    let preferred =
        || runspace.view.lock().unwrap_or_else(PoisonError::into_inner).preferred.clone();
    let [first, ..] = HOSTS;
    let name = asked.or_else(preferred).unwrap_or_else(|| first.to_owned());
    short(&name).to_owned()
}

fn short(name: &str) -> &str {
    name.split('.').next().unwrap_or(name)
}
