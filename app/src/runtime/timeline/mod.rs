//! The timeline of a message: what happened to it, in small lines of the journal, for people to read.
//!
//! Whoever does something to a message notes it in passing: nothing waits for it, nothing is decided by it, and no line holds
//! what people wrote or where it goes. What happens often (updates of a card, parts of a long answer) is counted and told in
//! one line at its end, so that a process tells 24 lines of a message at most. The next process goes on in the same timeline.

pub(crate) mod read;
mod run;
mod spans;
mod story;
mod tally;

pub(crate) use run::RunStory;
pub(crate) use spans::committed;
pub(crate) use story::{Story, retried};
pub(crate) use tally::{Called, What};

use std::borrow::Cow;

use serde::Serialize;
use switchboard_domain::hash::stable_hash;
use switchboard_domain::ids::{ConversationId, Seq};
use switchboard_domain::inbox::{Intake, Verdict};
use switchboard_domain::time::Timestamp;
use switchboard_ports::conversations::{Accepted, Arrival};
use switchboard_ports::journal::{Book, JournalLine};
use switchboard_ports::messages::MessageRecord;
use switchboard_ports::traces::SpanKind;

use super::shared::Shared;

/// A message's name outside: its conversation and its place there. What agents are told as the turn's name.
pub(crate) fn message_id(conversation: &ConversationId, seq: Seq) -> String {
    format!("{conversation}-{seq}")
}

/// The conversation and the place that a message's name says.
pub(crate) fn place_of(message: &str) -> Option<(ConversationId, Seq)> {
    let (conversation, seq) = message.rsplit_once('-')?;
    let is_plain = seq.bytes().all(|byte| byte.is_ascii_digit()) && !seq.starts_with('0');
    let seq = seq.parse().ok().filter(|_| is_plain)?;
    Some((ConversationId::new(conversation), Seq(seq)))
}

/// The trace of a message, 32 hexadecimal digits: made from its name, so that every replica and every later process tells the
/// same one.
pub(crate) fn trace_id(message: &str) -> String {
    format!("{:032x}", trace_number(message))
}

/// The same as a number; never 0, which would be none.
pub(crate) fn trace_number(message: &str) -> u128 {
    stable_hash(&["trace", message]).max(1)
}

type Text = Cow<'static, str>;

/// What happened to a message: one line each. Names and fields are read by other versions, and never mean anything else.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Happened {
    /// It came from the platform; after so long it was stored, and then acknowledged.
    Accepted { stored_ms: u64, asks: &'static str, refused: Option<&'static str>, replica: Text },
    /// It was given in through the API.
    Given { conversation: Text, replica: Text },
    /// It is a retry of an earlier one.
    RetryOf { message: Text, failure: Text },
    /// It was retried: what became of that is told in another timeline.
    Retried { message: Text, failure: Text },
    /// It waits: so many turns come first.
    Queued { behind: u32 },
    /// A process goes on with what an earlier one had taken in.
    TakenUp { replica: Text },
    /// Its process stops, and leaves it to the next one.
    Left { replica: Text },
    /// Who wrote it was found out.
    Mapped { user: Text, rule: &'static str },
    /// The agent was asked; or, where it had been before, for the result of that.
    Asked { agent: Text, agent_id: Text, model: Option<Text>, goes_on: bool, replica: Text },
    /// The agent said its first words.
    FirstOutput,
    /// The agent came to its end.
    AgentFinished { cut: Option<&'static str> },
    /// The agent failed.
    AgentFailed { cause: &'static str },
    /// The card says that the message waits; or a plain message does.
    WaitingShown,
    /// The card is there.
    CardCreated,
    /// A call for the card did not work; told once, with what came of it.
    CardTrouble { result: &'static str, code: Option<&'static str> },
    /// The card was updated.
    CardUpdates { count: u32, failed: u32, first_at: u64, last_at: u64 },
    /// The card shows its last text.
    CardClosed,
    /// Plain messages were sent.
    Parts { sent: u32, failed: u32, way: Option<&'static str>, first_at: u64, last_at: u64 },
    /// The answer is delivered, whole.
    Delivered,
    /// A sentence of ours was sent in its place or beside it.
    Told,
    /// A failure was recorded.
    FailureRecorded { cause: &'static str },
    /// Its turn is over.
    Ended { outcome: &'static str, reason: Option<&'static str>, by: Option<&'static str> },
    /// How far a message is that nobody asked for.
    Sending { state: &'static str, parts: usize, sent: usize, cause: Option<&'static str> },
}

impl Shared {
    /// Notes what happened to a message now.
    pub(crate) fn tell(&self, message: impl Into<String>, happened: &Happened) {
        self.tell_at(message, self.now(), happened);
    }

    /// Notes what happened to a message at some time.
    pub(crate) fn tell_at(&self, message: impl Into<String>, at: Timestamp, happened: &Happened) {
        // Nothing in it can fail to be written as JSON.
        let Ok(body) = serde_json::to_string(happened) else { return };
        self.scribe.note(JournalLine { book: Book::Timelines, subject: message.into(), at, body });
    }

    /// This replica's name.
    pub(crate) fn replica_name(&self) -> Text {
        Cow::Owned(self.replica.to_string())
    }
}

/// Notes that a message was taken in, which came at `received_at` and is stored by now.
pub(crate) fn accepted(shared: &Shared, arrival: &Arrival, accepted: &Accepted, received_at: Timestamp) {
    let Accepted::First { seq: Some(seq), verdict, .. } = accepted else { return };
    let refused = match verdict {
        Verdict::Admit => None,
        Verdict::Refuse(refusal) | Verdict::Pass(refusal) => Some(refusal.as_str()),
    };
    let stored_ms = shared.now().as_millis().saturating_sub(received_at.as_millis());
    let (asks, replica) = (asks(&arrival.intake), shared.replica_name());
    let message = message_id(&arrival.key.id(), *seq);
    shared.tracer.ended(|| {
        let place = ("store.accept", spans::span_id(&message, &["accept"]));
        let channel = ("switchboard.channel_id", arrival.key.channel.as_str().into());
        spans::part(&message, place, SpanKind::Internal, (received_at, shared.now()), vec![channel])
    });
    shared.tell_at(message, received_at, &Happened::Accepted { stored_ms, asks, refused, replica });
}

/// Notes that a message was given in that nobody asked for.
pub(crate) fn given(shared: &Shared, record: &MessageRecord) {
    let conversation = Cow::Owned(record.conversation.to_string());
    let given = Happened::Given { conversation, replica: shared.replica_name() };
    shared.tell_at(record.id.as_str(), record.created_at, &given);
}

/// What an entry asks for, in a word.
const fn asks(intake: &Intake) -> &'static str {
    match intake {
        Intake::Ask { .. } | Intake::Deliver { .. } | Intake::Send { .. } => "question",
        Intake::Control { .. } | Intake::Lookup(_) => "command",
        Intake::Refused(_) => "nothing",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_found_by_its_name_and_by_nothing_like_it() {
        let id = ConversationId::new("cnv_0123");
        let name = message_id(&id, Seq(12));
        assert_eq!(name, "cnv_0123-12");
        assert_eq!(place_of(&name), Some((id, Seq(12))));
        for other in ["cnv_0123", "cnv_0123-", "cnv_0123-x", "cnv_0123-+1", "cnv_0123-01", "msg_00"] {
            assert_eq!(place_of(other), None, "{other}");
        }
    }

    #[test]
    fn a_trace_has_its_messages_name_whoever_tells_it() {
        assert_eq!(trace_id("cnv_1-2"), trace_id("cnv_1-2"));
        assert_ne!(trace_id("cnv_1-2"), trace_id("cnv_1-3"));
        assert_eq!(trace_id("cnv_1-2").len(), 32);
    }
}
