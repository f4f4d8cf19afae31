//! Messages that come while an answer is written, and right after each other, with the real binary and the simulated platform.

use dingtalk_sim::Observed;
use serde_json::json;
use switchboard_domain::notice::Notice;
use switchboard_domain::outcome::Refusal;
use switchboard_domain::settings::Locale;
use switchboard_tests::scripted_agent::Behaviour;
use switchboard_tests::server::CAP;

use super::judge::no_violations;
use super::stage::{Plan, Stage, answer_to, chat};

fn en(notice: &Notice) -> String {
    notice.text(Locale::En)
}

async fn stage(conversation: serde_json::Value) -> Stage {
    Plan { channel: json!({ "conversation": conversation }), ..Plan::default() }.start().await
}

async fn killed(stage: Stage) -> Stage {
    let stage = stage.kill_and_serve().await;
    stage.api.wait_connected(&stage.channel).await;
    stage
}

/// Ann says it, and the platform knows that it was taken in.
async fn say(stage: &Stage, text: &str) {
    let pushed = stage.say("ann", text).msg_id;
    let acked = |seen: &Observed| seen.message(&pushed).is_some_and(|it| it.acked.is_some());
    stage.simulator.wait_for(CAP, acked).await.expect("it is taken in");
}

/// Waits until a card of Ann's shows this, finished or not.
async fn wait_card(stage: &Stage, text: &str) {
    let shows = |seen: &Observed| seen.cards_in(&chat("ann")).iter().any(|card| card.text == text);
    stage.simulator.wait_for(CAP, shows).await.expect("a card says it");
}

/// An answer that is being written until it is released, and two messages behind it.
async fn queue(stage: &Stage) {
    stage.agent.queue([Behaviour::Held { before: "A".into(), after: " story".into() }]);
    stage.say("ann", "tell me");
    stage.wait_streaming("ann", "A").await;
    say(stage, "two").await;
    stage.say("ann", "three");
    wait_card(stage, &en(&Notice::Waiting { place: 1 })).await;
    wait_card(stage, &en(&Notice::Waiting { place: 2 })).await;
}

fn is_whole(stage: &Stage) {
    stage.simulator.observe(|seen| no_violations(seen, false));
    stage.assert_no_alarm();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_message_says_its_place_on_the_card_of_its_answer() {
    let stage = stage(json!({})).await;
    queue(&stage).await;
    stage.agent.release(1);
    stage.wait_texts("ann", &["A story", &answer_to("two"), &answer_to("three")]).await;
    assert_eq!(stage.simulator.observe(|seen| seen.cards_in(&chat("ann")).len()), 3);
    is_whole(&stage);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_while_messages_wait_turns_their_cards_into_answers() {
    let stage = stage(json!({})).await;
    queue(&stage).await;
    let stage = killed(stage).await;
    stage.wait_texts("ann", &[&answer_to("tell me"), &answer_to("two"), &answer_to("three")]).await;
    assert_eq!(stage.simulator.observe(|seen| seen.cards_in(&chat("ann")).len()), 3);
    is_whole(&stage);
}

#[tokio::test(flavor = "multi_thread")]
async fn withdrawn_messages_close_their_cards_also_after_a_kill() {
    for command in ["/stop all", "/new"] {
        let stage = stage(json!({})).await;
        queue(&stage).await;
        stage.agent.queue([Behaviour::Held { before: "B".into(), after: String::new() }]);
        let stage = killed(stage).await;
        wait_card(&stage, "B").await;
        stage.say("ann", command);
        let closed = |seen: &Observed| seen.open_cards().is_empty() && seen.cards_in(&chat("ann")).len() == 3;
        stage.simulator.wait_for(CAP, closed).await.expect("every card is closed");
        let withdrawn = en(&Notice::WaitWithdrawn);
        let says_so = stage.texts("ann").iter().filter(|text| **text == withdrawn).count();
        assert_eq!(says_so, 2, "{command}: {:?}", stage.texts("ann"));
        assert_eq!(stage.agent.asked().len(), 2, "{command}");
        is_whole(&stage);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_cards_one_message_says_that_others_wait() {
    let plan = Plan { config: json!({"ai_card": {"enabled": false}}), ..Plan::default() };
    let stage = plan.start().await;
    stage.agent.queue([Behaviour::Held { before: "A".into(), after: " story".into() }]);
    say(&stage, "tell me").await;
    stage.wait_asked("tell me").await;
    say(&stage, "two").await;
    say(&stage, "three").await;
    let waits = en(&Notice::Waiting { place: 1 });
    stage.wait_texts("ann", &[&waits]).await;
    stage.agent.release(1);
    stage.wait_texts("ann", &[&waits, "A story", &answer_to("two"), &answer_to("three")]).await;
    is_whole(&stage);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_message_interrupts_or_is_rejected() {
    let interrupting = stage(json!({"busy": "interrupt"})).await;
    interrupting.agent.queue([Behaviour::Held { before: "A".into(), after: " story".into() }]);
    interrupting.say("ann", "tell me");
    interrupting.wait_streaming("ann", "A").await;
    interrupting.say("ann", "two");
    let stopped = format!("A\n\n{}", en(&Notice::InterruptMark));
    interrupting.wait_texts("ann", &[&stopped, &answer_to("two")]).await;
    is_whole(&interrupting);

    let rejecting = stage(json!({"busy": "reject"})).await;
    rejecting.agent.queue([Behaviour::Held { before: "A".into(), after: " story".into() }]);
    rejecting.say("ann", "tell me");
    rejecting.wait_streaming("ann", "A").await;
    rejecting.say("ann", "two");
    let busy = en(&Notice::Refused(Refusal::Busy));
    let told = |seen: &Observed| seen.robot_texts(&chat("ann")).contains(&busy);
    rejecting.simulator.wait_for(CAP, told).await.expect("Ann is told");
    rejecting.agent.release(1);
    let over = |seen: &Observed| seen.open_cards().is_empty();
    rejecting.simulator.wait_for(CAP, over).await.expect("the answer ends");
    is_whole(&rejecting);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_is_one_question_whatever_moment_the_process_is_killed_at() {
    let stage = stage(json!({"merge_window_ms": 2_000})).await;
    for text in ["one", "two", "three"] {
        say(&stage, text).await;
    }
    let stage = killed(stage).await;
    let asked = stage.agent.wait_for(|asked| !asked.is_empty(), CAP).await.expect("the agent is asked");
    assert_eq!(asked[0].question(), "one\ntwo\nthree");
    let over = |seen: &Observed| seen.open_cards().is_empty() && seen.cards_in(&chat("ann")).len() == 1;
    stage.simulator.wait_for(CAP, over).await.expect("one answer");
    let stage = killed(stage).await;
    stage.say("ann", "four");
    stage.agent.wait_for(|asked| asked.len() == 2, CAP).await.expect("the agent is asked again");
    // Line breaks are the platform's Markdown.
    let first = stage.texts("ann")[0].clone();
    assert!(["one", "two", "three"].iter().all(|word| first.contains(word)), "{first}");
    stage.wait_texts("ann", &[&first, &answer_to("four")]).await;
    is_whole(&stage);
}
