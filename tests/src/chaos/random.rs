//! Choices made of a seed.

use switchboard_ports::clock::Entropy;

use crate::fakes::clock::SimEntropy;

/// A sequence of choices.
#[derive(Debug)]
pub(super) struct Random(SimEntropy);

impl Random {
    /// The sequence of a seed for one purpose.
    pub(super) fn new(seed: u64, purpose: u64) -> Self {
        let mixed = SimEntropy::new(seed.rotate_left(32) ^ purpose).next_u64();
        Self(SimEntropy::new(mixed))
    }

    /// A number from `low` to `high`, both included.
    pub(super) fn between(&self, low: u64, high: u64) -> u64 {
        low + self.0.next_u64() % (high - low + 1)
    }

    /// Whether something of this many in a hundred happens.
    pub(super) fn percent(&self, chance: u64) -> bool {
        self.between(0, 99) < chance
    }

    /// One of these.
    pub(super) fn pick<T: Copy>(&self, all: &[T]) -> T {
        let place = self.between(0, all.len() as u64 - 1);
        all[usize::try_from(place).expect("a place in a list")]
    }
}
