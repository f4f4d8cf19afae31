//! Agents that fail, hang, break, or talk too much.

use std::time::Duration;

use rstest::rstest;
use switchboard_domain::channel::ErrorCode;
use switchboard_domain::ids::AgentId;
use switchboard_domain::notice::Notice;
use switchboard_domain::outcome::{AgentFailure, AgentFailureKind, Cut, FailureCause, Refusal};
use switchboard_domain::settings::Locale;
use switchboard_tests::fakes::agent::{Act, answer_to, failure};
use switchboard_tests::world::{World, agent_config};

const SECS: fn(u64) -> Duration = Duration::from_secs;

fn words(text: &str) -> Vec<String> {
    vec![text.to_owned()]
}

/// Asks once and waits for the end; says which failures were recorded.
fn asked_once(world: &World) -> Vec<FailureCause> {
    world
        .process(|process| async move {
            process.set_up().await;
            process.says("ann", "hello").await;
            process.finals(1).await;
            process.wait(SECS(60)).await;
            process.failures().await
        })
        .unwrap()
}

fn sentence(kind: AgentFailureKind) -> String {
    Notice::from(kind).text(Locale::En)
}

/// Every kind of failure has its one sentence, its record, and one more try where that may help.
#[test]
fn every_kind_of_failure_ends_in_its_own_sentence() {
    for kind in AgentFailureKind::ALL {
        let world = World::new(1);
        world.agent.script(move |_, _| Act::Fail(Vec::new(), failure(kind)));
        assert_eq!(asked_once(&world), [FailureCause::Agent(kind)]);
        assert_eq!(world.platform.finals(), [sentence(kind)]);
        assert_eq!(world.agent.asked().len(), if kind.is_transient() { 2 } else { 1 }, "{kind:?}");
        assert!(world.platform.cards().values().all(|card| card.finished && card.finishes == 1));
    }
}

/// What was shown is not thrown away and not asked for again: the sentence follows it.
#[test]
fn a_failure_after_the_first_words_is_not_tried_again() {
    for kind in AgentFailureKind::ALL {
        let world = World::new(2);
        world.agent.script(move |_, _| Act::Fail(words("half an answer"), failure(kind)));
        assert_eq!(asked_once(&world), [FailureCause::Agent(kind)]);
        assert_eq!(world.platform.finals(), [format!("half an answer\n\n{}", sentence(kind))]);
        assert_eq!(world.agent.asked().len(), 1, "{kind:?}");
    }
}

/// One more try, after the pause the agent asks for, and the user sees one answer.
#[rstest]
#[case(None, 1)]
#[case(Some(SECS(10)), 10)]
fn a_transient_failure_is_tried_once_more(#[case] retry_after: Option<Duration>, #[case] pause: u64) {
    let world = World::new(3);
    world.agent.script(move |request, count| match count {
        0 => {
            let kind = AgentFailureKind::RateLimited;
            Act::Fail(Vec::new(), AgentFailure { kind, retry_after })
        }
        _ => Act::Say(answer_to(&request.text), Duration::from_millis(200)),
    });
    let took = world
        .process(|process| async move {
            process.set_up().await;
            let before = process.world.clock_millis();
            process.says("ann", "hello").await;
            process.until("it is asked again", || process.world.agent.asked().len() == 2).await;
            let took = process.world.clock_millis() - before;
            process.finals(1).await;
            process.wait(SECS(60)).await;
            assert_eq!(process.failures().await, []);
            Duration::from_millis(took)
        })
        .unwrap();
    assert!(took >= SECS(pause) && took < SECS(pause + 1), "{took:?}");
    assert_eq!(world.platform.finals(), ["answer to <hello>"]);
}

/// A pause that is longer than anybody waits ends the turn instead.
#[test]
fn a_pause_of_a_minute_is_not_waited_for() {
    let world = World::new(4);
    let kind = AgentFailureKind::RateLimited;
    world.agent.script(move |_, _| Act::Fail(Vec::new(), AgentFailure { kind, retry_after: Some(SECS(60)) }));
    assert_eq!(asked_once(&world), [FailureCause::Agent(kind)]);
    assert_eq!(world.agent.asked().len(), 1);
}

/// An agent that says nothing, falls silent, or never ends, is ended by its time-out, and its request is closed.
#[rstest]
#[case::nothing(Act::Hang(Vec::new()), AgentFailureKind::FirstOutputTimeout, 60)]
#[case::silence(Act::Hang(words("half")), AgentFailureKind::IdleTimeout, 60)]
#[case::no_end(Act::Say(vec!["w ".to_owned(); 10_000], SECS(1)), AgentFailureKind::TurnTimeout, 600)]
fn an_agent_that_does_not_end_is_ended(#[case] act: Act, #[case] kind: AgentFailureKind, #[case] after: u64) {
    let world = World::new(5);
    world.agent.script(move |_, _| act.clone());
    let took = world
        .process(|process| async move {
            process.set_up().await;
            let before = process.world.clock_millis();
            process.says("ann", "hello").await;
            process.finals(1).await;
            let took = process.world.clock_millis() - before;
            process.wait(SECS(60)).await;
            assert_eq!(process.failures().await, [FailureCause::Agent(kind)]);
            Duration::from_millis(took)
        })
        .unwrap();
    assert!(took >= SECS(after) && took < SECS(after + 2), "{took:?}");
    assert!(world.platform.finals()[0].ends_with(&sentence(kind)));
    assert_eq!(world.agent.closed_early(), 1);
    assert_eq!(world.agent.asked().len(), 1);
}

/// An answer is bounded: what is too much ends it.
#[test]
fn an_endless_answer_is_cut_off() {
    let world = World::new(6);
    world.agent.script(|_, _| Act::Say(vec!["0123456789".repeat(100); 1_000], Duration::ZERO));
    let failures = world
        .process(|process| async move {
            process.set_up_with(|_, agent| agent.limits.output_chars_max = 2_000).await;
            process.says("ann", "hello").await;
            process.finals(1).await;
            process.wait(SECS(60)).await;
            process.failures().await
        })
        .unwrap();
    assert_eq!(failures, [FailureCause::Agent(AgentFailureKind::TooLong)]);
    let finals = world.platform.finals();
    assert_eq!(finals, [format!("{}\n\n{}", "0123456789".repeat(200), sentence(AgentFailureKind::TooLong))]);
    assert_eq!(world.agent.closed_early(), 1);
}

/// An answer that its agent cut off says so below it, in the channel's language; the agent is not told that again.
#[rstest]
#[case(Cut::Length, Locale::En)]
#[case(Cut::Filter, Locale::ZhCn)]
fn an_answer_that_its_agent_cut_off_says_so(#[case] cut: Cut, #[case] locale: Locale) {
    let world = World::new(12);
    world.agent.script(move |request, count| match count {
        0 => Act::Stop(words("half an answer\n"), cut),
        _ => Act::Say(answer_to(&request.text), Duration::ZERO),
    });
    world
        .process(|process| async move {
            process.set_up_with(|channel, _| channel.locale = locale).await;
            process.says("ann", "hello").await;
            process.finals(1).await;
            process.says("ann", "go on").await;
            process.finals(2).await;
            assert_eq!(process.failures().await, []);
        })
        .unwrap();
    let told = format!("half an answer\n\n{}", Notice::Cut(cut).text(locale));
    assert_eq!(world.platform.finals(), [told, "answer to <go on>".to_owned()]);
    let history: Vec<_> = world.agent.asked()[1].history.iter().map(|line| line.text.clone()).collect();
    assert_eq!(history, ["hello", "half an answer\n"]);
}

/// An answer without a word is none.
#[test]
fn an_empty_answer_gets_a_sentence() {
    let world = World::new(7);
    world.agent.script(|_, _| Act::Say(vec![" \n".to_owned()], Duration::ZERO));
    assert_eq!(asked_once(&world), [FailureCause::Agent(AgentFailureKind::Empty)]);
    assert_eq!(world.platform.finals(), [sentence(AgentFailureKind::Empty)]);
}

/// An adapter that panics is an agent whose stream was cut.
#[test]
fn an_agent_whose_code_panics_is_a_cut_stream() {
    let world = World::new(8);
    world.agent.script(|request, count| match count {
        0 => Act::Panic,
        _ => Act::Say(answer_to(&request.text), Duration::ZERO),
    });
    assert_eq!(asked_once(&world), []);
    assert_eq!(world.platform.finals(), ["answer to <hello>"]);
}

/// An agent that has to be repaired by somebody shows in the channel's status.
#[test]
fn a_refused_key_shows_in_the_status() {
    let world = World::new(9);
    world.agent.script(|_, _| Act::Fail(Vec::new(), failure(AgentFailureKind::Unauthorized)));
    world
        .process(|process| async move {
            process.set_up().await;
            process.says("ann", "hello").await;
            process.finals(1).await;
            let status = process.status();
            assert_eq!(status.last_error.unwrap().code, ErrorCode::AgentMisconfigured);
            assert_eq!(status.status, "connected");
        })
        .unwrap();
}

/// A channel without an agent answers each message with one sentence, and says so in its status.
#[test]
fn a_channel_without_an_agent_says_so() {
    let world = World::new(10);
    world
        .process(|process| async move {
            process.set_up_with(|channel, _| channel.default_agent = None).await;
            assert_eq!(process.status().last_error.unwrap().code, ErrorCode::NoAgent);
            process.says("ann", "hello").await;
            process.finals(1).await;
            process.wait(SECS(60)).await;
            assert_eq!(process.failures().await, []);
        })
        .unwrap();
    assert_eq!(world.platform.finals(), [Notice::Refused(Refusal::NoAgent).text(Locale::En)]);
}

/// Two agents: one that hangs and one that fails hurt only those who ask them.
#[test]
fn a_hung_agent_and_a_failing_one_hurt_nobody_else() {
    let world = World::new(11);
    world.agent.script(|request, _| match request.model.as_deref() {
        Some("hung") => Act::Hang(Vec::new()),
        Some("failing") => Act::Fail(Vec::new(), failure(AgentFailureKind::ServerError)),
        _ => Act::Say(answer_to(&request.text), Duration::from_millis(100)),
    });
    world
        .process(|process| async move {
            process.set_up().await;
            let mut channels = vec![switchboard_domain::ids::ChannelId::new("chn_1")];
            for model in ["hung", "failing"] {
                let mut agent = agent_config(process.status().since);
                agent.id = AgentId::new(model);
                model.clone_into(&mut agent.name);
                process.world.stores().agents.insert(&agent).await.unwrap();
                let id = process
                    .add_channel(model, |channel| {
                        channel.default_agent = Some(AgentId::new(model));
                        channel.default_model = Some(model.to_owned());
                    })
                    .await;
                channels.push(id);
            }
            process.until("all are connected", || process.world.platform.connections().0 == 3).await;
            for (channel, person) in channels.iter().zip(["ann", "bob", "cid"]) {
                let message = process.world.message(person, person);
                process.world.platform.push_to(channel, message).unwrap().await;
            }
            process.wait(SECS(2)).await;
            let platform = &process.world.platform;
            assert_eq!(platform.finals_in("chat-ann"), ["answer to <ann>"]);
            process.wait(SECS(2)).await;
            assert_eq!(platform.finals_in("chat-cid"), [sentence(AgentFailureKind::ServerError)]);
            process.finals(3).await;
            let hung = sentence(AgentFailureKind::FirstOutputTimeout);
            assert_eq!(process.world.platform.finals_in("chat-bob"), [hung]);
        })
        .unwrap();
}
