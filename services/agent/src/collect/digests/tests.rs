//! What is known, and when it no longer is.

use exgate_domain::observation::Kind;

use super::*;

const ONE: Generation = Generation::new(1);

fn key(number: u128) -> Key {
    Key { kind: Kind::Device, guid: Uuid::from_u128(number) }
}

fn digest(text: &str) -> ObservationDigest {
    ObservationDigest::of(text.as_bytes())
}

/// A table to which these objects, told as "a" in the bytes 7, were acknowledged.
fn acknowledged(keys: impl IntoIterator<Item = u128>) -> DigestTable {
    let mut table = DigestTable::default();
    table.begin(ONE, false, Seal::Whole);
    for number in keys {
        assert!(!table.known(key(number), 7));
        assert!(!table.see(key(number), digest("a"), Some(7)));
    }
    table.acknowledge(Seal::Whole);
    table
}

#[test]
fn an_object_is_known_only_after_its_run_was_acknowledged() {
    let mut table = DigestTable::default();
    table.begin(ONE, false, Seal::Whole);
    assert!(!table.see(key(1), digest("a"), Some(7)));

    table.begin(ONE, false, Seal::Whole);
    assert!(!table.known(key(1), 7), "the first run was never acknowledged");
    assert!(!table.see(key(1), digest("a"), Some(7)));
    table.acknowledge(Seal::Whole);

    table.begin(ONE, false, Seal::Whole);
    assert!(table.known(key(1), 7));
    assert!(!table.known(key(1), 8), "its bytes have changed");
    assert!(!table.known(key(2), 7), "another object is no news of this one");
    assert!(table.see(key(1), digest("a"), Some(8)));
    assert!(!table.see(key(1), digest("b"), Some(9)));
    assert_eq!(table.reading(), Reading { skipped: 1, read: 2, mistaken: 0 });
}

#[test]
fn what_a_broken_run_told_is_unknown_and_the_rest_stays_known() {
    let mut table = acknowledged([1, 2]);
    table.begin(ONE, false, Seal::Whole);
    assert!(!table.see(key(1), digest("b"), Some(8)));
    assert!(!table.see(key(3), digest("a"), Some(7)));
    // The run breaks here: the coordinator may have "b", and the object may be "a" again.
    table.begin(ONE, false, Seal::Whole);
    assert!(!table.known(key(1), 7));
    assert!(!table.known(key(1), 8));
    assert!(!table.see(key(1), digest("a"), Some(7)));
    assert!(!table.known(key(3), 7));
    assert!(table.known(key(2), 7));
    table.acknowledge(Seal::Whole);
    assert_eq!(table.len(), 2);
}

#[test]
fn another_lease_or_a_coordinator_that_forgot_starts_from_nothing() {
    let mut table = DigestTable::default();
    for (generation, forget) in [(1, false), (2, false), (2, true)] {
        table.begin(Generation::new(generation), forget, Seal::Part);
        assert!(!table.known(key(1), 7), "{generation} {forget}");
        assert!(!table.see(key(1), digest("a"), Some(7)), "{generation} {forget}");
        table.acknowledge(Seal::Part);
    }
}

#[test]
fn an_object_that_a_receipt_showed_is_told_again() {
    let mut table = acknowledged([1]);
    table.forget(key(1));
    table.begin(ONE, false, Seal::Whole);
    assert!(!table.known(key(1), 7), "the change may have been reverted meanwhile");
    assert!(!table.see(key(1), digest("a"), Some(7)));
    table.acknowledge(Seal::Whole);
    table.begin(ONE, false, Seal::Whole);
    assert!(table.known(key(1), 7));
    assert_eq!(table.reading().mistaken, 0);
}

#[test]
fn what_a_whole_run_did_not_see_is_forgotten() {
    let mut table = acknowledged([1, 2]);
    table.begin(ONE, false, Seal::Part);
    assert!(table.see(key(2), digest("a"), None));
    table.acknowledge(Seal::Part);
    assert_eq!(table.len(), 2);

    table.begin(ONE, false, Seal::Whole);
    assert!(table.known(key(2), 7), "it was read without its bytes, and had not changed");
    table.acknowledge(Seal::Whole);
    assert_eq!((table.len(), table.bytes()), (1, 32));
}

#[test]
fn a_change_that_was_read_without_its_bytes_makes_the_old_bytes_unknown() {
    let mut table = acknowledged([1]);
    table.begin(ONE, false, Seal::Part);
    assert!(!table.see(key(1), digest("b"), None));
    table.acknowledge(Seal::Part);
    table.begin(ONE, false, Seal::Whole);
    assert!(!table.known(key(1), 7), "the change was undone, and the coordinator has it");
}

#[test]
fn every_seventh_look_at_everything_reads_all_of_it() {
    let mut table = DigestTable::new(7);
    let mut read = Vec::new();
    for run in 1..=15 {
        table.begin(ONE, false, Seal::Whole);
        if !table.known(key(1), 7) {
            read.push(run);
            table.see(key(1), digest("a"), Some(7));
        }
        table.acknowledge(Seal::Whole);
        // A look at a part is no turn of it.
        table.begin(ONE, false, Seal::Part);
        table.acknowledge(Seal::Part);
    }
    assert_eq!(read, [1, 7, 14]);

    let mut always = DigestTable::new(1);
    for _ in 0..3 {
        always.begin(ONE, false, Seal::Whole);
        assert!(!always.known(key(1), 7));
        always.see(key(1), digest("a"), Some(7));
        always.acknowledge(Seal::Whole);
    }
}

#[test]
fn bytes_that_say_something_else_than_before_are_counted() {
    let mut table = DigestTable::new(1);
    for text in ["a", "b"] {
        table.begin(ONE, false, Seal::Whole);
        table.see(key(1), digest(text), Some(7));
        table.acknowledge(Seal::Whole);
    }
    assert_eq!(table.reading(), Reading { skipped: 0, read: 1, mistaken: 1 });
}

#[test]
fn an_object_told_twice_in_its_first_run_is_told_again() {
    let mut table = DigestTable::default();
    table.begin(ONE, false, Seal::Whole);
    for (text, raw) in [("a", 7), ("b", 8), ("a", 7)] {
        table.see(key(1), digest(text), Some(raw));
    }
    table.see(key(2), digest("a"), Some(7));
    table.see(key(2), digest("a"), Some(7));
    table.acknowledge(Seal::Whole);
    assert_eq!(table.len(), 2);
    table.begin(ONE, false, Seal::Whole);
    assert!(!table.known(key(1), 7) && !table.known(key(1), 8));
    assert!(table.known(key(2), 7));
}

#[test]
fn a_large_table_finds_each_of_its_objects_and_takes_32_bytes_for_it() {
    const COUNT: u128 = 20_000;
    let mut table = acknowledged(0..COUNT);
    for round in 0..3_u128 {
        table.begin(ONE, false, Seal::Whole);
        // Some go and some come in each round.
        let (from, to) = (round * 1_000, COUNT + round * 1_000);
        for number in from..to {
            let is_new = round > 0 && number >= to - 1_000;
            assert_eq!(table.known(key(number), 7), !is_new, "{number} in round {round}");
            if is_new {
                assert!(!table.see(key(number), digest("a"), Some(7)));
            }
        }
        assert!(!table.known(key(to), 7));
        table.acknowledge(Seal::Whole);
        assert_eq!(table.len(), 20_000);
        assert_eq!(table.bytes(), 20_000 * 32);
    }
}

#[test]
fn mailboxes_of_known_devices_are_held_only_as_far_as_acknowledged_looks_say() {
    let mut table = DigestTable::default();
    assert!(!table.owners_are_held(), "nothing was looked at");
    table.begin(ONE, false, Seal::Whole);
    table.owners_shown(true);
    assert!(!table.owners_are_held(), "nobody has acknowledged it");
    table.acknowledge(Seal::Whole);
    assert!(table.owners_are_held());

    table.begin(ONE, false, Seal::Part);
    table.acknowledge(Seal::Part);
    assert!(table.owners_are_held(), "a read-back says nothing of it");

    table.begin(ONE, false, Seal::Part);
    table.owners_shown(false);
    table.owners_shown(true);
    table.acknowledge(Seal::Part);
    assert!(!table.owners_are_held(), "a mailbox was left out");

    table.begin(ONE, false, Seal::Part);
    table.owners_shown(true);
    // The run breaks here.
    table.begin(ONE, false, Seal::Part);
    assert!(!table.owners_are_held(), "the look that was whole was never acknowledged");
    table.owners_shown(true);
    table.acknowledge(Seal::Part);
    assert!(table.owners_are_held());

    table.begin(Generation::new(2), false, Seal::Part);
    assert!(!table.owners_are_held(), "another lease begins from nothing");
}
