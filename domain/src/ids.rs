//! Identifiers as types of their own, so that one cannot be passed where another is meant.

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;

use crate::hash::stable_hash;

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Wraps the identifier's text.
            #[must_use]
            pub fn new(text: impl AsRef<str>) -> Self {
                Self(Arc::from(text.as_ref()))
            }

            /// The identifier's text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

macro_rules! number_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(pub u64);

        impl $name {
            /// The one after this.
            #[must_use]
            pub const fn next(self) -> Self {
                Self(self.0.saturating_add(1))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0)
            }
        }
    };
}

text_id!(
    /// A configured bot, `chn_…`.
    ChannelId
);
text_id!(
    /// A configured agent, `agt_…`.
    AgentId
);
text_id!(
    /// A company user, `usr_…`.
    UserId
);
text_id!(
    /// One conversation's record, `cnv_…`; derived from a [`ConversationKey`], so that every replica finds the same one.
    ConversationId
);
text_id!(
    /// The platform's own id of an incoming message (DingTalk: `msgId`), or a made-up one for control through the API.
    MessageId
);
text_id!(
    /// One commit, so that a repeated one is recognised.
    CommitId
);
text_id!(
    /// One running process of Switchboard.
    ReplicaId
);

number_id!(
    /// Position of an entry in its conversation's inbox, from 1, without gaps, in order of first acceptance.
    Seq
);
number_id!(
    /// Which run of the agent something belongs to. `/new`, stop and time-outs bump it; what carries an older one is stale.
    Epoch
);
number_id!(
    /// Version of a stored record, for optimistic concurrency; 0 is "never written".
    Version
);
number_id!(
    /// Grows with each new owner of a partition; a commit with an older one is fenced out.
    FencingToken
);
number_id!(
    /// The operator's retry of a message (R8): 0 for the message as it came, else the number of the failure record that was
    /// retried, which no other retry of the message has.
    RetryNumber
);
number_id!(
    /// Which session of a conversation: 1 for the first, one more after each `/new`.
    SessionNumber
);
number_id!(
    /// One socket of a channel on this replica; never reused within a process.
    ConnectionId
);

/// What makes a conversation: the channel, the platform's conversation and, where members of a group have
/// sessions of their own, the member.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConversationKey {
    /// The channel the conversation runs over.
    pub channel: ChannelId,
    /// The platform's conversation id (DingTalk: `conversationId`).
    pub chat: String,
    /// The member's platform id in groups of scope `per_user`; `None` in private chats and shared groups.
    pub member: Option<String>,
}

impl ConversationKey {
    /// The conversation's id: the same on every replica and after every restart.
    #[must_use]
    pub fn id(&self) -> ConversationId {
        let member = self.member.as_deref();
        let marker = if member.is_some() { "member" } else { "all" };
        let hash = stable_hash(&[self.channel.as_str(), &self.chat, marker, member.unwrap_or("")]);
        ConversationId::new(format!("cnv_{hash:032x}"))
    }

    /// The partition that owns the conversation (R15): all members of one platform conversation share it.
    #[must_use]
    pub fn partition(&self) -> Partition {
        let hash = stable_hash(&[self.channel.as_str(), &self.chat]);
        // The low byte of a 128-bit FNV-1a is well mixed; 256 partitions is exactly one byte.
        Partition(hash.to_le_bytes()[0])
    }
}

/// One of 256 shares of all conversations; leases are taken by partition (R15).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Partition(pub u8);

impl Partition {
    /// All partitions in order.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..=u8::MAX).map(Self)
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "p{:03}", self.0)
    }
}
