//! The Client Access servers of the organization: which one sessions go to. It is the configured one
//! (the primary) until that is down, then the best of the others, and the primary again once it has
//! answered steadily and no look is under way. Invariant: only a server that is down is left for
//! another one; a refused account is never tried elsewhere, because that could lock it.

pub mod breaker;
pub mod discovery;
mod memory;
mod primary;

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::watch;

use exgate_domain::standing::{Breaker as BreakerState, ServerStanding, Standing};
use exgate_exchange::cmdlets::ServerRow;
use exgate_exchange::error::SessionError;
use exgate_exchange::session::Options;
use exgate_runtime::clock::Clock;

use breaker::Breaker;
use discovery::Candidate;
use memory::Memory;

use crate::metrics::Metrics;

/// How many good probes in a row bring the primary back.
const PROBES_GOOD_MIN: u32 = 3;

/// How servers are chosen.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Whether another server is used while the primary is down.
    pub failover: bool,
    /// Whether other servers are looked up in the organization.
    pub discover: bool,
    /// How long a primary that was down has to answer steadily before it is returned to.
    pub primary_retry: Duration,
}

/// The servers of the organization.
#[derive(Debug)]
pub struct Servers {
    settings: Settings,
    memory: Memory,
    clock: Clock,
    metrics: Metrics,
    state: Mutex<State>,
    told: watch::Sender<Standing>,
}

#[derive(Debug)]
struct State {
    /// Never empty; the primary first, then the others, the best first.
    servers: Vec<Server>,
    current: String,
    fallback_since: Option<Timestamp>,
    looks: usize,
    good_probes: u32,
}

#[derive(Debug, Clone)]
struct Server {
    about: Candidate,
    options: Options,
    breaker: Breaker,
    problem: String,
    failed_at: Option<Timestamp>,
}

/// A look under way: until it is dropped, nobody returns to the primary.
#[derive(Debug)]
pub struct Looking(Arc<Servers>);

impl Servers {
    /// The server that these options lead to, and the others that were known last.
    pub fn new(options: Options, settings: Settings, spool: &Path, metrics: Metrics) -> Self {
        let host = options.transport.endpoint().host().to_ascii_lowercase();
        let about = Candidate { host: host.clone(), site: String::new(), version: String::new() };
        let memory = Memory::in_spool(spool);
        let mut state = State {
            servers: vec![Server::new(about, options)],
            current: host.clone(),
            fallback_since: None,
            looks: 0,
            good_probes: 0,
        };
        if settings.failover && settings.discover {
            state.set_fallbacks(memory.load(&host));
        }
        let told = watch::Sender::new(Standing::default());
        let servers = Self {
            settings,
            memory,
            clock: Clock::system(),
            metrics,
            state: Mutex::new(state),
            told,
        };
        servers.tell(&servers.state());
        servers
    }

    /// Opens something at the server in use. When that is down, at the next one that is not.
    ///
    /// # Errors
    /// With the failure of the first server tried, when none is up, or when it is not the server's fault.
    pub async fn open<T, F>(&self, open: impl Fn(Options) -> F) -> Result<(T, String), SessionError>
    where
        F: Future<Output = Result<T, SessionError>>,
    {
        let mut tried = Vec::new();
        let mut first = None;
        while let Some((host, options)) = self.choose(&tried) {
            match open(options).await {
                Ok(opened) => {
                    self.arrived(&host);
                    return Ok((opened, host));
                }
                Err(error) if error.is_server_down() => {
                    self.failed(&host, &error);
                    first.get_or_insert(error);
                    tried.push(host);
                }
                Err(error) => return Err(error),
            }
        }
        Err(first.unwrap_or(SessionError::Ended))
    }

    /// How sessions with the configured server are opened.
    pub fn primary_options(&self) -> Options {
        self.state().primary().options.clone()
    }

    /// A session with this server ended before its time.
    pub fn lost(&self, host: &str) {
        let mut state = self.state();
        let now = Instant::now();
        let at = self.clock.now();
        if let Some(server) = state.find(host) {
            server.breaker.stumbled(now);
            if !server.breaker.admits(now) {
                let problem = format!("{} sessions were lost", breaker::STUMBLES_MAX);
                server.note(problem, at);
            }
        }
        self.tell(&state);
    }

    /// Whether sessions go to this server now; one with another server is to be given back.
    pub fn is_current(&self, host: &str) -> bool {
        self.state().current.eq_ignore_ascii_case(host)
    }

    /// Name of the server in use.
    pub fn current(&self) -> String {
        self.state().current.clone()
    }

    /// A look begins: the server is left only when it is down.
    pub fn look(self: &Arc<Self>) -> Looking {
        self.state().looks += 1;
        Looking(Arc::clone(self))
    }

    /// Takes over what `Get-ExchangeServer` shows; `front_end` is the server that answered.
    pub fn learn(&self, rows: &[ServerRow], front_end: Option<&str>) {
        let mut state = self.state();
        let primary = state.primary().about.host.clone();
        // On a fallback the answer comes from there, and says nothing about an alias of the primary.
        let front_end = front_end.filter(|_| state.current == primary);
        let found = discovery::sort(rows, &primary, front_end);
        if found.primary.is_none() && state.current != primary {
            return;
        }
        if let (Some(known), Some(server)) = (found.primary, state.servers.first_mut()) {
            server.about = Candidate { host: primary.clone(), ..known };
        }
        if self.settings.failover && self.settings.discover {
            if state.fallbacks() != found.fallbacks {
                let names: Vec<_> = found.fallbacks.iter().map(|it| it.host.as_str()).collect();
                tracing::info!(primary, others = names.join(", "), "the organization's servers");
                self.memory.save(&primary, &found.fallbacks);
            }
            state.set_fallbacks(found.fallbacks);
        }
        self.tell(&state);
    }

    /// How the servers stand, and each change of it.
    pub fn standing(&self) -> watch::Receiver<Standing> {
        self.told.subscribe()
    }

    /// The next server to try: the one in use, or the best that is not left alone. Without another one,
    /// the primary is tried whatever it did: there is nothing to be spared.
    fn choose(&self, tried: &[String]) -> Option<(String, Options)> {
        let mut state = self.state();
        let now = Instant::now();
        let count = if self.settings.failover { state.servers.len() } else { 1 };
        let is_usable =
            |server: &Server| !tried.contains(&server.about.host) && server.breaker.admits(now);
        let mut places = state.servers.iter().take(count);
        let in_use = places.clone().position(|it| it.about.host == state.current && is_usable(it));
        let place =
            in_use.or_else(|| places.position(is_usable)).or_else(|| tried.is_empty().then_some(0));
        let server = state.servers.get_mut(place?)?;
        server.breaker.begins(now);
        Some((server.about.host.clone(), server.options.clone()))
    }

    fn arrived(&self, host: &str) {
        let mut state = self.state();
        if let Some(server) = state.find(host) {
            server.breaker.succeeded(Instant::now());
            (server.problem, server.failed_at) = (String::new(), None);
        }
        self.go_to(&mut state, host);
        self.tell(&state);
    }

    fn failed(&self, host: &str, error: &SessionError) {
        let mut state = self.state();
        let problem = exgate_runtime::report(error);
        let at = self.clock.now();
        tracing::warn!(server.address = host, error = problem, "an Exchange server is down");
        if let Some(server) = state.find(host) {
            server.breaker.failed(Instant::now());
            server.note(problem, at);
        }
        if state.primary().about.host == host {
            state.good_probes = 0;
        }
        self.tell(&state);
    }

    fn go_to(&self, state: &mut State, host: &str) {
        if state.current == host {
            return;
        }
        let from = std::mem::replace(&mut state.current, host.to_owned());
        let primary = state.primary().about.host.clone();
        state.good_probes = 0;
        if host == primary {
            state.fallback_since = None;
            tracing::info!(from, to = host, "back at the primary Exchange server");
        } else {
            state.fallback_since.get_or_insert(self.clock.now());
            self.metrics.failed_over();
            tracing::warn!(from, to = host, primary, "went on to another Exchange server");
        }
    }

    fn tell(&self, state: &State) {
        let standing = state.standing(self.settings.failover);
        self.metrics.servers(&standing);
        self.told.send_if_modified(|told| {
            let is_new = *told != standing;
            *told = standing;
            is_new
        });
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Looking {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.looks = state.looks.saturating_sub(1);
        self.0.return_if_due(&mut state);
    }
}

impl State {
    fn primary(&self) -> &Server {
        #[expect(clippy::indexing_slicing, reason = "the primary is always there")]
        &self.servers[0]
    }

    fn find(&mut self, host: &str) -> Option<&mut Server> {
        self.servers.iter_mut().find(|server| server.about.host.eq_ignore_ascii_case(host))
    }

    fn fallbacks(&self) -> Vec<Candidate> {
        self.servers.iter().skip(1).map(|server| server.about.clone()).collect()
    }

    /// Takes these servers over, and keeps what is known about those that are there already. The server
    /// in use stays until it is left.
    fn set_fallbacks(&mut self, fallbacks: Vec<Candidate>) {
        let known = self.servers.split_off(1);
        let current = self.current.clone();
        let gone_in_use = known.iter().find(|it| {
            it.about.host == current && !fallbacks.iter().any(|about| about.host == current)
        });
        for about in fallbacks {
            match known.iter().find(|server| server.about.host == about.host) {
                Some(server) => self.servers.push(Server { about, ..server.clone() }),
                None => match self.primary().options.transport.at_host(&about.host) {
                    Ok(transport) => {
                        let options = Options { transport, ..self.primary().options.clone() };
                        self.servers.push(Server::new(about, options));
                    }
                    Err(error) => {
                        let error = exgate_runtime::report(&error);
                        tracing::warn!(host = about.host, error, "left out a server");
                    }
                },
            }
        }
        self.servers.extend(gone_in_use.cloned());
    }

    fn standing(&self, failover: bool) -> Standing {
        let now = Instant::now();
        let server = |server: &Server| ServerStanding {
            host: server.about.host.clone(),
            version: server.about.version.clone(),
            site: server.about.site.clone(),
            breaker: server.breaker.state(now),
            problem: server.problem.clone(),
            failed_at: server.failed_at,
        };
        Standing {
            primary: self.primary().about.host.clone(),
            current: self.current.clone(),
            failover,
            fallback_since: self.fallback_since,
            servers: self.servers.iter().map(server).collect(),
        }
    }
}

impl Server {
    fn new(about: Candidate, options: Options) -> Self {
        Self { about, options, breaker: Breaker::new(), problem: String::new(), failed_at: None }
    }

    fn note(&mut self, problem: String, at: Timestamp) {
        (self.problem, self.failed_at) = (problem, Some(at));
    }

    fn is_well(&self, now: Instant) -> bool {
        self.breaker.state(now) == BreakerState::Closed
    }
}

#[cfg(test)]
mod tests;
