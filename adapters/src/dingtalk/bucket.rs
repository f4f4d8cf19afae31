//! One API's bucket of calls: at most so many a second, the more important claim first (R14).
//!
//! A bucket lets at most `calls_per_second` calls start in any second (and a little: clocks and networks jitter), so
//! that the platform's own count, wherever its seconds begin, is never exceeded; a burst after a pause goes out at
//! once, but for updates of cards, which come evenly. A throttle answer closes the bucket for the pause the platform asks for.
//!
//! Where replicas share a budget, a call that this window allows also needs one that the store has granted (`share.rs`).

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use switchboard_ports::budget::{ANSWER_MAX, BudgetKey, BudgetStore, GRANT_USABLE, Taken};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use super::feedback::{Growing, Rate};
use super::gate::Gate;
pub(super) use super::queue::Class;
use super::queue::{self, Queue};
use super::share::{Share, Step};

/// The span in which at most `calls_per_second` calls start: a second and five percent.
const WINDOW: Duration = Duration::from_millis(1_050);

/// The largest part of the rate that is asked for at once, as a divisor: what is not started in time is lost to all.
const BATCH_DIVISOR: u32 = 10;

/// How long before a call can start here the store is asked for it: a part of the time for which a grant is good.
const ASKED_AHEAD: Duration = Duration::from_millis(60);

/// One API's bucket.
#[derive(Default)]
pub(super) struct Bucket(Arc<Inner>);

#[derive(Default)]
struct Inner {
    state: Mutex<State>,
    /// Who else's calls count; `None`: nobody's.
    shared: Option<Shared>,
    /// What holds the calls of all apps, whatever is left of a rate.
    gate: Arc<Gate>,
    /// Whether a chat's limit was the last that was met: looked at with every call, and hardly ever changed.
    met_limit: AtomicBool,
}

impl Inner {
    /// Lets a call through. Without a limit of ours it is counted nowhere.
    fn grant(&self, state: &mut State, class: Class, now: Instant) {
        state.grant(class, now);
        if state.rate > 0 {
            self.gate.count(now);
        }
    }
}

/// A budget that replicas share.
#[derive(Clone)]
pub(super) struct Shared {
    /// Where it is.
    pub(super) store: Arc<dyn BudgetStore>,
    /// Which one it is.
    pub(super) key: BudgetKey,
}

#[derive(Default)]
struct State {
    /// Calls a second as set, and as throttle answers have taught.
    set: Rate,
    /// Those in force; 0: no limit of ours, and nobody is asked.
    rate: u32,
    share: Share,
    /// When the last calls were let through, oldest first, at most as many as the rate was.
    granted: VecDeque<Instant>,
    /// When the last update was let through.
    updated_at: Option<Instant>,
    /// Nothing is let through before: the platform throttled us.
    closed_until: Option<Instant>,
    growing: Option<Growing>,
    /// Which chat has met its limit last, and until when it waits.
    limited: Option<(u64, Instant)>,
    queue: Queue,
}

impl State {
    /// When the next call may start; `None`: now.
    fn blocked_until(&self, now: Instant) -> Option<Instant> {
        // The rate may have been higher: all but one of what it lets through have to be out of the window.
        let last = self.granted.len().checked_sub(self.window_size()).filter(|_| self.rate > 0);
        let freed_at = last.and_then(|index| self.granted.get(index)).map(|at| *at + WINDOW);
        freed_at.max(self.closed_until).filter(|until| *until > now)
    }

    /// When the next call may start for one of this class; `None`: now.
    fn blocked_until_for(&self, class: Class, now: Instant) -> Option<Instant> {
        // Updates come evenly: in a burst they would leave the cards behind them standing until the window is over.
        let even = self.updated_at.filter(|_| class == Class::Update && self.rate > 0);
        let even = even.map(|at| at + self.apart());
        even.filter(|until| *until > now).max(self.blocked_until(now))
    }

    fn window_size(&self) -> usize {
        usize::try_from(self.rate).unwrap_or(usize::MAX)
    }

    /// How many calls to ask for: those that are waiting, in moderation, and of updates no more than can start in time.
    fn wanted(&self) -> u32 {
        let waiting = u32::try_from(self.queue.len()).unwrap_or(u32::MAX);
        let batch = self.rate.div_ceil(BATCH_DIVISOR);
        let first = self.queue.first(self.rate, Instant::now());
        let is_even = first.is_some_and(|(place, _)| place.class() == Class::Update);
        let in_time = GRANT_USABLE.as_millis() / self.apart().as_millis().max(1) / 2 + 1;
        let most = if is_even { batch.min(u32::try_from(in_time).unwrap_or(u32::MAX)) } else { batch };
        waiting.clamp(1, most.max(1))
    }

    /// What lies between two updates.
    fn apart(&self) -> Duration {
        WINDOW / self.rate.max(1)
    }

    fn grant(&mut self, class: Class, now: Instant) {
        if class == Class::Update {
            self.updated_at = Some(now);
        }
        if self.rate == 0 {
            return;
        }
        while self.granted.len() >= self.window_size() {
            self.granted.pop_front();
        }
        self.granted.push_back(now);
    }

    fn wake_first(&self) {
        if let Some((_, first)) = self.queue.first(self.rate, Instant::now()) {
            first.notify_one();
        }
    }
}

/// A place in the queue; leaves it when dropped, so that a cancelled claim blocks nobody.
struct Place<'a> {
    bucket: &'a Bucket,
    at: queue::Place,
    notify: Arc<Notify>,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut state = lock(&self.bucket.0.state);
        state.queue.leave(self.at);
        state.wake_first();
    }
}

/// A question to the store that is under way. Its answer, or that there is none, is taken in when it is dropped, so that
/// whatever becomes of it, nobody waits for it for ever.
struct Question {
    bucket: Arc<Inner>,
    shared: Shared,
    rate: u32,
    asked_at: Instant,
    answer: Option<Taken>,
}

impl Question {
    /// Asks; bounded in time.
    async fn ask(mut self) {
        // By now those who came at the same moment are in the queue.
        let wanted = lock(&self.bucket.state).wanted();
        let taken = self.shared.store.take(&self.shared.key, self.rate, wanted);
        self.answer = timeout_at(self.asked_at + ANSWER_MAX, taken).await.ok().and_then(Result::ok);
    }
}

impl Drop for Question {
    fn drop(&mut self) {
        let mut state = lock(&self.bucket.state);
        let is_alone = state.share.answered(self.answer, self.asked_at, Instant::now());
        if state.rate != self.rate {
            state.share.rate_changed();
        }
        state.wake_first();
        drop(state);
        if is_alone {
            tracing::debug!(api = self.shared.key.api, "the shared budget does not answer; counting alone");
        }
    }
}

impl Bucket {
    /// A bucket whose calls count together with those of other replicas, or alone.
    pub(super) fn new(shared: Option<Shared>) -> Self {
        Self(Arc::new(Inner { shared, ..Inner::default() }))
    }

    /// The same bucket, unused yet, with its calls on their way through `gate`.
    pub(super) fn behind(self, gate: Arc<Gate>) -> Self {
        Self(Arc::new(Inner { shared: self.0.shared.clone(), gate, ..Inner::default() }))
    }

    #[cfg(test)]
    pub(super) async fn take(&self, class: Class) {
        self.take_for(class, Duration::ZERO).await;
    }

    /// Waits until a call may start, and counts it; `still`: how long people have seen nothing new of what it is for. Safe to
    /// cancel; a call counted but not made costs its second.
    pub(super) async fn take_for(&self, class: Class, still: Duration) {
        let place = self.line_up(class, still);
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

    /// Closes the bucket for a pause: the platform throttled a call. Other replicas hear of it if the store takes it in time;
    /// one that does not is throttled itself.
    pub(super) fn close(&self, pause: Duration) {
        if self.close_here(pause)
            && let Some(Shared { store, key }) = self.0.shared.clone()
        {
            tokio::spawn(async move { timeout(ANSWER_MAX, store.close(&key, pause)).await });
        }
    }

    /// Closes the bucket for this replica's calls alone. Says whether that is for longer than it was, and others' calls may count with
    /// them.
    pub(super) fn close_here(&self, pause: Duration) -> bool {
        let mut state = lock(&self.0.state);
        let until = Some(Instant::now() + pause);
        if until <= state.closed_until {
            return false;
        }
        state.closed_until = until;
        state.rate > 0
    }

    /// How long to close the bucket because of an answer that may come again and again: twice as long each time, at most so many
    /// times in a row. `None`: it is closed for that already.
    pub(super) fn growing_pause(&self, steps_max: u32) -> Option<Duration> {
        let now = Instant::now();
        let mut state = lock(&self.0.state);
        let next = Growing::next(state.growing, steps_max, now)?;
        state.growing = Some(next);
        Some(next.until - now)
    }

    /// A call met a limit that may be this chat's. Whether another chat did while the last still waits, and nothing went through since:
    /// then it is everybody's.
    pub(super) fn is_limited_again(&self, chat: u64, pause: Duration) -> bool {
        let now = Instant::now();
        let last = lock(&self.0.state).limited.replace((chat, now + pause));
        self.0.met_limit.store(true, Ordering::Relaxed);
        last.is_some_and(|(other, until)| other != chat && until > now)
    }

    /// A call was answered: whatever limit was met before, it is not everybody's.
    pub(super) fn answered(&self) {
        if self.0.met_limit.load(Ordering::Relaxed) {
            self.0.met_limit.store(false, Ordering::Relaxed);
            lock(&self.0.state).limited = None;
        }
    }

    /// Sets the calls a second from now on; 0: no limit of ours.
    pub(super) fn set_rate(&self, calls_per_second: u32) {
        let mut state = lock(&self.0.state);
        if state.set.set_limit(calls_per_second) {
            state.rate = calls_per_second;
            state.share.rate_changed();
        }
        state.wake_first();
    }

    /// The platform takes fewer calls of this app than the rate: from now on fewer are made, and little by little more again. How
    /// many, unless that has just been done.
    pub(super) fn lower_rate(&self) -> Option<u32> {
        let mut state = lock(&self.0.state);
        let rate = state.set.lower(Instant::now())?;
        state.rate = rate;
        Some(rate)
    }

    fn line_up(&self, class: Class, still: Duration) -> Place<'_> {
        let now = Instant::now();
        let notify = Arc::new(Notify::new());
        let since = now.checked_sub(still).unwrap_or(now);
        let at = lock(&self.0.state).queue.line_up(class, since, Arc::clone(&notify));
        Place { bucket: self, at, notify }
    }

    /// Takes a call if it is this place's turn; else until when to wait, at the head of the queue, or for a
    /// notification.
    fn try_take(&self, place: &Place<'_>) -> Option<Turn> {
        let (turn, question) = self.look(place);
        // In a task of its own: whoever waits for the answer may be cancelled, or be overtaken. Without the lock: a question
        // that is dropped at once takes it.
        if let Some(question) = question {
            tokio::spawn(question.ask());
        }
        turn
    }

    fn look(&self, place: &Place<'_>) -> (Option<Turn>, Option<Question>) {
        let mut state = lock(&self.0.state);
        let now = Instant::now();
        state.rate = state.set.in_force(now);
        match state.queue.first(state.rate, now) {
            Some((first, _)) if first == place.at => {}
            Some((_, first)) => {
                // It may not know yet: turns change with time alone, too.
                first.notify_one();
                return (Some(Turn::Later), None);
            }
            None => return (Some(Turn::Later), None),
        }
        let (class, is_counted) = (place.at.class(), state.rate > 0);
        let blocked_until =
            state.blocked_until_for(class, now).max(self.0.gate.closed_until(now, is_counted));
        let rate = state.rate;
        let ask = |shared: &Shared| Question {
            bucket: Arc::clone(&self.0),
            shared: shared.clone(),
            rate,
            asked_at: now,
            answer: None,
        };
        let shared = self.0.shared.as_ref().filter(|_| is_counted);
        if let Some(until) = blocked_until {
            // The way to the store is not to be added to what there is to wait.
            let ahead = until.checked_sub(ASKED_AHEAD).filter(|at| shared.is_some() && *at > now);
            if let Some(at) = ahead {
                return (Some(Turn::At(at)), None);
            }
            let shared = shared.filter(|_| state.share.asks_ahead(now, until));
            return (Some(Turn::At(until)), shared.map(ask));
        }
        let Some(shared) = shared else {
            self.0.grant(&mut state, class, now);
            return (None, None);
        };
        let step = state.share.step(now);
        let question = matches!(step, Step::Ask | Step::StartAndAsk).then(|| ask(shared));
        let turn = match step {
            Step::Start | Step::StartAndAsk => {
                self.0.grant(&mut state, class, now);
                None
            }
            Step::Ask | Step::Asked => Some(Turn::Later),
            Step::At(until) => Some(Turn::At(until)),
        };
        (turn, question)
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
