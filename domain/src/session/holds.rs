//! What keeps a session from beginning anything.

use super::Hold;

/// The reasons for which no new turn may begin, one bit each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Holds(pub(super) u8);

impl Holds {
    pub(super) const fn bit(hold: Hold) -> u8 {
        match hold {
            Hold::Loading => 1,
            Hold::Disabled => 2,
            Hold::Stopping => 4,
            Hold::Replies => 8,
        }
    }

    pub(super) const fn add(&mut self, hold: Hold) {
        self.0 |= Self::bit(hold);
    }

    pub(super) const fn remove(&mut self, hold: Hold) {
        self.0 &= !Self::bit(hold);
    }

    pub(super) const fn any(self) -> bool {
        self.0 != 0
    }

    pub(super) const fn has(self, hold: Hold) -> bool {
        self.0 & Self::bit(hold) != 0
    }
}
