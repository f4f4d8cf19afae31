//! The naive reference: which sockets are held, what was heard over them, and what people and the world want.
//!
//! From that alone follows everything that a channel may show and do; the machine is asked and must agree.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use switchboard_domain::channel::{
    Channel, Effect, Effects, ErrorCode, Event, PROOF_WAIT_MAX, RETRY_AFTER_MAX, SILENCE_MAX, Status,
};
use switchboard_domain::ids::ConnectionId;
use switchboard_domain::rejected::Rejected;
use switchboard_domain::time::Timestamp;

use super::cause::Cause;
use super::ends::Ends;

/// One thing that happens to a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the machine's own events")]
pub enum Act {
    Enable,
    Disable,
    Edit,
    Restart,
    Opened(u64),
    Heard(u64),
    Rotating(u64),
    Closed(u64, Cause),
    StoreLost,
    StoreBack,
    LeaseLost,
    LeaseGained,
    Note,
    Drain,
    /// So many milliseconds pass.
    Pass(u64),
    /// Time passes to the deadline.
    Deadline,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Off,
    On,
    Draining,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Socket {
    since: Timestamp,
    heard: Option<Timestamp>,
}

/// A channel and everything around it.
#[derive(Debug, Clone)]
pub struct World {
    channel: Channel,
    now: Timestamp,
    wanted: Wanted,
    store: bool,
    lease: bool,
    last: u64,
    held: BTreeMap<u64, Socket>,
    /// Sockets told to close by draining, whose end is awaited.
    closing: BTreeSet<u64>,
    /// Deadlines that a search may still pass.
    patience: usize,
    sockets: u64,
    was_green: bool,
    ends: Ends,
}

impl World {
    /// A disabled channel.
    #[must_use]
    pub fn new(seed: u64, patience: usize) -> Self {
        let now = Timestamp::from_millis(1_000_000);
        Self {
            channel: Channel::new(seed, now),
            now,
            wanted: Wanted::Off,
            store: true,
            lease: true,
            last: 0,
            held: BTreeMap::new(),
            closing: BTreeSet::new(),
            patience,
            sockets: u64::MAX,
            was_green: false,
            ends: Ends::default(),
        }
    }

    /// For a search: it goes no further where one more socket would be opened than these.
    #[must_use]
    pub const fn with_sockets(mut self, sockets: u64) -> Self {
        self.sockets = sockets;
        self
    }

    /// The number of the socket opened so many before the last one; the one after the last, which there never was, for 3.
    #[must_use]
    pub fn socket(&self, back: usize) -> u64 {
        if back == 3 { self.last + 1 } else { self.last.saturating_sub(back as u64) }
    }

    fn tell(&mut self, event: Event) -> Result<Effects, Rejected> {
        let before = self.channel.clone();
        let result = self.channel.apply(event.clone(), self.now);
        let mut twin = before.clone();
        assert_eq!(twin.apply(event, self.now), result, "not the same twice");
        assert_eq!(twin, self.channel);
        if result.is_err() {
            assert_eq!(self.channel, before, "rejected, but changed");
        }
        self.published(&before, result.as_deref().unwrap_or_default());
        result
    }

    fn published(&self, before: &Channel, effects: &[Effect]) {
        if before.status() != self.channel.status() || before.phase() != self.channel.phase() {
            assert!(effects.contains(&Effect::Publish), "what is shown has changed, and nobody is told");
        }
    }

    fn see(&mut self, effects: &Effects) {
        for effect in effects {
            match effect {
                Effect::Open { connection } => {
                    assert_eq!(connection.0, self.last + 1, "numbers are given out in order");
                    self.last = connection.0;
                    self.held.insert(self.last, Socket { since: self.now, heard: None });
                }
                Effect::Close { connection } => {
                    assert!(
                        self.held.remove(&connection.0).is_some(),
                        "{connection} is closed and was not held"
                    );
                    if self.wanted == Wanted::Draining {
                        self.closing.insert(connection.0);
                    }
                }
                Effect::Publish => {}
            }
        }
    }

    /// An order or a change of the world; `fits` says whether it is one at all.
    fn order(&mut self, event: Event, fits: bool) {
        let name = event.name();
        match self.tell(event) {
            Ok(effects) => {
                assert!(fits, "{name} changes nothing and was taken");
                self.see(&effects);
            }
            Err(rejected) => {
                assert!(!fits, "{name} was refused: {rejected}");
                assert!(matches!(rejected, Rejected::Duplicate { .. }), "{rejected}");
            }
        }
    }

    /// Something about a socket. What is not held is refused: late, or an alarm if there never was such a socket.
    fn report(&mut self, socket: u64, event: Event) {
        let closes = matches!(event, Event::Closed { .. });
        let is_awaited = closes && self.closing.contains(&socket);
        let is_held = self.held.contains_key(&socket);
        match self.tell(event) {
            Ok(effects) => {
                assert!(is_held || is_awaited, "socket {socket} is not held and changed something");
                if closes {
                    self.held.remove(&socket);
                    self.closing.remove(&socket);
                }
                self.see(&effects);
            }
            Err(rejected) => {
                let is_known = (1..=self.last).contains(&socket);
                assert_eq!(rejected.is_alarm(), !is_known, "{rejected}");
                let is_repeated = matches!(rejected, Rejected::Duplicate { .. });
                assert!(
                    !is_held || (is_repeated && !closes),
                    "a held socket was not listened to: {rejected}"
                );
            }
        }
    }

    fn pass(&mut self, millis: u64) {
        self.now = self.now.after(Duration::from_millis(millis));
        let due = self.channel.deadline().is_some_and(|deadline| deadline.at <= self.now);
        let before = self.channel.clone();
        let effects = self.channel.expire(self.now);
        assert!(due || (effects.is_empty() && before == self.channel), "something before the deadline");
        self.published(&before, &effects);
        self.see(&effects);
        if let Some(deadline) = self.channel.deadline() {
            assert!(deadline.at > self.now, "still due: {deadline:?}");
        } else {
            self.closing.clear();
        }
        let after = self.channel.clone();
        assert!(self.channel.expire(self.now).is_empty() && after == self.channel, "twice is not once");
        for (socket, Socket { since, heard }) in &self.held {
            let dead_at = heard.map_or(since.after(PROOF_WAIT_MAX), |heard| heard.after(SILENCE_MAX));
            assert!(dead_at > self.now, "socket {socket} is dead and held");
        }
    }

    /// What follows from what is wanted, allowed and held.
    fn check(&self) {
        let proven = self.held.values().filter(|socket| socket.heard.is_some()).count();
        let status = match self.wanted {
            Wanted::Off => Status::Disabled,
            Wanted::On | Wanted::Draining if proven > 0 && !self.ends.deaf => Status::Connected,
            Wanted::On | Wanted::Draining => Status::Disconnected,
        };
        assert_eq!(self.channel.status(), status, "the status lies: {self:?}");
        let counted: Vec<u64> = self.channel.connections().map(|socket| socket.0).collect();
        assert!(
            self.held.keys().copied().eq(counted.iter().copied()),
            "held {:?}, counted {counted:?}",
            self.held
        );
        assert!(self.held.len() <= 2 && proven <= 1);
        let goes_for_it = self.wanted == Wanted::On && self.store && self.lease;
        if goes_for_it {
            assert!(self.channel.deadline().is_some(), "nothing will ever happen");
            assert!(!self.held.is_empty() || self.channel.next_attempt_at().is_some());
        } else {
            assert!(self.held.is_empty(), "a socket where there must be none");
            let awaits = self.wanted == Wanted::Draining && !self.closing.is_empty();
            assert_eq!(self.channel.deadline().is_some(), awaits);
        }
        assert_eq!(self.channel.is_drained(), self.wanted == Wanted::Draining && self.closing.is_empty());
        if let Some(deadline) = self.channel.deadline() {
            assert!(deadline.at <= self.now.after(RETRY_AFTER_MAX), "too long a pause: {deadline:?}");
        }
        let snapshot = self.channel.snapshot();
        assert_eq!(Channel::restore(snapshot), Ok(self.channel.clone()), "restored, it is another");
    }
}

impl super::super::World for World {
    type Act = Act;

    fn acts(&self) -> Vec<Act> {
        let mut acts =
            vec![Act::Disable, Act::Edit, Act::StoreLost, Act::StoreBack, Act::LeaseLost, Act::LeaseGained];
        acts.extend([Act::Enable, Act::Drain, Act::Restart]);
        for socket in 1..=self.last {
            acts.extend([Act::Opened(socket), Act::Heard(socket), Act::Rotating(socket)]);
            acts.extend(
                [Cause::Clean, Cause::Network, Cause::Credentials].map(|cause| Act::Closed(socket, cause)),
            );
        }
        if self.patience > 0 {
            acts.push(Act::Deadline);
        }
        if self.last > self.sockets { Vec::new() } else { acts }
    }

    fn act(&mut self, act: &Act) {
        let id = |socket: u64| ConnectionId(socket);
        match *act {
            Act::Enable => {
                let fits = self.wanted == Wanted::Off;
                if fits {
                    self.wanted = Wanted::On;
                }
                self.order(Event::Enabled, fits);
            }
            Act::Disable => {
                let fits = self.wanted != Wanted::Off;
                self.wanted = Wanted::Off;
                self.order(Event::Disabled, fits);
                self.closing.clear();
            }
            Act::Edit => self.order(Event::Edited, true),
            Act::Restart if self.wanted == Wanted::On => self.order(Event::RestartAsked, true),
            // A correct shell looks at the phase first; else it is an alarm.
            Act::Restart => assert!(self.tell(Event::RestartAsked).expect_err("restarted").is_alarm()),
            Act::Opened(socket) => self.report(socket, Event::Opened { connection: id(socket) }),
            Act::Heard(socket) => {
                if let Some(held) = self.held.get_mut(&socket) {
                    held.heard = Some(self.now);
                }
                self.report(socket, Event::Heard { connection: id(socket) });
            }
            Act::Rotating(socket) => {
                self.ends.announced.insert(socket);
                self.report(socket, Event::Rotating { connection: id(socket) });
            }
            Act::Closed(socket, cause) => {
                // The machine does not close again what is reported closed.
                self.report(socket, Event::Closed { connection: id(socket), cause: cause.close() });
            }
            Act::StoreLost => {
                let fits = std::mem::replace(&mut self.store, false);
                self.order(Event::StoreLost, fits);
            }
            Act::StoreBack => {
                let fits = !std::mem::replace(&mut self.store, true);
                self.order(Event::StoreBack, fits);
            }
            Act::LeaseLost => {
                let fits = std::mem::replace(&mut self.lease, false);
                self.order(Event::LeaseLost, fits);
            }
            Act::LeaseGained => {
                let fits = !std::mem::replace(&mut self.lease, true);
                self.order(Event::LeaseGained, fits);
            }
            Act::Note => {
                let status = self.channel.status();
                self.order(Event::Noted { code: ErrorCode::NoAgent, detail: "none".to_owned() }, true);
                assert_eq!(self.channel.status(), status);
            }
            Act::Drain => {
                let fits = self.wanted != Wanted::Draining;
                self.wanted = Wanted::Draining;
                self.order(Event::Drain, fits);
            }
            Act::Pass(millis) => self.pass(millis),
            Act::Deadline => {
                self.patience = self.patience.saturating_sub(1);
                let due =
                    self.channel.deadline().map_or(Duration::ZERO, |deadline| deadline.at.since(self.now));
                self.pass(u64::try_from(due.as_millis()).unwrap_or(u64::MAX));
            }
        }
        self.ends.look(self.held.iter().map(|(id, socket)| (*id, socket.heard.is_some())));
        self.was_green |= self.channel.status() == Status::Connected;
        self.check();
    }

    fn come_to_rest(mut self) {
        let mut draining = self.clone();
        draining.act(&Act::Drain);
        for _deadline in 0..4 {
            draining.act(&Act::Deadline);
        }
        assert!(draining.channel.is_drained(), "draining does not end");
        self.act(&Act::Disable);
        assert_eq!((self.channel.status(), self.channel.deadline()), (Status::Disabled, None));
    }

    fn essence(&self) -> String {
        // How often an error became another one, and in which words, decides nothing.
        let mut shown = self.channel.snapshot();
        shown.errors = 0;
        shown.last_error = None;
        let Self { now, wanted, store, lease, held, closing, patience, was_green, .. } = self;
        let ends = &self.ends;
        format!(
            "{shown:?} {now} {wanted:?} {store} {lease} {held:?} {closing:?} {patience} {was_green} {ends:?}"
        )
    }

    fn sights(&self) -> Vec<&'static str> {
        let mut sights = Vec::new();
        if self.channel.status() == Status::Connected {
            sights.push("connected");
        }
        if self.held.len() == 2 {
            sights.push("two sockets");
        }
        if self.was_green && self.channel.status() == Status::Disconnected {
            sights.push("lost again");
        }
        if self.channel.phase() == "refused" {
            sights.push("refused");
        }
        if self.channel.is_drained() {
            sights.push("drained");
        }
        sights
    }
}
