//! What Wegent refuses, and settings that cannot work with it.

use std::time::Duration;

use rstest::rstest;
use serde_json::json;
use switchboard_domain::secret::Secret;
use switchboard_ports::agents::{AgentConfig, AgentMode};
use switchboard_tests::fake_wegent::{CHAT_TEAM, EXECUTOR_TEAM, FakeWegent, MODELLESS_TEAM, Play, Verb};
use tokio::time::Instant;

use crate::bench::{begun, build, kind, question, run};
use crate::wegent::{agent, no_violations, service_agent, settings};

#[rstest]
#[case("张三")]
#[case("ann bob")]
#[case("ann@example.com")]
#[case("")]
#[tokio::test]
async fn a_name_that_wegent_cannot_take_is_refused_before_any_request(#[case] name: &str) {
    let server = FakeWegent::start().await.unwrap();
    let failed = run(&service_agent(&server, CHAT_TEAM), question(name, "hi")).await.failed();
    assert_eq!(failed.0, "agent_user_name_refused");
    assert!(name.is_empty() || !failed.1.contains(name), "{failed:?}");
    server.observe(|seen| assert!(seen.calls.is_empty()));
}

#[tokio::test]
async fn a_task_of_somebody_else_or_of_nobody_gives_way_to_a_new_one() {
    let server = FakeWegent::start().await.unwrap();
    let agent = agent(&server, CHAT_TEAM);
    let (_, continuation) = run(&agent, question("ann", "one")).await.answered();
    server.forget_tasks();
    let mut asked = question("ann", "two");
    asked.continuation = continuation;
    assert_eq!(run(&agent, asked.clone()).await.answered().0, "You said: two");
    // What another kind of agent left behind is none of ours.
    asked.continuation = Some("resp_77".to_owned());
    assert_eq!(run(&agent, asked).await.answered().0, "You said: two");
    server.observe(|seen| {
        let previous: Vec<_> =
            seen.questions().iter().map(|body| body["previous_response_id"].is_string()).collect();
        assert_eq!(previous, [false, true, false, false]);
    });
}

#[tokio::test]
async fn a_team_without_a_model_is_misconfigured_and_a_chosen_model_helps() {
    let server = FakeWegent::start().await.unwrap();
    let agent = agent(&server, MODELLESS_TEAM);
    let (name, detail) = run(&agent, question("ann", "hi")).await.failed();
    assert_eq!((name, detail.as_str()), ("agent_misconfigured", "status 400"));
    let mut asked = question("ann", "hi");
    asked.model = Some("fast".to_owned());
    run(&agent, asked).await.answered();
}

#[rstest]
#[case("slow", "agent_unknown_model")]
#[case("fast#er", "agent_unknown_model")]
#[tokio::test]
async fn a_model_that_is_none_is_said_so(#[case] model: &str, #[case] name: &str) {
    let server = FakeWegent::start().await.unwrap();
    let mut asked = question("ann", "hi");
    asked.model = Some(model.to_owned());
    assert_eq!(run(&agent(&server, CHAT_TEAM), asked).await.failed().0, name);
}

#[tokio::test]
async fn a_failed_run_is_the_servers_failure_without_its_words() {
    let server = FakeWegent::start().await.unwrap();
    server.queue([Play::Fail("secret words".to_owned())]);
    let failed = run(&agent(&server, CHAT_TEAM), question("ann", "hi")).await.failed();
    assert_eq!(failed, ("agent_server_error", "code task_failed".to_owned()));
}

#[tokio::test]
async fn a_task_that_is_busy_is_waited_for() {
    let server = FakeWegent::start().await.unwrap();
    let agent = agent(&server, CHAT_TEAM);
    let (_, continuation) = run(&agent, question("ann", "one")).await.answered();
    server.queue([Play::Held { before: "Half".to_owned(), after: String::new() }]);
    let mut asked = question("ann", "two");
    asked.continuation = continuation;
    begun(&agent, asked.clone()).await;
    asked.text = "three".to_owned();
    let (ran, ()) = tokio::join!(run(&agent, asked), async {
        let busy = |seen: &switchboard_tests::fake_wegent::Seen| {
            seen.calls.last().is_some_and(|call| call.status == 400)
        };
        server.wait_for(busy, Duration::from_secs(20)).await.unwrap();
        server.release();
    });
    assert_eq!(ran.answered().0, "You said: three");
    no_violations(&server);
}

#[tokio::test]
async fn too_many_requests_without_a_time_to_come_again_are_waited_for() {
    let server = FakeWegent::start().await.unwrap();
    let agent = build(&AgentConfig { mode: AgentMode::Poll, ..settings(&server, EXECUTOR_TEAM) });
    server.throttle(Verb::Ask, 1);
    server.throttle(Verb::Look, 1);
    let began = Instant::now();
    assert_eq!(run(&agent, question("ann", "hi")).await.answered().0, "You said: hi");
    assert!(began.elapsed() >= Duration::from_secs(4), "a pause before each further try");
    no_violations(&server);
}

#[rstest]
#[case::team("helper", "/model", "namespace#team")]
#[case::too_many("a#b#c#d", "/model", "namespace#team")]
#[case::blank("default#", "/model", "namespace#team")]
#[case::spaces("default# helper", "/model", "namespace#team")]
fn a_model_that_names_no_team_is_refused(#[case] model: &str, #[case] pointer: &str, #[case] words: &str) {
    let mut config = crate::bench::config("wegent", "https://host");
    config.model = Some(model.to_owned());
    let (at, message) = kind("wegent").build(&config).err().unwrap();
    assert!(at == pointer && message.contains(words), "{at} {message}");
}

#[test]
fn settings_that_have_no_effect_or_contradict_each_other_are_refused() {
    let good = AgentConfig {
        model: Some("default#helper#fast".to_owned()),
        ..crate::bench::config("wegent", "https://host")
    };
    let pointer = |config: AgentConfig| kind("wegent").build(&config).err().map(|(pointer, _)| pointer);
    assert_eq!(pointer(good.clone()), None);
    let at = |change: &dyn Fn(&mut AgentConfig)| {
        let mut config = good.clone();
        change(&mut config);
        pointer(config).unwrap_or_default()
    };
    assert_eq!(at(&|config| config.system_prompt = Some("Be brief.".to_owned())), "/system_prompt");
    assert_eq!(at(&|config| (config.mode, config.stream) = (AgentMode::Stream, false)), "/stream");
    assert_eq!(at(&|config| config.base_url = "https://host/api/v1/responses".to_owned()), "/base_url");
    assert_eq!(at(&|config| config.base_url = "host".to_owned()), "/base_url");
    assert_eq!(at(&|config| config.model = None), "/model");
    for field in ["input", "attachment_ids", "previous_response_id", "model", "stream"] {
        assert_eq!(
            at(&|config| drop(config.extra_body.insert(field.to_owned(), json!(1)))),
            format!("/extra_body/{field}")
        );
    }
    let named = |value: &'static str| {
        at(&move |config| drop(config.headers.insert("Wegent-Username".to_owned(), Secret::new(value))))
    };
    assert_eq!(named("two words"), "/headers/Wegent-Username");
    assert_eq!(named("one"), "");
    assert_eq!(named("im-{{user.username}}"), "");
    for other in ["openai-chat", "openai-responses"] {
        let config = AgentConfig { mode: AgentMode::Poll, ..crate::bench::config(other, "https://host/v1") };
        assert_eq!(kind(other).build(&config).err().unwrap().0, "/mode");
    }
}
