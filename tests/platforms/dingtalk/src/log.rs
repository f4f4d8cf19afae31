//! A bounded log: entries keep their sequence number, the oldest leave when it is full.

use std::collections::VecDeque;

use serde::{Serialize, Serializer};

/// Bounded list of entries with stable, increasing sequence numbers.
#[derive(Clone, Debug)]
pub struct Log<T> {
    entries: VecDeque<T>,
    first: u64,
    capacity: usize,
}

impl<T> Log<T> {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { entries: VecDeque::new(), first: 0, capacity }
    }

    /// Appends an entry; returns its number and the entry that had to leave.
    pub(crate) fn push(&mut self, entry: T) -> (u64, Option<T>) {
        let left = if self.entries.len() >= self.capacity {
            self.first = self.first.saturating_add(1);
            self.entries.pop_front()
        } else {
            None
        };
        let number = self.next_number();
        self.entries.push_back(entry);
        (number, left)
    }

    /// The number that the next entry gets.
    pub(crate) fn next_number(&self) -> u64 {
        self.first.saturating_add(u64::try_from(self.entries.len()).unwrap_or(u64::MAX))
    }

    /// The entry with this number, unless it left already.
    #[must_use]
    pub fn numbered(&self, number: u64) -> Option<&T> {
        self.entries.get(usize::try_from(number.checked_sub(self.first)?).ok()?)
    }

    pub(crate) fn numbered_mut(&mut self, number: u64) -> Option<&mut T> {
        self.entries.get_mut(usize::try_from(number.checked_sub(self.first)?).ok()?)
    }

    /// Entries from the oldest kept to the newest.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.entries.iter()
    }

    pub(crate) fn iter_mut(&mut self) -> impl DoubleEndedIterator<Item = &mut T> {
        self.entries.iter_mut()
    }

    /// The newest entry.
    #[must_use]
    pub fn last(&self) -> Option<&T> {
        self.entries.back()
    }

    /// Number of entries kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Nothing kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Number of entries that left because the log was full.
    #[must_use]
    pub fn forgotten(&self) -> u64 {
        self.first
    }
}

impl<T: Serialize> Serialize for Log<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.entries.iter())
    }
}
