//! The limit of calls that the platform sets the address they come from, over all apps and APIs, and the ban behind it
//! (dingtalk §9.2).
//!
//! ```text
//!        so many calls within the window                 a ban
//!  open ─────────────────────────────────> full    any ─────────> banned ── its pause is over ──> open
//!    ^────── the oldest of them are past ────┘
//! ```
//! A page in place of an answer may be a ban, or a proxy that refuses one call: it is a ban where two APIs have it one after the other.
//! Tickets for connections, which all channels ask for when a server starts, are asked for a few at a time.
//!
//! Claims wait before a closed gate in their budget's queue. A call that nobody claims a place for is not made: whoever
//! makes it would wait for minutes without a word.

use std::collections::{HashMap, VecDeque};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use tokio::sync::{Notify, Semaphore};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use url::Url;

use super::api::Lane;
use super::bucket::lock;
use super::classify::{Failure, Verdict};

/// The span in which at most [`CALLS_MAX`] calls start: the platform's 20 s and five percent, because clocks and networks
/// jitter.
const WINDOW: Duration = Duration::from_secs(21);
/// Calls in a window: under the platform's 10,000, because what a preflight asks and what is asked again with a new token
/// is not counted, and other programs at this address may call it, too.
pub(super) const CALLS_MAX: u32 = 9_500;
/// Calls that begin within so long of each other are remembered as one number, and count as long as the last of them.
const SLOT: Duration = Duration::from_millis(500);

/// Tickets for connections that are asked for at once. All channels open at a start: each call of its own would take a
/// connection with 28 KiB of buffers that nobody needs afterwards, and the platform would meet all of them in one moment.
const OPENINGS_MAX: usize = 16;
/// How long a ticket counts among them without an answer: a thousand channels have asked within 16 s whatever the platform does.
const OPENING_HELD_MAX: Duration = Duration::from_millis(250);
/// How long one waits for its turn: its channel gives it 30 s in all (`domain/src/channel`).
const OPENING_WAIT_MAX: Duration = Duration::from_secs(18);

/// A page of one API and a page of another within so long, and no answer between them, are a ban.
const PAGES_WITHIN: Duration = Duration::from_secs(10);

/// What is said of a call that is not made because the window is full.
const FULL: &str = "too many calls from this address in 20 s; not asked";

/// The way of all links of this process to one address of the platform.
pub(super) struct Gate {
    /// The platform's address, for the log.
    address: String,
    state: Mutex<State>,
    /// Notified when a ban begins.
    bans: Notify,
    openings: Semaphore,
    /// Whether the last that came was a page.
    paged: AtomicBool,
}

impl Default for Gate {
    fn default() -> Self {
        Self::new(String::new())
    }
}

#[derive(Default)]
struct State {
    /// Kept until the log has said that it is over.
    ban: Option<Ban>,
    /// The calls of the window, oldest first; as many as a window has slots.
    slots: VecDeque<Slot>,
    /// Which API has had a page in place of an answer last, and when.
    page: Option<(Option<Lane>, Instant)>,
}

struct Ban {
    until: Instant,
    /// What came of the call that met it: no words of the platform.
    words: String,
}

struct Slot {
    begun: Instant,
    calls: u32,
}

impl Slot {
    fn counts_until(&self) -> Instant {
        self.begun + SLOT + WINDOW
    }
}

impl State {
    fn ban(&self, now: Instant) -> Option<&Ban> {
        self.ban.as_ref().filter(|ban| ban.until > now)
    }

    /// When the next call may be counted; `None`: now.
    fn full_until(&mut self, now: Instant) -> Option<Instant> {
        while self.slots.front().is_some_and(|slot| slot.counts_until() <= now) {
            self.slots.pop_front();
        }
        let calls: u32 = self.slots.iter().map(|slot| slot.calls).sum();
        self.slots.front().filter(|_| calls >= CALLS_MAX).map(Slot::counts_until)
    }

    fn count(&mut self, now: Instant) {
        match self.slots.back_mut().filter(|slot| now < slot.begun + SLOT) {
            Some(slot) => slot.calls = slot.calls.saturating_add(1),
            None => self.slots.push_back(Slot { begun: now, calls: 1 }),
        }
    }
}

impl Gate {
    fn new(address: String) -> Self {
        let openings = Semaphore::new(OPENINGS_MAX);
        Self {
            address,
            state: Mutex::default(),
            bans: Notify::new(),
            openings,
            paged: AtomicBool::new(false),
        }
    }

    /// Until when claims wait; `None`: the next may have its place. A ban holds those as well that are not counted.
    pub(super) fn closed_until(&self, now: Instant, is_counted: bool) -> Option<Instant> {
        let mut state = lock(&self.state);
        let full = if is_counted { state.full_until(now) } else { None };
        full.max(state.ban(now).map(|ban| ban.until))
    }

    /// Asks for a ticket for a connection when its turn has come. A turn is over with the answer, or soon without one: a platform that
    /// hangs must not keep channels from asking until their time is over.
    pub(super) async fn opening<T>(&self, ask: impl Future<Output = T>) -> T {
        let turn = timeout(OPENING_WAIT_MAX, self.openings.acquire()).await;
        let mut ask = pin!(ask);
        tokio::select! {
            biased;
            answer = &mut ask => return answer,
            () = sleep(OPENING_HELD_MAX) => {}
        }
        drop(turn);
        ask.await
    }

    /// Counts a call that got its place.
    pub(super) fn count(&self, now: Instant) {
        lock(&self.state).count(now);
    }

    /// Lets a call through that is made now, and counts it where that was not done with its claim; else the failure that a
    /// throttle answer would be.
    pub(super) fn enter(&self, is_counted: bool) -> Result<(), Failure> {
        let now = Instant::now();
        let mut state = lock(&self.state);
        if let Some(ban) = state.ban(now) {
            return Err(throttled(ban.until - now, &ban.words));
        }
        if !is_counted {
            return Ok(());
        }
        if let Some(until) = state.full_until(now) {
            return Err(throttled(until - now, FULL));
        }
        state.count(now);
        Ok(())
    }

    /// A call was answered: whatever pages came before, the address is not banned.
    pub(super) fn answered(&self) {
        // Looked at with every call, and hardly ever changed.
        if self.paged.load(Ordering::Relaxed) {
            let mut state = lock(&self.state);
            state.page = None;
            self.paged.store(false, Ordering::Relaxed);
        }
    }

    /// A page came in place of an answer. Whether that is a ban: nothing but pages came lately, and of several APIs.
    pub(super) fn is_banned_by_page(&self, lane: Option<Lane>) -> bool {
        let now = Instant::now();
        let mut state = lock(&self.state);
        let last = state.page.replace((lane, now));
        self.paged.store(true, Ordering::Relaxed);
        last.is_some_and(|(of, at)| of != lane && now < at + PAGES_WITHIN)
    }

    /// The platform has answered a call with a ban: nothing is let through for the pause.
    pub(super) fn ban(self: &Arc<Self>, pause: Duration, words: &str) {
        let until = Instant::now() + pause;
        let mut state = lock(&self.state);
        let (is_known, is_watched) = (state.ban(Instant::now()).is_some(), state.ban.is_some());
        // Calls that were under way meet the same ban; the longest pause counts.
        if state.ban.as_ref().is_none_or(|ban| ban.until < until) {
            state.ban = Some(Ban { until, words: words.to_owned() });
        }
        drop(state);
        self.bans.notify_waiters();
        if is_known {
            return;
        }
        tracing::warn!(
            address = self.address,
            pause_s = pause.as_secs(),
            words,
            "the platform has banned this server's address: no app calls it until that is over"
        );
        if !is_watched {
            // Holds the gate until then: a ban is not forgotten with the last link.
            tokio::spawn(Arc::clone(self).lift());
        }
    }

    /// Ends as soon as there is a ban, with words for it.
    pub(super) async fn barred(&self) -> String {
        loop {
            // Before the look: a ban that begins in between is heard of.
            let news = self.bans.notified();
            if let Some(words) = self.words() {
                return words;
            }
            news.await;
        }
    }

    fn words(&self) -> Option<String> {
        lock(&self.state).ban(Instant::now()).map(|ban| ban.words.clone())
    }

    /// Waits for the ban's end, and says so.
    async fn lift(self: Arc<Self>) {
        while let Some(until) = self.still_banned() {
            sleep_until(until).await;
        }
        tracing::info!(
            address = self.address,
            "the platform's ban of this server's address is over: it is called again"
        );
    }

    /// Until when, as far as is known; forgets what is over.
    fn still_banned(&self) -> Option<Instant> {
        let mut state = lock(&self.state);
        let until = state.ban(Instant::now()).map(|ban| ban.until);
        if until.is_none() {
            state.ban = None;
        }
        until
    }
}

fn throttled(retry_after: Duration, words: &str) -> Failure {
    Failure::new(Verdict::Throttled { retry_after }, words)
}

/// A base address in one spelling, however it is written.
pub(super) fn address_of(base: &str) -> String {
    let address = Url::parse(base).map_or_else(|_| base.to_owned(), String::from);
    address.trim_end_matches('/').to_owned()
}

/// All gates, by address. A gate goes when no link uses it any more, and no ban has to be remembered.
#[derive(Default)]
pub(super) struct Gates(Mutex<HashMap<String, Weak<Gate>>>);

impl Gates {
    /// The gate of a platform's base address, however that is spelt.
    pub(super) fn of(&self, base: &str) -> Arc<Gate> {
        let address = address_of(base);
        let mut gates = lock(&self.0);
        gates.retain(|_, gate| gate.strong_count() > 0);
        if let Some(gate) = gates.get(&address).and_then(Weak::upgrade) {
            return gate;
        }
        let gate = Arc::new(Gate::new(address.clone()));
        gates.insert(address, Arc::downgrade(&gate));
        gate
    }
}
