//! What is wrong with a Redis is said in plain words, with what to do.

use std::path::Path;
use std::sync::Arc;

use rstest::rstest;
use switchboard_adapters::stores::redis::{self, Making};
use switchboard_ports::conformance::FakeClock;
use test_servers::redis::{Cluster, Server};

use super::key;

/// What opening, or writing, is refused with; one line either way.
async fn trouble_at(url: &str, key: &Path) -> String {
    let clock = Arc::new(FakeClock::new()) as _;
    if let Err(error) = redis::open(url, "test", &key.join("key"), clock, Making::No).await {
        let line = error.to_string();
        if !line.contains("no store yet") {
            return line;
        }
    }
    redis::try_writing(url.into(), "test").await.err().map(|error| error.to_string()).unwrap_or_default()
}

#[rstest]
#[case::full(&[], &["CONFIG SET maxmemory 1"], "is full")]
#[case::a_replica(&[], &["REPLICAOF 127.0.0.1 1"], "a read-only replica")]
#[case::renamed_away(&["--rename-command", "EVALSHA", ""], &[], "does not know a command")]
#[case::no_scripts(&[], &["ACL SETUSER default -@scripting"], "may not run a command")]
#[case::no_time(&[], &["ACL SETUSER default -time"], "may not run a command")]
#[case::no_notes(&[], &["ACL SETUSER default -publish"], "may not run a command")]
#[case::other_keys(&[], &["ACL SETUSER default resetkeys ~other:*"], "may not run a command")]
#[case::other_notes(&[], &["ACL SETUSER default resetchannels"], "may not run a command")]
#[case::with_a_password(&[], &["CONFIG SET requirepass secret"], "wants a password")]
#[case::nothing_wrong(&[], &[], "")]
#[tokio::test]
async fn a_redis_that_takes_no_writes_says_why(
    #[case] options: &[&str],
    #[case] set_up: &[&str],
    #[case] words: &str,
) {
    let (server, key) = (Server::start(options), key());
    for line in set_up {
        assert_eq!(server.tell(line), "+OK\r\n", "{line}");
    }
    let line = trouble_at(&server.url(), key.path()).await;
    assert!(line.contains(words) && line.is_empty() == words.is_empty(), "{line:?} instead of {words:?}");
    if words.is_empty() {
        assert!(server.tell("DBSIZE").starts_with(":0"), "nothing stays");
    }
}

#[tokio::test]
async fn addresses_that_do_not_fit_the_redis_say_so() {
    let (server, cluster, key) = (Server::start(&[]), Cluster::start(), key());
    let says = async |url: String, words: &str| {
        let line = trouble_at(&url, key.path()).await;
        assert!(line.contains(words), "{line:?} instead of {words:?}");
    };
    says(server.url().replace("redis://", "redis-cluster://"), "is no Cluster").await;
    says(
        cluster.url().replace("redis-cluster://", "redis://").split(',').next().unwrap().to_owned(),
        "a node of a Cluster",
    )
    .await;
    says(format!("{}/99", server.url()), "no database of the number").await;
    says(cluster.url().replace("://", "://user:wrong@"), "refuses the user or the password").await;
    server.tell("ACL SETUSER somebody on >right ~* &* +@all");
    says(server.url().replace("://", "://somebody:wrong@"), "refuses the user or the password").await;
    says("redis-cluster://127.0.0.1:1".to_owned(), "nobody listens").await;
}
