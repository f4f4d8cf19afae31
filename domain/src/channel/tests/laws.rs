//! What holds for every run of a channel.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;

use super::super::{Channel, CloseCause, Effect, ErrorCode, Event, Status};
use super::{START, failed};
use crate::ids::ConnectionId;
use crate::time::Timestamp;

#[derive(Debug, Clone)]
enum Step {
    /// An event; sockets are named by how long ago they were opened, so that most names fit.
    Tell(Event),
    Pass(Duration),
    ToDeadline,
}

fn any_cause() -> impl Strategy<Value = CloseCause> {
    prop_oneof![
        Just(CloseCause::Clean),
        prop::sample::select(ErrorCode::ALL.to_vec()).prop_map(failed),
        (0..2000_u64).prop_map(|pause| CloseCause::Failed {
            code: ErrorCode::RateLimited,
            detail: String::new(),
            retry_after: Some(Duration::from_secs(pause)),
        }),
    ]
}

fn any_event() -> impl Strategy<Value = Event> {
    let socket =
        prop_oneof![4 => Just(0_u64), 3 => Just(1), 1 => Just(2), 1 => 0..9_u64].prop_map(ConnectionId);
    prop_oneof![
        2 => Just(Event::Enabled),
        1 => Just(Event::Disabled),
        1 => Just(Event::Edited),
        1 => Just(Event::RestartAsked),
        3 => socket.clone().prop_map(|connection| Event::Opened { connection }),
        6 => socket.clone().prop_map(|connection| Event::Heard { connection }),
        4 => socket.clone().prop_map(|connection| Event::Rotating { connection }),
        4 => (socket, any_cause()).prop_map(|(connection, cause)| Event::Closed { connection, cause }),
        1 => Just(Event::StoreLost),
        1 => Just(Event::StoreBack),
        1 => Just(Event::LeaseLost),
        1 => Just(Event::LeaseGained),
        1 => Just(Event::Noted { code: ErrorCode::NoAgent, detail: "none".into() }),
        1 => Just(Event::Drain),
    ]
}

fn any_steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => any_event().prop_map(Step::Tell),
        1 => (0..90_000_u64).prop_map(|millis| Step::Pass(Duration::from_millis(millis))),
        2 => Just(Step::ToDeadline),
    ];
    prop::collection::vec(step, 0..60)
}

/// The sockets as somebody outside sees them.
#[derive(Debug, Clone, Default)]
struct Outside {
    open: BTreeSet<ConnectionId>,
    heard: BTreeSet<ConnectionId>,
    last: ConnectionId,
}

impl Outside {
    fn see(&mut self, effects: &[Effect]) {
        for effect in effects {
            match effect {
                Effect::Open { connection } => {
                    assert!(*connection > self.last, "a number is used twice");
                    self.last = *connection;
                    self.open.insert(*connection);
                }
                Effect::Close { connection } => {
                    assert!(self.open.remove(connection), "a socket is closed that is not open");
                }
                Effect::Publish => {}
            }
        }
    }
}

#[derive(Debug, Clone)]
struct World {
    channel: Channel,
    now: Timestamp,
    outside: Outside,
}

impl World {
    fn new(seed: u64) -> Self {
        Self { channel: Channel::new(seed, START), now: START, outside: Outside::default() }
    }

    fn resolve(&self, back: ConnectionId) -> ConnectionId {
        // Nine back is a socket that does not exist yet.
        if back.0 == 8 {
            self.outside.last.next()
        } else {
            ConnectionId(self.outside.last.0.saturating_sub(back.0))
        }
    }

    fn addressed(&self, event: Event) -> Event {
        match event {
            Event::Opened { connection } => Event::Opened { connection: self.resolve(connection) },
            Event::Heard { connection } => Event::Heard { connection: self.resolve(connection) },
            Event::Rotating { connection } => Event::Rotating { connection: self.resolve(connection) },
            Event::Closed { connection, cause } => {
                Event::Closed { connection: self.resolve(connection), cause }
            }
            Event::Enabled
            | Event::Disabled
            | Event::Edited
            | Event::RestartAsked
            | Event::StoreLost
            | Event::StoreBack
            | Event::LeaseLost
            | Event::LeaseGained
            | Event::Noted { .. }
            | Event::Drain => event,
        }
    }

    fn tell(&mut self, event: Event) {
        let event = self.addressed(event);
        if let Event::Closed { connection, .. } = &event {
            self.outside.open.remove(connection);
        }
        if let Event::Heard { connection } = &event {
            self.outside.heard.insert(*connection);
        }
        let before = self.channel.clone();
        match self.channel.apply(event, self.now) {
            Ok(effects) => self.outside.see(&effects),
            Err(_rejected) => assert_eq!(self.channel, before, "rejected and changed"),
        }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Tell(event) => self.tell(event),
            Step::Pass(span) => {
                self.now = self.now.after(span);
                self.expire();
            }
            Step::ToDeadline => {
                if let Some(deadline) = self.channel.deadline() {
                    self.now = self.now.max(deadline.at);
                    self.expire();
                }
            }
        }
        self.check();
    }

    fn expire(&mut self) {
        let due = self.channel.deadline().is_some_and(|deadline| deadline.at <= self.now);
        let before = self.channel.clone();
        let effects = self.channel.expire(self.now);
        if !due {
            assert_eq!((&self.channel, effects.as_slice()), (&before, [].as_slice()), "early and not idle");
        }
        self.outside.see(&effects);
        assert!(
            self.channel.deadline().is_none_or(|next| next.at > self.now),
            "the next deadline is not later"
        );
        let after = self.channel.clone();
        assert_eq!(self.channel.expire(self.now), [], "twice is not once");
        assert_eq!(self.channel, after);
    }

    fn check(&self) {
        let counted: BTreeSet<_> = self.channel.connections().collect();
        assert!(counted.len() <= 2);
        assert_eq!(counted, self.outside.open, "a socket was forgotten");
        if self.channel.status() == Status::Connected {
            assert!(
                counted.iter().any(|socket| self.outside.heard.contains(socket)),
                "green without a proof"
            );
            assert_eq!(self.channel.next_attempt_at(), None, "green while a try is waited for");
            assert_eq!(self.channel.attempt(), 0);
        }
        let snapshot = self.channel.snapshot();
        let restored = Channel::restore(snapshot.clone()).expect("a snapshot of its own making");
        assert_eq!(restored.snapshot(), snapshot);
        assert_eq!(restored, self.channel);
    }
}

proptest! {
    #[test]
    fn every_run_keeps_the_laws(seed: u64, steps in any_steps()) {
        let mut world = World::new(seed);
        for step in steps {
            world.step(step);
        }
    }

    #[test]
    fn the_same_run_ends_the_same(seed: u64, steps in any_steps()) {
        let (mut one, mut other) = (World::new(seed), World::new(seed));
        for step in steps {
            one.step(step.clone());
            other.step(step);
        }
        prop_assert_eq!(one.channel, other.channel);
    }

    #[test]
    fn disabling_reaches_disabled_from_everywhere_and_leaves_no_socket(seed: u64, steps in any_steps()) {
        let mut world = World::new(seed);
        for step in steps {
            world.step(step);
        }
        world.tell(Event::Disabled);
        prop_assert_eq!(world.channel.status(), Status::Disabled);
        prop_assert!(world.outside.open.is_empty());
        prop_assert_eq!(world.channel.deadline(), None);
    }

    #[test]
    fn an_enabled_channel_never_stops_trying(seed: u64, steps in any_steps(), failures in 1..20_usize) {
        let mut world = World::new(seed);
        for step in steps {
            world.step(step);
        }
        world.tell(Event::Disabled);
        for event in [Event::StoreBack, Event::LeaseGained, Event::Enabled] {
            world.tell(event);
        }
        for _failure in 0..failures {
            prop_assert_eq!(world.channel.connections().count(), 1);
            world.tell(Event::Closed { connection: ConnectionId(0), cause: failed(ErrorCode::NetworkUnreachable) });
            world.step(Step::ToDeadline);
        }
    }

    #[test]
    fn any_point_in_time_is_bearable(seed: u64, events in prop::collection::vec((any_event(), any::<u64>()), 0..40)) {
        let mut world = World::new(seed);
        for (event, millis) in events {
            world.now = Timestamp::from_millis(millis);
            let effects = world.channel.expire(world.now);
            world.outside.see(&effects);
            world.tell(event);
        }
    }
}

#[test]
fn a_snapshot_that_nobody_made_is_refused() {
    use super::super::{DialingSnapshot, StateSnapshot};
    let snapshot = Channel::new(1, START).snapshot();
    let socket = DialingSnapshot { connection: ConnectionId(5), since: START, opened: false };
    let state = StateSnapshot::Connecting { attempt: 0, socket };
    assert!(Channel::restore(super::super::ChannelSnapshot { state, ..snapshot }).is_err());
}
