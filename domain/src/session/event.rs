//! What happens to a session.

use alloc::string::String;

use crate::choice::Choices;
use crate::ids::{Epoch, Seq};
use crate::inbox::{Control, Origin};
use crate::notice::Notice;
use crate::outcome::{Cut, Refusal, RunFailure};
use crate::settings::TurnLimits;
use crate::time::Timestamp;

/// What happens to a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The next inbox entry is there.
    Taken {
        /// Its place; each once, in order.
        seq: Seq,
        /// What it asks for.
        kind: Taken,
        /// When it was stored: whether the session slept before it is decided by this, the same way after a crash.
        accepted_at: Timestamp,
        /// When it was written, as far as the platform can be believed: never after it was stored. Its age counts from here.
        written_at: Timestamp,
        /// Whether an earlier owner of the conversation may have begun it.
        resumed: bool,
    },
    /// It is known whom the running turn is asked of: these limits hold for it.
    Asked {
        /// The run's epoch.
        epoch: Epoch,
        /// The agent's limits.
        limits: TurnLimits,
    },
    /// What a command asked for was looked up.
    LookedUp {
        /// The command's entry.
        seq: Seq,
        /// What was found.
        found: Found,
    },
    /// The agent took the request on.
    Started {
        /// The run's epoch.
        epoch: Epoch,
        /// What the run is called upstream, where its result can be asked for later.
        handle: Option<String>,
        /// Where the next turn goes on from if this run is stopped; counts only with a handle.
        continuation: Option<String>,
    },
    /// The agent said or did something.
    Heard {
        /// The run's epoch.
        epoch: Epoch,
        /// Length of the answer so far, in characters.
        chars: usize,
    },
    /// The answer is whole, or as whole as its agent makes it.
    Completed {
        /// The run's epoch.
        epoch: Epoch,
        /// Where the next turn goes on from.
        continuation: Option<String>,
        /// Why it is not whole.
        cut: Option<Cut>,
    },
    /// The run failed.
    Failed {
        /// The run's epoch.
        epoch: Epoch,
        /// Why.
        failure: RunFailure,
        /// Whether the agent had said something.
        shown: bool,
    },
    /// A run that was stopped is closed, upstream too.
    Closed {
        /// The run's epoch.
        epoch: Epoch,
    },
    /// No new turn may begin, for this reason.
    Held(Hold),
    /// The reason is gone.
    Released(Hold),
    /// The process stops now: a running turn is left to the next one, and that is no crash.
    Parked,
}

impl Event {
    /// The event's name, for rejections and logs.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Taken { .. } => "Taken",
            Self::Asked { .. } => "Asked",
            Self::LookedUp { .. } => "LookedUp",
            Self::Started { .. } => "Started",
            Self::Heard { .. } => "Heard",
            Self::Completed { .. } => "Completed",
            Self::Failed { .. } => "Failed",
            Self::Closed { .. } => "Closed",
            Self::Held(_) => "Held",
            Self::Released(_) => "Released",
            Self::Parked => "Parked",
        }
    }
}

/// What an inbox entry asks of the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Taken {
    /// A question.
    Ask,
    /// A question that belongs to the one before it, if that one still waits.
    More,
    /// A question that an operator has asked again: it waits its turn, whatever the rule for busy conversations says.
    AskedAgain,
    /// A message that nobody asked for: none of the session's business.
    Message,
    /// An answer to be delivered again: a turn that is over as soon as it begins.
    Deliver,
    /// A control act.
    Control(Control, Origin),
    /// A command whose answer takes a look at what is outside.
    Lookup {
        /// Whether the next turn depends on it.
        switches: bool,
    },
    /// Nothing: its author is told why.
    Refused(Refusal),
    /// Nothing: its author was told why a moment ago.
    Passed(Refusal),
}

/// What a look found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// For `/status`: whom the next question would be asked of.
    Status {
        /// The agent's name, if there is one.
        agent: Option<String>,
        /// The model's name, unless the agent chooses.
        model: Option<String>,
    },
    /// A sentence, and what the conversation goes on with; `None` where its choices stay as they are.
    Told(Notice, Option<Choices>),
}

/// Why no new turn may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Hold {
    /// The inbox is still being read: recovery applies all control entries before it starts any run (R3).
    Loading,
    /// The channel is disabled: what waits is kept.
    Disabled,
    /// The process is stopping.
    Stopping,
    /// Too many ended replies of the conversation are still being delivered, or one more is since a moment ago.
    Replies,
}
