//! API tokens in memory.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use switchboard_ports::error::StoreError;
use switchboard_ports::tokens::{Token, TokenStore};

/// Tokens by name. There are few, so a hash is looked for one by one.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    rows: Mutex<BTreeMap<String, Token>>,
}

impl Tokens {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Token>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl TokenStore for Tokens {
    async fn list(&self) -> Result<Vec<Token>, StoreError> {
        Ok(self.lock().values().cloned().collect())
    }

    async fn by_hash(&self, hash: &[u8; 32]) -> Result<Option<Token>, StoreError> {
        Ok(self.lock().values().find(|token| token.hash == *hash).cloned())
    }

    async fn insert(&self, token: &Token) -> Result<(), StoreError> {
        let mut rows = self.lock();
        if rows.contains_key(&token.name) {
            return Err(StoreError::Duplicate("name"));
        }
        rows.insert(token.name.clone(), token.clone());
        Ok(())
    }

    async fn revoke(&self, name: &str) -> Result<bool, StoreError> {
        Ok(self.lock().remove(name).is_some())
    }
}
