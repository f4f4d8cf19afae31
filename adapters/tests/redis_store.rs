//! The Redis store passes every suite on a real server and on a Cluster of three, each reopening being a death: the server is killed and started again.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "test code: a test fails by panicking"
)]

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use switchboard_adapters::stores::Stores;
use switchboard_adapters::stores::redis::{self, LeaseClock, Making};
use switchboard_domain::ids::{Partition, ReplicaId};
use switchboard_ports::attachments::AttachmentLimits;
use switchboard_ports::conformance::{FakeClock, FaultyFixture, Fixture};
use tempfile::TempDir;

use test_servers::redis::{Cluster, Server};

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
    stores: Option<Stores>,
    served: Served,
    key: TempDir,
}

async fn open(url: &str, key: &Path, clock: &Arc<FakeClock>) -> Stores {
    let clock = Arc::clone(clock) as _;
    let opened =
        redis::open_with(url, "test", &key.join("key"), clock, Making::Allowed, LeaseClock::Given, SMALL)
            .await;
    opened.unwrap()
}

#[async_trait]
impl Fixture for RedisFixture {
    fn clock(&self) -> Arc<FakeClock> {
        Arc::clone(&self.clock)
    }

    fn stores(&self) -> Stores {
        self.stores.clone().unwrap()
    }

    async fn reopen(&mut self) -> bool {
        self.stores = None;
        self.served.restart();
        self.stores = Some(open(&self.served.url(), self.key.path(), &self.clock).await);
        true
    }
}

/// A folder with a key.
fn key() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("key"), "5a".repeat(32)).unwrap();
    fs::set_permissions(folder.path().join("key"), Permissions::from_mode(0o600)).unwrap();
    folder
}

async fn served_by(served: Served) -> RedisFixture {
    let (clock, key) = (Arc::new(FakeClock::new()), key());
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

/// Leases by the server's clock, which no test can turn.
#[tokio::test]
async fn the_servers_clock_tells_who_holds_a_lease() {
    let server = Server::start(&[]);
    let (clock, key) = (Arc::new(FakeClock::new()), key());
    let open = async |lease_clock| {
        let file = key.path().join("key");
        let clock = Arc::clone(&clock) as _;
        redis::open_with(&server.url(), "test", &file, clock, Making::Allowed, lease_clock, SMALL)
            .await
            .unwrap()
            .conversations
    };
    let (one, other) = (open(LeaseClock::Server).await, open(LeaseClock::Server).await);
    let (partitions, ttl) = ([Partition(7)], Duration::from_hours(1));
    let held = one.claim(&ReplicaId::new("one"), &partitions, ttl).await.unwrap();
    assert_eq!(held.len(), 1);
    // However far ahead our own clock is.
    clock.advance(2 * ttl);
    assert_eq!(other.claim(&ReplicaId::new("two"), &partitions, ttl).await, Ok(vec![]));
    let renewed = one.claim(&ReplicaId::new("one"), &partitions, Duration::ZERO).await.unwrap();
    assert_eq!(renewed[0].token, held[0].token);
    let taken = other.claim(&ReplicaId::new("two"), &partitions, ttl).await.unwrap();
    assert!(taken[0].token > held[0].token);
}

/// One sentence each, and nothing of the store is changed.
#[tokio::test]
async fn what_cannot_be_opened_says_why() {
    let server = Server::start(&[]);
    let (clock, ours, others) = (Arc::new(FakeClock::new()), key(), key());
    fs::write(others.path().join("key"), "77".repeat(32)).unwrap();
    let refused = async |url: &str, prefix: &str, file: &Path| {
        let clock = Arc::clone(&clock) as _;
        redis::open(url, prefix, file, clock, Making::Allowed).await.err().map(|error| error.to_string())
    };
    let (url, file) = (server.url(), ours.path().join("key"));
    assert_eq!(refused(&url, "test", &file).await, None);
    let says = async |url: &str, prefix: &str, file: &Path, words: &str| {
        let error = refused(url, prefix, file).await.unwrap();
        assert!(error.contains(words), "{error}");
    };
    says(&url, "te{st", &file, "prefix").await;
    says(&url, "test", &ours.path().join("none"), "no such key file").await;
    says(&url, "test", &others.path().join("key"), "another key").await;
    says("redis://127.0.0.1:1", "test", &file, "cannot connect").await;
    says("nonsense", "test", &file, "cannot connect").await;
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

        mod replicas {
            switchboard_ports::replica_store_suite!($fresh);
        }

        mod usage {
            switchboard_ports::usage_store_suite!($fresh);
        }
        mod audit {
            switchboard_ports::audit_store_suite!($fresh);
        }

        mod budget {
            switchboard_ports::budget_store_suite!($fresh);
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
