//! Owns what is heard while a case is decided: the trace, and what of it explains the decision. What a
//! reason tells by itself is kept as values and not told twice.

use jiff::{SignedDuration, Timestamp};

use exgate_domain::decision::{Outcome, Tried};
use exgate_domain::policy::ClassKind;

use crate::messages::{Key, Language, Value};
use crate::verdict::{Contact, Fact, Limit, Listener, Own, Recorded, Rule, in_words};

/// The place of rules that decide by themselves.
const LOCAL_RULES: &str = "localRules";

/// Values that reasons tell.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// The local rule that matched.
    pub(super) local_rule: Option<String>,
    /// The class of unmanaged devices that an exception is made for.
    pub(super) class: Option<(ClassKind, String)>,
    /// Since when the device has not been compliant, and since when it is blocked for that.
    pub(super) escalated: Option<(Timestamp, Timestamp)>,
    /// When it will be blocked if it stays not compliant.
    pub(super) blocked_from: Option<Timestamp>,
    /// When it last synchronised mail, and how long it may be silent.
    pub(super) inactive: Option<(Timestamp, SignedDuration)>,
    /// How many devices come first, and how many there may be.
    pub(super) devices: Option<(u32, u32)>,
    /// Expressions that do not hold, or cannot be told.
    pub(super) expressions: Vec<String>,
}

/// A fact that explains a decision.
#[derive(Debug)]
struct Note {
    text: String,
    policies: Vec<String>,
    /// It explains only why no policy decides.
    is_about_targets: bool,
}

/// What was heard.
#[derive(Debug)]
pub(super) struct Notes {
    language: Language,
    trace: Vec<Tried>,
    notes: Vec<Note>,
    seen: Seen,
}

impl Listener for Notes {
    fn tried(&mut self, policy: &str, rule: Rule<'_>, outcome: Outcome, fact: Fact<'_>) {
        let tried = in_words((policy, rule), outcome, fact, self.language);
        if self.seen.keep(rule, outcome, fact) {
            let about_targets = matches!(fact, Fact::Owner(_)) && outcome == Outcome::NotSatisfied;
            // What the MDM says is so for every policy.
            let is_said_by_one = !matches!(fact, Fact::Record(_) | Fact::Mdm(_));
            self.note(&tried.detail, if is_said_by_one { policy } else { "" }, about_targets);
        }
        self.trace.push(tried);
    }
}

impl Notes {
    pub(super) fn new(language: Language) -> Self {
        Self { language, trace: Vec::new(), notes: Vec::new(), seen: Seen::default() }
    }

    /// The trace, what explains the decision in order, and the values that reasons tell.
    pub(super) fn into_parts(self, is_undecided: bool) -> (Vec<Tried>, Vec<String>, Seen) {
        let Self { language, trace, notes, seen } = self;
        let told = notes.into_iter().filter(|note| is_undecided || !note.is_about_targets);
        (trace, told.map(|note| note.in_words(language)).collect(), seen)
    }

    /// What several policies ask for is told once.
    fn note(&mut self, text: &str, policy: &str, is_about_targets: bool) {
        let known = self.notes.iter_mut().find(|note| note.text == text);
        match known {
            Some(note) if note.policies.iter().any(|one| one == policy) => {}
            Some(note) => note.policies.push(policy.to_owned()),
            None => {
                let policies = vec![policy.to_owned()];
                self.notes.push(Note { text: text.to_owned(), policies, is_about_targets });
            }
        }
    }
}

impl Note {
    fn in_words(self, language: Language) -> String {
        let Self { text, mut policies, is_about_targets: _ } = self;
        policies.retain(|policy| !policy.is_empty());
        if policies.is_empty() {
            return text;
        }
        let values = [
            ("fact", text.into()),
            ("count", policies.len().into()),
            ("policies", Value::All(policies)),
        ];
        language.say(Key::InPolicies, &values)
    }
}

impl Seen {
    /// Whether a fact explains the decision beside its reasons.
    fn keep(&mut self, rule: Rule<'_>, outcome: Outcome, fact: Fact<'_>) -> bool {
        let is_met = outcome == Outcome::Satisfied;
        match fact {
            Fact::Owner(_) => !is_met && !matches!(rule, Rule::Under(..)),
            Fact::Own(fact) => self.keep_own(rule, outcome, fact),
            Fact::Record(Recorded::Class { kind, name }) => {
                if is_met {
                    self.class = Some((kind, name.to_owned()));
                }
                false
            }
            Fact::Contact(Contact::Sync { last, ends, is_met })
                if rule == Rule::Key("inactiveAfter") =>
            {
                if !is_met {
                    self.inactive = Some((last, ends.duration_since(last)));
                }
                false
            }
            Fact::Contact(Contact::SyncUnknown) if rule == Rule::Key("inactiveAfter") => false,
            Fact::Limit(limit) => self.keep_limit(limit, is_met),
            Fact::Record(_)
            | Fact::Mdm(_)
            | Fact::System(_)
            | Fact::State(_)
            | Fact::Contact(_) => !is_met,
        }
    }

    fn keep_own(&mut self, rule: Rule<'_>, outcome: Outcome, fact: Own<'_>) -> bool {
        match (rule, fact) {
            (_, Own::Misses { .. }) => false,
            (Rule::Item { list: _, id }, Own::Matches { .. }) => {
                self.local_rule = Some(id.to_owned());
                false
            }
            (Rule::Key(_) | Rule::Under(..) | Rule::Platform { .. }, Own::Matches { .. }) => false,
            (Rule::Item { list: LOCAL_RULES, .. }, Own::Expression { .. }) => {
                outcome == Outcome::Unknown
            }
            (_, Own::Expression { text, .. }) => {
                let is_met = outcome == Outcome::Satisfied;
                if !is_met {
                    self.expressions.push(text.to_owned());
                }
                !is_met
            }
        }
    }

    fn keep_limit(&mut self, limit: Limit, is_met: bool) -> bool {
        match limit {
            Limit::GracePeriod { .. } => true,
            Limit::BlockedFrom { at, is_reached: false, .. } => {
                let first = self.blocked_from.map_or(at, |known| known.min(at));
                self.blocked_from = Some(first);
                false
            }
            Limit::BlockedFrom { since, at, is_reached: true } => {
                self.escalated.get_or_insert((since, at));
                false
            }
            Limit::DevicesBefore { before, maximum } => {
                if !is_met {
                    self.devices = Some((before, maximum));
                }
                false
            }
        }
    }
}
