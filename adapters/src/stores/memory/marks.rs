//! Deduplication marks, oldest first.

use std::collections::{HashSet, VecDeque};

use switchboard_domain::ids::{ChannelId, MessageId};
use switchboard_domain::time::Timestamp;
use switchboard_ports::conversations::DEDUPLICATION_KEPT;

/// Marks kept at most; about 200 MB. That is eleven new messages a second over a whole day.
const MARKS_MAX: usize = 1_000_000;

type Mark = (ChannelId, MessageId);

/// What was seen within [`DEDUPLICATION_KEPT`].
#[derive(Debug, Default)]
pub(super) struct Marks {
    seen: HashSet<Mark>,
    oldest_first: VecDeque<(Timestamp, Mark)>,
}

impl Marks {
    /// Forgets what is old enough; costs only what it forgets.
    pub(super) fn sweep(&mut self, now: Timestamp) {
        while let Some((at, _)) = self.oldest_first.front()
            && at.after(DEDUPLICATION_KEPT) < now
        {
            if let Some((_, mark)) = self.oldest_first.pop_front() {
                self.seen.remove(&mark);
            }
        }
    }

    /// Whether there is no room for another one. Forgetting one early would break R1, so the message has to wait.
    pub(super) fn are_full(&self) -> bool {
        self.seen.len() >= MARKS_MAX
    }

    /// Whether a message was seen.
    pub(super) fn contains(&self, channel: &ChannelId, message: &MessageId) -> bool {
        self.seen.contains(&(channel.clone(), message.clone()))
    }

    /// Remembers a message.
    pub(super) fn insert(&mut self, channel: &ChannelId, message: &MessageId, now: Timestamp) {
        let mark = (channel.clone(), message.clone());
        if self.seen.insert(mark.clone()) {
            self.oldest_first.push_back((now, mark));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn marks_older_than_a_day_are_forgotten_and_no_others() {
        let (channel, first, second) = (ChannelId::new("chn_a"), MessageId::new("m1"), MessageId::new("m2"));
        let start = Timestamp::from_millis(1_000);
        let mut marks = Marks::default();
        marks.insert(&channel, &first, start);
        marks.insert(&channel, &second, start.after(Duration::from_millis(1)));
        marks.sweep(start.after(DEDUPLICATION_KEPT));
        assert!(marks.contains(&channel, &first));
        marks.sweep(start.after(DEDUPLICATION_KEPT + Duration::from_millis(1)));
        assert!(!marks.contains(&channel, &first));
        assert!(marks.contains(&channel, &second));
        assert_eq!(marks.oldest_first.len(), marks.seen.len());
    }
}
