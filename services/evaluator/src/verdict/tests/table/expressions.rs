//! Rules written as expressions: what holds, what does not, and what nobody knows.

use exgate_domain::case::Case;

use super::{NEVER, Policies, Row, asks, groups, rows, says, since, unavailable, unknown, version};
use crate::verdict::fixture::{at, record};

const NOT_MET: &str =
    "ours, as any other rule: a rule that is not met is a reason by its own name, ruleNotMet";
const HAS: &str = "docs.cedarpolicy.com/policies/syntax-operators: `has` tells whether an attribute is \
     there, and `&&` does not look at its right side when the left is false";
const MISSING: &str = "docs.cedarpolicy.com/auth/authorization: an error is neither yes nor no; ours: a \
     fact that nobody knows makes the rule unknown, never satisfied";
const VERSIONS: &str = "ours, as osMinimumVersion: versions are compared by their numbers, so 17.10 is \
     newer than 17.9";
const GROUPS: &str = "docs.cedarpolicy.com/policies/syntax-operators: `in` asks for membership; ours: \
     names of groups have no case, as in includedGroups";
const CLOCK: &str = "ours: expressions see the last full hour, so what they say of the time is asked \
     again at the next one";
const OWN_GRACE: &str =
    "ours: an expression may have its own grace period, otherwise the policy's counts";
const WHEN: &str =
    "ours: a local rule matches when all of `match` and `when` holds, the first one decides";
const WHEN_UNKNOWN: &str = "ours: what is not known matches nothing, and the next rule is tried";
/// The next full hour.
const HOUR: Option<&str> = Some("2026-03-10T13:00:00Z");

const REQUIRED: Policies = asks(
    r#"
platforms: { iOS: {}, android: {} }
gracePeriod: 3d
rules:
  - { id: encrypted, require: resource has isEncrypted && resource.isEncrypted }
  - { id: new-enough, require: 'resource has osVersion && resource.osVersion >= version("17.4")', gracePeriod: 0s }
  - { id: no-contractors, require: '!(principal in Group::"Contractors")' }
"#,
);

/// Rules that ask without `has` for what may be missing, and by text.
const TEXTS: Policies = asks(
    r#"
platforms: { iOS: {} }
rules:
  - { id: model, require: '!["iPhone9C1", "iPhone10C1"].contains(resource.deviceModel)' }
  - { id: name, require: 'resource.deviceName like "*iPhone*" || resource.deviceType == "iPhone"' }
"#,
);

const TIME: Policies = asks(
    "
platforms: { iOS: {} }
rules:
  - { id: fresh, require: resource has lastSyncAt && context.now - resource.lastSyncAt < 3 * 3600 }
",
);

const LOCAL: Policies = says(
    r#"
localRules:
  - { id: kiosk, match: { deviceType: [iPhone] }, when: 'context.deviceCount > 1 && principal in Group::"Kiosks"', access: block }
  - { id: unknown-version, when: 'resource.operatingSystem == "iOS" && resource has osVersion && resource.osVersion < version("12")', access: block }
  - { id: unmanaged, when: resource has isManaged && !resource.isManaged, access: quarantine }
"#,
);

pub(super) fn rows(list: &mut Vec<Row>) {
    required(list);
    texts(list);
    local(list);
}

fn required(list: &mut Vec<Row>) {
    rows! { list, REQUIRED;
        "every expression holds", HAS; |_| {} => Allow, Compliant, [Compliant], NEVER;
        "one expression does not hold, its grace runs", NOT_MET;
            |c| record(c).is_encrypted = Some(false) =>
            Allow, InGracePeriod, [InGracePeriod, RuleNotMet], Some("2026-03-13T12:00:00Z");
        "a fact asked for with has is missing", HAS; |c| record(c).is_encrypted = None =>
            Allow, InGracePeriod, [InGracePeriod, RuleNotMet], Some("2026-03-13T12:00:00Z");
        "an expression without grace of its own", OWN_GRACE; |c| version(c, "17.3") =>
            Quarantine, NotCompliant, [NotCompliant, RuleNotMet], NEVER;
        "17.10 in an expression", VERSIONS; |c| version(c, "17.10") =>
            Allow, Compliant, [Compliant], NEVER;
        "a version that is none", HAS; |c| version(c, "seventeen") =>
            Quarantine, NotCompliant, [NotCompliant, RuleNotMet], NEVER;
        "a group in other letters", GROUPS; |c| groups(c, &["Mail users", " CONTRACTORS "]) =>
            Allow, InGracePeriod, [InGracePeriod, RuleNotMet], Some("2026-03-13T12:00:00Z");
        "the grace of the policy is over", OWN_GRACE; |c| {
            since(c, "2026-03-01T00:00:00Z");
            record(c).is_encrypted = Some(false);
        } => Quarantine, NotCompliant, [NotCompliant, RuleNotMet], NEVER;
    }
}

fn model(case: &mut Case, model: &str) {
    case.device.device_model = model.to_owned();
}

fn texts(list: &mut Vec<Row>) {
    rows! { list, TEXTS;
        "a model that no list has", NOT_MET; |c| model(c, "iPhone15C2") =>
            Allow, Compliant, [Compliant], NEVER;
        "a model of the list", NOT_MET; |c| model(c, "iPhone9C1") =>
            Quarantine, NotCompliant, [NotCompliant, RuleNotMet], NEVER;
        "a model in other letters is another text", "docs.cedarpolicy.com/policies/syntax-datatypes: \
            strings are the same when every character is"; |c| model(c, "IPHONE9c1") =>
            Allow, Compliant, [Compliant], NEVER;
        "a model that nobody knows", MISSING; |c| model(c, "") =>
            Quarantine, Unknown, [ComplianceUnknown], NEVER;
        "the left side is unknown, the right would hold", MISSING;
            |c| record(c).device_name = String::new() =>
            Quarantine, Unknown, [ComplianceUnknown], NEVER;
    }
    rows! { list, TIME;
        "a time within the span", CLOCK; |_| {} => Allow, Compliant, [Compliant], HOUR;
        "a time at the end of the span", CLOCK;
            |c| c.last_sync_at = Some(at("2026-03-10T09:00:00Z")) =>
            Quarantine, NotCompliant, [NotCompliant, RuleNotMet], HOUR;
        "minutes of the present hour do not count", CLOCK; |c| {
            c.now = at("2026-03-10T12:59:59Z");
            c.last_sync_at = Some(at("2026-03-10T09:00:01Z"));
        } => Allow, Compliant, [Compliant], HOUR;
        "no time at all", HAS; |c| c.last_sync_at = None =>
            Quarantine, NotCompliant, [NotCompliant, RuleNotMet], HOUR;
    }
}

fn local(list: &mut Vec<Row>) {
    rows! { list, LOCAL;
        "no condition holds: the records decide", WHEN; |_| {} =>
            Allow, Compliant, [Compliant], NEVER;
        "match and when hold", WHEN; |c| {
            groups(c, &["Mail users", "Kiosks"]);
            let sibling = exgate_domain::case::Sibling {
                device_id: "Appl2".parse().unwrap(),
                device_type: "iPad".to_owned(),
                access_state: exgate_domain::observation::AccessState::Allowed,
                first_sync_at: None,
                last_sync_at: None,
            };
            c.siblings.push(sibling);
        } => Block, NotEvaluated, [LocalRule], NEVER;
        "when holds for one device only", WHEN; |c| groups(c, &["Mail users", "Kiosks"]) =>
            Allow, Compliant, [Compliant], NEVER;
        "a condition that nobody can tell is passed over", WHEN_UNKNOWN; unknown =>
            Quarantine, NotEvaluated, [LocalRule], NEVER;
        "records too old: not even whether it is managed", WHEN_UNKNOWN; unavailable =>
            Leave, NotEvaluated, [RecordsUnavailable], NEVER;
        "a condition on a version", VERSIONS; |c| version(c, "9.3.5") =>
            Block, NotEvaluated, [LocalRule], NEVER;
        "nobody known owns the mailbox", "ours: without an owner no policy is for anybody, so no rule \
            is tried"; |c| c.owner = None =>
            Leave, NotEvaluated, [OwnerUnknown], NEVER;
    }
}
