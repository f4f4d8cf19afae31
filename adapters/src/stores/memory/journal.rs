//! The journal in memory.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use switchboard_ports::clock::Clock;
use switchboard_ports::error::StoreError;
use switchboard_ports::journal::{
    Book, JournalInfo, JournalLine, JournalStore, LINES_AT_ONCE_MAX, SUBJECTS_LISTED_MAX,
};
use switchboard_ports::page::{Page, PageRequest};

use crate::stores::cursor::{self, After};
use crate::stores::journal::{Numbering, oldest_kept};

/// Lines by book and subject.
pub(super) struct Journal {
    clock: Arc<dyn Clock>,
    books: Mutex<BTreeMap<Book, Shelf>>,
}

/// One book.
#[derive(Default)]
struct Shelf {
    subjects: BTreeMap<String, VecDeque<JournalInfo>>,
    /// Subjects with the number of their last line.
    by_last: BTreeSet<(u64, String)>,
}

impl Shelf {
    fn forget(&mut self, subject: &str) {
        let lines = self.subjects.remove(subject);
        if let Some(last) = lines.as_ref().and_then(VecDeque::back) {
            self.by_last.remove(&(last.number, subject.to_owned()));
        }
    }

    fn last(&self, subject: &str) -> u64 {
        let lines = self.subjects.get(subject);
        lines.and_then(VecDeque::back).map_or(0, |last| last.number)
    }

    fn greatest(&self) -> u64 {
        self.by_last.last().map_or(0, |(number, _)| *number)
    }

    fn write(&mut self, number: u64, line: JournalLine) {
        let JournalLine { book, subject, at, body } = line;
        self.by_last.remove(&(self.last(&subject), subject.clone()));
        self.by_last.insert((number, subject.clone()));
        let lines = self.subjects.entry(subject).or_default();
        lines.push_back(JournalInfo { number, at, body });
        while lines.len() > book.limits().lines as usize {
            lines.pop_front();
        }
    }

    /// Forgets what is too old, and then what is too much.
    fn prune(&mut self, oldest_kept: u64, subjects_max: u32) {
        while let Some((number, subject)) = self.by_last.first().cloned()
            && (number < oldest_kept || self.subjects.len() > subjects_max as usize)
        {
            self.forget(&subject);
        }
    }
}

impl Journal {
    /// An empty one.
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, books: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Book, Shelf>> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl JournalStore for Journal {
    async fn append(&self, lines: Vec<JournalLine>) -> Result<(), StoreError> {
        let now = self.clock.now();
        let numbering = Numbering::at(now);
        let mut books = self.lock();
        for line in lines.into_iter().take(LINES_AT_ONCE_MAX) {
            let (book, limits) = (line.book, line.book.limits());
            let written = books.entry(book).or_default();
            written.prune(oldest_kept(book, now), limits.subjects);
            written.write(numbering.next(written.last(&line.subject), written.greatest()), line);
            written.prune(0, limits.subjects);
        }
        Ok(())
    }

    async fn read(
        &self,
        book: Book,
        subject: &str,
        page: &PageRequest,
    ) -> Result<Page<JournalInfo>, StoreError> {
        let before = match cursor::after_number(page) {
            After::Start => u64::MAX,
            After::Row(number) => number,
            After::Nowhere => return Ok(cursor::empty()),
        };
        let (limit, oldest) = (cursor::limit(page), oldest_kept(book, self.clock.now()));
        let books = self.lock();
        let lines = books.get(&book).filter(|shelf| shelf.last(subject) >= oldest);
        let lines = lines.and_then(|shelf| shelf.subjects.get(subject));
        let lines = lines.into_iter().flatten().rev().filter(|line| line.number < before);
        let rows = lines.take(limit as usize + 1).map(|line| (line.number.to_string(), line.clone()));
        Ok(cursor::page(rows.collect(), limit))
    }

    async fn subjects(&self, book: Book) -> Result<Vec<String>, StoreError> {
        let oldest = oldest_kept(book, self.clock.now());
        let books = self.lock();
        let subjects = books.get(&book).into_iter().flat_map(|shelf| shelf.by_last.iter().rev());
        let young = subjects.take_while(|(number, _)| *number >= oldest);
        Ok(young.take(SUBJECTS_LISTED_MAX).map(|(_, subject)| subject.clone()).collect())
    }

    async fn forget(&self, book: Book, subject: &str) -> Result<(), StoreError> {
        if let Some(shelf) = self.lock().get_mut(&book) {
            shelf.forget(subject);
        }
        Ok(())
    }
}
