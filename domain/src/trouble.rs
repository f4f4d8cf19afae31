//! Trouble that lasts, and how often it is worth a line: when it begins, now and then while it lasts, and when it is over.

use core::time::Duration;

use crate::time::Timestamp;

/// At most one line in this time is said of one kind of trouble, its end not counted.
pub const REMINDER_INTERVAL: Duration = Duration::from_secs(30);

/// One kind of trouble: whether it lasts, since when, and what it cost.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Episode {
    since: Option<Timestamp>,
    refused: u64,
    /// When something was last said, of this trouble or one before.
    told_at: Option<Timestamp>,
    /// Whether anything was said of this one.
    is_told: bool,
}

/// What there is to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// How long it has lasted.
    pub lasted: Duration,
    /// What was refused since it began.
    pub refused: u64,
}

impl Episode {
    /// No trouble so far.
    #[must_use]
    pub const fn new() -> Self {
        Self { since: None, refused: 0, told_at: None, is_told: false }
    }

    /// Something was refused. There is something to say at the beginning, and later as a reminder; trouble that comes and goes
    /// says no more than trouble that stays.
    pub fn refused(&mut self, count: u64, now: Timestamp) -> Option<Told> {
        let since = *self.since.get_or_insert(now);
        self.refused = self.refused.saturating_add(count);
        let is_due = self.told_at.is_none_or(|at| now.since(at) >= REMINDER_INTERVAL);
        is_due.then(|| {
            self.told_at = Some(now);
            self.is_told = true;
            Told { lasted: now.since(since), refused: self.refused }
        })
    }

    /// It works again. There is something to say where something was said before.
    pub fn ended(&mut self, now: Timestamp) -> Option<Told> {
        let since = self.since.take()?;
        let refused = core::mem::take(&mut self.refused);
        core::mem::take(&mut self.is_told).then(|| Told { lasted: now.since(since), refused })
    }

    /// Whether it lasts.
    #[must_use]
    pub const fn lasts(&self) -> bool {
        self.since.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> Timestamp {
        Timestamp::from_millis(secs * 1_000)
    }

    const fn told(secs: u64, refused: u64) -> Told {
        Told { lasted: Duration::from_secs(secs), refused }
    }

    #[test]
    fn trouble_is_told_when_it_begins_now_and_then_and_when_it_ends() {
        let mut trouble = Episode::new();
        assert_eq!(trouble.ended(at(0)), None);
        assert_eq!(trouble.refused(2, at(1)), Some(told(0, 2)));
        for secs in 2..31 {
            assert_eq!(trouble.refused(1, at(secs)), None);
        }
        assert_eq!(trouble.refused(1, at(31)), Some(told(30, 32)));
        assert_eq!(trouble.refused(1, at(40)), None);
        assert!(trouble.lasts());
        assert_eq!(trouble.ended(at(41)), Some(told(40, 33)));
        assert_eq!(trouble.ended(at(42)), None);
        assert!(!trouble.lasts());
    }

    #[test]
    fn trouble_that_comes_and_goes_says_no_more_than_trouble_that_stays() {
        let mut trouble = Episode::new();
        assert_eq!(trouble.refused(1, at(0)), Some(told(0, 1)));
        assert_eq!(trouble.ended(at(1)), Some(told(1, 1)));
        for secs in 1..30 {
            assert_eq!(trouble.refused(1, at(secs)), None);
            assert_eq!(trouble.ended(at(secs)), None);
        }
        assert_eq!(trouble.refused(1, at(30)), Some(told(0, 1)));
    }
}
