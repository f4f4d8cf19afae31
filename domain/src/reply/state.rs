//! The states of a reply, with the data each owns.

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use super::status::Status;
use super::{CallNumber, Claim, Way, pause, throttle};
use crate::snapshot::{Part, PartStatus, Pointer, ReplyStateSnapshot};
use crate::time::Timestamp;

/// How far a reply is.
///
/// ```text
///            Admitted             card made            Ended
///  Unopened ─────────> Thinking ───────────> Streaming ─────┐
///     │ │                 │                      │          v        card closed
///     │ │ Ended           │ card refused         │       Finishing ───────────────> Done
///     │ └─────────────────┼──────────────────────┼──────>   │  │                    ^  ^
///     │                   v                      v          │  │ card refused,      │  │
///     │  (cards off)  Collecting <───────────────┘          │  │ or text left over  │  │
///     │                   │           refused half-way      │  v                    │  │
///     │                   │ Ended                           │ Plain ────────────────┘  │
///     │                   └─────────────────────────────────┼──> │   all parts settled  │
///     │                                                     v    v                      │
///     └───────────────────────────────────────────────> Abandoned (an hour of tries)    │
///                                         the card turned out to show everything ───────┘
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    /// Nothing was shown; waits behind the reply before it.
    Unopened { draft: Draft, presence: Presence },
    /// The card is being made.
    Thinking { draft: Draft, presence: Presence, tries: u32, call: Call },
    /// The card shows the first `shown` bytes of the text, and the status of that number.
    Streaming {
        draft: Draft,
        shown: usize,
        status_shown: u32,
        updates: u32,
        updated_at: Timestamp,
        tries: u32,
        call: Call,
    },
    /// No card, or none that can be written to any more: the text is collected for plain messages.
    Collecting { draft: Draft, presence: Presence },
    /// The card has to show its last text.
    Finishing(Ending),
    /// Plain messages have to go out.
    Plain(Plain),
    /// Nothing left to do.
    Done,
    /// Given up after an hour; there is a failure record.
    Abandoned,
}

/// The agent's text while its turn runs, and what it does besides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Draft {
    pub(super) text: String,
    pub(super) status: Status,
    pub(super) parting: Parting,
    pub(super) since: Timestamp,
}

/// What a card is still told by a process that ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Parting {
    /// The process does not end.
    #[default]
    No,
    /// That its answer goes on after the restart.
    Due,
    /// Nothing more: it was told, cannot be, or does not exist.
    Over,
}

impl Draft {
    fn new(text: String, since: Timestamp) -> Self {
        Self { text, status: Status::default(), parting: Parting::No, since }
    }

    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.status.clear();
        self.parting = Parting::No;
    }
}

/// Whether the card exists on the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    /// It does not: never made, or the platform says so.
    Absent,
    /// It does.
    Present,
    /// It may: a call of unknown fate, or a restart.
    Unknown,
}

/// The one call a reply may have under way (R12).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    /// None.
    Idle,
    /// Waits for a place in the budget.
    Claimed { number: CallNumber, kind: Kind, since: Timestamp },
    /// On its way; `bytes` of the text and the status of this number will be shown if it works.
    Sent { number: CallNumber, kind: Kind, since: Timestamp, bytes: usize, status: u32 },
    /// Waits before another try.
    Paused { until: Timestamp },
}

/// What a call is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Open,
    Update,
    Finish,
    Point,
    Part { index: usize, way: Way },
}

impl Kind {
    pub(super) const fn claim(self) -> Claim {
        match self {
            Self::Open => Claim::Open,
            Self::Update => Claim::Update,
            Self::Finish | Self::Point => Claim::Finish,
            Self::Part { way, .. } => Claim::Text(way),
        }
    }
}

/// A card on its way to its last text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ending {
    pub(super) text: String,
    pub(super) rest: Vec<String>,
    pub(super) failed: bool,
    pub(super) presence: Presence,
    /// Whether a finishing call may have worked without our knowing.
    pub(super) uncertain: bool,
    pub(super) ended_at: Timestamp,
    /// Since when people have seen nothing new on it.
    pub(super) seen_at: Timestamp,
    pub(super) tries: u32,
    pub(super) reopened: u32,
    pub(super) call: Call,
}

impl Ending {
    pub(super) fn restored(
        text: String,
        rest: Vec<String>,
        failed: bool,
        uncertain: bool,
        ended_at: Timestamp,
    ) -> Self {
        Self {
            text,
            rest,
            failed,
            presence: Presence::Unknown,
            uncertain,
            ended_at,
            seen_at: ended_at,
            tries: 0,
            reopened: 0,
            call: Call::Idle,
        }
    }

    pub(super) fn snapshot(&self) -> ReplyStateSnapshot {
        ReplyStateSnapshot::Finishing {
            text: self.text.clone(),
            rest: self.rest.clone(),
            failed: self.failed,
            uncertain: self.uncertain,
        }
    }
}

/// Plain messages on their way out, and the card they replace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Plain {
    pub(super) parts: Vec<Part>,
    pub(super) pointer: Option<Pointer>,
    pub(super) pointer_tries: u32,
    /// Whether a pointing call may have worked without our knowing.
    pub(super) pointer_uncertain: bool,
    pub(super) session_refused: bool,
    pub(super) tries: u32,
    /// Throttle answers in a row.
    pub(super) throttles: u32,
    pub(super) ended_at: Timestamp,
    pub(super) call: Call,
}

impl Plain {
    pub(super) fn new(parts: Vec<Part>, pointer: Option<Pointer>, ended_at: Timestamp) -> Self {
        Self {
            parts,
            pointer,
            pointer_tries: 0,
            pointer_uncertain: false,
            session_refused: false,
            tries: 0,
            throttles: 0,
            ended_at,
            call: Call::Idle,
        }
    }

    /// How long to wait when the platform asks for a pause. From the fourth time in a row on it is longer each time: what limits one person
    /// or chat goes on for minutes, and each try may count against a month's quota.
    pub(super) fn throttled(&mut self, retry_after: Duration) -> Duration {
        self.throttles = self.throttles.saturating_add(1);
        throttle(retry_after).max(pause(self.throttles.saturating_sub(2)))
    }

    pub(super) fn snapshot(&self) -> ReplyStateSnapshot {
        ReplyStateSnapshot::Plain { parts: self.parts.clone(), pointer: self.pointer.clone() }
    }

    pub(super) fn next_pending(&self) -> Option<usize> {
        self.parts.iter().position(|part| part.status == PartStatus::Pending)
    }
}

impl State {
    pub(super) const fn is_opening(&self) -> bool {
        match self {
            Self::Unopened { .. } | Self::Thinking { .. } => true,
            Self::Finishing(ending) => matches!(ending.presence, Presence::Absent),
            Self::Streaming { .. }
            | Self::Collecting { .. }
            | Self::Plain(_)
            | Self::Done
            | Self::Abandoned => false,
        }
    }

    pub(super) fn unopened(presence: Presence, now: Timestamp) -> Self {
        Self::Unopened { draft: Draft::new(String::new(), now), presence }
    }

    pub(super) fn collecting(text: String, presence: Presence, since: Timestamp) -> Self {
        Self::Collecting { draft: Draft::new(text, since), presence }
    }

    pub(super) const fn phase(&self) -> &'static str {
        match self {
            Self::Unopened { .. } => "Unopened",
            Self::Thinking { .. } => "Thinking",
            Self::Streaming { .. } => "Streaming",
            Self::Collecting { .. } => "Collecting",
            Self::Finishing(_) => "Finishing",
            Self::Plain(_) => "Plain",
            Self::Done => "Done",
            Self::Abandoned => "Abandoned",
        }
    }

    pub(super) fn draft(&self) -> &str {
        self.any_draft().map_or("", |draft| &draft.text)
    }

    pub(super) fn status(&self) -> Option<&Status> {
        self.any_draft().map(|draft| &draft.status)
    }

    pub(super) const fn any_draft(&self) -> Option<&Draft> {
        match self {
            Self::Unopened { draft, .. }
            | Self::Thinking { draft, .. }
            | Self::Streaming { draft, .. }
            | Self::Collecting { draft, .. } => Some(draft),
            Self::Finishing(_) | Self::Plain(_) | Self::Done | Self::Abandoned => None,
        }
    }

    pub(super) const fn any_draft_mut(&mut self) -> Option<&mut Draft> {
        match self {
            Self::Unopened { draft, .. }
            | Self::Thinking { draft, .. }
            | Self::Streaming { draft, .. }
            | Self::Collecting { draft, .. } => Some(draft),
            Self::Finishing(_) | Self::Plain(_) | Self::Done | Self::Abandoned => None,
        }
    }

    pub(super) fn call_mut(&mut self) -> Option<&mut Call> {
        match self {
            Self::Thinking { call, .. } | Self::Streaming { call, .. } => Some(call),
            Self::Finishing(ending) => Some(&mut ending.call),
            Self::Plain(plain) => Some(&mut plain.call),
            Self::Unopened { .. } | Self::Collecting { .. } | Self::Done | Self::Abandoned => None,
        }
    }

    pub(super) const fn call(&self) -> Call {
        match self {
            Self::Thinking { call, .. } | Self::Streaming { call, .. } => *call,
            Self::Finishing(ending) => ending.call,
            Self::Plain(plain) => plain.call,
            Self::Unopened { .. } | Self::Collecting { .. } | Self::Done | Self::Abandoned => Call::Idle,
        }
    }
}
