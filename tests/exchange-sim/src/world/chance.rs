//! Owns the simulator's only source of chance: splitmix64, so that one seed gives one world.
//!
//! Invariant: a `Chance` made from the same seed and topic yields the same numbers for ever.

use uuid::Uuid;

/// A seeded stream of numbers.
#[derive(Clone, Debug)]
pub struct Chance {
    state: u64,
}

impl Chance {
    /// Opens the stream of one topic under one seed; topics do not disturb each other.
    pub fn new(seed: u64, topic: &str) -> Self {
        let mut state = seed ^ 0x9E37_79B9_7F4A_7C15;
        for byte in topic.bytes() {
            state = (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3);
        }
        let mut chance = Self { state };
        chance.number();
        chance
    }

    /// Opens the stream of one object: cheap, for the many that are drawn again whenever they are looked
    /// at.
    pub fn numbered(key: u64, number: u32) -> Self {
        let mut chance =
            Self { state: key ^ u64::from(number).wrapping_mul(0xD1B5_4A32_D192_ED03) };
        chance.state = chance.number();
        chance
    }

    /// Draws the next 64 bits.
    pub fn number(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Draws a number below `bound`; 0 when `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 { 0 } else { self.number() % bound }
    }

    /// Says yes in `percent` of all draws.
    pub fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// Picks one of `choices`; the type's default when there is none.
    pub fn pick<T: Copy + Default>(&mut self, choices: &[T]) -> T {
        let index = usize::try_from(self.below(choices.len() as u64)).unwrap_or(0);
        choices.get(index).copied().unwrap_or_default()
    }

    /// Draws a text of `length` characters of `alphabet`.
    pub fn text(&mut self, alphabet: &[u8], length: usize) -> String {
        (0..length).map(|_| char::from(self.pick(alphabet))).collect()
    }

    /// Draws a version 4 Guid.
    pub fn guid(&mut self) -> Uuid {
        let bytes = (u128::from(self.number()) << 64) | u128::from(self.number());
        uuid::Builder::from_random_bytes(bytes.to_be_bytes()).into_uuid()
    }
}
