//! The states of a session, with the data each owns.

use alloc::boxed::Box;
use core::time::Duration;

use super::{Deadline, Reason, TURN_AGE_MAX};
use crate::ids::{Epoch, Seq};
use crate::settings::TurnLimits;
use crate::time::Timestamp;

/// What a session is doing.
///
/// ```text
///                 a message may begin
///        ┌──────────────────────────────────┐
///        │                                  v
///      Idle <─────── answered, ────────  Running ──┐ a transient failure, once:
///        ^           failed                 │  ^───┘ asks again after a pause
///        │                                  │
///        │ the run is closed,               │ /stop, /new, interrupted, a time-out,
///        │ or takes too long                v channel deleted: the epoch moves on
///        └────────────────────────────── Stopping
/// ```
///
/// A turn that is parked, or given up in the pause between two runs, has no run to close and goes to `Idle` at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    /// Nothing runs.
    Idle,
    /// An agent is at work.
    Running(Box<Turn>),
    /// A run was given up; its end upstream is awaited, so that it cannot hit the next turn.
    Stopping { epoch: Epoch, until: Timestamp },
}

/// One turn: an entry being answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Turn {
    pub(super) seq: Seq,
    /// The last message whose words go with it.
    pub(super) through: Seq,
    pub(super) written_at: Timestamp,
    pub(super) epoch: Epoch,
    /// What holds for it, whatever becomes of its agent's settings meanwhile.
    pub(super) limits: TurnLimits,
    pub(super) began_at: Timestamp,
    /// Whether a failed run was tried again already.
    pub(super) retried: bool,
    pub(super) step: Step,
}

impl Turn {
    /// When it is ended, whatever it does.
    pub(super) fn ends_at(&self) -> Timestamp {
        self.began_at.after(self.limits.turn_timeout.min(TURN_AGE_MAX))
    }

    /// Whether a run of it is open, upstream too.
    pub(super) const fn has_run(&self) -> bool {
        match self.step {
            Step::Asking { .. } | Step::Answering { .. } => true,
            Step::Pausing { .. } => false,
        }
    }
}

/// How far a turn is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// The agent was asked and has not said anything.
    Asking { since: Timestamp },
    /// The agent is talking.
    Answering { heard_at: Timestamp },
    /// Waits before the agent is asked again.
    Pausing { until: Timestamp },
}

impl State {
    pub(super) const fn phase(&self) -> &'static str {
        match self {
            Self::Idle => "Idle",
            Self::Running(_) => "Running",
            Self::Stopping { .. } => "Stopping",
        }
    }

    pub(super) const fn is_idle(&self) -> bool {
        match self {
            Self::Idle => true,
            Self::Running(_) | Self::Stopping { .. } => false,
        }
    }

    /// What somebody outside owes by a time, they owe so much later. A pause is nobody's debt and passes by itself.
    pub(super) fn stalled(&mut self, span: Duration) {
        match self {
            Self::Idle => {}
            Self::Stopping { until, .. } => *until = until.after(span),
            Self::Running(turn) => {
                turn.began_at = turn.began_at.after(span);
                match &mut turn.step {
                    Step::Asking { since: at } | Step::Answering { heard_at: at } => *at = at.after(span),
                    Step::Pausing { .. } => {}
                }
            }
        }
    }

    pub(super) fn deadline(&self) -> Option<Deadline> {
        match self {
            Self::Idle => None,
            Self::Stopping { until, .. } => Some(Deadline { at: *until, reason: Reason::Closing }),
            Self::Running(turn) => {
                let whole = Deadline { at: turn.ends_at(), reason: Reason::Turn };
                let step = match turn.step {
                    Step::Asking { since } => Deadline {
                        at: since.after(turn.limits.first_output_timeout),
                        reason: Reason::FirstOutput,
                    },
                    Step::Answering { heard_at } => {
                        Deadline { at: heard_at.after(turn.limits.idle_timeout), reason: Reason::Idle }
                    }
                    Step::Pausing { until } => Deadline { at: until, reason: Reason::Retry },
                };
                Some(if step.at < whole.at { step } else { whole })
            }
        }
    }
}
