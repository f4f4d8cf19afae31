//! Carrying out what the session decided: replies made and ended, transcript lines, ends.

use alloc::string::String;
use core::time::Duration;

use super::effects::Failed;
use super::{ANSWERS_OPEN_MAX, Conversation, Effects, NOTICES_OPEN_MAX, Perform};
use crate::ids::{Seq, SessionNumber};
use crate::inbox::{Again, Entry, Intake};
use crate::message::Target;
use crate::notice::{Notice, StatusReport};
use crate::outbound::Format;
use crate::outcome::{FailureCause, Outcome, Refusal};
use crate::rejected::Rejected;
use crate::reply::{self, Facts, GATE_WAIT_MAX, Reply};
use crate::session::{self, Effect, Finish, Hold, Say};
use crate::snapshot::{Mark, ReplyId, ReplyRole, Role, TranscriptLine};
use crate::time::Timestamp;

impl Conversation {
    pub(super) fn session_event(
        &mut self,
        event: session::Event,
        effects: &mut Effects,
        now: Timestamp,
    ) -> Result<(), Rejected> {
        let decided = self.session.apply(event, now)?;
        self.carry_out(decided, effects, now);
        Ok(())
    }

    /// The running turn is left to the next process, and its card is told so.
    pub(super) fn parked(&mut self, effects: &mut Effects, now: Timestamp) -> Result<(), Rejected> {
        let running = self.session.running();
        self.session_event(session::Event::Parked, effects, now)?;
        // A reply that was closed by its age alone has nothing to say.
        if let Some(reply) = running.and_then(|(seq, _)| self.answer_mut(seq))
            && let Ok(wanted) = reply.apply(reply::Event::Parked, now)
        {
            effects.of_reply(reply, wanted, now);
        }
        Ok(())
    }

    /// The reply whose card is still to be told that the process ends.
    #[must_use]
    pub fn parting(&self) -> Option<ReplyId> {
        self.replies.iter().find(|reply| reply.is_parting()).map(|reply| reply.facts().id)
    }

    pub(super) fn reply_event(
        &mut self,
        id: ReplyId,
        event: reply::Event,
        effects: &mut Effects,
        now: Timestamp,
    ) -> Result<(), Rejected> {
        let Some(reply) = self.replies.iter_mut().find(|reply| reply.facts().id == id) else {
            return Err(Rejected::Stale { event: event.name(), phase: "Done" });
        };
        let wanted = reply.apply(event, now)?;
        effects.of_reply(reply, wanted, now);
        Ok(())
    }

    pub(super) fn carry_out(&mut self, decided: session::Effects, effects: &mut Effects, now: Timestamp) {
        effects.durability = effects.durability.max(decided.durability);
        for effect in decided.list {
            match effect {
                Effect::Join { seq, with } => self.join(seq, with),
                Effect::Open { seq, attempt, resumed, late } => self.open(seq, attempt, resumed, late, now),
                Effect::Ask { seq, epoch } => {
                    self.answer_chars = 0;
                    self.told_busy.forget();
                    self.told_waiting.forget();
                    if let Some(reply) = self.answer_mut(seq) {
                        reply.begin_anew();
                    }
                    effects.perform.push(Perform::Ask { seq, epoch });
                }
                Effect::Cancel { epoch } => effects.perform.push(Perform::Cancel { epoch }),
                Effect::CancelUpstream { epoch, handle } => {
                    effects.perform.push(Perform::CancelUpstream { epoch, handle });
                }
                Effect::Finish { seq, how, session } => {
                    self.record(seq, how, session, effects, now);
                    self.finish(seq, how, effects, now);
                }
                Effect::Say { seq, what } => self.say(seq, what, effects, now),
                Effect::LookUp { seq } => effects.perform.push(Perform::LookUp { seq }),
                Effect::End { seq, outcome } => self.end(seq, outcome, effects, now),
            }
        }
    }

    /// After each event: the order of visible calls, what is done, and whether there is room for another turn.
    pub(super) fn settle(&mut self, effects: &mut Effects, now: Timestamp) {
        loop {
            self.replies.retain(|reply| {
                if reply.is_done() {
                    effects.replies_done.push(reply.facts().id);
                }
                !reply.is_done()
            });
            let open = self.answers().count();
            let hold = if open >= ANSWERS_OPEN_MAX {
                session::Event::Held(Hold::Replies)
            } else {
                session::Event::Released(Hold::Replies)
            };
            // Neither can be refused.
            let _ = self.session_event(hold, effects, now);
            self.admit_next(effects, now);
            let sends = self.send_next(effects, now);
            // A turn begun just now may fill the room. An answer with nothing left to send is done by being admitted.
            if self.answers().count() == open && !sends && !self.replies.iter().any(Reply::is_done) {
                break;
            }
        }
        self.claim_notes(effects, now);
    }

    /// The first answer that shows nothing yet may do so once every answer before it has made its last call (R12).
    fn admit_next(&mut self, effects: &mut Effects, now: Timestamp) {
        let Some(reply) =
            self.replies.iter_mut().find(|it| it.facts().id.role == ReplyRole::Answer && !it.is_done())
        else {
            return;
        };
        if self.notes.get(&reply.facts().id.seq).is_some_and(|note| note.is_under_way()) {
            return;
        }
        // Being admitted twice is the ordinary case, and harmless.
        if let Ok(wanted) = reply.apply(reply::Event::Admitted, now) {
            effects.of_reply(reply, wanted, now);
        }
    }

    fn open(&mut self, seq: Seq, attempt: u32, resumed: bool, late: Option<Duration>, now: Timestamp) {
        // The reply of a turn that was parked is still there, with what it shows and its call under way.
        if self.answer(seq).is_some() {
            return;
        }
        let behind = self.answers().filter_map(Reply::gate).fold(now, Timestamp::max);
        let (noted, gate) = self.note_becomes_answer(seq, behind.after(GATE_WAIT_MAX));
        if let Some(entry) = self.entries.get(&seq) {
            let facts = self.facts(entry, ReplyRole::Answer, attempt);
            let reply = Reply::answer(facts, resumed || noted, gate, now);
            let lead = late.map(|age| Notice::Late { age }.text(self.locale_of(seq)));
            let mut reply = reply.below(lead);
            if let Intake::Deliver { text } = &entry.intake {
                // A reply that has just been made takes its text, and wants nothing for it yet.
                let _ = reply.apply(reply::Event::Grew { text: text.clone() }, now);
            }
            self.replies.push(reply);
        }
    }

    pub(super) fn facts(&self, entry: &Entry, role: ReplyRole, attempt: u32) -> Facts {
        let target = Target {
            chat: entry.chat.clone(),
            im_user_id: entry.sender.im_user_id.clone(),
            session_address: entry.session_address.clone(),
        };
        let mut limits = self.limits;
        limits.cards &= target.takes_calls();
        Facts {
            id: ReplyId { seq: entry.seq, role },
            message: entry.message.clone(),
            retry: entry.retry,
            target,
            attempt,
            format: Format::Markdown,
            limits,
            locale: self.locale_of(entry.seq),
        }
    }

    fn finish(&mut self, seq: Seq, how: Finish, effects: &mut Effects, now: Timestamp) {
        let locale = self.locale_of(seq);
        let (notice, failed) = match how {
            Finish::Answered => (None, false),
            Finish::Cut(cut) => (Some(Notice::Cut(cut)), false),
            Finish::Stopped => (Some(Notice::StopMark), false),
            Finish::Interrupted => (Some(Notice::InterruptMark), false),
            Finish::Withdrawn => (Some(Notice::ChannelDeleted), false),
            Finish::Refused(refusal) => (Some(Notice::Refused(refusal)), false),
            Finish::Failed(cause) => (Some(Notice::Failed(cause)), true),
        };
        let suffix: Option<String> = notice.map(|notice| notice.text(locale));
        if let Some(reply) = self.answer_mut(seq)
            && let Ok(wanted) = reply.apply(reply::Event::Ended { suffix, failed }, now)
        {
            effects.of_reply(reply, wanted, now);
        }
    }

    /// Transcript lines of a turn that ends.
    fn record(&self, seq: Seq, how: Finish, session: SessionNumber, effects: &mut Effects, now: Timestamp) {
        let mark = match how {
            // That it was cut is ours to say, and no part of what the agent is told again.
            Finish::Answered | Finish::Cut(_) => None,
            Finish::Stopped | Finish::Interrupted | Finish::Withdrawn => Some(Mark::Stopped),
            Finish::Failed(cause) => Some(Mark::Failed(cause)),
            Finish::Refused(_) => return,
        };
        let Some(Entry { intake: Intake::Ask { text, .. }, accepted_at, .. }) = self.entry(seq) else {
            return;
        };
        effects.transcript.push(TranscriptLine {
            session,
            seq,
            role: Role::User,
            text: text.clone(),
            at: *accepted_at,
            mark: None,
        });
        let said = self.answer(seq).map_or("", Reply::draft);
        effects.transcript.push(TranscriptLine {
            session,
            seq,
            role: Role::Assistant,
            text: String::from(said),
            at: now,
            mark,
        });
    }

    pub(super) fn say(&mut self, seq: Seq, what: Say, effects: &mut Effects, now: Timestamp) {
        let is_busy = what == Say::Refused(Refusal::Busy);
        let is_end = matches!(what, Say::Refused(_) | Say::Stale);
        let text = sentence(what, now).text(self.locale_of(seq));
        // A card that says that its message waits will say it instead.
        let is_said = is_end && self.is_noted(seq);
        let Some(entry) = self.entries.get(&seq).filter(|_| !is_said && self.has_room_for_notice()) else {
            return;
        };
        // Whoever writes ten messages while an answer is written is told once.
        if is_busy && !self.told_busy.tells(entry.sender.key()) {
            return;
        }
        self.tell(ReplyId { seq, role: ReplyRole::Notice }, &text, effects, now);
    }

    pub(super) fn has_room_for_notice(&self) -> bool {
        let is_notice = |reply: &&Reply| matches!(reply.facts().id.role, ReplyRole::Notice | ReplyRole::Note);
        self.replies.iter().filter(is_notice).count() < NOTICES_OPEN_MAX
    }

    /// Sends a sentence of ours as a plain message.
    pub(super) fn tell(&mut self, id: ReplyId, text: &str, effects: &mut Effects, now: Timestamp) {
        let Some(entry) = self.entries.get(&id.seq) else { return };
        let mut reply = Reply::notice(self.facts(entry, id.role, 0), text, now);
        if let Ok(wanted) = reply.apply(reply::Event::Resumed { gate: None }, now) {
            effects.of_reply(&reply, wanted, now);
        }
        self.replies.push(reply);
    }

    fn end(&mut self, seq: Seq, outcome: Outcome, effects: &mut Effects, now: Timestamp) {
        self.note_ends(seq, outcome, effects, now);
        let entry = self.entries.remove(&seq);
        for with in self.joined.remove(&seq).unwrap_or_default() {
            self.end(with, Outcome::Joined, effects, now);
        }
        self.tongues.remove(&seq);
        effects.ended.push((seq, outcome));
        match outcome {
            Outcome::Answered
            | Outcome::Cancelled
            | Outcome::Joined
            | Outcome::HandedOver
            | Outcome::Refused(_) => {}
            Outcome::Failed(cause) => {
                if let Some(entry) = entry {
                    // The session has forgotten them with the turn; its reply was made with them.
                    let reply = self.answer(seq);
                    effects.failures.push(Failed {
                        seq,
                        message: entry.message.clone(),
                        retry: entry.retry,
                        cause,
                        attempts: reply.map_or(0, |reply| reply.facts().attempt),
                        at: now,
                        tried: reply.map(Reply::tried).unwrap_or_default(),
                        again: Again::ask(*entry),
                    });
                }
            }
        }
    }

    pub(super) fn answers(&self) -> impl Iterator<Item = &Reply> {
        self.replies.iter().filter(|reply| reply.facts().id.role == ReplyRole::Answer)
    }

    pub(super) fn answer(&self, seq: Seq) -> Option<&Reply> {
        self.replies.iter().find(|reply| reply.facts().id == ReplyId { seq, role: ReplyRole::Answer })
    }

    pub(super) fn answer_mut(&mut self, seq: Seq) -> Option<&mut Reply> {
        self.replies.iter_mut().find(|reply| reply.facts().id == ReplyId { seq, role: ReplyRole::Answer })
    }
}

fn sentence(what: Say, now: Timestamp) -> Notice {
    match what {
        Say::NewSession => Notice::NewConversation,
        Say::NothingToStop => Notice::NothingToStop,
        Say::Withdrawn(withdrawn) => Notice::Stopped { withdrawn },
        Say::Status { agent, model, started_at, turns, waiting, running } => Notice::Status(StatusReport {
            agent,
            model,
            session_age: now.since(started_at),
            turns,
            waiting,
            running,
        }),
        Say::Help => Notice::Help,
        Say::Told(notice) => notice,
        Say::Refused(refusal) => Notice::Refused(refusal),
        Say::Stale => Notice::Failed(FailureCause::Stale),
    }
}
