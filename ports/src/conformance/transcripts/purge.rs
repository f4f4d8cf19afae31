//! Forgetting a channel.

use switchboard_domain::ids::{Seq, Version};

use crate::conformance::Fixture;
use crate::conformance::samples::{ask, commit, failed, key, key_on, lease, line};
use crate::conversations::Commit;
use crate::transcripts::ConversationFilter;

use super::{found, page, tell};

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
    let broken = Commit { failures: vec![failed(1)], ..commit("k2", &key("c").id(), Version(1)) };
    stores.conversations.commit(&holder, broken).await.unwrap();
    let mut steps = 1;
    while stores.transcripts.purge(&key("c").channel).await.unwrap() {
        steps += 1;
        assert!(steps < 1_000, "purging does not come to an end");
    }
    assert!(steps > 1, "1,500 lines are more than one step");
    assert_eq!(found(&stores, &ConversationFilter::default()).await, [other.id()]);
    let lines = stores.transcripts.lines(&key("c").id(), &page(10, None)).await.unwrap();
    assert_eq!(lines.items, []);
    assert_eq!(stores.failures.list(&page(10, None)).await.unwrap().items, []);
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
