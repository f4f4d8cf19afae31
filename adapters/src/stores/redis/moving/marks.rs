//! Deduplication marks: keys of their own that expire, found by walking the keys of each node.
//!
//! A mark of another kind of store knows no partition, so it gets a key without one, which is asked for as long as there are
//! any.

use std::time::Duration;

use futures_util::future::try_join_all;
use switchboard_domain::ids::Partition;
use switchboard_ports::error::StoreError;

use super::super::Core;
use crate::stores::copy::items::Mark;
use crate::stores::copy::side::{Batch, Cursor};

/// Keys that one step of a walk looks at, about.
const KEYS_LOOKED_AT: u32 = 2_000;

/// Marks still there after a place: `[node, place in it]`.
pub(super) async fn give(core: &Core, after: &Cursor) -> Result<Batch<Mark>, StoreError> {
    let nodes = core.connection.nodes().await?;
    let at = |index: usize| after.after.get(index).map(String::as_str);
    let node = at(0).and_then(|text| text.parse::<usize>().ok()).unwrap_or_default();
    let Some(address) = nodes.get(node) else {
        return Ok(Batch { rows: Vec::new(), next: None });
    };
    let mut command = redis::cmd("SCAN");
    command.arg(at(1).unwrap_or("0")).arg("MATCH").arg(format!("{}:*mark:*", core.keys.prefix()));
    command.arg("COUNT").arg(KEYS_LOOKED_AT);
    let (place, keys): (String, Vec<String>) = core.connection.ask_at(address.as_deref(), &command).await?;
    let marks = keys.iter().filter_map(|key| parts(core, key).map(|parts| (key, parts)));
    let marks = marks.map(async |(key, (partition, channel, hash))| {
        let left: i64 = core.connection.ask(redis::cmd("PTTL").arg(key)).await?;
        let left = u64::try_from(left).ok().map(Duration::from_millis);
        Ok::<_, StoreError>(left.map(|left| Mark {
            channel: channel.to_owned(),
            hash: hash.to_owned(),
            partition,
            until: core.clock.now().after(left),
        }))
    });
    let rows = try_join_all(marks).await?.into_iter().flatten().collect();
    let next = if place == "0" { vec![(node + 1).to_string()] } else { vec![node.to_string(), place] };
    let is_over = next.len() == 1 && node + 1 >= nodes.len();
    Ok(Batch { rows, next: (!is_over).then_some(Cursor { stage: 0, after: next }) })
}

/// `P:{pNNN}:mark:CH:M` or `P:mark:CH:M`.
fn parts<'a>(core: &Core, key: &'a str) -> Option<(Option<Partition>, &'a str, &'a str)> {
    let rest = key.strip_prefix(core.keys.prefix())?.strip_prefix(':')?;
    let (partition, rest) = match rest.strip_prefix("{p") {
        Some(rest) => {
            let (number, rest) = rest.split_once("}:")?;
            (Some(Partition(number.parse().ok()?)), rest)
        }
        None => (None, rest),
    };
    let (channel, hash) = rest.strip_prefix("mark:")?.rsplit_once(':')?;
    Some((partition, channel, hash))
}

fn key_of(core: &Core, mark: &Mark) -> String {
    match mark.partition {
        Some(partition) => core.keys.of(partition, format_args!("mark:{}:{}", mark.channel, mark.hash)),
        None => core.keys.mark(&mark.channel, &mark.hash),
    }
}

/// Puts marks, for the time that is left to them.
pub(super) async fn take(core: &Core, marks: Vec<Mark>) -> Result<(), StoreError> {
    let now = core.clock.now().as_millis();
    let without = marks.iter().filter(|mark| mark.partition.is_none());
    if let Some(until) = without.map(|mark| mark.until.as_millis()).max() {
        let mut call = core.scripts.raise_field.prepare_invoke();
        call.key(core.keys.shared("config", "meta")).arg("marks_until").arg(until);
        core.connection.run::<()>(&call).await?;
    }
    let put = marks.iter().map(async |mark| {
        let left = mark.until.as_millis().saturating_sub(now);
        if left == 0 {
            return Ok(());
        }
        let mut command = redis::cmd("SET");
        command.arg(key_of(core, mark)).arg(1).arg("PX").arg(left);
        core.connection.ask::<()>(&command).await
    });
    try_join_all(put).await.map(drop)
}

/// How many are not there.
pub(super) async fn missing(core: &Core, marks: Vec<Mark>) -> Result<usize, StoreError> {
    let there = marks.iter().map(async |mark| {
        let mut command = redis::cmd("EXISTS");
        core.connection.ask::<u8>(command.arg(key_of(core, mark))).await
    });
    Ok(try_join_all(there).await?.into_iter().filter(|there| *there == 0).count())
}
