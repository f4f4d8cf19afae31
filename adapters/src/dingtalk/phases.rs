//! How far this process has brought each card of flow A, as far as it remembers.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use switchboard_domain::hash::stable_hash;

/// Cards remembered; beyond, the oldest is forgotten, which costs one call more and never correctness.
const CARDS_MAX: usize = 4_096;

/// How far a card is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Made, with "Thinking..." or with that its message waits.
    Opened,
    /// Its state was set to "inputing".
    Inputing,
    /// Its last streaming call was taken; its state is still to be set to "finished".
    Finalized,
}

/// A bounded memory of cards. A memory only: after a restart it is empty, and every call must be right without.
#[derive(Debug, Default)]
pub(super) struct Phases(Mutex<Memory>);

#[derive(Debug, Default)]
struct Memory {
    /// By a hash of the card's id, which is four times as long.
    phases: HashMap<u128, Phase>,
    oldest_first: VecDeque<u128>,
}

impl Phases {
    /// How far the card is; `None`: not remembered.
    pub(super) fn of(&self, track_id: &str) -> Option<Phase> {
        self.memory(|memory| memory.phases.get(&stable_hash(&[track_id])).copied())
    }

    /// Remembers how far the card is.
    pub(super) fn set(&self, track_id: &str, phase: Phase) {
        let card = stable_hash(&[track_id]);
        self.memory(|memory| {
            if memory.phases.insert(card, phase).is_none() {
                memory.oldest_first.push_back(card);
            }
            while memory.oldest_first.len() > CARDS_MAX {
                if let Some(oldest) = memory.oldest_first.pop_front() {
                    memory.phases.remove(&oldest);
                }
            }
        });
    }

    fn memory<T>(&self, with: impl FnOnce(&mut Memory) -> T) -> T {
        with(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::{CARDS_MAX, Phase, Phases};

    #[test]
    fn the_oldest_card_is_forgotten_first() {
        let phases = Phases::default();
        for number in 0..=CARDS_MAX {
            phases.set(&number.to_string(), Phase::Opened);
        }
        phases.set("1", Phase::Inputing);
        assert_eq!(phases.of("0"), None);
        assert_eq!(phases.of("1"), Some(Phase::Inputing));
        assert_eq!(phases.of(&CARDS_MAX.to_string()), Some(Phase::Opened));
    }
}
