//! Accepting: deduplication, order, admission.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join_all;
use switchboard_domain::ids::{FencingToken, MessageId, RetryNumber, Seq, Version};
use switchboard_domain::inbox::{Entry, Intake, Verdict};
use switchboard_domain::outcome::Refusal;

use crate::conformance::generate::{entries, intakes, values};
use crate::conformance::samples::{
    Recording, TTL, accept_first, address, ask, commit, decided, key, key_on, lease, member_key, replica,
};
use crate::conformance::{FakeClock, Fixture};
use crate::conversations::{Accepted, Arrival, ConversationStore, DEDUPLICATION_KEPT};

const FIRST: Accepted = Accepted::First { seq: Some(Seq(1)), verdict: Verdict::Admit, at: FakeClock::START };

/// All entries of a conversation, as its owner reads them.
async fn entries_of(store: &dyn ConversationStore, arrival: &Arrival) -> Vec<Entry> {
    let lease = lease(store, "a", &arrival.key).await;
    let loaded = store.load(&lease, &arrival.key.id(), Seq(0)).await.unwrap();
    loaded.map(|loaded| loaded.entries).unwrap_or_default()
}

/// R1.
pub async fn a_first_delivery_is_stored_and_a_second_is_a_duplicate(fixture: impl Fixture) {
    let store = fixture.stores().conversations;
    let arrival = ask(&key("c"), "m1", "hello");
    assert_eq!(store.accept(arrival.clone()).await, Ok(FIRST));
    assert_eq!(store.accept(arrival.clone()).await, Ok(Accepted::Duplicate));
    let entries = entries_of(&*store, &arrival).await;
    let expected = Entry {
        seq: Seq(1),
        accepted_at: FakeClock::START,
        fence: FencingToken(0),
        message: arrival.message,
        retry: RetryNumber(0),
        chat: arrival.chat,
        sender: arrival.sender,
        sent_at: arrival.sent_at,
        session_address: None,
        intake: arrival.intake,
    };
    assert_eq!(entries, [expected]);
}

/// R1: the key is channel, chat and message.
pub async fn the_same_message_id_on_another_channel_is_another_message(fixture: impl Fixture) {
    let store = fixture.stores().conversations;
    accept_first(&*store, ask(&key("c"), "m1", "hello")).await;
    accept_first(&*store, ask(&key_on("chn_b", "c"), "m1", "hello")).await;
    // Within a chat it does not matter which conversation names the message: its members' sessions may be set apart meanwhile.
    let elsewhere = store.accept(ask(&member_key("c", "ann"), "m1", "hello")).await;
    assert_eq!(elsewhere, Ok(Accepted::Duplicate));
}

/// R1: atomic, from several threads.
pub async fn of_deliveries_at_once_exactly_one_is_first(fixture: impl Fixture) {
    let store = fixture.stores().conversations;
    let futures: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..8).map(|_| scope.spawn(|| store.accept(ask(&key("c"), "m1", "hello")))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let answers = join_all(futures).await;
    let first = answers.iter().filter(|answer| **answer == Ok(FIRST)).count();
    let again = answers.iter().filter(|answer| **answer == Ok(Accepted::Duplicate)).count();
    assert_eq!((first, again), (1, 7));
    assert_eq!(entries_of(&*store, &ask(&key("c"), "m1", "")).await.len(), 1);
}

/// R2: the call enqueues, the future only waits.
pub async fn the_order_of_acceptance_is_the_order_of_calls(fixture: impl Fixture) {
    let store = fixture.stores().conversations;
    let mut futures: Vec<_> =
        (1..=20).map(|n| store.accept(ask(&key("c"), &format!("m{n}"), "hello"))).collect();
    futures.reverse();
    for (place, future) in futures.into_iter().enumerate() {
        let seq = Some(Seq(20 - u64::try_from(place).unwrap()));
        assert_eq!(future.await, Ok(Accepted::First { seq, verdict: Verdict::Admit, at: FakeClock::START }));
    }
}

/// R2: a connection that closes does not take back what it handed over.
pub async fn a_dropped_future_undoes_nothing(fixture: impl Fixture) {
    let store = fixture.stores().conversations;
    drop(store.accept(ask(&key("c"), "m1", "never polled")));
    let mut polled = store.accept(ask(&key("c"), "m2", "polled once"));
    let _pending = (&mut polled).now_or_never();
    drop(polled);
    let third = accept_first(&*store, ask(&key("c"), "m3", "waited for")).await;
    assert_eq!(third, Seq(3));
    let texts: Vec<_> =
        entries_of(&*store, &ask(&key("c"), "m1", "")).await.into_iter().map(|entry| entry.message).collect();
    assert_eq!(texts, ["m1", "m2", "m3"].map(MessageId::new));
}

/// R1: `Pass` keeps the mark and nothing else.
pub async fn a_passed_message_leaves_only_its_mark(fixture: impl Fixture) {
    let stores = fixture.stores();
    let store = stores.conversations;
    let verdict = Verdict::Pass(Refusal::TooManyMessages);
    let passed = decided(&key("c"), "m1", "hello", verdict);
    let answer = store.accept(passed.clone()).await;
    assert_eq!(answer, Ok(Accepted::First { seq: None, verdict, at: FakeClock::START }));
    assert_eq!(store.accept(ask(&key("c"), "m1", "hello")).await, Ok(Accepted::Duplicate));
    assert_eq!(stores.transcripts.conversation(&key("c").id()).await, Ok(None));
    // It takes no place either.
    assert_eq!(accept_first(&*store, ask(&key("c"), "m2", "hello")).await, Seq(1));
}

/// R1: a refusal is stored with the delivery; the text is not needed any more.
pub async fn a_refused_message_keeps_its_place_but_not_its_text(fixture: impl Fixture) {
    let store = fixture.stores().conversations;
    let verdict = Verdict::Refuse(Refusal::InboxFull);
    let refused = decided(&key("c"), "m1", "hello", verdict);
    let answer = store.accept(refused.clone()).await.unwrap();
    assert_eq!(answer, Accepted::First { seq: Some(Seq(1)), verdict, at: FakeClock::START });
    let entries = entries_of(&*store, &refused).await;
    assert_eq!(entries[0].intake, Intake::Refused(Refusal::InboxFull));
    assert_eq!(entries[0].sender, refused.sender);
}

/// R1: a redelivery costs nothing and says nothing.
pub async fn admission_is_asked_once_with_the_number_waiting(fixture: impl Fixture) {
    let store = fixture.stores().conversations;
    let admission = Arc::new(Recording::default());
    let arrival = |message: &str| Arrival {
        admission: Arc::clone(&admission) as _,
        ..ask(&key("c"), message, "hello")
    };
    for message in ["m1", "m1", "m2", "m1", "m2"] {
        store.accept(arrival(message)).await.unwrap();
    }
    assert_eq!(admission.asked(), [0, 1]);
    // Ended ones do not wait; another conversation's do not count.
    let lease = lease(&*store, "a", &key("c")).await;
    let ending = crate::conformance::samples::ending("k1", &key("c").id(), Version(0), &[Seq(1)]);
    store.commit(&lease, ending).await.unwrap();
    store.accept(ask(&key("d"), "m3", "hello")).await.unwrap();
    store.accept(arrival("m4")).await.unwrap();
    assert_eq!(admission.asked(), [0, 1, 1]);
}

/// R1: kept at least a day, whatever else comes.
pub async fn a_mark_is_kept_for_a_day(fixture: impl Fixture) {
    let store = fixture.stores().conversations;
    accept_first(&*store, ask(&key("c"), "m1", "hello")).await;
    for hour in 0..24 {
        fixture.clock().advance(DEDUPLICATION_KEPT / 25);
        accept_first(&*store, ask(&key("c"), &format!("other{hour}"), "hello")).await;
    }
    let again = store.accept(ask(&key("c"), "m1", "hello")).await;
    assert_eq!(again, Ok(Accepted::Duplicate));
}

/// R2: from 1, without gaps, each conversation by itself; ended entries free no number.
pub async fn sequences_are_gapless_and_independent(fixture: impl Fixture) {
    let store = fixture.stores().conversations;
    let keys = [key("c"), key("d"), member_key("g", "u1"), member_key("g", "u2")];
    for round in 1..=3 {
        for key in &keys {
            let message = format!("{}-{:?}-{round}", key.chat, key.member);
            assert_eq!(accept_first(&*store, ask(key, &message, "hello")).await, Seq(round));
        }
    }
    let lease = lease(&*store, "a", &keys[0]).await;
    let all = [Seq(1), Seq(2), Seq(3)];
    let ending = crate::conformance::samples::ending("k1", &keys[0].id(), Version(0), &all);
    store.commit(&lease, ending).await.unwrap();
    assert_eq!(accept_first(&*store, ask(&keys[0], "later", "hello")).await, Seq(4));
}

/// Texts in several scripts, all control acts, all refusals.
pub async fn every_kind_of_entry_comes_back_as_it_was(fixture: impl Fixture) {
    let store = fixture.stores().conversations;
    let intakes = values(&intakes(), 60);
    let entries = values(&entries(), 60);
    let mut expected = Vec::new();
    for (n, (intake, entry)) in intakes.into_iter().zip(entries).enumerate() {
        let message = format!("m{n}");
        let arrival = Arrival {
            chat: entry.chat.clone(),
            sender: entry.sender.clone(),
            sent_at: entry.sent_at,
            session_address: entry.session_address.clone(),
            intake: intake.clone(),
            ..ask(&key("c"), &message, "")
        };
        let seq = accept_first(&*store, arrival).await;
        expected.push(Entry {
            seq,
            accepted_at: FakeClock::START,
            fence: FencingToken(0),
            message: MessageId::new(message),
            retry: RetryNumber(0),
            intake,
            ..entry
        });
    }
    assert_eq!(entries_of(&*store, &ask(&key("c"), "", "")).await, expected);
}

/// R13: sealed at rest, whole when read.
pub async fn a_session_address_survives(mut fixture: impl Fixture) {
    let arrival = Arrival {
        session_address: Some(address("https://example.invalid/send?session=abc")),
        ..ask(&key("c"), "m1", "hello")
    };
    accept_first(&*fixture.stores().conversations, arrival.clone()).await;
    let entries = entries_of(&*fixture.stores().conversations, &arrival).await;
    assert_eq!(entries[0].session_address, arrival.session_address);
    if fixture.reopen().await {
        let entries = entries_of(&*fixture.stores().conversations, &arrival).await;
        assert_eq!(entries[0].session_address, arrival.session_address);
    }
}

/// R15: an entry older than the reader's lease may have been begun by an earlier owner.
pub async fn an_entry_carries_the_fence_of_its_acceptance(fixture: impl Fixture) {
    let store = fixture.stores().conversations;
    let key = key("c");
    accept_first(&*store, ask(&key, "m1", "before anybody")).await;
    let first = lease(&*store, "a", &key).await;
    accept_first(&*store, ask(&key, "m2", "under the first")).await;
    fixture.clock().advance(TTL + Duration::from_millis(1));
    // The end of a lease is not the beginning of another.
    accept_first(&*store, ask(&key, "m3", "between")).await;
    let second = lease(&*store, "b", &key).await;
    accept_first(&*store, ask(&key, "m4", "under the second")).await;
    let loaded = store.load(&second, &key.id(), Seq(0)).await.unwrap().unwrap();
    let fences: Vec<_> = loaded.entries.iter().map(|entry| entry.fence).collect();
    assert_eq!(fences, [FencingToken(0), first.token, first.token, second.token]);
    assert!(FencingToken(0) < first.token && first.token < second.token);
}

/// R2.
pub async fn accepting_does_not_touch_the_version(fixture: impl Fixture) {
    let store = fixture.stores().conversations;
    let key = key("c");
    accept_first(&*store, ask(&key, "m1", "hello")).await;
    let granted = store.claim(&replica("a"), &[key.partition()], TTL).await.unwrap();
    let version = store.commit(&granted[0], commit("k1", &key.id(), Version(0))).await.unwrap();
    accept_first(&*store, ask(&key, "m2", "hello")).await;
    let next = store.commit(&granted[0], commit("k2", &key.id(), version)).await;
    assert_eq!(next, Ok(Version(2)));
}
