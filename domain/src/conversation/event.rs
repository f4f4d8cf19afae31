//! What happens to a conversation.

use alloc::string::String;

use crate::ids::{Epoch, Seq};
use crate::inbox::Entry;
use crate::outcome::{Cut, Refusal, RunFailure};
use crate::reply::{CallNumber, CardOutcome, PartOutcome, Progress};
use crate::session::{Found, Hold};
use crate::settings::{Locale, TurnLimits};
use crate::snapshot::ReplyId;

/// What happens to a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The next inbox entry was read.
    Taken {
        /// The entry.
        entry: Entry,
        /// Whether an earlier owner may have begun it.
        resumed: bool,
        /// The language that its author has chosen for themselves.
        locale: Option<Locale>,
    },
    /// The next inbox entry was read, and its author may not use the channel.
    Denied {
        /// The entry.
        entry: Entry,
        /// Why.
        refusal: Refusal,
        /// Whether the author is to be told.
        told: bool,
        /// The language that its author has chosen for themselves.
        locale: Option<Locale>,
    },
    /// The inbox has been read to its end: work may begin.
    Loaded,
    /// No new turn may begin, for this reason.
    Held(Hold),
    /// The reason is gone.
    Released(Hold),
    /// The process stops now.
    Parked,
    /// The agent's run said something.
    Run {
        /// The run's epoch.
        epoch: Epoch,
        /// What.
        said: Said,
    },
    /// What a command asked for was looked up.
    LookedUp {
        /// The command's entry.
        seq: Seq,
        /// What was found.
        found: Found,
        /// The language that its author chose just now for themselves.
        locale: Option<Locale>,
    },
    /// A run that was stopped is closed, upstream too.
    Closed {
        /// The run's epoch.
        epoch: Epoch,
    },
    /// The budget has a place for a reply's call.
    Granted {
        /// The reply.
        reply: ReplyId,
        /// The call.
        call: CallNumber,
    },
    /// A reply's card call came back.
    CardDone {
        /// The reply.
        reply: ReplyId,
        /// The call.
        call: CallNumber,
        /// What came of it.
        outcome: CardOutcome,
    },
    /// A reply's plain message came back.
    PartDone {
        /// The reply.
        reply: ReplyId,
        /// The call.
        call: CallNumber,
        /// What came of it.
        outcome: PartOutcome,
    },
}

impl Event {
    /// The event's name, for logs.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Taken { .. } => "Taken",
            Self::Denied { .. } => "Denied",
            Self::Loaded => "Loaded",
            Self::Held(_) => "Held",
            Self::Released(_) => "Released",
            Self::Parked => "Parked",
            Self::Run { said, .. } => said.name(),
            Self::LookedUp { .. } => "LookedUp",
            Self::Closed { .. } => "Closed",
            Self::Granted { .. } => "Granted",
            Self::CardDone { .. } => "CardDone",
            Self::PartDone { .. } => "PartDone",
        }
    }
}

/// What a run says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// Whom it is asked of: these limits hold for it.
    Asked(TurnLimits),
    /// The agent took the request on.
    Started {
        /// What the run is called upstream, where its result can be asked for later.
        handle: Option<String>,
        /// Where the next turn goes on from if this run is stopped; counts only with a handle.
        continuation: Option<String>,
    },
    /// More of the answer.
    Delta(String),
    /// Thinking aloud, a tool at work: a sign of life, shown beside the answer and never kept.
    Progress(Progress),
    /// The answer is whole, or as whole as its agent makes it.
    Completed {
        /// Where the next turn goes on from.
        continuation: Option<String>,
        /// Why it is not whole.
        cut: Option<Cut>,
    },
    /// The run failed.
    Failed(RunFailure),
}

impl Said {
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Asked(_) => "Asked",
            Self::Started { .. } => "Started",
            Self::Delta(_) => "Delta",
            Self::Progress(_) => "Progress",
            Self::Completed { .. } => "Completed",
            Self::Failed(_) => "Failed",
        }
    }
}
