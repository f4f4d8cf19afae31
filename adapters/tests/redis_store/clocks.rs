//! A clock of Redis that is set back: what was written before says that it lasts for too long, and is not believed.

use std::time::Duration;

use switchboard_domain::ids::{ChannelId, Partition, ReplicaId};
use switchboard_ports::clock::Clock;
use switchboard_ports::conformance::Fixture;
use switchboard_ports::conformance::replicas::report;

use super::{RedisFixture, Served, fresh};

const TTL: Duration = Duration::from_secs(10);

/// By how much the clock was set back.
const AHEAD: Duration = Duration::from_hours(1);

impl RedisFixture {
    /// One command, of anybody's.
    fn tell(&self, line: &str) -> String {
        let Served::One(server) = &self.served else { panic!("one server") };
        server.tell(line)
    }

    /// A time that was written before the clock was set back.
    fn ahead(&self) -> u64 {
        self.clock.now().after(AHEAD).as_millis()
    }
}

#[tokio::test]
async fn a_dead_owners_lease_ends_though_the_clock_was_set_back() {
    let fixture = fresh().await;
    let conversations = fixture.stores().conversations;
    let (dead, other) = (ReplicaId::new("dead"), ReplicaId::new("other"));
    let (one, earlier) = (Partition(7), Partition(8));
    conversations.claim(&dead, &[one], TTL).await.unwrap();
    fixture.tell(&format!("HSET test:{{{one}}}:lease until {}", fixture.ahead()));
    // As versions before this one wrote it.
    fixture.tell(&format!("HSET test:{{{earlier}}}:lease owner dead token 1 until {}", fixture.ahead()));
    let claimed = async || conversations.claim(&other, &[one, earlier], TTL).await.unwrap().len();
    assert_eq!(claimed().await, 0, "it is held for as long as a lease lasts");
    // Whoever gives back what is not theirs cuts nothing short.
    conversations.claim(&other, &[one, earlier], Duration::ZERO).await.unwrap();
    fixture.clock.advance(TTL.saturating_sub(Duration::from_millis(1)));
    assert_eq!(claimed().await, 0);
    fixture.clock.advance(Duration::from_millis(1));
    assert_eq!(claimed().await, 2);
}

/// A lease that is asked for by somebody with shorter ones lasts as long as it was given for.
#[tokio::test]
async fn nobody_cuts_anothers_lease_short() {
    let fixture = fresh().await;
    let conversations = fixture.stores().conversations;
    let partition = [Partition(7)];
    conversations.claim(&ReplicaId::new("a"), &partition, TTL).await.unwrap();
    let asked = async || conversations.claim(&ReplicaId::new("b"), &partition, TTL / 10).await.unwrap();
    assert_eq!(asked().await, []);
    fixture.clock.advance(TTL / 2);
    assert_eq!(asked().await, []);
}

#[tokio::test]
async fn a_dead_replica_is_missed_though_the_clock_was_set_back() {
    let fixture = fresh().await;
    let replicas = fixture.stores().replicas;
    replicas.report(&report("dead", Vec::new()), TTL).await.unwrap();
    let row = fixture.tell("HGET test:{replicas}:all dead");
    let text = row.lines().nth(1).unwrap();
    let until = text.split('"').nth(1).unwrap();
    let row = text.replace(until, &fixture.ahead().to_string());
    fixture.tell(&format!("HSET test:{{replicas}}:all dead {}", quoted(&row)));
    let live = async || replicas.roll().await.unwrap().live.len();
    assert_eq!(live().await, 1);
    fixture.clock.advance(TTL.saturating_sub(Duration::from_millis(1)));
    assert_eq!(live().await, 1);
    fixture.clock.advance(Duration::from_millis(1));
    assert_eq!(live().await, 0);
}

#[tokio::test]
async fn a_dead_holders_place_ends_though_the_clock_was_set_back() {
    let fixture = fresh().await;
    let replicas = fixture.stores().replicas;
    let (channel, other) = (ChannelId::new("c"), ReplicaId::new("other"));
    let row = format!(r#"["dead","{}","{}"]"#, fixture.ahead(), TTL.as_millis());
    fixture.tell(&format!("HSET test:{{replicas}}:places c {}", quoted(&row)));
    assert!(!replicas.hold(&channel, &other, TTL).await.unwrap());
    fixture.clock.advance(TTL);
    assert!(replicas.hold(&channel, &other, TTL).await.unwrap());
}

/// A text as one word of a command line.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
