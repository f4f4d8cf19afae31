//! The audit list in a file.

use std::sync::Arc;

use async_trait::async_trait;
use rusqlite::Connection;
use switchboard_ports::audit::{AUDIT_LINES_MAX, AuditInfo, AuditLine, AuditStore};
use switchboard_ports::error::StoreError;
use switchboard_ports::page::{Page, PageRequest};

use super::sql::{all, int, run, uint};
use super::{Core, row};
use crate::stores::cursor::{self, After};
use crate::stores::records::AuditRecord;
use crate::stores::seal::Key;

/// Lines by number.
pub(super) struct Audit {
    core: Arc<Core>,
}

impl Audit {
    pub(super) fn new(core: Arc<Core>) -> Self {
        Self { core }
    }
}

/// Writes lines behind all others, in the writer's step that does what they tell of.
pub(super) fn append(connection: &Connection, key: &Key, lines: &[AuditLine]) -> Result<(), StoreError> {
    for line in lines {
        let body = row(key, "audit", "new").write(&AuditRecord::from(line))?;
        run(connection, "INSERT INTO audit (body) VALUES (?1)", [&body])?;
        let last = connection.last_insert_rowid();
        let sql = "DELETE FROM audit WHERE id <= ?1";
        run(connection, sql, [last.saturating_sub(i64::from(AUDIT_LINES_MAX))])?;
    }
    Ok(())
}

#[async_trait]
impl AuditStore for Audit {
    async fn list(&self, page: &PageRequest) -> Result<Page<AuditInfo>, StoreError> {
        let before = match cursor::after_number(page) {
            After::Start => i64::MAX,
            After::Row(number) => int(number),
            After::Nowhere => return Ok(cursor::empty()),
        };
        let (key, limit) = (Arc::clone(&self.core.key), cursor::limit(page));
        let list = move |connection: &Connection| {
            let sql = "SELECT id, body FROM audit WHERE id < ?1 ORDER BY id DESC LIMIT ?2";
            let rows = all(connection, sql, (before, limit + 1), |row| {
                Ok((uint(row.get(0)?), row.get::<_, String>(1)?))
            })?;
            let open = |(number, body): (u64, String)| {
                let id = number.to_string();
                let line = row(&key, "audit", &id).read::<AuditRecord>(&body)?.into();
                Ok((id, AuditInfo { number, line }))
            };
            Ok(cursor::page(rows.into_iter().map(open).collect::<Result<_, StoreError>>()?, limit))
        };
        self.core.readers.read(list).await
    }
}
