//! The playground: people who are signed in talk to a bot of a channel that no chat platform stands behind.
//!
//! What they say goes the way of every message, and what they see is what the channel's link was told to show, kept in a
//! *room* for each person of a channel. A room is memory: it is gone with the process, and what is shown then makes it anew.

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use switchboard_domain::ids::{ChannelId, MessageId, Seq};
use switchboard_domain::time::Timestamp;
use thiserror::Error;

/// The platform's name in settings, identities and metrics.
pub const PLATFORM: &str = "web";

/// Longest text of one item, in characters; more is cut.
pub const ITEM_CHARS_MAX: usize = 3_000;

/// Items of one room; the oldest go.
pub const ITEMS_MAX: usize = 200;

/// Talking without a chat platform.
#[async_trait]
pub trait Playground: Send + Sync {
    /// Says something: the ordinary way in, up to the inbox. Repeatable under the same id, it is one message. Dropping the
    /// future undoes nothing that was stored.
    async fn say(&self, saying: Saying) -> Result<(), NotTaken>;

    /// What a person sees of a channel, now and from now on. Does no I/O.
    fn listen(&self, channel: &ChannelId, person: &str) -> Listening;

    /// What happens in rooms here, for other replicas. One listener is enough; what it is too slow for is lost.
    fn sights(&self) -> BoxStream<'static, Sight>;

    /// What happened in a room of another replica's. What has ended stays so, whatever is told late.
    fn take_in(&self, sight: Sight);

    /// Forgets what a person said and was answered, or all people of a channel, here and wherever it is told.
    fn forget(&self, channel: &ChannelId, person: Option<&str>);
}

/// Something said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saying {
    /// The channel.
    pub channel: ChannelId,
    /// Who says it.
    pub person: Person,
    /// The message's id; the same for the same message.
    pub message: MessageId,
    /// The words.
    pub text: String,
}

/// Somebody in the playground.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The platform's id of the person, and of the chat with the bot.
    pub id: String,
    /// What people call them.
    pub name: String,
}

/// Why something said was not taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NotTaken {
    /// The channel is not connected here: it is disabled, new, or being stopped.
    #[error("the channel is not connected")]
    NotConnected,
    /// It could not be stored. Saying it again is right.
    #[error("the message could not be stored")]
    Withheld,
}

/// What a person sees.
pub struct Listening {
    /// What is there, the oldest first; [`ITEMS_MAX`] at most.
    pub items: Vec<Item>,
    /// Each item that is new or has changed, whole. Ends where something was missed or forgotten: listen again.
    pub changes: BoxStream<'static, Item>,
}

/// One thing that a person sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its name within the room.
    pub id: String,
    /// Who said it.
    pub by: By,
    /// What it says so far, [`ITEM_CHARS_MAX`] characters at most, without control characters but for line breaks and tabs.
    pub text: String,
    /// Whether it says more than that.
    pub is_cut: bool,
    /// How far it is.
    pub stage: Stage,
    /// The place in the conversation's inbox that it answers.
    pub seq: Option<Seq>,
    /// When it was first seen.
    pub at: Timestamp,
}

/// Who said something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// The person.
    Person,
    /// The bot.
    Bot,
}

/// How far an item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// It is on its way in, or still written.
    Open,
    /// It was taken in, or is whole.
    Done,
    /// It was not taken in, or tells of a failure.
    Failed,
}

/// Something that happened in a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sight {
    /// An item is new or has changed.
    Seen {
        /// The channel.
        channel: ChannelId,
        /// Whose room.
        person: String,
        /// The item.
        item: Item,
    },
    /// Rooms were forgotten.
    Forgotten {
        /// The channel.
        channel: ChannelId,
        /// Whose room; `None`: all of the channel.
        person: Option<String>,
    },
}
