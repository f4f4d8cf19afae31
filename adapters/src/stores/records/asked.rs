//! The record of the directories that a channel asks.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use switchboard_ports::directory::{Directories, DirectorySettings};
use switchboard_ports::error::StoreError;

use super::channel::{open_all, seal_all};
use super::{Row, millis};

/// All of them.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct DirectoriesRecord {
    chain: Vec<DirectoryRecord>,
    cache_ttl_ms: u64,
    miss_ttl_ms: u64,
}

#[derive(Debug, Serialize, Deserialize)]
struct DirectoryRecord {
    name: String,
    kind: String,
    config: Value,
    secrets_sealed: BTreeMap<String, String>,
}

impl DirectoriesRecord {
    /// Seals them for their channel's row; nothing where they are as ever.
    pub(super) fn seal(from: &Directories, row: &Row<'_>) -> Result<Option<Self>, StoreError> {
        if *from == Directories::default() {
            return Ok(None);
        }
        let seal = |from: &DirectorySettings| {
            Ok(DirectoryRecord {
                name: from.name.clone(),
                kind: from.kind.clone(),
                config: from.config.clone(),
                secrets_sealed: seal_all(&from.secrets, row, &place(&from.name))?,
            })
        };
        Ok(Some(Self {
            chain: from.chain.iter().map(seal).collect::<Result<_, StoreError>>()?,
            cache_ttl_ms: millis(from.cache_ttl),
            miss_ttl_ms: millis(from.miss_ttl),
        }))
    }

    /// Opens those of a channel's row.
    pub(super) fn open(self, row: &Row<'_>) -> Result<Directories, StoreError> {
        let open = |record: DirectoryRecord| {
            let secrets = open_all(record.secrets_sealed, row, &place(&record.name))?;
            Ok(DirectorySettings { name: record.name, kind: record.kind, config: record.config, secrets })
        };
        Ok(Directories {
            chain: self.chain.into_iter().map(open).collect::<Result<_, StoreError>>()?,
            cache_ttl: Duration::from_millis(self.cache_ttl_ms),
            miss_ttl: Duration::from_millis(self.miss_ttl_ms),
        })
    }
}

/// Where secrets of a directory are sealed for.
fn place(name: &str) -> String {
    format!("directories/{name}/secrets")
}
