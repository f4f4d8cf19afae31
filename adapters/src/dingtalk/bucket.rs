//! One API's bucket of calls: at most so many a second, the more important claim first (R14).
//!
//! A bucket lets at most `calls_per_second` calls start in any second (and a little: clocks and networks jitter), so
//! that the platform's own count, wherever its seconds begin, is never exceeded; a burst after a pause goes out at
//! once. A throttle answer closes the bucket for the pause the platform asks for.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// The span in which at most `calls_per_second` calls start: a second and five percent.
const WINDOW: Duration = Duration::from_millis(1_050);

/// How important a claim is: the first goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Class {
    /// Finishing a card.
    Finish,
    /// Opening a card.
    Open,
    /// Sending a plain message.
    Text,
    /// Updating a card.
    Update,
}

/// One API's bucket.
#[derive(Debug, Default)]
pub(super) struct Bucket(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Calls a second; 0: no limit of ours.
    rate: usize,
    /// When the last calls were let through, oldest first, at most `rate`.
    granted: VecDeque<Instant>,
    /// Nothing is let through before: the platform throttled us.
    closed_until: Option<Instant>,
    /// Who waits, the most important first, then the longest. One entry per claim under way, so as many as there are
    /// replies with a call to make.
    waiting: BTreeMap<(Class, u64), Arc<Notify>>,
    next_ticket: u64,
}

impl State {
    /// When the next call may start; `None`: now.
    fn blocked_until(&self, now: Instant) -> Option<Instant> {
        let full = self.rate > 0 && self.granted.len() >= self.rate;
        let freed_at = self.granted.front().filter(|_| full).map(|oldest| *oldest + WINDOW);
        freed_at.max(self.closed_until).filter(|until| *until > now)
    }

    fn grant(&mut self, now: Instant) {
        if self.rate == 0 {
            return;
        }
        while self.granted.len() >= self.rate {
            self.granted.pop_front();
        }
        self.granted.push_back(now);
    }

    fn wake_first(&self) {
        if let Some((_, first)) = self.waiting.first_key_value() {
            first.notify_one();
        }
    }
}

/// A place in the queue; leaves it when dropped, so that a cancelled claim blocks nobody.
struct Place<'a> {
    bucket: &'a Bucket,
    key: (Class, u64),
    notify: Arc<Notify>,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut state = lock(&self.bucket.0);
        state.waiting.remove(&self.key);
        state.wake_first();
    }
}

impl Bucket {
    /// Waits until a call may start, and counts it. Safe to cancel; a call counted but not made costs its second.
    pub(super) async fn take(&self, class: Class) {
        let place = self.line_up(class);
        loop {
            let Some(until) = self.try_take(&place) else {
                return;
            };
            tokio::select! { biased;
                // A change of rate, a throttle answer, or those in front are gone: look again.
                () = place.notify.notified() => {}
                () = wait(until) => {}
            }
        }
    }

    /// Closes the bucket for a pause: the platform throttled a call.
    pub(super) fn close(&self, pause: Duration) {
        let mut state = lock(&self.0);
        let until = Instant::now() + pause;
        state.closed_until = state.closed_until.max(Some(until));
    }

    /// Sets the calls a second from now on; 0: no limit of ours.
    pub(super) fn set_rate(&self, calls_per_second: u32) {
        let mut state = lock(&self.0);
        state.rate = usize::try_from(calls_per_second).unwrap_or(usize::MAX);
        state.wake_first();
    }

    fn line_up(&self, class: Class) -> Place<'_> {
        let mut state = lock(&self.0);
        let key = (class, state.next_ticket);
        state.next_ticket = state.next_ticket.wrapping_add(1);
        let notify = Arc::new(Notify::new());
        state.waiting.insert(key, Arc::clone(&notify));
        Place { bucket: self, key, notify }
    }

    /// Takes a call if it is this place's turn; else until when to wait, at the head of the queue, or for a
    /// notification.
    fn try_take(&self, place: &Place<'_>) -> Option<Turn> {
        let mut state = lock(&self.0);
        if state.waiting.first_key_value().is_none_or(|(first, _)| *first != place.key) {
            return Some(Turn::Later);
        }
        let now = Instant::now();
        if let Some(until) = state.blocked_until(now) {
            Some(Turn::At(until))
        } else {
            state.grant(now);
            None
        }
    }
}

/// When a place is looked at again.
enum Turn {
    /// At this time.
    At(Instant),
    /// When it is notified.
    Later,
}

async fn wait(turn: Turn) {
    match turn {
        Turn::At(until) => sleep_until(until).await,
        Turn::Later => std::future::pending().await,
    }
}

/// A poisoned lock is taken as it is: every change under these locks is complete at each step.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use futures_util::FutureExt;
    use tokio::sync::mpsc;
    use tokio::time::{Instant, advance, sleep, timeout};

    use super::{Bucket, Class};

    fn bucket(calls_per_second: u32) -> Arc<Bucket> {
        let bucket = Bucket::default();
        bucket.set_rate(calls_per_second);
        Arc::new(bucket)
    }

    #[tokio::test(start_paused = true)]
    async fn no_second_sees_more_calls_than_allowed() {
        let bucket = bucket(20);
        let mut starts = Vec::new();
        for _ in 0..100 {
            bucket.take(Class::Update).await;
            starts.push(Instant::now());
        }
        assert!(starts.windows(21).all(|calls| calls[20] - calls[0] > Duration::from_secs(1)));
        assert!(starts[99] - starts[0] < Duration::from_secs(5), "no slower than needed");
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_after_a_pause_goes_out_at_once() {
        let bucket = bucket(5);
        sleep(Duration::from_secs(10)).await;
        let before = Instant::now();
        for _ in 0..5 {
            bucket.take(Class::Text).await;
        }
        assert_eq!(Instant::now(), before);
    }

    #[tokio::test(start_paused = true)]
    async fn zero_means_no_limit_of_ours() {
        let bucket = bucket(0);
        for _ in 0..1_000 {
            assert!(bucket.take(Class::Open).now_or_never().is_some());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_more_important_claim_goes_first_then_the_longer_waiting() {
        let bucket = bucket(1);
        bucket.take(Class::Update).await;
        let (sender, mut order) = mpsc::unbounded_channel();
        let claims = [
            (Class::Update, "update 1"),
            (Class::Text, "text"),
            (Class::Update, "update 2"),
            (Class::Open, "open"),
            (Class::Finish, "finish"),
        ];
        for (class, name) in claims {
            let (bucket, sender) = (Arc::clone(&bucket), sender.clone());
            tokio::spawn(async move {
                bucket.take(class).await;
                sender.send(name).unwrap();
            });
            tokio::task::yield_now().await;
        }
        let mut served = Vec::new();
        for _ in claims {
            served.push(order.recv().await.unwrap());
        }
        assert_eq!(served, ["finish", "open", "text", "update 1", "update 2"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_cancelled_claim_blocks_nobody() {
        let bucket = bucket(1);
        bucket.take(Class::Update).await;
        let cancelled = timeout(Duration::from_millis(100), bucket.take(Class::Finish)).await;
        assert!(cancelled.is_err());
        let before = Instant::now();
        bucket.take(Class::Update).await;
        assert!(before.elapsed() < Duration::from_secs(1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_cancelled_head_passes_its_turn_on() {
        let bucket = bucket(1);
        bucket.take(Class::Update).await;
        let mut head = Box::pin(bucket.take(Class::Finish));
        assert!(head.as_mut().now_or_never().is_none());
        let next = {
            let bucket = Arc::clone(&bucket);
            tokio::spawn(async move { bucket.take(Class::Update).await })
        };
        tokio::task::yield_now().await;
        drop(head);
        timeout(Duration::from_secs(2), next).await.unwrap().unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_throttle_answer_closes_the_bucket_for_its_pause() {
        let bucket = bucket(0);
        bucket.close(Duration::from_secs(3));
        bucket.close(Duration::from_secs(1));
        let before = Instant::now();
        bucket.take(Class::Finish).await;
        assert_eq!(before.elapsed(), Duration::from_secs(3));
    }

    #[tokio::test(start_paused = true)]
    async fn a_throttle_answer_holds_those_who_wait_already() {
        let bucket = bucket(1);
        bucket.take(Class::Update).await;
        let before = Instant::now();
        let ((), ()) = tokio::join!(bucket.take(Class::Finish), async {
            advance(Duration::from_millis(500)).await;
            bucket.close(Duration::from_secs(5));
        });
        assert!(before.elapsed() >= Duration::from_secs(5));
    }
}
