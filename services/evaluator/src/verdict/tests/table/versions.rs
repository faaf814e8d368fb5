//! Platforms, versions, builds, ranges and patch levels.

use jiff::civil::date;

use super::sources::{BUILD, CAREFUL, NUMBERS, PATCH, RANGES, VERSION};
use super::{GRACE, NEVER, Policies, Row, STALE, asks, platform, record, rows, version};

const LISTED: &str = "ours: a platform that nobody wrote anything about was not thought of";

const BUILDS: Policies =
    asks("platforms: { iOS: { osMinimumBuildVersion: 21E219, osMaximumBuildVersion: 22A5 } }");

const WINDOWS: Policies = asks(
    "
platforms:
  windows:
    validOperatingSystemBuildRanges:
      - { lowestVersion: 10.0.19045.3803, highestVersion: 10.0.19045.9999, description: 22H2 }
      - { lowestVersion: 10.0.22631, highestVersion: 10.0.22631.9999 }
",
);

const PATCHES: Policies =
    asks("platforms: { android: { minAndroidSecurityPatchLevel: 2026-02-05 } }");

const IPADS: Policies =
    asks("platforms: { iOS: { osMinimumVersion: 17.9 }, iPadOS: { osMaximumVersion: 18 } }");

const OTHERS: Policies = asks("platforms: { android: {}, chromeOS: {}, windowsPhone: {} }");
const SPELLED: &str =
    "Graph's deviceType and Intune's operatingSystem: one platform has several names";

pub(super) fn rows(list: &mut Vec<Row>) {
    apple(list);
    android(list);
    builds(list);
    windows(list);
    patches(list);
}

fn apple(list: &mut Vec<Row>) {
    rows! { list, Policies::Fixture;
        "exactly the minimum", VERSION; |c| version(c, "17.4") =>
            Allow, Compliant, [Compliant], STALE;
        "the minimum with zeros", NUMBERS; |c| version(c, "17.4.0.0") =>
            Allow, Compliant, [Compliant], STALE;
        "17.10 is later than 17.4", NUMBERS; |c| version(c, "17.10") =>
            Allow, Compliant, [Compliant], STALE;
        "with a build", "ours: some MDMs write the build behind the version";
            |c| version(c, "17.4.1 (21E236)") => Allow, Compliant, [Compliant], STALE;
        "just below", VERSION; |c| version(c, "17.3.99") =>
            Allow, InGracePeriod, [InGracePeriod, OsVersionTooOld], GRACE;
        "far below", NUMBERS; |c| version(c, "9") =>
            Allow, InGracePeriod, [InGracePeriod, OsVersionTooOld], GRACE;
        "no version", CAREFUL; |c| version(c, "") =>
            Quarantine, Unknown, [ComplianceUnknown], STALE;
        "not a version", CAREFUL; |c| version(c, "17.4b2") =>
            Quarantine, Unknown, [ComplianceUnknown], STALE;
        "a version of five parts", CAREFUL; |c| version(c, "17.4.1.2.3") =>
            Quarantine, Unknown, [ComplianceUnknown], STALE;
        "a number too large for any version", CAREFUL; |c| version(c, "17.99999999999") =>
            Quarantine, Unknown, [ComplianceUnknown], STALE;
        "platform in other case", "Graph writes iOS and Android, Exchange iOS and android";
            |c| platform(c, "IOS", "17.4") => Allow, Compliant, [Compliant], STALE;
        "a platform that is not listed", LISTED; |c| platform(c, "windows", "10.0.22631") =>
            Allow, InGracePeriod, [InGracePeriod, PlatformNotAllowed], GRACE;
        "no platform", CAREFUL; |c| platform(c, "", "17.4") =>
            Quarantine, Unknown, [ComplianceUnknown], STALE;
    }
    rows! { list, OTHERS;
        "Android with a work profile", SPELLED; |c| platform(c, "AndroidForWork", "14") =>
            Allow, Compliant, [Compliant], NEVER;
        "Android that the company manages", SPELLED; |c| platform(c, "Android Enterprise", "14") =>
            Allow, Compliant, [Compliant], NEVER;
        "an old phone of Microsoft's", SPELLED; |c| platform(c, "WindowsMobile", "10") =>
            Allow, Compliant, [Compliant], NEVER;
        "a platform with a blank", SPELLED; |c| platform(c, "Chrome OS", "120") =>
            Allow, Compliant, [Compliant], NEVER;
        "a platform that only begins alike", LISTED; |c| platform(c, "Android TV", "14") =>
            Quarantine, NotCompliant, [NotCompliant, PlatformNotAllowed], NEVER;
    }
    rows! { list, IPADS;
        "17.10 is later than 17.9", NUMBERS; |c| version(c, "17.10") =>
            Allow, Compliant, [Compliant], NEVER;
        "17.8.9 is older than 17.9", NUMBERS; |c| version(c, "17.8.9") =>
            Quarantine, NotCompliant, [NotCompliant, OsVersionTooOld], NEVER;
        "a platform beside another one", LISTED; |c| platform(c, "iPadOS", "12") =>
            Allow, Compliant, [Compliant], NEVER;
        "exactly the maximum, with a zero", VERSION; |c| platform(c, "ipados", "18.0") =>
            Allow, Compliant, [Compliant], NEVER;
        "a little above the maximum", VERSION; |c| platform(c, "iPadOS", "18.0.1") =>
            Quarantine, NotCompliant, [NotCompliant, OsVersionTooNew], NEVER;
    }
}

fn android(list: &mut Vec<Row>) {
    rows! { list, Policies::Fixture;
        "android at its minimum", VERSION; |c| platform(c, "Android", "13") =>
            Allow, Compliant, [Compliant], STALE;
        "android at its maximum", VERSION; |c| platform(c, "Android", "16.99") =>
            Allow, Compliant, [Compliant], STALE;
        "android above its maximum", VERSION; |c| platform(c, "Android", "16.99.1") =>
            Allow, InGracePeriod, [InGracePeriod, OsVersionTooNew], GRACE;
        "android below its minimum", VERSION; |c| platform(c, "Android", "12.1") =>
            Allow, InGracePeriod, [InGracePeriod, OsVersionTooOld], GRACE;
    }
}

fn builds(list: &mut Vec<Row>) {
    rows! { list, BUILDS;
        "exactly the oldest build", BUILD; |c| record(c).os_build = "21E219".to_owned() =>
            Allow, Compliant, [Compliant], NEVER;
        "a build whose number has fewer digits", NUMBERS;
            |c| record(c).os_build = "21E36".to_owned() =>
            Quarantine, NotCompliant, [NotCompliant, OsBuildTooOld], NEVER;
        "a build of an earlier letter", BUILD; |c| record(c).os_build = "21D999".to_owned() =>
            Quarantine, NotCompliant, [NotCompliant, OsBuildTooOld], NEVER;
        "a build of an earlier train", NUMBERS; |c| record(c).os_build = "9Z999".to_owned() =>
            Quarantine, NotCompliant, [NotCompliant, OsBuildTooOld], NEVER;
        "a rapid security response", BUILD; |c| record(c).os_build = "21E219230a".to_owned() =>
            Allow, Compliant, [Compliant], NEVER;
        "exactly the newest build", BUILD; |c| record(c).os_build = "22A5".to_owned() =>
            Allow, Compliant, [Compliant], NEVER;
        "a build above the newest", BUILD; |c| record(c).os_build = "22A5a".to_owned() =>
            Quarantine, NotCompliant, [NotCompliant, OsBuildTooNew], NEVER;
        "a build behind the version", BUILD; |c| {
            record(c).os_build.clear();
            version(c, "17.4 (21E218)");
        } => Quarantine, NotCompliant, [NotCompliant, OsBuildTooOld], NEVER;
        "a build of its own counts before the one behind the version", BUILD; |c| {
            record(c).os_build = "21E219".to_owned();
            version(c, "17.4 (21E218)");
        } => Allow, Compliant, [Compliant], NEVER;
        "no build", CAREFUL; |c| record(c).os_build.clear() =>
            Quarantine, Unknown, [ComplianceUnknown], NEVER;
        "not a build", CAREFUL; |c| record(c).os_build = "21e219".to_owned() =>
            Quarantine, Unknown, [ComplianceUnknown], NEVER;
    }
}

fn windows(list: &mut Vec<Row>) {
    rows! { list, WINDOWS;
        "the first of a range", RANGES; |c| platform(c, "Windows", "10.0.19045.3803") =>
            Allow, Compliant, [Compliant], NEVER;
        "the last of a range", RANGES; |c| platform(c, "Windows", "10.0.19045.9999") =>
            Allow, Compliant, [Compliant], NEVER;
        "in the second range", RANGES; |c| platform(c, "Windows", "10.0.22631.1") =>
            Allow, Compliant, [Compliant], NEVER;
        "just before a range", NUMBERS; |c| platform(c, "Windows", "10.0.19045.999") =>
            Quarantine, NotCompliant, [NotCompliant, OsVersionNotInRange], NEVER;
        "between two ranges", RANGES; |c| platform(c, "Windows", "10.0.22621.3880") =>
            Quarantine, NotCompliant, [NotCompliant, OsVersionNotInRange], NEVER;
        "above all ranges", RANGES; |c| platform(c, "Windows", "10.0.26100") =>
            Quarantine, NotCompliant, [NotCompliant, OsVersionNotInRange], NEVER;
        "a range, and no version", CAREFUL; |c| platform(c, "Windows", "") =>
            Quarantine, Unknown, [ComplianceUnknown], NEVER;
    }
}

fn patches(list: &mut Vec<Row>) {
    rows! { list, PATCHES;
        "exactly the oldest patch level", PATCH; |c| {
            platform(c, "Android", "14");
            record(c).security_patch_level = Some(date(2026, 2, 5));
        } => Allow, Compliant, [Compliant], NEVER;
        "the patch level of the first of the month", PATCH; |c| {
            platform(c, "Android", "14");
            record(c).security_patch_level = Some(date(2026, 2, 1));
        } => Quarantine, NotCompliant, [NotCompliant, SecurityPatchTooOld], NEVER;
        "a patch level of last year", PATCH; |c| {
            platform(c, "Android", "14");
            record(c).security_patch_level = Some(date(2025, 12, 5));
        } => Quarantine, NotCompliant, [NotCompliant, SecurityPatchTooOld], NEVER;
        "no patch level", CAREFUL; |c| platform(c, "Android", "14") =>
            Quarantine, Unknown, [ComplianceUnknown], NEVER;
    }
}
