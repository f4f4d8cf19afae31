//! A file store as one end of a copy (`stores/copy`), taken for this process alone.

mod give;
mod take;

pub(super) use take::COPIED_MARK;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use rusqlite::Connection;
use switchboard_domain::time::Timestamp;
use switchboard_ports::clock::Clock;
use switchboard_ports::error::StoreError;

use super::error::OpenError;
use super::opening::{self, Unfinished};
use super::ownership;
use super::presence::Presence;
use super::sql::{change, walk};
use super::{damage, restore, rotation, schema};
use crate::stores::copy::items::{Item, Mark};
use crate::stores::copy::side::{Batch, Counters, Cursor, Marker, Side};
use crate::stores::key;
use crate::stores::seal::Key;

/// Where a store remembers a copy into it.
const MARKER: &str = "copy";

/// Whether a copy into this store was begun and not finished.
pub(super) fn is_unfinished(connection: &Connection) -> rusqlite::Result<bool> {
    let sql = "SELECT count(*) FROM meta WHERE key = ?1 AND json_extract(value, '$.done') = 0";
    connection.query_row(sql, [MARKER], |row| row.get::<_, i64>(0)).map(|count| count > 0)
}

/// Opens a store to be copied from. Makes nothing and migrates nothing.
pub(in crate::stores) async fn source(
    directory: &Path,
    key_file: &Path,
    clock: Arc<dyn Clock>,
) -> Result<Arc<dyn Side>, OpenError> {
    let (at, key_file) = (directory.to_owned(), key_file.to_owned());
    opened(directory, clock, move || {
        if !at.is_dir() {
            return Err(OpenError::Missing(at));
        }
        let lock = ownership::own(&at)?;
        restore::finish(&at)?;
        let (connection, database) = opening::existing(&at)?;
        opening::newest(&connection, &database, schema::MIGRATIONS)?;
        let key = key::read(&key_file)?.ok_or_else(|| OpenError::KeyMissing(key_file.clone()))?;
        let key = rotation::right_key(&connection, &database, key, &key_file)?;
        damage::look(&connection, &database)?;
        Ok((connection, key, Presence::of(&database, Some(lock))?))
    })
    .await
}

/// Opens a store to be copied into, or makes it.
pub(in crate::stores) async fn target(
    directory: &Path,
    key_file: &Path,
    clock: Arc<dyn Clock>,
) -> Result<Arc<dyn Side>, OpenError> {
    let (at, key_file, now) = (directory.to_owned(), key_file.to_owned(), clock.now());
    opened(directory, clock, move || {
        let lock = ownership::own(&at)?;
        let opened = opening::open(&at, &key_file, schema::MIGRATIONS, now, Unfinished::Allowed)?;
        let presence = Presence::of(&opened.database, Some(lock))?;
        Ok((opened.connection, opened.key, presence))
    })
    .await
}

async fn opened(
    directory: &Path,
    clock: Arc<dyn Clock>,
    open: impl FnOnce() -> Result<(Connection, Key, Presence), OpenError> + Send + 'static,
) -> Result<Arc<dyn Side>, OpenError> {
    let stopped = |path: PathBuf| OpenError::Io { path, cause: STOPPED.to_owned() };
    let opened = tokio::task::spawn_blocking(open).await;
    let (connection, key, presence) = opened.map_err(|_| stopped(directory.to_owned()))??;
    Ok(Arc::new(FileSide { held: Arc::new(Mutex::new(Held { connection, key, presence })), clock }))
}

const STOPPED: &str = "the work was stopped";

/// What is held for as long as the copy lasts.
struct Held {
    connection: Connection,
    key: Key,
    presence: Presence,
}

struct FileSide {
    held: Arc<Mutex<Held>>,
    clock: Arc<dyn Clock>,
}

impl FileSide {
    /// Works on a thread where waiting for the disk holds up nobody.
    async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Held) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let held = Arc::clone(&self.held);
        let working = tokio::task::spawn_blocking(move || {
            let held = held.lock().unwrap_or_else(PoisonError::into_inner);
            let worked = work(&held)?;
            // What was written into a file that nobody finds again was not copied.
            match held.presence.look() {
                Some(absent) => Err(StoreError::Unavailable(absent.to_string())),
                None => Ok(worked),
            }
        });
        working.await.map_err(|_| StoreError::Unavailable(STOPPED.to_owned()))?
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

#[async_trait]
impl Side for FileSide {
    async fn live(&self) -> Result<usize, StoreError> {
        // The directory is ours.
        Ok(0)
    }

    async fn counters(&self) -> Result<Counters, StoreError> {
        self.with(|held| give::counters(&held.connection)).await
    }

    async fn raise(&self, counters: &Counters) -> Result<(), StoreError> {
        let counters = counters.clone();
        self.with(move |held| take::within(&held.connection, |at| take::counters(at, &counters))).await
    }

    async fn give(&self, after: &Cursor) -> Result<Batch<Item>, StoreError> {
        let after = after.clone();
        self.with(move |held| give::rows(&held.connection, &after)).await
    }

    async fn take(&self, rows: Vec<Item>, marker: &Marker) -> Result<(), StoreError> {
        let marker = serde_json::to_string(marker)
            .map_err(|_| StoreError::Corrupt("the mark of a copy cannot be written".to_owned()))?;
        self.with(move |held| {
            take::within(&held.connection, |at| {
                let mut lines = take::Lines::default();
                rows.iter().try_for_each(|item| take::row(at, &held.key, &mut lines, item))?;
                let sql = "INSERT INTO meta (key, value) VALUES (?1, ?2)
                           ON CONFLICT (key) DO UPDATE SET value = excluded.value";
                change(at, sql, (MARKER, marker)).map(drop)
            })
        })
        .await
    }

    async fn give_marks(&self, after: &Cursor) -> Result<Batch<Mark>, StoreError> {
        let (after, now) = (after.clone(), self.now());
        self.with(move |held| give::marks(&held.connection, &after, now)).await
    }

    async fn take_marks(&self, marks: Vec<Mark>) -> Result<(), StoreError> {
        self.with(move |held| take::within(&held.connection, |at| take::marks(at, &marks))).await
    }

    async fn missing(&self, marks: Vec<Mark>) -> Result<usize, StoreError> {
        self.with(move |held| take::missing(&held.connection, &marks)).await
    }

    async fn marker(&self) -> Result<Option<Marker>, StoreError> {
        let found = self.with(|held| {
            walk(&held.connection, "SELECT value FROM meta WHERE key = ?1", [MARKER], |row| {
                row.get::<_, String>(0)
            })
        });
        let found = found.await?.into_iter().next();
        let marker = found.map(|text| serde_json::from_str(&text)).transpose();
        marker.map_err(|_| StoreError::Corrupt("the mark of a copy cannot be read".to_owned()))
    }
}
