//! When a reply has to be looked at, and what happens then.

use alloc::vec::Vec;
use core::time::Duration;

use super::plain::{joined, refuse_all};
use super::state::{Call, Kind, Presence, State};
use super::{
    CALL_AGE_MAX, CallNumber, CardOutcome, DELIVERY_AGE_MAX, DRAFT_AGE_MAX, Effect, Effects, OPEN_WAIT_MAX,
    PartOutcome, Reply,
};
use crate::channel::ErrorCode;
use crate::notice::Notice;
use crate::outcome::{AgentFailureKind, FailureCause};
use crate::snapshot::{Part, PartStatus, ReplyRole};
use crate::time::Timestamp;

/// When a reply has to be looked at, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline {
    /// When.
    pub at: Timestamp,
    /// Why.
    pub reason: Reason,
}

/// Why a reply has to be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The reply before it takes too long.
    Gate,
    /// There is text that the card does not show.
    Update,
    /// The pause before another try is over.
    Retry,
    /// The card of an answer that has ended is not made yet.
    Opening,
    /// A call's outcome is overdue.
    Call,
    /// The agent never ended it.
    Age,
    /// It was tried for long enough.
    Delivery,
}

impl Reply {
    /// The call that waits for a place in the budget.
    #[must_use]
    pub const fn claimed(&self) -> Option<CallNumber> {
        match self.state.call() {
            Call::Claimed { number, .. } => Some(number),
            Call::Idle | Call::Sent { .. } | Call::Paused { .. } => None,
        }
    }

    /// When the reply has to be looked at next, derived from its state.
    #[must_use]
    pub fn deadline(&self) -> Option<Deadline> {
        let end = self.end()?;
        if let Some(at) = self.gate {
            return Some(Deadline { at, reason: Reason::Gate });
        }
        let next = match self.state.call() {
            Call::Idle => self.update_due().map(|at| Deadline { at, reason: Reason::Update }),
            Call::Paused { until } => Some(Deadline { at: until, reason: Reason::Retry }),
            Call::Claimed { since, .. } if self.is_kept_by_its_card() => {
                Some(Deadline { at: since.after(OPEN_WAIT_MAX), reason: Reason::Opening })
            }
            // A claim waits as long as the budget wants; the reply's own age ends it.
            Call::Claimed { .. } => None,
            // The outcome decides, not the age: a call under way is never forgotten.
            Call::Sent { since, .. } => {
                return Some(Deadline { at: since.after(CALL_AGE_MAX), reason: Reason::Call });
            }
        };
        next.filter(|next| next.at < end.at).or(Some(end))
    }

    /// Whether the answer is there, and a card that is not keeps it from its reader.
    const fn is_kept_by_its_card(&self) -> bool {
        match &self.state {
            State::Finishing(ending) => matches!(ending.presence, Presence::Absent),
            State::Unopened { .. }
            | State::Thinking { .. }
            | State::Streaming { .. }
            | State::Collecting { .. }
            | State::Plain(_)
            | State::Done
            | State::Abandoned => false,
        }
    }

    /// For so long, up to now, nothing could be performed and nothing heard: the shell waited for its store. What others owe,
    /// and the hour of tries, count from that much later; pauses pass by themselves. Memory only: [`super::Event::Resumed`]
    /// begins the hour anew.
    pub fn stalled(&mut self, span: Duration) {
        if self.is_done() {
            return;
        }
        self.gate = self.gate.map(|at| at.after(span));
        match &mut self.state {
            State::Unopened { draft, .. }
            | State::Thinking { draft, .. }
            | State::Streaming { draft, .. }
            | State::Collecting { draft, .. } => draft.since = draft.since.after(span),
            State::Finishing(ending) => ending.ended_at = ending.ended_at.after(span),
            State::Plain(plain) => plain.ended_at = plain.ended_at.after(span),
            State::Done | State::Abandoned => {}
        }
        match self.state.call_mut() {
            Some(Call::Sent { since, .. } | Call::Claimed { since, .. }) => *since = since.after(span),
            Some(Call::Idle | Call::Paused { .. }) | None => {}
        }
    }

    /// When it is ended, or given up, whatever happens.
    fn end(&self) -> Option<Deadline> {
        match &self.state {
            State::Unopened { draft, .. }
            | State::Thinking { draft, .. }
            | State::Streaming { draft, .. }
            | State::Collecting { draft, .. } => {
                Some(Deadline { at: draft.since.after(DRAFT_AGE_MAX), reason: Reason::Age })
            }
            State::Finishing(ending) => Some(delivery(ending.ended_at)),
            State::Plain(plain) => Some(delivery(plain.ended_at)),
            State::Done | State::Abandoned => None,
        }
    }

    /// Does what is due at `now`; nothing before the deadline.
    pub fn expire(&mut self, now: Timestamp) -> Effects {
        let mut effects = Effects::none();
        // Looked at late, several things may be due, one behind the other; each leaves the next one later or none at all.
        while let Some(due) = self.deadline().filter(|deadline| deadline.at <= now) {
            let reason = self
                .end()
                .filter(|end| end.at <= now && !self.is_calling())
                .map_or(due.reason, |end| end.reason);
            let more = self.overdue(reason, now);
            effects.list.extend(more.list);
            effects.durability = effects.durability.max(more.durability);
        }
        effects
    }

    const fn is_calling(&self) -> bool {
        match self.state.call() {
            Call::Sent { .. } => true,
            Call::Idle | Call::Claimed { .. } | Call::Paused { .. } => false,
        }
    }

    fn overdue(&mut self, reason: Reason, now: Timestamp) -> Effects {
        match reason {
            Reason::Gate => self.admitted(now).unwrap_or_default(),
            Reason::Update | Reason::Retry => self.advance(now),
            Reason::Opening => self.finishing_falls_back(now).and(Effect::Note(ErrorCode::RateLimited)),
            Reason::Call => self.outcome_overdue(now),
            Reason::Age => {
                let sentence = Notice::from(AgentFailureKind::TurnTimeout).text(self.facts.locale);
                self.ended(Some(&sentence), true, now).unwrap_or_default()
            }
            Reason::Delivery => self.delivery_overdue(),
        }
    }

    fn outcome_overdue(&mut self, now: Timestamp) -> Effects {
        let Call::Sent { number, kind, .. } = self.state.call() else {
            return Effects::none();
        };
        match kind {
            Kind::Open | Kind::Update | Kind::Finish | Kind::Point => {
                self.card_done(number, CardOutcome::Unknown, now)
            }
            Kind::Part { .. } => self.part_done(number, PartOutcome::Unknown, now),
        }
        .unwrap_or_default()
    }

    fn delivery_overdue(&mut self) -> Effects {
        let mut failed = Vec::new();
        let mut told = None;
        if let State::Plain(plain) = &mut self.state
            && self.facts.id.role == ReplyRole::Message
        {
            refuse_all(&mut plain.parts);
            told = Some(self.told(None));
        }
        match &self.state {
            State::Plain(plain) => {
                let covers = plain.pointer.as_ref().map_or(0, |pointer| pointer.covers) as usize;
                let pending = |part: &&Part| part.status == PartStatus::Pending;
                let refused = joined(plain.parts.iter().skip(covers).filter(pending));
                if !refused.is_empty() {
                    failed.push((FailureCause::DeliveryRefused, refused));
                }
                // The card may show these.
                let unknown = joined(plain.parts.iter().take(covers).filter(pending));
                if !unknown.is_empty() {
                    failed.push((FailureCause::DeliveryUnknown, unknown));
                }
                if plain.pointer.is_some() {
                    failed.push((FailureCause::CardAbandoned, plain.text_of(|_| true)));
                }
            }
            State::Finishing(ending) => {
                failed.push((FailureCause::CardAbandoned, self.text_of_ending(ending)));
            }
            State::Unopened { .. }
            | State::Thinking { .. }
            | State::Streaming { .. }
            | State::Collecting { .. }
            | State::Done
            | State::Abandoned => return Effects::none(),
        }
        self.state = State::Abandoned;
        let failed = failed.into_iter().map(|(cause, text)| Effect::Fail { cause, text });
        let list = told.into_iter().chain(failed).collect();
        Effects { list, ..Effects::none() }.now()
    }
}

fn delivery(ended_at: Timestamp) -> Deadline {
    Deadline { at: ended_at.after(DELIVERY_AGE_MAX), reason: Reason::Delivery }
}
