//! `/acts`: what people did through the API and the panel besides changing settings, and who it was.
//!
//! Messages of the API's are not among them: each has a record of its own, and programs that send many would push out the rest.

pub mod list;

use serde::{Deserialize, Serialize};
use switchboard_ports::journal::{Book, EVERYTHING, JournalLine};

use super::auth::Caller;
use crate::changes::Author;
use crate::changes::lines::text;
use crate::ports::Ports;

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// A token was made.
    TokenCreated,
    /// A token was revoked.
    TokenRevoked,
    /// A channel's connection was made anew.
    ChannelRestarted,
    /// A conversation began a new session.
    ConversationReset,
    /// A running answer was stopped.
    ConversationStopped,
    /// A failure was retried.
    FailureRetried,
    /// A failure record was deleted.
    FailureDeleted,
    /// A user was made.
    UserCreated,
    /// A user was changed.
    UserChanged,
    /// A user was deleted.
    UserDeleted,
    /// What is known of a user was exported.
    UserExported,
    /// An identity was linked to a user.
    IdentityLinked,
    /// An identity was taken away from a user.
    IdentityUnlinked,
}

impl Act {
    /// All of them, with their words in the API.
    pub const ALL: [(&str, Self); 13] = [
        ("token_created", Self::TokenCreated),
        ("token_revoked", Self::TokenRevoked),
        ("channel_restarted", Self::ChannelRestarted),
        ("conversation_reset", Self::ConversationReset),
        ("conversation_stopped", Self::ConversationStopped),
        ("failure_retried", Self::FailureRetried),
        ("failure_deleted", Self::FailureDeleted),
        ("user_created", Self::UserCreated),
        ("user_changed", Self::UserChanged),
        ("user_deleted", Self::UserDeleted),
        ("user_exported", Self::UserExported),
        ("identity_linked", Self::IdentityLinked),
        ("identity_unlinked", Self::IdentityUnlinked),
    ];

    /// Its word.
    #[must_use]
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(_, act)| *act == self).map_or("", |(word, _)| *word)
    }
}

/// What was done, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActLine {
    /// When, in milliseconds.
    pub at: u64,
    /// Who.
    pub author: Author,
    /// What.
    pub act: Act,
    /// To what: an id, or a token's name.
    pub subject: String,
}

/// Notes what a caller has done. It is done: where it cannot be noted, only the log says so.
pub async fn note(ports: &Ports, caller: &Caller, act: Act, subject: &str) {
    note_by(ports, Author::from(caller), act, subject).await;
}

/// Notes what somebody has done.
pub async fn note_by(ports: &Ports, author: Author, act: Act, subject: &str) {
    let at = ports.clock.now();
    let line = ActLine { at: at.as_millis(), author, act, subject: subject.to_owned() };
    let line = JournalLine { book: Book::Acts, subject: EVERYTHING.to_owned(), at, body: text(&line) };
    if let Err(error) = ports.journal.append(vec![line]).await {
        tracing::warn!(act = act.word(), subject, %error, "failed to note what somebody did");
    }
}

#[cfg(test)]
mod tests;
