//! The journal: small records of what happened, for people to read. Nothing that the program decides depends on them.
//!
//! A line belongs to a [`Book`] and in it to a subject (a channel, a message, a replica). Each book is bounded in lines of a
//! subject, in subjects and in time, so that it can be written to without thought. Lines hold neither secrets nor what
//! people said: stores keep them as they are.

use std::time::Duration;

use async_trait::async_trait;
use switchboard_domain::time::Timestamp;

use crate::error::StoreError;
use crate::page::{Page, PageRequest};

/// Lines of one call at most; more is the caller's mistake, and the call's rest is not written.
pub const LINES_AT_ONCE_MAX: usize = 512;

/// Longest line in bytes.
pub const LINE_BYTES_MAX: usize = 1024 * 1024;

/// Subjects that one call lists at most.
pub const SUBJECTS_LISTED_MAX: usize = 1_000;

/// What happened, in bounded books.
#[async_trait]
pub trait JournalStore: Send + Sync {
    /// Writes lines, those of one subject in the order given. Not one step over several subjects. After an error, or where
    /// the future was dropped, any part may have been written: whoever repeats it may write lines twice.
    async fn append(&self, lines: Vec<JournalLine>) -> Result<(), StoreError>;

    /// The lines of a subject, the newest first.
    async fn read(
        &self,
        book: Book,
        subject: &str,
        page: &PageRequest,
    ) -> Result<Page<JournalInfo>, StoreError>;

    /// The subjects of a book that were last written to, the newest first; [`SUBJECTS_LISTED_MAX`] at most.
    async fn subjects(&self, book: Book) -> Result<Vec<String>, StoreError>;

    /// Forgets all lines of a subject. Repeatable.
    async fn forget(&self, book: Book, subject: &str) -> Result<(), StoreError>;
}

/// What is written about one subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalLine {
    /// The book.
    pub book: Book,
    /// Whom or what it is about; 1 to 300 bytes.
    pub subject: String,
    /// When it happened.
    pub at: Timestamp,
    /// What happened: a JSON document of the book's own shape, [`LINE_BYTES_MAX`] at most.
    pub body: String,
}

/// A line as it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalInfo {
    /// Its number: lines of a subject that were written later have greater ones.
    pub number: u64,
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub body: String,
}

/// The books.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Book {
    /// Versions of a channel's or agent's settings, by its id: who made which, and what it holds.
    Versions,
    /// A version about to be written, by the resource's id: what tells its author where the process ends in between.
    Intents,
    /// All changes of settings in one list, under [`EVERYTHING`].
    Changes,
    /// What people did through the API and the panel besides that, under [`EVERYTHING`].
    Acts,
    /// States that a channel was in on any replica, by the channel's id.
    States,
    /// What became of a message, by the message's id.
    Timelines,
    /// Log lines of a channel, by its id.
    Logs,
    /// Counts and measures of a replica, by its id: a minute each.
    Minutes,
    /// The same in quarters of an hour.
    Quarters,
}

/// The subject of books with only one.
pub const EVERYTHING: &str = "all";

/// What a book keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BookLimits {
    /// Lines of one subject; the oldest go.
    pub lines: u32,
    /// Subjects; those that were written to longest ago go.
    pub subjects: u32,
    /// How long a subject is kept after its last line.
    pub kept: Duration,
}

const DAY: Duration = Duration::from_hours(24);

impl Book {
    /// All books.
    pub const ALL: [Self; 9] = [
        Self::Versions,
        Self::Intents,
        Self::Changes,
        Self::Acts,
        Self::States,
        Self::Timelines,
        Self::Logs,
        Self::Minutes,
        Self::Quarters,
    ];

    /// Its stable name in stores.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Versions => "versions",
            Self::Intents => "intents",
            Self::Changes => "changes",
            Self::Acts => "acts",
            Self::States => "states",
            Self::Timelines => "timelines",
            Self::Logs => "logs",
            Self::Minutes => "minutes",
            Self::Quarters => "quarters",
        }
    }

    /// What it keeps. What is only replaced by newer lines is kept for [`FOREVER`].
    #[must_use]
    pub const fn limits(self) -> BookLimits {
        let (lines, subjects, kept) = match self {
            Self::Versions => (200, 10_000, FOREVER),
            Self::Intents => (1, 10_000, DAY),
            Self::Changes | Self::Acts => (10_000, 1, FOREVER),
            Self::States => (1_000, 5_000, DAY.saturating_mul(30)),
            Self::Timelines => (64, 100_000, DAY.saturating_mul(7)),
            Self::Logs => (500, 1_000, DAY.saturating_mul(7)),
            Self::Minutes => (120, 200, DAY),
            Self::Quarters => (200, 200, DAY.saturating_mul(3)),
        };
        BookLimits { lines, subjects, kept }
    }
}

/// A hundred years.
pub const FOREVER: Duration = DAY.saturating_mul(36_500);
