//! What people see when the platform refuses, throttles, or does not say what became of a call.

use std::time::Duration;

use switchboard_domain::notice::Notice;
use switchboard_domain::outcome::{FailureCause, Outcome};
use switchboard_domain::reply::{GATE_WAIT_MAX, SESSION_ADDRESS_MARGIN, Way};

use super::super::judge::words;
use super::super::platform::Luck;
use super::super::store::ask;
use super::super::walk::address;
use super::{answer, plain_world, sentence, world};

#[test]
fn a_card_refused_at_its_opening_gives_way_to_text_alone() {
    let mut world = world();
    let seq = world.ask();
    world.goes(Luck::Refused);
    world.says(3);
    world.completes();
    world.ends_well();
    assert!(world.platform.cards.is_empty());
    assert_eq!(world.messages(seq), ["k1q0 k1q1 k1q2"]);
}

#[test]
fn a_card_refused_half_way_becomes_a_pointer_to_the_text_below() {
    let mut world = world();
    let seq = world.ask();
    world.goes(Luck::Works);
    world.says(2);
    world.pass_to_deadline();
    world.goes(Luck::Refused);
    world.says(1);
    world.completes();
    world.ends_well();
    let card = world.card(seq);
    assert_eq!((card.text, card.finished), (sentence(Notice::AnswerBelow), true));
    assert_eq!(world.messages(seq), ["k1q0 k1q1 k1q2"]);
}

#[test]
fn a_finish_of_unknown_fate_that_had_worked_is_not_shown_a_second_time() {
    let mut world = world();
    let seq = world.ask();
    world.goes(Luck::Works);
    world.says(2);
    world.completes();
    world.goes(Luck::WorksUnheard);
    assert!(!world.process.conversation.is_at_rest());
    world.pass_to_deadline();
    world.goes(Luck::Works);
    assert!(world.process.conversation.is_at_rest());
    world.ends_well();
    assert_eq!((world.card(seq).text.as_str(), world.messages(seq).len()), ("k1q0 k1q1", 0));
}

#[test]
fn a_throttled_finish_is_late_and_does_not_fail() {
    let mut world = world();
    let seq = world.ask();
    world.goes(Luck::Works);
    world.says(1);
    world.completes();
    for _ in 0..30 {
        world.goes(Luck::Throttled(60_000));
        world.wait(Duration::from_mins(1));
    }
    world.ends_well();
    assert_eq!(world.outcome(seq), Some(Outcome::Answered));
    assert!(world.store.failures.is_empty() && world.card(seq).finished);
}

#[test]
fn a_platform_that_refuses_everything_leaves_a_failure_record() {
    let mut world = world();
    let seq = world.ask();
    world.goes(Luck::Refused);
    world.says(1);
    world.completes();
    world.goes(Luck::Refused);
    world.ends_well();
    assert!(world.store.failed_with(seq, FailureCause::DeliveryRefused));
}

#[test]
fn an_address_about_to_expire_gives_way_to_the_api() {
    let mut world = plain_world();
    let until = world.now.after(SESSION_ADDRESS_MARGIN + Duration::from_secs(30));
    let early = world.accept(ask("question"), Some(address(until)));
    let late = world.accept(ask("question"), Some(address(until)));
    world.feed();
    world.says(1);
    world.completes();
    world.delivers();
    world.wait(Duration::from_secs(30));
    world.says(1);
    world.completes();
    world.ends_well();
    let ways: Vec<_> =
        world.platform.messages.iter().map(|message| (message.reply.seq, message.way)).collect();
    assert_eq!(ways, [(early, Way::SessionAddress), (late, Way::Api)]);
}

#[test]
fn a_part_of_unknown_fate_is_recorded_and_the_next_part_goes_out() {
    let mut world = plain_world();
    let seq = world.ask();
    world.says(100);
    world.completes();
    world.goes(Luck::LostUnheard);
    world.ends_well();
    assert!(world.store.failed_with(seq, FailureCause::DeliveryUnknown));
    let seen: Vec<_> = world.messages(seq).into_iter().flat_map(words).collect();
    assert!(!seen.contains(&"k1q0".to_owned()) && seen.contains(&"k1q99".to_owned()), "{seen:?}");
}

#[test]
fn an_answer_longer_than_its_card_goes_on_as_text() {
    let mut world = world();
    let seq = world.ask();
    world.says(100);
    world.completes();
    world.ends_well();
    assert!(world.card(seq).text.ends_with(&sentence(Notice::ContinuedBelow)));
    assert!(!world.messages(seq).is_empty());
}

#[test]
fn the_next_answer_shows_nothing_until_the_one_before_has_made_its_last_call() {
    let mut world = world();
    let first = world.ask();
    let second = world.ask();
    world.goes(Luck::Works);
    world.says(1);
    world.completes();
    world.grant(0);
    world.says(1);
    world.completes();
    assert!(world.process.claims.is_empty(), "the finish of the first is on its way");
    world.land(0, Luck::Works);
    world.ends_well();
    let order: Vec<_> = world.ledger.visible.iter().map(|(reply, _)| *reply).collect();
    assert_eq!(order, [answer(first), answer(first), answer(second), answer(second)]);
}

#[test]
fn an_answer_that_cannot_be_finished_holds_each_of_the_others_back_for_ten_seconds() {
    let mut world = world();
    let all = [world.ask(), world.ask(), world.ask()];
    world.goes(Luck::Works);
    let began = world.now;
    for _ in all {
        world.says(1);
        world.completes();
    }
    for _ in 0..60 {
        // Only the first is stuck.
        while let Some(index) = world.process.claims.iter().position(|(reply, _)| *reply == answer(all[0])) {
            world.grant(index);
        }
        while let Some(index) = world.process.calls.iter().position(|flight| flight.reply == answer(all[0])) {
            world.land(index, Luck::Throttled(1_000));
        }
        world.wait(Duration::from_secs(1));
    }
    let gates = all[1..].iter().map(|seq| world.admitted_after(answer(*seq), began));
    assert_eq!(gates.collect::<Vec<_>>(), [GATE_WAIT_MAX, 2 * GATE_WAIT_MAX]);
    world.ends_well();
}

#[test]
fn no_more_than_four_answers_are_open_at_once() {
    let mut world = world();
    let all = [world.ask(), world.ask(), world.ask(), world.ask(), world.ask(), world.ask()];
    for _ in 0..4 {
        world.says(1);
        world.completes();
    }
    assert_eq!(world.asked(all[4]), 0, "four are being delivered");
    while !world.card_is_finished(all[0]) {
        world.goes(Luck::Works);
    }
    assert_eq!(world.asked(all[4]), 1, "three are, and one is being written");
    world.completes();
    assert_eq!(world.asked(all[5]), 0, "four are being delivered again");
    world.ends_well();
}
