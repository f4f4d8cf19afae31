//! The Redis store passes every suite on a real server and on a Cluster of three, each reopening being a death: the server is killed and started again.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "test code: a test fails by panicking"
)]

mod redis_support;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use switchboard_adapters::stores::Stores;
use switchboard_adapters::stores::redis::{self, LeaseClock};
use switchboard_ports::attachments::AttachmentLimits;
use switchboard_ports::conformance::{FakeClock, FaultyFixture, Fixture, StoreSet};
use tempfile::TempDir;

use redis_support::{Cluster, Server};

/// Small enough to be filled, large enough that a file takes several pieces.
const SMALL: AttachmentLimits =
    AttachmentLimits { file_bytes_max: 600 * 1024, total_bytes_max: 2 * 1024 * 1024 };

/// What serves.
enum Served {
    One(Server),
    Cluster(Cluster),
}

impl Served {
    fn url(&self) -> String {
        match self {
            Self::One(server) => server.url(),
            Self::Cluster(cluster) => cluster.url(),
        }
    }

    fn restart(&mut self) {
        match self {
            Self::One(server) => server.restart(),
            Self::Cluster(cluster) => cluster.restart(),
        }
    }
}

struct RedisFixture {
    clock: Arc<FakeClock>,
    stores: Option<StoreSet>,
    served: Served,
    key: TempDir,
}

async fn open(url: &str, key: &Path, clock: &Arc<FakeClock>) -> StoreSet {
    let clock = Arc::clone(clock) as _;
    let opened = redis::open_with(url, "test", &key.join("key"), clock, LeaseClock::Given, SMALL).await;
    let Stores {
        conversations,
        transcripts,
        failures,
        messages,
        channels,
        agents,
        users,
        tokens,
        attachments,
        usage,
    } = opened.unwrap();
    StoreSet {
        conversations,
        transcripts,
        failures,
        messages,
        channels,
        agents,
        users,
        tokens,
        attachments,
        usage,
    }
}

#[async_trait]
impl Fixture for RedisFixture {
    fn clock(&self) -> Arc<FakeClock> {
        Arc::clone(&self.clock)
    }

    fn stores(&self) -> StoreSet {
        self.stores.clone().unwrap()
    }

    async fn reopen(&mut self) -> bool {
        self.stores = None;
        self.served.restart();
        self.stores = Some(open(&self.served.url(), self.key.path(), &self.clock).await);
        true
    }
}

async fn served_by(served: Served) -> RedisFixture {
    let (clock, key) = (Arc::new(FakeClock::new()), tempfile::tempdir().unwrap());
    fs::write(key.path().join("key"), "5a".repeat(32)).unwrap();
    fs::set_permissions(key.path().join("key"), Permissions::from_mode(0o600)).unwrap();
    let stores = Some(open(&served.url(), key.path(), &clock).await);
    RedisFixture { clock, stores, served, key }
}

async fn fresh() -> RedisFixture {
    served_by(Served::One(Server::start(&[]))).await
}

async fn decorated() -> FaultyFixture<RedisFixture> {
    FaultyFixture(fresh().await)
}

async fn fresh_cluster() -> RedisFixture {
    served_by(Served::Cluster(Cluster::start())).await
}

async fn decorated_cluster() -> FaultyFixture<RedisFixture> {
    FaultyFixture(fresh_cluster().await)
}

/// Every suite, on one server and on a Cluster.
macro_rules! suites {
    ($fresh:path, $decorated:path) => {
        mod conversations {
            switchboard_ports::conversation_store_suite!($fresh);
        }

        mod conversations_decorated {
            switchboard_ports::conversation_store_suite!($decorated);
        }

        mod transcripts {
            switchboard_ports::transcripts_suite!($fresh);
        }

        mod messages {
            switchboard_ports::message_store_suite!($fresh);
        }

        mod failures {
            switchboard_ports::failure_store_suite!($fresh);
        }

        mod channels {
            switchboard_ports::channel_store_suite!($fresh);
        }

        mod agents {
            switchboard_ports::agent_store_suite!($fresh);
        }

        mod users {
            switchboard_ports::user_store_suite!($fresh);
        }

        mod tokens {
            switchboard_ports::token_store_suite!($fresh);
        }

        mod usage {
            switchboard_ports::usage_store_suite!($fresh);
        }

        mod attachments {
            switchboard_ports::attachment_store_suite!($fresh);
        }

        mod attachments_decorated {
            switchboard_ports::attachment_store_suite!($decorated);
        }
    };
}

mod redis_server {
    suites!(crate::fresh, crate::decorated);
}

mod redis_cluster {
    suites!(crate::fresh_cluster, crate::decorated_cluster);
}
