//! The stop button of a card (R3): pressed while its answer runs, twice, late, by somebody else, while the store is away,
//! and after a crash.

use std::time::Duration;

use switchboard_domain::ids::MessageId;
use switchboard_domain::message::ChatKind;
use switchboard_domain::notice::Notice;
use switchboard_domain::settings::{GroupPolicy, GroupScope, Locale};
use switchboard_ports::provider::Pressed;
use switchboard_tests::fakes::agent::{Act, answer_to};
use switchboard_tests::fakes::store::Verb;
use switchboard_tests::world::{Process, World};

const MS: fn(u64) -> Duration = Duration::from_millis;

/// An agent that talks for 25 seconds when asked for much, and answers anything else as ever.
fn talkative(world: &World) {
    world.agent.script(|request, _| {
        if request.text.contains("much") {
            Act::Say((0..50).map(|n| format!("word{n} ")).collect(), MS(500))
        } else {
            Act::Say(answer_to(&request.text), MS(100))
        }
    });
}

/// Ann's question, whose answer is being written.
async fn running(process: &Process<'_>) -> MessageId {
    process.set_up().await;
    let message = process.says("ann", "tell me much").await;
    process.sees("word3").await;
    message
}

async fn press(process: &Process<'_>, answered: &MessageId, person: &str) -> Pressed {
    process.world.platform.press(answered, person).expect("a connection").await
}

/// One answer, with the stop mark, and not a word more.
#[track_caller]
fn assert_stopped(world: &World) {
    let finals = world.platform.finals();
    assert_eq!(finals.len(), 1, "{finals:?}");
    assert!(finals[0].ends_with(&Notice::StopMark.text(Locale::En)), "{finals:?}");
    assert_eq!(world.agent.asked().len(), 1);
}

#[test]
fn a_press_stops_the_answer_at_once_and_the_card_shows_it() {
    let world = World::new(1);
    talkative(&world);
    world
        .process(|process| async move {
            let message = running(&process).await;
            process.world.store.slow(Verb::Load, Duration::from_secs(5));
            assert_eq!(press(&process, &message, "ann").await, Pressed::Stored);
            process.wait(MS(10)).await;
            assert_eq!(process.world.agent.closed_early(), 1, "however long reading the inbox takes");
            process.finals(1).await;
            process.wait(Duration::from_mins(1)).await;
            assert_eq!(process.failures().await, []);
        })
        .unwrap();
    assert_stopped(&world);
}

#[test]
fn pressed_twice_at_once_and_once_more_it_is_one_act() {
    let world = World::new(2);
    talkative(&world);
    world
        .process(|process| async move {
            let message = running(&process).await;
            process.says("ann", "and this?").await;
            let presses = [(); 2].map(|()| process.world.platform.press(&message, "ann").unwrap());
            for press in presses {
                assert_eq!(press.await, Pressed::Stored);
            }
            process.sees("answer to <and").await;
            assert_eq!(press(&process, &message, "ann").await, Pressed::Over);
            process.finals(2).await;
            process.wait(Duration::from_mins(1)).await;
        })
        .unwrap();
    let finals = world.platform.finals();
    assert_eq!(finals.len(), 2, "{finals:?}");
    assert!(finals[0].ends_with(&Notice::StopMark.text(Locale::En)), "{finals:?}");
    assert_eq!(finals[1], "answer to <and this?>", "the next answer is not the one that was stopped");
}

#[test]
fn a_late_press_and_one_on_an_unknown_card_change_nothing_and_say_nothing() {
    let world = World::new(3);
    talkative(&world);
    world
        .process(|process| async move {
            process.set_up().await;
            let first = process.says("ann", "hello").await;
            process.finals(1).await;
            process.says("ann", "tell me much").await;
            process.sees("word3").await;
            assert_eq!(press(&process, &first, "ann").await, Pressed::Over);
            assert_eq!(press(&process, &MessageId::new("nobody's"), "ann").await, Pressed::Over);
            process.finals(2).await;
            process.wait(Duration::from_mins(1)).await;
        })
        .unwrap();
    let finals = world.platform.finals();
    assert_eq!(finals.len(), 2, "{finals:?}");
    assert!(finals[1].contains("word49"), "{finals:?}");
}

#[test]
fn a_stranger_stops_nobodys_answer() {
    let world = World::new(4);
    talkative(&world);
    world
        .process(|process| async move {
            let message = running(&process).await;
            assert_eq!(press(&process, &message, "bob").await, Pressed::Foreign);
            assert_eq!(press(&process, &message, "").await, Pressed::Foreign);
            process.finals(1).await;
        })
        .unwrap();
    assert!(world.platform.finals()[0].contains("word49"));
}

/// In a group whose members share one session, the answer is everybody's; where each has their own, it is the asker's.
#[test]
fn a_member_stops_an_answer_of_a_shared_session_only() {
    for (scope, expected) in [(GroupScope::Shared, Pressed::Stored), (GroupScope::PerUser, Pressed::Foreign)]
    {
        let world = World::new(5);
        talkative(&world);
        let pressed = world
            .process(|process| async move {
                process.set_up_with(|channel, _| channel.conversation.group_scope = scope).await;
                let mut message = process.world.message("ann", "tell me much");
                message.chat.kind = ChatKind::Group;
                message.mentioned = Some(true);
                let message = process.deliver(message).await;
                process.sees("word3").await;
                let pressed = press(&process, &message, "bob").await;
                process.finals(1).await;
                pressed
            })
            .unwrap();
        assert_eq!(pressed, expected, "{scope:?}");
        let is_whole = world.platform.finals()[0].contains("word49");
        assert_eq!(is_whole, expected == Pressed::Foreign, "{scope:?}");
    }
}

/// The access rules hold for the button as for a command.
#[test]
fn in_a_shared_session_only_those_whom_the_channel_listens_to_press() {
    let world = World::new(6);
    talkative(&world);
    world
        .process(|process| async move {
            process.set_up_with(|channel, _| channel.conversation.group_scope = GroupScope::Shared).await;
            let mut message = process.world.message("ann", "tell me much");
            message.chat.kind = ChatKind::Group;
            message.mentioned = Some(true);
            let message = process.deliver(message).await;
            process.sees("word3").await;
            let id = process.status().channel;
            process.patch(&id, |channel| channel.access.groups = GroupPolicy::Off).await;
            assert_eq!(press(&process, &message, "bob").await, Pressed::Foreign);
            assert_eq!(press(&process, &message, "ann").await, Pressed::Stored, "her answer is hers");
            process.finals(1).await;
        })
        .unwrap();
    assert_stopped(&world);
}

/// A press whose act is not stored in time is answered with neither yes nor no, and counts when the store is back.
#[test]
fn while_the_store_is_away_a_press_is_answered_in_time_and_counts_when_it_is_back() {
    for hangs in [false, true] {
        let world = World::new(7);
        talkative(&world);
        world
            .process(|process| async move {
                let message = running(&process).await;
                let store = &process.world.store;
                if hangs {
                    store.hung(&[Verb::Accept]);
                } else {
                    store.away(&[Verb::Accept]);
                }
                let before = process.world.clock_millis();
                assert_eq!(press(&process, &message, "ann").await, Pressed::Underway);
                let took = process.world.clock_millis() - before;
                assert!((1_000..2_000).contains(&took), "{took} ms");
                process.wait(Duration::from_secs(3)).await;
                assert_eq!(process.world.agent.closed_early(), 0, "what is not stored is not done");
                store.away(&[]);
                store.hung(&[]);
                process.wait(MS(500)).await;
                assert_eq!(process.world.agent.closed_early(), 1, "nobody has to press again");
                process.finals(1).await;
            })
            .unwrap();
        assert_stopped(&world);
    }
}

/// A store that stays away: the act is given up, the answer goes on, and pressing again works.
#[test]
fn a_press_that_is_not_stored_for_long_is_given_up_and_the_button_works_again() {
    let world = World::new(10);
    talkative(&world);
    world
        .process(|process| async move {
            let message = running(&process).await;
            process.world.store.away(&[Verb::Accept]);
            assert_eq!(press(&process, &message, "ann").await, Pressed::Underway);
            process.wait(Duration::from_secs(12)).await;
            process.world.store.away(&[]);
            process.wait(Duration::from_secs(3)).await;
            assert_eq!(process.world.agent.closed_early(), 0, "the act of then is forgotten");
            process.connected().await;
            assert_eq!(press(&process, &message, "ann").await, Pressed::Stored);
            process.finals(1).await;
        })
        .unwrap();
    assert_stopped(&world);
}

/// A store that comes back while the platform still waits: the first press counts.
#[test]
fn a_press_is_offered_again_while_there_is_time() {
    let world = World::new(8);
    talkative(&world);
    world
        .process(|process| async move {
            let message = running(&process).await;
            process.world.store.away(&[Verb::Accept]);
            let pressed = tokio::spawn(process.world.platform.press(&message, "ann").unwrap());
            process.wait(MS(700)).await;
            process.world.store.away(&[]);
            assert_eq!(pressed.await.unwrap(), Pressed::Stored);
            process.finals(1).await;
        })
        .unwrap();
    assert_stopped(&world);
}

/// The turn goes on after a crash, and its card's button works again; an act stored before the crash is obeyed after it.
#[test]
fn after_a_crash_the_button_works_on_the_same_card() {
    for pressed_before in [false, true] {
        let world = World::new(9);
        talkative(&world);
        let message = world
            .process(|process| async move {
                let message = running(&process).await;
                if pressed_before {
                    process.world.store.away(&[Verb::Load]);
                    assert_eq!(press(&process, &message, "ann").await, Pressed::Stored);
                }
                message
                // The process dies here, before the act could be read.
            })
            .unwrap();
        world.store.away(&[]);
        world
            .process(|process| async move {
                if !pressed_before {
                    let resumed = || process.world.agent.asked().len() == 2;
                    process.until("the turn goes on", resumed).await;
                    process.connected().await;
                    assert_eq!(press(&process, &message, "ann").await, Pressed::Stored);
                }
                process.finals(1).await;
                process.wait(Duration::from_mins(1)).await;
                assert_eq!(press(&process, &message, "ann").await, Pressed::Over);
            })
            .unwrap();
        let finals = world.platform.finals();
        assert_eq!(finals.len(), 1, "{finals:?}");
        assert!(finals[0].ends_with(&Notice::StopMark.text(Locale::En)), "{finals:?}");
        assert_eq!(world.agent.asked().len(), if pressed_before { 1 } else { 2 });
        assert_eq!(world.platform.cards().len(), 1, "the same card");
    }
}
