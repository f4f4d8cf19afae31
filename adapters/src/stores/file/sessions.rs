//! Sessions of the panel that were ended early: rows of `meta`, because that is what a store knows of itself and not of its
//! contents. A copy into another store leaves them behind, and the key that sealed sessions may be another one there.

use std::sync::Arc;

use async_trait::async_trait;
use rusqlite::Connection;
use switchboard_domain::time::Timestamp;
use switchboard_ports::error::StoreError;
use switchboard_ports::sessions::{ENDED_MAX, SessionStore};

use super::Core;
use super::sql::{first, int, run};
use super::writer::Step;
use crate::stores::sealed_session;

/// What the rows' keys begin with.
const BEGINNING: &str = "ended_session:";

/// The least key that does not begin so any more.
const AFTER: &str = "ended_session;";

/// Sessions.
pub(super) struct Sessions {
    core: Arc<Core>,
}

impl Sessions {
    pub(super) fn new(core: Arc<Core>) -> Self {
        Self { core }
    }
}

#[async_trait]
impl SessionStore for Sessions {
    fn seal(&self, clear: &str) -> Result<String, StoreError> {
        sealed_session::seal(&self.core.key, clear)
    }

    fn open(&self, sealed: &str) -> Option<String> {
        sealed_session::open(&self.core.key, sealed)
    }

    async fn end(&self, name: &str, until: Timestamp) -> Result<(), StoreError> {
        let (key, until) = (format!("{BEGINNING}{name}"), int(until.as_millis()));
        let end = move |step: &mut Step<'_>| {
            let over = "DELETE FROM meta WHERE key >= ?1 AND key < ?2 AND CAST(value AS INTEGER) <= ?3";
            run(step.connection, over, (BEGINNING, AFTER, int(step.now.as_millis())))?;
            let sql = "INSERT INTO meta (key, value) VALUES (?1, ?2)
                       ON CONFLICT (key) DO UPDATE SET value = excluded.value";
            run(step.connection, sql, (key, until.to_string()))?;
            let sql = "SELECT count(*) FROM meta WHERE key >= ?1 AND key < ?2";
            let ended = first(step.connection, sql, (BEGINNING, AFTER), |row| row.get::<_, i64>(0))?;
            if ended.unwrap_or_default() > i64::try_from(ENDED_MAX).unwrap_or(i64::MAX) {
                let sql = "DELETE FROM meta WHERE key = (SELECT key FROM meta WHERE key >= ?1 AND key < ?2
                           ORDER BY CAST(value AS INTEGER) LIMIT 1)";
                run(step.connection, sql, (BEGINNING, AFTER))?;
            }
            Ok(())
        };
        self.core.writer.submit(end).await
    }

    async fn is_ended(&self, name: &str) -> Result<bool, StoreError> {
        let key = format!("{BEGINNING}{name}");
        let read = move |connection: &Connection| {
            let found = first(connection, "SELECT 1 FROM meta WHERE key = ?1", [key], |_| Ok(()))?;
            Ok(found.is_some())
        };
        self.core.readers.read(read).await
    }
}
