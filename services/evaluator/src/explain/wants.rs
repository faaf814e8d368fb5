//! Owns what the compliance policies that apply ask for together, in words and as a record that meets
//! all of it.

use jiff::civil::Date;

use exgate_domain::case::Case;
use exgate_domain::policy::{Build, CompliancePolicy, PlatformRequirements, Version, VersionRange};
use exgate_domain::record::{
    ComplianceState, ManagedDevice, ManagementAgent, OwnerType, Provenance, ThreatState,
};

use super::platforms::{self, Platform};
use super::release::Release;
use crate::bundles::{Bundle, Targeting};
use crate::messages::{Key, Language, Value};
use crate::verdict;

/// What all compliance policies that apply ask for.
#[derive(Debug)]
pub(super) struct Wants<'a> {
    policies: Vec<&'a CompliancePolicy>,
}

impl<'a> Wants<'a> {
    pub(super) fn of(bundle: &'a Bundle, targeting: &'a Targeting) -> Self {
        Self { policies: bundle.compliance(targeting).map(|one| &one.policy).collect() }
    }

    /// What is asked of a platform; none when one of the policies does not list it.
    fn listed(&self, platform: &str) -> Option<Vec<&'a PlatformRequirements>> {
        let asks = |policy: &&'a CompliancePolicy| {
            policy.platforms.iter().find(|one| one.are_for(platform))
        };
        self.policies.iter().map(asks).collect()
    }

    /// The platform that every policy lists, by what the first of these words of Exchange or an MDM
    /// tells; none when there is none.
    pub(super) fn platform(&self, words: &[&str]) -> Option<Platform<'a>> {
        let all = self.policies.iter().flat_map(|policy| &policy.platforms);
        let all = all.map(|one| one.platform.as_str());
        let usable: Vec<_> = all.filter(|one| self.listed(one).is_some()).collect();
        let first = usable.first().copied()?;
        for word in words {
            if let Some(named) = platforms::named(&usable, word) {
                return Some(Platform::Named(named));
            }
            if platforms::is_told(word) {
                return Some(Platform::Foreign(first));
            }
        }
        Some(Platform::Untold(first))
    }

    /// The oldest version of a platform that is good enough and no older than this one.
    fn version(&self, platform: &str, from: Option<Version>) -> Option<Version> {
        let listed = self.listed(platform)?;
        let meets = |version: &Version| {
            from.is_none_or(|from| from <= *version)
                && listed.iter().all(|one| {
                    let within =
                        |it: &VersionRange| it.lowest <= *version && *version <= it.highest;
                    one.os_minimum.is_none_or(|oldest| oldest <= *version)
                        && one.os_maximum.is_none_or(|newest| *version <= newest)
                        && (one.build_ranges.is_empty() || one.build_ranges.iter().any(within))
                })
        };
        let starts = listed.iter().flat_map(|one| {
            let ranges = one.build_ranges.iter().map(|it| it.lowest);
            one.os_minimum.into_iter().chain(ranges)
        });
        // Where only the newest version is told, that one will do.
        let ends = listed.iter().filter_map(|one| one.os_maximum);
        let oldest = starts.chain(from).filter(meets).min();
        oldest.or_else(|| ends.filter(meets).min())
    }

    /// The newest version that is as good as this one, where there is an end.
    fn newest(&self, platform: &str, version: Version) -> Option<Version> {
        let listed = self.listed(platform)?;
        let ends = listed.iter().filter_map(|one| {
            let around = one.build_ranges.iter();
            let around = around.filter(|it| it.lowest <= version && version <= it.highest);
            let range = around.map(|it| it.highest).max();
            [one.os_maximum, range].into_iter().flatten().min()
        });
        ends.min()
    }

    fn newest_build(&self, platform: &str) -> Option<Build> {
        self.listed(platform)?.iter().filter_map(|one| one.build_maximum).min()
    }

    fn build(&self, platform: &str, from: Option<Build>) -> Option<Build> {
        let listed = self.listed(platform)?;
        let oldest = listed.iter().filter_map(|one| one.build_minimum).chain(from).max();
        let newest = self.newest_build(platform);
        match (oldest, newest) {
            (Some(oldest), Some(newest)) if newest < oldest => None,
            (None, newest) => newest,
            (oldest, _) => oldest,
        }
    }

    fn patch(&self, platform: &str) -> Option<Date> {
        self.listed(platform)?.iter().filter_map(|one| one.patch_minimum).max()
    }

    /// The parts of the system that have to be newer than a record says; none when newer ones would
    /// not do either.
    pub(super) fn update(&self, record: &ManagedDevice) -> Option<Release> {
        let listed = self.listed(&record.operating_system)?;
        let platform = listed.first()?.platform.as_str();
        let (version, build) = (verdict::version(record), verdict::build(record));
        let wanted = self.version(platform, version);
        let wanted_build = self.build(platform, build);
        let asks_version = listed.iter().any(|one| {
            one.os_minimum.is_some() || one.os_maximum.is_some() || !one.build_ranges.is_empty()
        });
        let asks_build =
            listed.iter().any(|one| one.build_minimum.is_some() || one.build_maximum.is_some());
        if (asks_version && wanted.is_none()) || (asks_build && wanted_build.is_none()) {
            return None;
        }
        let release = Release {
            platform: platform.to_owned(),
            version: wanted.filter(|it| asks_version && Some(*it) != version),
            newest: wanted.and_then(|wanted| self.newest(platform, wanted)),
            newest_build: self.newest_build(platform),
            build: wanted_build.filter(|it| asks_build && Some(*it) != build),
            patch: self.patch(platform).filter(|it| Some(*it) > record.security_patch_level),
        };
        let is_needed =
            release.version.is_some() || release.build.is_some() || release.patch.is_some();
        is_needed.then_some(release)
    }

    /// A record of the case's device that meets everything.
    pub(super) fn ideal(&self, case: &Case, platform: &str) -> ManagedDevice {
        let person = case.owner.as_ref().map_or("", |owner| &owner.user_principal_name);
        let provenance = Provenance { source: String::new(), read_at: case.now };
        ManagedDevice {
            id: String::new(),
            user_principal_name: person.to_owned(),
            email_address: case.mailbox.primary_smtp.clone(),
            device_name: String::new(),
            operating_system: platform.to_owned(),
            os_version: self.version(platform, None).map(|it| it.to_string()).unwrap_or_default(),
            os_build: self.build(platform, None).map(|it| it.to_string()).unwrap_or_default(),
            security_patch_level: self.patch(platform),
            model: case.device.device_model.clone(),
            eas_device_id: Some(case.device.device_id.clone()),
            is_encrypted: Some(true),
            jail_broken: Some(false),
            passcode_compliant: Some(true),
            owner_type: Some(self.owner_type().unwrap_or(OwnerType::Company)),
            management_agent: Some(self.agent().unwrap_or(ManagementAgent::EasMdm)),
            threat_state: Some(ThreatState::Secured),
            compliance: ComplianceState::Compliant,
            grace_until: None,
            last_check_in_at: Some(case.now),
            enrolled_at: Some(case.now),
            provenance,
        }
    }

    /// An owner that every policy allows, where one asks.
    pub(super) fn owner_type(&self) -> Option<OwnerType> {
        let lists = self.policies.iter().map(|policy| policy.owner_types.as_slice());
        in_every(lists)
    }

    /// What every policy lets manage a device, where one asks.
    pub(super) fn agent(&self) -> Option<ManagementAgent> {
        let lists = self.policies.iter().map(|policy| policy.management_agents.as_slice());
        in_every(lists)
    }

    /// All that is asked of a platform, in words; empty when nothing is.
    pub(super) fn in_words(&self, platform: &str, language: Language) -> Vec<String> {
        let mut said = self.release(platform, language);
        said.extend(self.state(platform, language));
        said
    }

    /// What is asked of a platform's system, in words; its name when nothing is.
    pub(super) fn system(&self, platform: &str, language: Language) -> Vec<String> {
        let said = self.release(platform, language);
        if said.is_empty() {
            return vec![language.say(Key::WantPlatform, &[("platform", platform.into())])];
        }
        said
    }

    /// What is asked beside the system, in words.
    pub(super) fn state(&self, platform: &str, language: Language) -> Vec<String> {
        let Some(listed) = self.listed(platform) else { return Vec::new() };
        let mut said = Vec::new();
        let mut if_any = |asks: fn(&PlatformRequirements) -> bool, key: Key| {
            if listed.iter().any(|one| asks(one)) {
                said.push(language.plain(key));
            }
        };
        if_any(|one| one.require_encryption, Key::WantEncryption);
        if_any(|one| one.require_passcode, Key::WantPasscode);
        if_any(|one| one.refuse_jailbroken, Key::WantIntact);
        if let Some(worst) = listed.iter().filter_map(|one| one.threat_maximum).min() {
            let worst = verdict::threat(worst, language);
            said.push(language.say(Key::WantThreat, &[("worst", worst.into())]));
        }
        if let Some(owner) = self.owner_type() {
            said.push(verdict::owner_type(owner, language));
        }
        if let Some(agent) = self.agent() {
            let agents = verdict::agent(agent, language);
            said.push(language.say(Key::WantAgent, &[("agents", agents.into())]));
        }
        said
    }

    fn release(&self, platform: &str, language: Language) -> Vec<String> {
        let listed = self.listed(platform).unwrap_or_default();
        let release = Release {
            platform: platform.to_owned(),
            version: listed.iter().filter_map(|one| one.os_minimum).max(),
            newest: listed.iter().filter_map(|one| one.os_maximum).min(),
            build: listed.iter().filter_map(|one| one.build_minimum).max(),
            newest_build: self.newest_build(platform),
            patch: self.patch(platform),
        };
        let mut said = release.in_words(language);
        for one in listed.iter().filter(|one| !one.build_ranges.is_empty()) {
            let ranges =
                one.build_ranges.iter().map(|it| format!("{} – {}", it.lowest, it.highest));
            let version = Value::Any(ranges.collect());
            let values = [("platform", platform.into()), ("version", version)];
            said.push(language.say(Key::WantVersion, &values));
        }
        said
    }
}

/// The first that every list has; lists without entries allow everything.
fn in_every<'a, T: Copy + PartialEq + 'a>(lists: impl Iterator<Item = &'a [T]>) -> Option<T> {
    let lists: Vec<_> = lists.filter(|list| !list.is_empty()).collect();
    let first = lists.first()?;
    first.iter().find(|one| lists.iter().all(|list| list.contains(one))).copied()
}
