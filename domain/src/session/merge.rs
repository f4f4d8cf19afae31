//! Bursts: messages of one author that come right after each other are one turn.
//!
//! Which messages belong together follows from what is stored of them ([`super::Taken::More`]), so that whoever goes on after a
//! crash joins the same ones. A turn begins once its last message has waited for the window; all of its messages are in the
//! inbox until the turn ends, and end with it.

use super::{Deadline, Effect, Effects, Reason, Say, Session, Waiting};
use crate::ids::Seq;
use crate::outcome::Outcome;
use crate::time::Timestamp;

impl Session {
    /// Takes the next message out of the queue, with those that belong to it.
    pub(super) fn take_next(&mut self, effects: &mut Effects) -> Option<Waiting> {
        let mut next = self.waiting.pop_front()?;
        // A run that goes on upstream was asked with these and no others.
        let kept = self.kept.run.as_ref().filter(|run| next.resumed && run.seq == next.seq);
        let asked_through = kept.map(|run| run.through);
        let went_along = |more: &mut Waiting| more.joins && asked_through.is_none_or(|last| more.seq <= last);
        while let Some(more) = self.waiting.pop_front_if(went_along) {
            effects.push(Effect::Join { seq: next.seq, with: more.seq });
            next.through = more.seq;
        }
        // What came too late for it begins a turn of its own.
        if let Some(rest) = self.waiting.front_mut() {
            rest.joins = false;
        }
        Some(next)
    }

    /// The place in line of a message that waits, from 1; what belongs together has one place.
    #[must_use]
    pub fn place(&self, seq: Seq) -> Option<u32> {
        let index = self.waiting.iter().position(|waiting| waiting.seq == seq)?;
        let turns =
            self.waiting.iter().take(index.saturating_add(1)).filter(|waiting| !waiting.joins).count();
        u32::try_from(turns).ok()
    }

    /// The turns that wait before this one, in line; none where it does not wait.
    pub(crate) fn ahead_of(&self, seq: Seq) -> impl Iterator<Item = Seq> {
        let index = self.waiting.iter().position(|waiting| waiting.seq == seq).unwrap_or_default();
        self.waiting.iter().take(index).filter(|waiting| !waiting.joins).map(|waiting| waiting.seq)
    }

    /// The messages of the last turn that waits, newest first.
    pub(crate) fn last_turn(&self) -> impl Iterator<Item = Seq> {
        let newest_first = self.waiting.iter().rev();
        let joined = newest_first.clone().take_while(|more| more.joins).count();
        newest_first.take(joined.saturating_add(1)).map(|waiting| waiting.seq)
    }

    /// Whether a message that waits belongs to the one before it.
    pub(crate) fn is_joined(&self, seq: Seq) -> bool {
        self.waiting.iter().any(|waiting| waiting.seq == seq && waiting.joins)
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
        let may_begin = self.state.is_idle() && self.may_begin() && !self.is_switching();
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
