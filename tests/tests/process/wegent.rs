//! The real binary with an agent of kind `wegent`: each thing that goes otherwise there has one clear end.

use dingtalk_sim::Observed;
use serde_json::{Value, json};
use switchboard_adapters::net::{Authorities, Network, Proxies};
use switchboard_domain::notice::Notice;
use switchboard_domain::outcome::AgentFailureKind;
use switchboard_domain::settings::Locale;
use switchboard_tests::fake_wegent::{
    CHAT_TEAM, EXECUTOR_TEAM, FakeWegent, OWNER, PERSONAL_KEY, Play, SERVICE_KEY, Verb,
};
use switchboard_tests::server::CAP;

use super::judge::no_violations;
use super::stage::{Plan, Stage, answer_to, chat, over};

/// A stage whose agent is a team of Wegent, asked as each user.
async fn stage(wegent: &FakeWegent, team: &str, own: Value) -> Stage {
    let agent = json!({
        "kind": "wegent", "base_url": wegent.host(), "api_key": SERVICE_KEY, "model": team,
        "headers": {"wegent-username": "{{user.username}}"},
    });
    let plan = Plan { agent: over(agent, &own), ..Plan::default() };
    plan.start().await
}

/// Nothing of it was against anybody's rules.
fn all_is_well(stage: &Stage, wegent: &FakeWegent) {
    wegent.observe(|seen| assert_eq!(seen.violations, [""; 0], "{seen:#?}"));
    stage.simulator.observe(|seen| no_violations(seen, false));
    stage.assert_no_alarm();
}

fn sentence(kind: AgentFailureKind) -> String {
    Notice::from(kind).text(Locale::En)
}

#[tokio::test(flavor = "multi_thread")]
async fn turns_go_on_in_one_task_of_the_user_until_a_new_conversation() {
    let wegent = FakeWegent::start().await.unwrap();
    let stage = stage(&wegent, CHAT_TEAM, json!({})).await;
    stage.say("ann", "one");
    stage.wait_texts("ann", &[&answer_to("one")]).await;
    stage.say("ann", "two");
    stage.wait_texts("ann", &[&answer_to("one"), &answer_to("two")]).await;
    stage.say("ann", "/new");
    let said = |seen: &Observed| seen.robot_texts(&chat("ann")).len() == 3;
    stage.simulator.wait_for(CAP, said).await.unwrap();
    stage.say("ann", "three");
    wegent.wait_for(|seen| seen.tasks.len() == 2, CAP).await.unwrap();
    wegent.observe(|seen| {
        assert_eq!(seen.tasks[0].items.len(), 4, "{seen:#?}");
        assert!(seen.tasks.iter().all(|task| task.user == "ann"));
    });
    all_is_well(&stage, &wegent);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_is_heard_upstream_before_the_next_turn_begins() {
    let wegent = FakeWegent::start().await.unwrap();
    let stage = stage(&wegent, CHAT_TEAM, json!({})).await;
    stage.say("ann", "one");
    stage.wait_texts("ann", &[&answer_to("one")]).await;
    wegent.queue([Play::Held { before: "The first half".into(), after: " and the rest".into() }]);
    stage.say("ann", "two");
    stage.wait_streaming("ann", "The first half").await;
    stage.say("ann", "three");
    stage.say("ann", "/stop");
    let stopped = format!("The first half\n\n{}", Notice::StopMark.text(Locale::En));
    stage.wait_texts("ann", &[&answer_to("one"), &stopped, &answer_to("three")]).await;
    wegent.observe(|seen| {
        assert_eq!((seen.tasks.len(), seen.tasks[0].cancels), (1, 1), "{seen:#?}");
        let verbs: Vec<_> = seen.calls.iter().map(|call| call.verb).collect();
        assert_eq!(verbs, [Verb::Ask, Verb::Ask, Verb::Cancel, Verb::Ask], "none was refused as busy");
        assert_eq!(seen.tasks[0].items[3].text, "The first half", "what it had by then is kept there too");
    });
    all_is_well(&stage, &wegent);
}

/// Neither answer of a task is lost to it: the first one was stopped, the second goes on from there.
#[tokio::test(flavor = "multi_thread")]
async fn a_stop_of_the_first_answer_leaves_its_task_to_the_next_question() {
    for (team, half) in [(CHAT_TEAM, "The first half"), (EXECUTOR_TEAM, "")] {
        let wegent = FakeWegent::start().await.unwrap();
        let stage = stage(&wegent, team, json!({})).await;
        wegent.queue([Play::Held { before: half.into(), after: " and the rest".into() }]);
        stage.say("ann", "one");
        if half.is_empty() {
            wegent.wait_for(|seen| seen.count(Verb::Look) >= 1, CAP).await.unwrap();
        } else {
            stage.wait_streaming("ann", half).await;
        }
        stage.say("ann", "/stop");
        let stopped = format!("{half}\n\n{}", Notice::StopMark.text(Locale::En)).trim_start().to_owned();
        stage.wait_texts("ann", &[&stopped]).await;
        // An executor is not reached by a stop; its task is busy until it is done.
        wegent.wait_for(|seen| seen.count(Verb::Cancel) == 1, CAP).await.unwrap();
        wegent.release();
        stage.say("ann", "two");
        stage.wait_texts("ann", &[&stopped, &answer_to("two")]).await;
        wegent.observe(|seen| {
            let last = seen.tasks.last().unwrap();
            let previous = seen.questions().last().unwrap()["previous_response_id"].clone();
            assert_eq!((last.items.len(), previous), (4, json!(last.response())), "{seen:#?}");
        });
        all_is_well(&stage, &wegent);
        if team == EXECUTOR_TEAM {
            // What the agent logs by itself is found by whose run it is.
            let line = log_line(&stage, "a run was asked to stop");
            let channel = format!("channel={}", stage.channel);
            for told in [channel.as_str(), "conversation=cnv_", "turn=1", "agent=\"scripted\""] {
                assert!(line.contains(told), "{told} in {line}");
            }
        }
    }
}

/// The server's first log line with these words.
fn log_line(stage: &Stage, words: &str) -> String {
    let logs = stage.home.logs();
    let line = logs.lines().find(|line| line.contains(words));
    line.unwrap_or_else(|| panic!("no line says {words}:\n{logs}")).to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_makes_no_user_and_says_what_cannot_be_told_so() {
    let wegent = FakeWegent::start().await.unwrap();
    let stage = stage(&wegent, CHAT_TEAM, json!({})).await;
    let agent = stage.api.get("/agents").await["items"][0]["id"].as_str().unwrap().to_owned();
    let (agent, test) = (format!("/agents/{agent}"), format!("/agents/{agent}/test"));
    let told = stage.api.post(&test, 200).await;
    assert_eq!((&told["ok"], &told["result"]), (&json!(false), &json!("cannot_be_told")), "{told}");
    wegent.observe(|seen| assert!(seen.calls.iter().all(|call| call.user.is_none()), "{seen:#?}"));

    stage.api.patch(&agent, &json!({"api_key": "wg-wr0ng"})).await;
    let told = stage.api.post(&test, 200).await;
    assert_eq!((&told["result"], &told["error"]["code"]), (&json!("failed"), &json!("agent_unauthorized")));
    let line = log_line(&stage, "the test of an agent failed");
    assert!(line.contains("agent=\"scripted\"") && line.contains("agent_unauthorized"), "{line}");
    assert!(!line.contains("wr0ng"), "{line}");

    // A personal key is its owner's, whatever name is said; a user that there is may be named.
    stage.api.patch(&agent, &json!({"api_key": PERSONAL_KEY})).await;
    assert_eq!(stage.api.post(&test, 200).await["result"], "ok");
    stage.api.patch(&agent, &json!({"api_key": SERVICE_KEY})).await;
    stage.say("ann", "one");
    stage.wait_texts("ann", &[&answer_to("one")]).await;
    let user = stage.api.get("/users").await["items"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(stage.api.post(&format!("{test}?user_id={user}"), 200).await["result"], "ok");
    wegent.observe(|seen| {
        let users: Vec<_> = seen.tasks.iter().map(|task| task.user.as_str()).collect();
        assert_eq!(users, [OWNER, "ann", "ann"], "{seen:#?}");
    });
    all_is_well(&stage, &wegent);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_team_that_queues_is_asked_for_its_answer() {
    let wegent = FakeWegent::start().await.unwrap();
    wegent.executors_take(2);
    // Shorter than the pauses between two looks: the looks themselves are signs of life.
    let hasty = json!({"first_output_timeout_ms": 1_500, "idle_timeout_ms": 1_500});
    let stage = stage(&wegent, EXECUTOR_TEAM, hasty).await;
    stage.say("ann", "one");
    stage.wait_texts("ann", &[&answer_to("one")]).await;
    wegent.observe(|seen| assert!(seen.count(Verb::Ask) == 2 && seen.count(Verb::Look) >= 2, "{seen:#?}"));
    all_is_well(&stage, &wegent);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_of_a_killed_server_is_asked_for_and_not_asked_again() {
    let wegent = FakeWegent::start().await.unwrap();
    let mut stage = stage(&wegent, EXECUTOR_TEAM, json!({"mode": "poll"})).await;
    wegent.queue([Play::Held { before: String::new(), after: "The result.".into() }]);
    stage.say("ann", "one");
    wegent.wait_for(|seen| seen.count(Verb::Look) == 1, CAP).await.unwrap();
    stage.server.signal(nix::sys::signal::Signal::SIGKILL);
    stage.server.end().await;
    stage.serve_again().await;
    wegent.wait_for(|seen| seen.count(Verb::Look) >= 2, CAP).await.unwrap();
    wegent.release();
    stage.wait_texts("ann", &["The result."]).await;
    wegent.observe(|seen| assert_eq!(seen.count(Verb::Ask), 1, "{seen:#?}"));
    stage.assert_no_alarm();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_somebody_else_keeps_busy_is_waited_for() {
    let wegent = FakeWegent::start().await.unwrap();
    let stage = stage(&wegent, CHAT_TEAM, json!({})).await;
    stage.say("ann", "one");
    stage.wait_texts("ann", &[&answer_to("one")]).await;
    wegent.queue([Play::Held { before: String::new(), after: "elsewhere".into() }]);
    let previous = wegent.observe(|seen| seen.tasks[0].response());
    let network = Network::new(&Authorities::default(), Proxies::default()).unwrap();
    let elsewhere = network
        .client(CAP)
        .unwrap()
        .post(format!("{}/api/v1/responses", wegent.host()))
        .header("x-api-key", SERVICE_KEY)
        .header("wegent-username", "ann")
        .json(&json!({"model": CHAT_TEAM, "input": "in the browser", "stream": true, "previous_response_id": previous}));
    let elsewhere = elsewhere.send().await.unwrap();
    stage.say("ann", "two");
    wegent.wait_for(|seen| seen.calls.last().is_some_and(|call| call.status == 400), CAP).await.unwrap();
    wegent.release();
    stage.wait_texts("ann", &[&answer_to("one"), &answer_to("two")]).await;
    drop(elsewhere);
    all_is_well(&stage, &wegent);
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_requests_pass_unseen() {
    let wegent = FakeWegent::start().await.unwrap();
    let stage = stage(&wegent, CHAT_TEAM, json!({})).await;
    wegent.throttle(Verb::Ask, 2);
    stage.say("ann", "one");
    stage.wait_texts("ann", &[&answer_to("one")]).await;
    wegent.observe(|seen| assert_eq!(seen.count(Verb::Ask), 3));
    all_is_well(&stage, &wegent);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_is_gone_or_somebody_elses_gives_way_to_a_new_one() {
    let wegent = FakeWegent::start().await.unwrap();
    let stage = stage(&wegent, CHAT_TEAM, json!({})).await;
    stage.say("ann", "one");
    stage.wait_texts("ann", &[&answer_to("one")]).await;
    wegent.forget_tasks();
    stage.say("ann", "two");
    stage.wait_texts("ann", &[&answer_to("one"), &answer_to("two")]).await;
    all_is_well(&stage, &wegent);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_whose_name_wegent_cannot_take_reads_one_sentence_and_nothing_is_asked() {
    let wegent = FakeWegent::start().await.unwrap();
    let stage =
        stage(&wegent, CHAT_TEAM, json!({"headers": {"wegent-username": "im {{user.username}}"}})).await;
    stage.say("ann", "one");
    stage.wait_texts("ann", &[&sentence(AgentFailureKind::UserNameRefused)]).await;
    wegent.observe(|seen| assert!(seen.calls.is_empty()));
    all_is_well(&stage, &wegent);
}
