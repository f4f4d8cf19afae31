//! The conversation store in Redis.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::{BoxFuture, FutureExt, try_join_all};
use switchboard_domain::ids::{
    ChannelId, ConversationId, ConversationKey, FencingToken, Partition, ReplicaId, Seq, Version,
};
use switchboard_domain::inbox::Entry;
use switchboard_ports::conversations::{
    Accepted, Arrival, Commit, ConversationStore, LOADED_ENTRIES_MAX, Lease, Lineage, Loaded, OPEN_LISTED_MAX,
};
use switchboard_ports::error::StoreError;

use super::Core;
use super::commit::Prepared;
use super::lanes::Lanes;
use crate::stores::records::{ConversationRecord, EntryRecord};

/// Inbox, state and outbox of conversations.
pub(super) struct Conversations {
    core: Arc<Core>,
    lanes: Lanes,
}

impl Conversations {
    pub(super) fn new(core: Arc<Core>) -> Self {
        Self { lanes: Lanes::new(&core), core }
    }
}

#[async_trait]
impl ConversationStore for Conversations {
    fn accept(&self, arrival: Arrival) -> BoxFuture<'static, Result<Accepted, StoreError>> {
        let accepted = self.lanes.submit(arrival);
        async move { accepted?.await.unwrap_or_else(|_| Err(StoreError::Unavailable("closed".to_owned()))) }
            .boxed()
    }

    async fn claim(
        &self,
        owner: &ReplicaId,
        partitions: &[Partition],
        ttl: Duration,
    ) -> Result<Vec<Lease>, StoreError> {
        let claims = partitions.iter().map(|partition| claim(&self.core, owner, *partition, ttl));
        Ok(try_join_all(claims).await?.into_iter().flatten().collect())
    }

    async fn open(
        &self,
        partition: Partition,
        after: Option<&ConversationId>,
    ) -> Result<Vec<ConversationId>, StoreError> {
        let from = after.map_or_else(|| "-".to_owned(), |id| format!("({id}"));
        let mut command = redis::cmd("ZRANGEBYLEX");
        command.arg(self.core.keys.of(partition, "open")).arg(from).arg("+");
        command.arg("LIMIT").arg(0).arg(OPEN_LISTED_MAX);
        let open: Vec<String> = self.core.connection.ask(&command).await?;
        Ok(open.into_iter().map(ConversationId::new).collect())
    }

    async fn load(
        &self,
        lease: &Lease,
        conversation: &ConversationId,
        after: Seq,
    ) -> Result<Option<Loaded>, StoreError> {
        load(&self.core, lease, conversation, after).await
    }

    async fn commit(&self, lease: &Lease, commit: Commit) -> Result<Version, StoreError> {
        // Not undone by dropping the future: what was sent is carried out.
        Prepared::new(&self.core, lease, commit)?.write(&self.core).await
    }
}

/// The end of a lease is told by our own clock from before we asked, which is earlier than the server's end of it.
async fn claim(
    core: &Core,
    owner: &ReplicaId,
    partition: Partition,
    ttl: Duration,
) -> Result<Option<Lease>, StoreError> {
    let now = core.clock.now();
    let mut call = core.scripts.claim.prepare_invoke();
    call.key(core.keys.of(partition, "lease")).key(core.keys.of(partition, "fence"));
    call.arg(owner.as_str()).arg(u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX));
    call.arg(core.lease_time());
    let granted: Option<(String, String)> = core.connection.run(&call).await?;
    let Some((token, server)) = granted else { return Ok(None) };
    let token = FencingToken(core.number(&token, "lease")?);
    let lineage = Lineage(u64::from_str_radix(&server, 16).unwrap_or_default());
    Ok(Some(Lease { partition, owner: owner.clone(), token, until: now.after(ttl), lineage }))
}

/// A lineage as scripts compare it; nothing where it is not known.
pub(super) fn server_of(lineage: Lineage) -> String {
    if lineage == Lineage::default() { String::new() } else { format!("{:016x}", lineage.0) }
}

/// What is asked under a lease that another server renewed last.
pub(super) fn elsewhere() -> StoreError {
    StoreError::Unavailable("another server answers: leases are to be renewed first".to_owned())
}

type Text = Option<String>;
type Found = (String, Text, Text, Text, Text, Text, Text, Vec<String>);

async fn load(
    core: &Core,
    lease: &Lease,
    id: &ConversationId,
    after: Seq,
) -> Result<Option<Loaded>, StoreError> {
    let mut call = core.scripts.load.prepare_invoke();
    call.key(core.keys.of(lease.partition, "lease"));
    call.key(core.keys.of(lease.partition, format_args!("c:{id}")));
    call.key(core.keys.of(lease.partition, format_args!("inbox:{id}")));
    call.arg(lease.owner.as_str()).arg(lease.token.0).arg(after.0).arg(LOADED_ENTRIES_MAX);
    call.arg(server_of(lease.lineage));
    let answer: redis::Value = core.connection.run(&call).await?;
    let redis::Value::Array(answer) = answer else {
        return Err(core.corrupt("c", id.as_str()));
    };
    match text(answer.first()).as_deref() {
        Some("fenced") => return Err(StoreError::Fenced),
        Some("elsewhere") => return Err(elsewhere()),
        Some("none") => {
            // Of another partition the caller has no lease.
            let elsewhere =
                core.partition_of(id.as_str()).await?.is_some_and(|found| found != lease.partition);
            return if elsewhere { Err(StoreError::Fenced) } else { Ok(None) };
        }
        _ => {}
    }
    let found: Found =
        redis::from_redis_value(redis::Value::Array(answer)).map_err(|_| core.corrupt("c", id.as_str()))?;
    let (_, Some(channel), Some(chat), member, Some(version), state, Some(last), entries) = found else {
        return Err(core.corrupt("c", id.as_str()));
    };
    let row = core.row("states", id.as_str());
    let snapshot = match state {
        Some(body) => Some(row.read::<ConversationRecord>(&body)?.open(&row)?),
        None => None,
    };
    let entries = entries.iter().map(|entry| entry_of(core, id, entry)).collect::<Result<_, _>>()?;
    Ok(Some(Loaded {
        key: ConversationKey { channel: ChannelId::new(channel), chat, member },
        version: Version(core.number(&version, "c")?),
        last: Seq(core.number(&last, "c")?),
        snapshot,
        entries,
    }))
}

fn text(value: Option<&redis::Value>) -> Option<String> {
    value.and_then(|value| redis::from_redis_value(value.clone()).ok())
}

/// How an inbox entry is named in seals and errors.
pub(super) fn entry_key(conversation: &ConversationId, seq: Seq) -> String {
    format!("{conversation}/{seq}")
}

fn entry_of(core: &Core, id: &ConversationId, stored: &str) -> Result<Entry, StoreError> {
    let (seq, body) = stored.split_once('|').ok_or_else(|| core.corrupt("inbox", id.as_str()))?;
    let seq = Seq(core.number(seq, "inbox")?);
    let key = entry_key(id, seq);
    let row = core.row("inbox", &key);
    row.read::<EntryRecord>(body)?.open(seq, &row)
}
