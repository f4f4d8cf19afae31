//! Messages that nobody asked for: what is known of their way to the people they are for.

use alloc::vec::Vec;

use crate::ids::MessageId;
use crate::outcome::{FailureCause, Refusal};
use crate::reply::Trial;
use crate::snapshot::PartStatus;

/// Longest text of one message, in characters; the API refuses longer ones.
pub const MESSAGE_CHARS_MAX: usize = 20_000;

/// How a message's text is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Format {
    /// Markdown, as agents write it.
    #[default]
    Markdown,
    /// Nothing but characters: shown as they stand.
    Text,
}

/// How far a message is, part by part (R10).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Progress {
    /// Its parts in order; empty while it waits behind others.
    pub parts: Vec<PartStatus>,
    /// What came last of sending one.
    pub last: Option<Trial>,
    /// Why what was not sent by then never will be.
    pub refusal: Option<Refusal>,
}

/// How far a message is, as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MessageState {
    /// Nothing of it was sent: it waits for its turn, or for the platform.
    Queued,
    /// A part is on its way, or some are sent and more are to come.
    Attempting,
    /// The platform took every part. Whether anybody has seen it, nobody knows.
    Sent,
    /// At least one part was not sent and will not be.
    Failed,
    /// At least one part may have been sent, or not; all others were.
    Unknown,
}

impl MessageState {
    /// The state as the API shows it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Attempting => "attempting",
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }

    /// Whether it stays so.
    #[must_use]
    pub const fn is_final(self) -> bool {
        match self {
            Self::Queued | Self::Attempting => false,
            Self::Sent | Self::Failed | Self::Unknown => true,
        }
    }
}

/// Why a message is failed or of unknown fate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Undelivered {
    /// The way to the platform.
    Delivery(FailureCause),
    /// It was not taken on after all.
    Refused(Refusal),
}

impl Progress {
    /// A message that will not be sent.
    #[must_use]
    pub const fn refused(refusal: Refusal) -> Self {
        Self { parts: Vec::new(), last: None, refusal: Some(refusal) }
    }

    /// How far the whole message is; never better than its parts.
    #[must_use]
    pub fn state(&self) -> MessageState {
        let any = |status| self.parts.contains(&status);
        if self.parts.is_empty() {
            return if self.refusal.is_some() { MessageState::Failed } else { MessageState::Queued };
        }
        if any(PartStatus::Attempting) {
            return MessageState::Attempting;
        }
        if any(PartStatus::Pending) {
            let begun = self.parts.iter().any(|status| *status != PartStatus::Pending);
            return if begun { MessageState::Attempting } else { MessageState::Queued };
        }
        if any(PartStatus::Refused) {
            MessageState::Failed
        } else if any(PartStatus::Unknown) {
            MessageState::Unknown
        } else {
            MessageState::Sent
        }
    }

    /// Why it is failed or of unknown fate; `None` in other states.
    #[must_use]
    pub fn cause(&self) -> Option<Undelivered> {
        match (self.state(), self.refusal) {
            (MessageState::Failed, Some(refusal)) => Some(Undelivered::Refused(refusal)),
            (MessageState::Failed, None) => Some(Undelivered::Delivery(FailureCause::DeliveryRefused)),
            (MessageState::Unknown, _) => Some(Undelivered::Delivery(FailureCause::DeliveryUnknown)),
            (MessageState::Queued | MessageState::Attempting | MessageState::Sent, _) => None,
        }
    }

    /// What it is once nobody is left who could go on with it: nothing that waits will be sent, what is on its way may have
    /// been.
    #[must_use]
    pub fn abandoned(mut self, refusal: Refusal) -> Self {
        if self.state().is_final() {
            return self;
        }
        for status in &mut self.parts {
            match status {
                PartStatus::Pending => *status = PartStatus::Refused,
                PartStatus::Attempting => *status = PartStatus::Unknown,
                PartStatus::Sent | PartStatus::Refused | PartStatus::Unknown => {}
            }
        }
        self.refusal = Some(refusal);
        self
    }

    /// Takes in what is known later; a refusal stays.
    pub fn take_in(&mut self, later: Self) {
        let refusal = later.refusal.or(self.refusal);
        *self = Self { refusal, ..later };
    }
}

/// News of a message; part of the commit that makes them true.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct News {
    /// The message.
    pub message: MessageId,
    /// How far it is.
    pub progress: Progress,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(parts: &[PartStatus]) -> Progress {
        Progress { parts: parts.to_vec(), ..Progress::default() }
    }

    #[test]
    fn a_message_is_never_better_than_its_parts() {
        use MessageState as State;
        use PartStatus::{Attempting, Pending, Refused, Sent, Unknown};
        for (parts, state) in [
            (&[][..], State::Queued),
            (&[Pending, Pending], State::Queued),
            (&[Attempting, Pending], State::Attempting),
            (&[Sent, Pending], State::Attempting),
            (&[Unknown, Pending], State::Attempting),
            (&[Sent, Attempting], State::Attempting),
            (&[Sent, Sent], State::Sent),
            (&[Sent, Unknown], State::Unknown),
            (&[Sent, Refused], State::Failed),
            (&[Unknown, Refused], State::Failed),
        ] {
            assert_eq!(of(parts).state(), state, "{parts:?}");
            let bad = matches!(state, State::Failed | State::Unknown);
            assert_eq!(of(parts).cause().is_some(), bad, "{parts:?}");
        }
        assert_eq!(Progress::refused(Refusal::ChannelDeleted).state(), State::Failed);
    }

    #[test]
    fn what_nobody_goes_on_with_has_failed_or_is_of_unknown_fate() {
        use PartStatus::{Attempting, Pending, Sent};
        let left = |parts: &[PartStatus]| of(parts).abandoned(Refusal::ChannelDeleted);
        assert_eq!(left(&[]).state(), MessageState::Failed);
        assert_eq!(left(&[Sent, Pending]).state(), MessageState::Failed);
        assert_eq!(left(&[Sent, Attempting]).state(), MessageState::Unknown);
        assert_eq!(left(&[Sent, Sent]), of(&[Sent, Sent]));
    }

    #[test]
    fn a_refusal_stays_whatever_is_heard_later() {
        let mut progress = Progress::refused(Refusal::ChannelDeleted);
        progress.take_in(of(&[PartStatus::Refused]));
        assert_eq!(progress.refusal, Some(Refusal::ChannelDeleted));
    }
}
