//! A store that is gone for a while: a Cluster whose node dies, a Redis that was emptied, or lets nobody in.

use std::sync::Arc;
use std::time::Duration;

use rstest::rstest;
use switchboard_adapters::stores::Stores;
use switchboard_domain::ids::{Partition, ReplicaId};
use switchboard_ports::conformance::FakeClock;
use switchboard_ports::conformance::replicas::report;
use switchboard_ports::error::StoreError;
use switchboard_ports::replicas::Report;
use test_servers::looks_on;
use test_servers::redis::{Cluster, Server};

use super::{key, open};

/// How often the client's own manager tries to connect: once, and six times again.
const TRIES_OF_THE_CLIENT: u32 = 7;

/// A store that is gone under a running server takes nothing, whatever has come into its place.
#[rstest]
#[case::emptied(false)]
#[case::replaced(true)]
#[tokio::test]
async fn a_store_that_was_emptied_takes_nothing_until_it_is_back(#[case] replaced: bool) {
    let (server, key, clock) = (Server::start(&[]), key(), Arc::new(FakeClock::new()));
    let stores = open(&server.url(), key.path(), &clock).await;
    let (one, ttl) = (ReplicaId::new("one"), Duration::from_hours(1));
    let report = Report { whole: true, ..report("one", Vec::new()) };
    stores.replicas.roll().await.unwrap();
    let meta = server.tell("HGETALL test:{config}:meta");
    let field = |name: &str| {
        let mut lines = meta.lines().skip_while(|line| *line != name);
        lines.nth(2).unwrap().to_owned()
    };
    let kept = ["layout", "key", "id"].map(|name| format!("{name} {}", field(name))).join(" ");
    server.tell("FLUSHALL");
    if replaced {
        // By another process with the same key: the store is another one all the same.
        open(&server.url(), key.path(), &clock).await;
    }
    let refused = |answer: Result<(), StoreError>| match answer {
        Err(StoreError::Unavailable(words)) => assert!(words.contains("empty, or another one"), "{words}"),
        other => panic!("{other:?}"),
    };
    refused(stores.replicas.roll().await.map(drop));
    let before = server.tell("DBSIZE");
    refused(stores.conversations.claim(&one, &[Partition(1)], ttl).await.map(drop));
    refused(stores.replicas.report(&report, ttl).await);
    assert_eq!(server.tell("DBSIZE"), before, "nothing is written");
    server.tell(&format!("HSET test:{{config}}:meta {kept}"));
    stores.replicas.report(&report, ttl).await.unwrap();
    stores.conversations.claim(&one, &[Partition(1)], ttl).await.unwrap();
}

/// Claims partitions of every node until all are had again.
async fn wait_claimed(stores: &Stores) {
    let is_claimed = looks_on(async || !claim_widely(stores).await.contains(&false));
    let in_time = tokio::time::timeout(Duration::from_mins(1), is_claimed).await;
    assert!(in_time.is_ok_and(|claimed| claimed), "the store is reached again");
}

/// How often somebody was refused at the door.
fn refused_at_the_door(server: &Server) -> Option<u32> {
    let log = server.tell("ACL LOG 1");
    log.split("count\r\n:").nth(1)?.split("\r\n").next()?.parse().ok()
}

/// The client's own manager gives up where it is answered with an error for as long as it tries: a password is being changed, or
/// a replica that stands in has no users yet.
#[tokio::test(flavor = "multi_thread")]
async fn a_redis_is_reached_again_that_let_nobody_in_for_a_while() {
    let server = Server::start(&[]);
    server.tell("ACL SETUSER switchboard on >first ~* &* +@all");
    let (clock, key) = (Arc::new(FakeClock::new()), key());
    let url = server.url().replace("redis://", "redis://switchboard:first@");
    let stores = open(&url, key.path(), &clock).await;
    wait_claimed(&stores).await;
    server.tell("ACL SETUSER switchboard resetpass >second");
    server.tell("CLIENT KILL USER switchboard");
    let has_given_up = looks_on(async || {
        claim_widely(&stores).await;
        refused_at_the_door(&server).is_some_and(|count| count > TRIES_OF_THE_CLIENT)
    });
    assert!(has_given_up.await, "the client does not come to an end");
    server.tell("ACL SETUSER switchboard resetpass >first");
    wait_claimed(&stores).await;
}

/// Claims many partitions at once, as many callers would; which of them could be.
async fn claim_widely(stores: &Stores) -> Vec<bool> {
    let claims = (0..32).map(|number| async move {
        let (replica, partitions) = (ReplicaId::new("one"), [Partition(number * 8)]);
        stores.conversations.claim(&replica, &partitions, Duration::from_hours(1)).await.is_ok()
    });
    futures_util::future::join_all(claims).await
}

/// Kills a node, and asks until that shows.
async fn without_the_first(cluster: &mut Cluster, stores: &Stores, shows: impl Fn(&Cluster) -> bool) {
    wait_claimed(stores).await;
    cluster.kill_first();
    let is_shown = looks_on(async || {
        claim_widely(stores).await;
        shows(cluster)
    });
    assert!(is_shown.await, "nobody notices");
    // Long enough for the client to begin each kind of recovery that it knows.
    for _ in 0..4 {
        claim_widely(stores).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_is_reached_again_whose_node_was_dead_for_a_while() {
    let mut cluster = Cluster::start();
    let (clock, key) = (Arc::new(FakeClock::new()), key());
    let stores = open(&cluster.url(), key.path(), &clock).await;
    without_the_first(&mut cluster, &stores, |cluster| !cluster.is_well()).await;
    cluster.restart_first();
    wait_claimed(&stores).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_is_reached_again_whose_replica_stands_in() {
    let mut cluster = Cluster::start_with_replica();
    let (clock, key) = (Arc::new(FakeClock::new()), key());
    let stores = open(&cluster.url(), key.path(), &clock).await;
    without_the_first(&mut cluster, &stores, Cluster::has_stood_in).await;
    wait_claimed(&stores).await;
}
