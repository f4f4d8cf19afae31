//! The channel machine: what is told to it, in one place; what it does about it, by kind of event.

mod expiry;
mod orders;
mod sockets;
pub(super) mod state;
mod world;

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use super::backoff::Jitter;
use super::error::ErrorCode;
use super::event::{Deadline, Effect, Effects, Event, LastError, Status};
use crate::ids::ConnectionId;
use crate::rejected::Rejected;
use crate::time::Timestamp;
use state::{Dialing, Ground, State};

/// A socket has this long from the order to open it to the first thing heard over it.
pub const PROOF_WAIT_MAX: Duration = Duration::from_secs(30);
/// A connection that says nothing for this long is dead, whatever TCP believes (dingtalk §10, gotcha 1).
pub const SILENCE_MAX: Duration = Duration::from_secs(40);
/// After this long a connection counts as healthy, and what was before it is forgotten (dingtalk §11.7).
pub const HEALTHY_AFTER: Duration = Duration::from_mins(1);
/// Connections that ended in good order are replaced at once this many times; from then on there is a pause.
pub const AT_ONCE_MAX: u32 = 3;
/// From then on the successor of a connection that the platform rotates waits at most this long: nothing failed, and
/// until the successor is there the platform sends nothing.
pub const ROTATION_PAUSE_MAX: Duration = Duration::from_secs(2);
/// Longest pause that a platform can ask for.
pub const RETRY_AFTER_MAX: Duration = Duration::from_mins(10);
/// How long a draining channel waits for its sockets to close; a link closes within 10 s.
pub const DRAIN_WAIT_MAX: Duration = Duration::from_secs(12);
/// Longest detail of an error that is kept, in characters.
pub const DETAIL_CHARS_MAX: usize = 300;

/// One channel on this replica.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channel {
    pub(super) state: State,
    pub(super) last_connection: ConnectionId,
    pub(super) jitter: Jitter,
    pub(super) observed: Observed,
}

/// What has been seen, for people to read; nothing is decided by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Observed {
    pub(super) since: Timestamp,
    pub(super) connected_at: Option<Timestamp>,
    pub(super) heard_at: Option<Timestamp>,
    pub(super) last_error: Option<LastError>,
    /// How often `last_error` became another one.
    pub(super) errors: u64,
}

/// What others see of a channel; a change of it is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct View {
    status: Status,
    phase: &'static str,
    attempt: u32,
    next_attempt_at: Option<Timestamp>,
    sockets: [Option<ConnectionId>; 2],
    connected_at: Option<Timestamp>,
    errors: u64,
}

impl Channel {
    /// A disabled channel. The seed makes its jitter; two replicas should not have the same.
    #[must_use]
    pub const fn new(seed: u64, now: Timestamp) -> Self {
        Self {
            state: State::Disabled { ground: Ground::FIRM },
            last_connection: ConnectionId(0),
            jitter: Jitter::new(seed),
            observed: Observed {
                since: now,
                connected_at: None,
                heard_at: None,
                last_error: None,
                errors: 0,
            },
        }
    }

    /// Takes an event in. A rejected event leaves the channel as it was.
    ///
    /// # Errors
    /// [`Rejected`] says whether the event came twice, too late, or cannot come here at all.
    pub fn apply(&mut self, event: Event, now: Timestamp) -> Result<Effects, Rejected> {
        let before = self.view();
        let effects = match event {
            Event::Enabled => self.enabled(now),
            Event::Disabled => self.disabled(),
            Event::Edited => Ok(self.edited(now)),
            Event::RestartAsked => self.restart_asked(now),
            Event::Opened { connection } => self.opened(connection),
            Event::Heard { connection } => self.heard(connection, now),
            Event::Rotating { connection } => self.rotating(connection, now),
            Event::Closed { connection, cause } => self.closed(connection, &cause, now),
            Event::StoreLost => self.store_lost(now),
            Event::StoreBack => self.store_back(now),
            Event::LeaseLost => self.lease_lost(),
            Event::LeaseGained => self.lease_gained(now),
            Event::Noted { code, detail } => Ok(self.noted(code, &detail, now)),
            Event::Drain => self.drain(now),
        }?;
        Ok(self.published(before, effects, now))
    }

    /// When it has to be looked at, and why; derived from the state.
    #[must_use]
    pub fn deadline(&self) -> Option<Deadline> {
        self.state.deadline()
    }

    /// Does what is due. Before the deadline, or a second time, it does nothing.
    pub fn expire(&mut self, now: Timestamp) -> Effects {
        let before = self.view();
        let effects = self.do_what_is_due(now);
        self.published(before, effects, now)
    }

    /// The state's name, for logs, metrics and the status.
    #[must_use]
    pub const fn phase(&self) -> &'static str {
        self.state.phase()
    }

    /// What the panel shows.
    #[must_use]
    pub const fn status(&self) -> Status {
        self.state.status()
    }

    /// Since when the status has been what it is.
    #[must_use]
    pub const fn since(&self) -> Timestamp {
        self.observed.since
    }

    /// When a connection last proved itself; stays after it is lost.
    #[must_use]
    pub const fn connected_at(&self) -> Option<Timestamp> {
        self.observed.connected_at
    }

    /// When anything was last heard from the platform.
    #[must_use]
    pub const fn last_heard_at(&self) -> Option<Timestamp> {
        self.observed.heard_at
    }

    /// The last thing that was wrong; stays after a recovery.
    #[must_use]
    pub const fn last_error(&self) -> Option<&LastError> {
        self.observed.last_error.as_ref()
    }

    /// Tries that ended badly since a connection was last healthy; 0 while it works.
    #[must_use]
    pub const fn attempt(&self) -> u32 {
        self.state.attempt()
    }

    /// When the next try is due, while there is a pause.
    #[must_use]
    pub const fn next_attempt_at(&self) -> Option<Timestamp> {
        self.state.next_attempt_at()
    }

    /// The sockets it counts on: none, one, or two while one takes over from the other.
    pub fn connections(&self) -> impl Iterator<Item = ConnectionId> + use<> {
        self.state.sockets().into_iter().flatten()
    }

    /// The connection that has proven itself, while it counts on one.
    #[must_use]
    pub const fn proven(&self) -> Option<ConnectionId> {
        match self.state {
            State::Connected(link) => Some(link.connection),
            State::Disabled { .. }
            | State::Standby { .. }
            | State::StoreLost { .. }
            | State::Connecting { .. }
            | State::Waiting { .. }
            | State::Refused { .. }
            | State::Draining { .. } => None,
        }
    }

    /// Whether it is shutting down and all its sockets are closed.
    #[must_use]
    pub const fn is_drained(&self) -> bool {
        match self.state {
            State::Draining { open: [None, None], .. } => true,
            State::Draining { .. }
            | State::Disabled { .. }
            | State::Standby { .. }
            | State::StoreLost { .. }
            | State::Connecting { .. }
            | State::Connected(_)
            | State::Waiting { .. }
            | State::Refused { .. } => false,
        }
    }

    const fn view(&self) -> View {
        View {
            status: self.state.status(),
            phase: self.state.phase(),
            attempt: self.state.attempt(),
            next_attempt_at: self.state.next_attempt_at(),
            sockets: self.state.sockets(),
            connected_at: self.observed.connected_at,
            errors: self.observed.errors,
        }
    }

    fn published(&mut self, before: View, mut effects: Effects, now: Timestamp) -> Effects {
        let after = self.view();
        if after.status != before.status {
            self.observed.since = now;
        }
        if after != before {
            effects.push(Effect::Publish);
        }
        effects
    }

    /// Goes for a connection, as far as the world allows.
    fn begin(&mut self, ground: Ground, attempt: u32, now: Timestamp) -> Effects {
        if !ground.lease {
            self.state = State::Standby { store: ground.store };
            return Vec::new();
        }
        if !ground.store {
            self.state = State::StoreLost { attempt };
            return Vec::new();
        }
        let (socket, open) = self.dial(now);
        self.state = State::Connecting { attempt, socket };
        alloc::vec![open]
    }

    fn dial(&mut self, now: Timestamp) -> (Dialing, Effect) {
        self.last_connection = self.last_connection.next();
        let connection = self.last_connection;
        (Dialing { connection, since: now, opened: false }, Effect::Open { connection })
    }

    /// Waits, as long as the failure deserves.
    fn pause(&mut self, attempt: u32, cause: ErrorCode, retry_after: Option<Duration>, now: Timestamp) {
        let until = now.after(self.pause_after(attempt, cause, retry_after));
        self.state = paused(attempt.saturating_add(1), until, cause);
    }

    fn pause_after(&mut self, attempt: u32, cause: ErrorCode, retry_after: Option<Duration>) -> Duration {
        let own = if cause.needs_somebody() { self.jitter.slow(attempt) } else { self.jitter.soon(attempt) };
        own.max(retry_after.unwrap_or_default().min(RETRY_AFTER_MAX))
    }

    /// Remembers what is wrong; whoever reads the status learns of it when it is another thing than before.
    fn note(&mut self, code: ErrorCode, detail: &str, now: Timestamp) {
        let detail: String = detail.chars().take(DETAIL_CHARS_MAX).collect();
        let known =
            self.observed.last_error.as_ref().is_some_and(|last| last.code == code && last.detail == detail);
        if !known {
            self.observed.errors = self.observed.errors.saturating_add(1);
        }
        self.observed.last_error = Some(LastError { code, detail, at: now });
    }

    fn close_all(&self) -> Effects {
        self.connections().map(|connection| Effect::Close { connection }).collect()
    }

    fn duplicate(&self, event: &'static str) -> Rejected {
        Rejected::Duplicate { event, phase: self.phase() }
    }

    /// A socket's event that belongs to none of the sockets counted on.
    fn stray(&self, event: &'static str, connection: ConnectionId) -> Rejected {
        let phase = self.phase();
        if connection > ConnectionId(0) && connection <= self.last_connection {
            Rejected::Stale { event, phase }
        } else {
            Rejected::Illegal { event, phase, expected: "a socket that was opened" }
        }
    }
}

/// A pause in the state that fits its cause.
const fn paused(attempt: u32, until: Timestamp, cause: ErrorCode) -> State {
    if cause.needs_somebody() {
        State::Refused { attempt, until, cause }
    } else {
        State::Waiting { attempt, until, cause }
    }
}
