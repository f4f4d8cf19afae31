//! The budget store: how many calls of a platform's API all replicas together may start (R14).
//!
//! A platform counts calls by credentials and API and does not know our replicas apart. So that they need not ask for each
//! call, calls are granted in small batches, each usable for a short time.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

use async_trait::async_trait;
use switchboard_domain::time::Timestamp;

use crate::error::StoreError;

/// How long a question may take: an answer that takes longer leaves hardly any time for its calls to start.
pub const ANSWER_MAX: Duration = Duration::from_millis(100);

/// How long the calls of a batch may start, counted from the moment of asking: the grant cannot be older than that.
pub const GRANT_USABLE: Duration = Duration::from_millis(120);

/// How long a granted call counts: a second and [`GRANT_USABLE`]. A call that starts at the end of that time is then still
/// counted for a whole second, so no second sees more calls than the rate, whenever the calls of a batch start.
pub const GRANT_COUNTED: Duration = Duration::from_millis(1_120);

/// How far ahead calls are granted to whoever comes when there are none left: who asks first starts first, however near to the
/// store the others are. Each replica asks for one batch at a time, so it is far only where many want more than there is; but a pause of
/// the bucket is not heard of by those who have calls in hand.
pub const GRANT_AHEAD: Duration = Duration::from_secs(5);

/// How exactly a store remembers when a grant ceases to count: at most so much later. It bounds what is kept of a bucket.
pub const GRANT_SLOT: Duration = Duration::from_millis(10);

/// Longest pause of a closed bucket; longer ones are cut.
pub const CLOSED_MAX: Duration = Duration::from_mins(5);

/// Shares budgets of calls among replicas, by one clock for all of them.
#[async_trait]
pub trait BudgetStore: Send + Sync {
    /// Takes up to `wanted` (at least one) of the calls that `rate` (at least one) a second allow: now, or as soon as grants cease
    /// to count, up to [`GRANT_AHEAD`] from now. The grants that count at any time, by whomever and at whatever rate they were
    /// taken, are never more than `rate` afterwards, unless they were before.
    ///
    /// Atomic. Not repeatable: what was granted and not heard of is lost until it ceases to count; so it is after a
    /// time-out or a cancellation, and with calls that are not started in time.
    async fn take(&self, bucket: &BudgetKey, rate: u32, wanted: u32) -> Result<Taken, StoreError>;

    /// Grants nothing for a pause, because the platform throttled a call; the longest pause counts, up to [`CLOSED_MAX`].
    ///
    /// Repeatable, safe to cancel; after a time-out: unknown.
    async fn close(&self, bucket: &BudgetKey, pause: Duration) -> Result<(), StoreError>;
}

/// What a platform counts calls by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BudgetKey {
    /// The address the platform is reached at.
    pub base: String,
    /// What the platform calls the app; no secret.
    pub app: String,
    /// Which of its APIs.
    pub api: String,
}

/// What came of asking for calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// So many calls may start, until [`GRANT_USABLE`] after the question and what there is to wait.
    Calls {
        /// How many.
        count: NonZeroU32,
        /// How long after the answer at the earliest.
        after: Duration,
    },
    /// None; asking again makes sense after this time, which is not zero.
    Wait(Duration),
}

/// One bucket's grants, by a clock that is handed in: what a store means, in memory.
#[derive(Debug, Default)]
pub struct Schedule {
    /// How many calls cease to count when.
    granted: BTreeMap<Timestamp, u32>,
    closed_until: Option<Timestamp>,
}

impl Schedule {
    /// Forgets what counts no more. Whether nothing does: such a one is as good as a new one.
    pub fn settle(&mut self, now: Timestamp) -> bool {
        self.granted.retain(|until, _| *until > now);
        self.closed_until = self.closed_until.filter(|until| *until > now);
        self.granted.is_empty() && self.closed_until.is_none()
    }

    /// Closes for a pause; the longest counts.
    pub fn close(&mut self, pause: Duration, now: Timestamp) {
        self.closed_until = self.closed_until.max(Some(now.after(pause.min(CLOSED_MAX))));
    }

    /// See [`BudgetStore::take`].
    pub fn take(&mut self, rate: u32, wanted: u32, now: Timestamp) -> Taken {
        self.settle(now);
        if let Some(until) = self.closed_until {
            return Taken::Wait(until.since(now));
        }
        let (begin, free) = self.first_free(rate, now);
        let after = begin.since(now);
        let Some(count) = NonZeroU32::new(wanted.min(free)).filter(|_| after <= GRANT_AHEAD) else {
            return Taken::Wait(after.saturating_sub(GRANT_AHEAD).max(GRANT_SLOT));
        };
        let slot = u64::try_from(GRANT_SLOT.as_millis()).unwrap_or(u64::MAX);
        let until = begin.after(GRANT_COUNTED).as_millis().next_multiple_of(slot);
        *self.granted.entry(Timestamp::from_millis(until)).or_default() += count.get();
        Taken::Calls { count, after }
    }

    /// When calls may start at the earliest, and how many. Where there are none left, they come evenly, each behind those that were
    /// asked for before: else who is nearest to the store would take all that a burst leaves at once.
    fn first_free(&self, rate: u32, now: Timestamp) -> (Timestamp, u32) {
        let all = self.granted.values().sum::<u32>();
        let (mut begin, mut counted) = (now, all);
        for (until, count) in &self.granted {
            if counted < rate {
                break;
            }
            begin = *until;
            counted = counted.saturating_sub(*count);
        }
        if let Some((until, count)) = self.granted.last_key_value() {
            // As exactly as the slot says; taken at a higher rate, they are behind each other by no more than they count.
            let last = until.before(GRANT_COUNTED + GRANT_SLOT / 2);
            if begin > now || last > now {
                let gap = |calls: u32| GRANT_COUNTED.saturating_mul(calls.min(rate)) / rate.max(1);
                // At a rate that was lower, the last may be far ahead although little counts.
                begin = begin.max(last.after(gap(*count)).min(now.after(gap(all))));
            }
        }
        let still = self.granted.iter().filter(|(until, _)| **until > begin).map(|(_, count)| count);
        (begin, rate.saturating_sub(still.sum()))
    }
}
