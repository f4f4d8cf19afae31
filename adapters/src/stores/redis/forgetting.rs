//! Forgetting in Redis: the oldest lines of a conversation, and all that was said in a channel.

use std::time::Duration;

use futures_util::future::try_join_all;
use switchboard_domain::ids::{ChannelId, ConversationId, Partition};
use switchboard_ports::error::StoreError;
use switchboard_ports::transcripts::Forget;

use super::Core;
use super::transcripts::{forgotten, read};
use crate::stores::PURGE_ROWS_MAX;

/// The place of what was purged is known for so long.
const PURGED_PLACE_KEPT: Duration = Duration::from_hours(24);

/// Conversations that one step of a purge forgets in one partition, at most.
const PURGE_CONVERSATIONS_MAX: i64 = 100;

/// Forgets the oldest lines of a conversation, in one bounded step; whether there may be more.
pub(super) async fn forget(core: &Core, id: &ConversationId, which: Forget) -> Result<bool, StoreError> {
    let Some(partition) = core.partition_of(id.as_str()).await? else {
        return Ok(false);
    };
    let gone = forgotten(core, partition, id).await?;
    let oldest = read(core, partition, id, 0, i64::from(PURGE_ROWS_MAX) - 1).await?;
    let taken = oldest.iter().take_while(|line| which.takes(line.session, line.at)).count();
    if taken == 0 {
        return Ok(false);
    }
    let mut call = core.scripts.forget.prepare_invoke();
    call.key(core.keys.of(partition, format_args!("c:{id}")));
    call.key(core.keys.of(partition, format_args!("lines:{id}")));
    call.arg(gone).arg(taken);
    // Somebody else may have forgotten them in between: then it is looked at again.
    let is_done: u8 = core.connection.run(&call).await?;
    Ok(is_done == 0 || taken >= PURGE_ROWS_MAX as usize)
}

/// Forgets conversations of a channel, in one bounded step; whether there may be more.
pub(super) async fn purge(core: &Core, channel: &ChannelId) -> Result<bool, StoreError> {
    let counts = Partition::all().map(async |partition| {
        let mut command = redis::cmd("EXISTS");
        command.arg(core.keys.of(partition, format_args!("active:channel:{channel}")));
        Ok::<_, StoreError>((partition, core.connection.ask::<u8>(&command).await?))
    });
    let mut rows = 0;
    for (partition, exists) in try_join_all(counts).await? {
        while exists > 0 && rows < PURGE_ROWS_MAX {
            match purged(core, partition, channel).await? {
                0 => break,
                more => rows += more,
            }
        }
        if rows >= PURGE_ROWS_MAX {
            return Ok(true);
        }
    }
    Ok(false)
}

/// One step in one partition: returns how many rows went; 0 when there was nothing left.
async fn purged(core: &Core, partition: Partition, channel: &ChannelId) -> Result<u32, StoreError> {
    let mut call = core.scripts.purge.prepare_invoke();
    call.key(core.keys.of(partition, format_args!("active:channel:{channel}")));
    call.arg(core.keys.beginning(partition)).arg(channel.as_str());
    call.arg(PURGE_CONVERSATIONS_MAX).arg(PURGE_ROWS_MAX);
    let (rows, gone): (u32, Vec<String>) = core.connection.run(&call).await?;
    try_join_all(gone.iter().map(|id| let_place_end(core, partition, id))).await?;
    Ok(rows)
}

/// The place of a conversation or message that is gone is not needed any more. It lies elsewhere than what it leads to, so it ends
/// some time later, unless somebody has begun the conversation anew meanwhile.
async fn let_place_end(core: &Core, partition: Partition, id: &str) -> Result<(), StoreError> {
    let (mut end, mut there, mut keep) = (redis::cmd("EXPIRE"), redis::cmd("EXISTS"), redis::cmd("PERSIST"));
    end.arg(core.keys.place(id)).arg(PURGED_PLACE_KEPT.as_secs());
    core.connection.ask::<u8>(&end).await?;
    there.arg(core.keys.of(partition, format_args!("c:{id}")));
    if core.connection.ask::<u8>(&there).await? > 0 {
        core.connection.ask::<u8>(keep.arg(core.keys.place(id))).await?;
    }
    Ok(())
}
