//! Compliance policies: from the document to the policy.

use std::collections::HashSet;

use jiff::SignedDuration;
use serde_saphyr::Spanned;

use exgate_domain::policy::{
    Build, CompliancePolicy, ComplianceRule, ExpressionRule, MdmVerdict, PlatformRequirements,
    Version, VersionRange,
};

use super::place::{Check, Day};
use crate::bundles::compiled::{Compliance, Rule};
use crate::bundles::document::{
    ComplianceDocument, GracePeriods, RangeDocument, Requirements, RuleDocument,
};

pub(super) fn policy(
    name: String,
    document: ComplianceDocument,
    check: &mut Check<'_>,
) -> Compliance {
    let place = check.at(&document.platforms);
    let platforms: Vec<_> = document
        .platforms
        .value
        .listed()
        .map(|(platform, requirements)| platform_requirements(platform, requirements, check))
        .collect();
    if platforms.is_empty() {
        let message = "no platform is listed, so that no device could be compliant";
        check.refuse(place, "platforms", message, "write iOS: {}");
    }
    let last_check_in_max = longest("lastCheckInMax", document.last_check_in_max, check);
    if let Some(text) = &document.last_sync_max {
        check.asks_last_sync("lastSyncMax", text);
    }
    let last_sync_max = longest("lastSyncMax", document.last_sync_max, check);
    let grace_period = document.grace_period.and_then(|text| check.span("gracePeriod", &text));
    let grace_period = grace_period.unwrap_or(SignedDuration::ZERO);
    let block_after = document.block_after.and_then(|text| {
        let span = check.span("blockAfter", &text)?;
        if span <= grace_period {
            let message = format!("{} is not longer than gracePeriod", text.value);
            let cure = "write a longer span: it counts from the same instant";
            check.refuse(check.at(&text), "blockAfter", message, cure);
        }
        Some(span)
    });
    let (owners, agents) = (document.managed_device_owner_types, document.management_agents);
    once("managedDeviceOwnerTypes", &owners, check);
    once("managementAgents", &agents, check);
    let rules = rules(document.rules, block_after, check);
    let mut policy = CompliancePolicy {
        name,
        platforms,
        last_check_in_max,
        last_sync_max,
        owner_types: owners.into_iter().map(|word| word.value.into()).collect(),
        management_agents: agents.into_iter().map(|word| word.value.into()).collect(),
        mdm: document.mdm_compliance.into(),
        grace_period,
        grace_by_rule: Vec::new(),
        block_after,
        rules: rules.iter().map(|rule| rule.written.clone()).collect(),
    };
    policy.grace_by_rule = graces(document.grace_periods, &policy, check);
    Compliance::new(policy, rules)
}

/// A span after which something is too old.
fn longest(
    key: &str,
    text: Option<Spanned<String>>,
    check: &mut Check<'_>,
) -> Option<SignedDuration> {
    let text = text?;
    let span = check.span(key, &text)?;
    if span.is_zero() {
        let message = "after no time at all everything is too old";
        check.refuse(check.at(&text), key, message, "write a time such as 14d");
    }
    Some(span)
}

fn once<T: Copy + PartialEq>(key: &str, words: &[Spanned<T>], check: &mut Check<'_>) {
    for (index, word) in words.iter().enumerate() {
        if words.iter().take(index).any(|before| before.value == word.value) {
            let key = format!("{key}[{index}]");
            check.refuse(check.at(word), &key, "it stands here twice", "take one of them out");
        }
    }
}

/// Grace periods of single rules; those of rules that the policy does not have do nothing.
fn graces(
    document: GracePeriods,
    policy: &CompliancePolicy,
    check: &mut Check<'_>,
) -> Vec<(ComplianceRule, SignedDuration)> {
    let mut graces = Vec::new();
    for (rule, text) in document.listed() {
        let key = format!("gracePeriods.{}", rule.key());
        // What is asked for may only be written wrongly.
        if !asks(policy, rule) && !check.has_refused_under(rule.key()) {
            let message = format!("the policy does not ask for {}", rule.key());
            check.warn(check.at(&text), &key, message, "take it out");
        }
        graces.extend(grace(&key, &text, policy.block_after, check).map(|span| (rule, span)));
    }
    graces
}

/// The grace period of one rule, which ends before a device is blocked.
fn grace(
    key: &str,
    text: &Spanned<String>,
    block_after: Option<SignedDuration>,
    check: &mut Check<'_>,
) -> Option<SignedDuration> {
    let span = check.span(key, text)?;
    if block_after.is_some_and(|block| block <= span) {
        let message = format!("{} is not shorter than blockAfter", text.value);
        check.refuse(check.at(text), key, message, "write a shorter span");
    }
    Some(span)
}

/// Whether the policy has a rule.
fn asks(policy: &CompliancePolicy, rule: ComplianceRule) -> bool {
    let any = |asks: fn(&PlatformRequirements) -> bool| policy.platforms.iter().any(asks);
    match rule {
        ComplianceRule::ComplianceState => policy.mdm != MdmVerdict::Ignored,
        ComplianceRule::Platforms => true,
        ComplianceRule::OsMinimumVersion => any(|it| it.os_minimum.is_some()),
        ComplianceRule::OsMaximumVersion => any(|it| it.os_maximum.is_some()),
        ComplianceRule::OsMinimumBuildVersion => any(|it| it.build_minimum.is_some()),
        ComplianceRule::OsMaximumBuildVersion => any(|it| it.build_maximum.is_some()),
        ComplianceRule::ValidOperatingSystemBuildRanges => any(|it| !it.build_ranges.is_empty()),
        ComplianceRule::MinAndroidSecurityPatchLevel => any(|it| it.patch_minimum.is_some()),
        ComplianceRule::StorageRequireEncryption => any(|it| it.require_encryption),
        ComplianceRule::SecurityBlockJailbrokenDevices => any(|it| it.refuse_jailbroken),
        ComplianceRule::PasscodeRequired => any(|it| it.require_passcode),
        ComplianceRule::DeviceThreatProtectionRequiredSecurityLevel => {
            any(|it| it.threat_maximum.is_some())
        }
        ComplianceRule::LastCheckInMax => policy.last_check_in_max.is_some(),
        ComplianceRule::LastSyncMax => policy.last_sync_max.is_some(),
        ComplianceRule::ManagedDeviceOwnerTypes => !policy.owner_types.is_empty(),
        ComplianceRule::ManagementAgents => !policy.management_agents.is_empty(),
    }
}

fn rules(
    documents: Vec<RuleDocument>,
    block_after: Option<SignedDuration>,
    check: &mut Check<'_>,
) -> Vec<Rule> {
    let mut seen = HashSet::new();
    let mut rules = Vec::new();
    for (index, document) in documents.into_iter().enumerate() {
        let RuleDocument { id, require, grace_period } = document;
        check.id(&format!("rules[{index}].id"), &id, &mut seen);
        let key = format!("rules[{index}].gracePeriod");
        let grace_period = grace_period.and_then(|text| grace(&key, &text, block_after, check));
        let expression = check.expression(&format!("rules[{index}].require"), &require);
        let Some(expression) = expression else { continue };
        let written = ExpressionRule { id: id.value, require: require.value, grace_period };
        rules.push(Rule { written, expression });
    }
    rules
}

fn platform_requirements(
    platform: &str,
    document: Requirements,
    check: &mut Check<'_>,
) -> PlatformRequirements {
    let key = |name: &str| format!("platforms.{platform}.{name}");
    let minimum = document.os_minimum_version.as_ref();
    let maximum = document.os_maximum_version.as_ref();
    let os_minimum = minimum.and_then(|text| check.version(&key("osMinimumVersion"), text));
    let os_maximum = maximum.and_then(|text| check.version(&key("osMaximumVersion"), text));
    if let (Some(low), Some(high), Some(text)) = (&os_minimum, &os_maximum, maximum)
        && low > high
    {
        let message = format!("{high} is older than osMinimumVersion, which is {low}");
        let cure = "write a version that is not older";
        check.refuse(check.at(text), &key("osMaximumVersion"), message, cure);
    }
    foreign(platform, &document, check);
    let (oldest, newest) = (document.os_minimum_build_version, document.os_maximum_build_version);
    let build_minimum = oldest.and_then(|text| build(&key("osMinimumBuildVersion"), &text, check));
    let build_maximum = newest.and_then(|text| {
        let build = build(&key("osMaximumBuildVersion"), &text, check)?;
        if let Some(low) = build_minimum.filter(|low| *low > build) {
            let message = format!("{build} is older than osMinimumBuildVersion, which is {low}");
            let cure = "write a build that is not older";
            check.refuse(check.at(&text), &key("osMaximumBuildVersion"), message, cure);
        }
        Some(build)
    });
    let limits = (os_minimum.as_ref(), os_maximum.as_ref());
    let build_ranges =
        ranges(platform, document.valid_operating_system_build_ranges, limits, check);
    let patch_minimum = document.min_android_security_patch_level.and_then(|text| {
        let day = text.value.trim().parse::<Day>().ok().map(|day| day.0);
        if day.is_none() {
            let key = key("minAndroidSecurityPatchLevel");
            let message = format!("{:?} is not a security patch level", text.value);
            check.refuse(check.at(&text), &key, message, "write a day such as 2026-03-05");
        }
        day
    });
    PlatformRequirements {
        platform: platform.to_owned(),
        os_minimum,
        os_maximum,
        build_minimum,
        build_maximum,
        build_ranges,
        patch_minimum,
        require_encryption: document.storage_require_encryption,
        refuse_jailbroken: document.security_block_jailbroken_devices,
        require_passcode: document.passcode_required,
        threat_maximum: document.device_threat_protection_required_security_level.map(Into::into),
    }
}

/// Demands that devices of the platform can never meet, because they do not have what is asked for.
fn foreign(platform: &str, document: &Requirements, check: &mut Check<'_>) {
    let key = |name: &str| format!("platforms.{platform}.{name}");
    let is_apple = ["iOS", "iPadOS", "macOS"].contains(&platform);
    let builds = [
        ("osMinimumBuildVersion", &document.os_minimum_build_version),
        ("osMaximumBuildVersion", &document.os_maximum_build_version),
    ];
    for (name, text) in builds {
        if let Some(text) = text.as_ref().filter(|_| !is_apple) {
            let message = format!("{platform} has no builds as Apple numbers them");
            let cure = "write validOperatingSystemBuildRanges, or take it out";
            check.warn(check.at(text), &key(name), message, cure);
        }
    }
    let level = document.min_android_security_patch_level.as_ref();
    if let Some(text) = level.filter(|_| platform != "android") {
        let message = format!("{platform} has no security patch level, so that none is compliant");
        let key = key("minAndroidSecurityPatchLevel");
        check.warn(check.at(text), &key, message, "move it to android, or take it out");
    }
}

fn build(key: &str, text: &Spanned<String>, check: &mut Check<'_>) -> Option<Build> {
    let build = Build::read(&text.value);
    if build.is_none() {
        let message = format!("{:?} is not a build as Apple numbers them", text.value);
        check.refuse(check.at(text), key, message, "write a build such as 21E219");
    }
    build
}

/// Ranges of versions that do not lie in each other.
fn ranges(
    platform: &str,
    documents: Vec<RangeDocument>,
    (oldest, newest): (Option<&Version>, Option<&Version>),
    check: &mut Check<'_>,
) -> Vec<VersionRange> {
    let mut ranges: Vec<VersionRange> = Vec::new();
    for (index, document) in documents.into_iter().enumerate() {
        let RangeDocument { _description: _, lowest_version: low, highest_version: high } =
            document;
        let key = |name: &str| {
            format!("platforms.{platform}.validOperatingSystemBuildRanges[{index}].{name}")
        };
        let lowest = check.version(&key("lowestVersion"), &low);
        let highest = check.version(&key("highestVersion"), &high);
        let (Some(lowest), Some(highest)) = (lowest, highest) else { continue };
        if lowest > highest {
            let message = format!("{highest} is older than lowestVersion, which is {lowest}");
            let cure = "write a version that is not older";
            check.refuse(check.at(&high), &key("highestVersion"), message, cure);
            continue;
        }
        if oldest.is_some_and(|oldest| highest < *oldest)
            || newest.is_some_and(|newest| lowest > *newest)
        {
            let message = "no version of the range is within osMinimumVersion and osMaximumVersion";
            check.refuse(
                check.at(&low),
                &key("lowestVersion"),
                message,
                "take it out, or widen them",
            );
        }
        let overlaps = |other: &&VersionRange| lowest <= other.highest && other.lowest <= highest;
        if let Some(other) = ranges.iter().find(overlaps) {
            let message = format!(
                "the range overlaps with the one from {} to {} before it",
                other.lowest, other.highest
            );
            let cure = "make one range of the two, or part them";
            check.refuse(check.at(&low), &key("lowestVersion"), message, cure);
        }
        ranges.push(VersionRange { lowest, highest });
    }
    ranges
}
