//! Which rules the tests of a bundle show at work. A rule counts when a test turns on it: a local rule or
//! an exception that matches, a demand that is not met, a situation that decides.

use std::collections::HashSet;

use exgate_domain::decision::{Decision, Outcome, Reason};
use exgate_domain::policy::{
    AccessPolicy, ClassKind, CompliancePolicy, ComplianceRule, MdmVerdict, Organizations,
    PlatformException, PlatformRequirements,
};

use super::{Bundle, Proof, fold};

/// A rule, and whether a test turns on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rule {
    /// The policy that it stands in.
    pub(crate) policy: String,
    /// Its key in the document, such as `localRules.kiosk` or `access.unmanaged`.
    pub(crate) key: String,
    pub(crate) is_covered: bool,
}

/// All rules of a bundle that can decide something.
#[derive(Debug)]
pub(crate) struct Coverage {
    pub(crate) rules: Vec<Rule>,
}

impl Coverage {
    /// What these tests show of the bundle.
    pub(crate) fn of(bundle: &Bundle, proofs: &[Proof<'_>]) -> Self {
        let mut shown = HashSet::new();
        for proof in proofs {
            shown.extend(turned_on(bundle, &proof.decision));
        }
        let access = bundle.access.iter().map(|it| &it.policy);
        let access = access.filter(|it| it.enabled && !is_replaced(it));
        let mut used = HashSet::new();
        let mut all = Vec::new();
        for policy in access {
            used.extend(policy.compliance_policies.iter().map(String::as_str));
            all.extend(of_access(policy).into_iter().map(|key| (policy.name.as_str(), key)));
        }
        let compliance = bundle.compliance.iter().map(|it| &it.policy);
        for policy in compliance.filter(|it| used.contains(it.name.as_str())) {
            all.extend(of_compliance(policy).into_iter().map(|key| (policy.name.as_str(), key)));
        }
        let rule = |(policy, key): (&str, String)| {
            let place = (policy.to_owned(), key);
            let is_covered = shown.contains(&place);
            Rule { policy: place.0, key: place.1, is_covered }
        };
        Self { rules: all.into_iter().map(rule).collect() }
    }

    /// How many rules are covered.
    pub(crate) fn covered(&self) -> usize {
        self.rules.iter().filter(|rule| rule.is_covered).count()
    }
}

/// Whether overlays have taken over all organizations of a policy.
fn is_replaced(policy: &AccessPolicy) -> bool {
    policy.organizations == Organizations::Named(Vec::new())
}

fn of_access(policy: &AccessPolicy) -> Vec<String> {
    let mut keys = Vec::new();
    let mut key = |key: &str, asks: bool| keys.extend(asks.then(|| key.to_owned()));
    key("excludedGroups", !policy.excluded_groups.is_empty());
    key("licenseRequired", policy.license_required);
    for rule in &policy.local_rules {
        key(&format!("localRules.{}", rule.id), true);
    }
    for exception in exceptions(policy) {
        key(&exception, true);
    }
    for situation in ["unmanaged", "stale", "unknown", "notCompliant", "inGracePeriod"] {
        key(&format!("access.{situation}"), true);
    }
    key("access.inactive", policy.inactive_after.is_some());
    key("overrideDefaultRule", true);
    key("maximumDevices", policy.device_limit.is_some());
    key("protected.users", !policy.protected_users.is_empty());
    key("protected.groups", !policy.protected_groups.is_empty());
    keys
}

/// The keys of the exceptions of a policy. A family and a model may have one name.
fn exceptions(policy: &AccessPolicy) -> Vec<String> {
    let all = &policy.platform_exceptions;
    let key = |exception: &PlatformException| {
        let name = &exception.name;
        let kind = match exception.kind {
            ClassKind::Family => "family",
            ClassKind::Model => "model",
        };
        let is_alone = all.iter().filter(|other| fold(&other.name) == fold(name)).count() == 1;
        let kind = if is_alone { String::new() } else { format!(" ({kind})") };
        format!("platformExceptions.{name}{kind}")
    };
    all.iter().map(key).collect()
}

fn of_compliance(policy: &CompliancePolicy) -> Vec<String> {
    let mut keys = Vec::new();
    let mut key = |rule: ComplianceRule, asks: bool| {
        keys.extend(asks.then(|| rule.key().to_owned()));
    };
    key(ComplianceRule::ComplianceState, policy.mdm != MdmVerdict::Ignored);
    key(ComplianceRule::Platforms, true);
    key(ComplianceRule::LastCheckInMax, policy.last_check_in_max.is_some());
    key(ComplianceRule::LastSyncMax, policy.last_sync_max.is_some());
    key(ComplianceRule::ManagedDeviceOwnerTypes, !policy.owner_types.is_empty());
    key(ComplianceRule::ManagementAgents, !policy.management_agents.is_empty());
    for platform in &policy.platforms {
        keys.extend(of_platform(platform));
    }
    keys.extend(policy.rules.iter().map(|rule| format!("rules.{}", rule.id)));
    keys.extend(policy.block_after.map(|_| "blockAfter".to_owned()));
    keys
}

fn of_platform(asked: &PlatformRequirements) -> impl Iterator<Item = String> {
    use ComplianceRule as Rule;
    let rules = [
        (Rule::OsMinimumVersion, asked.os_minimum.is_some()),
        (Rule::OsMaximumVersion, asked.os_maximum.is_some()),
        (Rule::OsMinimumBuildVersion, asked.build_minimum.is_some()),
        (Rule::OsMaximumBuildVersion, asked.build_maximum.is_some()),
        (Rule::ValidOperatingSystemBuildRanges, !asked.build_ranges.is_empty()),
        (Rule::MinAndroidSecurityPatchLevel, asked.patch_minimum.is_some()),
        (Rule::StorageRequireEncryption, asked.require_encryption),
        (Rule::SecurityBlockJailbrokenDevices, asked.refuse_jailbroken),
        (Rule::PasscodeRequired, asked.require_passcode),
        (Rule::DeviceThreatProtectionRequiredSecurityLevel, asked.threat_maximum.is_some()),
    ];
    let key = |rule: Rule| format!("platforms.{}.{}", asked.platform, rule.key());
    rules.into_iter().filter(|(_, asks)| *asks).map(move |(rule, _)| key(rule))
}

/// The rules that a decision turned on, each with its policy.
fn turned_on(bundle: &Bundle, decision: &Decision) -> Vec<(String, String)> {
    let policy = bundle.access.iter().map(|it| &it.policy).find(|it| it.name == decision.policy);
    let exceptions = policy.map(exceptions).unwrap_or_default();
    let tried = decision.trace.iter().filter(|it| it.rule.starts_with("platformExceptions."));
    // All of them are tried, in their order.
    let tried =
        exceptions.into_iter().zip(tried).filter(|(_, it)| it.outcome == Outcome::Satisfied);
    let exceptions = tried.map(|(key, tried)| (tried.policy.clone(), key));
    let of_rule = decision.trace.iter().filter(|tried| {
        let (list, _) = tried.rule.split_once('.').unwrap_or((&tried.rule, ""));
        match list {
            "platformExceptions" => false,
            "localRules" | "protected" => tried.outcome == Outcome::Satisfied,
            _ => tried.outcome != Outcome::Satisfied,
        }
    });
    let mut found: Vec<_> =
        of_rule.map(|tried| (tried.policy.clone(), tried.rule.clone())).chain(exceptions).collect();
    let situation = decision.reasons.iter().find(|reason| **reason != Reason::Protected);
    let situation = situation.and_then(|reason| situation_key(*reason));
    found.extend(situation.map(|key| (decision.policy.clone(), key.to_owned())));
    found
}

/// The key that says what a situation leads to.
fn situation_key(reason: Reason) -> Option<&'static str> {
    match reason {
        Reason::NotEnrolled => Some("access.unmanaged"),
        Reason::RecordsUnavailable => Some("access.stale"),
        Reason::ComplianceUnknown => Some("access.unknown"),
        Reason::NotCompliant => Some("access.notCompliant"),
        Reason::InGracePeriod => Some("access.inGracePeriod"),
        Reason::Inactive => Some("access.inactive"),
        Reason::TooManyDevices => Some("maximumDevices"),
        Reason::Compliant => Some("overrideDefaultRule"),
        Reason::NotTargeted
        | Reason::OwnerUnknown
        | Reason::NotLicensed
        | Reason::OsVersionTooOld
        | Reason::OsVersionTooNew
        | Reason::PlatformNotAllowed
        | Reason::NotEncrypted
        | Reason::JailBroken
        | Reason::CheckInTooOld
        | Reason::MdmNotCompliant
        | Reason::OsBuildTooOld
        | Reason::OsBuildTooNew
        | Reason::OsVersionNotInRange
        | Reason::SecurityPatchTooOld
        | Reason::PasscodeMissing
        | Reason::ThreatLevelTooHigh
        | Reason::OwnerTypeNotAllowed
        | Reason::ManagementAgentNotAllowed
        | Reason::RuleNotMet
        | Reason::Escalated
        | Reason::LocalRule
        | Reason::PlatformException
        | Reason::Protected => None,
    }
}
