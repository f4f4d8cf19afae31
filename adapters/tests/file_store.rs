//! The file store passes every suite, each reopening being a death: what is opened again is a copy of the files as they
//! were on disk, without the goodbyes of a closing database.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "test code: a test fails by panicking"
)]

use std::fs;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use switchboard_adapters::stores::{Stores, file};
use switchboard_ports::attachments::AttachmentLimits;
use switchboard_ports::conformance::{FakeClock, FaultyFixture, Fixture};
use tempfile::TempDir;

/// Small enough to be filled, large enough that a file takes several pieces.
const SMALL: AttachmentLimits =
    AttachmentLimits { file_bytes_max: 600 * 1024, total_bytes_max: 2 * 1024 * 1024 };

struct FileFixture {
    clock: Arc<FakeClock>,
    stores: Option<Stores>,
    directory: TempDir,
    key: TempDir,
}

fn open(directory: &Path, key: &Path, clock: &Arc<FakeClock>) -> Stores {
    file::open_bounded(directory, &key.join("key"), Arc::clone(clock) as _, SMALL).unwrap()
}

#[async_trait]
impl Fixture for FileFixture {
    fn clock(&self) -> Arc<FakeClock> {
        Arc::clone(&self.clock)
    }

    fn stores(&self) -> Stores {
        self.stores.clone().unwrap()
    }

    async fn reopen(&mut self) -> bool {
        let copy = tempfile::tempdir().unwrap();
        for file in fs::read_dir(self.directory.path()).unwrap() {
            let file = file.unwrap();
            // The shared-memory index is rebuilt from the log, as after a reboot.
            if !file.file_name().to_string_lossy().ends_with("-shm") {
                fs::copy(file.path(), copy.path().join(file.file_name())).unwrap();
            }
        }
        self.stores = None;
        self.stores = Some(open(copy.path(), self.key.path(), &self.clock));
        self.directory = copy;
        true
    }
}

async fn fresh() -> FileFixture {
    let clock = Arc::new(FakeClock::new());
    let (directory, key) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    FileFixture { stores: Some(open(directory.path(), key.path(), &clock)), clock, directory, key }
}

async fn decorated() -> FaultyFixture<FileFixture> {
    FaultyFixture(fresh().await)
}

mod conversations {
    switchboard_ports::conversation_store_suite!(super::fresh);
}

mod conversations_decorated {
    switchboard_ports::conversation_store_suite!(super::decorated);
}

mod transcripts {
    switchboard_ports::transcripts_suite!(super::fresh);
}

mod messages {
    switchboard_ports::message_store_suite!(super::fresh);
}

mod failures {
    switchboard_ports::failure_store_suite!(super::fresh);
}

mod channels {
    switchboard_ports::channel_store_suite!(super::fresh);
}

mod agents {
    switchboard_ports::agent_store_suite!(super::fresh);
}

mod users {
    switchboard_ports::user_store_suite!(super::fresh);
}

mod tokens {
    switchboard_ports::token_store_suite!(super::fresh);
}

mod replicas {
    switchboard_ports::replica_store_suite!(super::fresh);
}

mod usage {
    switchboard_ports::usage_store_suite!(super::fresh);
}
mod audit {
    switchboard_ports::audit_store_suite!(super::fresh);
}

mod journal {
    switchboard_ports::journal_store_suite!(super::fresh);
}

mod sessions {
    switchboard_ports::session_store_suite!(super::fresh);
}

mod budget {
    switchboard_ports::budget_store_suite!(super::fresh);
}

mod attachments {
    switchboard_ports::attachment_store_suite!(super::fresh);
}

mod attachments_decorated {
    switchboard_ports::attachment_store_suite!(super::decorated);
}
