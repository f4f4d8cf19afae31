//! `/new`, `/stop` and what else changes a conversation's course.

use switchboard_domain::conversation::Event;
use switchboard_domain::inbox::Control;
use switchboard_domain::notice::Notice;
use switchboard_domain::outcome::{Outcome, Refusal};
use switchboard_domain::session::Hold;
use switchboard_domain::settings::Busy;
use switchboard_domain::snapshot::{Mark, Role};

use super::super::judge::words;
use super::super::walk::{Act, Talk};
use super::{sentence, world};

#[test]
fn new_in_the_middle_of_a_stream_closes_the_card_and_nothing_of_it_appears_later() {
    let mut world = world();
    let first = world.ask();
    world.says(3);
    world.delivers();
    let waiting = world.ask();
    let new = world.command(Control::New);
    world.says(3);
    world.delivers();
    let card = world.card(first);
    assert!(card.finished);
    assert_eq!(words(&card.text), ["k1q0", "k1q1", "k1q2"]);
    assert!(card.text.ends_with(&sentence(Notice::StopMark)));
    assert_eq!(world.messages(new), [sentence(Notice::NewConversation)]);
    assert_eq!(world.outcome(waiting), Some(Outcome::Cancelled), "what waited is dropped");

    world.closes();
    let next = world.ask();
    world.says(2);
    world.completes();
    world.ends_well();
    assert_eq!(words(&world.card(next).text), ["k2q0", "k2q1"]);
    let sessions: Vec<_> = world.store.transcript.iter().map(|line| (line.seq, line.session.0)).collect();
    assert_eq!(sessions, [(first, 1), (first, 1), (next, 2), (next, 2)]);
}

#[test]
fn a_stopped_answer_keeps_its_text_and_gets_a_mark_and_what_waits_is_answered_next() {
    let mut world = world();
    let first = world.ask();
    world.says(2);
    let second = world.ask();
    let stop = world.command(Control::Stop { all: false });
    world.closes();
    assert_eq!(world.process.conversation.session().running().map(|(seq, _)| seq), Some(second));
    world.says(1);
    world.completes();
    world.ends_well();
    assert_eq!(world.card(first).text, format!("k1q0 k1q1\n\n{}", sentence(Notice::StopMark)));
    assert_eq!(world.card(second).text, "k2q0");
    assert_eq!(world.messages(stop), [""; 0], "the stopped answer itself says so");
    let line = world.store.transcript.iter().find(|line| line.seq == first && line.role == Role::Assistant);
    let line = line.expect("the partial answer stays in the transcript");
    assert_eq!((line.text.trim_end(), line.mark), ("k1q0 k1q1", Some(Mark::Stopped)));
}

#[test]
fn stop_all_withdraws_what_waits_too() {
    let mut world = world();
    let all = [world.ask(), world.ask(), world.ask()];
    let stop = world.command(Control::Stop { all: true });
    world.closes();
    world.ends_well();
    for seq in all {
        assert_eq!(world.outcome(seq), Some(Outcome::Cancelled));
    }
    assert_eq!(world.messages(stop), [sentence(Notice::Stopped { withdrawn: 2 })]);
    assert_eq!(world.asked(all[1]) + world.asked(all[2]), 0);
}

#[test]
fn stop_with_nothing_running_says_so() {
    let mut world = world();
    let stop = world.command(Control::Stop { all: false });
    let all = world.command(Control::Stop { all: true });
    world.ends_well();
    for seq in [stop, all] {
        assert_eq!(world.messages(seq), [sentence(Notice::NothingToStop)]);
    }
}

#[test]
fn a_busy_conversation_queues_interrupts_or_rejects() {
    for busy in [Busy::Queue, Busy::Interrupt, Busy::Reject] {
        let mut world = world();
        world.act(Act::Configure(busy));
        let first = world.ask();
        world.says(1);
        let second = world.ask();
        match busy {
            Busy::Queue => {}
            Busy::Interrupt => world.closes(),
            Busy::Reject => assert_eq!(world.outcome(second), Some(Outcome::Refused(Refusal::Busy))),
        }
        world.ends_well();
        match busy {
            Busy::Queue => assert_eq!(world.outcome(second), Some(Outcome::Answered)),
            Busy::Interrupt => {
                assert!(world.card(first).text.ends_with(&sentence(Notice::InterruptMark)));
                assert_eq!(world.outcome(second), Some(Outcome::Answered));
            }
            Busy::Reject => assert_eq!(world.messages(second), [sentence(Refusal::Busy)]),
        }
    }
}

#[test]
fn a_deleted_channel_closes_its_answer_and_tells_who_waits() {
    let mut world = world();
    let first = world.ask();
    world.says(1);
    world.delivers();
    let second = world.ask();
    world.command(Control::Withdraw);
    world.closes();
    world.ends_well();
    assert!(world.card(first).text.ends_with(&sentence(Notice::ChannelDeleted)));
    assert_eq!(world.messages(second), [sentence(Refusal::ChannelDeleted)]);
    assert_eq!(world.outcome(second), Some(Outcome::Refused(Refusal::ChannelDeleted)));
}

#[test]
fn a_disabled_channel_lets_its_answer_finish_and_keeps_what_waits() {
    let mut world = world();
    let first = world.ask();
    let second = world.ask();
    world.act(Act::Enable(false));
    world.says(1);
    world.completes();
    world.delivers();
    assert!(world.card(first).finished);
    world.crash();
    world.delivers();
    assert_eq!((world.asked(second), world.outcome(second)), (0, None), "not by the next process either");
    assert!(!world.process.conversation.is_at_rest());
    world.ends_well();
    assert_eq!(world.outcome(second), Some(Outcome::Answered));
}

#[test]
fn a_disabled_channel_lets_an_answer_finish_whose_process_died() {
    let mut world = world();
    let first = world.ask();
    let second = world.ask();
    world.says(1);
    world.delivers();
    world.act(Act::Enable(false));
    world.crash();
    world.says(2);
    world.completes();
    world.delivers();
    assert!(world.card(first).finished);
    assert_eq!((world.asked(first), world.outcome(first)), (2, Some(Outcome::Answered)));
    assert_eq!((world.asked(second), world.outcome(second)), (0, None), "what waits is kept");
    world.ends_well();
    assert_eq!(world.outcome(second), Some(Outcome::Answered));
}

#[test]
fn a_disabled_channel_begins_nothing_that_nobody_has_seen_begin() {
    let mut world = world();
    world.act(Act::Enable(false));
    let first = world.ask();
    world.crash();
    world.delivers();
    assert_eq!((world.asked(first), world.outcome(first)), (0, None));
    world.ends_well();
    assert_eq!(world.outcome(first), Some(Outcome::Answered));
}

#[test]
fn a_stop_that_is_taken_in_while_the_process_stops_is_not_forgotten() {
    let mut world = world();
    let seq = world.ask();
    world.says(2);
    world.delivers();
    world.park(Some(super::command(Control::Stop { all: false })));
    world.ends_well();
    assert_eq!((world.asked(seq), world.outcome(seq)), (1, Some(Outcome::Cancelled)));
    assert!(world.card(seq).text.starts_with("k1q0 k1q1"), "and the answer keeps its text");
}

#[test]
fn a_parked_turn_that_goes_on_after_all_begins_anew_on_the_same_card() {
    let mut world = world();
    let seq = world.ask();
    world.says(2);
    world.delivers();
    world.step(&Event::Parked).unwrap();
    world.step(&Event::Released(Hold::Stopping)).unwrap();
    world.talk(1, Talk::Words(1));
    world.talk(1, Talk::Completed);
    world.ends_well();
    assert_eq!((world.platform.cards.len(), world.card(seq).text.as_str()), (1, "k2q0"));
}
