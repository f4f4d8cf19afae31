//! The journal in a file: a call's lines are one step of the writer, and what is too much or too old goes with later ones.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use rusqlite::Connection;
use switchboard_domain::time::Timestamp;
use switchboard_ports::error::StoreError;
use switchboard_ports::journal::{
    Book, JournalInfo, JournalLine, JournalStore, LINES_AT_ONCE_MAX, SUBJECTS_LISTED_MAX,
};
use switchboard_ports::page::{Page, PageRequest};

use super::Core;
use super::sql::{all, first, int, run, uint};
use super::writer::Step;
use crate::stores::PURGE_ROWS_MAX;
use crate::stores::cursor::{self, After};
use crate::stores::journal::{Numbering, oldest_kept};

/// Lines by book and subject. Nothing in them is sealed.
pub(super) struct Journal {
    core: Arc<Core>,
}

impl Journal {
    pub(super) fn new(core: Arc<Core>) -> Self {
        Self { core }
    }
}

#[async_trait]
impl JournalStore for Journal {
    async fn append(&self, lines: Vec<JournalLine>) -> Result<(), StoreError> {
        if lines.is_empty() {
            return Ok(());
        }
        self.core.writer.submit(move |step| append(step, &lines)).await
    }

    async fn read(
        &self,
        book: Book,
        subject: &str,
        page: &PageRequest,
    ) -> Result<Page<JournalInfo>, StoreError> {
        let before = match cursor::after_number(page) {
            After::Start => i64::MAX,
            After::Row(number) => int(number),
            After::Nowhere => return Ok(cursor::empty()),
        };
        let (subject, limit) = (subject.to_owned(), cursor::limit(page));
        let oldest = int(oldest_kept(book, self.core.clock.now()));
        let read = move |connection: &Connection| {
            let sql = "SELECT number, at, body FROM journal_lines
                       WHERE num = (SELECT num FROM journal_subjects WHERE book = ?1 AND subject = ?2 AND last >= ?3)
                       AND number < ?4 ORDER BY number DESC LIMIT ?5";
            let rows = all(connection, sql, (book.name(), subject, oldest, before, limit + 1), |row| {
                let number = uint(row.get(0)?);
                let at = Timestamp::from_millis(uint(row.get(1)?));
                Ok((number.to_string(), JournalInfo { number, at, body: row.get(2)? }))
            })?;
            Ok(cursor::page(rows, limit))
        };
        self.core.readers.read(read).await
    }

    async fn subjects(&self, book: Book) -> Result<Vec<String>, StoreError> {
        let oldest = int(oldest_kept(book, self.core.clock.now()));
        let limit = i64::try_from(SUBJECTS_LISTED_MAX).unwrap_or(i64::MAX);
        let read = move |connection: &Connection| {
            let sql = "SELECT subject FROM journal_subjects WHERE book = ?1 AND last >= ?2
                       ORDER BY last DESC, subject DESC LIMIT ?3";
            all(connection, sql, (book.name(), oldest, limit), |row| row.get(0))
        };
        self.core.readers.read(read).await
    }

    async fn forget(&self, book: Book, subject: &str) -> Result<(), StoreError> {
        let subject = subject.to_owned();
        let forget = move |step: &mut Step<'_>| match known(step.connection, book, &subject)? {
            Some(known) => drop_subject(step.connection, book, known.num).map(drop),
            None => Ok(()),
        };
        self.core.writer.submit(forget).await
    }
}

/// A subject that has lines.
struct Known {
    num: i64,
    last: u64,
    lines: u32,
}

fn known(connection: &Connection, book: Book, subject: &str) -> Result<Option<Known>, StoreError> {
    let sql = "SELECT num, last, lines FROM journal_subjects WHERE book = ?1 AND subject = ?2";
    let read =
        |row: &rusqlite::Row<'_>| Ok(Known { num: row.get(0)?, last: uint(row.get(1)?), lines: row.get(2)? });
    first(connection, sql, (book.name(), subject), read)
}

fn append(step: &Step<'_>, lines: &[JournalLine]) -> Result<(), StoreError> {
    let numbering = Numbering::at(step.now);
    // The greatest number of each book that is written to.
    let mut greatest = BTreeMap::new();
    for line in lines.iter().take(LINES_AT_ONCE_MAX) {
        let others = match greatest.get(&line.book) {
            Some(number) => *number,
            None => last_of(step.connection, line.book)?,
        };
        greatest.insert(line.book, others.max(write(step, line, numbering, others)?));
    }
    let mut rows_left = PURGE_ROWS_MAX as usize;
    for book in greatest.into_keys() {
        rows_left = prune(step, book, rows_left)?;
    }
    Ok(())
}

fn last_of(connection: &Connection, book: Book) -> Result<u64, StoreError> {
    let sql = "SELECT last FROM journal_subjects WHERE book = ?1 ORDER BY last DESC, subject DESC LIMIT 1";
    let last = first(connection, sql, [book.name()], |row| row.get::<_, i64>(0))?;
    Ok(last.map_or(0, uint))
}

/// Writes a line, and forgets the oldest of its subject where there are too many; answers its number.
fn write(step: &Step<'_>, line: &JournalLine, numbering: Numbering, others: u64) -> Result<u64, StoreError> {
    let (connection, book) = (step.connection, line.book);
    let mut known = known(connection, book, &line.subject)?;
    if let Some(old) = known.take_if(|known| known.last < oldest_kept(book, step.now)) {
        drop_subject(connection, book, old.num)?;
    }
    let number = numbering.next(known.as_ref().map_or(0, |known| known.last), others);
    let (num, lines) = match known {
        Some(known) => (known.num, known.lines),
        None => (add_subject(connection, book.name(), &line.subject)?, 0),
    };
    let over = lines.saturating_add(1).saturating_sub(book.limits().lines);
    let gone = if over > 0 {
        let sql = "DELETE FROM journal_lines WHERE num = ?1 AND number IN
                   (SELECT number FROM journal_lines WHERE num = ?1 ORDER BY number LIMIT ?2)";
        u32::try_from(run(connection, sql, (num, over))?).unwrap_or(u32::MAX)
    } else {
        0
    };
    let sql = "UPDATE journal_subjects SET last = ?2, lines = ?3 WHERE num = ?1";
    run(connection, sql, (num, int(number), lines.saturating_add(1).saturating_sub(gone)))?;
    let sql = "INSERT INTO journal_lines (num, number, at, body) VALUES (?1, ?2, ?3, ?4)";
    run(connection, sql, (num, int(number), int(line.at.as_millis()), &line.body))?;
    Ok(number)
}

/// Makes a subject, without lines yet; answers its row.
pub(super) fn add_subject(connection: &Connection, book: &str, subject: &str) -> Result<i64, StoreError> {
    let sql = "INSERT INTO journal_subjects (book, subject, last, lines) VALUES (?1, ?2, 0, 0)";
    run(connection, sql, (book, subject))?;
    let num = connection.last_insert_rowid();
    let sql = "INSERT INTO journal_books (book, subjects) VALUES (?1, 1)
               ON CONFLICT (book) DO UPDATE SET subjects = subjects + 1";
    run(connection, sql, [book])?;
    Ok(num)
}

/// Forgets a subject; answers how many rows went.
fn drop_subject(connection: &Connection, book: Book, num: i64) -> Result<usize, StoreError> {
    let lines = run(connection, "DELETE FROM journal_lines WHERE num = ?1", [num])?;
    let gone = run(connection, "DELETE FROM journal_subjects WHERE num = ?1", [num])?;
    run(connection, "UPDATE journal_books SET subjects = subjects - 1 WHERE book = ?1", [book.name()])?;
    Ok(lines + gone)
}

/// Forgets subjects that are too many or too old, until so many rows are gone, about; answers how many of these are left. What
/// is over goes with the next lines.
fn prune(step: &Step<'_>, book: Book, mut rows_left: usize) -> Result<usize, StoreError> {
    let (connection, oldest) = (step.connection, oldest_kept(book, step.now));
    let count = "SELECT subjects FROM journal_books WHERE book = ?1";
    let count = first(connection, count, [book.name()], |row| row.get::<_, i64>(0))?;
    let mut over = count.unwrap_or_default() - i64::from(book.limits().subjects);
    while rows_left > 0 {
        let sql = "SELECT num, last FROM journal_subjects WHERE book = ?1 ORDER BY last, subject LIMIT 1";
        let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, uint(row.get(1)?)));
        let Some((num, last)) = first(connection, sql, [book.name()], read)? else { break };
        if over <= 0 && last >= oldest {
            break;
        }
        rows_left = rows_left.saturating_sub(drop_subject(connection, book, num)?);
        over -= 1;
    }
    Ok(rows_left)
}
