//! The suite of `ReplicaStore` and `Bulletin`: who lives, what they observe, what they tell each other.

use std::time::Duration;

use futures_util::StreamExt;
use switchboard_domain::eviction::Life;
use switchboard_domain::ids::{ChannelId, ConversationId, Partition, ReplicaId, Version};
use switchboard_domain::time::Timestamp;

use crate::clock::Clock as _;
use crate::conformance::{Fixture, registries};
use crate::replicas::{Note, Observed, ReplicaInfo, Report};

/// One test per case of the replica store's and the bulletin's contract.
#[macro_export]
macro_rules! replica_store_suite {
    ($fresh:path) => {
        $crate::__conformance_cases!($fresh; (replicas);
            whoever_reports_lives_until_it_is_silent_for_too_long,
            what_replicas_observe_is_kept_by_channel,
            a_whole_report_replaces_all_rows,
            whoever_leaves_is_gone_with_everything_it_said,
            the_only_place_has_one_holder_at_a_time,
            whoever_leaves_has_no_place_any_more,
            an_eviction_is_noted_for_as_long_as_it_says,
            a_change_of_settings_changes_the_revision,
            a_restart_is_counted_and_changes_the_revision,
            what_is_told_is_heard_by_all,
        );
    };
}

const TTL: Duration = Duration::from_secs(10);

fn replica(name: &str) -> ReplicaId {
    ReplicaId::new(name)
}

fn channel(name: &str) -> ChannelId {
    ChannelId::new(name)
}

fn observed(name: &str, connections: u32) -> Observed {
    Observed {
        channel: channel(name),
        status: "connected".to_owned(),
        state: "connected".to_owned(),
        since: Timestamp::from_millis(1_000),
        connected_at: Some(Timestamp::from_millis(1_000)),
        last_error: Some(("connection_lost".to_owned(), "say \"it\"".to_owned(), Timestamp::from_millis(7))),
        attempt: 2,
        next_attempt_at: None,
        connections,
        last_frame_at: Some(Timestamp::from_millis(9)),
        last_message_at: None,
        last_reply_at: Some(Timestamp::from_millis(u64::from(u32::MAX) * 1_000)),
        lives: vec![life(5, Some(u64::from(u32::MAX) * 1_000)), life(u64::from(u32::MAX) * 1_001, None)],
    }
}

fn life(opened: u64, ended: Option<u64>) -> Life {
    let ended_at = ended.map(Timestamp::from_millis);
    Life { opened_at: Timestamp::from_millis(opened), ended_at, was_taken: ended.is_some() }
}

/// A report of a replica.
#[must_use]
pub fn report(name: &str, channels: Vec<Observed>) -> Report {
    let info = ReplicaInfo {
        id: replica(name),
        version: "1.2.3".to_owned(),
        host: Some("a \"host\"".to_owned()),
        started_at: Timestamp::from_millis(5),
        partitions: 128,
        connections: 3,
    };
    Report { info, channels, gone: Vec::new(), whole: false }
}

async fn names(fixture: &impl Fixture) -> Vec<String> {
    let roll = fixture.stores().replicas.roll().await.unwrap();
    roll.live.into_iter().map(|info| info.id.to_string()).collect()
}

/// A report counts for as long as it says, and a later one for longer.
pub async fn whoever_reports_lives_until_it_is_silent_for_too_long(fixture: impl Fixture) {
    let stores = fixture.stores();
    assert!(names(&fixture).await.is_empty());
    stores.replicas.report(&report("b", Vec::new()), TTL).await.unwrap();
    stores.replicas.report(&report("a", Vec::new()), TTL / 2).await.unwrap();
    let roll = stores.replicas.roll().await.unwrap();
    assert_eq!(roll.live, [report("a", Vec::new()).info, report("b", Vec::new()).info]);
    fixture.clock().advance(TTL / 2);
    assert_eq!(names(&fixture).await, ["b"]);
    stores.replicas.report(&report("b", Vec::new()), TTL).await.unwrap();
    fixture.clock().advance(TTL.saturating_sub(Duration::from_millis(1)));
    assert_eq!(names(&fixture).await, ["b"]);
    fixture.clock().advance(Duration::from_millis(1));
    assert!(names(&fixture).await.is_empty());
}

/// Rows stay until they are replaced or go, and are found by channel.
pub async fn what_replicas_observe_is_kept_by_channel(fixture: impl Fixture) {
    let stores = fixture.stores();
    let (one, other) = (observed("c1", 1), observed("c2", 0));
    stores.replicas.report(&report("a", vec![one.clone(), other.clone()]), TTL).await.unwrap();
    stores.replicas.report(&report("b", vec![observed("c1", 2)]), TTL).await.unwrap();
    stores.replicas.report(&report("b", Vec::new()), TTL).await.unwrap();
    let of = |names: Vec<ChannelId>| {
        let replicas = stores.replicas.clone();
        async move { replicas.observed(&names).await.unwrap() }
    };
    assert_eq!(of(vec![channel("c2"), channel("c9")]).await, [(replica("a"), other)]);
    assert_eq!(of(vec![channel("c1")]).await, [(replica("a"), one), (replica("b"), observed("c1", 2))]);
    assert_eq!(of(Vec::new()).await, []);
    let gone = Report { gone: vec![channel("c1")], ..report("a", Vec::new()) };
    stores.replicas.report(&gone, TTL).await.unwrap();
    assert_eq!(of(vec![channel("c1")]).await, [(replica("b"), observed("c1", 2))]);
    fixture.clock().advance(TTL);
    assert_eq!(of(vec![channel("c1")]).await, []);
}

/// A replica that comes back after trouble says everything anew.
pub async fn a_whole_report_replaces_all_rows(fixture: impl Fixture) {
    let replicas = fixture.stores().replicas;
    replicas.report(&report("a", vec![observed("c1", 1), observed("c2", 1)]), TTL).await.unwrap();
    let whole = Report { whole: true, ..report("a", vec![observed("c2", 3)]) };
    replicas.report(&whole, TTL).await.unwrap();
    let both = [channel("c1"), channel("c2")];
    assert_eq!(replicas.observed(&both).await.unwrap(), [(replica("a"), observed("c2", 3))]);
}

/// Nothing is left of a replica that ends in good order.
pub async fn whoever_leaves_is_gone_with_everything_it_said(fixture: impl Fixture) {
    let replicas = fixture.stores().replicas;
    replicas.report(&report("a", vec![observed("c1", 1)]), TTL).await.unwrap();
    replicas.leave(&replica("a")).await.unwrap();
    replicas.leave(&replica("a")).await.unwrap();
    assert!(names(&fixture).await.is_empty());
    replicas.report(&report("a", Vec::new()), TTL).await.unwrap();
    assert_eq!(replicas.observed(&[channel("c1")]).await.unwrap(), []);
}

/// Nobody takes a place that somebody else has and keeps.
pub async fn the_only_place_has_one_holder_at_a_time(fixture: impl Fixture) {
    let replicas = fixture.stores().replicas;
    let (c, a, b) = (channel("c"), replica("a"), replica("b"));
    assert!(replicas.hold(&c, &a, TTL).await.unwrap());
    assert!(replicas.hold(&c, &a, TTL).await.unwrap());
    assert!(!replicas.hold(&c, &b, TTL).await.unwrap());
    assert!(!replicas.hold(&c, &b, Duration::ZERO).await.unwrap());
    assert!(replicas.hold(&channel("d"), &b, TTL).await.unwrap());
    fixture.clock().advance(TTL);
    assert!(replicas.hold(&c, &b, TTL).await.unwrap());
    assert!(!replicas.hold(&c, &a, TTL).await.unwrap());
    assert!(!replicas.hold(&c, &b, Duration::ZERO).await.unwrap());
    assert!(replicas.hold(&c, &a, TTL).await.unwrap());
}

/// A replica that ends in good order leaves its places to the others at once; only its own.
pub async fn whoever_leaves_has_no_place_any_more(fixture: impl Fixture) {
    let replicas = fixture.stores().replicas;
    let (a, b) = (replica("a"), replica("b"));
    for (name, holder) in [("c1", &a), ("c2", &b), ("c3", &a)] {
        assert!(replicas.hold(&channel(name), holder, TTL).await.unwrap());
    }
    replicas.leave(&a).await.unwrap();
    assert!(replicas.hold(&channel("c1"), &b, TTL).await.unwrap());
    assert!(!replicas.hold(&channel("c2"), &a, TTL).await.unwrap());
    assert!(replicas.hold(&channel("c3"), &b, TTL).await.unwrap());
}

/// Everybody sees it in the roll until it is over or taken back.
pub async fn an_eviction_is_noted_for_as_long_as_it_says(fixture: impl Fixture) {
    let replicas = fixture.stores().replicas;
    let noted = || {
        let replicas = fixture.stores().replicas;
        async move {
            let evicting = replicas.roll().await.unwrap().evicting;
            evicting.into_iter().map(|(channel, until)| (channel.to_string(), until)).collect::<Vec<_>>()
        }
    };
    assert_eq!(noted().await, []);
    let start = fixture.clock().now();
    replicas.note_eviction(&channel("c1"), TTL).await.unwrap();
    replicas.note_eviction(&channel("c2"), TTL / 2).await.unwrap();
    let (all, half) = (start.after(TTL), start.after(TTL / 2));
    assert_eq!(noted().await, [("c1".to_owned(), all), ("c2".to_owned(), half)]);
    replicas.note_eviction(&channel("c2"), Duration::ZERO).await.unwrap();
    replicas.note_eviction(&channel("c2"), Duration::ZERO).await.unwrap();
    assert_eq!(noted().await, [("c1".to_owned(), all)]);
    fixture.clock().advance(TTL / 2);
    replicas.note_eviction(&channel("c1"), TTL).await.unwrap();
    fixture.clock().advance(TTL.saturating_sub(Duration::from_millis(1)));
    assert_eq!(noted().await.len(), 1);
    fixture.clock().advance(Duration::from_millis(1));
    assert_eq!(noted().await, []);
}

/// Whoever compares revisions misses no change.
pub async fn a_change_of_settings_changes_the_revision(fixture: impl Fixture) {
    let stores = fixture.stores();
    let revision = || {
        let replicas = stores.replicas.clone();
        async move { replicas.roll().await.unwrap().revision }
    };
    let mut seen = vec![revision().await];
    assert_eq!(revision().await, seen[0], "nothing changed");
    let (mut channel, agent) = (registries::channel("c", "C"), registries::agent("a", "A"));
    stores.channels.insert(&channel).await.unwrap();
    seen.push(revision().await);
    channel.enabled = !channel.enabled;
    stores.channels.update(&channel, Version(1)).await.unwrap();
    seen.push(revision().await);
    stores.agents.insert(&agent).await.unwrap();
    seen.push(revision().await);
    stores.agents.delete(&agent.id).await.unwrap();
    seen.push(revision().await);
    stores.channels.delete(&channel.id).await.unwrap();
    seen.push(revision().await);
    let mut distinct = seen.clone();
    distinct.dedup();
    assert_eq!(distinct, seen);
}

/// A restart reaches also those who did not hear of it.
pub async fn a_restart_is_counted_and_changes_the_revision(fixture: impl Fixture) {
    let stores = fixture.stores();
    let before = stores.replicas.roll().await.unwrap().revision;
    assert_eq!(stores.bulletin.restarts().await.unwrap(), []);
    for _ in 0..2 {
        stores.bulletin.post(&replica("a"), &Note::Restart(channel("c"))).await.unwrap();
    }
    assert_eq!(stores.bulletin.restarts().await.unwrap(), [(channel("c"), 2)]);
    assert_ne!(stores.replicas.roll().await.unwrap().revision, before);
}

/// Also by whoever told it.
pub async fn what_is_told_is_heard_by_all(fixture: impl Fixture) {
    let bulletin = fixture.stores().bulletin;
    let (mut one, mut other) = (bulletin.notes(), bulletin.notes());
    let told = [
        Note::ChannelChanged(channel("c")),
        Note::AgentsChanged,
        Note::Restart(channel("c")),
        Note::Withdrawn(channel("c")),
        Note::Wake { partition: Partition(200), conversation: ConversationId::new("con") },
        Note::Pressed { channel: channel("c"), card: "k".to_owned(), person: "p \"q\"".to_owned() },
        Note::Freed,
        Note::News("{}".to_owned()),
    ];
    // Whoever has just begun to listen may not be heard of yet: a first word goes on until it comes back.
    let first = Note::News("hello".to_owned());
    for notes in [&mut one, &mut other] {
        let hears = async {
            loop {
                bulletin.post(&replica("a"), &first).await.unwrap();
                let wait = tokio::time::timeout(Duration::from_millis(50), notes.next());
                if let Ok(Some((_, note))) = wait.await
                    && note == first
                {
                    return;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(30), hears).await.expect("it is heard");
    }
    for note in &told {
        bulletin.post(&replica("a"), note).await.unwrap();
    }
    for notes in [one, other] {
        let others = notes.filter(|(_, note)| {
            let is_other = *note != first && *note != Note::Missed;
            async move { is_other }
        });
        let heard = others.take(told.len()).collect::<Vec<_>>();
        let heard = tokio::time::timeout(Duration::from_secs(30), heard).await.expect("all is heard");
        let wanted: Vec<_> = told.iter().map(|note| (replica("a"), note.clone())).collect();
        assert_eq!(heard, wanted);
    }
}
