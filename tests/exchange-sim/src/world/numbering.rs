//! Owns what the objects of a seed are called: a keyed bijection between the number of an object and the
//! first bytes of its Guid or the mark in its DeviceId.
//!
//! Invariant: [`Numbering::number`] undoes [`Numbering::guid`], so that an object is found by its Guid
//! without an index of all Guids, and two numbers never share one.

use uuid::Uuid;

use super::chance::Chance;

/// Enough rounds for names that look random; nobody attacks them.
const ROUNDS: u64 = 4;

/// The names of one kind of object in one organization.
#[derive(Clone, Copy, Debug)]
pub struct Numbering {
    key: u64,
}

impl Numbering {
    /// The names of a topic under a seed.
    pub fn new(seed: u64, topic: &str) -> Self {
        Self { key: Chance::new(seed, topic).number() }
    }

    /// The stream of everything drawn for one object.
    pub fn chance(self, number: u32) -> Chance {
        Chance::numbered(self.key, number)
    }

    /// A number that looks drawn, and is of this object alone.
    pub fn mark(self, number: u32) -> u32 {
        let (mut left, mut right) = halves(number);
        for round in 0..ROUNDS {
            (left, right) = (right, left ^ self.round(round, right));
        }
        whole(left, right)
    }

    /// The object that has this mark.
    pub fn marked(self, mark: u32) -> u32 {
        let (mut left, mut right) = halves(mark);
        for round in (0..ROUNDS).rev() {
            (left, right) = (right ^ self.round(round, left), left);
        }
        whole(left, right)
    }

    /// The Guid of an object: its mark, and 74 more bits that look drawn.
    pub fn guid(self, number: u32) -> Uuid {
        let mark = u128::from(self.mark(number)) << 96;
        let mut chance = Chance::numbered(!self.key, number);
        let rest = (u128::from(chance.number()) << 64) | u128::from(chance.number());
        let bytes = mark | (rest & (u128::MAX >> 32));
        uuid::Builder::from_random_bytes(bytes.to_be_bytes()).into_uuid()
    }

    /// The object that has this Guid, if it is one of `count`.
    pub fn number(self, guid: Uuid, count: u32) -> Option<u32> {
        let (mark, _, _, _) = guid.as_fields();
        let number = self.marked(mark);
        (number < count && self.guid(number) == guid).then_some(number)
    }

    fn round(self, round: u64, half: u16) -> u16 {
        let mixed = Chance::numbered(self.key ^ (round << 56), u32::from(half)).number();
        let [first, second, ..] = mixed.to_le_bytes();
        u16::from_le_bytes([first, second])
    }
}

fn halves(number: u32) -> (u16, u16) {
    let [first, second, third, fourth] = number.to_be_bytes();
    (u16::from_be_bytes([first, second]), u16::from_be_bytes([third, fourth]))
}

fn whole(left: u16, right: u16) -> u32 {
    (u32::from(left) << 16) | u32::from(right)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_name_leads_back_to_its_number(seed: u64, number: u32) {
            let numbering = Numbering::new(seed, "contoso devices");

            prop_assert_eq!(numbering.marked(numbering.mark(number)), number);
            let guid = numbering.guid(number);
            prop_assert_eq!(numbering.number(guid, u32::MAX), Some(number).filter(|it| *it < u32::MAX));
            prop_assert_eq!(numbering.number(guid, number), None, "one that is not there");
        }

        #[test]
        fn a_guid_of_another_is_nobodys(seed: u64, bytes: u128) {
            let guid = uuid::Builder::from_random_bytes(bytes.to_be_bytes()).into_uuid();

            prop_assert_eq!(Numbering::new(seed, "contoso devices").number(guid, u32::MAX), None);
        }
    }
}
