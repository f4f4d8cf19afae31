//! How long a card shows the same while its answer is being written.

use std::hash::{DefaultHasher, Hash, Hasher};

/// The longest time in which one card showed nothing new; of the same size however long its text is and however often it
/// changes. Times are microseconds since the simulator's start.
#[derive(Clone, Debug, Default)]
pub(crate) struct Standstill {
    /// Since when the card shows what it shows; `None` before it is there.
    since_us: Option<u64>,
    /// What it shows, as a number: the text itself is too long to be kept a second time.
    shown: u64,
    /// The longest so far; `None` as long as the card never waited for an agent that still wrote.
    longest_us: Option<u64>,
}

impl Standstill {
    /// The card shows this text now, for good where `is_final`. `told_us`: when the agent said its last word. What passes after
    /// that is the way to the end, which has a row of its own.
    pub(crate) fn shows(&mut self, text: &str, is_final: bool, told_us: Option<u64>, now_us: u64) {
        let shown = number_of(text);
        if let Some(since_us) = self.since_us {
            if shown == self.shown && !is_final {
                return;
            }
            let until_us = told_us.map_or(now_us, |told_us| told_us.min(now_us));
            // Nothing where the agent was through before: there was nothing more that the card could have shown.
            self.longest_us = self.longest_us.max(until_us.checked_sub(since_us));
        }
        self.since_us = Some(now_us);
        self.shown = shown;
    }

    /// The longest so far, if the agent wrote while the card was there.
    pub(crate) fn longest_us(&self) -> Option<u64> {
        self.longest_us
    }
}

fn number_of(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}
