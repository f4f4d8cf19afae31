//! What a conversation's task tells of its messages: waiting, cards and parts, ends.

use std::borrow::Cow;
use std::collections::BTreeMap;

use switchboard_domain::conversation::{Conversation, Effects, Event};
use switchboard_domain::ids::{ChannelId, ConversationId, MessageId, Seq};
use switchboard_domain::inbox::{Control, Entry, Intake, Origin};
use switchboard_domain::outbound::{MessageState, News, Undelivered};
use switchboard_domain::outcome::{FailureCause, Outcome};
use switchboard_domain::snapshot::{PartStatus, ReplyId, ReplyRole};
use switchboard_domain::time::Timestamp;
use switchboard_ports::traces::Span;

use super::spans::root;
use super::tally::{Called, Tally, What, card_trouble, delivery, part_trouble, tell_parts, tell_updates};
use super::{Happened, message_id};
use crate::runtime::shared::Shared;

/// Replies whose calls are counted at once; a conversation has a dozen open at most.
const TALLIES_MAX: usize = 64;

/// What is remembered until it can be told.
pub(crate) struct Story {
    channel: ChannelId,
    /// Nothing while the conversation is at rest: most of those in memory are.
    work: Option<Box<Work>>,
}

/// What is remembered while something is open.
#[derive(Default)]
struct Work {
    /// When what has not ended was accepted.
    accepted: BTreeMap<Seq, Timestamp>,
    /// Questions taken in with this step.
    fresh: Vec<Seq>,
    /// Control acts taken in with this step.
    acts: Vec<(Seq, Control, Origin)>,
    /// Calls of replies that are not done.
    tallies: BTreeMap<ReplyId, Tally>,
    /// Messages that nobody asked for, as they were told last.
    sending: BTreeMap<MessageId, (MessageState, Timestamp)>,
}

impl Story {
    /// Of a conversation of this channel's.
    pub(crate) const fn of(channel: ChannelId) -> Self {
        Self { channel, work: None }
    }

    /// The conversation is at rest: what it was doing is told, or is told no more.
    pub(crate) fn rests(&mut self) {
        self.work = None;
    }

    fn work(&mut self) -> &mut Work {
        self.work.get_or_insert_default()
    }

    /// An entry was read from the inbox; with `resumed` an earlier process may have begun it.
    pub(crate) fn taken(&mut self, shared: &Shared, id: &ConversationId, entry: &Entry, resumed: bool) {
        match &entry.intake {
            Intake::Control { control, origin } => self.work().acts.push((entry.seq, *control, *origin)),
            Intake::Ask { .. } | Intake::Deliver { .. } => self.work().fresh.push(entry.seq),
            // Its own record tells of it.
            Intake::Send { .. } => return,
            Intake::Lookup(_) | Intake::Refused(_) => {}
        }
        self.work().accepted.insert(entry.seq, entry.accepted_at);
        if resumed {
            shared.tell(message_id(id, entry.seq), &Happened::TakenUp { replica: shared.replica_name() });
        }
    }

    /// A step is over: whoever was taken in with it and waits is behind somebody.
    pub(crate) fn stepped(&mut self, shared: &Shared, id: &ConversationId, conversation: &Conversation) {
        let Some(work) = &mut self.work else { return };
        work.acts.clear();
        let session = conversation.session();
        for seq in work.fresh.drain(..) {
            let ahead = session.place(seq).map(|place| place.saturating_sub(1));
            let behind = ahead.map(|ahead| ahead.saturating_add(u32::from(session.running().is_some())));
            if let Some(behind) = behind {
                shared.tell(message_id(id, seq), &Happened::Queued { behind });
            }
        }
    }

    /// A platform call came back.
    pub(crate) fn came_back(&mut self, shared: &Shared, id: &ConversationId, event: &Event, called: Called) {
        let (reply, trouble) = match event {
            Event::CardDone { reply, outcome, .. } => (*reply, card_trouble(*outcome)),
            Event::PartDone { reply, outcome, .. } => (*reply, part_trouble(*outcome)),
            Event::Taken { .. }
            | Event::Denied { .. }
            | Event::Loaded
            | Event::Held(_)
            | Event::Released(_)
            | Event::Parked
            | Event::Run { .. }
            | Event::LookedUp { .. }
            | Event::Closed { .. }
            | Event::Granted { .. } => return,
        };
        if self.work().tallies.len() >= TALLIES_MAX && !self.work().tallies.contains_key(&reply) {
            return;
        }
        let tally = self.work().tallies.entry(reply).or_default();
        let (done, now) = (trouble.is_none(), shared.now());
        tally.span = Some((tally.span.map_or(called.began, |(first, _)| first), now));
        match called.what {
            What::Update => tally.updates.add(done, now),
            What::Part(way) => {
                tally.parts.add(done, now);
                tally.way = Some(way);
            }
            What::Open | What::Finish => {}
        }
        let message = || message_id(id, reply.seq);
        match (reply.role, called.what, trouble) {
            (ReplyRole::Note, What::Open | What::Part(_), None) => {
                shared.tell(message(), &Happened::WaitingShown);
            }
            (ReplyRole::Answer, What::Open, None) => shared.tell(message(), &Happened::CardCreated),
            (ReplyRole::Answer, What::Finish, None) => {
                tell_updates(shared, message(), tally);
                tally.closed = true;
                shared.tell(message(), &Happened::CardClosed);
            }
            (ReplyRole::Answer, What::Open | What::Update | What::Finish, Some((result, code)))
                if !std::mem::replace(&mut tally.troubled, true) =>
            {
                shared.tell(message(), &Happened::CardTrouble { result, code });
            }
            (ReplyRole::Answer | ReplyRole::Notice | ReplyRole::Note | ReplyRole::Message, _, _) => {}
        }
    }

    /// A step is stored: what it led to.
    pub(crate) fn stored(&mut self, shared: &Shared, id: &ConversationId, effects: &Effects) {
        for (seq, outcome) in &effects.ended {
            let accepted = self.work.as_mut().and_then(|work| work.accepted.remove(seq));
            if let Some(ended) = self.ended(*seq, *outcome) {
                let message = message_id(id, *seq);
                shared.tracer.ended(|| self.root(&message, (accepted, shared.now()), *outcome));
                shared.tell(message, &ended);
            }
        }
        for failed in &effects.failures {
            let cause = failed.cause.as_str();
            shared.tell(message_id(id, failed.seq), &Happened::FailureRecorded { cause });
        }
        for reply in &effects.replies_done {
            let failed =
                effects.failures.iter().any(|failed| failed.seq == reply.seq && is_delivery(failed.cause));
            self.done(shared, id, *reply, failed);
        }
        for news in &effects.news {
            self.news(shared, news);
        }
    }

    /// The process stops: what was counted is told, and who goes on with the message that is being answered.
    pub(crate) fn left(&mut self, shared: &Shared, id: &ConversationId, running: Option<Seq>) {
        for (reply, tally) in self.work.iter_mut().flat_map(|work| &mut work.tallies) {
            tell_updates(shared, message_id(id, reply.seq), tally);
            tell_parts(shared, message_id(id, reply.seq), *reply, tally);
        }
        if let Some(seq) = running {
            shared.tell(message_id(id, seq), &Happened::Left { replica: shared.replica_name() });
        }
    }

    fn done(&mut self, shared: &Shared, id: &ConversationId, reply: ReplyId, failed: bool) {
        let tally = self.work.as_mut().and_then(|work| work.tallies.remove(&reply));
        let mut tally = tally.unwrap_or_default();
        let message = message_id(id, reply.seq);
        if let Some(times) = tally.span.filter(|_| reply.role != ReplyRole::Message) {
            shared.tracer.ended(|| delivery(&message, (shared, reply), times, &tally, failed));
        }
        let shown = tally.closed || tally.parts.done > 0;
        match reply.role {
            ReplyRole::Answer => {
                tell_updates(shared, message.clone(), &mut tally);
                tell_parts(shared, message.clone(), reply, &mut tally);
                if shown && !failed {
                    shared.tell(message, &Happened::Delivered);
                }
            }
            ReplyRole::Notice if shown => shared.tell(message, &Happened::Told),
            ReplyRole::Notice | ReplyRole::Note | ReplyRole::Message => {}
        }
    }

    fn root(&self, message: &str, (accepted, now): (Option<Timestamp>, Timestamp), outcome: Outcome) -> Span {
        let (outcome, failed) = match outcome {
            Outcome::Answered => ("answered", None),
            Outcome::Cancelled => ("cancelled", None),
            Outcome::Joined => ("joined", None),
            Outcome::HandedOver => ("handed_over", None),
            Outcome::Refused(_) => ("refused", None),
            Outcome::Failed(cause) => ("failed", Some(cause.as_str())),
        };
        let mut root = root(message, (accepted.unwrap_or(now), now));
        root.attributes.push(("switchboard.channel_id", self.channel.as_str().into()));
        root.attributes.push(("switchboard.outcome", outcome.into()));
        Span { failed, ..root }
    }

    fn ended(&self, seq: Seq, outcome: Outcome) -> Option<Happened> {
        let (outcome, reason) = match outcome {
            // Its own record tells of it.
            Outcome::HandedOver => return None,
            Outcome::Answered => ("answered", None),
            Outcome::Joined => ("joined", None),
            Outcome::Cancelled => {
                let by = Some(self.canceller(seq));
                return Some(Happened::Ended { outcome: "cancelled", reason: None, by });
            }
            Outcome::Refused(refusal) => ("refused", Some(refusal.as_str())),
            Outcome::Failed(cause) => ("failed", Some(cause.as_str())),
        };
        Some(Happened::Ended { outcome, reason, by: None })
    }

    /// Who ended a turn: the first act behind it, else the question that was taken in.
    fn canceller(&self, seq: Seq) -> &'static str {
        let meant = |control: &Control| match control {
            Control::StopAnswer { seq: answered } => *answered == seq,
            Control::New | Control::Stop { .. } | Control::Withdraw => true,
            Control::Help => false,
        };
        let mut acts = self.work.iter().flat_map(|work| &work.acts);
        let act = acts.find(|(act, control, _)| *act > seq && meant(control));
        match act {
            Some((_, Control::New, Origin::Chat)) => "chat_new",
            Some((_, Control::New, Origin::Api)) => "api_reset",
            Some((_, Control::Stop { .. }, Origin::Chat)) => "chat_stop",
            Some((_, Control::Stop { .. }, Origin::Api)) => "api_stop",
            Some((_, Control::StopAnswer { .. }, _)) => "button",
            Some((_, Control::Withdraw | Control::Help, _)) => "channel_deleted",
            None => "newer_message",
        }
    }

    fn news(&mut self, shared: &Shared, News { message, progress }: &News) {
        let state = progress.state();
        let (now, before) = (shared.now(), self.work().sending.get(message).copied());
        // However often a part is tried again: only what comes further is told.
        if before.is_some_and(|(before, _)| before >= state) {
            return;
        }
        let since = before.map_or(now, |(_, since)| since);
        if state.is_final() || self.work().sending.len() >= TALLIES_MAX {
            self.work().sending.remove(message);
        } else {
            self.work().sending.insert(message.clone(), (state, since));
        }
        let cause = progress.cause().map(|cause| match cause {
            Undelivered::Delivery(cause) => cause.as_str(),
            Undelivered::Refused(refusal) => refusal.as_str(),
        });
        let sent = progress.parts.iter().filter(|part| **part == PartStatus::Sent).count();
        if state.is_final() {
            shared.tracer.ended(|| {
                let mut root = root(message.as_str(), (since, now));
                root.attributes.push(("switchboard.channel_id", self.channel.as_str().into()));
                root.attributes.push(("switchboard.outcome", state.as_str().into()));
                Span { failed: cause, ..root }
            });
        }
        let (state, parts) = (state.as_str(), progress.parts.len());
        shared.tell(message.as_str(), &Happened::Sending { state, parts, sent, cause });
    }
}

/// Notes that a failure's message is tried again as another one.
pub(crate) fn retried(shared: &Shared, id: &ConversationId, failure: &str, (old, new): (Seq, Seq)) {
    let (old, new) = (message_id(id, old), message_id(id, new));
    let failure = || Cow::Owned(failure.to_owned());
    let of = Happened::RetryOf { message: Cow::Owned(old.clone()), failure: failure() };
    shared.tell(new.as_str(), &of);
    shared.tell(old, &Happened::Retried { message: Cow::Owned(new), failure: failure() });
}

/// Whether a failure is one of the answer's way to people.
const fn is_delivery(cause: FailureCause) -> bool {
    match cause {
        FailureCause::DeliveryRefused | FailureCause::DeliveryUnknown | FailureCause::CardAbandoned => true,
        FailureCause::Agent(_) | FailureCause::CrashLoop | FailureCause::UserLookup | FailureCause::Stale => {
            false
        }
    }
}
