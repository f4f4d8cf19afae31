//! What the judge finds: good answers, and each way in which an answer can be wrong.

use super::super::places::conversation_of;
use super::*;

const MS: u64 = 1_000;

/// A judge of three conversations, asked in turn.
fn judge() -> Judge {
    Judge::new(7, 1, vec![0, 1, 2], false)
}

fn send(judge: &mut Judge, at_ms: u64) -> Mark {
    judge.send(at_ms * MS, at_ms * MS).unwrap().mark
}

/// Three messages each to the three conversations; those of the first.
fn three_in_one(judge: &mut Judge) -> Vec<Mark> {
    (0..9).map(|_| send(judge, 0)).filter(|mark| mark.place == 0).collect()
}

fn reply(judge: &mut Judge, mark: Mark, at_ms: u64) {
    judge.replied(&conversation_of(mark.place), &format!("You said: {mark}"), at_ms * MS);
}

/// A card in the conversation of a place.
#[derive(Default)]
struct Card {
    judgement: Judgement,
}

impl Card {
    fn shows(&mut self, judge: &mut Judge, place: usize, text: &str, state: CardState, at_ms: u64) {
        let conversation = conversation_of(place);
        let judgement = &mut self.judgement;
        let card = JudgedCard { conversation: Some(&conversation), text, state, judgement };
        judge.card_changed(card, at_ms * MS);
    }
}

#[test]
fn an_answer_on_a_card_is_counted_once_and_forgotten() {
    let mut judge = judge();
    let mark = send(&mut judge, 10);
    judge.acknowledged(&format!("{mark} hello"), 11 * MS);
    judge.asked(&[mark], 12 * MS);
    let mut card = Card::default();
    card.shows(&mut judge, 0, "", CardState::Processing, 13);
    card.shows(&mut judge, 0, "Thinking", CardState::Inputing, 14);
    card.shows(&mut judge, 0, &format!("{mark} Some"), CardState::Inputing, 20);
    judge.told(&[mark], 25 * MS);
    card.shows(&mut judge, 0, &format!("{mark} Some words"), CardState::Finished, 30);
    card.shows(&mut judge, 0, &format!("{mark} Some words"), CardState::Finished, 31);
    assert_eq!(judge.verdict, Verdict { sent: 1, answered: 1, ..Verdict::default() });
    assert_eq!(judge.open(), 0);
    let times = [
        &judge.times.acknowledged,
        &judge.times.asked,
        &judge.times.shown,
        &judge.times.worded,
        &judge.times.stood,
        &judge.times.finished,
        &judge.times.closing,
    ];
    let found = times.map(|times| (times.count(), times.summary().max_ms));
    for (found, wanted) in found.into_iter().zip([1.0, 2.0, 4.0, 10.0, 6.0, 20.0, 5.0]) {
        assert!(found.0 == 1 && (found.1 - wanted).abs() < 1e-9, "{found:?} is not {wanted}");
    }
}

#[test]
fn a_lost_message_is_found_and_its_late_answer_is_not_a_second_one() {
    let mut judge = judge();
    let (lost, answered) = (send(&mut judge, 0), send(&mut judge, 0));
    reply(&mut judge, answered, 5);
    judge.give_up(100 * MS, 99 * MS);
    assert_eq!((judge.verdict.lost, judge.open()), (0, 1), "there is patience left");
    judge.give_up(100 * MS, 101 * MS);
    assert_eq!(judge.verdict, Verdict { sent: 2, answered: 1, lost: 1, ..Verdict::default() });
    assert_eq!(judge.open(), 0);
    reply(&mut judge, lost, 150);
    assert_eq!((judge.verdict.lost, judge.verdict.late, judge.verdict.twice), (0, 1, 0));
    reply(&mut judge, lost, 160);
    assert_eq!(judge.verdict.twice, 1);
    assert!(!judge.verdict.is_clean());
}

#[test]
fn a_second_answer_is_found_while_the_first_one_is_open_afterwards_and_inside_one_text() {
    let mut judge = judge();
    let mark = send(&mut judge, 0);
    let text = format!("{mark} Some");
    let (mut first, mut second) = (Card::default(), Card::default());
    first.shows(&mut judge, 0, &text, CardState::Inputing, 1);
    for at_ms in 2..5 {
        second.shows(&mut judge, 0, &text, CardState::Inputing, at_ms);
    }
    second.shows(&mut judge, 0, &text, CardState::Finished, 5);
    assert_eq!((judge.verdict.twice, judge.verdict.answered), (1, 0), "once, however often it changes");
    first.shows(&mut judge, 0, &text, CardState::Finished, 6);
    assert_eq!((judge.verdict.twice, judge.verdict.answered), (1, 1));
    reply(&mut judge, mark, 7);
    assert_eq!((judge.verdict.twice, judge.verdict.answered), (2, 1));
    let other = send(&mut judge, 8);
    judge.replied(&conversation_of(other.place), &format!("{other} {other}"), 9 * MS);
    assert_eq!((judge.verdict.twice, judge.verdict.answered), (3, 2));
}

#[test]
fn an_answer_that_overtakes_is_found_once_and_only_within_its_conversation() {
    let mut judge = judge();
    let marks = three_in_one(&mut judge);
    let numbers: Vec<u64> = marks.iter().map(|mark| mark.number).collect();
    assert_eq!(numbers, [0, 1, 2]);
    reply(&mut judge, Mark { seed: 7, place: 1, number: 0 }, 1);
    assert_eq!(
        judge.verdict.out_of_order, 0,
        "the other conversations' messages are open, which is no matter"
    );
    reply(&mut judge, marks[0], 2);
    reply(&mut judge, marks[2], 3);
    reply(&mut judge, marks[1], 4);
    assert_eq!((judge.verdict.out_of_order, judge.verdict.answered), (1, 4));
}

#[test]
fn an_unfinished_a_failed_and_a_cut_card_are_found() {
    let mut judge = judge();
    judge.expect_ending("That is all.");
    let marks: Vec<Mark> = (0..3).map(|_| send(&mut judge, 0)).collect();
    let show = |judge: &mut Judge, at: usize, text: &str, state| {
        Card::default().shows(judge, at, &format!("{} {text}", marks[at]), state, 1);
    };
    show(&mut judge, 0, "Some", CardState::Inputing);
    show(&mut judge, 1, "Some", CardState::Failed);
    show(&mut judge, 2, "Some", CardState::Finished);
    judge.give_up(10 * MS, 11 * MS);
    let wanted = Verdict { sent: 3, answered: 1, unfinished: 1, failed: 1, cut: 1, ..Verdict::default() };
    assert_eq!(judge.verdict, wanted);
    let mark = send(&mut judge, 20);
    Card::default().shows(&mut judge, 0, &format!("{mark} That is all.\n"), CardState::Finished, 21);
    assert_eq!((judge.verdict.answered, judge.verdict.cut), (2, 1));
}

#[test]
fn an_answer_elsewhere_or_to_nobodys_message_strays() {
    let mut judge = judge();
    let mark = send(&mut judge, 0);
    judge.replied(&conversation_of(2), &mark.to_string(), 1);
    reply(&mut judge, Mark { seed: 7, place: 0, number: 99 }, 1);
    assert_eq!((judge.verdict.strayed, judge.open()), (2, 1));
    judge.replied("cid-team==", &mark.to_string(), 1);
    assert_eq!(judge.verdict.strayed, 2, "a conversation that is none of the run's");
    judge.replied(&conversation_of(0), "load-6-0-0. of an earlier run", 1);
    judge.replied(&conversation_of(0), "Please wait.", 1);
    assert_eq!(judge.verdict, Verdict { sent: 1, strayed: 2, unmarked: 2, ..Verdict::default() });
}

#[test]
fn one_answer_to_two_messages_that_were_put_together_answers_both() {
    let mut judge = judge();
    let marks = three_in_one(&mut judge);
    let text = format!("{} {} Some words", marks[0], marks[1]);
    judge.replied(&conversation_of(0), &text, 5);
    assert_eq!((judge.verdict.answered, judge.verdict.twice, judge.verdict.out_of_order), (2, 0, 0));
}

#[test]
fn what_nobody_acknowledges_is_repeated_as_often_as_the_platform_does() {
    let mut judge = judge();
    let (one, other) = (send(&mut judge, 0), send(&mut judge, 0));
    judge.acknowledged(&other.to_string(), 5);
    assert_eq!(judge.unacknowledged(60 * MS, 1, 59 * MS), Vec::<String>::new());
    assert_eq!(judge.unacknowledged(60 * MS, 1, 60 * MS).len(), 1);
    assert_eq!(judge.unacknowledged(60 * MS, 1, 200 * MS), Vec::<String>::new());
    assert_eq!(judge.verdict.redelivered, 1);
    reply(&mut judge, one, 201);
    assert_eq!(judge.unacknowledged(60 * MS, 2, 300 * MS).len(), 1, "answered or not");
    judge.acknowledged(&one.to_string(), 301 * MS);
    judge.acknowledged(&one.to_string(), 302 * MS);
    assert_eq!(judge.times.acknowledged.count(), 2);
    assert_eq!(judge.unacknowledged(60 * MS, 9, 900 * MS), Vec::<String>::new());
}

#[test]
fn latencies_count_from_when_a_message_was_due_and_not_from_when_it_was_sent() {
    let mut judge = judge();
    let mark = judge.send(0, 400 * MS).unwrap().mark;
    reply(&mut judge, mark, 410);
    let (late, finished) = (judge.times.late.summary(), judge.times.finished.summary());
    assert!((late.max_ms - 400.0).abs() < 1e-9 && (finished.max_ms - 410.0).abs() < 1e-9);
}

/// How many standstills were counted, and the longest of them is this one (ms).
fn assert_stood(judge: &Judge, count: u64, longest_ms: f64) {
    let found = judge.times.stood.summary();
    assert!(found.count == count && (found.max_ms - longest_ms).abs() < 1e-9, "{found:?}");
}

#[test]
fn a_card_stands_still_until_its_text_changes_and_no_longer_than_its_agent_writes() {
    let mut judge = judge();
    let mark = send(&mut judge, 0);
    let (some, more) = (format!("{mark} Some"), format!("{mark} Some words"));
    let mut card = Card::default();
    let texts = ["", "Thinking", some.as_str(), some.as_str(), more.as_str()];
    for (text, at_ms) in texts.into_iter().zip([10, 11, 14, 50, 80]) {
        card.shows(&mut judge, 0, text, CardState::Inputing, at_ms);
    }
    judge.told(&[mark], 90 * MS);
    assert_stood(&judge, 0, 0.0);
    card.shows(&mut judge, 0, &more, CardState::Finished, 400);
    assert_stood(&judge, 1, 66.0);
}

#[test]
fn a_card_that_shows_nothing_stands_still_and_one_without_a_writing_agent_does_not() {
    let mut judge = judge();
    let marks: Vec<Mark> = (0..3).map(|_| send(&mut judge, 0)).collect();
    let (mut empty, mut late) = (Card::default(), Card::default());
    empty.shows(&mut judge, 0, "", CardState::Processing, 5);
    judge.told(&marks[..2], 40 * MS);
    empty.shows(&mut judge, 0, &marks[0].to_string(), CardState::Finished, 100);
    assert_stood(&judge, 1, 35.0);
    late.shows(&mut judge, 1, "", CardState::Processing, 50);
    late.shows(&mut judge, 1, &marks[1].to_string(), CardState::Finished, 100);
    reply(&mut judge, marks[2], 100);
    assert_stood(&judge, 1, 35.0);
    // Of another agent nobody knows when it ends: the card's end counts.
    let (other, given_up) = (send(&mut judge, 200), send(&mut judge, 200));
    let mut cards = [other, given_up].map(|mark| (mark, Card::default()));
    for (mark, card) in &mut cards {
        card.shows(&mut judge, mark.place, &mark.to_string(), CardState::Inputing, 210);
    }
    let [(_, answered), (_, forgotten)] = &mut cards;
    answered.shows(&mut judge, other.place, &other.to_string(), CardState::Finished, 250);
    assert_stood(&judge, 2, 40.0);
    judge.give_up(0, 300 * MS);
    forgotten.shows(&mut judge, given_up.place, &given_up.to_string(), CardState::Finished, 900);
    assert_stood(&judge, 2, 40.0);
}

#[test]
fn a_closed_loop_writes_where_nothing_is_open_and_frees_one_slot_for_each_end() {
    let mut judge = Judge::new(7, 1, vec![2, 0, 1], true);
    let slots = judge.slots();
    let marks: Vec<Mark> = (0..3).map(|_| send(&mut judge, 0)).collect();
    assert_eq!(marks.iter().map(|mark| mark.place).collect::<Vec<_>>(), [2, 0, 1]);
    reply(&mut judge, marks[1], 1);
    assert_eq!(slots.available_permits(), 1);
    assert_eq!(send(&mut judge, 2).place, 0, "the one that is idle");
    judge.give_up(0, 10 * MS);
    assert_eq!(slots.available_permits(), 4);
}

#[test]
fn a_long_run_leaves_nothing_behind() {
    let mut judge = judge();
    for n in 0..10_000 {
        let mark = send(&mut judge, n);
        if n % 100 == 0 {
            judge.give_up(0, (n + 1) * MS);
        } else {
            reply(&mut judge, mark, n);
        }
    }
    assert_eq!((judge.open(), judge.verdict.answered, judge.verdict.lost), (0, 9_900, 100));
    judge.measure();
    assert_eq!((judge.times.finished.count(), judge.calls().len()), (0, 0));
}
