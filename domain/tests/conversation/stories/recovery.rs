//! What people see of a process that dies, or stops.

use std::time::Duration;

use switchboard_domain::inbox::Control;
use switchboard_domain::notice::Notice;
use switchboard_domain::outcome::{FailureCause, Outcome};
use switchboard_domain::reply::GATE_WAIT_MAX;
use switchboard_domain::session::ATTEMPTS_MAX;
use switchboard_domain::settings::Stale;

use super::super::judge::words;
use super::super::platform::Luck;
use super::super::shell::Fuse;
use super::super::store::{ask, command};
use super::super::walk::Act;
use super::{answer, plain_world, sentence, world};

#[test]
fn a_crash_in_the_middle_of_a_stream_goes_on_with_the_same_card() {
    let mut world = world();
    let seq = world.ask();
    world.says(3);
    world.delivers();
    world.crash();
    world.delivers();
    assert_eq!(world.card(seq).text, "Thinking...", "the first call after a restart is an update");
    world.says(1);
    world.completes();
    world.ends_well();
    assert_eq!((world.card(seq).text.as_str(), world.platform.cards.len()), ("k2q0", 1));
}

#[test]
fn a_crash_right_behind_the_commit_of_the_end_finishes_the_card_and_asks_nobody() {
    for fuse in [Fuse::AfterCommit(0), Fuse::AfterCommit(1)] {
        let mut world = world();
        let seq = world.ask();
        world.says(2);
        world.delivers();
        world.fuse = Some(fuse);
        world.completes();
        assert_eq!((world.ledger.crashes, world.card(seq).finished), (1, false));
        world.ends_well();
        assert_eq!((world.asked(seq), world.card(seq).text.as_str()), (1, "k1q0 k1q1"));
    }
}

#[test]
fn a_crash_before_the_commit_of_the_end_asks_again_and_shows_one_answer() {
    let mut world = world();
    let seq = world.ask();
    world.says(2);
    world.delivers();
    world.fuse = Some(Fuse::BeforeCommit);
    world.completes();
    assert_eq!((world.ledger.crashes, world.outcome(seq)), (1, None));
    world.says(1);
    world.completes();
    world.ends_well();
    assert_eq!((world.asked(seq), world.card(seq).text.as_str()), (2, "k2q0"));
}

#[test]
fn a_turn_in_which_the_process_dies_again_and_again_ends_with_one_sentence_on_its_card() {
    let mut world = world();
    let seq = world.ask();
    let behind = world.ask();
    for _ in 0..=ATTEMPTS_MAX {
        world.says(2);
        world.delivers();
        world.crash();
    }
    world.delivers();
    let card = world.card(seq);
    assert_eq!((card.text, card.failed, card.finished), (sentence(FailureCause::CrashLoop), true, true));
    let record = world.store.failures.iter().find(|failed| failed.seq == seq).expect("a failure record");
    assert_eq!((record.cause, record.attempts), (FailureCause::CrashLoop, ATTEMPTS_MAX + 1));
    world.ends_well();
    assert_eq!(world.outcome(behind), Some(Outcome::Answered));
}

#[test]
fn stopping_in_good_order_ten_times_does_not_give_a_turn_up() {
    let mut world = world();
    let seq = world.ask();
    for _ in 0..10 {
        world.says(1);
        world.delivers();
        world.park(None);
    }
    world.says(1);
    world.completes();
    world.ends_well();
    assert_eq!((world.outcome(seq), world.card(seq).text.as_str()), (Some(Outcome::Answered), "k11q0"));
}

#[test]
fn recovery_carries_out_control_before_it_begins_anything() {
    let mut world = world();
    let running = world.ask();
    world.says(2);
    world.delivers();
    let waiting = world.accept(ask("question"), None);
    let new = world.accept(command(Control::New), None);
    let after = world.accept(ask("question"), None);
    world.crash();
    assert_eq!(world.outcome(running), Some(Outcome::Cancelled));
    assert_eq!(world.outcome(waiting), Some(Outcome::Cancelled));
    assert_eq!((world.asked(running), world.asked(waiting)), (1, 0));
    world.delivers();
    let card = world.card(running);
    assert_eq!(
        (card.text, card.finished),
        (sentence(Notice::StopMark), true),
        "the card found open is closed"
    );
    assert_eq!(world.messages(new), [sentence(Notice::NewConversation)]);
    world.ends_well();
    assert_eq!(world.outcome(after), Some(Outcome::Answered));
}

#[test]
fn an_answer_stored_before_a_long_downtime_is_delivered_after_it() {
    for mut world in [world(), plain_world()] {
        let seq = world.ask();
        world.says(2);
        world.completes();
        world.now = world.now.after(Duration::from_hours(48));
        world.crash();
        world.delivers();
        world.ends_well();
        assert!(world.store.failures.is_empty(), "{:?}", world.store.failures);
        assert_eq!(world.outcome(seq), Some(Outcome::Answered));
    }
}

#[test]
fn answers_found_undelivered_go_out_in_order() {
    let mut world = plain_world();
    let all = [world.ask(), world.ask(), world.ask()];
    for _ in all {
        world.says(1);
        world.completes();
    }
    world.crash();
    world.ends_well();
    let order: Vec<_> = world.platform.messages.iter().map(|message| message.reply.seq).collect();
    assert_eq!(order, all);
}

#[test]
fn a_part_on_its_way_when_the_process_dies_is_recorded_and_never_repeated() {
    for dice in 0..4 {
        let mut world = plain_world();
        world.dice = dice;
        let seq = world.ask();
        world.says(100);
        world.completes();
        world.grant(0);
        world.crash();
        world.ends_well();
        assert!(world.store.failed_with(seq, FailureCause::DeliveryUnknown));
        let seen: Vec<_> = world.messages(seq).into_iter().flat_map(words).collect();
        assert!(seen.iter().filter(|word| *word == "k1q0").count() <= 1);
        assert!(seen.contains(&"k1q99".to_owned()), "the parts behind it go out: {seen:?}");
    }
}

#[test]
fn a_card_finished_unheard_right_before_a_crash_is_only_found_finished() {
    let mut world = world();
    let seq = world.ask();
    world.goes(Luck::Works);
    world.says(2);
    world.completes();
    world.goes(Luck::WorksUnheard);
    world.crash();
    world.ends_well();
    assert_eq!((world.card(seq).text.as_str(), world.messages(seq).len()), ("k1q0 k1q1", 0));
}

#[test]
fn a_card_finished_unheard_right_before_a_crash_and_then_refused_gets_no_second_answer() {
    let mut world = world();
    // Calls on their way arrive, unheard.
    world.dice = u64::MAX;
    let seq = world.ask();
    world.goes(Luck::Works);
    world.says(2);
    world.completes();
    world.grant(0);
    world.crash();
    assert!(world.card(seq).finished);
    world.goes(Luck::Refused);
    world.ends_well();
    assert_eq!((world.card(seq).text.as_str(), world.messages(seq).len()), ("k1q0 k1q1", 0));
}

#[test]
fn answers_found_undelivered_each_wait_for_the_one_before() {
    let mut world = world();
    let all = [world.ask(), world.ask(), world.ask()];
    for _ in all {
        world.says(1);
        world.completes();
    }
    world.ledger.claimed.clear();
    let began = world.now;
    world.crash();
    // Nobody grants anything, so none of them is ever done.
    world.wait(Duration::from_mins(1));
    let waits: Vec<_> = all.iter().map(|seq| world.admitted_after(answer(*seq), began)).collect();
    assert_eq!(waits, [Duration::ZERO, GATE_WAIT_MAX, 2 * GATE_WAIT_MAX]);
    world.ends_well();
}

#[test]
fn an_answer_that_comes_late_says_so_above_its_text_and_not_in_the_transcript() {
    for cards in [true, false] {
        let mut world = if cards { world() } else { plain_world() };
        let seq = world.ask();
        world.now = world.now.after(Duration::from_hours(3));
        world.crash();
        world.says(2);
        world.delivers();
        let lead = sentence(Notice::Late { age: Duration::from_hours(3) });
        let whole = format!("> {lead}\n\nk2q0 k2q1");
        if cards {
            assert_eq!(world.card(seq).text.trim_end(), whole, "while it streams");
        }
        world.completes();
        world.ends_well();
        let shown = if cards { world.card(seq).text } else { world.platform.messages[0].text.clone() };
        assert_eq!(shown, whole);
        assert!(world.store.transcript.iter().any(|line| line.text.trim_end() == "k2q0 k2q1"));
    }
}

#[test]
fn messages_too_old_to_be_answered_are_recorded_and_told_about_once() {
    let mut world = world();
    world.policy.rules.conversation.stale = Stale::Skip;
    world.act(Act::Enable(false));
    let skipped = [world.ask(), world.ask(), world.ask()];
    world.now = world.now.after(Duration::from_hours(3));
    world.crash();
    world.act(Act::Enable(true));
    world.ends_well();
    for seq in skipped {
        assert_eq!(world.outcome(seq), Some(Outcome::Failed(FailureCause::Stale)));
        assert!(world.store.failures.iter().any(|failed| failed.seq == seq));
        assert_eq!(world.asked(seq), 0);
    }
    let card = world.card(skipped[0]);
    assert_eq!((card.text, card.failed), (sentence(FailureCause::Stale), true), "it may have been begun");
    assert!(world.platform.messages.is_empty() && world.platform.cards.len() == 1, "told once");
}
