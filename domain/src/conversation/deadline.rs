//! When a conversation has to be looked at, and what happens then.

use core::time::Duration;

use super::{Conversation, Effects};
use crate::ids::Seq;
use crate::snapshot::ReplyId;
use crate::time::Timestamp;
use crate::{reply, session};

/// When a conversation has to be looked at, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline {
    /// When.
    pub at: Timestamp,
    /// Why.
    pub reason: Reason,
}

/// Why a conversation has to be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Its session.
    Session(session::Reason),
    /// One of its replies.
    Reply(ReplyId, reply::Reason),
    /// A message has waited long enough to say so.
    Note(Seq),
}

impl Conversation {
    /// When the conversation has to be looked at next, derived from its state.
    #[must_use]
    pub fn deadline(&self) -> Option<Deadline> {
        let session =
            self.session.deadline().map(|it| Deadline { at: it.at, reason: Reason::Session(it.reason) });
        let replies = self.replies.iter().filter_map(|reply| {
            let it = reply.deadline()?;
            Some(Deadline { at: it.at, reason: Reason::Reply(reply.facts().id, it.reason) })
        });
        let note = self.note_due().map(|(at, seq)| Deadline { at, reason: Reason::Note(seq) });
        session.into_iter().chain(replies).chain(note).min_by_key(|deadline| deadline.at)
    }

    /// For so long, up to now, nothing could be performed and nothing heard. What was decided before is performed only now, and
    /// whatever came back meanwhile is still to be taken in: no time-out of somebody else's counts the time.
    pub fn stalled(&mut self, span: Duration) {
        self.session.stalled(span);
        for reply in &mut self.replies {
            reply.stalled(span);
        }
    }

    /// For so long, up to now, the running turn's question could not be asked, see [`unasked`](crate::session::Session::unasked).
    pub fn unasked(&mut self, span: Duration) {
        self.session.unasked(span);
    }

    /// Does what is due at `now`; nothing before the deadline.
    pub fn expire(&mut self, now: Timestamp) -> Effects {
        let mut effects = Effects::default();
        if self.deadline().is_none_or(|deadline| deadline.at > now) {
            return effects;
        }
        let due = self.session.expire(now);
        self.carry_out(due, &mut effects, now);
        for index in 0..self.replies.len() {
            if let Some(reply) = self.replies.get_mut(index) {
                let due = reply.expire(now);
                effects.of_reply(reply, due, now);
            }
        }
        self.settle(&mut effects, now);
        effects
    }
}
