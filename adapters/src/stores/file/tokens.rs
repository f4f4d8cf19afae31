//! API tokens in a file.

use std::sync::Arc;

use async_trait::async_trait;
use rusqlite::Connection;
use switchboard_ports::error::StoreError;
use switchboard_ports::tokens::{TOKENS_MAX, Token, TokenStore};

use super::sql::{all, first, run};
use super::writer::Step;
use super::{Core, row};
use crate::stores::records::TokenRecord;
use crate::stores::seal::Key;

/// API tokens, by hash only.
pub(super) struct Tokens {
    core: Arc<Core>,
}

impl Tokens {
    pub(super) fn new(core: Arc<Core>) -> Self {
        Self { core }
    }
}

#[async_trait]
impl TokenStore for Tokens {
    async fn list(&self) -> Result<Vec<Token>, StoreError> {
        let key = Arc::clone(&self.core.key);
        let read = move |connection: &Connection| {
            let sql = "SELECT id, name, hash, body FROM tokens ORDER BY name LIMIT ?1";
            // Twice what is allowed: the application's count of them may lag behind.
            let rows = all(connection, sql, [i64::try_from(2 * TOKENS_MAX).unwrap_or(i64::MAX)], columns)?;
            rows.into_iter().map(|columns| open(&key, columns)).collect()
        };
        self.core.readers.read(read).await
    }

    async fn by_hash(&self, hash: &[u8; 32]) -> Result<Option<Token>, StoreError> {
        let (key, hash) = (Arc::clone(&self.core.key), *hash);
        let read = move |connection: &Connection| {
            let sql = "SELECT id, name, hash, body FROM tokens WHERE hash = ?1";
            let found = first(connection, sql, [hash], columns)?;
            found.map(|columns| open(&key, columns)).transpose()
        };
        self.core.readers.read(read).await
    }

    async fn insert(&self, token: &Token) -> Result<(), StoreError> {
        let body = row(&self.core.key, "tokens", &token.id).write(&TokenRecord::from(token))?;
        let token = token.clone();
        let insert = move |step: &mut Step<'_>| {
            let same_name = "SELECT 1 FROM tokens WHERE name = ?1";
            if first(step.connection, same_name, [&token.name], |_| Ok(()))?.is_some() {
                return Err(StoreError::Duplicate("name"));
            }
            let sql = "INSERT INTO tokens (id, name, hash, body) VALUES (?1, ?2, ?3, ?4)";
            run(step.connection, sql, (token.id, token.name, token.hash, body))?;
            Ok(())
        };
        self.core.writer.submit(insert).await
    }

    async fn revoke(&self, name: &str) -> Result<bool, StoreError> {
        let name = name.to_owned();
        let revoke = move |step: &mut Step<'_>| {
            Ok(run(step.connection, "DELETE FROM tokens WHERE name = ?1", [name])? > 0)
        };
        self.core.writer.submit(revoke).await
    }
}

type Columns = (String, String, [u8; 32], String);

fn columns(row: &rusqlite::Row<'_>) -> rusqlite::Result<Columns> {
    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
}

fn open(key: &Key, (id, name, hash, body): Columns) -> Result<Token, StoreError> {
    let row = row(key, "tokens", &id);
    Ok(row.read::<TokenRecord>(&body)?.open(name, hash, &row))
}
