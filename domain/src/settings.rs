//! Rules of a channel that the machines and decisions obey: plain data, validated at the edge.

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use crate::access::Names;
use crate::ids::{AgentId, UserId};
use crate::usage::Pace;

/// Language of our own sentences.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Locale {
    /// English.
    #[default]
    En,
    /// Simplified Chinese.
    ZhCn,
}

/// Rules of a channel's conversations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConversationSettings {
    /// Whose session it is in groups.
    pub group_scope: GroupScope,
    /// A session ends by itself after this long without a message; zero: never.
    pub idle_timeout: Duration,
    /// What a message does that comes while a reply is running.
    pub busy: Busy,
    /// Messages of one author that come within this time of each other become one turn; zero: each has its own.
    pub merge_window: Duration,
    /// A message older than this when its turn comes is stale; zero: never.
    pub stale_after: Duration,
    /// What happens to a stale message.
    pub stale: Stale,
}

impl Default for ConversationSettings {
    fn default() -> Self {
        Self {
            group_scope: GroupScope::PerUser,
            idle_timeout: Duration::ZERO,
            busy: Busy::Queue,
            merge_window: Duration::ZERO,
            stale_after: Duration::from_hours(1),
            stale: Stale::Note,
        }
    }
}

/// What happens to a message that is stale when its turn comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stale {
    /// It is answered like any other.
    Answer,
    /// It is answered, below a line that says how late that is.
    Note,
    /// It is not answered but recorded as a failure; its author is told, once for all that were skipped together.
    Skip,
}

/// Whose session it is in groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GroupScope {
    /// Each member has a session of their own.
    PerUser,
    /// All members share one.
    Shared,
}

/// What a message does that comes while a reply is running.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Busy {
    /// It is answered next, in order of acceptance.
    Queue,
    /// The running reply stops and the new message is answered.
    Interrupt,
    /// Its author is told to wait.
    Reject,
}

/// Who may choose agent and model in the chat, among which agents, and for whom a choice counts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SwitchingSettings {
    /// Who may choose.
    pub who: Switchers,
    /// The agents offered beside the channel's own; empty: all there are.
    pub agents: Vec<AgentId>,
    /// For whom a choice counts.
    pub remember: Remember,
}

/// Who may choose agent and model.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Switchers {
    /// Everybody who may write.
    #[default]
    Everyone,
    /// These users.
    Listed(Vec<UserId>),
    /// Nobody: what was chosen before does not count either.
    Nobody,
}

/// For whom a choice counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Remember {
    /// The conversation it was made in.
    #[default]
    Conversation,
    /// The user who made it, in all conversations of the channel.
    User,
}

/// Who may write to a channel, and how often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessSettings {
    /// Which people.
    pub users: UsersPolicy,
    /// Whether the bot listens in groups.
    pub groups: GroupPolicy,
    /// Whom the channel is for; of an empty list: for all.
    pub allow: PeopleList,
    /// Whom it is not for, whatever else says that it is.
    pub deny: PeopleList,
    /// Messages a minute per author; 0: no limit.
    pub messages_per_minute: u32,
    /// Messages a minute of all authors together; 0: no limit.
    pub channel_messages_per_minute: u32,
}

impl AccessSettings {
    /// Whether it has to be known who an author is in the company.
    #[must_use]
    pub fn needs_user(&self) -> bool {
        let names_people = |list: &PeopleList| !list.users.is_empty() || !list.departments.is_empty();
        self.users == UsersPolicy::MappedOnly || names_people(&self.allow) || names_people(&self.deny)
    }
}

impl Default for AccessSettings {
    fn default() -> Self {
        Self {
            users: UsersPolicy::Everyone,
            groups: GroupPolicy::MentionOnly,
            allow: PeopleList::default(),
            deny: PeopleList::default(),
            messages_per_minute: 30,
            channel_messages_per_minute: 0,
        }
    }
}

/// Which people may use a channel, as far as lists do not say otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UsersPolicy {
    /// All.
    Everyone,
    /// Whoever is a user already, is found to be one by the mapping, or is known to a directory that the mapping follows;
    /// nobody else is made one.
    MappedOnly,
}

/// People and places, each list at most [`crate::access::LIST_ENTRIES_MAX`] long.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PeopleList {
    /// People: by our id, username, verified e-mail address or the platform's id.
    pub users: Names,
    /// Departments, as directories name them.
    pub departments: Names,
    /// Group chats, by the platform's id of the conversation.
    pub groups: Names,
}

/// Whether the bot listens in groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GroupPolicy {
    /// When it is mentioned.
    MentionOnly,
    /// Not at all.
    Off,
    /// To everything, where the platform passes everything on.
    AllMessages,
}

/// How long what was said is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PrivacySettings {
    /// Days that lines of transcripts are kept; 0: for ever.
    pub transcript_days: u32,
    /// Whether transcripts are kept for their own sake. If not, what the running session needs is kept for a while.
    pub store_transcripts: bool,
}

impl Default for PrivacySettings {
    fn default() -> Self {
        Self { transcript_days: 0, store_transcripts: true }
    }
}

impl PrivacySettings {
    /// Whether anything is forgotten by itself.
    #[must_use]
    pub const fn forgets(&self) -> bool {
        self.transcript_days > 0 || !self.store_transcripts
    }

    /// How long lines of transcripts are kept; `None`: for ever.
    #[must_use]
    pub fn transcripts_kept(&self) -> Option<Duration> {
        let seconds = u64::from(self.transcript_days).saturating_mul(24 * 60 * 60);
        (self.transcript_days > 0).then(|| Duration::from_secs(seconds))
    }

    /// How long questions in failure records are kept; `None`: for ever. `context` is how long a session's lines are where
    /// transcripts are not stored.
    #[must_use]
    pub fn questions_kept(&self, context: Duration) -> Option<Duration> {
        let unstored = (!self.store_transcripts).then_some(context);
        self.transcripts_kept().into_iter().chain(unstored).min()
    }
}

/// How authors become users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserMapping {
    /// The rule.
    pub mode: MappingMode,
    /// What happens to an author without a match.
    pub on_miss: OnMiss,
    /// The e-mail address of a user made for an author: `{user_id}` stands for the platform's id. Never verified.
    pub email_template: String,
}

impl Default for UserMapping {
    fn default() -> Self {
        Self {
            mode: MappingMode::AutoCreate,
            on_miss: OnMiss::Create,
            email_template: String::from("{user_id}@im-platform.com"),
        }
    }
}

/// The rule by which authors become users. An existing link always wins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MappingMode {
    /// A user whose username is the author's platform id, else a new one.
    AutoCreate,
    /// A user whose username is the author's platform id.
    MatchUsername,
    /// A user whose verified e-mail address is the author's.
    MatchEmail,
    /// Everybody is this user.
    FixedUser(UserId),
    /// Whom the channel's directories say.
    Directory,
}

impl MappingMode {
    /// Whether directories are asked who an author is.
    #[must_use]
    pub const fn asks(&self) -> bool {
        match self {
            Self::MatchEmail | Self::Directory => true,
            Self::AutoCreate | Self::MatchUsername | Self::FixedUser(_) => false,
        }
    }
}

/// What happens to an author without a match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OnMiss {
    /// A user is made.
    Create,
    /// The message is refused with one sentence.
    Reject,
}

/// Time-outs and bounds of one agent's turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TurnLimits {
    /// From the request to the first output.
    pub first_output_timeout: Duration,
    /// From one output to the next.
    pub idle_timeout: Duration,
    /// The whole turn, retries included.
    pub turn_timeout: Duration,
    /// Longest answer, in characters.
    pub output_chars_max: usize,
}

impl Default for TurnLimits {
    fn default() -> Self {
        Self {
            first_output_timeout: Duration::from_mins(1),
            idle_timeout: Duration::from_mins(1),
            turn_timeout: Duration::from_mins(10),
            output_chars_max: 200_000,
        }
    }
}

/// What a provider can show: handed to replies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplyLimits {
    /// Whether answers are shown in cards that stream.
    pub cards: bool,
    /// Longest text of one card, in characters.
    pub card_chars_max: usize,
    /// Longest plain message, in characters.
    pub part_chars_max: usize,
    /// Longest plain message, in bytes.
    pub part_bytes_max: usize,
    /// Pause between two updates of a card; the first two come sooner, those of long answers later.
    pub update_interval: Duration,
    /// Whether calls are saved.
    pub pace: Pace,
}
