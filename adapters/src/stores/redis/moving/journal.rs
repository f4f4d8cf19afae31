//! Lines of the journal, part by part of each book, in the order in which subjects were last written to.

use futures_util::future::try_join_all;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use redis::Cmd;
use switchboard_ports::error::StoreError;
use switchboard_ports::journal::{Book, JournalInfo};

use super::super::Core;
use super::super::journal::{Part, key_lasts, opened};
use crate::stores::copy::items::{Item, JournalItem};

/// Subjects of one batch, at most.
const SUBJECTS_MAX: usize = 200;

/// Lines of one batch, and the read that reaches them.
const LINES_MAX: usize = 500;

/// Bytes of lines of one batch, and those that reach them.
const BYTES_MAX: usize = 4 * 1024 * 1024;

/// Lines of one subject read at once: a line may be long.
const LINES_AT_ONCE: usize = 8;

/// Such reads under way at the same time.
const READS_AT_ONCE: usize = 16;

/// A place: which part, how many of its subjects come before it, and how many lines of the next one.
#[derive(Debug, Clone, Copy)]
struct Place {
    part: usize,
    rank: usize,
    offset: usize,
}

impl Place {
    fn of(after: &[String]) -> Self {
        let mut numbers = after.iter().map(|text| text.parse::<usize>().unwrap_or_default());
        let mut next = || numbers.next().unwrap_or_default();
        Self { part: next(), rank: next(), offset: next() }
    }

    fn texts(self) -> Vec<String> {
        [self.part, self.rank, self.offset].map(|number| number.to_string()).to_vec()
    }
}

/// Lines after a place, and where to go on.
pub(super) async fn give(
    core: &Core,
    after: &[String],
) -> Result<(Vec<Item>, Option<Vec<String>>), StoreError> {
    let (place, parts) = (Place::of(after), Part::all());
    let Some(part) = parts.get(place.part) else { return Ok((Vec::new(), None)) };
    let (rows, next) = rows(core, *part, place).await?;
    let next_part = Place { part: place.part + 1, rank: 0, offset: 0 };
    let next = next.or_else(|| (next_part.part < parts.len()).then_some(next_part));
    Ok((rows, next.map(Place::texts)))
}

/// Lines of the next subjects of a part, or some of those of one.
async fn rows(core: &Core, part: Part, place: Place) -> Result<(Vec<Item>, Option<Place>), StoreError> {
    let mut command = redis::cmd("ZRANGE");
    command.arg(part.subjects_key(core)).arg(place.rank).arg(place.rank + SUBJECTS_MAX - 1);
    let subjects: Vec<String> = core.connection.ask(&command).await?;
    let counts = subjects.iter().map(async |subject| {
        let mut command = redis::cmd("ZCARD");
        command.arg(part.lines_key(core, subject));
        core.connection.ask::<usize>(&command).await
    });
    let counts = try_join_all(counts).await?;
    let mut reads = Vec::new();
    for (number, (subject, count)) in subjects.iter().zip(counts).enumerate() {
        let from = if number == 0 { place.offset.min(count) } else { 0 };
        let at = |offset| Place { rank: place.rank + number, offset, ..place };
        let of_one = (from..count).step_by(LINES_AT_ONCE);
        // Each has a line at least, and the one after the last tells where to go on.
        let of_one = of_one.take((LINES_MAX + 1).saturating_sub(reads.len()));
        reads.extend(of_one.map(|offset| (at(offset), subject.clone())));
    }
    let read = reads.into_iter().map(|(at, subject)| async move {
        let lines = lines(core, part, &subject, at.offset).await?;
        Ok::<_, StoreError>((at, lines))
    });
    let mut read = stream::iter(read).buffered(READS_AT_ONCE);
    let (mut rows, mut bytes) = (Vec::new(), 0);
    while let Some((at, lines)) = read.try_next().await? {
        if rows.len() >= LINES_MAX || bytes >= BYTES_MAX {
            return Ok((rows, Some(at)));
        }
        bytes += lines.iter().map(|line| line.body.len()).sum::<usize>();
        rows.extend(lines.into_iter().map(Item::Journal));
    }
    let next = Place { rank: place.rank + subjects.len(), offset: 0, ..place };
    Ok((rows, (subjects.len() >= SUBJECTS_MAX).then_some(next)))
}

async fn lines(core: &Core, part: Part, subject: &str, from: usize) -> Result<Vec<JournalItem>, StoreError> {
    let mut command = redis::cmd("ZRANGE");
    command.arg(part.lines_key(core, subject)).arg(from).arg(from + LINES_AT_ONCE - 1);
    let stored: Vec<String> = core.connection.ask(&command).await?;
    let item = |stored: &String| {
        let JournalInfo { number, at, body } = opened(core, stored)?;
        let (book, subject) = (part.book.name().to_owned(), subject.to_owned());
        Ok(JournalItem { book, subject, number, at: at.as_millis(), body })
    };
    stored.iter().map(item).collect()
}

/// Puts a line where it is not yet. It keeps its number, and with it its age. How long its keys last, as if they were written now,
/// is for `ends`: what is not there yet cannot be made to end.
pub(super) fn put(
    core: &Core,
    item: &JournalItem,
    steps: &mut Vec<Cmd>,
    ends: &mut Vec<Cmd>,
) -> Result<(), StoreError> {
    let book = Book::ALL.into_iter().find(|book| book.name() == item.book);
    let book = book.ok_or_else(|| core.corrupt("journal", &item.book))?;
    let part = Part::of(book, &item.subject);
    let [mut line, mut last] = [redis::cmd("ZADD"), redis::cmd("ZADD")];
    let stored = format!("{}|{}|{}", item.number, item.at, item.body);
    line.arg(part.lines_key(core, &item.subject)).arg(item.number).arg(stored);
    last.arg(part.subjects_key(core)).arg("GT").arg(item.number).arg(&item.subject);
    steps.extend([line, last]);
    if let Some(lasts) = key_lasts(book) {
        for key in [part.lines_key(core, &item.subject), part.subjects_key(core)] {
            let mut command = redis::cmd("PEXPIRE");
            ends.push(command.arg(key).arg(lasts.as_millis().to_string()).to_owned());
        }
    }
    Ok(())
}
