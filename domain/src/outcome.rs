//! How things end: the closed lists of refusals, failures and outcomes.

use core::time::Duration;

/// How an accepted message ended. Exactly one of these, once (promise 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The agent answered, or a command was carried out.
    Answered,
    /// A person or an administrator stopped it.
    Cancelled,
    /// Its words went into the turn of the message before it, and what became of that became of it.
    Joined,
    /// A message that nobody asked for is on its way out; its own record tells the rest.
    HandedOver,
    /// It was not taken on, and its author was told why.
    Refused(Refusal),
    /// It could not be answered; its author was told so, or there is a failure record.
    Failed(FailureCause),
}

/// Why an answer that ended in good order is not all that its agent had to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cut {
    /// The agent's own limit of an answer's length was reached.
    Length,
    /// The agent's filter of contents ended it.
    Filter,
}

/// Why a message was not taken on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// The author sends more than the channel allows per minute.
    TooManyMessages,
    /// Too many of the conversation's messages wait already.
    InboxFull,
    /// The conversation is busy and the channel says `busy = "reject"`.
    Busy,
    /// The author may not use this bot.
    AccessDenied,
    /// The mapped user is disabled.
    UserDisabled,
    /// The author could not be mapped to a user.
    NotMapped,
    /// Who the author is could not be found out at the moment, and a command waits for nothing.
    NotLookedUp,
    /// A kind of message that cannot be handled.
    Unsupported,
    /// The channel has no agent.
    NoAgent,
    /// The channel was deleted while the message waited.
    ChannelDeleted,
    /// Nothing but files came, and none of them could be fetched: sending them again may help.
    NotFetched,
    /// Nothing but files came, and all are larger than is taken.
    FilesTooLarge,
    /// Nothing but files came, and the platform does not let us have them.
    FilesDenied,
}

impl Refusal {
    /// All refusals, for tables and tests.
    pub const ALL: [Self; 13] = [
        Self::TooManyMessages,
        Self::InboxFull,
        Self::Busy,
        Self::AccessDenied,
        Self::UserDisabled,
        Self::NotMapped,
        Self::NotLookedUp,
        Self::Unsupported,
        Self::NoAgent,
        Self::ChannelDeleted,
        Self::NotFetched,
        Self::FilesTooLarge,
        Self::FilesDenied,
    ];

    /// The stable name used in the API and the guides.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TooManyMessages => "too_many_messages",
            Self::InboxFull => "inbox_full",
            Self::Busy => "busy",
            Self::AccessDenied => "access_denied",
            Self::UserDisabled => "user_disabled",
            Self::NotMapped => "not_mapped",
            Self::NotLookedUp => "not_looked_up",
            Self::Unsupported => "unsupported",
            Self::NoAgent => "no_agent",
            Self::ChannelDeleted => "channel_deleted",
            Self::NotFetched => "not_fetched",
            Self::FilesTooLarge => "files_too_large",
            Self::FilesDenied => "files_denied",
        }
    }
}

/// Why a message could not be answered, or an answer not shown. Label `cause` of `switchboard_failures_total`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureCause {
    /// The agent failed.
    Agent(AgentFailureKind),
    /// The process died in the turn, and again in each of the three attempts to resume it.
    CrashLoop,
    /// The user could not be looked up or created.
    UserLookup,
    /// It was too old when its turn came, and the channel says `stale = "skip"`.
    Stale,
    /// The platform refused every way of answering.
    DeliveryRefused,
    /// A plain part was under way when the process died or the connection was cut: it may have arrived; never repeated (R10).
    DeliveryUnknown,
    /// A card could not be closed within an hour (R11).
    CardAbandoned,
}

impl FailureCause {
    /// The causes beside the agent's.
    const OWN: [Self; 6] = [
        Self::CrashLoop,
        Self::UserLookup,
        Self::Stale,
        Self::DeliveryRefused,
        Self::DeliveryUnknown,
        Self::CardAbandoned,
    ];

    /// All causes, for tables and tests.
    pub fn all() -> impl Iterator<Item = Self> {
        AgentFailureKind::ALL.into_iter().map(Self::Agent).chain(Self::OWN)
    }

    /// The cause of this stable name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::all().find(|cause| cause.as_str() == name)
    }

    /// The stable name used in the API, metrics and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Agent(kind) => kind.as_str(),
            Self::CrashLoop => "crash_loop",
            Self::UserLookup => "user_lookup",
            Self::Stale => "stale",
            Self::DeliveryRefused => "delivery_refused",
            Self::DeliveryUnknown => "delivery_unknown",
            Self::CardAbandoned => "card_abandoned",
        }
    }
}

/// What went wrong with an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AgentFailureKind {
    /// No connection, or cut before anything came.
    Unreachable,
    /// No first output in time.
    FirstOutputTimeout,
    /// Output stopped coming.
    IdleTimeout,
    /// The turn as a whole took too long.
    TurnTimeout,
    /// The agent refused our key (401, 403).
    Unauthorized,
    /// The agent does not know the model.
    UnknownModel,
    /// The agent is over its rate limit (429).
    RateLimited,
    /// The agent failed by itself (5xx, or an error inside the stream).
    ServerError,
    /// The agent refused the request (other 4xx).
    BadRequest,
    /// The stream ended in the middle.
    CutStream,
    /// What came was not what the protocol promises.
    Malformed,
    /// The agent finished without a word.
    Empty,
    /// The answer was longer than allowed.
    TooLong,
    /// The agent is still at work on an earlier question of the conversation.
    Busy,
    /// The agent itself is not set up to answer.
    Misconfigured,
    /// The user's name is one that the agent cannot take.
    UserNameRefused,
    /// Somebody stopped the run on the agent's side.
    Cancelled,
    /// The agent refused a question that came with files (400, 413, 415, 422).
    AttachmentRefused,
}

impl AgentFailureKind {
    /// All kinds, for tables and tests.
    pub const ALL: [Self; 18] = [
        Self::Unreachable,
        Self::FirstOutputTimeout,
        Self::IdleTimeout,
        Self::TurnTimeout,
        Self::Unauthorized,
        Self::UnknownModel,
        Self::RateLimited,
        Self::ServerError,
        Self::BadRequest,
        Self::CutStream,
        Self::Malformed,
        Self::Empty,
        Self::TooLong,
        Self::Busy,
        Self::Misconfigured,
        Self::UserNameRefused,
        Self::Cancelled,
        Self::AttachmentRefused,
    ];

    /// The stable name used in the API, metrics and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "agent_unreachable",
            Self::FirstOutputTimeout => "agent_first_output_timeout",
            Self::IdleTimeout => "agent_idle_timeout",
            Self::TurnTimeout => "agent_turn_timeout",
            Self::Unauthorized => "agent_unauthorized",
            Self::UnknownModel => "agent_unknown_model",
            Self::RateLimited => "agent_rate_limited",
            Self::ServerError => "agent_server_error",
            Self::BadRequest => "agent_bad_request",
            Self::CutStream => "agent_cut_stream",
            Self::Malformed => "agent_malformed",
            Self::Empty => "agent_empty",
            Self::TooLong => "agent_too_long",
            Self::Busy => "agent_busy",
            Self::Misconfigured => "agent_misconfigured",
            Self::UserNameRefused => "agent_user_name_refused",
            Self::Cancelled => "agent_cancelled",
            Self::AttachmentRefused => "agent_attachment_refused",
        }
    }

    /// Whether asking once more may help.
    #[must_use]
    pub const fn is_transient(self) -> bool {
        match self {
            Self::Unreachable | Self::RateLimited | Self::ServerError | Self::CutStream => true,
            Self::FirstOutputTimeout
            | Self::IdleTimeout
            | Self::TurnTimeout
            | Self::Unauthorized
            | Self::UnknownModel
            | Self::BadRequest
            | Self::Malformed
            | Self::Empty
            | Self::TooLong
            // The agent was asked again for minutes already.
            | Self::Busy
            | Self::Misconfigured
            | Self::UserNameRefused
            | Self::Cancelled
            | Self::AttachmentRefused => false,
        }
    }
}

/// An agent's failure with the pause it asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AgentFailure {
    /// What went wrong.
    pub kind: AgentFailureKind,
    /// The pause the agent asked for (`Retry-After`).
    pub retry_after: Option<Duration>,
}

impl AgentFailure {
    /// A failure without a pause asked for.
    #[must_use]
    pub const fn new(kind: AgentFailureKind) -> Self {
        Self { kind, retry_after: None }
    }
}

/// Why a run could not answer: the agent, or something before the agent was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RunFailure {
    /// The agent failed.
    Agent(AgentFailure),
    /// The author or the channel's settings do not allow it.
    Refused(Refusal),
    /// The user could not be looked up or created.
    UserLookup,
}
