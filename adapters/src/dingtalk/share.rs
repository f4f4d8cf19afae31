//! A bucket's part in a budget that replicas share: the calls it was granted, and when it asks for more (R14).
//!
//! ```text
//!            asked, granted            used up, or too old
//! no calls ────────────────> calls in hand ────────────────> no calls      none granted: asks again after the wait
//!     └── no answer in time ──> alone: starts calls without asking, looks again every second ── an answer ──> no calls
//! ```
//! Calls in hand may be for a moment that is still to come: the store serves replicas in the order in which they ask, so that each
//! gets its part, and who wants less leaves the others more.
//!
//! A bucket whose store does not answer goes on at its whole rate and not at a part of it: how many replicas have calls to make
//! is not known then, mostly it is one, and where it is not, the platform's own throttle answer delays a call and loses nothing.

use std::time::Duration;

use switchboard_ports::budget::{ANSWER_MAX, CLOSED_MAX, GRANT_USABLE, Taken};
use tokio::time::Instant;

/// How often a bucket that is alone looks whether the store answers again.
const ALONE_PAUSE: Duration = Duration::from_secs(1);

/// Whether the first in the queue may start its call, as far as the other replicas are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// It may.
    Start,
    /// It may, and the store is to be asked meanwhile.
    StartAndAsk,
    /// It waits for an answer of the store, which is to be asked.
    Ask,
    /// It waits for an answer of the store, which has been asked.
    Asked,
    /// It waits until then.
    At(Instant),
}

/// What a bucket has of the shared budget. Not cancelled with a claim: what one asked for, the next may use.
#[derive(Debug, Default)]
pub(super) struct Share {
    /// Calls granted and not started yet.
    calls: u32,
    /// From when until when those may start.
    usable: Option<(Instant, Instant)>,
    /// One question is under way, never two.
    is_asking: bool,
    /// When to ask again at the earliest.
    ask_at: Option<Instant>,
    /// The store did not answer last time.
    is_alone: bool,
}

impl Share {
    /// Lets a call start, or says what has to come first.
    pub(super) fn step(&mut self, now: Instant) -> Step {
        let waits_until = self.ask_at.filter(|at| *at > now);
        if self.is_alone {
            let asks = !self.is_asking && waits_until.is_none();
            self.is_asking |= asks;
            return if asks { Step::StartAndAsk } else { Step::Start };
        }
        if let Some((from, _)) = self.usable.filter(|(_, until)| self.calls > 0 && *until > now) {
            if from > now {
                return Step::At(from);
            }
            self.calls -= 1;
            return Step::Start;
        }
        if self.is_asking {
            return Step::Asked;
        }
        if let Some(until) = waits_until {
            return Step::At(until);
        }
        self.is_asking = true;
        Step::Ask
    }

    /// Whether the store is to be asked although no call can start before `opens`.
    pub(super) fn asks_ahead(&mut self, now: Instant, opens: Instant) -> bool {
        let has_calls = self.calls > 0 && self.usable.is_some_and(|(_, until)| until > opens);
        let waits = self.ask_at.is_some_and(|at| at > now);
        let asks = !(self.is_alone || has_calls || self.is_asking || waits);
        self.is_asking |= asks;
        asks
    }

    /// Takes an answer in, `None` where there is none, to a question of `asked_at`. Whether the bucket is alone from now on, and
    /// was not.
    pub(super) fn answered(&mut self, answer: Option<Taken>, asked_at: Instant, now: Instant) -> bool {
        self.is_asking = false;
        // On a busy machine it may have lain about for longer than its calls are good for.
        let answer = answer.filter(|_| now <= asked_at + ANSWER_MAX);
        let was_alone = std::mem::replace(&mut self.is_alone, answer.is_none());
        self.calls = 0;
        match answer {
            None => self.ask_at = Some(now + ALONE_PAUSE),
            Some(Taken::Calls { count, after }) => {
                self.calls = count.get();
                // The store counts from a moment between question and answer.
                self.usable = Some((now + after, asked_at + after + GRANT_USABLE));
                self.ask_at = None;
            }
            // From the question on, so that a far replica comes back when the others do.
            Some(Taken::Wait(pause)) => self.ask_at = Some(asked_at + pause.min(CLOSED_MAX)),
        }
        self.is_alone && !was_alone
    }

    /// Forgets what it was told to wait for: the rate is another one.
    pub(super) fn rate_changed(&mut self) {
        self.ask_at = self.ask_at.filter(|_| self.is_alone);
        self.calls = 0;
    }
}
