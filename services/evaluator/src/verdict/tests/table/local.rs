//! Local rules: each key of `match`, their order, and what they do not know.

use super::sources::{CHARACTERISTICS, FIRST_MATCH, MATCHES_NOTHING};
use super::{NEVER, Policies, Row, groups, owner, rows, says, unavailable, unknown, version};

const STARS: &str = "ours: a star stands for any text, also for none, and case does not count";
const BY_ADDRESS: &str = "ours: people are named by any address that the directory or Exchange has";
const UNDER: &str = "ours: an organizational unit holds all that lies below it, however deep";

/// One rule for each key. Their order is that of the rows.
const EACH_KEY: Policies = says(
    "
access: { unmanaged: leave }
localRules:
  - { id: id, match: { deviceId: [ApplLOST*, SEC1] }, access: block }
  - { id: type, match: { deviceType: [Nokia*] }, access: quarantine }
  - { id: model, match: { deviceModel: ['*Fold*'] }, access: allow }
  - { id: os, match: { deviceOS: [Android 9*] }, access: block }
  - { id: agent, match: { userAgent: [BadMail/*] }, access: quarantine }
  - { id: protocol, match: { protocolVersion: ['2.5', '12.*'] }, access: block }
  - { id: user, match: { user: [boss@*, robot@contoso.example] }, access: allow }
  - { id: group, match: { group: [Kiosks, Lager Köln] }, access: allow }
  - { id: unit, match: { organizationalUnit: ['OU=Sales,DC=contoso,DC=example'] }, access: leave }
",
);

/// Rules that overlap: the order decides.
const ORDER: Policies = says(
    "
access: { unmanaged: quarantine }
localRules:
  - { id: narrow, match: { deviceType: [iPhone], group: [Board] }, access: allow }
  - { id: wide, match: { deviceType: [iPhone, iPad] }, access: block }
  - { id: rest, match: { deviceOS: ['*'] }, access: quarantine }
",
);

/// A rule without a condition at the end.
const LAST: Policies = says(
    "
inactiveAfter: 1h
maximumDevices: { count: 1 }
localRules:
  - { id: none, match: { deviceType: [Nokia] }, access: block }
  - { id: all, access: allow }
",
);

pub(super) fn rows(list: &mut Vec<Row>) {
    devices(list);
    people(list);
    order(list);
}

fn devices(list: &mut Vec<Row>) {
    rows! { list, EACH_KEY;
        "a rule for ids", CHARACTERISTICS;
            |c| c.device.device_id = "APPLLOST77".parse().unwrap() =>
            Block, NotEvaluated, [LocalRule], NEVER;
        "a rule for ids, the star for nothing", STARS;
            |c| c.device.device_id = "ApplLost".parse().unwrap() =>
            Block, NotEvaluated, [LocalRule], NEVER;
        "a rule for a whole id", STARS; |c| c.device.device_id = "SEC12".parse().unwrap() =>
            Allow, Compliant, [Compliant], NEVER;
        "a rule for types", CHARACTERISTICS; |c| c.device.device_type = "nokiaN8".to_owned() =>
            Quarantine, NotEvaluated, [LocalRule], NEVER;
        "a rule for models, a star on both sides", CHARACTERISTICS; |c| {
            c.device.device_model = "SM-FOLD4".to_owned();
            unknown(c);
        } => Allow, NotEvaluated, [LocalRule], NEVER;
        "a rule for systems", CHARACTERISTICS;
            |c| c.device.device_os = "Android 9.0.1".to_owned() =>
            Block, NotEvaluated, [LocalRule], NEVER;
        "a rule for systems misses the next one", STARS;
            |c| c.device.device_os = "Android 10".to_owned() =>
            Allow, Compliant, [Compliant], NEVER;
        "a rule for mail apps", CHARACTERISTICS;
            |c| c.device.user_agent = "BadMail/1.0".to_owned() =>
            Quarantine, NotEvaluated, [LocalRule], NEVER;
        "a rule for protocols", "MS-ASHTTP: clients name the version of the protocol they speak";
            |c| c.device.protocol_version = "2.5".to_owned() =>
            Block, NotEvaluated, [LocalRule], NEVER;
        "a rule for protocols, the second entry", STARS;
            |c| c.device.protocol_version = "12.1".to_owned() =>
            Block, NotEvaluated, [LocalRule], NEVER;
        "nothing is known of the device", MATCHES_NOTHING; |c| {
            c.device.device_type.clear();
            c.device.device_model.clear();
            c.device.device_os.clear();
            c.device.user_agent.clear();
            c.device.protocol_version.clear();
        } => Allow, Compliant, [Compliant], NEVER;
    }
}

fn people(list: &mut Vec<Row>) {
    rows! { list, EACH_KEY;
        "a rule for people, by their mail address", BY_ADDRESS; |c| {
            owner(c).mail = "Boss@elsewhere.example".to_owned();
            unknown(c);
        } => Allow, NotEvaluated, [LocalRule], NEVER;
        "a rule for people, by their principal name", BY_ADDRESS; |c| {
            owner(c).user_principal_name = "ROBOT@contoso.example".to_owned();
            unknown(c);
        } => Allow, NotEvaluated, [LocalRule], NEVER;
        "a rule for people, by the mailbox's address", BY_ADDRESS; |c| {
            c.mailbox.primary_smtp = "boss@contoso.example".to_owned();
            unknown(c);
        } => Allow, NotEvaluated, [LocalRule], NEVER;
        "a rule for people, by an old address",
            "ours: further addresses are given away again, so that they name nobody"; |c| {
            owner(c).other_mails = vec!["boss@contoso.example".to_owned()];
            unknown(c);
        } => Leave, NotEvaluated, [NotEnrolled], NEVER;
        "a rule for groups", FIRST_MATCH; |c| {
            groups(c, &["Mail users", "KIOSKS"]);
            unknown(c);
        } => Allow, NotEvaluated, [LocalRule], NEVER;
        "a rule for groups, a letter that is not ASCII", FIRST_MATCH; |c| {
            groups(c, &["LAGER KÖLN", "Mail users"]);
            unknown(c);
        } => Allow, NotEvaluated, [LocalRule], NEVER;
        "a rule for a unit", UNDER; |c| {
            c.device.mailbox_dn = "CN=A,OU=Inside,ou=sales,DC=contoso,DC=example".to_owned();
        } => Leave, NotEvaluated, [LocalRule], NEVER;
        "a rule for a unit, blanks after commas", UNDER; |c| {
            c.device.mailbox_dn = "CN=A, OU=Sales, DC=Contoso, DC=example".to_owned();
        } => Leave, NotEvaluated, [LocalRule], NEVER;
        "a unit of the same name elsewhere", UNDER; |c| {
            c.device.mailbox_dn = "CN=A,OU=Sales,OU=Old,DC=contoso,DC=example".to_owned();
        } => Allow, Compliant, [Compliant], NEVER;
        "a name that only looks like a unit", UNDER; |c| {
            c.device.mailbox_dn = r"CN=A\,OU=Sales,DC=contoso,DC=example".to_owned();
        } => Allow, Compliant, [Compliant], NEVER;
    }
}

fn order(list: &mut Vec<Row>) {
    rows! { list, ORDER;
        "both keys of the first rule", FIRST_MATCH; |c| {
            groups(c, &["Mail users", "Board"]);
            unknown(c);
        } => Allow, NotEvaluated, [LocalRule], NEVER;
        "one key of the first rule, so the second", FIRST_MATCH; |_| {} =>
            Block, NotEvaluated, [LocalRule], NEVER;
        "the third rule", FIRST_MATCH; |c| c.device.device_type = "SamsungDevice".to_owned() =>
            Quarantine, NotEvaluated, [LocalRule], NEVER;
        "a star does not match what is not known", MATCHES_NOTHING; |c| {
            c.device.device_type = "SamsungDevice".to_owned();
            c.device.device_os.clear();
        } => Allow, Compliant, [Compliant], NEVER;
        "records too old, and a rule decides", FIRST_MATCH; unavailable =>
            Block, NotEvaluated, [LocalRule], NEVER;
    }
    rows! { list, LAST;
        "a rule for all, and the device not compliant",
            "ours: a rule decides by itself, before records and limits are looked at"; |c| {
            version(c, "1");
            c.last_sync_at = None;
        } => Allow, NotEvaluated, [LocalRule], NEVER;
    }
}
