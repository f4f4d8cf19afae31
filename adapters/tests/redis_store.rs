//! The Redis store passes every suite on a real server and on a Cluster of three, each reopening being a death: the server is killed and started again.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "test code: a test fails by panicking"
)]

#[path = "redis_store/clocks.rs"]
mod clocks;
#[path = "redis_store/databases.rs"]
mod databases;
#[path = "redis_store/lives.rs"]
mod lives;
#[path = "redis_store/trouble.rs"]
mod trouble;

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::future::join_all;
use switchboard_adapters::net::Authorities;
use switchboard_adapters::stores::Stores;
use switchboard_adapters::stores::redis::{self, Address, LeaseClock, Making};
use switchboard_domain::ids::{Partition, ReplicaId};
use switchboard_ports::attachments::AttachmentLimits;
use switchboard_ports::conformance::{FakeClock, FaultyFixture, Fixture, messages, samples};
use switchboard_ports::page::PageRequest;
use switchboard_ports::replicas::Note;
use switchboard_ports::transcripts::ConversationFilter;
use tempfile::TempDir;

use test_servers::redis::{Cluster, Server};
use test_servers::tls::TlsServer;

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
            Self::One(server) => server.url().replace("://", "://least:secret@"),
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

/// A server with a user that has the rights that the guide lists: they are enough for everything.
async fn fresh() -> RedisFixture {
    let rights = guide_rights().replace("switchboard", "test");
    let user: Vec<_> = ["--user", "least", "on", ">secret"].into_iter().chain(rights.split(' ')).collect();
    served_by(Served::One(Server::start(&user))).await
}

/// What the guide gives a user of Redis.
fn guide_rights() -> String {
    let guide = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/en/replicas.md")).unwrap();
    let line = guide.lines().find_map(|line| line.strip_prefix("ACL SETUSER switchboard on >PASSWORD "));
    line.expect("the guide has the line").to_owned()
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
        redis::open_with(server.url().as_str(), "test", &file, clock, Making::Allowed, lease_clock, SMALL)
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

/// Who is trusted is what the address and the authorities say; what is wrong is said in plain words, at once.
#[tokio::test]
async fn with_tls_the_servers_certificate_has_to_be_of_a_trusted_authority_and_for_its_name() {
    let (server, other) = (TlsServer::named("127.0.0.1"), TlsServer::named("redis.example"));
    let (clock, key) = (Arc::new(FakeClock::new()), key());
    let open = async |server: &TlsServer, ca_pem: Option<&str>| {
        let authorities = ca_pem.map(|pem| Authorities::from_pem(pem.as_bytes()).unwrap());
        let (url, file) = (server.url(), key.path().join("key"));
        let address = Address { url: &url, authorities: authorities.as_ref().unwrap_or(Authorities::NONE) };
        redis::open(address, "test", &file, Arc::clone(&clock) as _, Making::Allowed).await
    };
    let stores = open(&server, Some(server.ca_pem())).await.unwrap();
    assert_eq!(stores.replicas.roll().await.unwrap().live, []);
    let mut notes = stores.bulletin.notes();
    let (told, from) = (Note::News("{}".to_owned()), ReplicaId::new("a"));
    let heard = async {
        loop {
            // Whoever has just begun to listen may not hear the first word.
            stores.bulletin.post(&from, &told).await.unwrap();
            let next = tokio::time::timeout(Duration::from_millis(100), notes.next()).await;
            if next.is_ok_and(|heard| heard == Some((from.clone(), told.clone()))) {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), heard).await.unwrap();
    for ca_pem in [None, Some(other.ca_pem())] {
        let error = open(&server, ca_pem).await.err().unwrap().to_string();
        assert_eq!(
            error,
            "cannot connect to Redis: the certificate of Redis is of an authority that is not trusted: name the authority's in \
             network.ca_file"
        );
    }
    let error = open(&other, Some(other.ca_pem())).await.err().unwrap().to_string();
    let wanted = "cannot connect to Redis: the certificate of Redis is for another name than the store's address has: write the name that it \
         is for";
    assert_eq!(error, wanted);
}

const SILENT: &str = "Redis does not answer in time: look whether it runs, is overloaded or is behind a firewall, and speaks TLS if the address is rediss://";

/// Somebody waits for the command that opens it.
#[tokio::test]
async fn nobody_waits_long_for_a_server_that_does_not_answer() {
    let server = Server::start(&[]);
    server.freeze();
    let key = key();
    for (url, why) in [
        (
            "redis://127.0.0.1:1".to_owned(),
            "nobody listens at the address: start Redis, or correct host and port",
        ),
        (server.url(), SILENT),
        (server.url().replace("redis://", "redis-cluster://"), SILENT),
    ] {
        let clock: Arc<FakeClock> = Arc::new(FakeClock::new());
        let (file, making) = (key.path().join("key"), Making::No);
        let opened = redis::open(url.as_str(), "test", &file, clock, making);
        // Far less than the half minute after which the library would give up.
        let opened = tokio::time::timeout(Duration::from_secs(15), opened).await.unwrap();
        assert_eq!(opened.err().unwrap().to_string(), format!("cannot connect to Redis: {why}"));
    }
    server.thaw();
}

/// A page after a place begins behind it, however many conversations share the moment.
#[tokio::test]
async fn a_list_passes_over_nobody_where_many_were_active_at_the_same_moment() {
    let fixture = fresh().await;
    let stores = fixture.stores();
    let members: Vec<_> = (0..1_450).map(|number| format!("member{number}")).collect();
    for some in members.chunks(200) {
        let accepts = some.iter().map(|member| {
            stores.conversations.accept(samples::ask(&samples::member_key("c", member), member, "hello"))
        });
        assert!(join_all(accepts).await.into_iter().all(|accepted| accepted.is_ok()));
    }
    let mut page = PageRequest { limit: 200, after: None };
    let mut found = BTreeSet::new();
    loop {
        let listed = stores.transcripts.conversations(&ConversationFilter::default(), &page).await.unwrap();
        found.extend(listed.items.into_iter().map(|info| info.id));
        let Some(next) = listed.next else { break };
        page.after = Some(next);
    }
    assert_eq!(found.len(), members.len());
}

/// What was purged leaves nothing that stays.
#[tokio::test]
async fn places_of_what_was_purged_end_and_one_of_a_conversation_that_begins_anew_stays() {
    let fixture = fresh().await;
    let stores = fixture.stores();
    let Served::One(server) = &fixture.served else { panic!("one server") };
    let (gone, anew) = (samples::key("c"), samples::key("d"));
    for key in [&gone, &anew] {
        samples::accept_first(&*stores.conversations, samples::ask(key, "m1", "hello")).await;
    }
    let message = messages::new_message("msg_1", &gone);
    stores.messages.give(message).await.unwrap();
    let left = |id: &str| {
        let answer = server.tell(&format!("TTL test:at:{id}"));
        answer.trim().trim_start_matches(':').parse::<i64>().unwrap()
    };
    assert_eq!((left(gone.id().as_str()), left(anew.id().as_str())), (-1, -1));
    while stores.transcripts.purge(&gone.channel).await.unwrap() {}
    let day = 24 * 60 * 60;
    for id in [gone.id().as_str(), anew.id().as_str(), "msg_1"] {
        assert!((1..=day).contains(&left(id)), "{id}: {}", left(id));
    }
    samples::accept_first(&*stores.conversations, samples::ask(&anew, "m2", "hello")).await;
    assert_eq!(left(anew.id().as_str()), -1);
    assert!(stores.transcripts.conversation(&anew.id()).await.unwrap().is_some());
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

        mod journal {
            switchboard_ports::journal_store_suite!($fresh);
        }

        mod sessions {
            switchboard_ports::session_store_suite!($fresh);
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
