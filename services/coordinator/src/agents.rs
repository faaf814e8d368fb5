//! Who is attached for which organization, and which of them may write there. One agent holds the
//! lease of an organization; nothing is handed to any other.

pub mod api;
pub mod checks;
pub mod lease;
pub mod session;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Mutex as AsyncMutex;
use tokio::time::Instant;

use exgate_domain::ids::{AgentId, Generation, OrganizationId};
use exgate_domain::lease::{self as rules, Lease, LeaseRefused};
use exgate_domain::standing::Standing;
use exgate_runtime::clock::Clock;

use crate::metrics::Metrics;
use crate::store::{Connector, PreflightStep, Store, StoreError};
use checks::Checks;
use lease::Silence;
use session::{Ended, NotAttached, Outgoing, Session};

/// After this long without a word from its agent a connector counts as disconnected.
pub const DISCONNECTED_AFTER: SignedDuration = SignedDuration::from_secs(60);
/// How often it is written down that an agent was heard.
const HEARD_WRITTEN_EVERY: SignedDuration = SignedDuration::from_secs(60);
/// The most agents attached for one organization, the holder of its lease included.
const SESSIONS_PER_ORGANIZATION_MAX: usize = 8;
/// The most by which an agent may know a newer generation than the store.
const GENERATIONS_AHEAD_MAX: u64 = 1 << 32;

/// Who an agent says it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hello {
    /// Its id.
    pub agent: AgentId,
    /// Whose Exchange it stands next to.
    pub organization: OrganizationId,
    /// Its version.
    pub version: String,
    /// Its host.
    pub host: String,
    /// The highest lease generation it has seen.
    pub generation_seen: Generation,
    /// How many receipts of earlier times follow.
    pub receipts_following: u32,
}

/// What an agent found out about its Exchange.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Preflight {
    /// Each step, in order.
    pub steps: Vec<PreflightStep>,
    /// The server it talks to.
    pub server: String,
    /// Version of that server.
    pub exchange_version: String,
    /// Whether the server filters devices by the time of change.
    pub filters_by_change: bool,
    /// Whether the account lacks rights that changing access takes.
    pub may_not_write: bool,
}

impl Preflight {
    /// Whether it went through.
    pub fn is_good(&self) -> bool {
        !self.steps.is_empty() && self.steps.iter().all(|step| step.ok)
    }
}

/// The agent that holds an organization's lease and is attached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Its lease.
    pub lease: Lease,
    /// Since when it holds it.
    pub since: Timestamp,
    /// Whether its server filters devices by the time of change.
    pub filters_by_change: bool,
    /// Whether its preflight went through; none before it was made.
    pub preflight_good: Option<bool>,
    /// Whether its account lacks rights that changing access takes.
    pub may_not_write: bool,
}

/// Why an agent may not attach.
#[derive(Debug, thiserror::Error)]
pub enum AttachError {
    /// There is no such organization.
    #[error("organization {organization:?} not found")]
    UnknownOrganization {
        /// What the agent asked for.
        organization: String,
        /// All that there are.
        known: Vec<String>,
    },
    /// Too many agents are attached for it.
    #[error("{SESSIONS_PER_ORGANIZATION_MAX} agents are attached for organization {0:?} already")]
    Full(String),
    /// The agent knows a lease generation that can not be.
    #[error("lease generation {seen} is far ahead of {stored}")]
    FarAhead {
        /// What it has seen.
        seen: Generation,
        /// What is stored.
        stored: Generation,
    },
    /// Another grant came between.
    #[error("the lease was granted to somebody else at the same time")]
    Overtaken,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The attached agents; cheap to clone.
#[derive(Debug, Clone)]
pub struct Agents(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Store,
    clock: Clock,
    metrics: Metrics,
    /// Held while a lease is granted or renewed.
    granting: AsyncMutex<()>,
    seats: Mutex<Seats>,
    checks: Checks,
}

#[derive(Debug)]
struct Seats {
    silence: Silence,
    by_organization: HashMap<OrganizationId, Seat>,
}

/// What is known about one organization's agents since this process started.
#[derive(Debug, Default)]
struct Seat {
    sessions: Vec<Session>,
    holder: Option<(Session, Holder)>,
    /// What each session's agent says about its Exchange servers.
    standings: Vec<(Session, Standing)>,
    heard_at: Option<Timestamp>,
    heard_written_at: Option<Timestamp>,
}

impl Agents {
    /// Nobody is attached yet; leases in the store may still be in use.
    pub fn new(store: Store, clock: Clock, metrics: Metrics) -> Self {
        let silence = Silence::since(Instant::now());
        let seats = Mutex::new(Seats { silence, by_organization: HashMap::new() });
        Self(Arc::new(Inner {
            store,
            clock,
            metrics,
            granting: AsyncMutex::default(),
            seats,
            checks: Checks::default(),
        }))
    }

    /// The attached agent that may write now.
    pub fn holder(&self, organization: &OrganizationId) -> Option<Holder> {
        self.seats().holder(organization).map(|(_, holder)| holder.clone())
    }

    /// Says something to the agent that holds this very lease.
    ///
    /// # Errors
    /// When it is not there, or the lease is another one.
    pub fn say(
        &self,
        organization: &OrganizationId,
        generation: Generation,
        message: Outgoing,
    ) -> Result<(), NotAttached> {
        let seats = self.seats();
        let (session, holder) = seats.holder(organization).ok_or(NotAttached)?;
        if holder.lease.generation != generation {
            return Err(NotAttached);
        }
        session.say(message)
    }

    /// How the Exchange servers stand, as the agent says that holds the lease.
    pub fn standing(&self, organization: &OrganizationId) -> Option<Standing> {
        let seats = self.seats();
        let (holder, _) = seats.holder(organization)?;
        let told = &seats.by_organization.get(organization)?.standings;
        told.iter().find(|(session, _)| session.is(holder)).map(|(_, standing)| standing.clone())
    }

    /// When anything was last heard, since this process started.
    pub fn heard_at(&self, organization: &OrganizationId) -> Option<Timestamp> {
        self.seats().by_organization.get(organization).and_then(|seat| seat.heard_at)
    }

    /// Takes a seat for a new session; an older one of the same agent is cut off.
    async fn enter(&self, session: &Session) -> Result<(), AttachError> {
        let organization = session.organization();
        if self.0.store.organization(organization).await?.is_none() {
            let known = self.0.store.organizations(None, u32::MAX).await?;
            return Err(AttachError::UnknownOrganization {
                organization: organization.to_string(),
                known: known.into_iter().map(|it| it.organization.id.to_string()).collect(),
            });
        }
        let mut seats = self.seats();
        let seat = seats.by_organization.entry(organization.clone()).or_default();
        for older in seat.sessions.iter().filter(|older| older.agent() == session.agent()) {
            older.end(Ended::Replaced(session.agent()));
        }
        seat.sessions.retain(|older| !older.is_cut());
        seat.standings.retain(|(older, _)| !older.is_cut());
        seat.holder.take_if(|(older, _)| older.is_cut());
        if seat.sessions.len() >= SESSIONS_PER_ORGANIZATION_MAX {
            return Err(AttachError::Full(organization.to_string()));
        }
        seat.sessions.push(session.clone());
        seat.heard_at = Some(self.0.clock.now());
        Ok(())
    }

    /// Gives a seat back; says whether it was the one of the holder.
    async fn leave(&self, session: &Session) -> bool {
        self.0.checks.lost(session);
        let organization = session.organization();
        let (was_holder, heard_at) = {
            let mut seats = self.seats();
            let Some(seat) = seats.by_organization.get_mut(organization) else { return false };
            seat.sessions.retain(|other| !other.is(session));
            seat.standings.retain(|(other, _)| !other.is(session));
            let was_holder = seat.holder.take_if(|(holder, _)| holder.is(session)).is_some();
            (was_holder, seat.heard_at)
        };
        if was_holder {
            self.0.metrics.connected(organization, false);
            if let Some(at) = heard_at {
                self.write_heard(organization, at).await;
            }
        }
        was_holder
    }

    /// Notes that something was heard in a session.
    async fn heard(&self, session: &Session) {
        let now = self.0.clock.now();
        let organization = session.organization();
        let write = {
            let mut seats = self.seats();
            let Some(seat) = seats.by_organization.get_mut(organization) else { return };
            if !seat.holder.as_ref().is_some_and(|(holder, _)| holder.is(session)) {
                return;
            }
            seat.heard_at = Some(now);
            let written = seat.heard_written_at.get_or_insert(now);
            let old = now.duration_since(*written) >= HEARD_WRITTEN_EVERY;
            if old {
                *written = now;
            }
            old
        };
        self.0.metrics.heard(organization, now);
        if write {
            self.write_heard(organization, now).await;
        }
    }

    async fn write_heard(&self, organization: &OrganizationId, at: Timestamp) {
        if let Err(error) = self.0.store.connector_heard(organization, at).await {
            let error = exgate_runtime::report(&error);
            tracing::warn!(%organization, error, "last word of an agent was not stored");
        }
    }

    /// Grants the next lease to a session's agent, if it may have it. `seen` is the highest
    /// generation the agent knows: a store that is behind, because it was restored, catches up.
    async fn grant(
        &self,
        session: &Session,
        seen: Generation,
    ) -> Result<Result<Lease, LeaseRefused>, AttachError> {
        let _one_at_a_time = self.0.granting.lock().await;
        let organization = session.organization();
        let stored = self.0.store.lease(organization).await?;
        let known = stored.as_ref().map_or(Generation::default(), |lease| lease.generation);
        if seen.get() > known.get().saturating_add(GENERATIONS_AHEAD_MAX) {
            return Err(AttachError::FarAhead { seen, stored: known });
        }
        if seen > known {
            tracing::warn!(%organization, generation = %seen, stored = %known, "lease generation was raised");
        }
        let holder = stored.as_ref().map_or(session.agent(), |lease| lease.holder);
        let raised = Lease { holder, generation: known.max(seen) };
        let current = (raised.generation > Generation::default()).then_some(&raised);
        let silence = match &stored {
            Some(lease) => self.seats().silence.of(organization, lease, Instant::now()),
            None => std::time::Duration::MAX,
        };
        let lease = match rules::grant(current, session.agent(), silence) {
            Ok(lease) => lease,
            Err(refused) => return Ok(Err(refused)),
        };
        if !self.0.store.grant_lease(organization, stored.as_ref(), &lease).await? {
            return Err(AttachError::Overtaken);
        }
        let mut seats = self.seats();
        seats.silence.broken(organization, &lease, Instant::now());
        drop(seats);
        self.0.metrics.generation(organization, lease.generation);
        tracing::info!(%organization, agent = %lease.holder, generation = %lease.generation, "lease was granted");
        Ok(Ok(lease))
    }

    /// Makes a session the one that is spoken to, under a lease it was granted.
    async fn install(
        &self,
        session: &Session,
        lease: Lease,
        known: &Known,
    ) -> Result<(), StoreError> {
        let organization = session.organization();
        self.describe(session, known).await?;
        let now = self.0.clock.now();
        let mut seats = self.seats();
        let seat = seats.by_organization.entry(organization.clone()).or_default();
        let holder = Holder {
            lease,
            since: now,
            filters_by_change: known.preflight.as_ref().is_some_and(|it| it.filters_by_change),
            preflight_good: known.preflight.as_ref().map(Preflight::is_good),
            may_not_write: known.preflight.as_ref().is_some_and(|it| it.may_not_write),
        };
        seat.holder = Some((session.clone(), holder));
        seat.heard_at = Some(now);
        drop(seats);
        self.0.metrics.connected(organization, true);
        Ok(())
    }

    /// Takes over what the holder found out about its Exchange.
    async fn preflight(&self, session: &Session, known: &Known) -> Result<(), StoreError> {
        {
            let mut seats = self.seats();
            let seat = seats.by_organization.get_mut(session.organization());
            let holder = seat.and_then(|seat| seat.holder.as_mut());
            let Some((_, holder)) = holder.filter(|(holder, _)| holder.is(session)) else {
                return Ok(());
            };
            holder.filters_by_change =
                known.preflight.as_ref().is_some_and(|it| it.filters_by_change);
            holder.preflight_good = known.preflight.as_ref().map(Preflight::is_good);
            holder.may_not_write = known.preflight.as_ref().is_some_and(|it| it.may_not_write);
        }
        self.describe(session, known).await
    }

    /// Takes over how a session's agent says that its Exchange servers stand. It holds while the agent is
    /// attached, and is said again when it comes back.
    fn stands(&self, session: &Session, standing: Standing) {
        let mut seats = self.seats();
        let Some(seat) = seats.by_organization.get_mut(session.organization()) else { return };
        seat.standings.retain(|(other, _)| !other.is(session));
        if seat.sessions.iter().any(|known| known.is(session)) {
            seat.standings.push((session.clone(), standing));
        }
    }

    /// Stores what is known about the agent of a session.
    async fn describe(&self, session: &Session, known: &Known) -> Result<(), StoreError> {
        let Known { hello, preflight } = known;
        let preflight = preflight.clone().unwrap_or_default();
        let connector = Connector {
            organization: session.organization().clone(),
            agent: session.agent(),
            host: hello.host.clone(),
            version: hello.version.clone(),
            exchange_server: preflight.server,
            exchange_version: preflight.exchange_version,
            filters_by_change: preflight.filters_by_change,
            preflight: preflight.steps,
            last_heard_at: self.0.clock.now(),
        };
        self.0.store.put_connector(&connector).await
    }

    /// Renews the lease of a session that holds one. Anything else is a new question for a lease.
    async fn renew(&self, session: &Session) -> Result<Option<Lease>, AttachError> {
        let _one_at_a_time = self.0.granting.lock().await;
        let organization = session.organization();
        let held = {
            let seats = self.seats();
            let holder = seats.holder(organization).filter(|(holder, _)| holder.is(session));
            holder.map(|(_, holder)| holder.lease.clone())
        };
        let Some(lease) = held else { return Ok(None) };
        if !self.0.store.renew_lease(organization, &lease).await? {
            return Ok(None);
        }
        self.seats().silence.broken(organization, &lease, Instant::now());
        Ok(Some(lease))
    }

    fn seats(&self) -> MutexGuard<'_, Seats> {
        self.0.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seats {
    fn holder(&self, organization: &OrganizationId) -> Option<&(Session, Holder)> {
        let holder = self.by_organization.get(organization)?.holder.as_ref()?;
        let valid = self.silence.holds(organization, &holder.1.lease, Instant::now());
        (valid && !holder.0.is_cut()).then_some(holder)
    }
}

/// What an agent has said about itself so far.
#[derive(Debug, Clone)]
struct Known {
    hello: Hello,
    preflight: Option<Preflight>,
}

#[cfg(test)]
pub(crate) mod tests;
