//! What documents would change if they were applied: every case is answered once more, by the bundle
//! that they lead to, and compared with the decision in force. Nothing is stored, no turn is taken, and
//! no more than a page of cases is in memory. All questions are about one instant; the inventory goes on
//! changing while it is read.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use exgate_domain::case::Case;
use exgate_domain::ids::{BundleDigest, OrganizationId};
use exgate_domain::observation::{AccessState, Mailbox};
use exgate_domain::policy::Access;
use exgate_proto::names::DeviceName;

use super::documents::refused;
use super::{Operator, OperatorError, Parts};
use crate::evaluation::EvaluationError;
use crate::policies::Candidate;
use crate::reconcile::{Intended, Order, reconcile};
use crate::store::{CaseKey, ObservedOrder, PolicyFile, StoredPolicy};
use crate::what_if::{Answer, Sums, Turn, platform};

/// How many cases are read and answered at a time.
const PAGE_CASES: u32 = 500;
/// The most simulations at once: each keeps an evaluator as busy as it can.
const SIMULATIONS_MAX: usize = 2;

/// What to try.
#[derive(Debug, Clone)]
pub struct Simulate {
    /// The documents.
    pub files: Vec<PolicyFile>,
    /// Only in this organization; in all when none is named.
    pub organization: Option<OrganizationId>,
    /// Put the questions behind the decisions in force at this instant; those of now when none is named.
    pub replay_at: Option<Timestamp>,
}

/// What is heard of a simulation.
#[derive(Debug, Clone)]
pub enum SimulationEvent {
    /// How far it is.
    Progress {
        /// Cases answered.
        done: u64,
        /// Cases known when it began.
        total: u64,
    },
    /// Devices whose access changes, in the order of their keys.
    Changed(Vec<Change>),
    /// The end.
    Summary(Box<Summary>),
}

/// What came of a simulation.
#[derive(Debug, Clone)]
pub struct Summary {
    /// The instant that the questions are about.
    pub simulated_at: Timestamp,
    /// The instant whose decisions were compared with.
    pub replay_at: Option<Timestamp>,
    /// The bundle that was tried.
    pub bundle: BundleDigest,
    /// The bundle in force.
    pub in_force: Option<BundleDigest>,
    /// How many cases change which way.
    pub sums: Sums,
    /// The policies in force that the documents would remove.
    pub removed: Vec<StoredPolicy>,
}

/// A device whose access changes.
#[derive(Debug, Clone)]
pub struct Change {
    /// The device.
    pub device: DeviceName,
    /// Which way.
    pub turn: Turn,
    /// Primary SMTP address of its mailbox.
    pub primary_smtp: String,
    /// Its model; its type where Exchange knows no model.
    pub model: String,
    /// Its platform.
    pub platform: String,
    /// The decision that is compared with.
    pub before: Answer,
    /// The decision by the documents.
    pub after: Answer,
    /// Its state when the question was put.
    pub state: AccessState,
    /// The state that Exchange's own order would give it; none where that cannot be told.
    pub predicted: Option<AccessState>,
}

/// A simulation under way.
#[derive(Debug)]
pub struct Simulation {
    parts: Arc<Parts>,
    candidate: Candidate,
    /// What is left, the organization under way first.
    organizations: VecDeque<OrganizationId>,
    /// The last case of the page before.
    after: Option<CaseKey>,
    done: u64,
    total: u64,
    now: Timestamp,
    replay_at: Option<Timestamp>,
    sums: Sums,
    /// What is to be told next.
    waiting: VecDeque<SimulationEvent>,
    is_over: bool,
    /// One of the few places for simulations.
    _place: OwnedSemaphorePermit,
}

/// One case and its two answers.
struct Compared {
    case: Case,
    /// Its mailbox as it is now; none in a replay.
    mailbox: Option<Mailbox>,
    before: Answer,
    after: Answer,
}

/// Some cases and where the next ones follow.
struct Page {
    compared: Vec<Compared>,
    /// How many cases were read; those whose device is gone are not compared.
    read: usize,
    last: Option<CaseKey>,
}

/// Places for simulations.
pub(super) fn places() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(SIMULATIONS_MAX))
}

impl Operator {
    /// Tries documents on every device of one or all organizations; [`Simulation::next`] tells what
    /// comes of it.
    ///
    /// # Errors
    /// When something is wrong with the documents, the evaluator cannot check them, or too many
    /// simulations are under way.
    pub async fn simulate(&self, request: Simulate) -> Result<Simulation, OperatorError> {
        let Simulate { files, organization, replay_at } = request;
        let parts = Arc::clone(&self.0);
        let now = parts.clock.now();
        if let Some(at) = replay_at.filter(|at| *at > now) {
            let problem = format!("{at:.0} has not come yet");
            return Err(OperatorError::Invalid { field: "replay_at", problem });
        }
        let organizations: VecDeque<_> = match organization {
            Some(id) => VecDeque::from([self.existing(&id).await?.organization.id]),
            None => {
                let all = parts.store.organizations(None, u32::MAX).await?;
                all.into_iter().map(|stored| stored.organization.id).collect()
            }
        };
        let place = Arc::clone(&self.1).try_acquire_owned();
        let place = place
            .map_err(|_| OperatorError::SimulationsTooMany { simulations_max: SIMULATIONS_MAX })?;
        let candidate = self.candidate(&files).await?;
        let mut total = 0;
        for organization in &organizations {
            total += match replay_at {
                None => parts.store.case_count(organization).await?,
                Some(at) => parts.store.decision_count_at(organization, at).await?,
            };
        }
        Ok(Simulation {
            sums: Sums::of_groups(&candidate.groups),
            parts,
            candidate,
            organizations,
            after: None,
            done: 0,
            total,
            now,
            replay_at,
            waiting: VecDeque::from([SimulationEvent::Progress { done: 0, total }]),
            is_over: false,
            _place: place,
        })
    }

    async fn candidate(&self, files: &[PolicyFile]) -> Result<Candidate, OperatorError> {
        let invalid = |problem: &str| {
            let problem = problem.to_owned();
            Err(OperatorError::Invalid { field: "files", problem })
        };
        if files.is_empty() {
            return invalid("there is no file");
        }
        let evaluation = self.0.evaluation.clone();
        let check = async move |files: Vec<PolicyFile>| evaluation.check(&files).await;
        match self.0.policies.candidate(files, check).await.map_err(refused)? {
            Some(candidate) => Ok(candidate),
            None => invalid("no policy would be in force, so that nothing would be decided"),
        }
    }
}

impl Simulation {
    /// What is heard next, at last the summary. `None` after that, and after an error.
    ///
    /// # Errors
    /// When the evaluator or the store does not answer.
    pub async fn next(&mut self) -> Option<Result<SimulationEvent, OperatorError>> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Some(Ok(event));
            }
            if self.is_over {
                return None;
            }
            if let Err(error) = self.step().await {
                self.is_over = true;
                return Some(Err(error));
            }
        }
    }

    async fn step(&mut self) -> Result<(), OperatorError> {
        let Some(organization) = self.organizations.front().cloned() else {
            let summary = self.summary().await?;
            self.waiting.push_back(SimulationEvent::Summary(Box::new(summary)));
            self.is_over = true;
            return Ok(());
        };
        let Page { compared, read, last } = match self.replay_at {
            None => self.page_now(&organization).await?,
            Some(at) => self.page_then(&organization, at).await?,
        };
        let order = match self.replay_at {
            None => self.parts.store.observed_order(&organization).await?,
            Some(_) => ObservedOrder::default(),
        };
        let mut changed = Vec::new();
        for compared in compared {
            let Compared { case, before, after, .. } = &compared;
            if let Some(turn) = self.sums.add(case, before, after) {
                changed.push(change(compared, turn, &order));
            }
        }
        if !changed.is_empty() {
            self.waiting.push_back(SimulationEvent::Changed(changed));
        }
        self.done += u64::try_from(read).unwrap_or(u64::MAX);
        self.after = last;
        if self.after.is_none() {
            self.organizations.pop_front();
        }
        let (done, total) = (self.done, self.total.max(self.done));
        self.waiting.push_back(SimulationEvent::Progress { done, total });
        Ok(())
    }

    async fn summary(&mut self) -> Result<Summary, OperatorError> {
        Ok(Summary {
            simulated_at: self.now,
            replay_at: self.replay_at,
            bundle: self.candidate.digest,
            in_force: self.parts.store.bundle().await?,
            sums: std::mem::take(&mut self.sums),
            removed: std::mem::take(&mut self.candidate.removed),
        })
    }

    /// Puts the next questions as they would be put now.
    async fn page_now(&self, organization: &OrganizationId) -> Result<Page, OperatorError> {
        let parts = &self.parts;
        let after = self.after.as_ref();
        let rows =
            parts.store.cases_after(organization, parts.clock.now(), after, PAGE_CASES).await?;
        let (read, last) = (rows.len(), last(&rows, |row| &row.key));
        let keys: Vec<_> = rows.iter().map(|row| row.key.clone()).collect();
        let (cases, mailboxes): (Vec<_>, Vec<_>) =
            parts.cases.with_mailboxes(organization, &keys, self.now).await?.into_iter().unzip();
        let mut known: HashMap<_, _> = rows
            .into_iter()
            .filter_map(|row| {
                // What is due was perhaps decided by the policies before: those in force are asked.
                let intent = row.intent.filter(|_| !row.is_due)?;
                Some((row.key, Answer { access: intent.access, reasons: intent.reasons }))
            })
            .collect();
        let before: Vec<_> = cases.iter().map(|case| known.remove(&key(case))).collect();
        let new: Vec<_> = cases
            .iter()
            .zip(&before)
            .filter(|(_, before)| before.is_none())
            .map(|(case, _)| case.clone())
            .collect();
        let mut new = self.in_force(&new).await?.into_iter();
        let before = before.into_iter().map(|known| known.or_else(|| new.next()));
        let before: Vec<_> = before.map(|it| it.unwrap_or(Answer::NO_POLICY)).collect();
        let answers = self.answers(&cases).await?;
        let both = before.into_iter().zip(answers);
        let compared =
            cases.into_iter().zip(mailboxes).zip(both).map(|((case, mailbox), (before, after))| {
                Compared { case, mailbox: Some(mailbox), before, after }
            });
        Ok(Page { compared: compared.collect(), read, last })
    }

    /// Puts the next of the questions behind the decisions in force at an instant, as they were put then.
    async fn page_then(
        &self,
        organization: &OrganizationId,
        at: Timestamp,
    ) -> Result<Page, OperatorError> {
        let after = self.after.as_ref();
        let rows = self.parts.store.decisions_at(organization, at, after, PAGE_CASES).await?;
        let (read, last) = (rows.len(), last(&rows, |(key, _)| key));
        let (cases, before): (Vec<_>, Vec<_>) =
            rows.into_iter().map(|(_, row)| (row.case, Answer::from(row.decision))).unzip();
        let answers = self.answers(&cases).await?;
        let both = before.into_iter().zip(answers);
        let compared = cases.into_iter().zip(both).map(|(case, (before, after))| Compared {
            case,
            mailbox: None,
            before,
            after,
        });
        Ok(Page { compared: compared.collect(), read, last })
    }

    /// The answers by the documents.
    async fn answers(&self, cases: &[Case]) -> Result<Vec<Answer>, OperatorError> {
        if cases.is_empty() {
            return Ok(Vec::new());
        }
        let decisions = self.parts.evaluation.try_bundle(&self.candidate, cases).await?;
        Ok(decisions.into_iter().map(Answer::from).collect())
    }

    /// The answers by the bundle in force to questions that were never put to it.
    async fn in_force(&self, cases: &[Case]) -> Result<Vec<Answer>, OperatorError> {
        let bundle = match cases.is_empty() {
            true => None,
            false => self.parts.store.bundle().await?,
        };
        let Some(bundle) = bundle else { return Ok(Vec::new()) };
        match self.parts.evaluation.try_in_force(bundle, cases).await {
            Ok(decisions) => Ok(decisions.into_iter().map(Answer::from).collect()),
            Err(EvaluationError::NoPolicy) => Ok(Vec::new()),
            Err(error) => Err(error.into()),
        }
    }
}

fn key(case: &Case) -> CaseKey {
    CaseKey { mailbox: case.mailbox.id, device_id: case.device.device_id.clone() }
}

/// Where the next page follows; none when this was the last one.
fn last<T>(rows: &[T], key: impl Fn(&T) -> &CaseKey) -> Option<CaseKey> {
    let is_full = u32::try_from(rows.len()).is_ok_and(|count| count >= PAGE_CASES);
    rows.last().filter(|_| is_full).map(|row| key(row).clone())
}

fn change(compared: Compared, turn: Turn, order: &ObservedOrder) -> Change {
    let predicted = predicted(&compared, order);
    let Compared { case, before, after, mailbox: _ } = compared;
    let platform = platform(&case).to_owned();
    let Case { organization, mailbox, device, .. } = case;
    let model = match device.device_model.trim() {
        "" => device.device_type,
        _ => device.device_model,
    };
    Change {
        device: DeviceName::new(organization, device.device_id, mailbox.id),
        turn,
        primary_smtp: mailbox.primary_smtp,
        model,
        platform,
        before,
        after,
        state: device.access_state,
        predicted,
    }
}

/// What Exchange would make of the device once the mailbox's lists say what the new answer asks for.
fn predicted(compared: &Compared, order: &ObservedOrder) -> Option<AccessState> {
    let ObservedOrder { settings: Some(settings), rules } = order else { return None };
    let access: Access = compared.after.access;
    let intended = Intended { device: &compared.case.device, access };
    let mailbox = compared.mailbox.as_ref()?;
    let difference = reconcile(mailbox, &[intended], Order { rules, settings });
    difference.effects.into_iter().next().map(|effect| effect.after.state)
}
