//! The conversation store: inbox, state, outbox and transcript of conversations, by partition (R1, R2, R7, R15).
//!
//! Five verbs. `accept` needs no lease and never touches a conversation's version; `claim` takes and renews
//! leases; `open` lists what is not at rest; `load` reads; `commit` writes state, ends and transcript in one step.
//! Everything of one partition (lease, fence, open index, inbox, deduplication, states) lives together, so that
//! each step is atomic. The suite in `conformance` says all of this as tests.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use switchboard_domain::ids::{
    CommitId, ConversationId, ConversationKey, FencingToken, MessageId, Partition, ReplicaId, RetryNumber,
    Seq, UserId, Version,
};
use switchboard_domain::inbox::{Again, Entry, Intake, Verdict};
use switchboard_domain::message::{Chat, Sender, SessionAddress};
use switchboard_domain::outbound::News;
use switchboard_domain::outcome::{FailureCause, Outcome};
use switchboard_domain::reply::Tried;
use switchboard_domain::snapshot::{ConversationSnapshot, TranscriptLine};
use switchboard_domain::time::Timestamp;

use crate::error::StoreError;

/// How long deduplication marks are kept, at least (R1).
pub const DEDUPLICATION_KEPT: Duration = Duration::from_hours(24);

/// Conversations listed by one `open`, at most.
pub const OPEN_LISTED_MAX: u32 = 1_000;

/// Inbox entries handed over by one `load`, at most; the rest follows with the next `load`.
pub const LOADED_ENTRIES_MAX: u32 = 200;

/// The last entries of a conversation whose answers are known by what the platform calls them; older names are forgotten
/// with a commit that brings new ones.
pub const SHOWN_ENTRIES_MAX: u64 = 1_000;

/// Inbox, state, outbox and transcript of conversations.
#[async_trait]
pub trait ConversationStore: Send + Sync {
    /// Stores a message or control act, or recognises it as seen.
    ///
    /// Atomic: the deduplication mark (channel + chat + message id), the next sequence of the conversation and the inbox
    /// entry appear together or not at all. No platform gives one id in two of its chats; whether such an id counts as seen is
    /// the store's choice. `admission` is asked for a first delivery only, with the number of
    /// entries that wait; with [`Verdict::Pass`] only the mark is kept and the result has no sequence.
    ///
    /// The order of first acceptance is the order of *calls*: the call itself enqueues, the future only waits.
    /// Repeatable: a repeated call is a duplicate. Dropping the future does not undo. After a time-out: unknown,
    /// repeat it.
    fn accept(&self, arrival: Arrival) -> BoxFuture<'static, Result<Accepted, StoreError>>;

    /// Takes or renews leases on partitions for `ttl` from now, all in one step.
    ///
    /// A partition is granted when nobody holds it, its lease has run out, or `owner` holds it already. A renewal keeps
    /// the token, even one that comes after the lease's end, if nobody else was granted the partition in between: nobody
    /// can have written. A new owner gets a greater token than any before, also over restarts of the store. Partitions
    /// held by others are left out of the answer. Repeatable. After a time-out: the leases may have been taken; claim again.
    async fn claim(
        &self,
        owner: &ReplicaId,
        partitions: &[Partition],
        ttl: Duration,
    ) -> Result<Vec<Lease>, StoreError>;

    /// Conversations of a partition that have inbox entries not ended or replies not done, in id order after `after`,
    /// at most [`OPEN_LISTED_MAX`]. Reads an index only: costs nothing for what is at rest.
    async fn open(
        &self,
        partition: Partition,
        after: Option<&ConversationId>,
    ) -> Result<Vec<ConversationId>, StoreError>;

    /// A conversation's state and its inbox entries with a sequence after `after` that have not ended, in order, at most
    /// [`LOADED_ENTRIES_MAX`]. `None` for a conversation nobody has written to. [`StoreError::Fenced`] when the lease
    /// is no longer the caller's (somebody else was granted the partition since), or is for another partition.
    async fn load(
        &self,
        lease: &Lease,
        conversation: &ConversationId,
        after: Seq,
    ) -> Result<Option<Loaded>, StoreError>;

    /// Writes state, ends, transcript and failures in one step, if the version is still the expected one and the lease the
    /// caller's.
    ///
    /// Repeatable by `id` (R7): a commit whose id is the record's last one answers as it did then. The lease is looked at
    /// before that: a fenced owner's repetition is `Fenced`, because its successor performs what it would perform. A
    /// conversation that is not there (purged) is a `Conflict`. `Conflict` and `Fenced` have written nothing. Dropping the
    /// future does not undo once it was polled. After a time-out: unknown, repeat it unchanged.
    async fn commit(&self, lease: &Lease, commit: Commit) -> Result<Version, StoreError>;
}

/// Decides about a first delivery (R1). Stores call it inside their atomic step; a store that cannot may call it just
/// before, if it looked for the duplicate first.
pub trait Admission: Send + Sync {
    /// The verdict, given how many entries of the conversation have not ended.
    fn verdict(&self, waiting: u32) -> Verdict;

    /// The last verdict was not used: the message was a duplicate after all, or could not be stored. Called by whoever
    /// offered the arrival; stores do not call it.
    fn unused(&self) {}
}

/// A message or control act on its way into the inbox.
#[derive(Clone)]
pub struct Arrival {
    /// The conversation.
    pub key: ConversationKey,
    /// The platform's id of the message; with channel and chat it is the deduplication key.
    pub message: MessageId,
    /// Where it was written.
    pub chat: Chat,
    /// Who wrote it.
    pub sender: Sender,
    /// When the platform says it was sent.
    pub sent_at: Timestamp,
    /// A short-lived address for answers; encrypted at rest (R13).
    pub session_address: Option<SessionAddress>,
    /// What it asks for, if it is admitted. With [`Verdict::Refuse`] the entry becomes [`Intake::Refused`].
    pub intake: Intake,
    /// Who decides.
    pub admission: Arc<dyn Admission>,
}

impl Arrival {
    /// The entry that is stored for it, at its place in the inbox.
    #[must_use]
    pub fn into_entry(
        self,
        seq: Seq,
        verdict: Verdict,
        fence: FencingToken,
        accepted_at: Timestamp,
    ) -> Entry {
        Entry {
            seq,
            accepted_at,
            fence,
            message: self.message,
            retry: RetryNumber(0),
            chat: self.chat,
            sender: self.sender,
            sent_at: self.sent_at,
            session_address: self.session_address,
            intake: match verdict {
                Verdict::Admit | Verdict::Pass(_) => self.intake,
                Verdict::Refuse(refusal) => Intake::Refused(refusal),
            },
        }
    }
}

/// What became of an arrival.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Accepted {
    /// Stored now.
    First {
        /// Its place in the inbox; `None` when it was passed over.
        seq: Option<Seq>,
        /// What was decided.
        verdict: Verdict,
        /// When it was stored, as its entry says.
        at: Timestamp,
    },
    /// Seen before; nothing changed.
    Duplicate,
}

/// The right to write a partition's conversations for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The partition.
    pub partition: Partition,
    /// Who holds it.
    pub owner: ReplicaId,
    /// Checked by every commit.
    pub token: FencingToken,
    /// When it runs out, unless renewed.
    pub until: Timestamp,
    /// Under which server of the store it was granted or last renewed.
    pub lineage: Lineage,
}

/// Which server answers for a store. Under another one some of what the one before had acknowledged may be gone (replication
/// that is asynchronous): whatever was read under another lineage has to be looked at again. Always the same for stores that
/// have one server, and 0 where it cannot be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lineage(pub u64);

/// A conversation as read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// What makes the conversation.
    pub key: ConversationKey,
    /// Its version; 0 when it was never committed.
    pub version: Version,
    /// The last place that was given in its inbox, whatever has ended since.
    pub last: Seq,
    /// Its state; `None` when it was never committed.
    pub snapshot: Option<ConversationSnapshot>,
    /// Entries not ended, in order.
    pub entries: Vec<Entry>,
}

/// Everything one step of a conversation leaves behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// The commit's own id.
    pub id: CommitId,
    /// The conversation.
    pub conversation: ConversationId,
    /// The version it was read with or last committed as.
    pub expected: Version,
    /// The new state.
    pub snapshot: ConversationSnapshot,
    /// Inbox entries that ended with this step. An entry ended before is left as it is.
    pub ended: Vec<(Seq, Outcome)>,
    /// New transcript lines.
    pub transcript: Vec<TranscriptLine>,
    /// New failure records.
    pub failures: Vec<NewFailure>,
    /// News of messages that nobody asked for; those whose records are gone are passed over.
    pub news: Vec<News>,
    /// The user that the conversation's last author was mapped to, where one was mapped with this step.
    pub user: Option<UserId>,
    /// What the platform calls messages that show answers, as far as it was learnt since the last commit.
    pub shown: Vec<Shown>,
}

/// A message of the platform's that shows an answer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shown {
    /// The inbox entry that is answered.
    pub seq: Seq,
    /// What the platform calls the message (DingTalk: `carrierId`, `processQueryKey`), 1 to
    /// [`KEY_BYTES_MAX`](switchboard_domain::content::KEY_BYTES_MAX) bytes.
    pub key: String,
}

/// A failure record on its way into the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFailure {
    /// The record.
    pub failure: Failure,
    /// What a retry of it does; stored beside the record, its secrets encrypted.
    pub again: Again,
}

/// One failure record: a message given up on, or an answer not shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The inbox entry it belongs to.
    pub seq: Seq,
    /// The platform's id of the message.
    pub message: MessageId,
    /// Which retry of it failed: the number of the record that was retried.
    pub retry: RetryNumber,
    /// Why.
    pub cause: FailureCause,
    /// Crash attempts by then.
    pub attempts: u32,
    /// When.
    pub at: Timestamp,
    /// The ways of answering that were tried.
    pub tried: Tried,
}
