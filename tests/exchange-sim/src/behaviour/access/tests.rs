//! The order, row by row; then against its own statement over random worlds.

mod nine_steps;

use super::*;
use AccessLevel::{Allow, Block, Quarantine};
use AccessReason::{DeviceRule, Global, Individual, Policy};
use AccessState::{Allowed, Blocked, Quarantined};

fn ordinary() -> Contact {
    Contact {
        authenticated: true,
        active_sync_enabled: true,
        policy_met: true,
        listed_blocked: false,
        listed_allowed: false,
        rules: Vec::new(),
        default_level: Quarantine,
    }
}

fn ruled(levels: &[AccessLevel]) -> Vec<(AccessLevel, String)> {
    levels.iter().map(|level| (*level, format!("{level:?}"))).collect()
}

/// One row per step of the documented order, each with everything below it pulling the other way.
#[test]
fn the_first_question_that_applies_decides() {
    let all = ruled(&[Allow, Quarantine, Block]);
    let strict = Contact {
        authenticated: false,
        active_sync_enabled: false,
        policy_met: false,
        listed_blocked: true,
        listed_allowed: true,
        rules: all,
        default_level: Allow,
    };
    let mut row = strict;
    assert_eq!(row.answer(), Answer::NotAuthenticated);
    row.authenticated = true;
    assert_eq!(row.answer(), Answer::Disabled);
    row.active_sync_enabled = true;
    assert_eq!(row.answer(), decided(Blocked, Policy, None));
    row.policy_met = true;
    assert_eq!(row.answer(), decided(Blocked, Individual, None));
    row.listed_blocked = false;
    assert_eq!(row.answer(), decided(Allowed, Individual, None));
    row.listed_allowed = false;
    assert_eq!(row.answer(), decided(Blocked, DeviceRule, Some("Block".into())));
    row.rules = ruled(&[Allow, Quarantine]);
    assert_eq!(row.answer(), decided(Quarantined, DeviceRule, Some("Quarantine".into())));
    row.rules = ruled(&[Allow]);
    row.default_level = Block;
    assert_eq!(row.answer(), decided(Allowed, DeviceRule, Some("Allow".into())));
    row.rules.clear();
    assert_eq!(row.answer(), decided(Blocked, Global, None));
}

#[test]
fn the_default_decides_what_nothing_else_covers() {
    for (level, state) in [(Allow, Allowed), (Block, Blocked), (Quarantine, Quarantined)] {
        let contact = Contact { default_level: level, ..ordinary() };

        assert_eq!(contact.answer(), decided(state, Global, None));
    }
}

#[test]
fn an_allow_entry_does_not_help_a_phone_that_fails_its_policy() {
    let contact = Contact { policy_met: false, listed_allowed: true, ..ordinary() };

    assert_eq!(contact.answer(), decided(Blocked, Policy, None));
}
