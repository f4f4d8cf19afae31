//! A journal that can be away.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use switchboard_ports::error::StoreError;
use switchboard_ports::journal::{Book, JournalInfo, JournalLine, JournalStore};
use switchboard_ports::page::{Page, PageRequest};

/// The decorator.
pub struct AwayJournal {
    inner: Arc<dyn JournalStore>,
    away: AtomicBool,
}

impl AwayJournal {
    /// Around a journal that is there.
    pub fn new(inner: Arc<dyn JournalStore>) -> Self {
        Self { inner, away: AtomicBool::new(false) }
    }

    /// Whether it is away from now on.
    pub fn away(&self, away: bool) {
        self.away.store(away, Ordering::SeqCst);
    }

    fn there(&self) -> Result<&dyn JournalStore, StoreError> {
        if self.away.load(Ordering::SeqCst) {
            return Err(StoreError::Unavailable("the journal is away".to_owned()));
        }
        Ok(&*self.inner)
    }
}

#[async_trait]
impl JournalStore for AwayJournal {
    async fn append(&self, lines: Vec<JournalLine>) -> Result<(), StoreError> {
        self.there()?.append(lines).await
    }

    async fn read(
        &self,
        book: Book,
        subject: &str,
        page: &PageRequest,
    ) -> Result<Page<JournalInfo>, StoreError> {
        self.there()?.read(book, subject, page).await
    }

    async fn subjects(&self, book: Book) -> Result<Vec<String>, StoreError> {
        self.there()?.subjects(book).await
    }

    async fn forget(&self, book: Book, subject: &str) -> Result<(), StoreError> {
        self.there()?.forget(book, subject).await
    }
}
