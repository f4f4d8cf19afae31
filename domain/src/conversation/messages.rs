//! Messages that nobody asked for: one after the other, beside whatever turn runs.

use super::Conversation;
use super::effects::Effects;
use crate::inbox::{Entry, Intake};
use crate::outbound::{News, Progress};
use crate::outcome::{Outcome, Refusal};
use crate::reply::{self, Durability, Facts, Reply};
use crate::snapshot::{PartStatus, ReplyRole};
use crate::time::Timestamp;

impl Conversation {
    /// The next message goes out once the one before it is done: people read them in the order in which they were given in.
    /// Says whether one did.
    pub(super) fn send_next(&mut self, effects: &mut Effects, now: Timestamp) -> bool {
        let is_sending = self.replies.iter().any(|reply| reply.facts().id.role == ReplyRole::Message);
        if is_sending || self.session.is_held() {
            return false;
        }
        let Some(entry) = self.outgoing.pop_front().and_then(|seq| self.entries.remove(&seq)) else {
            return false;
        };
        let Intake::Send { text, format } = &entry.intake else {
            return false;
        };
        let mut facts = Facts { format: *format, ..self.facts(&entry, ReplyRole::Message, 0) };
        // Whatever the entry says: an address that came with a question is for its answer.
        facts.target.session_address = None;
        let mut reply = Reply::message(facts, text, now);
        let parts = reply.part_count();
        let progress = match parts {
            0 => Progress::refused(Refusal::Unsupported),
            1.. => Progress { parts: alloc::vec![PartStatus::Pending; parts], ..Progress::default() },
        };
        Self::over(&entry, progress, Outcome::HandedOver, effects);
        if let Ok(wanted) = reply.apply(reply::Event::Resumed { gate: None }, now) {
            effects.of_reply(&reply, wanted, now);
        }
        self.replies.push(reply);
        true
    }

    /// The channel is being deleted: what waits is not sent, what is on its way is waited for.
    pub(super) fn withdraw_messages(&mut self, effects: &mut Effects, now: Timestamp) {
        while let Some(seq) = self.outgoing.pop_front() {
            if let Some(entry) = self.entries.remove(&seq) {
                let refusal = Refusal::ChannelDeleted;
                Self::over(&entry, Progress::refused(refusal), Outcome::Refused(refusal), effects);
            }
        }
        for reply in self.replies.iter_mut().filter(|reply| reply.facts().id.role == ReplyRole::Message) {
            // One that is done already has nothing to be taken back.
            if let Ok(wanted) = reply.apply(reply::Event::Withdrawn, now) {
                effects.of_reply(reply, wanted, now);
            }
        }
    }

    /// The entry of a message ends.
    fn over(entry: &Entry, progress: Progress, outcome: Outcome, effects: &mut Effects) {
        effects.ended.push((entry.seq, outcome));
        effects.news.push(News { message: entry.message.clone(), progress });
        effects.durability = Durability::Now;
    }
}
