//! Why a device has the access it has: from the record to the cmdlet, each link as it is stored. What
//! cannot be asked now is left out and said; the rest is shown all the same.

use jiff::Timestamp;

use exgate_domain::case::{Case, MailboxFacts};
use exgate_domain::command::CommandState;
use exgate_domain::decision::Decision;
use exgate_domain::observation::AccessState;
use exgate_domain::organization::Mode;
use exgate_domain::policy::Access;
use exgate_domain::precedence::{Prediction, Situation, predict};
use exgate_proto::names::DeviceName;

use super::{Operator, OperatorError};
use crate::evaluation::EvaluationError;
use crate::outbox::difference;
use crate::reconcile::Effect;
use crate::store::{CaseKey, MailboxView, StoreError, StoredCommand, StoredDecision, StoredDevice};

/// The most commands that are shown.
const COMMANDS_MAX: u32 = 20;

/// Why a device has the access it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The device.
    pub device: StoredDevice,
    /// The question as it was put.
    pub case: Option<Case>,
    /// The answer.
    pub decision: Option<Decision>,
    /// The answer in sentences.
    pub sentences: Vec<String>,
    /// What would make it allow.
    pub cures: Vec<String>,
    /// What Exchange's own order says; none before the mailbox and the settings were seen.
    pub prediction: Option<Prediction>,
    /// Commands that touched the device, the newest first.
    pub commands: Vec<StoredCommand>,
    /// Why the decision is not carried out; empty when it is, or there is nothing to do.
    pub held: String,
    /// Whether the question was put only now.
    pub undecided: bool,
    /// The instant that was asked about; none for now.
    pub at: Option<Timestamp>,
    /// When the decision shown was stored.
    pub decided_at: Option<Timestamp>,
    /// The language of the words, as a BCP 47 tag; empty when the evaluator said none.
    pub language: String,
}

/// The question, the answer and the answer in words.
#[derive(Debug, Default)]
struct Words {
    case: Option<Case>,
    decision: Option<Decision>,
    sentences: Vec<String>,
    cures: Vec<String>,
    undecided: bool,
    decided_at: Option<Timestamp>,
    language: String,
}

impl Words {
    /// These words about a device, and nothing else known about it.
    fn about(self, device: StoredDevice) -> Explanation {
        let Self { case, decision, sentences, cures, undecided, decided_at, language } = self;
        Explanation {
            device,
            case,
            decision,
            sentences,
            cures,
            prediction: None,
            commands: Vec::new(),
            held: String::new(),
            undecided,
            at: None,
            decided_at,
            language,
        }
    }
}

impl Operator {
    /// Explains one device, as it is decided now or was at an instant, in a language that a BCP 47 tag
    /// names.
    ///
    /// # Errors
    /// When there is no such device, or the instant is not past.
    pub async fn explain_device(
        &self,
        name: &DeviceName,
        language: &str,
        at: Option<Timestamp>,
    ) -> Result<Explanation, OperatorError> {
        let device = self.get_device(name).await?;
        let Some(mailbox) = device.mailbox.clone() else {
            let sentence = "The mailbox of this device was not seen yet.".to_owned();
            let words = Words { sentences: vec![sentence], undecided: true, ..Words::default() };
            return Ok(words.about(device));
        };
        if let Some(at) = at {
            return Box::pin(self.explain_then(device, &mailbox, language, at)).await;
        }
        let store = &self.0.store;
        let organization = &name.organization;
        let mut words = self.words(&device, &mailbox, language).await?;
        let id = &device.device.device_id;
        let commands = store.commands_of_device(organization, mailbox.id, id, COMMANDS_MAX).await?;
        let view = store.mailbox_view(organization, mailbox.id).await?;
        let order = store.observed_order(organization).await?;
        let mut prediction = None;
        let mut held = String::new();
        if let (Some(view), Some(settings)) = (&view, &order.settings) {
            let rules = &order.rules;
            let mailbox = &view.mailbox;
            let situation = Situation { device: &device.device, mailbox, rules, settings };
            prediction = Some(predict(situation));
            if let Some(effect) = difference(view, &order).effect(id) {
                held = self.held(&device, view, effect).await?;
                if held.is_empty() && !effect.note.is_empty() {
                    words.sentences.push(format!("{}.", capitalized(&effect.note)));
                }
            }
        }
        if words.decision.is_none() && held.is_empty() {
            held = "not decided yet".to_owned();
        }
        Ok(Explanation { prediction, commands, held, ..words.about(device) })
    }

    /// Explains the decision that was in force at an instant, by the policies of then.
    async fn explain_then(
        &self,
        device: StoredDevice,
        mailbox: &MailboxFacts,
        language: &str,
        at: Timestamp,
    ) -> Result<Explanation, OperatorError> {
        if at > self.0.clock.now() {
            let problem = format!("{at:.0} is not past");
            return Err(OperatorError::Invalid { field: "at", problem });
        }
        let store = &self.0.store;
        let (organization, id) = (&device.organization, &device.device.device_id);
        let key = CaseKey { mailbox: mailbox.id, device_id: id.clone() };
        let words = match store.decision_at(organization, &key, at).await? {
            Some(stored) => self.words_of(stored, language).await,
            None => {
                let sentences = vec![format!("Nothing had been decided about it at {at:.0}.")];
                Words { sentences, ..Words::default() }
            }
        };
        let mut commands =
            store.commands_of_device(organization, mailbox.id, id, COMMANDS_MAX).await?;
        commands.retain(|command| command.created_at <= at);
        Ok(Explanation { commands, at: Some(at), ..words.about(device) })
    }

    /// The last decision in words, or that of a question put now.
    async fn words(
        &self,
        device: &StoredDevice,
        mailbox: &MailboxFacts,
        language: &str,
    ) -> Result<Words, StoreError> {
        let key = CaseKey { mailbox: mailbox.id, device_id: device.device.device_id.clone() };
        let stored = self.0.store.last_decision(&device.organization, &key).await?;
        match stored {
            Some(stored) => Ok(self.words_of(stored, language).await),
            None => self.words_now(device, key, language).await,
        }
    }

    /// A stored decision in words.
    async fn words_of(&self, stored: StoredDecision, language: &str) -> Words {
        let StoredDecision { at, case, decision, .. } = stored;
        let explained = self.0.evaluation.explain(decision.bundle, &case, language).await;
        // The same question and bundle give the same answer, and the rules tried with it.
        let words = Words { case: Some(case), decided_at: Some(at), ..Words::default() };
        match explained {
            Ok(it) => Words {
                decision: Some(it.decision),
                sentences: it.sentences,
                cures: it.cures,
                language: it.language,
                ..words
            },
            Err(error) => {
                Words { decision: Some(decision), sentences: vec![speechless(&error)], ..words }
            }
        }
    }

    async fn words_now(
        &self,
        device: &StoredDevice,
        key: CaseKey,
        language: &str,
    ) -> Result<Words, StoreError> {
        let parts = &self.0;
        let undecided = Words { undecided: true, ..Words::default() };
        let Some(bundle) = parts.store.bundle().await? else {
            let sentences = vec!["No policy is applied yet.".to_owned()];
            return Ok(Words { sentences, ..undecided });
        };
        let cases = parts.cases.of(&device.organization, &[key], parts.clock.now()).await?;
        let Some(case) = cases.into_iter().next() else { return Ok(undecided) };
        Ok(match parts.evaluation.explain(bundle, &case, language).await {
            Ok(explanation) => Words {
                case: Some(case),
                decision: Some(explanation.decision),
                sentences: explanation.sentences,
                cures: explanation.cures,
                language: explanation.language,
                ..undecided
            },
            Err(error) => {
                Words { case: Some(case), sentences: vec![speechless(&error)], ..undecided }
            }
        })
    }

    /// Why what is intended is not carried out.
    async fn held(
        &self,
        device: &StoredDevice,
        view: &MailboxView,
        effect: &Effect,
    ) -> Result<String, StoreError> {
        if let Some(open) = &view.open {
            return Ok(held_by_command(open));
        }
        if !effect.pending {
            let waits = device.device.access_state == AccessState::DeviceDiscovery
                || (effect.access == Access::Allow && effect.after.state != AccessState::Allowed);
            return Ok(if waits { effect.note.clone() } else { String::new() });
        }
        let organization = &device.organization;
        let stored = self.0.store.organization(organization).await?;
        if stored.is_some_and(|stored| stored.organization.mode == Mode::Observe) {
            return Ok(format!(
                "observe mode: it would be {}, and nothing is changed",
                participle(effect.access)
            ));
        }
        let Some(holder) = self.0.agents.holder(organization) else {
            return Ok("no agent is attached".to_owned());
        };
        if holder.preflight_good != Some(true) {
            return Ok("the agent has not reached its Exchange".to_owned());
        }
        let now = self.0.clock.now();
        Ok(match view.next_try_at.filter(|at| *at > now) {
            Some(at) => {
                let reason = self.last_refusal(organization, view).await?;
                format!("the last attempt was refused ({reason}); the next is made at {at:.0}")
            }
            None => match self.0.outbox.stands_still_until(organization) {
                Some(at) => {
                    format!("commands do not get through to Exchange; the next is tried at {at:.0}")
                }
                None => "it waits for its turn".to_owned(),
            },
        })
    }

    async fn last_refusal(
        &self,
        organization: &exgate_domain::ids::OrganizationId,
        view: &MailboxView,
    ) -> Result<String, StoreError> {
        for device in &view.devices {
            let id = &device.device.device_id;
            let mailbox = view.mailbox.id;
            let commands = self.0.store.commands_of_device(organization, mailbox, id, 1).await?;
            for command in commands {
                if let CommandState::Refused { reason, .. } = command.state {
                    return Ok(reason);
                }
            }
        }
        Ok("by Exchange".to_owned())
    }
}

/// Why nothing else is done while a command is open.
fn held_by_command(open: &StoredCommand) -> String {
    match &open.state {
        CommandState::Queued => "a command waits to be handed out".to_owned(),
        CommandState::Lent { .. } => {
            format!("a command is with the agent since {}", second(open.created_at))
        }
        CommandState::Unknown { since, reason } => format!(
            "nobody knows since {} whether the last command ran ({reason}); the mailbox is read back first",
            second(*since)
        ),
        CommandState::Done { .. }
        | CommandState::Refused { .. }
        | CommandState::Superseded { .. } => String::new(),
    }
}

fn second(at: Timestamp) -> String {
    format!("{at:.0}")
}

fn participle(access: Access) -> &'static str {
    match access {
        Access::Leave => "left as it is",
        Access::Allow => "allowed",
        Access::Quarantine => "quarantined",
        Access::Block => "blocked",
    }
}

/// What is said when the evaluator says nothing.
fn speechless(error: &EvaluationError) -> String {
    format!("The decision cannot be put in words now: {}.", exgate_runtime::report(error))
}

fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
