//! Agents that are changed while they answer: a turn keeps its limits, and a run belongs to the agent that began it.

use std::time::Duration;

use rstest::rstest;
use switchboard_domain::ids::{AgentId, ChannelId};
use switchboard_domain::notice::Notice;
use switchboard_domain::outcome::AgentFailureKind;
use switchboard_domain::settings::Locale;
use switchboard_tests::fakes::agent::{Act, answer_to, failure};
use switchboard_tests::world::{Process, World};

const SECS: fn(u64) -> Duration = Duration::from_secs;

/// What becomes of the agent while a run of it goes on.
#[derive(Debug, Clone, Copy)]
enum Change {
    /// The channel has another one.
    Replaced,
    /// It is somewhere else now.
    Moved,
    /// The channel has another one, and it is deleted.
    Deleted,
}

impl Change {
    async fn make(self, process: &Process<'_>) {
        match self {
            Self::Moved => {
                process.edit_agent("agt_1", |agent| "elsewhere".clone_into(&mut agent.base_url)).await;
            }
            Self::Replaced | Self::Deleted => {
                process.add_agent("agt_2").await;
                let channel = ChannelId::new("chn_1");
                process
                    .patch(&channel, |channel| {
                        channel.default_agent = Some(AgentId::new("agt_2"));
                        channel.default_model = Some("model of agt_2".to_owned());
                    })
                    .await;
                if matches!(self, Self::Deleted) {
                    let agents = &process.world.stores().agents;
                    assert!(agents.delete(&AgentId::new("agt_1")).await.unwrap());
                }
            }
        }
    }
}

/// The first question's run goes on upstream; asked for, it says its result. Others are answered with where they go on from.
fn script(world: &World) {
    world.agent.script(|request, _| match (&request.resume, request.text.as_str()) {
        (Some(run), _) => {
            Act::GoOn(format!("again {run}"), vec![format!("result of {run}")], "later".to_owned())
        }
        (None, "hello") => Act::Leave("run of hello".to_owned(), vec!["half ".to_owned()]),
        (None, text) => Act::Say(answer_to(text), SECS(1)),
    });
}

/// The limits of a running turn are those it began with, however narrow the new ones are; the next turn has the new ones.
#[test]
fn a_running_turn_keeps_its_limits() {
    let world = World::new(21);
    // Two and a half minutes, a word every fifty seconds.
    world.agent.script(|_, count| match count {
        0 => Act::Say(vec!["word ".repeat(20); 3], SECS(50)),
        _ => Act::Say(vec!["word ".repeat(20); 3], Duration::from_millis(100)),
    });
    world
        .process(|process| async move {
            process.set_up().await;
            process.says("ann", "hello").await;
            process.sees("word").await;
            process
                .edit_agent("agt_1", |agent| {
                    agent.limits.idle_timeout = SECS(5);
                    agent.limits.turn_timeout = SECS(10);
                    agent.limits.output_chars_max = 110;
                })
                .await;
            // Whatever wakes the conversation takes the new settings in.
            process.says("ann", "again").await;
            process.finals(2).await;
        })
        .unwrap();
    let whole = "word ".repeat(60);
    let too_long = Notice::from(AgentFailureKind::TooLong).text(Locale::En);
    assert_eq!(
        world.platform.finals(),
        [whole.trim_end().to_owned(), format!("{}\n\n{too_long}", "word ".repeat(20).trim_end())]
    );
}

/// A turn that is gone on with after a crash keeps the limits it began with: they are stored with its run.
#[test]
fn a_crash_changes_no_limits_of_a_run() {
    let world = World::new(22);
    world.agent.script(|request, _| match &request.resume {
        Some(run) => Act::Say(vec![format!("result of {run}")], SECS(30)),
        None => Act::Leave("run".to_owned(), Vec::new()),
    });
    world
        .process(|process| async move {
            process.set_up().await;
            process.says("ann", "hello").await;
            let stored =
                || process.world.store.commits().last().is_some_and(|it| it.snapshot.session.run.is_some());
            process.until("its run is stored", stored).await;
            process
                .edit_agent("agt_1", |agent| {
                    agent.limits.first_output_timeout = SECS(5);
                    agent.limits.turn_timeout = SECS(10);
                })
                .await;
        })
        .unwrap();
    world.process(|process| async move { process.finals(1).await }).unwrap();
    assert_eq!(world.platform.finals(), ["result of run"]);
}

/// A crash, and the agent is another one: its run is asked for where it belongs while that can be, and asked anew where the
/// channel points to now else. Nobody is handed a name that another agent gave.
#[rstest]
#[case(Change::Replaced, "agt_1", true)]
#[case(Change::Moved, "agt_1@elsewhere", false)]
#[case(Change::Deleted, "agt_2", false)]
fn a_resumed_turn_goes_to_the_owner_of_its_run(
    #[case] change: Change,
    #[case] whom: &str,
    #[case] resumed: bool,
) {
    let world = World::new(23);
    script(&world);
    world
        .process(|process| async move {
            process.set_up().await;
            process.says("ann", "hello").await;
            process.sees("half").await;
            change.make(&process).await;
        })
        .unwrap();
    world.agent.script(|request, _| match &request.resume {
        Some(run) => Act::GoOn(format!("again {run}"), vec![format!("result of {run}")], "place".to_owned()),
        None => Act::Say(answer_to(&request.text), SECS(1)),
    });
    world
        .process(|process| async move {
            process.finals(1).await;
            process.says("ann", "more").await;
            process.finals(2).await;
        })
        .unwrap();
    let asked = world.agent.asked();
    assert_eq!(world.agent.whom()[..2], ["agt_1".to_owned(), whom.to_owned()]);
    assert_eq!(asked[1].resume.as_deref(), resumed.then_some("run of hello"));
    assert_eq!(asked[1].continuation, None);
    // The next question goes to the agent that the channel has now, which learns from the history what was said.
    assert_ne!(world.agent.whom()[2], "agt_1");
    assert_eq!((asked[2].continuation.as_deref(), asked[2].history.len()), (None, 2));
    assert_eq!(world.agent.cancelled(), [""; 0]);
}

/// The models of the channel are those of its agent: a run of another one is asked for with none of them.
#[test]
fn a_run_of_another_agent_is_asked_for_without_the_models_of_the_present_one() {
    let world = World::new(24);
    script(&world);
    world
        .process(|process| async move {
            process.set_up().await;
            process.says("ann", "hello").await;
            process.sees("half").await;
            Change::Replaced.make(&process).await;
        })
        .unwrap();
    world
        .process(|process| async move {
            process.finals(1).await;
            process.says("ann", "more").await;
            process.finals(2).await;
        })
        .unwrap();
    let models: Vec<_> = world.agent.asked().into_iter().map(|request| request.model).collect();
    assert_eq!(models, [None, None, Some("model of agt_2".to_owned())]);
}

/// The same process tries once more: a broken connection to a replaced agent is asked for there, and to one that was moved it
/// is asked anew at its new address.
#[rstest]
#[case(Change::Replaced, "agt_1", true)]
#[case(Change::Moved, "agt_1@elsewhere", false)]
fn a_second_try_goes_to_the_owner_of_the_run(
    #[case] change: Change,
    #[case] whom: &str,
    #[case] resumed: bool,
) {
    let world = World::new(25);
    world.agent.script(|request, count| match (&request.resume, count) {
        (_, 0) => Act::Leave("run".to_owned(), Vec::new()),
        (_, 1) => Act::Fail(Vec::new(), failure(AgentFailureKind::Unreachable)),
        (Some(run), _) => Act::Say(vec![format!("result of {run}")], SECS(1)),
        (None, _) => Act::Say(answer_to(&request.text), SECS(1)),
    });
    world
        .process(|process| async move {
            process.set_up().await;
            process.says("ann", "hello").await;
            let stored =
                || process.world.store.commits().last().is_some_and(|it| it.snapshot.session.run.is_some());
            process.until("its run is stored", stored).await;
        })
        .unwrap();
    world
        .process(|process| async move {
            process.until("it is asked for", || process.world.agent.asked().len() == 2).await;
            change.make(&process).await;
            process.finals(1).await;
        })
        .unwrap();
    assert_eq!(world.agent.whom(), ["agt_1", "agt_1", whom]);
    assert_eq!(world.agent.asked()[2].resume.as_deref(), resumed.then_some("run"));
}

/// A stop after a crash reaches the run where it belongs, if anybody can reach it at all; the next turn is asked either way.
#[rstest]
#[case(Change::Replaced, 1)]
#[case(Change::Moved, 0)]
#[case(Change::Deleted, 0)]
fn a_stop_reaches_the_run_at_its_owner_alone(#[case] change: Change, #[case] reached: usize) {
    let world = World::new(26);
    script(&world);
    // It is stored, and the process dies before anybody hears of it.
    let killed = world.process(|process| async move {
        process.set_up().await;
        process.says("ann", "hello").await;
        process.sees("half").await;
        change.make(&process).await;
        // What the change wakes has looked into the inbox by then.
        process.wait(SECS(2)).await;
        process.world.steps.kill_at_name("accept:after");
        process.says("ann", "/stop").await;
    });
    assert!(killed.is_none());
    world.steps.kill_at(None);
    world
        .process(|process| async move {
            process.finals(1).await;
            process.says("ann", "more").await;
            process.finals(2).await;
        })
        .unwrap();
    let told = world.agent.cancelled_where();
    assert_eq!(told, vec![("agt_1".to_owned(), "run of hello".to_owned()); reached]);
    let last = world.agent.asked().pop().unwrap();
    assert_eq!((last.text.as_str(), last.continuation, last.resume), ("more", None, None));
}

/// A stopped run may say where the next turn goes on from: the same agent is told, another one is not.
#[rstest]
#[case(false, false, Some("stopped run of hello"))]
#[case(true, false, Some("stopped run of hello"))]
#[case(false, true, None)]
fn a_stopped_run_is_gone_on_from(
    #[case] crashed: bool,
    #[case] changed: bool,
    #[case] expected: Option<&str>,
) {
    let world = World::new(27);
    script(&world);
    world
        .process(|process| async move {
            process.set_up().await;
            process.says("ann", "hello").await;
            process.sees("half").await;
            if !crashed {
                process.says("ann", "/stop").await;
                process.finals(1).await;
            }
            if changed {
                Change::Replaced.make(&process).await;
            }
        })
        .unwrap();
    world
        .process(|process| async move {
            if crashed {
                process.world.agent.script(|request, _| match &request.resume {
                    Some(run) => Act::Leave(run.clone(), vec!["half ".to_owned()]),
                    None => Act::Say(answer_to(&request.text), SECS(1)),
                });
                process.until("it is asked for", || process.world.agent.asked().len() == 2).await;
                process.says("ann", "/stop").await;
            }
            process.finals(1).await;
            process.says("ann", "more").await;
            process.finals(2).await;
        })
        .unwrap();
    let last = world.agent.asked().pop().unwrap();
    assert_eq!((last.text.as_str(), last.continuation.as_deref()), ("more", expected));
}
