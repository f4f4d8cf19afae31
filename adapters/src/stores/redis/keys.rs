//! The layout of keys, version 1: every step touches keys of one hash tag only, so that one script can do it on a Cluster.
//!
//! `P` is the store's prefix, `pNNN` a partition, `C` a conversation's id, `CH` a channel's.
//!
//! | key | type | what |
//! |---|---|---|
//! | `P:{pNNN}:lease` | hash | `owner`, `token`, `until`, `ttl` (milliseconds); an `until` further ahead than `ttl` was written before the server's clock was set back, and is corrected by whoever finds it |
//! | `P:{pNNN}:fence` | number | the greatest token ever given; never expires |
//! | `P:{pNNN}:open` | sorted set | conversations not at rest, in order of their ids |
//! | `P:{pNNN}:active` | sorted set | all conversations by their last activity |
//! | `P:{pNNN}:active:channel:CH`, `…:user:U` | sorted set | the same, of a channel or a user |
//! | `P:{pNNN}:person:CH:HASH` | sorted set | private conversations with a person, by their last activity |
//! | `P:{pNNN}:mark:CH:M` | text | a deduplication mark; expires after [`DEDUPLICATION_KEPT`](switchboard_ports::conversations::DEDUPLICATION_KEPT) |
//! | `P:mark:CH:M` | text | the same, copied from a store whose marks know no partition; `marks_until` in `…:meta` says how long there are any |
//! | `P:{pNNN}:c:C` | hash | what lists show of a conversation, its state, `f:N`: where session `N` begins in its transcript |
//! | `P:{pNNN}:inbox:C` | sorted set | entries not ended, `seq|record` by sequence |
//! | `P:{pNNN}:lines:C` | list | its transcript, `[session, text, record]` |
//! | `P:{pNNN}:shown:C` | sorted set | names of messages that show answers, by sequence |
//! | `P:{pNNN}:names:CH:HASH` | hash | name of a message in a chat → `seq|C` |
//! | `P:{pNNN}:failures` | sorted set | failure records by number |
//! | `P:{pNNN}:failure:N` | hash | `conversation`, `channel`, `body`, `again`, `retried_at` |
//! | `P:{pNNN}:messages:CH` | sorted set | messages that nobody asked for, by the time they were given in |
//! | `P:{pNNN}:message:M` | hash | `conversation`, `channel`, `body`, `ended` |
//! | `P:at:C`, `P:at:M` | text | the partition of a conversation or message, which never changes: found by id alone |
//! | `P:claim:M` | text | the partition for which a message of this id is being given in; expires after a minute |
//! | `P:at:flr_N` | text | the same of a failure whose number does not tell it, because it was given by another store |
//! | `P:{messages}:CH` | sorted set | all of a channel's messages, `partition/M`, by time: what to forget |
//! | `P:{files}:…` | | files of inbox entries, and the room they take |
//! | `P:{config}:meta` | hash | `layout`, `key`: the id of the key that sealed secrets; `id`: a name of the store's own, by which another one in its place is noticed; `copy`: what a copy into this store is up to, `layout` being `copying` until it is done |
//! | `P:{config}:channels`, `…:agents` | hash | id → `[version, name, record]`; `…:names` folded name → id |
//! | `P:{config}:tokens` | hash | name → `[id, hash, record]`; `…:names` hash → name |
//! | `P:{config}:ended_sessions` | sorted set | sessions of the panel that were ended early, by when (ms) they would have ended; at most 2,000 |
//! | `P:{config}:revision` | number | counts changes of channels and agents, and restarts |
//! | `P:{config}:restarts` | hash | channel → how often a restart was asked for |
//! | `P:{replicas}:all` | hash | replica → `[until, itself, ttl]` (milliseconds) |
//! | `P:{replicas}:rows:R` | hash | channel → what replica `R` observes of it |
//! | `P:{replicas}:places` | hash | channel → `[replica, until, ttl]`: who has the only place at its platform |
//! | `P:{replicas}:evicting` | hash | channel → until when (ms) its platform is believed to close the older of two connections |
//! | `P:{budget-HASH}:calls` | hash | a bucket of a platform's budget: time (ms) → calls that count until then, at most 127 fields; `closed`: until when; expires a minute after its last use |
//! | `P:notes`, `P:notes:N` | no key | what replicas tell each other by publish and subscribe, which know no databases: with the number of the store's, unless it is 0 |
//! | `P:{users}:…` | | users, names, e-mail addresses, identities |
//! | `P:{usage}:…` | | what apps used |
//! | `P:{audit}:lines` | sorted set | who was mapped how, `number|record` by number; `…:last` the last number |
//! | `P:{journal-NN}:BOOK:subjects` | sorted set | subjects of a part of a book of the journal, by the numbers of their last lines, which hold the time; a book with few subjects has one part, others 64 |
//! | `P:{journal-NN}:BOOK:lines:S` | sorted set | lines of the subject `S`, `number|time|body` by number; both expire after twice the time that the book is kept, counted from the last line |

use std::fmt::Display;

use switchboard_domain::ids::Partition;

pub(super) use crate::hex::digits;
pub(super) use crate::stores::hashed::hashed;

/// Names keys.
#[derive(Debug, Clone)]
pub(super) struct Keys {
    prefix: String,
    notes: String,
}

impl Keys {
    /// Of a store in the database of this number.
    pub(super) fn new(prefix: &str, database: i64) -> Self {
        let notes = match database {
            0 => format!("{prefix}:notes"),
            number => format!("{prefix}:notes:{number}"),
        };
        Self { prefix: prefix.to_owned(), notes }
    }

    /// A key of a partition.
    pub(super) fn of(&self, partition: Partition, what: impl Display) -> String {
        format!("{}:{{{partition}}}:{what}", self.prefix)
    }

    /// What all keys of a partition begin with, for scripts that find further keys in what is stored.
    pub(super) fn beginning(&self, partition: Partition) -> String {
        format!("{}:{{{partition}}}:", self.prefix)
    }

    /// Where something is found by its id alone.
    pub(super) fn place(&self, id: &str) -> String {
        format!("{}:at:{id}", self.prefix)
    }

    /// For which partition a message of this id is being given in.
    pub(super) fn claim(&self, id: &str) -> String {
        format!("{}:claim:{id}", self.prefix)
    }

    /// A mark whose partition is not known, because it was copied from another store.
    pub(super) fn mark(&self, channel: &str, hash: &str) -> String {
        format!("{}:mark:{channel}:{hash}", self.prefix)
    }

    /// What all keys begin with.
    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The name under which replicas tell each other things: no key, nothing is stored there.
    pub(super) fn notes(&self) -> &str {
        &self.notes
    }

    /// A key of another tag: `config`, `users`, `usage`, `replicas`, a bucket's, a part's of the journal.
    pub(super) fn shared(&self, tag: &str, what: impl Display) -> String {
        format!("{}:{{{tag}}}:{what}", self.prefix)
    }
}
