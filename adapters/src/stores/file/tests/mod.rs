//! Tests that look inside the file store.

mod moving;
mod opening;
mod outside;
mod plans;
mod presence;
mod searches;
mod trouble;
mod upgrade;
mod upkeep;

use std::path::PathBuf;
use std::sync::Arc;

use switchboard_ports::conformance::FakeClock;
use tempfile::TempDir;

use super::{Core, OpenError, open_with, schema};

/// A place for a store, its key, and a clock.
struct Place {
    folder: TempDir,
    clock: Arc<FakeClock>,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), clock: Arc::new(FakeClock::new()) }
    }

    fn directory(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn database(&self) -> PathBuf {
        self.directory().join("switchboard.db")
    }

    fn key(&self) -> PathBuf {
        self.folder.path().join("key")
    }

    fn open(&self) -> Result<Arc<Core>, OpenError> {
        self.open_with(schema::MIGRATIONS)
    }

    fn open_with(&self, migrations: &[&str]) -> Result<Arc<Core>, OpenError> {
        open_with(&self.directory(), &self.key(), Arc::clone(&self.clock) as _, migrations)
    }
}
