//! Why a machine refused an event. A refused event leaves the machine exactly as it was.

use thiserror::Error;

/// A refused event: what was expected, what came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Rejected {
    /// The same event was taken before; harmless.
    #[error("{event} was taken before (in {phase})")]
    Duplicate {
        /// The event's name.
        event: &'static str,
        /// The machine's phase when it came.
        phase: &'static str,
    },
    /// A late result of something given up since (an older epoch, connection or call); harmless.
    #[error("{event} belongs to something given up before (in {phase})")]
    Stale {
        /// The event's name.
        event: &'static str,
        /// The machine's phase when it came.
        phase: &'static str,
    },
    /// The event cannot come in this phase: the shell around the machine is wrong. Counted as an alarm.
    #[error("{event} cannot come in {phase}, expected {expected}")]
    Illegal {
        /// The event's name.
        event: &'static str,
        /// The machine's phase when it came.
        phase: &'static str,
        /// Where it would have been legal.
        expected: &'static str,
    },
}

impl Rejected {
    /// Whether this says that our own shell misbehaved; tests assert that there is none.
    #[must_use]
    pub const fn is_alarm(&self) -> bool {
        match self {
            Self::Illegal { .. } => true,
            Self::Duplicate { .. } | Self::Stale { .. } => false,
        }
    }
}
