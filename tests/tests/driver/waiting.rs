//! Messages that wait say so, and messages that come right after each other are one turn.

use std::time::Duration;

use switchboard_domain::message::Inbound;
use switchboard_domain::notice::Notice;
use switchboard_domain::outcome::FailureCause;
use switchboard_domain::settings::{Busy, Locale};
use switchboard_tests::fakes::agent::{Act, answer_to};
use switchboard_tests::world::{Process, World};

const SECS: fn(u64) -> Duration = Duration::from_secs;

fn slow(world: &World) {
    world.agent.script(|request, _| {
        let end = std::iter::once(format!("<{}>", request.text));
        Act::Say((0..10).map(|n| format!("word{n} ")).chain(end).collect(), Duration::from_millis(500))
    });
}

fn waits(place: u32) -> String {
    Notice::Waiting { place }.text(Locale::En)
}

async fn queue(process: &Process<'_>) {
    process.says("ann", "one").await;
    process.sees("word0").await;
    process.says("ann", "two").await;
    process.says("ann", "three").await;
    process.sees(&waits(1)).await;
    process.sees(&waits(2)).await;
}

#[track_caller]
fn all_closed_once(world: &World) {
    assert!(world.platform.cards().values().all(|card| card.finished && card.finishes == 1));
}

#[test]
fn what_waits_says_so_on_the_card_of_its_answer() {
    let world = World::new(31);
    slow(&world);
    world
        .process(|process| async move {
            process.set_up().await;
            queue(&process).await;
            process.finals(3).await;
            process.wait(SECS(60)).await;
            assert_eq!(process.failures().await, []);
        })
        .unwrap();
    all_closed_once(&world);
    assert_eq!(world.platform.cards().len(), 3);
    assert!(world.platform.finals().iter().all(|text| text.ends_with('>')), "{:?}", world.platform.finals());
}

async fn say_all(process: Process<'_>, messages: Vec<Inbound>) -> Vec<FailureCause> {
    process.connected().await;
    for message in messages {
        process.deliver(message).await;
        process.wait(Duration::from_millis(700)).await;
    }
    process.wait(SECS(60)).await;
    process.failures().await
}

/// Says it all with pauses, and kills the process at the first step, then at the second, and so on; then says it again, as a
/// platform does.
fn kill_anywhere(window: Duration, texts: &[&str], judge: impl Fn(&World, usize)) {
    for step in 1.. {
        let world = World::new(32);
        slow(&world);
        world
            .process(|process| async move {
                process.set_up_with(|channel, _| channel.conversation.merge_window = window).await;
            })
            .unwrap();
        let messages: Vec<_> = texts.iter().map(|text| world.message("ann", text)).collect();
        world.steps.kill_at(Some(step));
        let ended = world.process(|process| say_all(process, messages.clone()));
        if ended.is_some() {
            assert!(step > 10, "the scenario has more steps than that");
            return;
        }
        world.steps.kill_at(None);
        let failures = world.process(|process| say_all(process, messages)).unwrap();
        assert_eq!(failures, [], "killed at {step}");
        all_closed_once(&world);
        assert_eq!(world.platform.overlapping(), 0, "killed at {step}");
        judge(&world, step);
    }
}

/// Wherever the process dies while messages wait: each card becomes its answer.
#[test]
fn a_kill_anywhere_leaves_no_card_that_waits() {
    kill_anywhere(Duration::ZERO, &["one", "two", "three"], |world, step| {
        let finals = world.platform.finals();
        assert_eq!(finals.len(), 3, "killed at {step}: {finals:?}");
        assert!(finals.iter().all(|text| text.ends_with('>')), "killed at {step}: {finals:?}");
    });
}

#[test]
fn a_new_conversation_closes_the_cards_of_what_waited() {
    let world = World::new(33);
    slow(&world);
    world
        .process(|process| async move {
            process.set_up().await;
            queue(&process).await;
            process.says("ann", "/new").await;
            process.finals(4).await;
            process.wait(SECS(60)).await;
        })
        .unwrap();
    let withdrawn = Notice::WaitWithdrawn.text(Locale::En);
    assert_eq!(world.platform.finals().iter().filter(|text| **text == withdrawn).count(), 2);
    all_closed_once(&world);
    assert_eq!(world.agent.questions(), ["one"]);
}

#[test]
fn a_stop_lets_what_waited_be_answered_on_its_card() {
    let world = World::new(38);
    slow(&world);
    world
        .process(|process| async move {
            process.set_up().await;
            queue(&process).await;
            process.says("ann", "/stop").await;
            process.finals(3).await;
            process.wait(SECS(60)).await;
            assert_eq!(process.failures().await, []);
        })
        .unwrap();
    all_closed_once(&world);
    let finals = world.platform.finals();
    assert_eq!((world.platform.cards().len(), finals.len()), (3, 3), "{finals:?}");
    let answered = |text: &str| finals.iter().any(|it| it.ends_with(&format!("<{text}>")));
    assert!(!answered("one") && answered("two") && answered("three"), "{finals:?}");
}

async fn burst(process: &Process<'_>, texts: &[&str]) {
    for text in texts {
        process.says("ann", text).await;
        process.wait(Duration::from_millis(300)).await;
    }
}

#[test]
fn a_burst_is_one_turn_and_what_comes_later_another() {
    let world = World::new(34);
    world
        .process(|process| async move {
            process.set_up_with(|channel, _| channel.conversation.merge_window = SECS(2)).await;
            burst(&process, &["one", "two", "three"]).await;
            assert_eq!(process.world.agent.questions().len(), 0);
            process.finals(1).await;
            burst(&process, &["four"]).await;
            process.finals(2).await;
            process.wait(SECS(60)).await;
            assert_eq!(process.failures().await, []);
        })
        .unwrap();
    assert_eq!(world.agent.questions(), ["one\ntwo\nthree", "four"]);
    assert_eq!(world.platform.finals(), [answer_to("one\ntwo\nthree").concat(), answer_to("four").concat()]);
    let history: Vec<_> = world.agent.asked()[1].history.iter().map(|line| line.text.clone()).collect();
    assert_eq!(history, ["one\ntwo\nthree".to_owned(), answer_to("one\ntwo\nthree").concat()]);
}

#[test]
fn a_burst_is_off_by_default_and_pictures_begin_turns() {
    let world = World::new(35);
    world
        .process(|process| async move {
            process.set_up().await;
            burst(&process, &["one", "two"]).await;
            process.finals(2).await;
        })
        .unwrap();
    assert_eq!(world.agent.questions(), ["one", "two"]);
    let world = World::new(36);
    world
        .process(|process| async move {
            process.set_up_with(|channel, _| channel.conversation.merge_window = SECS(2)).await;
            process.says("ann", "look").await;
            process.deliver(process.world.message_with("ann", "", &["code"])).await;
            process.says("ann", "what is it?").await;
            process.finals(2).await;
        })
        .unwrap();
    let questions = world.agent.questions();
    assert_eq!(questions[0], "look");
    assert!(questions[1].contains("picture") && questions[1].ends_with("what is it?"), "{questions:?}");
}

#[test]
fn a_burst_interrupts_once() {
    let world = World::new(37);
    slow(&world);
    world
        .process(|process| async move {
            process
                .set_up_with(|channel, _| {
                    channel.conversation.busy = Busy::Interrupt;
                    channel.conversation.merge_window = SECS(1);
                })
                .await;
            process.says("ann", "zero").await;
            process.sees("word2").await;
            burst(&process, &["one", "two"]).await;
            process.finals(2).await;
        })
        .unwrap();
    assert_eq!(world.agent.questions(), ["zero", "one\ntwo"]);
    assert_eq!(world.agent.closed_early(), 1);
}

/// Wherever the process dies while a burst is taken in or answered: nothing of it is lost, nothing is shown twice.
#[test]
fn a_kill_anywhere_loses_nothing_of_a_burst() {
    kill_anywhere(SECS(2), &["one", "two", "three"], |world, step| {
        let finals = world.platform.finals();
        for text in ["one", "two", "three"] {
            let shown = finals.iter().filter(|it| it.contains(text)).count();
            assert_eq!(shown, 1, "{text}, killed at {step}: {finals:?}");
        }
    });
}

/// A platform that was not acked in time pushes again, into the same burst and after it.
#[test]
fn what_is_pushed_again_is_one_message_of_the_burst() {
    let world = World::new(39);
    let (one, two) = (world.message("ann", "one"), world.message("ann", "two"));
    world
        .process(|process| async move {
            process.set_up_with(|channel, _| channel.conversation.merge_window = SECS(2)).await;
            for message in [&one, &two, &one, &two] {
                process.deliver(message.clone()).await;
                process.wait(Duration::from_millis(300)).await;
            }
            process.deliver(process.world.message("ann", "three")).await;
            process.finals(1).await;
            process.deliver(two).await;
            process.wait(SECS(60)).await;
            assert_eq!(process.failures().await, []);
        })
        .unwrap();
    assert_eq!(world.agent.questions(), ["one\ntwo\nthree"]);
    assert_eq!(world.platform.finals().len(), 1);
}

/// A run that goes on without us was asked with a whole burst, and is asked for its result.
#[test]
fn a_burst_that_goes_on_upstream_is_asked_for_its_result_and_not_asked_again() {
    let world = World::new(40);
    world.agent.script(|request, _| match &request.resume {
        Some(_) => Act::Say(vec!["result".to_owned()], Duration::from_millis(200)),
        None => Act::Leave(format!("run of {}", request.text), vec!["half ".to_owned()]),
    });
    world
        .process(|process| async move {
            process.set_up_with(|channel, _| channel.conversation.merge_window = SECS(2)).await;
            burst(&process, &["one", "two"]).await;
            process.sees("half").await;
        })
        .unwrap();
    world
        .process(|process| async move {
            process.connected().await;
            process.finals(1).await;
            process.wait(SECS(60)).await;
            assert_eq!(process.failures().await, []);
        })
        .unwrap();
    let asked: Vec<_> = world.agent.asked().into_iter().map(|it| (it.text, it.resume.is_some())).collect();
    assert_eq!(asked, [("one\ntwo".to_owned(), false), ("one\ntwo".to_owned(), true)]);
}
