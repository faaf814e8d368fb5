//! What the ten rules ask for of a case, in the plainest types: what engines of others are given, and
//! what the rules written by hand look at.

use exgate_domain::case::{Case, Management};
use exgate_domain::policy::Version;
use exgate_domain::record::{ThreatLevel, ThreatState};

use super::Engine;
use super::engines::BY_HAND;
use super::fleet::blocked_models;

/// What the rules ask for; what is not known is what fails them.
pub(super) struct Asked<'a> {
    pub(super) groups: &'a [String],
    pub(super) platform: &'a str,
    pub(super) model: &'a str,
    pub(super) os: i64,
    pub(super) encrypted: bool,
    pub(super) jail_broken: bool,
    pub(super) passcode: bool,
    pub(super) threat: i64,
    pub(super) check_in: i64,
    pub(super) sync: i64,
    pub(super) now: i64,
}

impl<'a> Asked<'a> {
    pub(super) fn of(case: &'a Case) -> anyhow::Result<Self> {
        let Management::Managed { record, .. } = &case.management else {
            anyhow::bail!("a device without a record");
        };
        let seconds = |at: Option<jiff::Timestamp>| at.map_or(i64::MIN / 2, |at| at.as_second());
        Ok(Self {
            groups: case.owner.as_ref().map(|owner| owner.groups.as_slice()).unwrap_or_default(),
            platform: &record.operating_system,
            model: &case.device.device_model,
            os: Version::read(&record.os_version).map_or(0, packed),
            encrypted: record.is_encrypted == Some(true),
            jail_broken: record.jail_broken != Some(false),
            passcode: record.passcode_compliant == Some(true),
            threat: threat(record.threat_state),
            check_in: seconds(record.last_check_in_at),
            sync: seconds(case.last_sync_at),
            now: case.now.as_second(),
        })
    }
}

fn packed(version: Version) -> i64 {
    let [major, minor, patch, _] = version.parts().map(i64::from);
    (major * 1_000 + minor) * 1_000_000 + patch
}

fn threat(state: Option<ThreatState>) -> i64 {
    match state.and_then(ThreatState::level) {
        Some(ThreatLevel::Secured) => 0,
        Some(ThreatLevel::Low) => 1,
        Some(ThreatLevel::Medium) => 2,
        Some(ThreatLevel::High) => 3,
        Some(ThreatLevel::Compromised) | None => 4,
    }
}

/// The ten rules as they would be written in Rust, if this were the only policy there is.
pub(super) struct ByHand {
    models: Vec<String>,
}

impl ByHand {
    pub(super) fn new() -> Self {
        Self { models: blocked_models().collect() }
    }
}

impl Engine for ByHand {
    fn name(&self) -> &'static str {
        BY_HAND
    }

    fn allows(&mut self, case: &Case) -> anyhow::Result<bool> {
        const DAY: i64 = 86_400;
        let it = Asked::of(case)?;
        let is_in = |group: &str| it.groups.iter().any(|mine| mine == group);
        let oldest = match it.platform {
            "iOS" => 17_004_000_000,
            "android" => 13_000_000_000,
            _ => return Ok(false),
        };
        let is_blocked = || self.models.iter().any(|model| model == it.model);
        Ok(is_in("Mail users")
            && !is_in("Service desk")
            && it.os >= oldest
            && it.encrypted
            && !it.jail_broken
            && it.passcode
            && it.threat <= 1
            && it.now - it.check_in < 14 * DAY
            && it.now - it.sync < 60 * DAY
            && !is_blocked())
    }
}
