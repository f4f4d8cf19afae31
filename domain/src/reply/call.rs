//! The calls a reply makes to its platform, and what can come of them.

use alloc::string::String;
use core::time::Duration;

use crate::channel::ErrorCode;

/// What is to be done with a card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CardCall {
    /// Make it and show it, with this first text. A card that exists already counts as made (R8).
    Open {
        /// The first text: `Thinking...`, or that the message waits.
        text: String,
        /// Whether it only says that an answer is thought about: platforms may show words of their own for that.
        thinking: bool,
    },
    /// Show this text, whole, instead of what it shows.
    Update {
        /// The whole text so far.
        text: String,
    },
    /// Show this text and close the card for good (R9).
    Finish {
        /// The final text.
        text: String,
        /// Whether it tells of a failure.
        failed: bool,
    },
}

/// What came of a card call. Card calls may always be repeated (R10).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CardOutcome {
    /// Done.
    Done,
    /// The card was closed before; for a finishing call that is as good as done (R9).
    AlreadyFinished,
    /// The platform does not know the card.
    Missing,
    /// Not done: too many calls. Try again after the pause.
    Throttled {
        /// The pause.
        retry_after: Duration,
    },
    /// Proven not done: no connection.
    NotSent,
    /// It may have been done: time-out, 5xx, cut connection.
    Unknown,
    /// Not done, and it will not be: permission, template, content.
    Refused(ErrorCode),
}

/// Which way a plain message goes (R13).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Way {
    /// To the short-lived address that came with the message.
    SessionAddress,
    /// By the platform's API.
    Api,
}

/// What came of a plain message (R10).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PartOutcome {
    /// The platform took it.
    Sent,
    /// Proven not sent: too many calls. Try again after the pause.
    Throttled {
        /// The pause.
        retry_after: Duration,
    },
    /// Proven not sent: no connection.
    NotSent,
    /// Proven not sent, and this way will not work: address expired, no permission, no such chat.
    Refused(ErrorCode),
    /// It may have been sent: time-out, 5xx, cut connection. Never repeated.
    Unknown,
}

/// A place in the platform's budget, in order of importance (R14).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Claim {
    /// To finish a card.
    Finish,
    /// To open a card.
    Open,
    /// To send a plain message.
    Text(Way),
    /// To update a card.
    Update,
    /// To make the card of a message that waits: optional.
    Note,
}
