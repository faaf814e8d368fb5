//! Owns what would change a decision, step by step, and the honest word where nothing would.

use exgate_domain::decision::{Compliance, Reason};
use exgate_domain::policy::Access;
use exgate_domain::record::ThreatState;

use super::About;
use super::changes::{Change, Enrolment};
use super::search::{Found, Search};
use crate::messages::{Key, Value};
use crate::verdict::{self, Verdict};

impl About<'_> {
    /// What would make the device allowed, or keep it so; and what has to be said about that.
    pub(super) fn cures(&self) -> (Vec<String>, Vec<String>) {
        if self.is_content() {
            return (Vec::new(), Vec::new());
        }
        if self.verdict.reasons.as_slice().contains(&Reason::RecordsUnavailable) {
            let cure = self.language.plain(Key::CureRecords);
            return (vec![cure], vec![self.language.plain(Key::NothingRecords)]);
        }
        // Which policy would be asked then is a matter of groups that nobody can tell.
        if self.verdict.reasons.as_slice().contains(&Reason::OwnerUnknown) {
            let address = self.case.mailbox.primary_smtp.as_str();
            let cure = self.say(Key::CureAddOwner, &[("address", address.into())]);
            return (vec![cure], vec![self.language.plain(Key::OwnerThen)]);
        }
        let search = Search { bundle: self.bundle, case: self.case, language: self.language };
        match search.smallest(|verdict| self.is_goal(verdict)) {
            Found::Sets(sets) => self.sets(&sets),
            Found::Nothing { needed, expressions } if !expressions.is_empty() => {
                let says =
                    |text: &String| self.say(Key::NothingRule, &[("text", text.as_str().into())]);
                (self.steps(&needed), expressions.iter().map(says).collect())
            }
            Found::Nothing { .. } => self.for_now(search),
        }
    }

    /// What helps only until a grace period ends, where nothing does for good.
    fn for_now(&self, search: Search<'_>) -> (Vec<String>, Vec<String>) {
        let is_held = self.verdict.access != Access::Allow;
        match search.smallest(|verdict| is_held && verdict.access == Access::Allow) {
            Found::Sets(sets) => {
                let (cures, mut remarks) = self.sets(&sets);
                remarks.push(self.language.plain(Key::OnlyForNow));
                (cures, remarks)
            }
            Found::Nothing { .. } => (Vec::new(), vec![self.nothing()]),
        }
    }

    /// Whether the device has all that it could have, and will keep it.
    pub(super) fn is_content(&self) -> bool {
        self.verdict.access == Access::Allow && self.verdict.compliance != Compliance::InGracePeriod
    }

    /// Whether a verdict is what somebody who asks for help would like to hear.
    fn is_goal(&self, verdict: &Verdict<'_>) -> bool {
        let is_compliant = verdict.compliance == Compliance::Compliant;
        match verdict.access {
            // Who is allowed for now wants to be so for good, and nobody asks for a grace period.
            Access::Allow if self.verdict.access == Access::Allow => is_compliant,
            Access::Allow => verdict.compliance != Compliance::InGracePeriod,
            // Some policies only take away.
            Access::Leave => is_compliant && self.verdict.access.is_restriction(),
            Access::Quarantine | Access::Block => false,
        }
    }

    /// The steps of the first set; the others are told as what could be done instead.
    fn sets(&self, sets: &[Vec<Change>]) -> (Vec<String>, Vec<String>) {
        let Some((first, others)) = sets.split_first() else {
            return (Vec::new(), vec![self.nothing()]);
        };
        let mut cures = self.steps(first);
        for other in others {
            let steps = Value::All(self.steps(other));
            cures.push(self.say(Key::CureInstead, &[("steps", steps)]));
        }
        let only_administrators = first.iter().all(Change::is_for_administrators);
        let remark = only_administrators.then(|| self.language.plain(Key::OnlyAdministrators));
        (cures, remark.into_iter().collect())
    }

    fn steps(&self, set: &[Change]) -> Vec<String> {
        let mut steps: Vec<_> = set.iter().flat_map(|change| self.step(change)).collect();
        let is_reported =
            set.iter().any(|change| matches!(change, Change::CheckIn | Change::Report { .. }));
        if set.iter().any(Change::has_to_be_reported) && !is_reported {
            steps.push(self.say(Key::CureThenCheckIn, &[("source", self.source().into())]));
        }
        steps
    }

    fn step(&self, change: &Change) -> Vec<String> {
        let person = || ("person", Value::from(self.person()));
        let source = || ("source", Value::from(self.source()));
        let any = |parts: &[String]| Value::Any(parts.to_vec());
        let all = |parts: &[String]| Value::All(parts.to_vec());
        let step = match change {
            Change::JoinGroup { groups, policy } => {
                let values =
                    [person(), ("groups", any(groups)), ("policy", policy.as_str().into())];
                self.say(Key::CureJoinGroup, &values)
            }
            Change::LeaveGroup { group, policy } => {
                let values = [
                    person(),
                    ("group", group.as_str().into()),
                    ("policy", policy.as_str().into()),
                ];
                self.say(Key::CureLeaveGroup, &values)
            }
            Change::Licence => self.say(self.licence(), &[person()]),
            Change::Enrol { record: _, how, wants } => return self.enrol(*how, wants),
            Change::Report { .. } => self.say(Key::CureReport, &[source()]),
            Change::ReadStatistics => self.language.plain(Key::CureStatistics),
            Change::Defend(state) => self.say(Key::CureDefence, &[("state", defence(*state))]),
            Change::CheckIn => self.language.plain(Key::CureCheckIn),
            Change::Update(release) => {
                let wants = release.in_words(self.language);
                self.say(Key::CureUpdate, &[("wants", all(&wants))])
            }
            Change::OtherDevice { record: _, is_enrolled: true, wants } => {
                self.say(Key::CureOtherDevice, &[("wants", all(wants))])
            }
            Change::OtherDevice { record: _, is_enrolled: false, wants } => {
                self.say(Key::CureOtherEnrolled, &[person(), ("wants", all(wants))])
            }
            Change::Encrypt => self.language.plain(Key::CureEncrypt),
            Change::Restore => self.language.plain(Key::CureRestore),
            Change::SetPasscode => self.language.plain(Key::CurePasscode),
            Change::RemoveThreat => self.language.plain(Key::CureThreat),
            Change::CorrectOwner(owner) => {
                let owner = verdict::owner_type(*owner, self.language);
                self.say(Key::CureOwnerType, &[("owner", owner.into())])
            }
            Change::ManageBy(agent) => {
                let agent = verdict::agent(*agent, self.language);
                self.say(Key::CureAgent, &[("agents", agent.into())])
            }
            Change::SatisfyMdm => self.say(Key::CureMdm, &[source()]),
            Change::Sync => self.language.plain(Key::CureSync),
            Change::RemoveDevice { id, kind } => {
                let values = [("kind", self.kind(&[kind]).into()), ("id", Value::of(id))];
                self.say(Key::CureRemoveDevice, &values)
            }
            Change::RemoveDevices { ids: _, before, left } => {
                let values = [("before", (*before).into()), ("left", (*left).into())];
                self.say(Key::CureRemoveDevices, &values)
            }
        };
        vec![step]
    }

    fn licence(&self) -> Key {
        let known = self.case.owner.as_ref().is_some_and(|owner| owner.licensed.is_some());
        if known || self.case.owner.is_none() { Key::CureLicence } else { Key::CureLicenceTold }
    }

    fn enrol(&self, how: Enrolment, wants: &[String]) -> Vec<String> {
        let person = [("person", Value::from(self.person()))];
        let first = match how {
            Enrolment::Missing => self.say(Key::CureEnrol, &person),
            Enrolment::OtherUsers => self.say(Key::CureEnrolOwn, &person),
            Enrolment::Several => {
                let id = Value::of(&self.case.device.device_id);
                self.say(Key::CureEnrolOnce, &[("id", id)])
            }
            Enrolment::NotFully => self.say(Key::CureEnrolFully, &person),
        };
        let then = (!wants.is_empty())
            .then(|| self.say(Key::CureMeet, &[("wants", Value::All(wants.to_vec()))]));
        [Some(first), then].into_iter().flatten().collect()
    }

    /// Why no fact that could be changed would do.
    fn nothing(&self) -> String {
        let policy = ("policy", Value::from(self.verdict.policy));
        match self.verdict.reasons.as_slice().first() {
            Some(Reason::LocalRule) => {
                let rule = self.seen.local_rule.clone().unwrap_or_default();
                self.say(Key::NothingLocal, &[("rule", rule.into())])
            }
            Some(Reason::Compliant) => self.say(Key::NothingExchange, &[policy]),
            Some(_) | None if self.verdict.policy.is_empty() => {
                let organization = self.case.organization.as_str();
                let mut policies = self.bundle.access().iter();
                let is_any = policies.any(|it| it.policy.enabled && it.is_for(organization));
                self.language.plain(if is_any { Key::NothingGroups } else { Key::NothingNobody })
            }
            Some(_) | None => self.say(Key::Nothing, &[policy]),
        }
    }
}

/// What is the matter with a threat defence, as the word that messages choose by.
fn defence(state: ThreatState) -> Value {
    Value::Word(match state {
        ThreatState::Deactivated => "off",
        ThreatState::Misconfigured => "misconfigured",
        // What names a level is heard of already.
        ThreatState::Activated
        | ThreatState::Unresponsive
        | ThreatState::Secured
        | ThreatState::LowSeverity
        | ThreatState::MediumSeverity
        | ThreatState::HighSeverity
        | ThreatState::Compromised => "silent",
    })
}
