//! When a reply has to be looked at, and what happens then.

use super::state::{Call, Kind, State};
use super::{
    CALL_AGE_MAX, CardOutcome, DELIVERY_AGE_MAX, DRAFT_AGE_MAX, Effect, Effects, PartOutcome, Reply,
};
use crate::notice::Notice;
use crate::outcome::{AgentFailureKind, FailureCause};
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
    /// A call's outcome is overdue.
    Call,
    /// The agent never ended it.
    Age,
    /// It was tried for long enough.
    Delivery,
}

impl Reply {
    /// When the reply has to be looked at next, derived from its state.
    #[must_use]
    pub fn deadline(&self) -> Option<Deadline> {
        let end = match &self.state {
            State::Unopened { draft, .. }
            | State::Thinking { draft, .. }
            | State::Streaming { draft, .. }
            | State::Collecting { draft, .. } => {
                Deadline { at: draft.since.after(DRAFT_AGE_MAX), reason: Reason::Age }
            }
            State::Finishing(ending) => delivery(ending.ended_at),
            State::Plain(plain) => delivery(plain.ended_at),
            State::Done | State::Abandoned => return None,
        };
        if let Some(at) = self.gate {
            return Some(Deadline { at, reason: Reason::Gate });
        }
        let next = match self.state.call() {
            Call::Idle => self.update_due().map(|at| Deadline { at, reason: Reason::Update }),
            Call::Paused { until } => Some(Deadline { at: until, reason: Reason::Retry }),
            // A claim waits as long as the budget wants; the reply's own age ends it.
            Call::Claimed { .. } => None,
            // The outcome decides, not the age: a call under way is never forgotten.
            Call::Sent { since, .. } => {
                return Some(Deadline { at: since.after(CALL_AGE_MAX), reason: Reason::Call });
            }
        };
        next.filter(|next| next.at < end.at).or(Some(end))
    }

    /// Does what is due at `now`; nothing before the deadline.
    pub fn expire(&mut self, now: Timestamp) -> Effects {
        let Some(deadline) = self.deadline().filter(|deadline| deadline.at <= now) else {
            return Effects::none();
        };
        match deadline.reason {
            Reason::Gate => self.admitted(now).unwrap_or_default(),
            Reason::Update | Reason::Retry => self.advance(now),
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
        let cause = match &self.state {
            State::Plain(plain) if plain.next_pending().is_some() && plain.pointer.is_none() => {
                FailureCause::DeliveryRefused
            }
            State::Plain(_) | State::Finishing(_) => FailureCause::CardAbandoned,
            State::Unopened { .. }
            | State::Thinking { .. }
            | State::Streaming { .. }
            | State::Collecting { .. }
            | State::Done
            | State::Abandoned => return Effects::none(),
        };
        self.state = State::Abandoned;
        Effects::one(Effect::Fail(cause)).now()
    }
}

fn delivery(ended_at: Timestamp) -> Deadline {
    Deadline { at: ended_at.after(DELIVERY_AGE_MAX), reason: Reason::Delivery }
}
