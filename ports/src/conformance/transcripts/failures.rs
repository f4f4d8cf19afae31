//! Failure records, and forgetting a channel.

use switchboard_domain::ids::{Seq, Version};

use crate::conformance::Fixture;
use crate::conformance::generate::{causes, values};
use crate::conformance::samples::{accept_first, ask, commit, failure, key, key_on, lease, line};
use crate::conversations::{Commit, Failure};
use crate::transcripts::ConversationFilter;

use super::{found, page, tell};

/// All causes, in pages, each with an id of its own.
pub async fn failures_are_listed_newest_first(fixture: impl Fixture) {
    let stores = fixture.stores();
    accept_first(&*stores.conversations, ask(&key("c"), "m1", "hello")).await;
    let lease = lease(&*stores.conversations, "a", &key("c")).await;
    let failures: Vec<_> =
        (1..=7).zip(values(&causes(), 7)).map(|(n, cause)| Failure { cause, ..failure(n) }).collect();
    for (n, chunk) in failures.chunks(3).enumerate() {
        let step = Commit {
            failures: chunk.to_vec(),
            ..commit(&format!("k{n}"), &key("c").id(), Version(n as u64))
        };
        stores.conversations.commit(&lease, step).await.unwrap();
    }
    let mut read = Vec::new();
    let mut after = None;
    loop {
        let page = stores.transcripts.failures(&page(2, after)).await.unwrap();
        read.extend(page.items);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let newest_first: Vec<_> = failures.into_iter().rev().collect();
    let records: Vec<_> = read.iter().map(|info| info.failure.clone()).collect();
    assert_eq!(records, newest_first);
    assert!(read.iter().all(|info| info.conversation == key("c").id() && info.id.starts_with("flr_")));
    let mut ids: Vec<_> = read.iter().map(|info| &info.id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 7);
}

/// Bounded steps, to the end; other channels stay, and so do the marks.
pub async fn purging_a_channel_forgets_it_in_steps_and_nothing_else(fixture: impl Fixture) {
    let stores = fixture.stores();
    let many: Vec<_> = (1..=1_500).map(|n| line(n, "x")).collect();
    tell(&stores, &key("c"), &many).await;
    for n in 0..20 {
        tell(&stores, &key(&format!("small{n}")), &[line(1, "x")]).await;
    }
    let other = key_on("chn_b", "c");
    tell(&stores, &other, &[line(1, "kept")]).await;
    let holder = lease(&*stores.conversations, "a", &key("c")).await;
    let failed = Commit { failures: vec![failure(1)], ..commit("k2", &key("c").id(), Version(1)) };
    stores.conversations.commit(&holder, failed).await.unwrap();
    let mut steps = 1;
    while stores.transcripts.purge(&key("c").channel).await.unwrap() {
        steps += 1;
        assert!(steps < 1_000, "purging does not come to an end");
    }
    assert!(steps > 1, "1,500 lines are more than one step");
    assert_eq!(found(&stores, &ConversationFilter::default()).await, [other.id()]);
    let lines = stores.transcripts.lines(&key("c").id(), &page(10, None)).await.unwrap();
    assert_eq!(lines.items, []);
    assert_eq!(stores.transcripts.failures(&page(10, None)).await.unwrap().items, []);
    assert_eq!(stores.conversations.open(key("c").partition(), None).await, Ok(vec![]));
    assert_eq!(stores.conversations.load(&holder, &key("c").id(), Seq(0)).await, Ok(None));
    let kept = stores.transcripts.lines(&other.id(), &page(10, None)).await.unwrap();
    assert_eq!(kept.items, [line(1, "kept")]);
    // A redelivery of what was purged is still a redelivery.
    let again =
        stores.conversations.accept(ask(&key("c"), &format!("{}-1500", key("c").id()), "hello")).await;
    assert_eq!(again, Ok(crate::conversations::Accepted::Duplicate));
    assert_eq!(stores.transcripts.purge(&key("c").channel).await, Ok(false));
}
