//! The conversation store in memory.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use switchboard_domain::ids::{ConversationId, Partition, ReplicaId, Seq, Version};
use switchboard_domain::inbox::Verdict;
use switchboard_domain::message::ChatKind;
use switchboard_domain::time::Timestamp;
use switchboard_ports::clock::Clock;
use switchboard_ports::conversations::{
    Accepted, Arrival, Commit, ConversationStore, LOADED_ENTRIES_MAX, Lease, Loaded, OPEN_LISTED_MAX,
};
use switchboard_ports::error::StoreError;

use super::state::State;

/// Conversations, transcripts and failures in memory.
pub(super) struct Conversations {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

impl Conversations {
    /// None yet.
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, state: Mutex::default() }
    }

    /// The state. A panic of somebody else's admission happens before anything is changed, so the state is whole even then.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The time.
    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Whether an entry is there that has not ended.
    pub(super) fn is_waiting(&self, id: &ConversationId, seq: Seq) -> bool {
        self.lock().conversation(id).is_some_and(|conversation| conversation.entries.contains_key(&seq))
    }
}

#[async_trait]
impl ConversationStore for Conversations {
    fn accept(&self, arrival: Arrival) -> BoxFuture<'static, Result<Accepted, StoreError>> {
        let now = self.clock.now();
        let accepted = accept(&mut self.lock(), arrival, now);
        ready(accepted).boxed()
    }

    async fn claim(
        &self,
        owner: &ReplicaId,
        partitions: &[Partition],
        ttl: Duration,
    ) -> Result<Vec<Lease>, StoreError> {
        let now = self.clock.now();
        let mut state = self.lock();
        let granted = partitions
            .iter()
            .filter_map(|partition| state.leases.claim(owner, *partition, ttl, now))
            .map(|granted| granted.lease)
            .collect();
        Ok(granted)
    }

    async fn open(
        &self,
        partition: Partition,
        after: Option<&ConversationId>,
    ) -> Result<Vec<ConversationId>, StoreError> {
        let state = self.lock();
        let open = state.open_in(partition, after);
        Ok(open.take(OPEN_LISTED_MAX as usize).cloned().collect())
    }

    async fn load(
        &self,
        lease: &Lease,
        conversation: &ConversationId,
        after: Seq,
    ) -> Result<Option<Loaded>, StoreError> {
        let state = self.lock();
        let Some(found) = state.conversation(conversation) else {
            state.leases.check(lease, lease.partition)?;
            return Ok(None);
        };
        state.leases.check(lease, found.key.partition())?;
        let entries = found.entries.range(after.next()..).map(|(_, entry)| entry);
        Ok(Some(Loaded {
            key: found.key.clone(),
            version: found.version,
            last: found.seq,
            snapshot: found.snapshot.clone(),
            entries: entries.take(LOADED_ENTRIES_MAX as usize).cloned().collect(),
        }))
    }

    async fn commit(&self, lease: &Lease, commit: Commit) -> Result<Version, StoreError> {
        let now = self.clock.now();
        let mut state = self.lock();
        let Some(found) = state.conversation(&commit.conversation) else {
            state.leases.check(lease, lease.partition)?;
            return Err(StoreError::Conflict);
        };
        // The lease comes first: a fenced owner must not perform what its successor performs too.
        state.leases.check(lease, found.key.partition())?;
        if found.commit.as_ref() == Some(&commit.id) {
            return Ok(found.version);
        }
        if found.version != commit.expected {
            return Err(StoreError::Conflict);
        }
        Ok(write(&mut state, commit, now))
    }
}

fn accept(state: &mut State, arrival: Arrival, now: Timestamp) -> Result<Accepted, StoreError> {
    state.marks.sweep(now);
    let channel = arrival.key.channel.clone();
    if state.marks.contains(&channel, &arrival.message) {
        return Ok(Accepted::Duplicate);
    }
    if state.marks.are_full() {
        return Err(StoreError::Unavailable("the memory store is full: too many messages a day".to_owned()));
    }
    let waiting = state.conversation(&arrival.key.id()).map_or(0, super::state::Conversation::waiting);
    let verdict = arrival.admission.verdict(waiting);
    let message = arrival.message.clone();
    let seq = match verdict {
        Verdict::Pass(_) => None,
        Verdict::Admit | Verdict::Refuse(_) => Some(append(state, arrival, verdict, now)?),
    };
    state.marks.insert(&channel, &message, now);
    Ok(Accepted::First { seq, verdict, at: now })
}

fn append(state: &mut State, arrival: Arrival, verdict: Verdict, now: Timestamp) -> Result<Seq, StoreError> {
    let id = state.begin(&arrival.key, arrival.chat.kind, now)?;
    let fence = state.leases.fence(arrival.key.partition());
    let appended = state.change(&id, now, |conversation| {
        let seq = conversation.seq.next();
        conversation.seq = seq;
        conversation.kind = arrival.chat.kind;
        // Nobody's name takes the last author's place.
        if !arrival.sender.name.is_empty() {
            conversation.author.clone_from(&arrival.sender.name);
        }
        if arrival.chat.kind == ChatKind::Private && arrival.sender.im_user_id.is_some() {
            conversation.person.clone_from(&arrival.sender.im_user_id);
        }
        if arrival.chat.title.is_some() {
            conversation.title.clone_from(&arrival.chat.title);
        }
        conversation.entries.insert(seq, arrival.into_entry(seq, verdict, fence, now));
        seq
    });
    appended.ok_or(StoreError::Conflict)
}

/// Writes a commit that may be written.
fn write(state: &mut State, commit: Commit, now: Timestamp) -> Version {
    let version = commit.expected.next();
    state.change(&commit.conversation, now, |conversation| {
        conversation.version = version;
        conversation.commit = Some(commit.id);
        conversation.snapshot = Some(commit.snapshot);
        for (seq, _) in &commit.ended {
            conversation.entries.remove(seq);
        }
        for line in commit.transcript {
            conversation.tell(line);
        }
        conversation.show(commit.shown);
        if commit.user.is_some() {
            conversation.user = commit.user;
        }
    });
    for news in commit.news {
        state.messages.take_in(news, now);
    }
    for failure in commit.failures {
        state.fail(&commit.conversation, failure);
    }
    version
}
