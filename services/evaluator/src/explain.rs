//! Owns the words for a decision: sentences that a help desk can read out, and what would make it
//! allow. It decides nothing: it listens to the one verdict, and puts the same question again with
//! other facts or at a later instant to find out what would change it.

mod notes;
mod reasons;
mod surroundings;
mod platforms;
mod release;
mod wants;
mod changes;
mod candidates;
mod search;
mod cures;

use exgate_domain::case::{Case, Management};
use exgate_domain::decision::{Compliance, Decision};
use exgate_domain::policy::Access;
use exgate_domain::record::ManagedDevice;

use crate::bundles::{Bundle, Targeting};
use crate::messages::{Key, Value};
use crate::verdict::{Verdict, judge};
use notes::{Notes, Seen};

pub use crate::messages::Language;

/// A decision in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The decision, with the rules tried.
    pub decision: Decision,
    /// The language of all words, those of the rules tried included.
    pub language: Language,
    /// What it means, one sentence each, the most important first.
    pub sentences: Vec<String>,
    /// What would make it allow, or keep it allowed when its grace period ends: all of it has to be
    /// done. Empty when nothing has to be, or nothing would help.
    pub cures: Vec<String>,
}

/// Decides a case, and puts the decision in words.
pub fn explain(bundle: &Bundle, case: &Case, language: Language) -> Explanation {
    let mut notes = Notes::new(language);
    let verdict = judge(bundle, case, &mut notes);
    let (trace, told, seen) = notes.into_parts(verdict.policy.is_empty());
    let about = About { bundle, case, language, verdict, seen };
    let mut sentences = vec![about.headline()];
    sentences.extend(about.reasons());
    sentences.extend(told);
    sentences.extend(about.as_of());
    sentences.extend(about.exchange());
    sentences.extend(about.wiped());
    let ahead = about.ahead();
    sentences.extend(about.then(ahead));
    sentences.extend(about.then_blocked(ahead));
    let (cures, remark) = about.cures();
    sentences.extend(remark);
    let sentences = sentences.iter().map(|text| language.sentence(text)).collect();
    let decision = verdict.into_decision(bundle, case, trace);
    Explanation { decision, language, sentences, cures }
}

/// The policy that decided, if one did.
fn targeting<'b>(bundle: &'b Bundle, verdict: Verdict<'_>) -> Option<&'b Targeting> {
    bundle.access().iter().find(|one| one.policy.name == verdict.policy)
}

/// What a decision is about.
struct About<'a> {
    bundle: &'a Bundle,
    case: &'a Case,
    language: Language,
    verdict: Verdict<'a>,
    seen: Seen,
}

impl About<'_> {
    fn say(&self, key: Key, values: &[(&'static str, Value)]) -> String {
        self.language.say(key, values)
    }

    /// The owner's name, or the mailbox's where the directory does not know the owner.
    fn person(&self) -> String {
        let owner = self.case.owner.as_ref().map(|owner| owner.display_name.as_str());
        let mailbox = &self.case.mailbox;
        let names = [owner.unwrap_or_default(), &mailbox.display_name, &mailbox.primary_smtp];
        let name = names.into_iter().find(|name| !name.is_empty());
        name.map_or_else(|| self.language.plain(Key::WordOwner), str::to_owned)
    }

    /// What the device is, by the first of these names that there is.
    fn kind(&self, names: &[&str]) -> String {
        match names.iter().find(|name| !name.is_empty()) {
            Some(model) => self.say(Key::WordModel, &[("model", (*model).into())]),
            None => self.language.plain(Key::WordDevice),
        }
    }

    fn record(&self) -> Option<&ManagedDevice> {
        match &self.case.management {
            Management::Managed { record, basis: _ } => Some(record),
            Management::Unmanaged(_) | Management::Unavailable { .. } => None,
        }
    }

    /// The name of whoever the record came from.
    fn source(&self) -> String {
        let record = self.record().map(|record| record.provenance.source.clone());
        record.unwrap_or_else(|| self.language.plain(Key::WordMdm))
    }

    /// Whether the device does not comply, for now or for good.
    fn is_found_wanting(&self) -> bool {
        match self.verdict.compliance {
            Compliance::InGracePeriod | Compliance::NotCompliant => true,
            Compliance::Compliant | Compliance::Unknown | Compliance::NotEvaluated => false,
        }
    }

    fn headline(&self) -> String {
        let device = &self.case.device;
        let policy = self.verdict.policy;
        let kind = self.kind(&[&device.device_model, &device.device_type]);
        let mut values = vec![
            ("person", self.person().into()),
            ("kind", kind.into()),
            ("id", Value::of(&device.device_id)),
        ];
        if policy.is_empty() {
            return self.say(Key::HeadlineNobody, &values);
        }
        values.push(("policy", policy.into()));
        let key = match self.verdict.access {
            Access::Allow => Key::HeadlineAllow,
            Access::Quarantine => Key::HeadlineQuarantine,
            Access::Block => Key::HeadlineBlock,
            Access::Leave => Key::HeadlineLeave,
        };
        self.say(key, &values)
    }
}

#[cfg(test)]
mod page;
#[cfg(test)]
mod tests;
