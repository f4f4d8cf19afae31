//! Transcripts and lists in Redis.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::future::try_join_all;
use switchboard_domain::ids::{
    ChannelId, ConversationId, ConversationKey, Partition, Seq, SessionNumber, UserId,
};
use switchboard_domain::message::ChatKind;
use switchboard_domain::snapshot::{Role, TranscriptLine};
use switchboard_domain::time::Timestamp;
use switchboard_ports::error::StoreError;
use switchboard_ports::page::{Page, PageRequest};
use switchboard_ports::transcripts::{ConversationFilter, ConversationInfo, Forget, Transcripts};

use super::Core;
use super::accept::{names_key, person_key};
use super::forgetting;
use crate::stores::cursor::{self, After};
use crate::stores::records::LineRecord;

/// Lines read at once.
const LINES_READ: i64 = 200;

/// Lines looked through for an answer: two for each entry whose names are kept.
const ANSWER_LINES_MAX: i64 = 2_000;

/// Conversations of one moment that are read again at once with the page after them, in each partition; more take more steps.
const SAME_MOMENT_READ: u32 = 1_000;

/// Conversations and what was said in them.
pub(super) struct SharedTranscripts {
    core: Arc<Core>,
}

impl SharedTranscripts {
    pub(super) fn new(core: Arc<Core>) -> Self {
        Self { core }
    }
}

#[async_trait]
impl Transcripts for SharedTranscripts {
    async fn conversations(
        &self,
        filter: &ConversationFilter,
        page: &PageRequest,
    ) -> Result<Page<ConversationInfo>, StoreError> {
        let mut before = match cursor::after_activity(page) {
            After::Start => None,
            After::Row(place) => Some(place),
            After::Nowhere => return Ok(cursor::empty()),
        };
        let limit = cursor::limit(page);
        let text = filter.text.as_deref().map(str::to_ascii_lowercase).filter(|text| !text.is_empty());
        let mut rows = Vec::new();
        while rows.len() <= limit as usize {
            let places = self.active(filter, before.as_ref(), limit + 1).await?;
            let Some(last) = places.last().cloned() else { break };
            for (at, id, partition) in places {
                if let Some(info) = self.matching(partition, &id, filter, text.as_deref()).await? {
                    rows.push((cursor::activity(at, &id), ConversationInfo { active_at: at, ..info }));
                }
            }
            before = Some((last.0, last.1));
        }
        Ok(cursor::page(rows, limit))
    }

    async fn conversation(&self, id: &ConversationId) -> Result<Option<ConversationInfo>, StoreError> {
        match self.core.partition_of(id.as_str()).await? {
            Some(partition) => info(&self.core, partition, id).await,
            None => Ok(None),
        }
    }

    async fn private_with(
        &self,
        channel: &ChannelId,
        person: &str,
    ) -> Result<Option<ConversationInfo>, StoreError> {
        let what = person_key(channel.as_str(), person);
        let latest = Partition::all().map(async |partition| {
            let mut command = redis::cmd("ZREVRANGE");
            command.arg(self.core.keys.of(partition, &what)).arg(0).arg(0).arg("WITHSCORES");
            let found: Vec<(String, u64)> = self.core.connection.ask(&command).await?;
            Ok::<_, StoreError>(found.into_iter().map(|(id, at)| (at, id, partition)).next())
        });
        let latest = try_join_all(latest).await?.into_iter().flatten().max();
        match latest {
            Some((_, id, partition)) => info(&self.core, partition, &ConversationId::new(id)).await,
            None => Ok(None),
        }
    }

    async fn lines(
        &self,
        id: &ConversationId,
        page: &PageRequest,
    ) -> Result<Page<TranscriptLine>, StoreError> {
        let after = match cursor::after_number(page) {
            After::Start => 0,
            After::Row(number) => i64::try_from(number).unwrap_or(i64::MAX),
            After::Nowhere => return Ok(cursor::empty()),
        };
        let limit = cursor::limit(page);
        let Some(partition) = self.core.partition_of(id.as_str()).await? else {
            return Ok(cursor::empty());
        };
        // Lines are numbered from the first there ever was; the list begins with the first that is left.
        let (lines, after) = loop {
            let gone = forgotten(&self.core, partition, id).await?;
            let after = after.max(gone);
            let from = after - gone;
            let lines = read(&self.core, partition, id, from, from.saturating_add(i64::from(limit))).await?;
            if forgotten(&self.core, partition, id).await? == gone {
                break (lines, after);
            }
        };
        let rows = lines.into_iter().zip(after + 1..).map(|(line, number)| (number.to_string(), line));
        Ok(cursor::page(rows.collect(), limit))
    }

    async fn recent(
        &self,
        id: &ConversationId,
        session: SessionNumber,
        lines_max: u32,
    ) -> Result<Vec<TranscriptLine>, StoreError> {
        let Some(partition) = self.core.partition_of(id.as_str()).await? else {
            return Ok(Vec::new());
        };
        let mut command = redis::cmd("HGET");
        command.arg(self.core.keys.of(partition, format_args!("c:{id}"))).arg(format!("f:{session}"));
        let Some(first) = self.core.connection.ask::<Option<i64>>(&command).await? else {
            return Ok(Vec::new());
        };
        let first = (first - forgotten(&self.core, partition, id).await?).max(0);
        let mut newest_first = Vec::new();
        let mut end = length(&self.core, partition, id).await?;
        while end > first && newest_first.len() < lines_max as usize {
            let begin = first.max(end - LINES_READ);
            let lines = read(&self.core, partition, id, begin, end - 1).await?;
            newest_first.extend(lines.into_iter().rev().filter(|line| line.session == session));
            end = begin;
        }
        newest_first.truncate(lines_max as usize);
        newest_first.reverse();
        Ok(newest_first)
    }

    async fn shown_as(
        &self,
        channel: &ChannelId,
        chat: &str,
        key: &str,
    ) -> Result<Option<TranscriptLine>, StoreError> {
        let place = ConversationKey { channel: channel.clone(), chat: chat.to_owned(), member: None };
        let partition = place.partition();
        let mut command = redis::cmd("HGET");
        command.arg(self.core.keys.of(partition, names_key(chat, channel.as_str()))).arg(key);
        let Some(found) = self.core.connection.ask::<Option<String>>(&command).await? else {
            return Ok(None);
        };
        let (seq, id) = found.split_once('|').ok_or_else(|| self.core.corrupt("names", key))?;
        let (seq, id) = (Seq(self.core.number(seq, "names")?), ConversationId::new(id));
        let mut end = length(&self.core, partition, &id).await?;
        let last = (end - ANSWER_LINES_MAX).max(0);
        while end > last {
            let begin = last.max(end - LINES_READ);
            let lines = read(&self.core, partition, &id, begin, end - 1).await?;
            let mut newest_first = lines.into_iter().rev();
            if let Some(line) = newest_first.find(|line| line.seq == seq && line.role == Role::Assistant) {
                return Ok(Some(line));
            }
            end = begin;
        }
        Ok(None)
    }

    async fn forget(&self, id: &ConversationId, which: Forget) -> Result<bool, StoreError> {
        forgetting::forget(&self.core, id, which).await
    }

    async fn purge(&self, channel: &ChannelId) -> Result<bool, StoreError> {
        forgetting::purge(&self.core, channel).await
    }
}

type Place = (Timestamp, ConversationId, Partition);

impl SharedTranscripts {
    /// The conversations that were active last before a place, of all partitions together.
    async fn active(
        &self,
        filter: &ConversationFilter,
        before: Option<&(Timestamp, ConversationId)>,
        count: u32,
    ) -> Result<Vec<Place>, StoreError> {
        let what = match (&filter.channel, &filter.user) {
            (_, Some(user)) => format!("active:user:{user}"),
            (Some(channel), None) => format!("active:channel:{channel}"),
            (None, None) => "active".to_owned(),
        };
        let lists =
            Partition::all().map(async |partition| self.active_in(partition, &what, before, count).await);
        let mut all = try_join_all(lists).await?.concat();
        all.sort_unstable_by(|one, other| other.cmp(one));
        all.truncate(count as usize);
        Ok(all)
    }

    /// Those of one partition. Those of the same moment come again, and are passed over, however many they are.
    async fn active_in(
        &self,
        partition: Partition,
        what: &str,
        before: Option<&(Timestamp, ConversationId)>,
        count: u32,
    ) -> Result<Vec<Place>, StoreError> {
        let from = before.map_or_else(|| "+inf".to_owned(), |(at, _)| at.as_millis().to_string());
        let at_once = count + before.map_or(0, |_| SAME_MOMENT_READ);
        let (mut offset, mut places) = (0, Vec::new());
        loop {
            let mut command = redis::cmd("ZREVRANGEBYSCORE");
            command.arg(self.core.keys.of(partition, what)).arg(&from).arg("-inf").arg("WITHSCORES");
            command.arg("LIMIT").arg(offset).arg(at_once);
            let found: Vec<(String, u64)> = self.core.connection.ask(&command).await?;
            let is_last = found.len() < at_once as usize;
            let found =
                found.into_iter().map(|(id, at)| (Timestamp::from_millis(at), ConversationId::new(id)));
            let next = found.filter(|(at, id)| before.is_none_or(|(last, known)| (at, id) < (last, known)));
            places.extend(next.map(|(at, id)| (at, id, partition)));
            if is_last || places.len() >= count as usize {
                places.truncate(count as usize);
                return Ok(places);
            }
            offset += at_once;
        }
    }

    async fn matching(
        &self,
        partition: Partition,
        id: &ConversationId,
        filter: &ConversationFilter,
        text: Option<&str>,
    ) -> Result<Option<ConversationInfo>, StoreError> {
        let Some(info) = info(&self.core, partition, id).await? else {
            return Ok(None);
        };
        let fits = filter.channel.as_ref().is_none_or(|channel| info.key.channel == *channel)
            && filter.user.as_ref().is_none_or(|user| info.user.as_ref() == Some(user));
        let Some(text) = text else { return Ok(Some(info).filter(|_| fits)) };
        let contains = |haystack: &str| haystack.to_ascii_lowercase().contains(text);
        if !fits || info.title.as_deref().is_some_and(contains) {
            return Ok(Some(info).filter(|_| fits));
        }
        let mut begin = 0;
        loop {
            let lines = read(&self.core, partition, id, begin, begin + LINES_READ - 1).await?;
            if lines.iter().any(|line| contains(&line.text)) {
                return Ok(Some(info));
            }
            if lines.is_empty() {
                return Ok(None);
            }
            begin += LINES_READ;
        }
    }
}

/// How many lines of a conversation were forgotten.
pub(super) async fn forgotten(
    core: &Core,
    partition: Partition,
    id: &ConversationId,
) -> Result<i64, StoreError> {
    let mut command = redis::cmd("HGET");
    command.arg(core.keys.of(partition, format_args!("c:{id}"))).arg("forgotten");
    Ok(core.connection.ask::<Option<i64>>(&command).await?.unwrap_or(0))
}

async fn length(core: &Core, partition: Partition, id: &ConversationId) -> Result<i64, StoreError> {
    let mut command = redis::cmd("LLEN");
    command.arg(core.keys.of(partition, format_args!("lines:{id}")));
    core.connection.ask(&command).await
}

pub(super) async fn read(
    core: &Core,
    partition: Partition,
    id: &ConversationId,
    from: i64,
    to: i64,
) -> Result<Vec<TranscriptLine>, StoreError> {
    let mut command = redis::cmd("LRANGE");
    command.arg(core.keys.of(partition, format_args!("lines:{id}"))).arg(from).arg(to);
    let lines: Vec<String> = core.connection.ask(&command).await?;
    let row = core.row("transcript", id.as_str());
    let line = |line: String| {
        let stored = serde_json::from_str::<(String, String, String)>(&line);
        let (session, text, body) = stored.map_err(|_| core.corrupt("transcript", id.as_str()))?;
        let session = SessionNumber(core.number(&session, "transcript")?);
        row.read::<LineRecord>(&body)?.open(session, text, &row)
    };
    lines.into_iter().map(line).collect()
}

const FIELDS: [&str; 12] = [
    "channel",
    "chat",
    "member",
    "kind",
    "title",
    "author",
    "person",
    "user",
    "session",
    "session_at",
    "created_at",
    "waiting",
];

async fn info(
    core: &Core,
    partition: Partition,
    id: &ConversationId,
) -> Result<Option<ConversationInfo>, StoreError> {
    let mut command = redis::cmd("HMGET");
    command.arg(core.keys.of(partition, format_args!("c:{id}"))).arg(&FIELDS).arg("active_at");
    let fields: Vec<Option<String>> = core.connection.ask(&command).await?;
    let corrupt = || core.corrupt("c", id.as_str());
    let [
        channel,
        chat,
        member,
        kind,
        title,
        author,
        person,
        user,
        session,
        session_at,
        created_at,
        waiting,
        active_at,
    ] = <[Option<String>; 13]>::try_from(fields).map_err(|_| corrupt())?;
    let Some(channel) = channel else { return Ok(None) };
    let number = |text: Option<String>| core.number(&text.unwrap_or_default(), "c");
    let session = match session {
        Some(session) => {
            Some((SessionNumber(number(Some(session))?), Timestamp::from_millis(number(session_at)?)))
        }
        None => None,
    };
    Ok(Some(ConversationInfo {
        id: id.clone(),
        key: ConversationKey { channel: ChannelId::new(channel), chat: chat.ok_or_else(corrupt)?, member },
        kind: if kind.as_deref() == Some("group") { ChatKind::Group } else { ChatKind::Private },
        title,
        author: author.unwrap_or_default(),
        person,
        user: user.map(UserId::new),
        session,
        created_at: Timestamp::from_millis(number(created_at)?),
        active_at: Timestamp::from_millis(number(active_at)?),
        waiting: u32::try_from(number(waiting)?).unwrap_or(u32::MAX),
    }))
}
