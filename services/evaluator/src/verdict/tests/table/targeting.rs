//! Who is targeted: switches, organizations, groups, the licence, and overlays.

use exgate_domain::case::Unmatched;

use super::sources::{EXCHANGE_ACCESS, FAIL_STATIC, ON_PREMISES, OVERLAY, UNMANAGED_ACCESS};
use super::{
    NEVER, Policies, Row, STALE, desk, groups, owner, record, rows, tablet, unavailable, unknown,
    unmanaged, version,
};

const LICENCE: &str = "Intune targets users with its licence; ours: where nobody knows whether somebody holds it, \
     nothing is touched and nobody else is asked";

/// Two policies for the same people: the one that is asked first is switched off.
const SWITCHED_OFF: Policies = Policies::These(
    "
apiVersion: exgate/v1
kind: AccessPolicy
name: off
precedence: 1
enabled: false
organizations: ['*']
includedGroups: [Mail users, Board]
access: { unmanaged: block }
---
apiVersion: exgate/v1
kind: AccessPolicy
name: on
precedence: 2
organizations: [contoso, northwind]
includedGroups: [Mail users]
access: { unmanaged: allow }
",
);

/// One policy for all organizations, and two overlays.
const OVERLAYS: Policies = Policies::These(
    "
apiVersion: exgate/v1
kind: CompliancePolicy
name: encrypted
platforms: { iOS: { storageRequireEncryption: true } }
---
apiVersion: exgate/v1
kind: AccessPolicy
name: mail
precedence: 10
organizations: ['*']
includedGroups: [Mail users]
excludedGroups: [Board]
compliancePolicies: [encrypted]
access: { unmanaged: quarantine, notCompliant: block, stale: quarantine }
localRules:
  - { id: old-phones, match: { deviceType: [Nokia*] }, access: block }
protected: { users: ['ceo@*'] }
---
apiVersion: exgate/v1
kind: AccessPolicyOverlay
name: mail-contoso
base: mail
organizations: [contoso]
access: { unmanaged: leave }
excludedGroups: [Service desk]
localRules:
  - { id: lab, match: { deviceType: [Nokia9] }, access: allow }
protected: { groups: [VIP] }
---
apiVersion: exgate/v1
kind: AccessPolicyOverlay
name: mail-fabrikam
base: mail
organizations: [fabrikam]
enabled: false
",
);

pub(super) fn rows(list: &mut Vec<Row>) {
    fixture(list);
    licence(list);
    switches(list);
    overlays(list);
}

fn fixture(list: &mut Vec<Row>) {
    rows! { list, Policies::Fixture;
        "an ordinary device", EXCHANGE_ACCESS; |_| {} => Allow, Compliant, [Compliant], STALE;
        "in no group", EXCHANGE_ACCESS; |c| groups(c, &[]) =>
            Leave, NotEvaluated, [NotTargeted], NEVER;
        "in another group", EXCHANGE_ACCESS; |c| groups(c, &["Sales"]) =>
            Leave, NotEvaluated, [NotTargeted], NEVER;
        "in a group named alike", "ours: groups are compared whole, a part of a name is no name";
            |c| groups(c, &["Mail", "Mail users 2"]) =>
            Leave, NotEvaluated, [NotTargeted], NEVER;
        "in the second group listed", EXCHANGE_ACCESS; |c| groups(c, &["board"]) =>
            Allow, Compliant, [Compliant], STALE;
        "in a group with a blank before its name", "ours: directories export names with blanks";
            |c| groups(c, &[" Mail users "]) => Allow, Compliant, [Compliant], STALE;
        "of another organization", "ours: a policy is for the organizations it names";
            |c| c.organization = "fabrikam".parse().unwrap() =>
            Leave, NotEvaluated, [NotTargeted], NEVER;
        "excluded here, included next",
            "ours: exclusion wins over inclusion, and then the next policy is asked";
            |c| groups(c, &["Mail users", "SERVICE DESK"]) =>
            Allow, Compliant, [Compliant], NEVER;
        "excluded everywhere", EXCHANGE_ACCESS;
            |c| groups(c, &["Mail users", "Service desk", "Exempt"]) =>
            Leave, NotEvaluated, [NotTargeted], NEVER;
        "excluded and without a record", EXCHANGE_ACCESS; |c| {
            groups(c, &["Mail users", "Service desk", "Exempt"]);
            unknown(c);
        } => Leave, NotEvaluated, [NotTargeted], NEVER;
        "targeted twice, the lower number decides",
            "ours: precedence is a number, so that the order of files means nothing"; |c| {
            groups(c, &["Tablets", "Mail users"]);
            record(c).is_encrypted = Some(false);
        } => Allow, Compliant, [Compliant], STALE;
        "owner not known", "ours: whom the directory does not know no policy can target";
            |c| c.owner = None => Leave, NotEvaluated, [OwnerUnknown], NEVER;
        "owner not known, no record", "ours: whom the directory does not know nobody restricts";
            |c| {
            c.owner = None;
            unmanaged(c, Unmatched::NoRecord);
        } => Leave, NotEvaluated, [OwnerUnknown], NEVER;
        "owner not known, where a policy is for every organization",
            "ours: the directory was asked for a policy, so that it is what is missing"; |c| {
            c.owner = None;
            c.organization = "fabrikam".parse().unwrap();
        } => Leave, NotEvaluated, [OwnerUnknown], NEVER;
    }
}

fn licence(list: &mut Vec<Row>) {
    rows! { list, Policies::Fixture;
        "without licence", LICENCE; |c| owner(c).licensed = Some(false) =>
            Leave, NotEvaluated, [NotLicensed], NEVER;
        "without licence, next policy asks for none", LICENCE; |c| {
            owner(c).licensed = Some(false);
            groups(c, &["Tablets", "Mail users"]);
        } => Allow, Compliant, [Compliant], STALE;
        "without licence, and the device not compliant", LICENCE; |c| {
            owner(c).licensed = Some(false);
            version(c, "9");
        } => Leave, NotEvaluated, [NotLicensed], NEVER;
        "licence not known", LICENCE; |c| owner(c).licensed = None =>
            Leave, NotEvaluated, [NotLicensed], NEVER;
        "licence not known, next policy asks for none", LICENCE; |c| {
            owner(c).licensed = None;
            groups(c, &["Tablets", "Mail users"]);
        } => Leave, NotEvaluated, [NotLicensed], NEVER;
        "licence not known and not asked for", LICENCE; |c| {
            owner(c).licensed = None;
            tablet(c);
        } => Allow, Compliant, [Compliant], STALE;
        "licence not known, excluded from the policy that asks for it", LICENCE; |c| {
            owner(c).licensed = None;
            groups(c, &["Mail users", "Service desk"]);
        } => Allow, Compliant, [Compliant], NEVER;
        "no licence asked for, and none held", LICENCE; |c| {
            owner(c).licensed = Some(false);
            desk(c);
        } => Allow, Compliant, [Compliant], NEVER;
    }
}

fn switches(list: &mut Vec<Row>) {
    rows! { list, SWITCHED_OFF;
        "the policy asked first is switched off", ON_PREMISES; unknown =>
            Allow, NotEvaluated, [NotEnrolled], NEVER;
        "the only policy for the group is switched off", ON_PREMISES; |c| {
            groups(c, &["Board"]);
            unknown(c);
        } => Leave, NotEvaluated, [NotTargeted], NEVER;
        "the second organization named", "ours: a policy is for each organization it names"; |c| {
            c.organization = "northwind".parse().unwrap();
            unknown(c);
        } => Allow, NotEvaluated, [NotEnrolled], NEVER;
        "only a policy that is switched off is for the organization", ON_PREMISES; |c| {
            c.organization = "fabrikam".parse().unwrap();
            unknown(c);
        } => Leave, NotEvaluated, [NotTargeted], NEVER;
        "owner not known, and no policy asks", "ours: nobody asked who the owner is"; |c| {
            c.organization = "fabrikam".parse().unwrap();
            c.owner = None;
        } => Leave, NotEvaluated, [NotTargeted], NEVER;
    }
}

fn overlays(list: &mut Vec<Row>) {
    rows! { list, OVERLAYS;
        "an overlay's access", OVERLAY; unknown => Leave, NotEvaluated, [NotEnrolled], NEVER;
        "the policy's access elsewhere", UNMANAGED_ACCESS; |c| {
            c.organization = "northwind".parse().unwrap();
            unknown(c);
        } => Quarantine, NotEvaluated, [NotEnrolled], NEVER;
        "a situation that the overlay does not name", OVERLAY;
            |c| record(c).is_encrypted = Some(false) =>
            Block, NotCompliant, [NotCompliant, NotEncrypted], NEVER;
        "records too old under an overlay that does not say", FAIL_STATIC; unavailable =>
            Quarantine, NotEvaluated, [RecordsUnavailable], NEVER;
        "excluded by the policy, not by the overlay", OVERLAY;
            |c| groups(c, &["Mail users", "Board"]) => Allow, Compliant, [Compliant], NEVER;
        "excluded by the overlay", OVERLAY; |c| groups(c, &["Mail users", "Service desk"]) =>
            Leave, NotEvaluated, [NotTargeted], NEVER;
        "excluded by the overlay, elsewhere", OVERLAY; |c| {
            c.organization = "northwind".parse().unwrap();
            groups(c, &["Mail users", "Service desk"]);
        } => Allow, Compliant, [Compliant], NEVER;
        "an overlay's rule comes before the policy's", OVERLAY;
            |c| c.device.device_type = "Nokia9".to_owned() =>
            Allow, NotEvaluated, [LocalRule], NEVER;
        "the policy's rule still counts", OVERLAY;
            |c| c.device.device_type = "Nokia5".to_owned() =>
            Block, NotEvaluated, [LocalRule], NEVER;
        "an overlay's rule elsewhere", OVERLAY; |c| {
            c.organization = "northwind".parse().unwrap();
            c.device.device_type = "Nokia9".to_owned();
        } => Block, NotEvaluated, [LocalRule], NEVER;
        "protected by the overlay", OVERLAY; |c| {
            groups(c, &["Mail users", "vip"]);
            record(c).is_encrypted = Some(false);
        } => Leave, NotCompliant, [Protected, NotCompliant, NotEncrypted], NEVER;
        "protected by the policy under an overlay", OVERLAY; |c| {
            c.mailbox.primary_smtp = "CEO@contoso.example".to_owned();
            record(c).is_encrypted = Some(false);
        } => Leave, NotCompliant, [Protected, NotCompliant, NotEncrypted], NEVER;
        "switched off by an overlay", OVERLAY; |c| {
            c.organization = "fabrikam".parse().unwrap();
            record(c).is_encrypted = Some(false);
        } => Leave, NotEvaluated, [NotTargeted], NEVER;
    }
}
