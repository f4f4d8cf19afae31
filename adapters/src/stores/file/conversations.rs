//! The conversation store in a file.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use rusqlite::Connection;
use switchboard_domain::ids::{
    ChannelId, ConversationId, ConversationKey, Partition, ReplicaId, Seq, Version,
};
use switchboard_domain::inbox::Entry;
use switchboard_ports::conversations::{
    Accepted, Arrival, Commit, ConversationStore, LOADED_ENTRIES_MAX, Lease, Loaded, OPEN_LISTED_MAX,
};
use switchboard_ports::error::StoreError;

use super::commit::Prepared;
use super::sql::{all, first, int, run, uint};
use super::writer::{Health, Step};
use super::{Core, accept, row};
use crate::stores::records::{ConversationRecord, EntryRecord};
use crate::stores::seal::Key;

/// Lists what is open. Its condition is the partial index's, word for word, so that only the index is read.
pub(super) const OPEN: &str = "SELECT id FROM conversations
    WHERE (waiting > 0 OR replies > 0) AND partition = ?1 AND id > ?2 ORDER BY id LIMIT ?3";

/// Inbox, state and outbox of conversations.
pub(super) struct Conversations {
    core: Arc<Core>,
}

impl Conversations {
    pub(super) fn new(core: Arc<Core>) -> Self {
        Self { core }
    }

    fn check(&self, lease: &Lease, partition: Partition) -> Result<(), StoreError> {
        let leases = self.core.leases.lock().unwrap_or_else(PoisonError::into_inner);
        leases.check(lease, partition)
    }
}

#[async_trait]
impl ConversationStore for Conversations {
    fn accept(&self, arrival: Arrival) -> BoxFuture<'static, Result<Accepted, StoreError>> {
        let key = Arc::clone(&self.core.key);
        self.core.writer.submit(move |step| accept::accept(step, &key, arrival))
    }

    async fn claim(
        &self,
        owner: &ReplicaId,
        partitions: &[Partition],
        ttl: Duration,
    ) -> Result<Vec<Lease>, StoreError> {
        let (owner, partitions) = (owner.clone(), partitions.to_vec());
        let claimed = self.core.writer.submit(move |step| claim(step, &owner, &partitions, ttl));
        claimed.await
    }

    async fn open(
        &self,
        partition: Partition,
        after: Option<&ConversationId>,
    ) -> Result<Vec<ConversationId>, StoreError> {
        let after = after.map(ConversationId::to_string).unwrap_or_default();
        let read = move |connection: &Connection| {
            all(connection, OPEN, (partition.0, after, OPEN_LISTED_MAX), |row| {
                Ok(ConversationId::new(row.get::<_, String>(0)?))
            })
        };
        self.core.readers.read(read).await
    }

    async fn load(
        &self,
        lease: &Lease,
        conversation: &ConversationId,
        after: Seq,
    ) -> Result<Option<Loaded>, StoreError> {
        self.check(lease, lease.partition)?;
        let (key, id) = (Arc::clone(&self.core.key), conversation.clone());
        let loaded = self.core.readers.read(move |connection| load(connection, &key, &id, after)).await?;
        if let Some(loaded) = &loaded {
            self.check(lease, loaded.key.partition())?;
        }
        Ok(loaded)
    }

    async fn commit(&self, lease: &Lease, commit: Commit) -> Result<Version, StoreError> {
        let prepared = Prepared::new(&self.core.key, lease, commit)?;
        let key = Arc::clone(&self.core.key);
        self.core.writer.submit(move |step| prepared.write(step, &key)).await
    }
}

/// Size of what is written to prove that a disk that was full or broken takes messages again, in bytes: several of the
/// largest ones.
const PROOF_BYTES: usize = 256 * 1024;

/// Grants what can be granted, and proves that the store can be written: whoever holds a lease relies on that. A new token
/// is stored in the same transaction.
fn claim(
    step: &mut Step<'_>,
    owner: &ReplicaId,
    partitions: &[Partition],
    ttl: Duration,
) -> Result<Vec<Lease>, StoreError> {
    prove(step)?;
    let mut granted = Vec::new();
    for partition in partitions {
        let mut leases = step.leases.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(grant) = leases.claim(owner, *partition, ttl, step.now) else {
            continue;
        };
        drop(leases);
        if grant.new {
            // Noted before it is written: whatever fails from here on takes the lease back.
            step.claimed.push(*partition);
            let sql = "INSERT INTO fences (partition, token) VALUES (?1, ?2)
                       ON CONFLICT (partition) DO UPDATE SET token = excluded.token";
            run(step.connection, sql, (partition.0, int(grant.lease.token.0)))?;
        }
        granted.push(grant.lease);
    }
    Ok(granted)
}

/// Writes a little; after trouble as much as messages may need, because a full disk still takes a little.
fn prove(step: &mut Step<'_>) -> Result<(), StoreError> {
    let proof = match step.health {
        Health::Sound => step.now.as_millis().to_string(),
        Health::Troubled | Health::Proving => "x".repeat(PROOF_BYTES),
    };
    let sql = "INSERT INTO meta (key, value) VALUES ('write_proof', ?1)
               ON CONFLICT (key) DO UPDATE SET value = excluded.value";
    run(step.connection, sql, [proof])?;
    *step.health = Health::Proving;
    Ok(())
}

fn load(
    connection: &Connection,
    key: &Key,
    id: &ConversationId,
    after: Seq,
) -> Result<Option<Loaded>, StoreError> {
    let sql =
        "SELECT num, channel, chat, member, version, body, seq FROM conversations LEFT JOIN states USING (num)
               WHERE id = ?1";
    let found = first(connection, sql, [id.as_str()], |row| {
        let conversation = ConversationKey {
            channel: ChannelId::new(row.get::<_, String>(1)?),
            chat: row.get(2)?,
            member: row.get(3)?,
        };
        let (version, last) = (Version(uint(row.get(4)?)), Seq(uint(row.get(6)?)));
        Ok((row.get::<_, i64>(0)?, conversation, version, row.get::<_, Option<String>>(5)?, last))
    })?;
    let Some((num, conversation, version, state, last)) = found else {
        return Ok(None);
    };
    let state_row = row(key, "states", id.as_str());
    let snapshot = match state {
        Some(body) => Some(state_row.read::<ConversationRecord>(&body)?.open(&state_row)?),
        None => None,
    };
    Ok(Some(Loaded {
        key: conversation,
        version,
        last,
        snapshot,
        entries: entries(connection, key, id, num, after)?,
    }))
}

fn entries(
    connection: &Connection,
    key: &Key,
    id: &ConversationId,
    num: i64,
    after: Seq,
) -> Result<Vec<Entry>, StoreError> {
    let sql = "SELECT seq, body FROM inbox WHERE num = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3";
    let bodies = all(connection, sql, (num, int(after.0), LOADED_ENTRIES_MAX), |row| {
        Ok((Seq(uint(row.get(0)?)), row.get::<_, String>(1)?))
    })?;
    let open = |(seq, body): (Seq, String)| {
        let row_key = accept::entry_key(id.as_str(), seq);
        let entry_row = row(key, "inbox", &row_key);
        entry_row.read::<EntryRecord>(&body)?.open(seq, &entry_row)
    };
    bodies.into_iter().map(open).collect()
}
