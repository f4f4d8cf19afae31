//! Stories and laws of the history that agents see.

use proptest::prelude::*;

use super::select;
use crate::ids::{Seq, SessionNumber};
use crate::outcome::FailureCause;
use crate::snapshot::{Mark, Role, TranscriptLine};
use crate::time::Timestamp;

fn line(seq: u64, role: Role, text: &str, mark: Option<Mark>) -> TranscriptLine {
    TranscriptLine {
        session: SessionNumber(1),
        seq: Seq(seq),
        role,
        text: text.into(),
        at: Timestamp::from_millis(seq),
        mark,
    }
}

fn exchange(seq: u64, mark: Option<Mark>) -> [TranscriptLine; 2] {
    [line(seq, Role::User, &format!("q{seq}"), None), line(seq, Role::Assistant, &format!("a{seq}"), mark)]
}

fn texts(lines: &[TranscriptLine], messages_max: usize, chars_max: usize) -> Vec<String> {
    select(lines, messages_max, chars_max).into_iter().map(|line| line.text).collect()
}

#[test]
fn the_newest_exchanges_are_kept_whole() {
    let lines = [exchange(1, None), exchange(2, None), exchange(3, None)].concat();
    assert_eq!(texts(&lines, 40, 1000), ["q1", "a1", "q2", "a2", "q3", "a3"]);
    assert_eq!(texts(&lines, 5, 1000), ["q2", "a2", "q3", "a3"]);
    assert_eq!(texts(&lines, 40, 7), ["q3", "a3"]);
    assert_eq!(texts(&lines, 1, 1000), Vec::<String>::new());
    assert_eq!(texts(&lines, 0, 0), Vec::<String>::new());
}

#[test]
fn failed_answers_go_with_their_question_and_stopped_ones_stay() {
    let failed = Some(Mark::Failed(FailureCause::CrashLoop));
    let lines = [exchange(1, Some(Mark::Stopped)), exchange(2, failed), exchange(3, None)].concat();
    assert_eq!(texts(&lines, 40, 1000), ["q1", "a1", "q3", "a3"]);
}

#[test]
fn an_answer_stopped_before_its_first_word_goes_with_its_question() {
    let lines = [
        line(1, Role::User, "q1", None),
        line(1, Role::Assistant, " ", Some(Mark::Stopped)),
        line(2, Role::User, "q2", None),
        line(2, Role::Assistant, "a2", None),
    ];
    assert_eq!(texts(&lines, 40, 1000), ["q2", "a2"]);
}

#[test]
fn an_answer_whose_question_is_on_an_earlier_page_is_left_out() {
    let mut lines = [exchange(1, None), exchange(2, None)].concat();
    lines.remove(0);
    assert_eq!(texts(&lines, 40, 1000), ["q2", "a2"]);
}

#[test]
fn of_an_endless_newest_exchange_the_question_s_beginning_and_the_answer_s_end_are_kept() {
    let lines = [line(1, Role::User, "abcdefgh", None), line(1, Role::Assistant, "0123456789甲乙", None)];
    assert_eq!(texts(&lines, 40, 10), ["abcde", "789甲乙"]);
    let lines = [line(1, Role::User, "ab", None), line(1, Role::Assistant, "0123456789", None)];
    assert_eq!(texts(&lines, 40, 10), ["ab", "23456789"]);
}

#[test]
fn questions_are_ordered_by_acceptance_whatever_order_they_ended_in() {
    let lines = [exchange(2, None), exchange(1, None)].concat();
    assert_eq!(texts(&lines, 40, 1000), ["q1", "a1", "q2", "a2"]);
}

fn any_lines() -> impl Strategy<Value = Vec<TranscriptLine>> {
    let mark = prop_oneof![
        4 => Just(None),
        1 => Just(Some(Mark::Stopped)),
        1 => Just(Some(Mark::Failed(FailureCause::UserLookup))),
    ];
    let line = (0..12_u64, any::<bool>(), ".{0,30}", mark).prop_map(|(seq, user, text, mark)| {
        if user { line(seq, Role::User, &text, None) } else { line(seq, Role::Assistant, &text, mark) }
    });
    prop::collection::vec(line, 0..40)
}

proptest! {
    #[test]
    fn bounds_hold_and_a_question_comes_first(lines in any_lines(), messages in 0..20_usize, chars in 0..300_usize) {
        let chosen = select(&lines, messages, chars);
        prop_assert!(chosen.len() <= messages);
        prop_assert!(chosen.iter().map(|line| line.text.chars().count()).sum::<usize>() <= chars);
        prop_assert!(chosen.first().is_none_or(|line| line.role == Role::User));
        prop_assert!(chosen.is_sorted_by_key(|line| (line.seq, line.role == Role::Assistant)));
        prop_assert!(chosen.iter().all(|line| !matches!(line.mark, Some(Mark::Failed(_)))));
    }

    #[test]
    fn every_answer_stands_behind_its_question(lines in any_lines(), messages in 0..20_usize, chars in 0..300_usize) {
        let chosen = select(&lines, messages, chars);
        for (index, line) in chosen.iter().enumerate() {
            if line.role == Role::Assistant {
                prop_assert_eq!(chosen[index - 1].seq, line.seq);
                prop_assert_eq!(chosen[index - 1].role, Role::User);
            }
        }
    }

    #[test]
    fn more_room_never_keeps_less(lines in any_lines(), messages in 0..20_usize, chars in 0..300_usize) {
        prop_assert!(select(&lines, messages, chars).len() <= select(&lines, messages + 2, chars + 50).len());
    }
}
