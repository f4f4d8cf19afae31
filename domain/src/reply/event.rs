//! What happens to a reply, and what it wants done.

use alloc::string::String;
use alloc::vec::Vec;

use super::{CallNumber, CardCall, CardOutcome, Claim, PartOutcome, Progress, Way};
use crate::channel::ErrorCode;
use crate::outbound;
use crate::outcome::FailureCause;
use crate::time::Timestamp;

/// What happens to a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The reply before it has made its last call (R12).
    Admitted,
    /// The agent said more.
    Grew {
        /// What it said.
        text: String,
    },
    /// The agent did something else than answering.
    Progressed {
        /// What.
        what: Progress,
    },
    /// The process ends in the middle of the turn; the next one goes on with it.
    Parked,
    /// The turn ended; the reply's last text is fixed from here on.
    Ended {
        /// What follows the agent's text: a stop mark, or a sentence about a failure. Never empty where there is no text.
        suffix: Option<String>,
        /// Whether it failed.
        failed: bool,
    },
    /// The process has restarted since the reply's last commit.
    Resumed {
        /// Until when it waits behind the reply before it (R12); `None`: for nobody.
        gate: Option<Timestamp>,
    },
    /// The budget has a place for the call claimed.
    Granted {
        /// The call's number.
        call: CallNumber,
    },
    /// A card call came back.
    CardDone {
        /// The call's number.
        call: CallNumber,
        /// What came of it.
        outcome: CardOutcome,
    },
    /// A plain message came back.
    PartDone {
        /// The call's number.
        call: CallNumber,
        /// What came of it.
        outcome: PartOutcome,
    },
    /// What has not been sent of a message that nobody asked for will not be: the channel is being deleted.
    Withdrawn,
}

impl Event {
    /// The event's name, for rejections and logs.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Admitted => "Admitted",
            Self::Grew { .. } => "Grew",
            Self::Progressed { .. } => "Progressed",
            Self::Parked => "Parked",
            Self::Ended { .. } => "Ended",
            Self::Resumed { .. } => "Resumed",
            Self::Granted { .. } => "Granted",
            Self::CardDone { .. } => "CardDone",
            Self::PartDone { .. } => "PartDone",
            Self::Withdrawn => "Withdrawn",
        }
    }
}

/// What a reply wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Claim a place in the platform's budget; comes back as [`Event::Granted`]. Best effort.
    Claim {
        /// The call's number.
        call: CallNumber,
        /// What for.
        claim: Claim,
        /// Since when people have seen nothing new of this reply.
        since: Timestamp,
    },
    /// Make a card call; comes back as [`Event::CardDone`]. Updates are best effort, finishes come from a commit (R9).
    Card {
        /// The call's number.
        call: CallNumber,
        /// The call.
        card: CardCall,
    },
    /// Send a plain message; comes back as [`Event::PartDone`]. Only after the commit that says *attempting* (R10).
    Send {
        /// The call's number.
        call: CallNumber,
        /// The message.
        text: String,
        /// Which way.
        way: Way,
    },
    /// Write a failure record.
    Fail {
        /// Why.
        cause: FailureCause,
        /// What did not arrive, or may not have: a retry delivers it.
        text: String,
    },
    /// Keep in a message's record how far it is.
    Tell(outbound::Progress),
    /// Something is wrong that the channel's status should show.
    Note(ErrorCode),
}

/// When what changed has to be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Durability {
    /// Nothing durable changed.
    #[default]
    None,
    /// Soon; losing it only repeats something harmless.
    Lazy,
    /// Before anything is performed.
    Now,
}

/// What an event led to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Effects {
    /// What to do, in order.
    pub list: Vec<Effect>,
    /// Whether the new state has to be stored first.
    pub durability: Durability,
}

impl Effects {
    pub(super) fn none() -> Self {
        Self::default()
    }

    pub(super) fn one(effect: Effect) -> Self {
        Self { list: alloc::vec![effect], durability: Durability::None }
    }

    pub(super) fn now(mut self) -> Self {
        self.durability = Durability::Now;
        self
    }

    pub(super) fn lazy(mut self) -> Self {
        self.durability = self.durability.max(Durability::Lazy);
        self
    }

    pub(super) fn and(mut self, effect: Effect) -> Self {
        self.list.push(effect);
        self
    }
}
