//! Runs whose result can be asked for later: stored as soon as they have a name, asked for after a crash, stopped by it.

use std::time::Duration;

use switchboard_domain::notice::Notice;
use switchboard_domain::outcome::AgentFailureKind;
use switchboard_domain::settings::Locale;
use switchboard_domain::snapshot::KeptRun;
use switchboard_tests::fakes::agent::{Act, answer_to, failure};
use switchboard_tests::world::World;

const SECS: fn(u64) -> Duration = Duration::from_secs;

/// The first question of each turn begins a run that is named after it; one that is asked for says its result.
fn pollable(world: &World) {
    world.agent.script(|request, _| match &request.resume {
        Some(handle) => Act::Say(vec![format!("result of {handle}")], Duration::from_millis(200)),
        None => Act::Leave(format!("run of {}", request.text), vec!["half ".to_owned()]),
    });
}

fn kept(world: &World) -> Option<KeptRun> {
    world.store.commits().last().and_then(|commit| commit.snapshot.session.run.as_deref().cloned())
}

/// Killed between the start of a run and its end: asked once, asked for its result after.
#[test]
fn a_turn_killed_in_the_middle_is_asked_for_its_result_and_not_asked_again() {
    let world = World::new(1);
    pollable(&world);
    world
        .process(|process| async move {
            process.set_up().await;
            process.says("ann", "hello").await;
            process.sees("half").await;
        })
        .unwrap();
    // Kept with whose it is: the agent, by sixteen digits and its id.
    let handle = kept(&world).unwrap().handle;
    let signed = handle.split_once(' ').map(|(owner, run)| (owner.split_at(16).1, run));
    assert_eq!(signed, Some(("agt_1", "run of hello")));
    assert_eq!(world.agent.cancelled(), [""; 0], "a crash stops nothing");
    world.process(|process| async move { process.finals(1).await }).unwrap();
    let asked: Vec<_> = world.agent.asked().into_iter().map(|request| request.resume).collect();
    assert_eq!(asked, [None, Some("run of hello".to_owned())]);
    assert_eq!(world.platform.finals(), ["result of run of hello"]);
    assert_eq!(kept(&world), None, "its end forgets it");
    assert_eq!(world.agent.cancelled(), [""; 0]);
}

/// Wherever the process is killed, the run is begun at most once more than it was stored, and there is one answer.
#[test]
fn a_run_is_asked_for_from_its_commit_on_and_no_sooner() {
    for (killed_at, resumed) in [("commit:before", false), ("commit:after", true)] {
        let world = World::new(2);
        pollable(&world);
        let killed = world.process(|process| async move {
            process.set_up().await;
            process.connected().await;
            // The first commit of the turn is that of its run's name.
            process.world.steps.kill_at_name(killed_at);
            process.says("ann", "hello").await;
            process.wait(SECS(50)).await;
        });
        assert!(killed.is_none());
        world.steps.kill_at(None);
        world.agent.script(|request, _| match &request.resume {
            Some(handle) => Act::Say(vec![format!("result of {handle}")], SECS(1)),
            None => Act::Say(answer_to(&request.text), SECS(1)),
        });
        assert_eq!(world.agent.asked().len(), 1);
        world.process(|process| async move { process.finals(1).await }).unwrap();
        let last = world.agent.asked().pop().unwrap();
        assert_eq!(last.resume.is_some(), resumed, "{killed_at}");
        assert_eq!(world.platform.finals().len(), 1);
    }
}

/// A server that stops in good order leaves the run alone: the next process asks for its result.
#[test]
fn a_parked_turn_leaves_its_run_alone() {
    let world = World::new(3);
    pollable(&world);
    world
        .process(|process| async move {
            process.set_up().await;
            process.says("ann", "hello").await;
            process.sees("half").await;
            process.driver.stop(SECS(1)).await;
        })
        .unwrap();
    assert_eq!(world.agent.cancelled(), [""; 0]);
    assert_eq!(world.agent.closed_early(), 1, "the request itself is closed");
    world.process(|process| async move { process.finals(1).await }).unwrap();
    assert_eq!(world.platform.finals(), ["result of run of hello"]);
}

/// A run that cannot be asked for is stopped when its process stops listening: nobody would ever hear of it.
#[test]
fn a_parked_turn_stops_a_run_that_cannot_be_asked_for() {
    let world = World::new(4);
    world.agent.script(|_, _| Act::GoOn("run".to_owned(), vec!["half ".to_owned(); 500], "next".to_owned()));
    world
        .process(|process| async move {
            process.set_up().await;
            process.says("ann", "hello").await;
            process.sees("half").await;
            process.driver.stop(SECS(1)).await;
        })
        .unwrap();
    assert_eq!(world.agent.cancelled(), ["run"]);
}

/// `/stop` reaches the run upstream while it is listened to, after a crash, and before it was gone on with.
#[test]
fn a_stop_reaches_the_run_by_its_name() {
    for (restarted, command) in [(false, "/stop"), (true, "/stop"), (true, "/new")] {
        let world = World::new(5);
        world.agent.script(|request, _| match request.text.as_str() {
            "hello" => Act::Leave("run of hello".to_owned(), vec!["half ".to_owned()]),
            text => Act::Say(answer_to(text), Duration::from_millis(200)),
        });
        world
            .process(|process| async move {
                process.set_up().await;
                process.says("ann", "hello").await;
                process.sees("half").await;
                if !restarted {
                    process.says("ann", command).await;
                    process.finals(1).await;
                }
            })
            .unwrap();
        if restarted {
            world
                .process(|process| async move {
                    process.until("it is gone on with", || process.world.agent.asked().len() == 2).await;
                    process.says("ann", command).await;
                    process.until("it is stopped", || process.world.agent.cancelled().len() == 1).await;
                })
                .unwrap();
        }
        assert_eq!(world.agent.cancelled(), ["run of hello"], "{restarted} {command}");
        assert_eq!(kept(&world), None);
    }
}

/// A broken connection is no reason to ask again what can be asked for.
#[test]
fn a_broken_connection_asks_for_the_result() {
    let world = World::new(6);
    world.agent.script(|request, count| match (&request.resume, count) {
        (None, _) => Act::Leave("run".to_owned(), Vec::new()),
        (Some(_), 1) => Act::Fail(Vec::new(), failure(AgentFailureKind::Unreachable)),
        (Some(handle), _) => Act::Say(vec![format!("result of {handle}")], Duration::from_millis(200)),
    });
    world
        .process(|process| async move {
            process.set_up().await;
            process.says("ann", "hello").await;
            process.until("it is asked", || process.world.agent.asked().len() == 1).await;
            process.wait(SECS(1)).await;
        })
        .unwrap();
    world.process(|process| async move { process.finals(1).await }).unwrap();
    let resumed: Vec<_> = world.agent.asked().iter().map(|request| request.resume.is_some()).collect();
    assert_eq!(resumed, [false, true, true]);
    assert_eq!(world.platform.finals(), ["result of run"]);
}

/// A turn that gives up on a run has it stopped: a sentence for the user, no work for nobody.
#[test]
fn a_run_that_takes_too_long_is_stopped_upstream() {
    let world = World::new(7);
    world.agent.script(|_, _| Act::Leave("run".to_owned(), Vec::new()));
    world
        .process(|process| async move {
            process.set_up().await;
            process.says("ann", "hello").await;
            process.finals(1).await;
            process.until("it is stopped", || !process.world.agent.cancelled().is_empty()).await;
        })
        .unwrap();
    assert_eq!(world.agent.cancelled(), ["run"]);
    assert_eq!(
        world.platform.finals(),
        [Notice::from(AgentFailureKind::FirstOutputTimeout).text(Locale::En)]
    );
    assert_eq!(kept(&world), None);
}
