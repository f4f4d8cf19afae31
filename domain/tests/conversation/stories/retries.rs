//! What people see when an operator retries what failed.

use switchboard_domain::inbox::Intake;
use switchboard_domain::outcome::{AgentFailureKind, FailureCause, Outcome};
use switchboard_domain::reply::{Trial, Way};

use super::super::platform::Luck;
use super::super::shell::World;
use super::super::walk::Talk;
use super::{plain_world, world};
use switchboard_domain::ids::Seq;

impl World {
    /// The last failure is retried; the new entry.
    fn retries(&mut self) -> Seq {
        assert!(self.store.retry(self.store.failures.len() - 1, self.now));
        self.feed();
        self.store.entries.last().unwrap().seq
    }
}

#[test]
fn a_question_that_failed_is_answered_in_a_card_of_its_own() {
    let mut world = world();
    let first = world.ask();
    world.goes(Luck::Works);
    world.talk(0, Talk::Failed(AgentFailureKind::BadRequest));
    world.delivers();
    let again = world.retries();
    world.says(2);
    world.completes();
    world.ends_well();
    assert_eq!(world.outcome(again), Some(Outcome::Answered));
    assert_eq!(world.store.entry(again).message, world.store.entry(first).message);
    assert_eq!(world.platform.cards.len(), 2);
    assert_eq!(world.platform.cards[&world.store.card_of(again)].text, "k2q0 k2q1");
}

#[test]
fn an_answer_of_unknown_fate_is_said_again_and_nobody_is_asked() {
    let mut world = plain_world();
    let seq = world.ask();
    world.says(2);
    world.completes();
    world.goes(Luck::LostUnheard);
    let failed = world.store.failures[0].clone();
    assert_eq!(failed.cause, FailureCause::DeliveryUnknown);
    assert_eq!(failed.tried.api, Some(Trial::Unknown));
    assert_eq!(failed.again.intake, Intake::Deliver { text: "k1q0 k1q1".to_owned() });
    let again = world.retries();
    world.ends_well();
    assert_eq!((world.messages(seq), world.messages(again)), (vec![], vec!["k1q0 k1q1"]));
    assert_eq!((world.asked(seq), world.asked(again)), (1, 0));
}

#[test]
fn a_delivery_waits_for_the_turn_before_it_and_the_next_turn_for_the_delivery() {
    let mut world = plain_world();
    world.ask();
    world.says(1);
    world.completes();
    world.goes(Luck::LostUnheard);
    let running = world.ask();
    world.says(1);
    let again = world.retries();
    let last = world.ask();
    assert_eq!(world.outcome(again), None, "a turn runs");
    world.completes();
    assert_eq!(
        (world.outcome(running), world.outcome(again)),
        (Some(Outcome::Answered), Some(Outcome::Answered))
    );
    assert_eq!(world.outcome(last), None);
    world.ends_well();
    let order: Vec<_> = world.platform.messages.iter().map(|message| message.reply.seq).collect();
    assert_eq!(order, [running, again, last]);
    assert!(world.platform.messages.iter().all(|message| message.way == Way::Api));
}

#[test]
fn a_card_given_up_on_is_told_again_whole_what_did_not_fit_it_included() {
    let mut world = world();
    let seq = world.ask();
    world.goes(Luck::Works);
    for _ in 0..4 {
        world.says(39);
    }
    world.completes();
    while world.store.failures.is_empty() {
        world.goes(Luck::LostUnheard);
        world.pass_to_deadline();
    }
    assert_eq!(world.store.failures[0].cause, FailureCause::CardAbandoned);
    let again = world.retries();
    world.ends_well();
    // The judge has counted the words; here is where they stand.
    let card = &world.platform.cards[&world.store.card_of(again)];
    assert!(card.finished && !card.text.is_empty() && !world.messages(again).is_empty());
    assert!(world.messages(seq).is_empty());
}
