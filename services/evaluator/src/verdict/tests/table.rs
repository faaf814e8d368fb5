//! The decision table: what is different from an ordinary compliant device or its policies, what comes
//! of it, and by whose word. A row that says nothing of Microsoft's gives the reason why we chose it.

mod sources;
mod targeting;
mod local;
mod management;
mod versions;
mod facts;
mod mdm;
mod grace;
mod limits;
mod expressions;

use std::collections::{HashMap, HashSet};

use exgate_domain::case::{Case, Management, Unmatched};
use exgate_domain::decision::{Compliance, Reason};
use exgate_domain::policy::Access;
use exgate_domain::record::ComplianceState;

use crate::bundles::{Bundle, PolicyFile};
use crate::verdict::decide_and_tell;
use crate::verdict::fixture::{POLICIES, at, case, owner, record};

/// How many rows there are at least.
const ROWS_MIN: usize = 150;

/// When the ordinary device's last check-in gets too old.
const STALE: Option<&str> = Some("2026-03-24T06:00:00Z");
/// The end of a grace period of three days that starts now.
const GRACE: Option<&str> = Some("2026-03-13T12:00:00Z");
/// Time alone changes nothing.
const NEVER: Option<&str> = None;

/// One row.
struct Row {
    name: &'static str,
    why: &'static str,
    policies: Policies,
    change: fn(&mut Case),
    access: Access,
    compliance: Compliance,
    reasons: &'static [Reason],
    look_again_at: Option<&'static str>,
}

/// The policies that a row is decided by.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Policies {
    /// Those of the fixture.
    Fixture,
    /// One policy of each kind, `phones` and `mail`, with these lines.
    One { compliance: &'static str, access: &'static str },
    /// These and no other.
    These(&'static str),
}

/// A compliance policy that asks for this, and an ordinary access policy.
const fn asks(compliance: &'static str) -> Policies {
    Policies::One { compliance, access: "" }
}

/// A compliance policy that iPhones and Android phones meet, and an access policy that says this.
const fn says(access: &'static str) -> Policies {
    Policies::One { compliance: "platforms: { iOS: {}, android: {} }", access }
}

impl Policies {
    fn text(self) -> String {
        match self {
            Self::Fixture => POLICIES.to_owned(),
            Self::These(text) => text.to_owned(),
            Self::One { compliance, access } => format!(
                "apiVersion: exgate/v1\nkind: CompliancePolicy\nname: phones\n{compliance}\n---\n\
                 apiVersion: exgate/v1\nkind: AccessPolicy\nname: mail\nprecedence: 10\n\
                 organizations: [contoso]\nincludedGroups: [Mail users]\n\
                 compliancePolicies: [phones]\n{access}\n"
            ),
        }
    }

    fn bundle(self) -> Bundle {
        let content = self.text().into_bytes();
        let file = PolicyFile { path: "policies.yaml".to_owned(), content };
        Bundle::read(&[file]).unwrap_or_else(|wrong| panic!("{wrong:#?}\n{}", self.text()))
    }
}

/// Rows of one kind of policies: `name, why: change => access, compliance, reasons, look again`.
macro_rules! rows {
    ($list:ident, $policies:expr; $($name:literal, $why:expr; $change:expr =>
        $access:ident, $compliance:ident, [$($reason:ident),+], $again:expr;)+) => {
        $($list.push($crate::verdict::tests::table::Row {
            name: $name,
            why: $why,
            policies: $policies,
            change: $change,
            access: exgate_domain::policy::Access::$access,
            compliance: exgate_domain::decision::Compliance::$compliance,
            reasons: &[$(exgate_domain::decision::Reason::$reason),+],
            look_again_at: $again,
        });)+
    };
}
use rows;

fn table() -> Vec<Row> {
    let mut rows = Vec::new();
    targeting::rows(&mut rows);
    local::rows(&mut rows);
    management::rows(&mut rows);
    versions::rows(&mut rows);
    facts::rows(&mut rows);
    mdm::rows(&mut rows);
    grace::rows(&mut rows);
    limits::rows(&mut rows);
    expressions::rows(&mut rows);
    rows
}

#[test]
fn every_row_is_decided_as_it_says() {
    let mut bundles = HashMap::new();
    let mut wrong = Vec::new();
    for row in table() {
        let bundle = bundles.entry(row.policies).or_insert_with(|| row.policies.bundle());
        let mut case = case();
        (row.change)(&mut case);
        let decision = decide_and_tell(bundle, &case);
        assert_eq!(decision.mailbox, case.mailbox.id);
        assert_eq!(decision.device_id, case.device.device_id);
        assert_eq!(decision.bundle, bundle.digest());
        let found =
            (decision.access, decision.compliance, &decision.reasons[..], decision.look_again_at);
        let wanted = (row.access, row.compliance, row.reasons, row.look_again_at.map(at));
        if found != wanted {
            let trace = &decision.trace;
            wrong.push(format!("{}: {found:?}, not {wanted:?}: {trace:#?}", row.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn there_are_enough_rows_and_each_says_why() {
    let table = table();
    assert!(table.len() >= ROWS_MIN, "{} rows", table.len());
    let names: HashSet<_> = table.iter().map(|row| row.name).collect();
    assert_eq!(names.len(), table.len(), "two rows have one name");
    for row in &table {
        assert!(row.why.contains(' ') && row.why.len() > 20, "{}: {:?}", row.name, row.why);
    }
    for reason in Reason::ALL {
        let is_there = table.iter().any(|row| row.reasons.contains(&reason));
        assert!(is_there, "no row gives {}", reason.word());
    }
}

fn groups(case: &mut Case, groups: &[&str]) {
    owner(case).groups = groups.iter().map(|group| (*group).to_owned()).collect();
}

fn unmanaged(case: &mut Case, why: Unmatched) {
    case.management = Management::Unmanaged(why);
}

/// No record is the device.
fn unknown(case: &mut Case) {
    unmanaged(case, Unmatched::NoRecord);
}

fn unavailable(case: &mut Case) {
    case.management = Management::Unavailable { why: "the records are too old".to_owned() };
}

fn version(case: &mut Case, text: &str) {
    record(case).os_version = text.to_owned();
}

fn platform(case: &mut Case, platform: &str, text: &str) {
    record(case).operating_system = platform.to_owned();
    version(case, text);
}

fn since(case: &mut Case, text: &str) {
    case.noncompliant_since = Some(at(text));
}

fn mdm(case: &mut Case, state: ComplianceState) {
    record(case).compliance = state;
}

fn grace_until(case: &mut Case, end: &str) {
    mdm(case, ComplianceState::InGracePeriod);
    record(case).grace_until = Some(at(end));
}

/// Targeted by the policy of the fixture that names no compliance policy, and by no other.
fn desk(case: &mut Case) {
    groups(case, &["Service desk"]);
}

/// Targeted by the policy of the fixture that names two compliance policies, of which one grants no
/// grace.
fn tablet(case: &mut Case) {
    groups(case, &["Tablets"]);
}
