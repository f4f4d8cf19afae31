//! How often a card is updated: soon at first, slower in long answers, and seldom or never where calls are saved.

use core::time::Duration;

use super::Reply;
use crate::usage::Pace;

/// From so many updates on they are further apart, step by step: in percent of the channel's interval.
const GROWTH_PERCENT: [u32; 4] = [140, 190, 250, 350];

/// How many updates come before the first step.
const GROWTH_FROM: u32 = 4;

/// The pause in long answers, unless the channel's interval is longer. No card stands without progress for 3 s: what is left of
/// them is for the queue and the way.
pub(super) const LONG_INTERVAL_MAX: Duration = Duration::from_millis(2_500);

/// Longest pause before a failed update is tried again: when the platform is back, its cards must not stand much longer.
pub(super) const UPDATE_PAUSE_MAX: Duration = Duration::from_secs(4);

/// Where calls are saved: how soon the first update comes, and how far apart the others are.
const FEW_FIRST_AFTER: Duration = Duration::from_secs(3);
const FEW_APART: Duration = Duration::from_secs(10);

impl Reply {
    /// Goes on at another pace. What was claimed or is on its way is still made: only the next update comes by the new one.
    /// Memory only, and no step: nothing is wanted for it, but the deadline may be another one.
    pub const fn keep_pace(&mut self, pace: Pace) {
        self.facts.limits.pace = pace;
    }
}

/// How long after the last update the next may go out, so many having been made.
pub(super) fn updates_apart(pace: Pace, interval: Duration, updates: u32) -> Duration {
    match (pace, updates) {
        (Pace::Normal, 0) => Duration::ZERO,
        (Pace::Normal, 1) => interval / 2,
        (Pace::Normal, 2..) => {
            let grown = GROWTH_PERCENT.iter().zip(GROWTH_FROM..).take_while(|(_, from)| *from <= updates);
            let percent = grown.last().map_or(100, |(percent, _)| *percent);
            interval.max((interval * percent / 100).min(LONG_INTERVAL_MAX))
        }
        (Pace::FewUpdates, 0) => interval.max(FEW_FIRST_AFTER),
        (Pace::FewUpdates, 1..) => interval.max(FEW_APART),
        (Pace::FinalOnly, _) => Duration::MAX,
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::{Pace, updates_apart};

    /// Updates of an answer that always has more to show, within this time.
    fn updates_in(span: Duration, pace: Pace, interval_ms: u64) -> (u32, Duration) {
        let (mut at, mut updates, mut longest) = (Duration::ZERO, 0, Duration::ZERO);
        loop {
            let apart = updates_apart(pace, Duration::from_millis(interval_ms), updates);
            at = at.saturating_add(apart);
            if at >= span {
                return (updates, longest);
            }
            (updates, longest) = (updates + 1, longest.max(apart));
        }
    }

    #[test]
    fn half_a_minute_takes_sixteen_updates_and_none_waits_for_three_seconds() {
        let (updates, longest) = updates_in(Duration::from_secs(30), Pace::Normal, 800);
        assert_eq!((updates, longest), (16, Duration::from_millis(2_500)));
    }

    #[test]
    fn saving_takes_few_or_none() {
        let span = Duration::from_secs(30);
        assert_eq!(updates_in(span, Pace::FewUpdates, 800).0, 3);
        assert_eq!(updates_in(span, Pace::FinalOnly, 800).0, 0);
    }

    #[test]
    fn an_interval_of_the_operators_own_is_never_undercut_after_the_first_two() {
        for interval_ms in [10, 800, 5_000, 60_000] {
            let interval = Duration::from_millis(interval_ms);
            for updates in 2..100 {
                assert!(updates_apart(Pace::Normal, interval, updates) >= interval);
                assert!(updates_apart(Pace::FewUpdates, interval, updates) >= interval);
            }
        }
    }
}
