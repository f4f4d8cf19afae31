//! What a session wants done, and when it has to be looked at.

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use crate::ids::{Epoch, Seq, SessionNumber};
use crate::notice::Notice;
use crate::outcome::{Cut, FailureCause, Outcome, Refusal};
use crate::reply::Durability;
use crate::time::Timestamp;

/// What a session wants done, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// The words of an entry go with those of another one, whose turn it is.
    Join {
        /// The one whose turn it is.
        seq: Seq,
        /// The one whose words go with it.
        with: Seq,
    },
    /// Make a reply to this entry. With `resumed` its card may exist.
    Open {
        /// The entry.
        seq: Seq,
        /// Crash attempts so far.
        attempt: u32,
        /// Whether its card may exist.
        resumed: bool,
        /// The message's age, where the answer has to say that it is late.
        late: Option<Duration>,
    },
    /// Ask the agent.
    Ask {
        /// The entry.
        seq: Seq,
        /// The run's epoch.
        epoch: Epoch,
    },
    /// Stop the run; comes back as [`super::Event::Closed`]. May be done before the commit.
    Cancel {
        /// The run's epoch.
        epoch: Epoch,
    },
    /// Stop a run that nobody here listens to, by the name it was stored under; comes back as [`super::Event::Closed`].
    CancelUpstream {
        /// The epoch that the closing is reported with; no run had it.
        epoch: Epoch,
        /// What the agent calls the run.
        handle: String,
    },
    /// The reply to this entry ends now, with the text it has.
    Finish {
        /// The entry.
        seq: Seq,
        /// How.
        how: Finish,
        /// The session it belonged to: `/new` has begun the next one by then.
        session: SessionNumber,
    },
    /// Say one sentence in answer to this entry.
    Say {
        /// The entry.
        seq: Seq,
        /// What.
        what: Say,
    },
    /// Look up what the entry's command asks for; comes back as [`super::Event::LookedUp`].
    LookUp {
        /// The entry.
        seq: Seq,
    },
    /// The entry has ended.
    End {
        /// The entry.
        seq: Seq,
        /// How.
        outcome: Outcome,
    },
}

/// How a reply ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Finish {
    /// The answer is whole.
    Answered,
    /// The answer is all that comes of it, and not whole.
    Cut(Cut),
    /// It was stopped by a person or an administrator.
    Stopped,
    /// A newer message took its place.
    Interrupted,
    /// The channel is being deleted.
    Withdrawn,
    /// It failed.
    Failed(FailureCause),
    /// It was not taken on.
    Refused(Refusal),
}

/// What is said in one sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Say {
    /// A new session began.
    NewSession,
    /// There is nothing to stop.
    NothingToStop,
    /// So many waiting messages were withdrawn.
    Withdrawn(u32),
    /// Agent, model, age and length of the session.
    Status {
        /// The agent's name, if there is one.
        agent: Option<String>,
        /// The model's name, unless the agent chooses.
        model: Option<String>,
        /// When the session began.
        started_at: Timestamp,
        /// Turns ended in it.
        turns: u32,
        /// Messages waiting.
        waiting: u32,
        /// Whether a reply is running.
        running: bool,
    },
    /// The commands.
    Help,
    /// What a look found.
    Told(Notice),
    /// The message was not taken on.
    Refused(Refusal),
    /// The message was too old when its turn came, and so were those that ended with it.
    Stale,
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
    /// Adds what was decided next.
    pub(super) fn follow(&mut self, more: Self) {
        self.durability = self.durability.max(more.durability);
        self.list.extend(more.list);
    }

    pub(super) fn push(&mut self, effect: Effect) {
        let durability = match &effect {
            // The inbox keeps the entry until its end; that it was begun is only asked where its channel is disabled meanwhile.
            Effect::Open { resumed: false, .. } => Durability::Lazy,
            Effect::Join { .. }
            | Effect::Ask { .. }
            | Effect::LookUp { .. }
            | Effect::Cancel { .. }
            | Effect::CancelUpstream { .. } => Durability::None,
            Effect::Open { resumed: true, .. }
            | Effect::Finish { .. }
            | Effect::Say { .. }
            | Effect::End { .. } => Durability::Now,
        };
        self.durability = self.durability.max(durability);
        self.list.push(effect);
    }
}

/// When a session has to be looked at, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline {
    /// When.
    pub at: Timestamp,
    /// Why.
    pub reason: Reason,
}

/// Why a session has to be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The agent has not said anything yet.
    FirstOutput,
    /// The agent has stopped talking.
    Idle,
    /// The turn takes too long.
    Turn,
    /// The pause before another try is over.
    Retry,
    /// A stopped run does not close.
    Closing,
    /// A look takes too long.
    Lookup,
    /// Nothing more came to be answered with the next message.
    Merge,
}
