//! Bursts: messages of one author that come right after each other are one turn.
//!
//! Which messages belong together follows from what is stored of them ([`super::Taken::More`]), so that whoever goes on after a
//! crash joins the same ones. A turn begins once its last message has waited for the window; all of its messages are in the
//! inbox until the turn ends, and end with it.

use super::{Deadline, Effect, Effects, Reason, Say, Session, Waiting};
use crate::outcome::Outcome;
use crate::time::Timestamp;

impl Session {
    /// Takes the next message out of the queue, with those that belong to it.
    pub(super) fn take_next(&mut self, effects: &mut Effects) -> Option<Waiting> {
        let next = self.waiting.pop_front()?;
        while let Some(more) = self.waiting.pop_front_if(|more| more.joins) {
            effects.push(Effect::Join { seq: next.seq, with: more.seq });
        }
        Some(next)
    }

    /// Until when more may come that belongs to the next message.
    pub(super) fn open_until(&self) -> Option<Timestamp> {
        let head = self.waiting.front()?;
        let last = self.waiting.iter().skip(1).take_while(|more| more.joins).last().unwrap_or(head);
        (!head.resumed).then_some(last.ready_at)
    }

    /// Whether the next message still waits for more.
    pub(super) fn is_open(&self, now: Timestamp) -> bool {
        self.open_until().is_some_and(|until| until > now)
    }

    pub(super) fn merge_deadline(&self) -> Option<Deadline> {
        let may_begin = self.state.is_idle() && !self.holds.any() && !self.is_switching();
        self.open_until().filter(|_| may_begin).map(|at| Deadline { at, reason: Reason::Merge })
    }

    /// `/stop` while nothing runs yet, because more may come: what came is withdrawn.
    pub(super) fn withdraw_open(&mut self, effects: &mut Effects, now: Timestamp) -> Option<Say> {
        if !self.state.is_idle() || !self.is_open(now) {
            return None;
        }
        let before = self.waiting_count();
        let first = self.waiting.pop_front()?;
        effects.push(Effect::End { seq: first.seq, outcome: Outcome::Cancelled });
        while let Some(more) = self.waiting.pop_front_if(|more| more.joins) {
            effects.push(Effect::End { seq: more.seq, outcome: Outcome::Cancelled });
        }
        Some(Say::Withdrawn(before.saturating_sub(self.waiting_count())))
    }
}
