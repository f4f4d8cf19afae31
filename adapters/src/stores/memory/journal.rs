//! The journal in memory.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use switchboard_domain::time::Timestamp;
use switchboard_ports::clock::Clock;
use switchboard_ports::error::StoreError;
use switchboard_ports::journal::{
    Book, JournalInfo, JournalLine, JournalStore, LINES_AT_ONCE_MAX, SUBJECTS_LISTED_MAX,
};
use switchboard_ports::page::{Page, PageRequest};

use crate::stores::cursor::{self, After};

/// Lines by book and subject.
pub(in crate::stores) struct Journal {
    clock: Arc<dyn Clock>,
    written: Mutex<Written>,
}

#[derive(Default)]
struct Written {
    last: u64,
    books: BTreeMap<Book, Shelf>,
}

/// One book.
#[derive(Default)]
struct Shelf {
    subjects: BTreeMap<String, VecDeque<JournalInfo>>,
    /// Subjects by the number of their last line.
    by_last: BTreeMap<u64, String>,
}

impl Shelf {
    fn forget(&mut self, subject: &str) {
        let lines = self.subjects.remove(subject);
        if let Some(last) = lines.as_ref().and_then(VecDeque::back) {
            self.by_last.remove(&last.number);
        }
    }

    fn write(&mut self, book: Book, subject: String, line: JournalInfo, now: Timestamp) {
        let limits = book.limits();
        let lines = self.subjects.entry(subject.clone()).or_default();
        if let Some(last) = lines.back() {
            self.by_last.remove(&last.number);
        }
        self.by_last.insert(line.number, subject);
        lines.push_back(line);
        while lines.len() > limits.lines as usize {
            lines.pop_front();
        }
        while let Some(oldest) = self
            .oldest()
            .filter(|(_, at)| self.subjects.len() > limits.subjects as usize || at.after(limits.kept) <= now)
        {
            self.forget(&oldest.0);
        }
    }

    fn oldest(&self) -> Option<(String, Timestamp)> {
        let (_, subject) = self.by_last.first_key_value()?;
        let at = self.subjects.get(subject)?.back()?.at;
        Some((subject.clone(), at))
    }
}

impl Journal {
    /// An empty one.
    pub(in crate::stores) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, written: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Written> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl JournalStore for Journal {
    async fn append(&self, lines: Vec<JournalLine>) -> Result<(), StoreError> {
        let now = self.clock.now();
        let mut written = self.lock();
        for line in lines.into_iter().take(LINES_AT_ONCE_MAX) {
            written.last = written.last.saturating_add(1);
            let info = JournalInfo { number: written.last, at: line.at, body: line.body };
            written.books.entry(line.book).or_default().write(line.book, line.subject, info, now);
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
        let limit = cursor::limit(page);
        let written = self.lock();
        let lines = written.books.get(&book).and_then(|shelf| shelf.subjects.get(subject));
        let lines = lines.into_iter().flatten().rev().filter(|line| line.number < before);
        let rows = lines.take(limit as usize + 1).map(|line| (line.number.to_string(), line.clone()));
        Ok(cursor::page(rows.collect(), limit))
    }

    async fn subjects(&self, book: Book) -> Result<Vec<String>, StoreError> {
        let written = self.lock();
        let subjects = written.books.get(&book).into_iter().flat_map(|shelf| shelf.by_last.values().rev());
        Ok(subjects.take(SUBJECTS_LISTED_MAX).cloned().collect())
    }

    async fn forget(&self, book: Book, subject: &str) -> Result<(), StoreError> {
        if let Some(shelf) = self.lock().books.get_mut(&book) {
            shelf.forget(subject);
        }
        Ok(())
    }
}
