//! Statistics of devices, where they are wanted: which mailboxes are due to be asked is read off the
//! store, some at a time, and asked through the organization's agent while no sync is under way.
//!
//! A mailbox is asked when it has a device and was never asked, when what it said is older than
//! configured, or when a device of it was seen otherwise since. So a full sync costs at most one call for
//! each mailbox that has devices, a quick sync at most one for each whose devices changed. No sync waits
//! for statistics or fails with them, and nothing is decided by them.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;
use tokio::time::Instant;

use exgate_domain::ids::{Generation, MailboxId, OrganizationId};
use exgate_domain::statistics::{MailboxStatistics, StatisticsOutcome};
use exgate_runtime::Tasks;
use exgate_runtime::clock::Clock;
use exgate_runtime::telemetry::current_traceparent;

use crate::agents::Agents;
use crate::agents::session::{Outgoing, Session};
use crate::metrics::Metrics;
use crate::runs::{self, Runs};
use crate::store::{Overdue, Store, StoreError};

/// How often it is looked whether anything is due.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// The most mailboxes that an agent is asked for at once: a sync that begins waits for these at most.
const MAILBOXES_PER_ORDER_MAX: u32 = 32;
/// How long after the last mailbox was due, and without a sync since, the store is searched again.
const SEARCH_EVERY_MAX: Duration = Duration::from_secs(60);
/// How long an order may stay without an answer before its rest is given up.
const SILENCE_MAX: Duration = Duration::from_secs(10 * 60);
/// How long nobody is asked after an agent could not ask.
const BLOCKED_PAUSE: Duration = Duration::from_secs(5 * 60);
/// How long a mailbox that could not say is left alone, unless the configured age is shorter.
const FAILED_AGAIN_MAX: Duration = Duration::from_secs(60 * 60);

/// Statistics of all organizations; cheap to clone.
#[derive(Debug, Clone)]
pub struct Statistics(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Store,
    clock: Clock,
    metrics: Metrics,
    agents: Agents,
    runs: Runs,
    /// How old they may become; none when nobody wants any.
    age_max: Option<Duration>,
    wake: Notify,
    rounds: Mutex<HashMap<OrganizationId, Round>>,
}

/// How far one organization is.
#[derive(Debug, Default)]
struct Round {
    /// The lease under which it is asked.
    generation: Generation,
    /// Mailboxes that an agent is asking now.
    asking: HashSet<MailboxId>,
    /// When they were handed out, and when the last of them was heard of.
    asked_at: Timestamp,
    heard: Option<Instant>,
    /// The last row that was found due in this search.
    after: i64,
    /// The sync whose end the search began after.
    searched_after: Option<Timestamp>,
    /// When nothing is due before.
    rests_until: Option<Instant>,
    /// When nobody is to be asked before.
    blocked_until: Option<Instant>,
}

impl Statistics {
    /// Statistics that may become so old; none when nobody wants any. They work beside `runs`, with the
    /// same others.
    pub fn new(others: runs::Parts, runs: Runs, age_max: Option<Duration>) -> Self {
        let runs::Parts { store, clock, metrics, agents, .. } = others;
        let (wake, rounds) = (Notify::new(), Mutex::default());
        Self(Arc::new(Inner { store, clock, metrics, agents, runs, age_max, wake, rounds }))
    }

    /// Keeps them as young as configured until the tasks have to stop.
    pub async fn run(self, tasks: Tasks) {
        let Some(age_max) = self.0.age_max else { return };
        let stopped = tasks.stopped();
        tokio::pin!(stopped);
        loop {
            if let Err(error) = self.look(age_max).await {
                let error = exgate_runtime::report(&error);
                tracing::error!(error, "what statistics are due was not looked at");
            }
            tokio::select! {
                () = &mut stopped => return,
                () = self.0.wake.notified() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }

    /// Takes what an agent read of one mailbox. What was not asked for is not taken.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub async fn read(&self, session: &Session, read: MailboxStatistics) -> Result<(), StoreError> {
        let MailboxStatistics { mailbox, generation, outcome } = read;
        let Inner { store, metrics, agents, .. } = &*self.0;
        let organization = session.organization();
        let is_holder = agents.holder(organization).is_some_and(|holder| {
            holder.lease.generation == generation && holder.lease.holder == session.agent()
        });
        let asked_at = {
            let mut rounds = self.rounds();
            let round = rounds.get_mut(organization).filter(|it| it.generation == generation);
            let Some(round) = round else { return Ok(()) };
            if !is_holder || !round.asking.remove(&mailbox) {
                return Ok(());
            }
            round.heard = Some(Instant::now());
            if let StatisticsOutcome::NotAsked(_) = outcome {
                round.blocked_until = Some(Instant::now() + BLOCKED_PAUSE);
                // What was passed over is due as before.
                round.after = 0;
            }
            if round.asking.is_empty() {
                self.0.wake.notify_one();
            }
            round.asked_at
        };
        metrics.statistics(organization, &outcome);
        let said = match outcome {
            StatisticsOutcome::Read(devices) => Ok(devices),
            StatisticsOutcome::Unknown(why) => {
                tracing::info!(%organization, %mailbox, why, "a mailbox could not tell of its devices");
                Err(why)
            }
            StatisticsOutcome::NotAsked(why) => {
                tracing::warn!(%organization, %mailbox, why, "statistics of devices were not read");
                return Ok(());
            }
        };
        store.put_statistics(organization, mailbox, said, asked_at).await
    }

    async fn look(&self, age_max: Duration) -> Result<(), StoreError> {
        for stored in self.0.store.organizations(None, u32::MAX).await? {
            self.look_at(&stored.organization.id, age_max).await?;
        }
        Ok(())
    }

    /// Hands out what is due next, unless something else comes first.
    async fn look_at(
        &self,
        organization: &OrganizationId,
        age_max: Duration,
    ) -> Result<(), StoreError> {
        let Inner { store, clock, agents, runs, .. } = &*self.0;
        let holder = agents.holder(organization).filter(|it| it.preflight_good == Some(true));
        let Some(holder) = holder else { return Ok(()) };
        let generation = holder.lease.generation;
        // What was never looked at has no mailboxes to ask, and a sync goes first.
        let Some(synced_at) = runs.history(organization).await?.any_succeeded_at else {
            return Ok(());
        };
        if !runs.are_idle(organization) {
            return Ok(());
        }
        let Some(after) = self.search(organization, generation, synced_at) else { return Ok(()) };
        let now = clock.now();
        let earlier = |span: Duration| {
            let span = SignedDuration::try_from(span).unwrap_or(SignedDuration::MAX);
            now.checked_sub(span).unwrap_or(Timestamp::MIN)
        };
        let overdue = Overdue {
            asked_by: earlier(age_max),
            failed_by: earlier(age_max.min(FAILED_AGAIN_MAX)),
        };
        let due =
            store.statistics_due(organization, overdue, after, MAILBOXES_PER_ORDER_MAX).await?;
        let mailboxes: Vec<_> = due.iter().map(|(_, mailbox)| *mailbox).collect();
        {
            let mut rounds = self.rounds();
            let round = rounds.entry(organization.clone()).or_default();
            let Some((last, _)) = due.last() else {
                round.after = 0;
                round.rests_until = Some(Instant::now() + age_max.min(SEARCH_EVERY_MAX));
                return Ok(());
            };
            round.after = *last;
            round.asking = mailboxes.iter().copied().collect();
            (round.asked_at, round.heard) = (now, Some(Instant::now()));
        }
        let span = tracing::info_span!(
            parent: None, "exgate.statistics", exgate.organization.id = %organization,
            mailboxes = mailboxes.len()
        );
        let traceparent = span.in_scope(current_traceparent);
        let order = Outgoing::ReadStatistics { mailboxes, traceparent };
        if agents.say(organization, generation, order).is_err() {
            self.rounds().remove(organization);
        }
        Ok(())
    }

    /// After which row the search for what is due goes on; none when it rests, or an agent is asking.
    fn search(
        &self,
        organization: &OrganizationId,
        generation: Generation,
        synced_at: Timestamp,
    ) -> Option<i64> {
        let now = Instant::now();
        let mut rounds = self.rounds();
        let round = rounds.entry(organization.clone()).or_default();
        if round.generation != generation {
            *round = Round { generation, ..Round::default() };
        }
        if round.heard.is_some_and(|heard| now.duration_since(heard) >= SILENCE_MAX) {
            round.asking.clear();
        }
        if !round.asking.is_empty() || round.blocked_until.is_some_and(|until| now < until) {
            return None;
        }
        if round.searched_after != Some(synced_at) {
            round.searched_after = Some(synced_at);
            // What changed may lie before the place where the search stands.
            (round.after, round.rests_until) = (0, None);
        }
        let rests = round.rests_until.is_some_and(|until| now < until);
        (!rests).then_some(round.after)
    }

    fn rounds(&self) -> MutexGuard<'_, HashMap<OrganizationId, Round>> {
        self.0.rounds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
