//! The journal in Redis: each book lies in one part, or in 64 where it has many subjects, so that no node of a Cluster has it all.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::{try_join, try_join_all};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use switchboard_domain::hash::stable_hash;
use switchboard_domain::time::Timestamp;
use switchboard_ports::error::StoreError;
use switchboard_ports::journal::{
    Book, FOREVER, JournalInfo, JournalLine, JournalStore, LINES_AT_ONCE_MAX, SUBJECTS_LISTED_MAX,
};
use switchboard_ports::page::{Page, PageRequest};

use super::Core;
use crate::stores::cursor::{self, After};
use crate::stores::journal::{Numbering, oldest_kept};

/// Parts of a book with many subjects; tags that they lie under.
const PARTS: u32 = 64;

/// A book with no more subjects lies in one part, and its bound is exact.
const SUBJECTS_OF_ONE_PART: u32 = 1_000;

/// Parts written to at the same time.
const WRITES_AT_ONCE: usize = 16;

/// Bytes of lines of one call of the script; the line that reaches this is its last.
const BYTES_MAX: usize = 4 * 1024 * 1024;

/// Subjects that have become too old and are forgotten with one call of the script, at most.
const OLD_AT_ONCE: u32 = 100;

/// Lines by part and subject. Nothing in them is sealed.
pub(super) struct Journal {
    core: Arc<Core>,
}

impl Journal {
    pub(super) fn new(core: Arc<Core>) -> Self {
        Self { core }
    }
}

/// A part of a book.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Part {
    pub(super) book: Book,
    number: u32,
}

impl Part {
    /// Where a subject lies.
    pub(super) fn of(book: Book, subject: &str) -> Self {
        let name = if is_divided(book) { subject } else { book.name() };
        let number = stable_hash(&[name]) % u128::from(PARTS);
        Self { book, number: u32::try_from(number).unwrap_or_default() }
    }

    /// All parts of a book.
    fn all_of(book: Book) -> Vec<Self> {
        if is_divided(book) {
            return (0..PARTS).map(|number| Self { book, number }).collect();
        }
        vec![Self::of(book, "")]
    }

    /// All parts of all books.
    pub(super) fn all() -> Vec<Self> {
        Book::ALL.into_iter().flat_map(Self::all_of).collect()
    }

    /// Subjects it keeps. A hash spreads them unevenly, so that each part of several has room for half as many again.
    fn subjects_max(self) -> u32 {
        let max = self.book.limits().subjects;
        if is_divided(self.book) { (max + max / 2).div_ceil(PARTS) } else { max }
    }

    fn key(self, core: &Core, what: &str) -> String {
        let tag = format!("journal-{:02}", self.number);
        core.keys.shared(&tag, format_args!("{}:{what}", self.book.name()))
    }

    /// Its subjects, by the numbers of their last lines.
    pub(super) fn subjects_key(self, core: &Core) -> String {
        self.key(core, "subjects")
    }

    /// The lines of a subject, `number|time|body` by number.
    pub(super) fn lines_key(self, core: &Core, subject: &str) -> String {
        let mut key = self.key(core, "lines:");
        key.push_str(subject);
        key
    }
}

fn is_divided(book: Book) -> bool {
    book.limits().subjects > SUBJECTS_OF_ONE_PART
}

/// How long keys of a book last where nobody writes to it any more: twice as long as it is read, because a copy of a store that no
/// server runs on must not lose its rows under way. `None` where they stay.
pub(super) fn key_lasts(book: Book) -> Option<Duration> {
    let kept = book.limits().kept;
    (kept < FOREVER).then(|| kept.saturating_mul(2))
}

/// A line out of `number|time|body`.
pub(super) fn opened(core: &Core, stored: &str) -> Result<JournalInfo, StoreError> {
    let mut parts = stored.splitn(3, '|');
    let (Some(number), Some(at), Some(body)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(core.corrupt("journal", "lines"));
    };
    Ok(JournalInfo {
        number: core.number(number, "journal")?,
        at: Timestamp::from_millis(core.number(at, "journal")?),
        body: body.to_owned(),
    })
}

#[async_trait]
impl JournalStore for Journal {
    async fn append(&self, lines: Vec<JournalLine>) -> Result<(), StoreError> {
        let mut parts = BTreeMap::<Part, Vec<(u64, JournalLine)>>::new();
        for (place, line) in (0..).zip(lines.into_iter().take(LINES_AT_ONCE_MAX)) {
            parts.entry(Part::of(line.book, &line.subject)).or_default().push((place, line));
        }
        let now = self.core.clock.now();
        let writes = parts.into_iter().map(|(part, lines)| write(&self.core, part, lines, now));
        stream::iter(writes).buffer_unordered(WRITES_AT_ONCE).try_collect().await
    }

    async fn read(
        &self,
        book: Book,
        subject: &str,
        page: &PageRequest,
    ) -> Result<Page<JournalInfo>, StoreError> {
        let before = match cursor::after_number(page) {
            After::Start => "+inf".to_owned(),
            After::Row(number) => format!("({number}"),
            After::Nowhere => return Ok(cursor::empty()),
        };
        let (core, limit) = (&*self.core, cursor::limit(page));
        let key = Part::of(book, subject).lines_key(core, subject);
        let (mut young, mut lines) = (redis::cmd("ZCOUNT"), redis::cmd("ZREVRANGEBYSCORE"));
        young.arg(&key).arg(oldest_kept(book, core.clock.now())).arg("+inf");
        lines.arg(&key).arg(before).arg("-inf").arg("LIMIT").arg(0).arg(limit + 1);
        let asked = try_join(core.connection.ask(&young), core.connection.ask(&lines));
        let (young, lines): (u64, Vec<String>) = asked.await?;
        if young == 0 {
            return Ok(cursor::empty());
        }
        let open = |stored: &String| {
            let info = opened(core, stored)?;
            Ok((info.number.to_string(), info))
        };
        Ok(cursor::page(lines.iter().map(open).collect::<Result<_, StoreError>>()?, limit))
    }

    async fn subjects(&self, book: Book) -> Result<Vec<String>, StoreError> {
        let core = &*self.core;
        let oldest = oldest_kept(book, core.clock.now());
        let listed = Part::all_of(book).into_iter().map(async |part| {
            let mut command = redis::cmd("ZREVRANGEBYSCORE");
            command.arg(part.subjects_key(core)).arg("+inf").arg(oldest).arg("WITHSCORES");
            command.arg("LIMIT").arg(0).arg(SUBJECTS_LISTED_MAX);
            core.connection.ask::<Vec<(String, f64)>>(&command).await
        });
        let mut all = try_join_all(listed).await?.concat();
        all.sort_unstable_by(|(one, last), (other, others_last)| {
            others_last.total_cmp(last).then_with(|| other.cmp(one))
        });
        all.truncate(SUBJECTS_LISTED_MAX);
        Ok(all.into_iter().map(|(subject, _)| subject).collect())
    }

    async fn forget(&self, book: Book, subject: &str) -> Result<(), StoreError> {
        let part = Part::of(book, subject);
        let mut call = self.core.scripts.forget_subject.prepare_invoke();
        call.key(part.subjects_key(&self.core)).key(part.lines_key(&self.core, subject)).arg(subject);
        self.core.connection.run::<u64>(&call).await.map(drop)
    }
}

/// Writes lines of one part in their order; each has its place among all lines of the call, so that numbers of several parts
/// follow that too.
async fn write(
    core: &Core,
    part: Part,
    lines: Vec<(u64, JournalLine)>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut rest = lines.as_slice();
    while !rest.is_empty() {
        let mut bytes = 0;
        let of_one = rest.iter().take_while(|(_, line)| {
            let fits = bytes < BYTES_MAX;
            bytes += line.body.len();
            fits
        });
        let (some, others) = rest.split_at(of_one.count());
        write_some(core, part, some, now).await?;
        rest = others;
    }
    Ok(())
}

async fn write_some(
    core: &Core,
    part: Part,
    lines: &[(u64, JournalLine)],
    now: Timestamp,
) -> Result<(), StoreError> {
    let (limits, numbering) = (part.book.limits(), Numbering::at(now));
    let mut call = core.scripts.write_lines.prepare_invoke();
    call.key(part.subjects_key(core)).arg(part.lines_key(core, ""));
    call.arg(limits.lines).arg(part.subjects_max());
    call.arg(numbering.ahead_max).arg(oldest_kept(part.book, now)).arg(OLD_AT_ONCE);
    let lasts = key_lasts(part.book).map(|lasts| lasts.as_millis().to_string());
    call.arg(lasts.unwrap_or_default());
    for (place, line) in lines {
        call.arg(&line.subject).arg(numbering.least.saturating_add(*place));
        call.arg(line.at.as_millis()).arg(&line.body);
    }
    core.connection.run::<u8>(&call).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn books_with_few_subjects_lie_in_one_part_and_others_spread() {
        assert_eq!(Part::all_of(Book::Logs).len(), 1);
        assert_eq!(Part::of(Book::Logs, "one"), Part::of(Book::Logs, "other"));
        assert_eq!(Part::of(Book::Logs, "one").subjects_max(), Book::Logs.limits().subjects);
        let spread = (0..10_000).map(|n| Part::of(Book::Versions, &format!("chn_{n}")));
        let mut counts = BTreeMap::<Part, u32>::new();
        spread.for_each(|part| *counts.entry(part).or_default() += 1);
        assert_eq!(counts.len(), PARTS as usize);
        assert!(counts.iter().all(|(part, count)| *count <= part.subjects_max()));
        assert!(Part::all().len() < 9 * PARTS as usize);
    }

    #[test]
    fn where_a_subject_lies_never_changes_between_versions() {
        assert_eq!(Part::of(Book::Timelines, "msg_1").number, 1);
        assert_eq!(Part::of(Book::Logs, "chn_1").number, 50);
    }
}
