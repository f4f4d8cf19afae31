//! API tokens in Redis, by hash only: a table whose ids are the tokens' names and whose unique names are their hashes.

use std::sync::Arc;

use async_trait::async_trait;
use switchboard_ports::error::StoreError;
use switchboard_ports::tokens::{Token, TokenStore};

use super::Core;
use super::keys::digits;
use super::registry::{Entered, Stored, all, enter, one, remove};
use crate::stores::hashed::bytes;
use crate::stores::records::TokenRecord;

const TABLE: &str = "tokens";

/// API tokens, by hash only.
pub(super) struct Tokens {
    core: Arc<Core>,
}

impl Tokens {
    pub(super) fn new(core: Arc<Core>) -> Self {
        Self { core }
    }

    fn open(&self, name: &str, (id, hash, body): &Stored) -> Result<Token, StoreError> {
        let row = self.core.row(TABLE, id);
        let hash = bytes(hash).ok_or_else(|| row.corrupt("hash"))?;
        Ok(row.read::<TokenRecord>(body)?.open(name.to_owned(), hash, &row))
    }
}

#[async_trait]
impl TokenStore for Tokens {
    async fn list(&self) -> Result<Vec<Token>, StoreError> {
        let mut rows = all(&self.core, TABLE).await?;
        rows.sort();
        rows.iter().map(|(name, stored)| self.open(name, stored)).collect()
    }

    async fn by_hash(&self, hash: &[u8; 32]) -> Result<Option<Token>, StoreError> {
        let mut command = redis::cmd("HGET");
        command.arg(self.core.keys.shared("config", format_args!("{TABLE}:names"))).arg(digits(hash.iter()));
        let Some(name) = self.core.connection.ask::<Option<String>>(&command).await? else {
            return Ok(None);
        };
        let Some(stored) = one(&self.core, TABLE, &name).await? else { return Ok(None) };
        // Revoked and made anew in between, it is another one.
        Ok(Some(self.open(&name, &stored)?).filter(|token| token.hash == *hash))
    }

    async fn insert(&self, token: &Token) -> Result<(), StoreError> {
        let body = self.core.row(TABLE, &token.id).write(&TokenRecord::from(token))?;
        let row = (token.id.as_str(), digits(token.hash.iter()), body);
        let row = (row.0, row.1.as_str(), row.2.as_str());
        match enter(&self.core, TABLE, &token.name, None, row).await? {
            Entered::Done => Ok(()),
            Entered::SameId | Entered::SameName | Entered::Conflict => Err(StoreError::Duplicate("name")),
        }
    }

    async fn revoke(&self, name: &str) -> Result<bool, StoreError> {
        remove(&self.core, TABLE, name).await
    }
}
