//! Messages that wait.

use std::time::Duration;

use switchboard_domain::ids::Seq;
use switchboard_domain::inbox::Control;
use switchboard_domain::notice::Notice;
use switchboard_domain::outcome::{Outcome, Refusal};
use switchboard_domain::settings::Busy;

use super::super::judge::words;
use super::super::platform::Luck;
use super::super::shell::{Fuse, World};
use super::super::walk::Act;
use super::{plain_world, sentence, world};

pub(super) const SECOND: Duration = Duration::from_secs(1);

pub(super) fn waits(place: u32) -> String {
    sentence(Notice::Waiting { place })
}

/// Two messages wait behind an answer that is being written, and say so.
fn queue() -> (World, [Seq; 3]) {
    let mut world = world();
    let first = world.ask();
    world.says(1);
    world.delivers();
    let rest = [world.ask(), world.ask()];
    world.wait(SECOND);
    world.delivers();
    (world, [first, rest[0], rest[1]])
}

/// An answer is under way, and another message has waited for long enough to be told so.
fn one_waits() -> (World, Seq) {
    let mut world = world();
    world.ask();
    world.says(1);
    world.delivers();
    let second = world.ask();
    world.wait(SECOND);
    (world, second)
}

#[test]
fn a_waiting_message_says_its_place_once_on_the_card_that_becomes_its_answer() {
    let (mut world, [_, second, third]) = queue();
    assert_eq!([world.card(second).text, world.card(third).text], [waits(1), waits(2)]);
    world.completes();
    world.delivers();
    assert_eq!(world.card(third).text, waits(2), "it is said once");
    world.ends_well();
    for seq in [second, third] {
        let card = world.card(seq);
        assert!(card.finished && words(&card.text).len() == 2, "{card:?}");
        assert_eq!(world.messages(seq), [""; 0]);
    }
}

#[test]
fn the_cards_of_waiting_messages_appear_in_the_order_of_the_messages() {
    let mut world = world();
    world.ask();
    world.says(1);
    world.delivers();
    let [second, third] = [world.ask(), world.ask()];
    world.wait(SECOND);
    for seq in [second, third] {
        assert_eq!((world.process.claims.len(), world.process.calls.len()), (1, 0));
        world.grant(0);
        assert_eq!((world.process.claims.len(), world.process.calls.len()), (0, 1));
        world.land(0, Luck::Works);
        assert!(world.platform.cards.contains_key(&world.store.entry(seq).message));
    }
    world.completes();
    world.ends_well();
}

#[test]
fn no_card_that_waits_appears_before_that_of_an_answer_that_was_asked_first() {
    let mut world = world();
    world.ask();
    let second = world.ask();
    world.wait(SECOND * 2);
    assert_eq!((world.process.claims.len(), world.process.calls.len()), (1, 0), "the answer's card");
    world.grant(0);
    assert_eq!(world.process.claims.len(), 0);
    world.land(0, Luck::Works);
    world.delivers();
    assert_eq!(world.card(second).text, waits(1));
    world.says(1);
    world.completes();
    world.ends_well();
}

#[test]
fn who_is_answered_within_a_second_is_told_nothing() {
    let mut world = world();
    world.ask();
    world.says(1);
    let second = world.ask();
    world.wait(SECOND / 2);
    world.completes();
    world.delivers();
    world.wait(SECOND);
    assert_eq!(world.asked(second), 1);
    assert!(!world.card(second).text.contains("waits"));
    world.ends_well();
}

#[test]
fn a_note_that_finds_no_place_in_the_budget_gives_way_to_the_answer() {
    let (mut world, second) = one_waits();
    assert_eq!(world.process.claims.len(), 1);
    world.completes();
    world.ends_well();
    assert_eq!(words(&world.card(second).text).len(), 2);
}

#[test]
fn a_note_that_cannot_be_made_is_not_tried_again_and_the_answer_has_its_card() {
    for luck in [Luck::Throttled(90_000), Luck::NotSent, Luck::Refused, Luck::LostUnheard, Luck::WorksUnheard]
    {
        let (mut world, second) = one_waits();
        world.goes(luck);
        world.wait(SECOND * 2);
        assert_eq!((world.process.claims.len(), world.process.calls.len()), (0, 0), "{luck:?}");
        world.completes();
        world.ends_well();
        assert_eq!(words(&world.card(second).text).len(), 2, "{luck:?}");
    }
}

#[test]
fn the_answer_waits_for_the_note_s_call_and_the_agent_does_not() {
    let (mut world, second) = one_waits();
    world.grant(0);
    world.completes();
    while !world.process.claims.is_empty() {
        world.grant(0);
    }
    let index =
        world.process.calls.iter().position(|it| it.reply.seq != second).expect("the first one's finish");
    world.land(index, Luck::Works);
    assert_eq!(world.asked(second), 1, "the agent is asked at once");
    assert_eq!((world.process.claims.len(), world.process.calls.len()), (0, 1), "only the note is under way");
    world.land(0, Luck::Works);
    assert_eq!(world.process.claims.len(), 1);
    world.ends_well();
}

/// A card of the later one would stand above the one that the earlier one is still to get.
#[test]
fn nobody_is_told_while_it_is_not_sure_that_an_earlier_message_has_its_card() {
    for luck in [Luck::LostUnheard, Luck::WorksUnheard, Luck::NotSent, Luck::Refused] {
        let (mut world, second) = one_waits();
        let third = world.ask();
        world.goes(luck);
        world.wait(SECOND * 2);
        assert_eq!((world.process.claims.len(), world.process.calls.len()), (0, 0), "{luck:?}");
        world.completes();
        world.ends_well();
        for seq in [second, third] {
            assert_eq!(words(&world.card(seq).text).len(), 2, "{luck:?}");
        }
    }
}

#[test]
fn after_a_crash_nobody_is_told_until_what_may_have_been_told_is_answered() {
    let (mut world, _) = one_waits();
    world.fuse = Some(Fuse::AfterCommit(0));
    world.grant(0);
    let third = world.ask();
    world.wait(SECOND * 2);
    assert!(world.process.claims.iter().all(|(reply, _)| reply.seq != third), "{:?}", world.process.claims);
    world.ends_well();
    assert!(world.card(third).finished);
}

#[test]
fn withdrawn_messages_close_their_cards_with_one_sentence() {
    for control in [Control::Stop { all: true }, Control::New, Control::Withdraw] {
        let (mut world, [_, second, third]) = queue();
        world.command(control);
        world.closes();
        world.ends_well();
        let expected = match control {
            Control::Withdraw => sentence(Refusal::ChannelDeleted),
            Control::New | Control::Stop { .. } | Control::StopAnswer { .. } | Control::Help => {
                sentence(Notice::WaitWithdrawn)
            }
        };
        for seq in [second, third] {
            assert_eq!(world.card(seq).text, expected);
            assert!(world.card(seq).finished);
            assert_eq!(world.messages(seq), [""; 0], "nothing is said twice");
        }
    }
}

#[test]
fn a_crash_leaves_no_card_that_says_it_waits() {
    for fuse in [Fuse::BeforeCommit, Fuse::AfterCommit(0), Fuse::AfterCommit(1)] {
        for control in [None, Some(Control::Stop { all: true })] {
            let (mut world, second) = one_waits();
            world.fuse = Some(fuse);
            world.grant(0);
            world.delivers();
            if let Some(control) = control {
                world.command(control);
            }
            world.ends_well();
            let card = world.platform.cards.get(&world.store.entry(second).message);
            assert!(card.is_none_or(|card| card.finished), "{fuse:?} {control:?} {card:?}");
        }
    }
    let (mut world, [_, second, third]) = queue();
    world.crash();
    world.ends_well();
    for seq in [second, third] {
        assert_eq!(words(&world.card(seq).text).len(), 2);
    }
}

#[test]
fn without_cards_a_plain_message_says_it_once_to_each_author() {
    let mut world = plain_world();
    world.ask();
    world.says(1);
    let waiting = [world.ask(), world.ask()];
    world.wait(SECOND);
    world.delivers();
    assert_eq!(world.messages(waiting[0]), [waits(1)]);
    assert_eq!(world.messages(waiting[1]), [""; 0]);
    world.crash();
    world.ends_well();
    let said = world.platform.messages.iter().filter(|message| message.text == waits(1));
    assert_eq!(said.count(), 1);
}

#[test]
fn without_cards_a_message_that_was_told_and_withdrawn_is_told_both() {
    let mut world = plain_world();
    world.ask();
    world.says(1);
    let second = world.ask();
    world.wait(SECOND);
    world.command(Control::Withdraw);
    world.closes();
    world.ends_well();
    assert_eq!(world.messages(second), [waits(1), sentence(Refusal::ChannelDeleted)]);
    assert_eq!(world.store.failures.len(), 0);
}

#[test]
fn without_cards_a_note_that_does_not_arrive_is_no_failure() {
    for luck in [Luck::Refused, Luck::LostUnheard] {
        let mut world = plain_world();
        world.ask();
        world.says(1);
        let second = world.ask();
        world.wait(SECOND);
        while world.process.calls.len() + world.process.claims.len() > 0 {
            world.goes(luck);
        }
        world.completes();
        world.ends_well();
        assert_eq!(world.outcome(second), Some(Outcome::Answered));
        assert_eq!(world.store.failures.len(), 0, "{luck:?}");
    }
}

#[test]
fn a_stop_ends_the_answer_and_what_waits_is_answered_on_its_card() {
    let (mut world, [first, second, third]) = queue();
    world.command(Control::Stop { all: false });
    world.closes();
    world.ends_well();
    assert_eq!(world.outcome(first), Some(Outcome::Cancelled));
    for seq in [second, third] {
        assert_eq!(world.outcome(seq), Some(Outcome::Answered));
        assert_eq!(words(&world.card(seq).text).len(), 2);
    }
}

#[test]
fn where_nobody_waits_nothing_is_said() {
    for busy in [Busy::Interrupt, Busy::Reject] {
        let mut world = world();
        world.act(Act::Configure(busy));
        world.ask();
        world.says(1);
        world.delivers();
        let second = world.ask();
        world.closes();
        world.wait(SECOND);
        world.delivers();
        assert!(world.messages(second).iter().all(|text| !text.contains("waits")), "{busy:?}");
        let card = world.platform.cards.get(&world.store.entry(second).message);
        assert!(card.is_none_or(|card| !card.text.contains("waits")), "{busy:?}");
        world.ends_well();
    }
}

#[test]
fn at_most_so_many_messages_wait_with_a_note() {
    let mut world = world();
    world.ask();
    world.says(1);
    world.delivers();
    for _ in 0..20 {
        world.ask();
    }
    world.wait(SECOND * 2);
    world.delivers();
    assert_eq!(world.platform.cards.len(), 1 + switchboard_domain::conversation::NOTES_MAX);
    world.command(Control::Stop { all: true });
    world.closes();
    world.ends_well();
}
