//! Whether a platform keeps only the newest connection of a bot and closes the older one, told from how connections ended.
//!
//! Platforms say that several connections are allowed, and some that say so have closed the older one all the same. Then replicas
//! that each hold a connection close each other's for ever: whoever comes back ends the other. Nothing announces it, so it is
//! told from a pattern that neither a rotation, nor a bad network, nor a platform that fails makes:
//!
//! ```text
//!  replica A  ████████████▌  ev.     ███████▌  ev.        an eviction: a connection is taken right after another
//!  replica B              ██████████▌  ev.  █████████     replica's has come up, whose own stays
//!                         <-------->                      never two side by side for longer than a moment
//! ```
//! The last [`EVICTIONS_MIN`] connections that were taken all have to be evictions, of more than one replica, and since two
//! connections were last seen side by side. One that was taken for another reason begins the count anew.

#[cfg(test)]
mod tests;

use alloc::vec::Vec;
use core::time::Duration;

use crate::channel::{Channel, CloseCause, ErrorCode, Event};
use crate::ids::ConnectionId;
use crate::time::Timestamp;

/// Connections that have to be evicted one after the other.
pub const EVICTIONS_MIN: usize = 3;
/// Only what ended so recently counts.
pub const WATCHED_FOR: Duration = Duration::from_mins(10);
/// A platform closes the older connection at once; this is its time, and ours to notice.
pub const EVICTED_WITHIN: Duration = Duration::from_secs(2);
/// By so much the clocks of two replicas may differ. Less than the shortest pause before a connection is opened anew, by which
/// a common fault, which ends all before any comes back, is told from evictions.
pub const CLOCKS_DIFFER_MAX: Duration = Duration::from_millis(500);
/// Two connections that lived side by side for longer than this were both wanted by the platform.
pub const SIDE_BY_SIDE_MAX: Duration = Duration::from_secs(5);
/// Lives of connections that a replica remembers of a channel.
pub const LIVES_MAX: usize = 8;
/// A finding counts for so long, then several connections are tried again.
pub const FOUND_FOR: Duration = Duration::from_hours(6);

/// The life of one proven connection, as its replica saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Life {
    /// When it proved itself.
    pub opened_at: Timestamp,
    /// When it ended, or when the platform announced that.
    pub ended_at: Option<Timestamp>,
    /// Whether it was taken from us: closed or announced to close, and not by us.
    pub was_taken: bool,
}

/// What a replica remembers of a channel's connections, the oldest first; at most [`LIVES_MAX`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lives {
    lives: Vec<Life>,
    current: Option<ConnectionId>,
}

impl Lives {
    /// Takes in what became of a channel. `taken` is the socket that the event has taken, by [`taken`].
    pub fn follow(&mut self, channel: &Channel, taken: Option<ConnectionId>, now: Timestamp) {
        let proven = channel.proven();
        let was_taken = self.current.is_some() && self.current == taken;
        if was_taken || self.current != proven {
            self.end(was_taken, now);
        }
        if let Some(proven) = proven
            && self.current != Some(proven)
        {
            if self.lives.len() >= LIVES_MAX {
                self.lives.remove(0);
            }
            self.lives.push(Life { opened_at: now, ended_at: None, was_taken: false });
        }
        self.current = proven;
    }

    fn end(&mut self, was_taken: bool, now: Timestamp) {
        if let Some(life) = self.lives.last_mut().filter(|life| life.ended_at.is_none()) {
            (life.ended_at, life.was_taken) = (Some(now), was_taken);
        }
    }

    /// Forgets everything: a new beginning, in which the platform is believed again.
    pub fn forget(&mut self) {
        *self = Self::default();
    }

    /// What is remembered.
    #[must_use]
    pub fn all(&self) -> &[Life] {
        &self.lives
    }

    /// Whether it is worth asking what the others saw: of three evictions in turn, one replica has suffered two.
    #[must_use]
    pub fn are_suspicious(&self, now: Timestamp) -> bool {
        let recent = self.lives.iter().filter(|life| taken_at(life, now).is_some());
        recent.count() >= EVICTIONS_MIN.div_ceil(2)
    }
}

/// The socket that an event takes from us, if it is one that was open: it broke, was closed, or is announced to close.
#[must_use]
pub const fn taken(event: &Event) -> Option<ConnectionId> {
    match event {
        Event::Rotating { connection }
        | Event::Closed { connection, cause: CloseCause::Failed { code: ErrorCode::ConnectionLost, .. } } => {
            Some(*connection)
        }
        Event::Closed { .. }
        | Event::Enabled
        | Event::Disabled
        | Event::Edited
        | Event::RestartAsked
        | Event::Opened { .. }
        | Event::Heard { .. }
        | Event::StoreLost
        | Event::StoreBack
        | Event::LeaseLost
        | Event::LeaseGained
        | Event::Noted { .. }
        | Event::Drain => None,
    }
}

/// Whether the platform closes the older of two connections, by what the replicas of a channel remember.
#[must_use]
pub fn closes_the_older(replicas: &[&[Life]], now: Timestamp) -> bool {
    let believed = side_by_side_until(replicas, now);
    let mut taken: Vec<(Timestamp, usize, &Life)> = Vec::new();
    for (replica, lives) in replicas.iter().enumerate() {
        let recent = lives.iter().filter_map(|life| Some((taken_at(life, now)?, replica, life)));
        taken.extend(recent.filter(|(at, ..)| believed.is_none_or(|believed| *at > believed)));
    }
    taken.sort_by_key(|(at, replica, _)| (*at, *replica));
    let last: Vec<_> = taken.iter().rev().take(EVICTIONS_MIN).collect();
    let victims = last.iter().map(|(_, replica, _)| replica);
    last.len() == EVICTIONS_MIN
        && last.iter().all(|(at, victim, life)| is_evicted(replicas, *victim, life, *at))
        && victims.clone().min() != victims.max()
}

/// When a connection was taken, if that is recent enough.
fn taken_at(life: &Life, now: Timestamp) -> Option<Timestamp> {
    life.ended_at.filter(|at| life.was_taken && now.since(*at) <= WATCHED_FOR)
}

/// Whether a connection was taken because another replica's had come up: one that is younger and was not taken with it.
fn is_evicted(replicas: &[&[Life]], victim: usize, life: &Life, at: Timestamp) -> bool {
    let others = replicas.iter().enumerate().filter(|(replica, _)| *replica != victim);
    others.into_iter().any(|(_, lives)| {
        let shares_the_fate = lives.iter().any(|other| other.was_taken && are_at_once(other.ended_at, at));
        !shares_the_fate
            && lives.iter().any(|other| {
                other.opened_at > life.opened_at
                    && at.since(other.opened_at) <= EVICTED_WITHIN
                    && other.opened_at.since(at) <= CLOCKS_DIFFER_MAX
            })
    })
}

fn are_at_once(one: Option<Timestamp>, other: Timestamp) -> bool {
    one.is_some_and(|one| one.since(other).max(other.since(one)) <= CLOCKS_DIFFER_MAX)
}

/// When connections of two replicas were last open at the same time, if they were for longer than a moment.
fn side_by_side_until(replicas: &[&[Life]], now: Timestamp) -> Option<Timestamp> {
    let until = |life: &Life| life.ended_at.unwrap_or(now);
    let mut last = None;
    for (replica, lives) in replicas.iter().enumerate() {
        for others in replicas.iter().skip(replica.saturating_add(1)) {
            for (one, other) in lives.iter().flat_map(|one| others.iter().map(move |other| (one, other))) {
                let (from, to) = (one.opened_at.max(other.opened_at), until(one).min(until(other)));
                if to.since(from) > SIDE_BY_SIDE_MAX {
                    last = last.max(Some(to));
                }
            }
        }
    }
    last
}
