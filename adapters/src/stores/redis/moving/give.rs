//! Rows of a shared store: first what has tags of its own, then partition by partition in the order of activity.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bytes::Bytes;
use futures_util::future::try_join_all;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use switchboard_domain::ids::{ChannelId, ConversationId, Partition, Seq};
use switchboard_ports::error::StoreError;

use super::super::audit::lines_key;
use super::super::registry::all;
use super::super::{Core, attachments};
use super::journal;
use crate::stores::copy::items::{
    ConversationItem, FailureItem, FileItem, Item, LineItem, MessageItem, Named, TokenItem, UsageItem,
};
use crate::stores::copy::side::{Batch, Cursor};

/// Conversations, users, failures or audit lines of one batch, at most.
const ROWS_MAX: usize = 64;

/// Lines of one batch, and the read that reaches them.
const LINES_MAX: usize = 200;

/// Bytes of lines of one batch, and those that reach them.
const BYTES_MAX: usize = 4 * 1024 * 1024;

/// Lines of one conversation read at once: a line may be long.
const LINES_AT_ONCE: usize = 8;

/// Such reads under way at the same time.
const READS_AT_ONCE: usize = 4;

/// Messages asked for their channel at once.
const CHANNELS_AT_ONCE: usize = 500;

/// What is given, in this order: what a row refers to comes before it.
const STAGES: usize = 12;

/// Rows after a place.
pub(super) async fn rows(core: &Core, after: &Cursor) -> Result<Batch<Item>, StoreError> {
    let place = Place::of(after);
    let (rows, next) = match after.stage {
        0 => (channels(core).await?, None),
        1 => (agents(core).await?, None),
        2 => (tokens(core).await?, None),
        3 => users(core, after.after.first().map(String::as_str)).await?,
        4 => within(place, conversations(core, place).await?),
        5 => within(place, lines(core, place).await?),
        6 => within(place, failures(core, place).await?),
        7 => within(place, (messages(core, place.partition).await?, None)),
        8 => files(core, after.after.first().map(String::as_str)).await?,
        9 => (usage(core).await?, None),
        10 => audit(core, after.after.first().map(String::as_str)).await?,
        11 => journal::give(core, &after.after).await?,
        _ => return Ok(Batch { rows: Vec::new(), next: None }),
    };
    let next = next.map(|after_row| Cursor { stage: after.stage, after: after_row });
    let next = next.unwrap_or_else(|| after.next_stage());
    Ok(Batch { rows, next: (next.stage < STAGES).then_some(next) })
}

/// A place among what lies in partitions: how many of a partition's conversations or failures come before it, and how many
/// lines of the next conversation.
#[derive(Debug, Clone, Copy)]
struct Place {
    partition: Partition,
    rank: usize,
    offset: usize,
}

impl Place {
    fn of(cursor: &Cursor) -> Self {
        let mut numbers = cursor.after.iter().map(|text| text.parse::<usize>().unwrap_or_default());
        let partition = numbers.next().and_then(|number| u8::try_from(number).ok()).unwrap_or_default();
        let mut next = || numbers.next().unwrap_or_default();
        Self { partition: Partition(partition), rank: next(), offset: next() }
    }

    /// How it is kept.
    fn texts(self) -> Vec<String> {
        vec![self.partition.0.to_string(), self.rank.to_string(), self.offset.to_string()]
    }

    /// The beginning of the next partition.
    fn next_partition(self) -> Option<Self> {
        let partition = Partition(self.partition.0.checked_add(1)?);
        Some(Self { partition, rank: 0, offset: 0 })
    }
}

/// Goes on in the same partition, or in the next one.
fn within(at: Place, (rows, next): (Vec<Item>, Option<Place>)) -> (Vec<Item>, Option<Vec<String>>) {
    (rows, next.or_else(|| at.next_partition()).map(Place::texts))
}

async fn named(core: &Core, table: &'static str) -> Result<Vec<Named>, StoreError> {
    let rows = all(core, table).await?.into_iter().map(|(id, (version, name, body))| {
        Ok(Named { id, name, version: core.number(&version, table)?, body })
    });
    rows.collect()
}

async fn channels(core: &Core) -> Result<Vec<Item>, StoreError> {
    Ok(named(core, "channels").await?.into_iter().map(Item::Channel).collect())
}

async fn agents(core: &Core) -> Result<Vec<Item>, StoreError> {
    Ok(named(core, "agents").await?.into_iter().map(Item::Agent).collect())
}

async fn tokens(core: &Core) -> Result<Vec<Item>, StoreError> {
    let rows = all(core, "tokens").await?;
    let item = |(name, (id, hash, body))| Item::Token(TokenItem { id, name, hash, body });
    Ok(rows.into_iter().map(item).collect())
}

async fn users(core: &Core, after: Option<&str>) -> Result<(Vec<Item>, Option<Vec<String>>), StoreError> {
    let mut command = redis::cmd("ZRANGEBYLEX");
    command.arg(core.keys.shared("users", "ids"));
    command.arg(after.map_or_else(|| "-".to_owned(), |id| format!("({id}"))).arg("+");
    let ids: Vec<String> = core.connection.ask(command.arg("LIMIT").arg(0).arg(ROWS_MAX)).await?;
    let found = ids.iter().map(async |id| {
        let (mut record, mut links) = (redis::cmd("HGET"), redis::cmd("SMEMBERS"));
        record.arg(core.keys.shared("users", "records")).arg(id);
        links.arg(core.keys.shared("users", format_args!("of:{id}")));
        let body: String = core.connection.ask(&record).await?;
        let links: Vec<String> = core.connection.ask(&links).await?;
        let mut items = vec![Item::User { id: id.clone(), body }];
        for link in links {
            let parts = serde_json::from_str::<(String, String)>(&link);
            let (platform, im_user_id) = parts.map_err(|_| core.corrupt("users", id))?;
            items.push(Item::Identity { platform, im_user_id, user: id.clone() });
        }
        Ok::<_, StoreError>(items)
    });
    let next = ids.last().filter(|_| ids.len() >= ROWS_MAX).map(|id| vec![id.clone()]);
    Ok((try_join_all(found).await?.concat(), next))
}

/// A part of the conversations of a partition.
async fn page(core: &Core, place: Place, what: &str) -> Result<Vec<String>, StoreError> {
    let mut command = redis::cmd("ZRANGE");
    command.arg(core.keys.of(place.partition, what)).arg(place.rank).arg(place.rank + ROWS_MAX - 1);
    core.connection.ask(&command).await
}

fn after_page(place: Place, count: usize) -> Option<Place> {
    (count >= ROWS_MAX).then_some(Place { rank: place.rank + count, offset: 0, ..place })
}

type Found = (Vec<Item>, Option<Place>);

async fn conversations(core: &Core, place: Place) -> Result<Found, StoreError> {
    let ids = page(core, place, "active").await?;
    let rows = try_join_all(ids.iter().map(|id| conversation(core, place.partition, id))).await?;
    Ok((rows.concat(), after_page(place, ids.len())))
}

/// A conversation, what waits in it, and names of its answers.
async fn conversation(core: &Core, partition: Partition, id: &str) -> Result<Vec<Item>, StoreError> {
    let [mut fields, mut inbox, mut shown] =
        [redis::cmd("HGETALL"), redis::cmd("ZRANGE"), redis::cmd("ZRANGE")];
    fields.arg(core.keys.of(partition, format_args!("c:{id}")));
    inbox.arg(core.keys.of(partition, format_args!("inbox:{id}"))).arg(0).arg(-1);
    shown.arg(core.keys.of(partition, format_args!("shown:{id}"))).arg(0).arg(-1).arg("WITHSCORES");
    let fields: HashMap<String, String> = core.connection.ask(&fields).await?;
    let inbox: Vec<String> = core.connection.ask(&inbox).await?;
    let shown: Vec<(String, u64)> = core.connection.ask(&shown).await?;
    let mut items = vec![Item::Conversation(Box::new(read(core, id, fields)?))];
    for stored in inbox {
        let (seq, body) = stored.split_once('|').ok_or_else(|| core.corrupt("inbox", id))?;
        let (conversation, seq) = (id.to_owned(), core.number(seq, "inbox")?);
        items.push(Item::Entry { conversation, seq, body: body.to_owned() });
    }
    let named = shown.into_iter().map(|(key, seq)| Item::Shown { conversation: id.to_owned(), seq, key });
    items.extend(named);
    Ok(items)
}

fn read(core: &Core, id: &str, mut fields: HashMap<String, String>) -> Result<ConversationItem, StoreError> {
    let corrupt = || core.corrupt("c", id);
    let mut text = |name: &str| fields.remove(name);
    let number = |text: Option<String>| text.map(|text| core.number(&text, "c")).transpose();
    Ok(ConversationItem {
        id: id.to_owned(),
        channel: text("channel").ok_or_else(corrupt)?,
        chat: text("chat").ok_or_else(corrupt)?,
        member: text("member"),
        kind: text("kind").ok_or_else(corrupt)?,
        title: text("title"),
        author: text("author").unwrap_or_default(),
        person: text("person"),
        user: text("user"),
        session: number(text("session"))?,
        session_at: number(text("session_at"))?,
        created_at: number(text("created_at"))?.ok_or_else(corrupt)?,
        active_at: number(text("active_at"))?.ok_or_else(corrupt)?,
        seq: number(text("seq"))?.ok_or_else(corrupt)?,
        waiting: number(text("waiting"))?.unwrap_or_default(),
        replies: number(text("replies"))?.unwrap_or_default(),
        version: number(text("version"))?.unwrap_or_default(),
        commit: text("commit"),
        state: text("state"),
    })
}

/// Lines of the next conversations, or a part of those of one.
async fn lines(core: &Core, place: Place) -> Result<Found, StoreError> {
    let ids = page(core, place, "active").await?;
    let lengths = ids.iter().map(async |id| {
        let mut command = redis::cmd("LLEN");
        command.arg(core.keys.of(place.partition, format_args!("lines:{id}")));
        core.connection.ask::<usize>(&command).await
    });
    let lengths = try_join_all(lengths).await?;
    let mut parts = Vec::new();
    for (number, (id, length)) in ids.iter().zip(lengths).enumerate() {
        let from = if number == 0 { place.offset.min(length) } else { 0 };
        let at = |offset| Place { rank: place.rank + number, offset, ..place };
        let of_one = (from..length).step_by(LINES_AT_ONCE);
        // Each has a line at least, and the one after the last tells where to go on.
        let of_one = of_one.take((LINES_MAX + 1).saturating_sub(parts.len()));
        parts.extend(of_one.map(|from| (at(from), id.clone(), LINES_AT_ONCE.min(length - from))));
    }
    let read = parts.into_iter().map(|(at, id, count)| async move {
        let lines = part(core, at.partition, &id, at.offset, count).await?;
        Ok::<_, StoreError>((at, lines))
    });
    let mut read = stream::iter(read).buffered(READS_AT_ONCE);
    let (mut rows, mut bytes) = (Vec::new(), 0);
    while let Some((at, lines)) = read.try_next().await? {
        if rows.len() >= LINES_MAX || bytes >= BYTES_MAX {
            return Ok((rows, Some(at)));
        }
        bytes += lines.iter().map(|(_, bytes)| bytes).sum::<usize>();
        rows.extend(lines.into_iter().map(|(line, _)| line));
    }
    Ok((rows, after_page(place, ids.len())))
}

/// Lines of one conversation, each with its length in bytes.
async fn part(
    core: &Core,
    partition: Partition,
    id: &str,
    from: usize,
    count: usize,
) -> Result<Vec<(Item, usize)>, StoreError> {
    let mut command = redis::cmd("LRANGE");
    command.arg(core.keys.of(partition, format_args!("lines:{id}"))).arg(from).arg(from + count - 1);
    let lines: Vec<String> = core.connection.ask(&command).await?;
    let line = |(number, stored): (usize, String)| {
        let bytes = stored.len();
        let parts = serde_json::from_str::<(String, String, String)>(&stored);
        let (session, text, body) = parts.map_err(|_| core.corrupt("transcript", id))?;
        let line = LineItem {
            conversation: id.to_owned(),
            position: u64::try_from(from + number).unwrap_or(u64::MAX),
            session: core.number(&session, "transcript")?,
            text,
            body,
        };
        Ok((Item::Line(line), bytes))
    };
    lines.into_iter().enumerate().map(line).collect()
}

async fn failures(core: &Core, place: Place) -> Result<Found, StoreError> {
    let numbers = page(core, place, "failures").await?;
    let found = numbers.iter().map(async |number| {
        let mut command = redis::cmd("HGETALL");
        command.arg(core.keys.of(place.partition, format_args!("failure:{number}")));
        let mut fields: HashMap<String, String> = core.connection.ask(&command).await?;
        // A number without a record is in no list.
        let (Some(conversation), Some(body)) = (fields.remove("conversation"), fields.remove("body")) else {
            return Ok(None);
        };
        let retried_at = fields.remove("retried_at").map(|at| core.number(&at, "failures")).transpose()?;
        let number = core.number(number, "failures")?;
        let again = fields.remove("again");
        Ok::<_, StoreError>(Some(Item::Failure(FailureItem {
            number,
            conversation,
            body,
            again,
            retried_at,
        })))
    });
    let rows = try_join_all(found).await?.into_iter().flatten().collect();
    Ok((rows, after_page(place, numbers.len())))
}

/// All messages of a partition: a channel's are listed apart, and the channels are those of its conversations.
async fn messages(core: &Core, partition: Partition) -> Result<Vec<Item>, StoreError> {
    let mut command = redis::cmd("ZRANGE");
    command.arg(core.keys.of(partition, "active")).arg(0).arg(-1);
    let ids: Vec<String> = core.connection.ask(&command).await?;
    let mut channels = BTreeSet::new();
    for some in ids.chunks(CHANNELS_AT_ONCE) {
        let asked = some.iter().map(async |id| {
            let mut command = redis::cmd("HGET");
            command.arg(core.keys.of(partition, format_args!("c:{id}"))).arg("channel");
            core.connection.ask::<Option<String>>(&command).await
        });
        channels.extend(try_join_all(asked).await?.into_iter().flatten());
    }
    let mut rows = Vec::new();
    for channel in channels.into_iter().map(ChannelId::new) {
        let mut command = redis::cmd("ZRANGE");
        command.arg(core.keys.of(partition, format_args!("messages:{channel}"))).arg(0).arg(-1);
        let listed: Vec<(String, u64)> = core.connection.ask(command.arg("WITHSCORES")).await?;
        for some in listed.chunks(CHANNELS_AT_ONCE) {
            let found = some.iter().map(|(id, at)| message(core, partition, id, *at));
            rows.extend(try_join_all(found).await?.into_iter().flatten());
        }
    }
    Ok(rows)
}

async fn message(core: &Core, partition: Partition, id: &str, at: u64) -> Result<Option<Item>, StoreError> {
    let mut command = redis::cmd("HMGET");
    command.arg(core.keys.of(partition, format_args!("message:{id}")));
    command.arg("conversation").arg("channel").arg("body").arg("ended");
    let found: (Option<String>, Option<String>, Option<String>, Option<String>) =
        core.connection.ask(&command).await?;
    let (Some(conversation), Some(channel), Some(body), ended) = found else { return Ok(None) };
    let ended = ended.as_deref() == Some("1");
    Ok(Some(Item::Message(MessageItem { id: id.to_owned(), conversation, channel, at, ended, body })))
}

/// Files of one entry, the next one by name.
async fn files(core: &Core, after: Option<&str>) -> Result<(Vec<Item>, Option<Vec<String>>), StoreError> {
    let mut command = redis::cmd("SMEMBERS");
    let entries: BTreeSet<String> = core.connection.ask(command.arg(attachments::all(core))).await?;
    let mut rest = entries.into_iter().filter(|entry| after.is_none_or(|after| entry.as_str() > after));
    let Some(entry) = rest.next() else { return Ok((Vec::new(), None)) };
    let (conversation, seq) = entry.rsplit_once('/').ok_or_else(|| core.corrupt("files", &entry))?;
    let seq = core.number(seq, "files")?;
    let files = attachments::files(core, &ConversationId::new(conversation), Seq(seq)).await?;
    let item = |(position, media_type, content): (u32, String, Bytes)| {
        let conversation = conversation.to_owned();
        Item::File(FileItem { conversation, seq, position, media_type, content })
    };
    let rows = files.into_iter().map(|(position, file)| item((position, file.media_type, file.content)));
    Ok((rows.collect(), Some(vec![entry.clone()])))
}

async fn usage(core: &Core) -> Result<Vec<Item>, StoreError> {
    let mut command = redis::cmd("ZRANGE");
    let months = command.arg(core.keys.shared("usage", "months")).arg(0).arg(-1);
    let months: Vec<u32> = core.connection.ask(months).await?;
    let mut rows = Vec::new();
    for month in months {
        let mut command = redis::cmd("HGETALL");
        command.arg(core.keys.shared("usage", format_args!("month:{month}")));
        let apps: BTreeMap<String, String> = core.connection.ask(&command).await?;
        for (app, counts) in apps {
            let corrupt = |_| core.corrupt("usage", &app);
            let (platform, name): (String, String) = serde_json::from_str(&app).map_err(corrupt)?;
            let counts: (String, String, String) = serde_json::from_str(&counts).map_err(corrupt)?;
            let [api_calls, pushes] = [&counts.0, &counts.1].map(|text| core.number(text, "usage"));
            rows.push(Item::Usage(UsageItem {
                month,
                platform,
                app: name,
                api_calls: api_calls?,
                pushes: pushes?,
                batch: counts.2,
            }));
        }
    }
    Ok(rows)
}

/// Lines of the audit list, the oldest first.
async fn audit(core: &Core, after: Option<&str>) -> Result<(Vec<Item>, Option<Vec<String>>), StoreError> {
    let mut command = redis::cmd("ZRANGEBYSCORE");
    command.arg(lines_key(core)).arg(after.map_or_else(|| "-inf".to_owned(), |number| format!("({number}")));
    command.arg("+inf").arg("LIMIT").arg(0).arg(ROWS_MAX);
    let stored: Vec<String> = core.connection.ask(&command).await?;
    let lines = stored.iter().map(|text| {
        let (number, body) = text.split_once('|').ok_or_else(|| core.corrupt("audit", "lines"))?;
        Ok((core.number(number, "audit")?, body.to_owned()))
    });
    let lines = lines.collect::<Result<Vec<_>, StoreError>>()?;
    let next = lines.last().filter(|_| lines.len() >= ROWS_MAX).map(|(number, _)| vec![number.to_string()]);
    Ok((lines.into_iter().map(|(number, body)| Item::Audit { number, body }).collect(), next))
}
