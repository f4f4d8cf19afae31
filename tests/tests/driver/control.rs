//! Control is never behind work (R3).

use std::time::Duration;

use switchboard::runtime::operations::Operations;
use switchboard_domain::inbox::Control;
use switchboard_domain::notice::Notice;
use switchboard_domain::settings::Locale;
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

async fn running(process: &Process<'_>) {
    process.set_up().await;
    process.says("ann", "tell me much").await;
    process.sees("word3").await;
}

/// R3: the request to the agent is closed as soon as the act is stored, however long reading the inbox takes.
#[test]
fn stop_closes_the_request_while_the_store_is_still_reading() {
    let world = World::new(1);
    talkative(&world);
    world
        .process(|process| async move {
            running(&process).await;
            process.world.store.slow(Verb::Load, Duration::from_secs(5));
            process.says("ann", "/stop").await;
            process.wait(MS(10)).await;
            assert_eq!(process.world.agent.closed_early(), 1);
            process.finals(1).await;
            process.wait(Duration::from_mins(1)).await;
            assert_eq!(process.failures().await, []);
        })
        .unwrap();
    assert_stopped(&world);
}

/// R3: where the act cannot be read yet, the turn waits for it: no failure, no other try.
#[test]
fn stop_is_obeyed_once_it_can_be_read_and_the_agent_is_not_asked_again_meanwhile() {
    let world = World::new(2);
    talkative(&world);
    world
        .process(|process| async move {
            running(&process).await;
            let id = process.conversation("ann").await.id;
            process.world.store.away(&[Verb::Load]);
            assert!(process.driver.control(&id, Control::Stop { all: false }).await.unwrap());
            process.wait(Duration::from_secs(8)).await;
            assert_eq!(process.world.agent.closed_early(), 1);
            assert_eq!(process.world.platform.finals(), [""; 0], "nothing is said before the act was read");
            process.world.store.away(&[]);
            process.finals(1).await;
            process.wait(Duration::from_mins(1)).await;
            assert_eq!(process.failures().await, []);
        })
        .unwrap();
    assert_stopped(&world);
}

/// What was just stored is known without reading the store: a conversation in memory goes on with it.
#[test]
fn a_conversation_in_memory_needs_no_reading_for_what_was_just_stored() {
    let world = World::new(2);
    world
        .process(|process| async move {
            process.set_up().await;
            process.says("ann", "one").await;
            process.finals(1).await;
            process.world.store.away(&[Verb::Load]);
            process.says("ann", "two").await;
            process.finals(2).await;
            process.world.store.away(&[]);
        })
        .unwrap();
    assert_eq!(world.platform.finals(), ["answer to <one>", "answer to <two>"]);
}

fn assert_stopped(world: &World) {
    let finals = world.platform.finals();
    assert_eq!(finals.len(), 1, "{finals:?}");
    assert!(finals[0].ends_with(&Notice::StopMark.text(Locale::En)), "{finals:?}");
    assert_eq!(world.agent.asked().len(), 1);
}

/// R3: control through the API acts the same way, and says nothing in the chat but the stopped answer's mark.
#[test]
fn stop_through_the_api_acts_at_once() {
    let world = World::new(3);
    talkative(&world);
    world
        .process(|process| async move {
            running(&process).await;
            let id = process.conversation("ann").await.id;
            assert!(process.driver.control(&id, Control::Stop { all: false }).await.unwrap());
            process.wait(MS(10)).await;
            assert_eq!(process.world.agent.closed_early(), 1);
            process.finals(1).await;
            process.wait(Duration::from_mins(1)).await;
        })
        .unwrap();
    assert_stopped(&world);
}

/// R3: control affects only what came before it.
#[test]
fn what_comes_after_a_stop_is_answered() {
    let world = World::new(4);
    talkative(&world);
    world
        .process(|process| async move {
            running(&process).await;
            let pushed = ["/stop", "and this?"].map(|text| process.push(process.world.message("ann", text)));
            for ack in pushed {
                ack.await.unwrap();
            }
            process.finals(2).await;
        })
        .unwrap();
    let finals = world.platform.finals();
    assert!(finals[0].ends_with(&Notice::StopMark.text(Locale::En)), "{finals:?}");
    assert_eq!(finals[1], "answer to <and this?>");
}

/// R3: a question and its end read in one look leave no run behind that the next question would wait for.
#[test]
fn a_question_withdrawn_before_it_was_asked_delays_nobody() {
    let world = World::new(5);
    talkative(&world);
    world
        .process(|process| async move {
            process.set_up().await;
            process.says("ann", "hello").await;
            process.finals(1).await;
            process.wait(Duration::from_secs(1)).await;
            for text in ["tell me much", "/new", "and this?"] {
                drop(process.push(process.world.message("ann", text)));
            }
            process.wait(Duration::from_secs(2)).await;
            assert_eq!(process.world.agent.questions(), ["hello", "and this?"]);
            process.wait(Duration::from_mins(1)).await;
        })
        .unwrap();
    assert!(world.platform.finals().contains(&"answer to <and this?>".to_owned()));
    assert!(world.agent.asked()[1].history.is_empty(), "a new session");
}

/// R3: recovery applies all control entries before it starts any run.
#[test]
fn recovery_takes_all_control_in_before_it_asks_anybody() {
    let world = World::new(6);
    talkative(&world);
    world
        .process(|process| async move {
            running(&process).await;
            process.world.store.away(&[Verb::Load]);
            for text in ["tell me much more", "/status", "/new", "hello"] {
                process.says("ann", text).await;
            }
            // The process dies before it could read any of them.
        })
        .unwrap();
    world.store.away(&[]);
    world.store.slow(Verb::Commit, MS(50));
    world
        .process(|process| async move {
            process.finals(4).await;
            process.wait(Duration::from_mins(1)).await;
        })
        .unwrap();
    assert_eq!(world.agent.questions(), ["tell me much", "hello"], "what /new ended is not asked again");
    assert!(world.platform.cards().values().all(|card| card.finished), "{:?}", world.platform.cards());
    assert!(world.platform.finals().contains(&"answer to <hello>".to_owned()));
}

/// R3: `/status` and `/help` are answered while an answer is being written, in between.
#[test]
fn status_is_answered_while_an_answer_is_being_written() {
    let world = World::new(7);
    talkative(&world);
    world
        .process(|process| async move {
            running(&process).await;
            process.says("ann", "/status").await;
            process.wait(Duration::from_secs(1)).await;
            let finals = process.world.platform.finals();
            assert_eq!(finals.len(), 1);
            assert!(finals[0].contains("an answer is being written"), "{finals:?}");
            process.finals(2).await;
        })
        .unwrap();
    assert!(world.platform.finals()[1].contains("word49"));
}

/// A run is cancelled upstream by the means its agent has, and a run that ended by itself is not.
#[test]
fn a_stopped_run_is_cancelled_upstream_and_an_ended_one_is_not() {
    let world = World::new(8);
    world.agent.script(|request, count| {
        let words = if request.text == "stop me" { 100 } else { 3 };
        Act::GoOn(format!("run-{count}"), vec!["word ".to_owned(); words], format!("next-{count}"))
    });
    world
        .process(|process| async move {
            process.set_up().await;
            for text in ["one", "two"] {
                process.says("ann", text).await;
            }
            process.finals(2).await;
            process.says("ann", "stop me").await;
            process.until("the third run", || process.world.agent.asked().len() == 3).await;
            process.wait(Duration::from_secs(1)).await;
            process.says("ann", "/stop").await;
            process.finals(3).await;
            process.wait(Duration::from_secs(10)).await;
        })
        .unwrap();
    assert_eq!(world.agent.cancelled(), ["run-2"]);
    let went_on: Vec<_> = world.agent.asked().into_iter().map(|asked| asked.continuation).collect();
    assert_eq!(went_on, [None, Some("next-0".to_owned()), Some("next-1".to_owned())]);
}
