//! Channels and agents in a file: records with a unique name and a version.

use std::marker::PhantomData;
use std::sync::Arc;

use async_trait::async_trait;
use rusqlite::Connection;
use switchboard_domain::ids::{AgentId, ChannelId, Version};
use switchboard_ports::agents::{AgentConfig, AgentStore};
use switchboard_ports::channels::{Channel, ChannelStore};
use switchboard_ports::error::StoreError;

use super::sql::{all, first, int, run, uint};
use super::writer::Step;
use super::{Core, folded, row};
use crate::stores::registered::Registered;
use crate::stores::seal::Key;

/// One table of records.
pub(super) struct Registry<T> {
    core: Arc<Core>,
    of: PhantomData<T>,
}

/// A record ready to be written.
struct Prepared {
    id: String,
    name: String,
    body: String,
}

impl<T> Registry<T> {
    pub(super) fn new(core: Arc<Core>) -> Self {
        Self { core, of: PhantomData }
    }
}

impl<T: Registered> Registry<T> {
    /// Counts a change; one of unknown fate may be one.
    fn changed<R>(&self, result: Result<R, StoreError>) -> Result<R, StoreError> {
        self.core.revision.changed();
        result
    }

    async fn all(&self) -> Result<Vec<T>, StoreError> {
        let key = Arc::clone(&self.core.key);
        let read = move |connection: &Connection| {
            let sql = format!("SELECT id, version, body FROM {} ORDER BY name LIMIT ?1", T::TABLE);
            // Twice what is allowed: the application's count of them may lag behind.
            let limit = i64::try_from(2 * T::ROWS_MAX).unwrap_or(i64::MAX);
            let rows = all(connection, &sql, [limit], columns)?;
            rows.into_iter().map(|columns| open(&key, columns)).collect()
        };
        self.core.readers.read(read).await
    }

    async fn one(&self, id: &str) -> Result<Option<T>, StoreError> {
        let (key, id) = (Arc::clone(&self.core.key), id.to_owned());
        let read = move |connection: &Connection| {
            let sql = format!("SELECT id, version, body FROM {} WHERE id = ?1", T::TABLE);
            let found = first(connection, &sql, [id], columns)?;
            found.map(|columns| open(&key, columns)).transpose()
        };
        self.core.readers.read(read).await
    }

    fn prepare(&self, record: &T) -> Result<Prepared, StoreError> {
        self.core.owns()?;
        Ok(Prepared {
            id: record.id().to_owned(),
            name: folded(record.name()),
            body: record.write(&row(&self.core.key, T::TABLE, record.id()))?,
        })
    }

    async fn add(&self, record: &T) -> Result<(), StoreError> {
        let prepared = self.prepare(record)?;
        let version = record.version();
        let insert = move |step: &mut Step<'_>| {
            if version_of::<T>(step.connection, &prepared.id)?.is_some() {
                return Err(StoreError::Duplicate("id"));
            }
            name_is_free::<T>(step.connection, &prepared)?;
            let sql = format!("INSERT INTO {} (id, name, version, body) VALUES (?1, ?2, ?3, ?4)", T::TABLE);
            let params = (prepared.id, prepared.name, int(version.0), prepared.body);
            run(step.connection, &sql, params)?;
            Ok(())
        };
        self.changed(self.core.writer.submit(insert).await)
    }

    async fn replace(&self, record: &T, expected: Version) -> Result<Version, StoreError> {
        let prepared = self.prepare(record)?;
        let replace = move |step: &mut Step<'_>| {
            if version_of::<T>(step.connection, &prepared.id)? != Some(expected) {
                return Err(StoreError::Conflict);
            }
            name_is_free::<T>(step.connection, &prepared)?;
            let version = expected.next();
            let sql = format!("UPDATE {} SET name = ?2, version = ?3, body = ?4 WHERE id = ?1", T::TABLE);
            run(step.connection, &sql, (prepared.id, prepared.name, int(version.0), prepared.body))?;
            Ok(version)
        };
        self.changed(self.core.writer.submit(replace).await)
    }

    async fn remove(&self, id: &str) -> Result<bool, StoreError> {
        self.core.owns()?;
        let id = id.to_owned();
        let delete = move |step: &mut Step<'_>| {
            let sql = format!("DELETE FROM {} WHERE id = ?1", T::TABLE);
            Ok(run(step.connection, &sql, [id])? > 0)
        };
        self.changed(self.core.writer.submit(delete).await)
    }
}

pub(super) type Columns = (String, Version, String);

pub(super) fn columns(row: &rusqlite::Row<'_>) -> rusqlite::Result<Columns> {
    Ok((row.get(0)?, Version(uint(row.get(1)?)), row.get(2)?))
}

fn open<T: Registered>(key: &Key, (id, version, body): Columns) -> Result<T, StoreError> {
    T::read(&body, version, &row(key, T::TABLE, &id))
}

fn version_of<T: Registered>(connection: &Connection, id: &str) -> Result<Option<Version>, StoreError> {
    let sql = format!("SELECT version FROM {} WHERE id = ?1", T::TABLE);
    first(connection, &sql, [id], |row| Ok(Version(uint(row.get(0)?))))
}

/// Unless it is the record's own.
fn name_is_free<T: Registered>(connection: &Connection, prepared: &Prepared) -> Result<(), StoreError> {
    let sql = format!("SELECT 1 FROM {} WHERE name = ?1 AND id <> ?2", T::TABLE);
    let taken = first(connection, &sql, [&prepared.name, &prepared.id], |_| Ok(()))?;
    taken.map_or(Ok(()), |()| Err(StoreError::Duplicate("name")))
}

/// The port's methods are the registry's.
macro_rules! registry {
    ($port:ident, $row:ident, $id:ident) => {
        #[async_trait]
        impl $port for Registry<$row> {
            async fn list(&self) -> Result<Vec<$row>, StoreError> {
                self.all().await
            }

            async fn find(&self, id: &$id) -> Result<Option<$row>, StoreError> {
                self.one(id.as_str()).await
            }

            async fn insert(&self, row: &$row) -> Result<(), StoreError> {
                self.add(row).await
            }

            async fn update(&self, row: &$row, expected: Version) -> Result<Version, StoreError> {
                self.replace(row, expected).await
            }

            async fn delete(&self, id: &$id) -> Result<bool, StoreError> {
                self.remove(id.as_str()).await
            }
        }
    };
}

registry!(ChannelStore, Channel, ChannelId);
registry!(AgentStore, AgentConfig, AgentId);
