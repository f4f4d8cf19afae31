//! Messages that come right after each other.

use switchboard_domain::outcome::Outcome;
use switchboard_domain::snapshot::Role;

use super::super::store::ask;
use super::super::walk::Act;
use super::waiting::{SECOND, waits};
use super::world;
#[test]
fn a_burst_is_one_question_with_one_answer_and_every_message_ends() {
    let mut world = world();
    world.act(Act::Merge(2_000));
    let all = [world.ask(), world.ask(), world.ask()];
    world.wait(SECOND);
    assert_eq!(world.process.runs.len(), 0);
    world.wait(SECOND);
    world.says(2);
    world.completes();
    world.ends_well();
    assert_eq!(all.map(|seq| world.asked(seq)), [1, 0, 0]);
    let joined = Some(Outcome::Joined);
    assert_eq!(all.map(|seq| world.outcome(seq)), [Some(Outcome::Answered), joined, joined]);
    let lines = &world.store.transcript;
    let questions: Vec<_> =
        lines.iter().filter(|line| line.role == Role::User).map(|line| &line.text).collect();
    assert_eq!(questions, ["question\nquestion\nquestion"]);
    assert_eq!(world.platform.cards.len(), 1);
}

#[test]
fn a_burst_survives_crashes_while_it_waits_and_while_it_is_answered() {
    let mut world = world();
    world.act(Act::Merge(2_000));
    let all = [world.ask(), world.ask()];
    world.wait(SECOND);
    world.crash();
    world.wait(SECOND * 2);
    assert_eq!(world.process.runs.len(), 1);
    world.says(2);
    world.delivers();
    world.crash();
    world.ends_well();
    assert_eq!(world.outcome(all[1]), Some(Outcome::Joined));
    assert_eq!((world.asked(all[0]), world.asked(all[1])), (2, 0));
}

#[test]
fn what_is_found_too_late_for_its_burst_waits_for_its_own_turn_and_says_so() {
    let mut world = world();
    world.act(Act::Merge(2_000));
    let first = world.ask();
    world.wait(SECOND);
    let late = world.accept(ask("question"), None);
    world.wait(SECOND);
    world.says(1);
    world.delivers();
    world.feed();
    world.wait(SECOND);
    world.delivers();
    assert_eq!(world.card(late).text, waits(1));
    world.completes();
    world.ends_well();
    assert_eq!([first, late].map(|seq| world.asked(seq)), [1, 1]);
}

#[test]
fn what_joins_says_nothing_of_itself_whatever_it_waits_for() {
    let mut world = world();
    world.act(Act::Merge(2_000));
    world.ask();
    world.wait(SECOND * 2);
    world.says(1);
    world.delivers();
    world.wait(SECOND * 3);
    let [second, third] = [world.ask(), world.ask()];
    world.wait(SECOND * 3);
    world.delivers();
    assert_eq!(world.card(second).text, waits(1));
    assert!(!world.platform.cards.contains_key(&world.store.entry(third).message));
    world.completes();
    world.ends_well();
    assert_eq!(world.outcome(third), Some(Outcome::Joined));
    assert_eq!(world.platform.cards.len(), 2);
}

#[test]
fn a_burst_has_a_bound() {
    let mut world = world();
    world.act(Act::Merge(2_000));
    let all: Vec<_> = (0..25).map(|_| world.ask()).collect();
    world.ends_well();
    let asked = all.iter().filter(|seq| world.asked(**seq) > 0).count();
    assert_eq!(asked, 3, "ten at most are one turn");
}
