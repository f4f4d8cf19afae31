//! The ways of answering that were tried, with what came last of each: failure records tell them.

use super::{CardOutcome, PartOutcome, Way};
use crate::channel::ErrorCode;

/// What came last of one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Trial {
    /// A plain message is on its way. Found after a restart, it is of unknown fate.
    UnderWay,
    /// It worked.
    Done,
    /// The platform does not know the card.
    Missing,
    /// Too many calls.
    Throttled,
    /// No connection.
    NotSent,
    /// It may have worked.
    Unknown,
    /// The platform refused it.
    Refused(ErrorCode),
}

/// The ways that were tried; `None`: not this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Tried {
    /// A card.
    pub card: Option<Trial>,
    /// The short-lived address that came with the message.
    pub session_address: Option<Trial>,
    /// The platform's API.
    pub api: Option<Trial>,
}

impl Tried {
    /// Notes what came of a way of sending plain messages.
    pub(super) const fn note(&mut self, way: Way, trial: Trial) {
        match way {
            Way::SessionAddress => self.session_address = Some(trial),
            Way::Api => self.api = Some(trial),
        }
    }

    /// What was on its way when the process died may have worked.
    pub(super) const fn lose(&mut self) {
        if let Some(trial @ Trial::UnderWay) = &mut self.session_address {
            *trial = Trial::Unknown;
        }
        if let Some(trial @ Trial::UnderWay) = &mut self.api {
            *trial = Trial::Unknown;
        }
    }
}

impl From<CardOutcome> for Trial {
    fn from(outcome: CardOutcome) -> Self {
        match outcome {
            CardOutcome::Done | CardOutcome::AlreadyFinished => Self::Done,
            CardOutcome::Missing => Self::Missing,
            CardOutcome::Throttled { .. } => Self::Throttled,
            CardOutcome::NotSent => Self::NotSent,
            CardOutcome::Unknown => Self::Unknown,
            CardOutcome::Refused(code) => Self::Refused(code),
        }
    }
}

impl From<PartOutcome> for Trial {
    fn from(outcome: PartOutcome) -> Self {
        match outcome {
            PartOutcome::Sent => Self::Done,
            PartOutcome::Throttled { .. } => Self::Throttled,
            PartOutcome::NotSent => Self::NotSent,
            PartOutcome::Unknown => Self::Unknown,
            PartOutcome::Refused(code) => Self::Refused(code),
        }
    }
}
