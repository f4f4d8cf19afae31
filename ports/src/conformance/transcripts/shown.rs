//! Answers found by what the platform calls the messages that show them.

use switchboard_domain::ids::{ConversationKey, Seq, Version};
use switchboard_domain::snapshot::{Role, TranscriptLine};

use crate::conformance::samples::{accept_first, ask, commit, key, key_on, lease, line, member_key};
use crate::conformance::{Fixture, Stores};
use crate::conversations::{Commit, SHOWN_ENTRIES_MAX, Shown};

fn shown(seq: u64, key: &str) -> Shown {
    Shown { seq: Seq(seq), key: key.to_owned() }
}

fn turn(seq: u64, answer: &str) -> Vec<TranscriptLine> {
    vec![line(seq, "question"), TranscriptLine { role: Role::Assistant, ..line(seq, answer) }]
}

/// One commit after the other, with these lines and names.
async fn tell(stores: &Stores, key: &ConversationKey, steps: Vec<(Vec<TranscriptLine>, Vec<Shown>)>) {
    accept_first(&*stores.conversations, ask(key, &format!("first of {}", key.id()), "hello")).await;
    let lease = lease(&*stores.conversations, "a", key).await;
    for (n, (transcript, shown)) in (0..).zip(steps) {
        let step = Commit { transcript, shown, ..commit(&format!("k{n}"), &key.id(), Version(n)) };
        stores.conversations.commit(&lease, step).await.unwrap();
    }
}

async fn found(stores: &Stores, place: &ConversationKey, key: &str) -> Option<String> {
    let line = stores.transcripts.shown_as(&place.channel, &place.chat, key).await.unwrap();
    line.map(|line| line.text)
}

/// A card and a plain message of one answer, and those of another one.
pub async fn an_answer_is_found_by_what_the_platform_calls_it(fixture: impl Fixture) {
    let stores = fixture.stores();
    let first = (turn(1, "one"), vec![shown(1, "card-1"), shown(1, "message-1")]);
    tell(&stores, &key("c"), vec![first, (turn(2, "two"), vec![shown(2, "card-2")])]).await;
    for (name, expected) in [
        ("card-1", Some("one")),
        ("message-1", Some("one")),
        ("card-2", Some("two")),
        ("card", None),
        ("", None),
    ] {
        assert_eq!(found(&stores, &key("c"), name).await.as_deref(), expected, "{name}");
    }
    let line = stores.transcripts.shown_as(&key("c").channel, "c", "card-2").await.unwrap();
    assert_eq!(line, Some(turn(2, "two").remove(1)));
}

/// Members of a group have conversations of their own; other chats and channels have other messages.
pub async fn an_answer_is_found_by_whoever_is_in_the_chat_and_nowhere_else(fixture: impl Fixture) {
    let stores = fixture.stores();
    tell(&stores, &member_key("g", "ann"), vec![(turn(1, "to ann"), vec![shown(1, "card-1")])]).await;
    tell(&stores, &member_key("g", "bob"), vec![(turn(1, "to bob"), vec![shown(1, "card-2")])]).await;
    tell(&stores, &key("other"), vec![(turn(1, "elsewhere"), vec![shown(1, "card-1")])]).await;
    tell(&stores, &key_on("chn_b", "g"), vec![(turn(1, "another bot"), vec![shown(1, "card-2")])]).await;
    assert_eq!(found(&stores, &key("g"), "card-1").await.as_deref(), Some("to ann"));
    assert_eq!(found(&stores, &key("g"), "card-2").await.as_deref(), Some("to bob"));
    assert_eq!(found(&stores, &key_on("chn_b", "g"), "card-1").await, None);
    assert_eq!(found(&stores, &key("nowhere"), "card-1").await, None);
}

/// The platform tells when it does; told twice is told once.
pub async fn a_name_may_come_before_and_after_its_answer(fixture: impl Fixture) {
    let stores = fixture.stores();
    let names = |name| vec![shown(1, name)];
    tell(&stores, &key("c"), vec![(Vec::new(), names("early"))]).await;
    assert_eq!(found(&stores, &key("c"), "early").await, None, "the answer has not ended");
    let steps =
        vec![(Vec::new(), names("early")), (turn(1, "one"), names("early")), (Vec::new(), names("late"))];
    tell(&stores, &key("d"), steps).await;
    assert_eq!(found(&stores, &key("d"), "early").await.as_deref(), Some("one"));
    assert_eq!(found(&stores, &key("d"), "late").await.as_deref(), Some("one"));
}

/// At the bound, and one beyond.
pub async fn names_of_old_entries_are_forgotten(fixture: impl Fixture) {
    let stores = fixture.stores();
    let last = SHOWN_ENTRIES_MAX + 1;
    let before: Vec<_> = (1..last).map(|seq| shown(seq, &format!("card-{seq}"))).collect();
    let steps = vec![(turn(1, "one"), before), (turn(2, "two"), Vec::new())];
    tell(&stores, &key("c"), steps).await;
    tell(&stores, &key("d"), vec![(turn(1, "elsewhere"), vec![shown(1, "card-1")])]).await;
    assert_eq!(found(&stores, &key("c"), "card-1").await.as_deref(), Some("one"));
    let lease = lease(&*stores.conversations, "a", &key("c")).await;
    let step = Commit { shown: vec![shown(last, "newest")], ..commit("k9", &key("c").id(), Version(2)) };
    stores.conversations.commit(&lease, step).await.unwrap();
    assert_eq!(found(&stores, &key("c"), "card-1").await, None);
    assert_eq!(found(&stores, &key("c"), "card-2").await.as_deref(), Some("two"));
    assert_eq!(found(&stores, &key("d"), "card-1").await.as_deref(), Some("elsewhere"));
}

/// A restart, then a purge.
pub async fn names_survive_and_go_with_their_channel(mut fixture: impl Fixture) {
    let stores = fixture.stores();
    tell(&stores, &key("c"), vec![(turn(1, "one"), vec![shown(1, "card-1")])]).await;
    drop(stores);
    fixture.reopen().await;
    let stores = fixture.stores();
    assert_eq!(found(&stores, &key("c"), "card-1").await.as_deref(), Some("one"));
    while stores.transcripts.purge(&key("c").channel).await.unwrap() {}
    assert_eq!(found(&stores, &key("c"), "card-1").await, None);
}
