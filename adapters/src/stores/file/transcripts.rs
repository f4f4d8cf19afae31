//! Transcripts and lists in a file.

use std::sync::Arc;

use async_trait::async_trait;
use rusqlite::{Connection, ToSql};
use switchboard_domain::ids::{ChannelId, ConversationId, ConversationKey, SessionNumber, UserId};
use switchboard_domain::message::ChatKind;
use switchboard_domain::snapshot::TranscriptLine;
use switchboard_domain::time::Timestamp;
use switchboard_ports::error::StoreError;
use switchboard_ports::page::{Page, PageRequest};
use switchboard_ports::transcripts::{ConversationFilter, ConversationInfo, Forget, Transcripts};

use super::sql::{all, first, int, uint};
use super::{Core, purge, row};
use crate::stores::cursor::{self, After};
use crate::stores::records::LineRecord;
use crate::stores::seal::Key;

const INFO: &str =
    "id, channel, chat, member, kind, title, author, user, session, session_at, created_at, active_at,
    waiting, person";

/// Text is compared like in `ConversationFilter` (see `searching`). The transcript is searched without an index: two
/// Chinese characters are a word, and trigram indexes begin at three, at the price of the table once more.
const CONTAINS: &str = "(says(title, :text) OR EXISTS
    (SELECT 1 FROM transcript AS line WHERE line.num = conversations.num AND says(line.text, :text)))";

/// The same, by one walk through all lines: rare words are found in half the time, which jumping from conversation to
/// conversation takes.
const CONTAINS_AMONG_ALL: &str = "(says(title, :text) OR num IN
    (SELECT line.num FROM transcript AS line WHERE says(line.text, :text)))";

const LAST_ACTIVE_FIRST: &str = "ORDER BY active_at DESC, id DESC";

/// Conversations that are looked through before all lines are: frequent words fill a page with those.
pub(super) const NEAR_MAX: u32 = 500;

/// The answer to an entry, among the last lines of its conversation. Sequence and role stand in the records alone
/// (see `LineRecord`): few answers are ever quoted, and those that are stand near the end.
const ANSWER: &str = "SELECT id, session, text, body FROM transcript WHERE num = ?1
    AND id > coalesce((SELECT id FROM transcript WHERE num = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?3), 0)
    AND json_extract(body, '$.r.seq') = ?2 AND json_extract(body, '$.r.role') = 'assistant'
    ORDER BY id DESC LIMIT 1";

/// Lines looked through for an answer: two for each entry whose names are kept.
const ANSWER_LINES_MAX: u32 = 2_000;

/// Conversations and what was said in them.
pub(super) struct FileTranscripts {
    core: Arc<Core>,
}

impl FileTranscripts {
    pub(super) fn new(core: Arc<Core>) -> Self {
        Self { core }
    }
}

#[async_trait]
impl Transcripts for FileTranscripts {
    async fn conversations(
        &self,
        filter: &ConversationFilter,
        page: &PageRequest,
    ) -> Result<Page<ConversationInfo>, StoreError> {
        let before = match cursor::after_activity(page) {
            After::Start => None,
            After::Row(place) => Some(place),
            After::Nowhere => return Ok(cursor::empty()),
        };
        let (filter, limit) = (filter.clone(), cursor::limit(page));
        let filter_has_text = filter.text.is_some();
        let read = move |connection: &Connection| listed(connection, &filter, before.as_ref(), limit);
        // A search may take seconds; it must not keep the driver from loading.
        let searches = filter_has_text.then_some(&self.core.searchers);
        searches.unwrap_or(&self.core.readers).read(read).await
    }

    async fn conversation(&self, id: &ConversationId) -> Result<Option<ConversationInfo>, StoreError> {
        let id = id.clone();
        let read = move |connection: &Connection| {
            let sql = format!("SELECT {INFO} FROM conversations WHERE id = ?1");
            first(connection, &sql, [id.as_str()], info)
        };
        self.core.readers.read(read).await
    }

    async fn private_with(
        &self,
        channel: &ChannelId,
        person: &str,
    ) -> Result<Option<ConversationInfo>, StoreError> {
        let (channel, person) = (channel.clone(), person.to_owned());
        let read = move |connection: &Connection| {
            let sql = format!(
                "SELECT {INFO} FROM conversations WHERE channel = ?1 AND person = ?2 ORDER BY active_at DESC LIMIT 1"
            );
            first(connection, &sql, [channel.as_str(), person.as_str()], info)
        };
        self.core.readers.read(read).await
    }

    async fn lines(
        &self,
        id: &ConversationId,
        page: &PageRequest,
    ) -> Result<Page<TranscriptLine>, StoreError> {
        let after = match cursor::after_number(page) {
            After::Start => 0,
            After::Row(number) => int(number),
            After::Nowhere => return Ok(cursor::empty()),
        };
        let (id, key, limit) = (id.clone(), Arc::clone(&self.core.key), cursor::limit(page));
        let read = move |connection: &Connection| {
            let sql = "SELECT id, session, text, body FROM transcript
                       WHERE num = (SELECT num FROM conversations WHERE id = ?1) AND id > ?2 ORDER BY id LIMIT ?3";
            let rows = all(connection, sql, (id.as_str(), after, limit + 1), line_row)?;
            let rows = rows.into_iter().map(|row| Ok((row.number.to_string(), row.open(&key)?)));
            Ok(cursor::page(rows.collect::<Result<_, StoreError>>()?, limit))
        };
        self.core.readers.read(read).await
    }

    async fn recent(
        &self,
        id: &ConversationId,
        session: SessionNumber,
        lines_max: u32,
    ) -> Result<Vec<TranscriptLine>, StoreError> {
        let (id, key) = (id.clone(), Arc::clone(&self.core.key));
        let read = move |connection: &Connection| {
            let sql = "SELECT id, session, text, body FROM transcript
                       WHERE num = (SELECT num FROM conversations WHERE id = ?1) AND session = ?2
                       ORDER BY id DESC LIMIT ?3";
            let params = (id.as_str(), int(session.0), lines_max);
            let newest_first = all(connection, sql, params, line_row)?;
            newest_first.into_iter().rev().map(|row| row.open(&key)).collect()
        };
        self.core.readers.read(read).await
    }

    async fn shown_as(
        &self,
        channel: &ChannelId,
        chat: &str,
        key: &str,
    ) -> Result<Option<TranscriptLine>, StoreError> {
        let (channel, chat, name) = (channel.clone(), chat.to_owned(), key.to_owned());
        let key = Arc::clone(&self.core.key);
        let read = move |connection: &Connection| {
            let sql = "SELECT num, shown.seq FROM shown JOIN conversations USING (num)
                       WHERE key = ?1 AND channel = ?2 AND chat = ?3";
            let found = first(connection, sql, (name, channel.as_str(), chat), |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))
            })?;
            let Some((num, seq)) = found else { return Ok(None) };
            let row = first(connection, ANSWER, (num, seq, i64::from(ANSWER_LINES_MAX)), line_row)?;
            row.map(|row| row.open(&key)).transpose()
        };
        self.core.readers.read(read).await
    }

    async fn forget(&self, id: &ConversationId, which: Forget) -> Result<bool, StoreError> {
        let id = id.clone();
        self.core.writer.submit(move |step| purge::forget(step.connection, &id, which)).await
    }

    async fn purge(&self, channel: &ChannelId) -> Result<bool, StoreError> {
        let channel = channel.clone();
        self.core.writer.submit(move |step| purge::step(step.connection, &channel)).await
    }
}

/// Walks the index that fits the filter, last active first.
fn listing(filter: &ConversationFilter, is_continued: bool, contains: &'static str) -> String {
    let conditions = conditions(filter, is_continued, contains);
    format!("SELECT {INFO} FROM conversations WHERE {conditions} {LAST_ACTIVE_FIRST} LIMIT :limit")
}

/// Of the conversations that were active last, those with the text, in no order.
fn near(is_continued: bool) -> String {
    let conditions = conditions(&ConversationFilter::default(), is_continued, "");
    format!(
        "SELECT {INFO} FROM (SELECT * FROM conversations WHERE {conditions} {LAST_ACTIVE_FIRST} LIMIT {NEAR_MAX})
         AS conversations WHERE {CONTAINS}"
    )
}

fn conditions(filter: &ConversationFilter, is_continued: bool, contains: &'static str) -> String {
    let mut conditions = vec!["1"];
    if filter.channel.is_some() {
        conditions.push("channel = :channel");
    }
    if filter.user.is_some() {
        conditions.push("user = :user");
    }
    if is_continued {
        conditions.push("(active_at, id) < (:active_at, :id)");
    }
    if filter.text.is_some() {
        conditions.push(contains);
    }
    conditions.join(" AND ")
}

fn listed(
    connection: &Connection,
    filter: &ConversationFilter,
    before: Option<&(Timestamp, ConversationId)>,
    limit: u32,
) -> Result<Page<ConversationInfo>, StoreError> {
    let text = filter.text.as_deref().filter(|text| !text.is_empty()).map(str::to_ascii_lowercase);
    let filter = ConversationFilter { text: text.clone(), ..filter.clone() };
    let channel = filter.channel.as_ref().map(ChannelId::as_str);
    let user = filter.user.as_ref().map(UserId::as_str);
    let place = before.map(|(at, id)| (int(at.as_millis()), id.as_str()));
    let more = limit + 1;
    let mut params: Vec<(&str, &dyn ToSql)> = vec![(":limit", &more)];
    if let Some(channel) = &channel {
        params.push((":channel", channel));
    }
    if let Some(user) = &user {
        params.push((":user", user));
    }
    if let Some((at, id)) = &place {
        params.push((":active_at", at));
        params.push((":id", id));
    }
    if let Some(text) = &text {
        params.push((":text", text));
    }
    let is_continued = place.is_some();
    let is_of_all = filter.text.is_some() && channel.is_none() && user.is_none();
    let infos = if is_of_all {
        // All but the first, which is how many are wanted.
        let mut found = all(connection, &near(is_continued), params.get(1..).unwrap_or_default(), info)?;
        if found.len() < more as usize {
            all(connection, &listing(&filter, is_continued, CONTAINS_AMONG_ALL), params.as_slice(), info)?
        } else {
            found.sort_unstable_by(|one, other| (other.active_at, &other.id).cmp(&(one.active_at, &one.id)));
            found.truncate(more as usize);
            found
        }
    } else {
        all(connection, &listing(&filter, is_continued, CONTAINS), params.as_slice(), info)?
    };
    let rows = infos.into_iter().map(|info| (cursor::activity(info.active_at, &info.id), info));
    Ok(cursor::page(rows.collect(), limit))
}

fn info(row: &rusqlite::Row<'_>) -> rusqlite::Result<ConversationInfo> {
    let time = |index: usize| row.get(index).map(|millis| Timestamp::from_millis(uint(millis)));
    let session = match row.get::<_, Option<i64>>(8)? {
        Some(number) => Some((SessionNumber(uint(number)), time(9)?)),
        None => None,
    };
    Ok(ConversationInfo {
        id: ConversationId::new(row.get::<_, String>(0)?),
        key: ConversationKey {
            channel: ChannelId::new(row.get::<_, String>(1)?),
            chat: row.get(2)?,
            member: row.get(3)?,
        },
        // The column's check allows these two.
        kind: if row.get::<_, String>(4)? == "group" { ChatKind::Group } else { ChatKind::Private },
        title: row.get(5)?,
        author: row.get(6)?,
        user: row.get::<_, Option<String>>(7)?.map(UserId::new),
        session,
        created_at: time(10)?,
        active_at: time(11)?,
        waiting: row.get(12)?,
        person: row.get(13)?,
    })
}

struct LineRow {
    number: i64,
    session: SessionNumber,
    text: String,
    body: String,
}

fn line_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<LineRow> {
    Ok(LineRow {
        number: row.get(0)?,
        session: SessionNumber(uint(row.get(1)?)),
        text: row.get(2)?,
        body: row.get(3)?,
    })
}

impl LineRow {
    fn open(self, key: &Key) -> Result<TranscriptLine, StoreError> {
        let number = self.number.to_string();
        let row = row(key, "transcript", &number);
        row.read::<LineRecord>(&self.body)?.open(self.session, self.text, &row)
    }
}
