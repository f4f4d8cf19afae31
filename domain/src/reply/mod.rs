//! One visible answer: a card that streams, or plain messages, brought to its end exactly once.
//!
//! A reply is told what the agent says ([`Event::Grew`]) and how it ended ([`Event::Ended`]); what it wants done leaves
//! as [`Effects`]: first a claim on the platform's budget, then, once granted, the call. Every call carries a
//! number, and every number gets one outcome; a late outcome is [`Rejected::Stale`].

mod call;
mod card;
mod deadline;
mod event;
mod finishing;
mod pace;
mod parting;
mod plain;
mod state;
mod status;
#[cfg(test)]
pub(crate) mod tests;
mod tried;
mod visible;

pub use call::{CardCall, CardOutcome, Claim, PartOutcome, Way};
pub use deadline::{Deadline, Reason};
pub use event::{Durability, Effect, Effects, Event};
pub use status::{Progress, STATUS_CHARS_MAX, STATUS_INTERVAL_MIN, TOOL_CHARS_MAX};
pub use tried::{Trial, Tried};

use alloc::string::String;
use core::time::Duration;

use crate::ids::{MessageId, RetryNumber};
use crate::message::Target;
use crate::outbound::Format;
use crate::outcome::FailureCause;
use crate::rejected::Rejected;
use crate::settings::{Locale, ReplyLimits};
use crate::snapshot::{ReplyId, ReplyRole, ReplySnapshot, ReplyStateSnapshot};
use crate::time::Timestamp;
use state::{Call, Ending, Plain, Presence, State};

/// The next reply waits this long for the last call of the one before it (R12).
pub const GATE_WAIT_MAX: Duration = Duration::from_secs(10);
/// A reply whose agent never ends is closed after this long, whatever its shell does.
pub const DRAFT_AGE_MAX: Duration = Duration::from_mins(70);
/// How long an ended reply is tried for before it is recorded as abandoned (R11).
pub const DELIVERY_AGE_MAX: Duration = Duration::from_hours(1);
/// A call without an outcome for this long counts as of unknown fate.
pub const CALL_AGE_MAX: Duration = Duration::from_secs(30);
/// Tries at opening a card, and at pointing from one, before plain text takes over.
pub const CARD_TRIES_MAX: u32 = 3;
/// A card that the platform's throttle has kept from being made for this long is given up for plain text.
pub const OPEN_WAIT_MAX: Duration = Duration::from_secs(15);
/// Tries at finishing a card that are proven not done, before plain text takes over.
pub const FINISH_TRIES_MAX: u32 = 6;
/// Tries at one way of sending a plain message that are proven not sent, before the other way is taken.
pub const WAY_TRIES_MAX: u32 = 3;
/// A short-lived address is used only while it has this much time left (R13).
pub const SESSION_ADDRESS_MARGIN: Duration = Duration::from_mins(1);
/// Shortest pause after a throttle, whatever the platform says: asking again at once would only be throttled again.
pub const THROTTLE_PAUSE_MIN: Duration = Duration::from_millis(200);
/// Longest pause between two tries.
pub const RETRY_PAUSE_MAX: Duration = Duration::from_mins(1);

/// Number of a call within its reply, from 1.
pub type CallNumber = u32;

/// What never changes about a reply, but for its pace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Which reply of its conversation.
    pub id: ReplyId,
    /// The message it answers.
    pub message: MessageId,
    /// Which retry of the message it answers; part of the card's id (R8).
    pub retry: RetryNumber,
    /// Where it goes.
    pub target: Target,
    /// Crash attempts of its turn so far.
    pub attempt: u32,
    /// How its text is meant; answers and notices are Markdown.
    pub format: Format,
    /// What the channel can show; the pace is the one that the quota leaves now.
    pub limits: ReplyLimits,
    /// The language of our own sentences.
    pub locale: Locale,
}

/// One visible answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    facts: Facts,
    calls: CallNumber,
    /// Until when it waits behind the reply before it; `None` once admitted.
    gate: Option<Timestamp>,
    tried: Tried,
    /// A line of ours above the agent's text, shown with it and no part of the transcript.
    lead: Option<String>,
    state: State,
}

impl Reply {
    /// An agent's answer that nobody has seen anything of. With `resumed` a card may exist from before a crash (R8).
    ///
    /// It shows nothing before it is admitted, or `gate` has come (R12).
    #[must_use]
    pub fn answer(facts: Facts, resumed: bool, gate: Timestamp, now: Timestamp) -> Self {
        let presence = if resumed { Presence::Unknown } else { Presence::Absent };
        let state = if facts.limits.cards {
            State::unopened(presence, now)
        } else {
            // Its card may be from a time when the channel had cards: then it is pointed from (R11).
            State::collecting(String::new(), presence, now)
        };
        Self { facts, calls: 0, gate: Some(gate), tried: Tried::default(), lead: None, state }
    }

    /// The same answer with a line of ours above it.
    #[must_use]
    pub fn below(mut self, lead: Option<String>) -> Self {
        self.lead = lead;
        self
    }

    /// One sentence of ours, as plain text: ended as it begins. Its first effects come with [`Event::Resumed`].
    #[must_use]
    pub fn notice(facts: Facts, text: &str, now: Timestamp) -> Self {
        let state = State::Plain(Plain::new(plain::parts(text, &facts.limits), None, now));
        Self { facts, calls: 0, gate: None, tried: Tried::default(), lead: None, state }
    }

    /// A message that nobody asked for: ended as it begins, like a notice, but each step of it is told.
    #[must_use]
    pub fn message(facts: Facts, text: &str, now: Timestamp) -> Self {
        let parts = match facts.format {
            Format::Markdown => plain::parts(text, &facts.limits),
            Format::Text => plain::characters(text, &facts.limits),
        };
        let state = State::Plain(Plain::new(parts, None, now));
        Self { facts, calls: 0, gate: None, tried: Tried::default(), lead: None, state }
    }

    /// The ways of answering that were tried so far.
    #[must_use]
    pub const fn tried(&self) -> Tried {
        self.tried
    }

    /// How many plain messages it consists of; 0 where it is none.
    #[must_use]
    pub fn part_count(&self) -> usize {
        match &self.state {
            State::Plain(plain) => plain.parts.len(),
            State::Unopened { .. }
            | State::Thinking { .. }
            | State::Streaming { .. }
            | State::Collecting { .. }
            | State::Finishing(_)
            | State::Done
            | State::Abandoned => 0,
        }
    }

    /// What never changes about it, but for its pace.
    #[must_use]
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Until when it waits behind the reply before it; `None` once it may show something.
    #[must_use]
    pub const fn gate(&self) -> Option<Timestamp> {
        self.gate
    }

    /// Whether nothing of it can be seen yet, and its card is still to be made.
    pub(crate) const fn is_opening(&self) -> bool {
        self.state.is_opening()
    }

    /// The agent's text so far; empty once the turn has ended.
    #[must_use]
    pub fn draft(&self) -> &str {
        self.state.draft()
    }

    /// Whether nothing is left to do.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        match self.state {
            State::Done | State::Abandoned => true,
            State::Unopened { .. }
            | State::Thinking { .. }
            | State::Streaming { .. }
            | State::Collecting { .. }
            | State::Finishing(_)
            | State::Plain(_) => false,
        }
    }

    /// Whether it has claimed or made a call since it was made or restored.
    #[must_use]
    pub const fn has_begun(&self) -> bool {
        self.calls > 0 || self.gate.is_some()
    }

    /// Until when it only waits before another try.
    #[must_use]
    pub fn paused_until(&self) -> Option<Timestamp> {
        match self.state.call() {
            state::Call::Paused { until } => Some(until),
            state::Call::Idle | state::Call::Claimed { .. } | state::Call::Sent { .. } => None,
        }
    }

    /// Whether its turn has ended and it is only being brought to its end.
    #[must_use]
    pub const fn is_ended(&self) -> bool {
        match self.state {
            State::Finishing(_) | State::Plain(_) | State::Done | State::Abandoned => true,
            State::Unopened { .. }
            | State::Thinking { .. }
            | State::Streaming { .. }
            | State::Collecting { .. } => false,
        }
    }

    /// The state's name, for logs, metrics and the panel.
    #[must_use]
    pub const fn phase(&self) -> &'static str {
        self.state.phase()
    }

    /// Takes an event in. A rejected event leaves the reply as it was.
    ///
    /// # Errors
    /// [`Rejected`] says whether the event came twice, too late, or cannot come here at all.
    pub fn apply(&mut self, event: Event, now: Timestamp) -> Result<Effects, Rejected> {
        match event {
            Event::Admitted => self.admitted(now),
            Event::Grew { text } => self.grew(&text),
            Event::Progressed { what } => self.progressed(what),
            Event::Parked => self.parked(now),
            Event::Ended { suffix, failed } => self.ended(suffix.as_deref(), failed, now),
            Event::Resumed { gate } => self.resumed(gate, now),
            Event::Granted { call } => self.granted(call, now),
            Event::CardDone { call, outcome } => self.card_done(call, outcome, now),
            Event::PartDone { call, outcome } => self.part_done(call, outcome, now),
            Event::Withdrawn => self.withdrawn(now),
        }
    }

    /// The agent is asked anew: what it had said or done before does not count.
    pub fn begin_anew(&mut self) {
        match &mut self.state {
            State::Unopened { draft, .. }
            | State::Thinking { draft, .. }
            | State::Collecting { draft, .. } => {
                draft.clear();
            }
            State::Streaming { draft, shown, call, .. } => {
                draft.clear();
                *shown = 0;
                if let Call::Sent { bytes, .. } = call {
                    *bytes = 0;
                }
            }
            State::Finishing(_) | State::Plain(_) | State::Done | State::Abandoned => {}
        }
    }

    /// What is kept of it; `None` while its turn runs (the inbox keeps that) and once it is done.
    #[must_use]
    pub fn snapshot(&self) -> Option<ReplySnapshot> {
        let (ended_at, state) = match &self.state {
            State::Finishing(finish) => (finish.ended_at, finish.snapshot()),
            State::Plain(plain) => (plain.ended_at, plain.snapshot()),
            State::Unopened { .. }
            | State::Thinking { .. }
            | State::Streaming { .. }
            | State::Collecting { .. }
            | State::Done
            | State::Abandoned => return None,
        };
        Some(ReplySnapshot {
            id: self.facts.id,
            message: self.facts.message.clone(),
            retry: self.facts.retry,
            target: self.facts.target.clone(),
            attempt: self.facts.attempt,
            ended_at,
            format: self.facts.format,
            tried: self.tried,
            state,
        })
    }

    /// Back from a store. Calls under way are forgotten: apply [`Event::Resumed`] to go on.
    #[must_use]
    pub fn restore(from: ReplySnapshot, limits: ReplyLimits, locale: Locale) -> Self {
        let state = match from.state {
            ReplyStateSnapshot::Finishing { text, rest, failed, uncertain } => {
                State::Finishing(Ending::restored(text, rest, failed, uncertain, from.ended_at))
            }
            ReplyStateSnapshot::Plain { parts, pointer } => {
                State::Plain(Plain::new(parts, pointer, from.ended_at))
            }
        };
        let facts = Facts {
            id: from.id,
            message: from.message,
            retry: from.retry,
            target: from.target,
            attempt: from.attempt,
            format: from.format,
            limits,
            locale,
        };
        Self { facts, calls: 0, gate: None, tried: from.tried, lead: None, state }
    }

    fn resumed(&mut self, gate: Option<Timestamp>, now: Timestamp) -> Result<Effects, Rejected> {
        self.ensure_ended()?;
        if self.has_begun() {
            return Err(Rejected::Duplicate { event: "Resumed", phase: self.phase() });
        }
        self.gate = gate;
        let mut lost = None;
        // The hour of tries begins again: while no process ran nothing was tried, and the clock may have been set back.
        if let State::Finishing(ending) = &mut self.state {
            (ending.ended_at, ending.seen_at, ending.uncertain) = (now, now, true);
        }
        if let State::Plain(plain) = &mut self.state {
            plain.ended_at = now;
            plain.pointer_uncertain = plain.pointer.is_some();
            lost = plain.lose_attempts();
            self.tried.lose();
        }
        let mut effects = Effects::none();
        if let Some(text) = lost {
            effects = effects.and(self.failed(FailureCause::DeliveryUnknown, text)).now();
        }
        let next = self.advance(now);
        effects.list.extend(next.list);
        effects.durability = effects.durability.max(next.durability);
        Ok(effects)
    }

    const fn ensure_ended(&self) -> Result<(), Rejected> {
        match &self.state {
            State::Finishing(_) | State::Plain(_) => Ok(()),
            State::Unopened { .. }
            | State::Thinking { .. }
            | State::Streaming { .. }
            | State::Collecting { .. }
            | State::Done
            | State::Abandoned => Err(self.illegal("Resumed", "Finishing or Plain")),
        }
    }

    /// What is left behind by something that did not arrive: a failure record, or news of a message that has its own.
    fn failed(&self, cause: FailureCause, text: String) -> Effect {
        match self.facts.id.role {
            ReplyRole::Answer | ReplyRole::Notice | ReplyRole::Note => Effect::Fail { cause, text },
            ReplyRole::Message => self.told(None),
        }
    }

    fn next_call(&mut self) -> CallNumber {
        self.calls = self.calls.saturating_add(1);
        self.calls
    }

    const fn illegal(&self, event: &'static str, expected: &'static str) -> Rejected {
        Rejected::Illegal { event, phase: self.phase(), expected }
    }

    const fn stale(&self, event: &'static str) -> Rejected {
        Rejected::Stale { event, phase: self.phase() }
    }

    /// An outcome that is not of the call under way: of an earlier one, or of none that was ever made.
    const fn late(&self, event: &'static str, number: CallNumber) -> Rejected {
        let made = match self.state.call() {
            // Its place in the budget has not been granted yet.
            Call::Claimed { number, .. } => number.saturating_sub(1),
            Call::Idle | Call::Sent { .. } | Call::Paused { .. } => self.calls,
        };
        if number > made { self.illegal(event, "a call made before") } else { self.stale(event) }
    }
}

/// How long to wait when the platform asks for a pause.
fn throttle(retry_after: Duration) -> Duration {
    retry_after.clamp(THROTTLE_PAUSE_MIN, RETRY_PAUSE_MAX)
}

/// The pause before try number `tries` + 1: 1 s, 2 s, 4 s … at most [`RETRY_PAUSE_MAX`].
fn pause(tries: u32) -> Duration {
    Duration::from_secs(1u64 << tries.saturating_sub(1).min(6)).min(RETRY_PAUSE_MAX)
}
