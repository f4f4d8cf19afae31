//! The open index.

use switchboard_domain::ids::{ConversationId, Partition, Seq, Version};
use switchboard_domain::inbox::Verdict;
use switchboard_domain::outcome::Refusal;

use crate::conformance::Fixture;
use crate::conformance::samples::{
    accept_first, ask, commit, decided, ending, key, lease, member_key, reply, snapshot,
};
use crate::conversations::{Commit, OPEN_LISTED_MAX};

/// Entries not ended or replies not done, and nothing else.
pub async fn listed_is_what_waits_or_has_replies_to_bring_out(fixture: impl Fixture) {
    let store = fixture.stores().conversations;
    let key = key("c");
    let (id, partition) = (key.id(), key.partition());
    let listed = async || store.open(partition, None).await.unwrap() == [id.clone()];
    assert!(!listed().await);
    accept_first(&*store, ask(&key, "m1", "hello")).await;
    assert!(listed().await);
    let lease = lease(&*store, "a", &key).await;
    // The entry ends, its reply is not out yet.
    let mut with_reply = snapshot(1);
    with_reply.replies.push(reply(Seq(1), "answer"));
    let ended = Commit { snapshot: with_reply.clone(), ..ending("k1", &id, Version(0), &[Seq(1)]) };
    store.commit(&lease, ended).await.unwrap();
    assert!(listed().await);
    // Both: a new entry and the old reply.
    accept_first(&*store, ask(&key, "m2", "hello")).await;
    store.commit(&lease, commit("k2", &id, Version(1))).await.unwrap();
    assert!(listed().await, "the reply is out, the new entry waits");
    store.commit(&lease, ending("k3", &id, Version(2), &[Seq(2)])).await.unwrap();
    assert!(!listed().await);
    accept_first(&*store, ask(&key, "m3", "hello")).await;
    assert!(listed().await);
}

/// Members of a group share a partition; others do not.
pub async fn a_partition_lists_only_its_own(fixture: impl Fixture) {
    let store = fixture.stores().conversations;
    let chats: Vec<_> = (0..20).map(|n| key(&format!("c{n}"))).collect();
    for (n, key) in chats.iter().enumerate() {
        accept_first(&*store, ask(key, &format!("m{n}"), "hello")).await;
    }
    let mut found = 0;
    for partition in Partition::all() {
        for id in store.open(partition, None).await.unwrap() {
            let key = chats.iter().find(|key| key.id() == id).unwrap();
            assert_eq!(key.partition(), partition);
            found += 1;
        }
    }
    assert_eq!(found, chats.len());
}

/// R1.
pub async fn what_was_passed_over_is_not_listed(fixture: impl Fixture) {
    let store = fixture.stores().conversations;
    let passed = decided(&key("c"), "m1", "hello", Verdict::Pass(Refusal::AccessDenied));
    store.accept(passed).await.unwrap();
    assert_eq!(store.open(key("c").partition(), None).await, Ok(Vec::new()));
    // A refusal has a notice to send, so it is.
    let refused = decided(&key("c"), "m2", "hello", Verdict::Refuse(Refusal::AccessDenied));
    store.accept(refused).await.unwrap();
    assert_eq!(store.open(key("c").partition(), None).await, Ok(vec![key("c").id()]));
}

/// A crowded partition comes in pages, each conversation once.
pub async fn open_pages_in_id_order(fixture: impl Fixture) {
    let store = fixture.stores().conversations;
    let count = OPEN_LISTED_MAX + 3;
    let mut waiting = Vec::new();
    let mut expected = Vec::new();
    for n in 0..count {
        let key = member_key("g", &format!("u{n}"));
        waiting.push(store.accept(ask(&key, &format!("m{n}"), "hello")));
        expected.push(key.id());
    }
    for accepted in waiting {
        accepted.await.unwrap();
    }
    expected.sort();
    let partition = member_key("g", "u0").partition();
    let mut found: Vec<ConversationId> = Vec::new();
    loop {
        let page = store.open(partition, found.last()).await.unwrap();
        assert!(page.len() <= usize::try_from(OPEN_LISTED_MAX).unwrap());
        if page.is_empty() {
            break;
        }
        found.extend(page);
    }
    assert_eq!(found, expected);
}
