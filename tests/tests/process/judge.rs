//! The verdict on a whole run: everything answered once, whole, in order of acceptance.

use std::collections::{BTreeMap, BTreeSet};

use dingtalk_sim::{Delivery, DeliveryCause, Observed, PushedMessage, ViolationKind};

/// Every message is acked, and answered once with `answer_to(text)`; answers come in order of acceptance; cards are closed,
/// once each; nothing else was said. Texts of messages must differ within a conversation.
pub(crate) fn answered_once_in_order(seen: &Observed, answer_to: impl Fn(&str) -> String) {
    answered_once_in_order_but(seen, answer_to, &Loss::default());
}

/// What a store may have lost that had been committed, by the ids of messages.
#[derive(Default)]
pub(crate) struct Loss {
    /// They may have been forgotten, and need no answer.
    pub(crate) messages: BTreeSet<String>,
    /// The end of their answer may have been forgotten, so that it is told once more: where the card is closed, as text.
    pub(crate) ends: BTreeSet<String>,
}

/// As [`answered_once_in_order`] but for what the store may have lost.
pub(crate) fn answered_once_in_order_but(seen: &Observed, answer_to: impl Fn(&str) -> String, loss: &Loss) {
    for conversation in seen.conversations.keys() {
        let mut said = seen.robot_texts(conversation);
        let is_asked = |message: &&PushedMessage| {
            message.conversation == *conversation
                && (!loss.messages.contains(&message.msg_id) || said.contains(&answer_to(&message.text)))
        };
        let asked: Vec<_> = seen.messages.iter().filter(is_asked).collect();
        for message in asked.iter().filter(|message| loss.ends.contains(&message.msg_id)) {
            let answer = answer_to(&message.text);
            if said.iter().filter(|text| **text == answer).count() > 1 {
                let last = said.iter().rposition(|text| *text == answer);
                said.remove(last.expect("it is said"));
            }
        }
        let wanted: Vec<_> = asked.iter().map(|message| answer_to(&message.text)).collect();
        let (mut said_sorted, mut wanted_sorted) = (said.clone(), wanted.clone());
        said_sorted.sort();
        wanted_sorted.sort();
        assert_eq!(said_sorted, wanted_sorted, "in {conversation}");
        let places: BTreeMap<_, _> = said.iter().enumerate().map(|(place, text)| (text, place)).collect();
        assert_eq!(places.len(), asked.len(), "texts must differ in {conversation}");
        for (index, first) in asked.iter().enumerate() {
            assert!(first.acked.is_some(), "{:?} was never acked", first.text);
            for second in asked.iter().skip(index + 1).filter(|second| surely_before(first, second)) {
                let place = |message: &PushedMessage| places[&answer_to(&message.text)];
                let (a, b) = (place(first), place(second));
                assert!(a < b, "{:?} was accepted before {:?}: {said:#?}", first.text, second.text);
            }
        }
    }
    let open: Vec<_> = seen.open_cards().iter().map(|card| &card.out_track_id).collect();
    assert!(open.is_empty(), "cards are open: {open:?}");
    for card in seen.cards().filter(|card| !card.conversations.is_empty()) {
        assert_eq!(card.finalize_count, 1, "card {} with {:?}", card.out_track_id, card.text);
    }
}

/// Whether the platform can know that `first` was accepted before `second`: it was acked before the other was ever sent, or
/// both were taken in at their first delivery, one after the other on one connection.
fn surely_before(first: &PushedMessage, second: &PushedMessage) -> bool {
    let sent_at = |message: &PushedMessage| message.deliveries.first().map(|delivery| delivery.at_ms);
    let taken_in_at =
        |message: &PushedMessage| message.deliveries.iter().filter_map(|delivery| delivery.acked_at_ms).min();
    let one_after_the_other = match (at_once(first), at_once(second)) {
        (Some(a), Some(b)) => a.connection == b.connection,
        _ => false,
    };
    one_after_the_other || taken_in_at(first).zip(sent_at(second)).is_some_and(|(taken, sent)| taken < sent)
}

/// The first delivery, if it was acked (also where the platform lost the ack).
fn at_once(message: &PushedMessage) -> Option<&Delivery> {
    let first = message.deliveries.first()?;
    (first.cause == DeliveryCause::First && first.acked_at_ms.is_some()).then_some(first)
}

/// The client kept to the protocol. A finish may be repeated after a crash (the platform then refuses it, and the refusal
/// counts as done), so that streaming after the end is no violation where there were crashes.
pub(crate) fn no_violations(seen: &Observed, crashed: bool) {
    no_violations_but(seen, if crashed { &[ViolationKind::StreamingAfterFinal] } else { &[] });
}

/// The client kept to the protocol although the store was away and servers crashed: what a store takes in late is acked late
/// (R2), which the platform meets with a redelivery.
pub(crate) fn no_violations_without_store(seen: &Observed) {
    no_violations_but(seen, &[ViolationKind::StreamingAfterFinal, ViolationKind::LateAck]);
}

fn no_violations_but(seen: &Observed, allowed: &[ViolationKind]) {
    let broken: Vec<_> =
        seen.violations.iter().filter(|violation| !allowed.contains(&violation.kind)).collect();
    assert!(broken.is_empty(), "{broken:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_judge_does_not_let_a_wrong_answer_a_wrong_order_or_an_open_card_pass() {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use switchboard_tests::scripted_agent::Behaviour;

    use super::stage::{Stage, answer_to};

    let stage = Stage::start().await;
    stage.say("ann", "one");
    stage.wait_texts("ann", &[&answer_to("one")]).await;
    stage.say("ann", "two");
    stage.wait_texts("ann", &[&answer_to("one"), &answer_to("two")]).await;
    let passes = |wanted: fn(&str) -> String| {
        let judge = || stage.simulator.observe(|seen| answered_once_in_order(seen, wanted));
        catch_unwind(AssertUnwindSafe(judge)).is_ok()
    };
    assert!(passes(answer_to));
    assert!(!passes(|question| format!("{question}, whatever")));
    // The same answers, each to the other question: the order is wrong.
    assert!(!passes(|question| answer_to(if question == "one" { "two" } else { "one" })));
    stage.agent.queue([Behaviour::HangAfter { text: answer_to("three") }]);
    stage.say("ann", "three");
    stage.wait_streaming("ann", "You said: three").await;
    assert!(!passes(answer_to));
}
