//! Waiting notes: the card of a message that waits says so once, and at which place; later it becomes the message's answer.
//!
//! Without cards a plain message says so, to each author once while an answer is written.
//!
//! A note is one call, and optional: it is made after a moment, claims its place in the budget behind everything else, and is
//! dropped when its turn comes first. That the call may have been made is stored before it is: whoever goes on after a crash
//! knows which waiting messages may have a card, and brings each to its end, with its answer or with one sentence.

use alloc::string::String;
use core::time::Duration;

use super::{Conversation, Effects, Perform};
use crate::ids::Seq;
use crate::notice::Notice;
use crate::outcome::Outcome;
use crate::rejected::Rejected;
use crate::reply::{self, CardCall, CardOutcome, Claim, Durability, GATE_WAIT_MAX, Reply};
use crate::settings::Busy;
use crate::snapshot::{ReplyId, ReplyRole};
use crate::time::Timestamp;

/// A message that waits shorter than this says nothing.
pub const NOTE_AFTER: Duration = Duration::from_secs(1);
/// Messages of one conversation that wait with a note at once; further ones wait without.
pub const NOTES_MAX: usize = 8;
/// An answer's first call waits so long for its note's; longer than any call takes.
const NOTE_CALL_MAX: Duration = Duration::from_secs(15);
/// A note makes one call.
const CALL: reply::CallNumber = 1;

/// How far the note of a waiting message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Note {
    /// It is made then, if the message still waits.
    Due { at: Timestamp },
    /// Waits for a place in the budget.
    Claimed,
    /// On its way.
    Sent { since: Timestamp },
    /// Its card is there; where that is not sure, it may be.
    Shown { sure: bool },
}

impl Note {
    /// Whether there may be a card.
    pub(super) const fn has_card(self) -> bool {
        match self {
            Self::Due { .. } | Self::Claimed => false,
            Self::Sent { .. } | Self::Shown { .. } => true,
        }
    }

    /// Whether it claims its place or its call is under way.
    const fn is_being_made(self) -> bool {
        match self {
            Self::Claimed | Self::Sent { .. } => true,
            Self::Due { .. } | Self::Shown { .. } => false,
        }
    }

    /// Whether its call is under way: the answer waits for that (R12).
    pub(super) const fn is_under_way(self) -> bool {
        match self {
            Self::Sent { .. } => true,
            Self::Due { .. } | Self::Claimed | Self::Shown { .. } => false,
        }
    }
}

impl Conversation {
    /// Whether a note would be made if this claim were granted.
    pub(super) fn note_waits_for(&self, reply: ReplyId, call: reply::CallNumber) -> bool {
        reply.role == ReplyRole::Note && call == CALL && self.notes.get(&reply.seq) == Some(&Note::Claimed)
    }

    /// A question was taken in: if it waits behind an answer, it will say so.
    pub(super) fn note_waiting(&mut self, seq: Seq, resumed: bool, now: Timestamp) {
        let is_queue = self.session.rules().busy == Busy::Queue;
        // The first in line waits behind an answer, or for nothing but its own beginning.
        let is_first = self.session.running().is_none() && self.session.ahead_of(seq).next().is_none();
        let waits = self.session.place(seq).is_some() && !self.session.is_joined(seq) && !is_first;
        if is_queue && waits && !resumed && self.notes.len() < NOTES_MAX {
            self.notes.entry(seq).or_insert(Note::Due { at: now.after(NOTE_AFTER) });
        }
    }

    /// Entries that may have a card that says that they wait.
    pub(super) fn noted(&self) -> impl Iterator<Item = Seq> {
        let noted = self.notes.iter().filter(|(seq, note)| match note {
            Note::Due { .. } | Note::Claimed => false,
            // The call of one that has ended is only waited for.
            Note::Sent { .. } => self.entries.contains_key(seq),
            Note::Shown { .. } => true,
        });
        noted.map(|(seq, _)| *seq)
    }

    /// When the next note is due. One is made after the other, after the cards of answers, and none before an earlier message
    /// has its card, so that all cards appear in the order of their messages.
    pub(super) fn note_due(&self) -> Option<(Timestamp, Seq)> {
        if self.notes.values().any(|note| note.is_being_made()) || self.answers().any(Reply::is_opening) {
            return None;
        }
        let due = self.notes.iter().find_map(|(seq, note)| match note {
            Note::Due { at } => Some((*at, *seq)),
            Note::Claimed | Note::Sent { .. } | Note::Shown { .. } => None,
        });
        due.filter(|(_, seq)| !self.would_overtake(*seq))
    }

    /// Whether a card of this message may stand above the one that an earlier message is still to get: that one was not told
    /// that it waits, or it is not sure that it was.
    fn would_overtake(&self, seq: Seq) -> bool {
        let is_shown = |seq| self.notes.get(&seq) == Some(&Note::Shown { sure: true });
        self.session.ahead_of(seq).any(|earlier| !is_shown(earlier)) && self.note_has_card(seq)
    }

    /// Whether a note of this message would be a card.
    fn note_has_card(&self, seq: Seq) -> bool {
        let entry = self.entries.get(&seq);
        entry.is_some_and(|entry| self.facts(entry, ReplyRole::Note, 0).limits.cards)
    }

    /// Claims a place for the next note if it is due; what waits no longer says nothing.
    pub(super) fn claim_notes(&mut self, effects: &mut Effects, now: Timestamp) {
        while let Some((_, seq)) = self.note_due().filter(|(at, _)| *at <= now) {
            let (place, entry) = (self.session.place(seq), self.entries.get(&seq));
            let (Some(place), Some(entry)) = (place, entry) else {
                self.notes.remove(&seq);
                continue;
            };
            if !self.note_has_card(seq) {
                self.notes.remove(&seq);
                let author = String::from(entry.sender.key());
                self.say_waiting(seq, &author, place, effects, now);
                continue;
            }
            let (message, retry) = (entry.message.clone(), entry.retry);
            self.notes.insert(seq, Note::Claimed);
            let (reply, claim) = (id(seq), Claim::Note);
            effects.perform.push(Perform::Claim { reply, call: CALL, claim, since: now, message, retry });
        }
    }

    /// Without cards a plain message says it, to each author once while an answer is written.
    fn say_waiting(&mut self, seq: Seq, author: &str, place: u32, effects: &mut Effects, now: Timestamp) {
        if self.has_room_for_notice() && self.told_waiting.tells(author) {
            let text = Notice::Waiting { place }.text(self.locale_of(seq));
            self.tell(id(seq), &text, effects, now);
        }
    }

    /// The budget has a place for a note: it says the place in line of this moment.
    pub(super) fn note_granted(
        &mut self,
        seq: Seq,
        effects: &mut Effects,
        now: Timestamp,
    ) -> Result<(), Rejected> {
        let place = self.session.place(seq);
        let (Some(Note::Claimed), Some(place), Some(entry)) =
            (self.notes.get(&seq), place, self.entries.get(&seq))
        else {
            return Err(Rejected::Stale { event: "Granted", phase: "Waiting" });
        };
        let facts = self.facts(entry, ReplyRole::Note, 0);
        let text = Notice::Waiting { place }.text(facts.locale);
        self.notes.insert(seq, Note::Sent { since: now });
        // Stored first: whoever goes on after a crash knows that there may be a card.
        effects.durability = effects.durability.max(Durability::Now);
        effects.perform.push(Perform::Card {
            reply: id(seq),
            call: CALL,
            target: facts.target,
            message: facts.message,
            retry: facts.retry,
            attempt: 0,
            card: CardCall::Open { text, thinking: false },
        });
        Ok(())
    }

    /// A note's call came back. Whatever came of it, it is not tried again.
    pub(super) fn note_done(&mut self, seq: Seq, outcome: CardOutcome) -> Result<(), Rejected> {
        let Some(Note::Sent { .. }) = self.notes.get(&seq) else {
            return Err(Rejected::Stale { event: "CardDone", phase: "Waiting" });
        };
        let shown = match outcome {
            CardOutcome::Done | CardOutcome::AlreadyFinished => Some(Note::Shown { sure: true }),
            CardOutcome::Unknown => Some(Note::Shown { sure: false }),
            CardOutcome::Missing
            | CardOutcome::Throttled { .. }
            | CardOutcome::NotSent
            | CardOutcome::Refused(_) => None,
        };
        match shown.filter(|_| self.entries.contains_key(&seq)) {
            Some(note) => self.notes.insert(seq, note),
            None => self.notes.remove(&seq),
        };
        Ok(())
    }

    /// The turn of a message begins: whether it has a card, and until when its answer may have to wait for that.
    pub(super) fn note_becomes_answer(&mut self, seq: Seq, gate: Timestamp) -> (bool, Timestamp) {
        match self.notes.get(&seq) {
            None => (false, gate),
            Some(Note::Due { .. } | Note::Claimed) => {
                self.notes.remove(&seq);
                (false, gate)
            }
            Some(Note::Sent { since }) => (true, gate.max(since.after(NOTE_CALL_MAX))),
            Some(Note::Shown { .. }) => (true, gate),
        }
    }

    /// A message ends. One that has no answer, and whose card says that it waits, is told so there.
    pub(super) fn note_ends(&mut self, seq: Seq, outcome: Outcome, effects: &mut Effects, now: Timestamp) {
        let Some(note) = self.notes.get(&seq).copied() else { return };
        let behind = self.answers().filter_map(Reply::gate).fold(now, Timestamp::max);
        let (has_card, gate) = self.note_becomes_answer(seq, behind.after(GATE_WAIT_MAX));
        if let Note::Shown { .. } = note {
            self.notes.remove(&seq);
        }
        let Some(entry) = self.entries.get(&seq).filter(|_| has_card && self.answer(seq).is_none()) else {
            return;
        };
        let notice = match outcome {
            Outcome::Refused(refusal) => Notice::Refused(refusal),
            Outcome::Failed(cause) => Notice::Failed(cause),
            Outcome::Joined => Notice::AnsweredAbove,
            Outcome::Answered | Outcome::Cancelled | Outcome::HandedOver => Notice::WaitWithdrawn,
        };
        let facts = self.facts(entry, ReplyRole::Answer, 0);
        let text = notice.text(facts.locale);
        let mut reply = Reply::answer(facts, true, gate, now);
        let ended = reply::Event::Ended { suffix: Some(text), failed: false };
        if let Ok(wanted) = reply.apply(ended, now) {
            effects.of_reply(&reply, wanted, now);
        }
        self.replies.push(reply);
    }

    /// Whether this is the card of a message that waits, and no plain message that says so.
    pub(super) fn is_waiting_note(&self, reply: ReplyId) -> bool {
        reply.role == ReplyRole::Note && !self.replies.iter().any(|it| it.facts().id == reply)
    }

    /// Whether a sentence to this author would say what the message's own card says.
    pub(super) fn is_noted(&self, seq: Seq) -> bool {
        self.notes.get(&seq).is_some_and(|note| note.has_card())
    }
}

fn id(seq: Seq) -> ReplyId {
    ReplyId { seq, role: ReplyRole::Note }
}
