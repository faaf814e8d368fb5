//! What the MDMs know: no record, records too old, what manages a device, platform exceptions, and what
//! a compliant device gets.

use exgate_domain::case::Unmatched;
use exgate_domain::record::{ComplianceState, ManagementAgent};

use super::sources::{
    AGENT, DEVICE_CLASS, EXCEPTIONS, FAIL_STATIC, ON_PREMISES, STRICTEST, UNMANAGED_ACCESS,
};
use super::{
    GRACE, NEVER, Policies, Row, desk, groups, mdm, record, rows, says, unavailable, unknown,
    unmanaged, version,
};

const SAME_PERSON: &str = "learn.microsoft.com/mem/intune/protect/conditional-access-exchange-create: the device's \
     ActiveSync id has to be registered, for the same person";

const EACH: Policies = Policies::One {
    compliance: "platforms: { iOS: { osMinimumVersion: 17 } }\ngracePeriod: 3d",
    access: "access: { unmanaged: allow, notCompliant: block, inGracePeriod: quarantine, \
             stale: block, unknown: leave }",
};

const STALE_QUARANTINE: Policies = says("access: { stale: quarantine, unmanaged: allow }");

const CLASSES: Policies = says(
    "
access: { unmanaged: quarantine, notCompliant: quarantine, stale: leave }
platformExceptions:
  - { deviceClass: { name: iPhone, type: family }, access: allow }
  - { deviceClass: { name: iPhone4C1, type: model }, access: block }
  - { deviceClass: { name: WP8, type: family }, access: block }
  - { deviceClass: { name: Lumia 950, type: model }, access: allow }
  - { deviceClass: { name: Größe, type: family }, access: leave }
",
);

const LEFT: Policies = Policies::One {
    compliance: "platforms: { iOS: { osMinimumVersion: 17 } }\ngracePeriod: 3d",
    access: "overrideDefaultRule: false\naccess: { notCompliant: block, inGracePeriod: allow }",
};

pub(super) fn rows(list: &mut Vec<Row>) {
    records(list);
    each(list);
    agents(list);
    classes(list);
    left(list);
}

fn records(list: &mut Vec<Row>) {
    rows! { list, Policies::Fixture;
        "no record", UNMANAGED_ACCESS; unknown => Quarantine, NotEvaluated, [NotEnrolled], NEVER;
        "somebody else's record", SAME_PERSON; |c| unmanaged(c, Unmatched::OtherUser) =>
            Quarantine, NotEvaluated, [NotEnrolled], NEVER;
        "several records", "ours: which of several records is the device is not guessed";
            |c| unmanaged(c, Unmatched::Ambiguous) =>
            Quarantine, NotEvaluated, [NotEnrolled], NEVER;
        "no record where the policy says block", UNMANAGED_ACCESS; |c| {
            desk(c);
            unknown(c);
        } => Block, NotEvaluated, [NotEnrolled], NEVER;
        "nobody could be asked", FAIL_STATIC; unavailable =>
            Leave, NotEvaluated, [RecordsUnavailable], NEVER;
        "nobody could be asked about one who is not targeted", FAIL_STATIC; |c| {
            groups(c, &[]);
            unavailable(c);
        } => Leave, NotEvaluated, [NotTargeted], NEVER;
    }
}

fn each(list: &mut Vec<Row>) {
    rows! { list, EACH;
        "no record where the policy says allow", UNMANAGED_ACCESS; unknown =>
            Allow, NotEvaluated, [NotEnrolled], NEVER;
        "enrolled and compliant where unmanaged is allowed", UNMANAGED_ACCESS; |_| {} =>
            Allow, Compliant, [Compliant], NEVER;
        "enrolled and not compliant where unmanaged is allowed", UNMANAGED_ACCESS; |c| {
            version(c, "16");
            c.noncompliant_since = c.now.checked_sub(jiff::SignedDuration::from_hours(96)).ok();
        } => Block, NotCompliant, [NotCompliant, OsVersionTooOld], NEVER;
        "in grace where the policy says quarantine", "ours: each situation has an access of its own";
            |c| version(c, "16") =>
            Quarantine, InGracePeriod, [InGracePeriod, OsVersionTooOld], GRACE;
        "unknown where the policy says leave", "ours: each situation has an access of its own";
            |c| version(c, "") => Leave, Unknown, [ComplianceUnknown], NEVER;
        "records too old where the policy says block", FAIL_STATIC; unavailable =>
            Block, NotEvaluated, [RecordsUnavailable], NEVER;
    }
    rows! { list, STALE_QUARANTINE;
        "records too old where the policy says quarantine", FAIL_STATIC; unavailable =>
            Quarantine, NotEvaluated, [RecordsUnavailable], NEVER;
        "records too old are not no record", FAIL_STATIC; |c| {
            unavailable(c);
            c.last_sync_at = None;
        } => Quarantine, NotEvaluated, [RecordsUnavailable], NEVER;
    }
}

fn agents(list: &mut Vec<Row>) {
    rows! { list, EACH;
        "managed by Exchange alone", AGENT;
            |c| record(c).management_agent = Some(ManagementAgent::Eas) =>
            Allow, NotEvaluated, [NotEnrolled], NEVER;
        "managed by Exchange alone, and called not compliant", AGENT; |c| {
            record(c).management_agent = Some(ManagementAgent::Eas);
            mdm(c, ComplianceState::Noncompliant);
        } => Allow, NotEvaluated, [NotEnrolled], NEVER;
        "managed by an MDM alone", AGENT;
            |c| record(c).management_agent = Some(ManagementAgent::Mdm) =>
            Allow, Compliant, [Compliant], NEVER;
        "managed by another company's MDM", AGENT; |c| {
            record(c).management_agent = Some(ManagementAgent::Jamf);
            version(c, "16");
        } => Quarantine, InGracePeriod, [InGracePeriod, OsVersionTooOld], GRACE;
        "what manages it is not known", "ours: there is a record of it, and nobody says it is Exchange's";
            |c| record(c).management_agent = None => Allow, Compliant, [Compliant], NEVER;
    }
    rows! { list, Policies::Fixture;
        "managed by Exchange alone where unmanaged is held", AGENT;
            |c| record(c).management_agent = Some(ManagementAgent::Eas) =>
            Quarantine, NotEvaluated, [NotEnrolled], NEVER;
    }
}

fn classes(list: &mut Vec<Row>) {
    rows! { list, CLASSES;
        "a family that is an exception", DEVICE_CLASS; unknown =>
            Allow, NotEvaluated, [PlatformException, NotEnrolled], NEVER;
        "a family in other case", DEVICE_CLASS; |c| {
            c.device.device_type = "wp8".to_owned();
            unknown(c);
        } => Block, NotEvaluated, [PlatformException, NotEnrolled], NEVER;
        "a model that is an exception", DEVICE_CLASS; |c| {
            c.device.device_type = "WindowsPhone".to_owned();
            c.device.device_model = "Lumia 950".to_owned();
            unknown(c);
        } => Allow, NotEvaluated, [PlatformException, NotEnrolled], NEVER;
        "a family allowed, a model of it blocked", STRICTEST; |c| {
            c.device.device_model = "iPhone4C1".to_owned();
            unknown(c);
        } => Block, NotEvaluated, [PlatformException, NotEnrolled], NEVER;
        "a family blocked, a model of it allowed", STRICTEST; |c| {
            c.device.device_type = "WP8".to_owned();
            c.device.device_model = "Lumia 950".to_owned();
            unknown(c);
        } => Block, NotEvaluated, [PlatformException, NotEnrolled], NEVER;
        "the name of a family as a model", DEVICE_CLASS; |c| {
            c.device.device_type = "Other".to_owned();
            c.device.device_model = "iPhone".to_owned();
            unknown(c);
        } => Quarantine, NotEvaluated, [NotEnrolled], NEVER;
        "a name that starts like a family", "ours: Exchange's rules compare the whole name"; |c| {
            c.device.device_type = "iPhone2".to_owned();
            unknown(c);
        } => Quarantine, NotEvaluated, [NotEnrolled], NEVER;
        "a family whose name is not ASCII, in other case", DEVICE_CLASS; |c| {
            c.device.device_type = "GRÖßE".to_owned();
            unknown(c);
        } => Leave, NotEvaluated, [PlatformException, NotEnrolled], NEVER;
        "a device without a class", DEVICE_CLASS; |c| {
            c.device.device_type.clear();
            c.device.device_model.clear();
            unknown(c);
        } => Quarantine, NotEvaluated, [NotEnrolled], NEVER;
        "a blocked class, enrolled and compliant", EXCEPTIONS;
            |c| c.device.device_type = "WP8".to_owned() => Allow, Compliant, [Compliant], NEVER;
        "an allowed class, enrolled and not compliant", EXCEPTIONS;
            |c| mdm(c, ComplianceState::Noncompliant) =>
            Quarantine, NotCompliant, [NotCompliant, MdmNotCompliant], NEVER;
        "an allowed class, managed by Exchange alone", AGENT;
            |c| record(c).management_agent = Some(ManagementAgent::Eas) =>
            Allow, NotEvaluated, [PlatformException, NotEnrolled], NEVER;
        "an allowed class, records too old", FAIL_STATIC; unavailable =>
            Leave, NotEvaluated, [RecordsUnavailable], NEVER;
    }
}

fn left(list: &mut Vec<Row>) {
    rows! { list, LEFT;
        "compliant, and left to Exchange's rules", ON_PREMISES; |_| {} =>
            Leave, Compliant, [Compliant], NEVER;
        "not compliant, whatever Exchange's rules say", ON_PREMISES; |c| {
            version(c, "16");
            c.noncompliant_since = c.now.checked_sub(jiff::SignedDuration::from_hours(96)).ok();
        } => Block, NotCompliant, [NotCompliant, OsVersionTooOld], NEVER;
        "in grace, whatever Exchange's rules say", ON_PREMISES; |c| version(c, "16") =>
            Allow, InGracePeriod, [InGracePeriod, OsVersionTooOld], GRACE;
    }
}
