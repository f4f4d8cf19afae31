//! A circuit breaker: who fails several times in a row is left alone for a while, so that nobody waits for it in vain.

use core::time::Duration;

use crate::time::Timestamp;

/// Failures in a row after which nobody asks.
pub const FAILURES_MAX: u32 = 5;

/// How long nobody asks then. After that, one asks, and the others as soon as that one was answered.
pub const PAUSE: Duration = Duration::from_secs(30);

/// Whether somebody may be asked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Breaker {
    state: State,
}

/// ```text
///        failed, the last of FAILURES_MAX
/// Closed --------------------------------> Open{until} --+
///    ^                                       |    ^      | admits at until: the trial; failed
///    +---------------------------------------+    +------+ (until is a PAUSE later)
///                    answered
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    Closed { failures: u32 },
    Open { until: Timestamp },
}

impl Default for State {
    fn default() -> Self {
        Self::Closed { failures: 0 }
    }
}

impl Breaker {
    /// Whether the caller may ask now. Where it is the trial after a pause, the next trial is a pause later: one that
    /// never comes back lets another one through.
    pub fn admits(&mut self, now: Timestamp) -> bool {
        match self.state {
            State::Closed { .. } => true,
            State::Open { until } if now < until => false,
            State::Open { .. } => {
                self.state = State::Open { until: now.after(PAUSE) };
                true
            }
        }
    }

    /// It was answered, whatever the answer.
    pub fn answered(&mut self) {
        self.state = State::default();
    }

    /// It was not answered.
    pub fn failed(&mut self, now: Timestamp) {
        self.state = match self.state {
            State::Closed { failures } if failures.saturating_add(1) < FAILURES_MAX => {
                State::Closed { failures: failures.saturating_add(1) }
            }
            State::Closed { .. } | State::Open { .. } => State::Open { until: now.after(PAUSE) },
        };
    }
}

#[cfg(test)]
mod tests {
    use super::{Breaker, FAILURES_MAX, PAUSE};
    use crate::time::Timestamp;

    const START: Timestamp = Timestamp::from_millis(1_000);

    fn opened() -> Breaker {
        let mut breaker = Breaker::default();
        for _ in 0..FAILURES_MAX {
            assert!(breaker.admits(START));
            breaker.failed(START);
        }
        breaker
    }

    #[test]
    fn failures_in_a_row_open_it_for_a_pause_and_one_trial_closes_it() {
        let mut breaker = opened();
        assert!(!breaker.admits(START));
        let later = START.after(PAUSE);
        assert!(breaker.admits(later));
        assert!(!breaker.admits(later), "one trial at a time");
        breaker.answered();
        assert!(breaker.admits(later) && breaker.admits(later));
    }

    #[test]
    fn a_failed_trial_and_one_that_never_comes_back_cost_a_pause_more() {
        let mut breaker = opened();
        let later = START.after(PAUSE);
        assert!(breaker.admits(later));
        breaker.failed(later);
        assert!(!breaker.admits(later));
        assert!(breaker.admits(later.after(PAUSE)));
        assert!(breaker.admits(later.after(PAUSE).after(PAUSE)));
    }

    #[test]
    fn an_answer_in_between_starts_the_count_anew() {
        let mut breaker = Breaker::default();
        for _ in 0..3 * FAILURES_MAX {
            breaker.failed(START);
            breaker.answered();
        }
        assert!(breaker.admits(START));
    }
}
