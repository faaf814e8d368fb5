//! Advice that was once wrong: each is what somebody would have done in vain.

use exgate_domain::case::Sibling;
use exgate_domain::observation::AccessState;

use super::super::{Language, explain};
use crate::bundles::{Bundle, PolicyFile};
use crate::verdict::fixture::{at, case};

/// A compliance policy `c` with these lines, and an access policy `a` for everybody with these.
fn policies(compliance: &str, access: &str) -> String {
    format!(
        "apiVersion: exgate/v1\nkind: CompliancePolicy\nname: c\n{compliance}\n---\n\
         apiVersion: exgate/v1\nkind: AccessPolicy\nname: a\nprecedence: 5\norganizations: [\"*\"]\n\
         includedGroups: [Everyone]\ncompliancePolicies: [c]\n{access}"
    )
}

fn read(policies: &str) -> Bundle {
    let content = policies.as_bytes().to_vec();
    let read = Bundle::read(&[PolicyFile { path: "p.yaml".to_owned(), content }]);
    read.unwrap_or_else(|mistakes| panic!("{mistakes:?}"))
}

const IOS: &str = "platforms: {iOS: {}}";

fn siblings(count: u16) -> Vec<Sibling> {
    let sibling = |number: u16| Sibling {
        device_id: format!("SIB{number}").parse().unwrap(),
        device_type: "iPad".to_owned(),
        access_state: AccessState::Allowed,
        first_sync_at: Some(at("2025-01-01T00:00:00Z")),
        last_sync_at: Some(at(&format!("2026-02-{:02}T00:00:00Z", number + 1))),
    };
    (0..count).map(sibling).collect()
}

#[test]
fn one_device_is_told_as_one() {
    let asked = policies(IOS, "maximumDevices: {count: 1}");
    let told = Language::ALL.map(|language| {
        let mut case = case();
        case.siblings = siblings(1);
        explain(&read(&asked), &case, language).sentences[1].clone()
    });
    let expected = [
        "Anna Berg may have at most 1 device with mail, and 1 other device comes first.",
        "Anna Berg mag e-mail hebben op ten hoogste 1 toestel, en 1 ander toestel gaat voor.",
    ];
    assert_eq!(told, expected);
}
