//! Channels and agents in memory: records with a unique name and a version.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use switchboard_domain::ids::{AgentId, ChannelId, Version};
use switchboard_ports::agents::{AgentConfig, AgentStore};
use switchboard_ports::channels::{Channel, ChannelStore};
use switchboard_ports::error::StoreError;

use crate::stores::folded;
use crate::stores::replicas::Revision;

/// A record with an id, a unique name and a version.
pub(super) trait Registered: Clone {
    fn id(&self) -> &str;
    fn name(&self) -> &str;
    fn version(&self) -> Version;
    fn with_version(self, version: Version) -> Self;
}

/// Records by id.
#[derive(Debug)]
pub(super) struct Registry<T> {
    rows: Mutex<BTreeMap<String, T>>,
    revision: Revision,
}

impl<T> Registry<T> {
    pub(super) fn new(revision: Revision) -> Self {
        Self { rows: Mutex::default(), revision }
    }
}

impl<T: Registered> Registry<T> {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, T>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn all(&self) -> Vec<T> {
        let mut all: Vec<_> = self.lock().values().cloned().collect();
        all.sort_by_cached_key(|row| folded(row.name()));
        all
    }

    fn one(&self, id: &str) -> Option<T> {
        self.lock().get(id).cloned()
    }

    fn add(&self, row: &T) -> Result<(), StoreError> {
        let mut rows = self.lock();
        if rows.contains_key(row.id()) {
            return Err(StoreError::Duplicate("id"));
        }
        name_is_free(&rows, row)?;
        rows.insert(row.id().to_owned(), row.clone());
        self.revision.changed();
        Ok(())
    }

    fn replace(&self, row: &T, expected: Version) -> Result<Version, StoreError> {
        let mut rows = self.lock();
        if rows.get(row.id()).map(Registered::version) != Some(expected) {
            return Err(StoreError::Conflict);
        }
        name_is_free(&rows, row)?;
        let version = expected.next();
        rows.insert(row.id().to_owned(), row.clone().with_version(version));
        self.revision.changed();
        Ok(version)
    }

    fn remove(&self, id: &str) -> bool {
        let removed = self.lock().remove(id).is_some();
        self.revision.changed();
        removed
    }
}

/// Unless it is the record's own.
fn name_is_free<T: Registered>(rows: &BTreeMap<String, T>, row: &T) -> Result<(), StoreError> {
    let name = folded(row.name());
    let others = rows.values().filter(|other| other.id() != row.id());
    if others.map(|other| folded(other.name())).any(|taken| taken == name) {
        return Err(StoreError::Duplicate("name"));
    }
    Ok(())
}

/// The port's methods are the registry's, and so is the record's identity.
macro_rules! registered {
    ($port:ident, $row:ident, $id:ident) => {
        impl Registered for $row {
            fn id(&self) -> &str {
                self.id.as_str()
            }

            fn name(&self) -> &str {
                &self.name
            }

            fn version(&self) -> Version {
                self.version
            }

            fn with_version(self, version: Version) -> Self {
                Self { version, ..self }
            }
        }

        #[async_trait]
        impl $port for Registry<$row> {
            async fn list(&self) -> Result<Vec<$row>, StoreError> {
                Ok(self.all())
            }

            async fn find(&self, id: &$id) -> Result<Option<$row>, StoreError> {
                Ok(self.one(id.as_str()))
            }

            async fn insert(&self, row: &$row) -> Result<(), StoreError> {
                self.add(row)
            }

            async fn update(&self, row: &$row, expected: Version) -> Result<Version, StoreError> {
                self.replace(row, expected)
            }

            async fn delete(&self, id: &$id) -> Result<bool, StoreError> {
                Ok(self.remove(id.as_str()))
            }
        }
    };
}

registered!(ChannelStore, Channel, ChannelId);
registered!(AgentStore, AgentConfig, AgentId);
