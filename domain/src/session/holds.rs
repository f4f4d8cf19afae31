//! What keeps a session from beginning anything.

use super::{Effects, Hold, Session};
use crate::reply::Durability;

/// The reasons for which no new turn may begin, one bit each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Holds(u8);

impl Holds {
    const fn bit(hold: Hold) -> u8 {
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

    const fn any(self) -> bool {
        self.0 != 0
    }

    pub(super) const fn any_but(self, hold: Hold) -> bool {
        self.0 & !Self::bit(hold) != 0
    }

    pub(super) const fn has(self, hold: Hold) -> bool {
        self.0 & Self::bit(hold) != 0
    }
}

impl Session {
    /// A running turn goes on. That it has begun is stored at once where its channel is disabled: the next process has to
    /// know it, to let it finish.
    pub(super) fn held(&mut self, hold: Hold) -> Effects {
        let is_told = hold == Hold::Disabled && !self.holds.has(hold) && self.running().is_some();
        self.holds.add(hold);
        let durability = if is_told { Durability::Now } else { Durability::default() };
        Effects { durability, ..Effects::default() }
    }

    /// Whether nothing holds the next turn. A disabled channel lets running answers finish, and one that ran when its
    /// process died is still such an answer: its card stands open until its turn ends.
    pub(super) fn may_begin(&self) -> bool {
        if self.holds.any_but(Hold::Disabled) {
            return false;
        }
        let had_begun = |head| self.kept.attempts.is_some_and(|attempts| attempts.seq == head);
        !self.holds.any() || self.begun_before().is_some_and(had_begun)
    }
}
