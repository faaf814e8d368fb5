//! Chance that can be had again: the same seed gives the same throws.

use proptest::prelude::Rng;
use proptest::test_runner::{RngAlgorithm, TestRng};

/// Throws.
pub(in crate::verdict::tests) struct Dice(TestRng);

impl Dice {
    pub(in crate::verdict::tests) fn new(seed: u64, number: u64) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        bytes[8..16].copy_from_slice(&number.to_le_bytes());
        Self(TestRng::from_seed(RngAlgorithm::ChaCha, &bytes))
    }

    /// A number below another one.
    pub(in crate::verdict::tests) fn below(&mut self, end: usize) -> usize {
        self.0.next_u32() as usize % end
    }

    pub(in crate::verdict::tests) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub(in crate::verdict::tests) fn one<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())].clone()
    }

    /// Some of them, in their order, each with the same chance.
    pub(in crate::verdict::tests) fn some<T: Clone>(&mut self, of: &[T], percent: usize) -> Vec<T> {
        of.iter().filter(|_| self.chance(percent)).cloned().collect()
    }

    /// Some of them, at least one.
    pub(in crate::verdict::tests) fn any<T: Clone>(&mut self, of: &[T], percent: usize) -> Vec<T> {
        let mut some = self.some(of, percent);
        if some.is_empty() {
            some.push(self.one(of));
        }
        some
    }

    /// Two places in a list, the first not after the second.
    pub(in crate::verdict::tests) fn pair<T: Clone>(&mut self, of: &[T]) -> (T, T) {
        let low = self.below(of.len());
        let high = low + self.below(of.len() - low);
        (of[low].clone(), of[high].clone())
    }
}
