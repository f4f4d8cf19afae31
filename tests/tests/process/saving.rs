//! What answers cost of a month's quota, and what people and operators see when it is used up: the real binary, and a platform that
//! counts and refuses as DingTalk does.

use std::time::Duration;

use dingtalk_sim::{Card, OWN_TEMPLATE, Via};
use rstest::rstest;
use serde_json::{Value, json};
use switchboard_domain::notice::{Notice, saving, shortage};
use switchboard_domain::settings::Locale;
use switchboard_domain::usage::Why;
use switchboard_tests::looks;
use switchboard_tests::scripted_agent::Behaviour;
use wiremock::matchers::method;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::delivery::plain;
use super::judge::no_violations;
use super::meter::talk;
use super::stage::{Plan, Stage, answer_to, chat, no_alarm};

/// Forty words, so that a card that is updated would show some of them first.
fn long_answer() -> String {
    (1..=40).map(|number| format!("word{number}")).collect::<Vec<_>>().join(" ")
}

fn own_template() -> Value {
    json!({ "template_id": OWN_TEMPLATE, "update_interval_ms": 50 })
}

/// The calls of the platform that an answer of forty words in two seconds took, and its card, when the server has stopped: some
/// calls come after people have read the end.
async fn one_answer(ai_card: Value, saver: &str) -> (u64, Card) {
    let config = json!({ "ai_card": ai_card, "quota": { "saver": saver } });
    let stage = Plan { config, ..Plan::default() }.start().await;
    stage.agent.queue([Behaviour::Words { text: long_answer(), pause: Duration::from_millis(50) }]);
    stage.say("ann", "tell me");
    stage.wait_texts("ann", &[&long_answer()]).await;
    let Stage { server, simulator, home, .. } = stage;
    assert!(server.terminate().await.success());
    no_alarm(&home);
    simulator.observe(|seen| {
        no_violations(seen, false);
        (seen.metered_calls, seen.cards_in(&chat("ann"))[0].clone())
    })
}

#[rstest]
#[case::own_template(own_template(), "Thinking...", 2)]
#[case::own_template_with_a_stop_button(
    json!({ "template_id": OWN_TEMPLATE, "stop_key": "can_stop", "update_interval_ms": 50 }), "Thinking...", 3
)]
// It shows words of its own until there is text.
#[case::public_template(json!({ "update_interval_ms": 50 }), "", 2)]
#[tokio::test(flavor = "multi_thread")]
async fn whole_answers_only_cost_two_calls_and_one_for_the_stop_button(
    #[case] ai_card: Value,
    #[case] first: &str,
    #[case] calls: u64,
) {
    let (used, card) = one_answer(ai_card, "final_only").await;
    assert_eq!(used, calls);
    let mut shown: Vec<_> = card.shown.iter().map(|shown| shown.text.as_str()).collect();
    shown.dedup();
    assert_eq!(shown, [first, &long_answer()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_updated_costs_more() {
    let (used, card) = one_answer(own_template(), "normal").await;
    assert!(used > 4, "{used} calls, {} texts", card.shown.len());
}

/// Half a minute of an answer at the usual cadence, counted by the platform.
#[tokio::test(flavor = "multi_thread")]
async fn half_a_minute_costs_twenty_calls_at_most() {
    let config = json!({ "ai_card": { "enabled": true } });
    let stage = Plan { config, ..Plan::default() }.start().await;
    let words: Vec<_> = (1..=150).map(|number| format!("word{number}")).collect();
    stage.agent.queue([Behaviour::Words { text: words.join(" "), pause: Duration::from_millis(200) }]);
    stage.say("ann", "tell me");
    stage.wait_texts("ann", &[&words.join(" ")]).await;
    let Stage { server, simulator, home, .. } = stage;
    assert!(server.terminate().await.success());
    no_alarm(&home);
    let used = simulator.observe(|seen| seen.metered_calls);
    assert!((10..=20).contains(&used), "{used} calls");
}

/// What the channel's status says of its quota once it says so much.
async fn wait_usage(stage: &Stage, saver: &str) -> Value {
    looks::until_ok(saver, async || {
        let status = stage.api.get(&format!("/channels/{}/status", stage.channel)).await;
        if status["usage"]["saver"] == saver { Ok(status) } else { Err(status["usage"].clone()) }
    })
    .await
}

async fn wait_metric(stage: &Stage, name: &str, wanted: &str) {
    let series = format!("switchboard_platform_quota_{name}{{channel=\"{}\"}}", stage.channel);
    looks::until_ok("the metric says so", async || {
        let told = format!("{}", stage.api.metric(&series).await);
        if told == wanted { Ok(()) } else { Err(told) }
    })
    .await;
}

/// A channel with a webhook that is told of what goes wrong.
async fn alerting() -> (MockServer, Stage) {
    let webhook = MockServer::start().await;
    Mock::given(method("POST")).respond_with(ResponseTemplate::new(200)).mount(&webhook).await;
    let plan = Plan { config: json!({ "ai_card": own_template() }), ..Plan::default() };
    plan.home.configure(&format!("[alerts]\nwebhook_url = \"{}/hook\"\n", webhook.uri()));
    (webhook, plan.start().await)
}

/// The events that a webhook is told first.
async fn wait_alerts(webhook: &MockServer) -> Vec<Value> {
    looks::until("the webhook is told", async || {
        let told = webhook.received_requests().await.expect("requests are recorded");
        let events = told.iter().map(|told| told.body_json::<Value>().unwrap()["event"].clone());
        let events: Vec<_> = events.collect();
        Some(events).filter(|events| !events.is_empty())
    })
    .await
}

/// The month is used up from here on, until it is made longer.
fn use_up(stage: &Stage) -> u64 {
    let used = stage.simulator.observe(|seen| seen.metered_calls);
    stage.simulator.turn_knobs(|knobs| knobs.api_calls_per_month_max = used);
    used
}

#[tokio::test(flavor = "multi_thread")]
async fn a_month_that_is_used_up_changes_the_mode_by_itself_and_says_so_everywhere() {
    let (webhook, stage) = alerting().await;
    talk(&stage, "ann").await;
    let before = wait_usage(&stage, "normal").await;
    assert_eq!(before["usage"]["warning"], Value::Null);

    // People are answered all the same: by the address that came with their message, which counts for nobody.
    let used = use_up(&stage);
    for who in ["bob", "cem"] {
        talk(&stage, who).await;
        stage.simulator.observe(|seen| {
            assert_eq!(plain(seen, who), [(Via::Webhook, answer_to("hello"))]);
            assert!(seen.cards_in(&chat(who)).is_empty());
            assert_eq!(seen.metered_calls, used);
        });
    }
    // Whoever looks is told, and what to do about it.
    let status = wait_usage(&stage, "final_only").await;
    assert_eq!(
        (&status["status"], &status["last_error"]["code"]),
        (&json!("connected"), &json!("quota_exceeded"))
    );
    assert_eq!(status["usage"]["warning"], json!(saving(Why::UsedUp, Locale::En)));
    stage.server.wait_logged("the month's quota of calls is used up").await;
    stage.server.wait_logged("cards are updated at another pace").await;
    wait_metric(&stage, "saving", "2").await;
    let told = saving(Why::UsedUp, Locale::En).unwrap();
    let page = stage.api.page(&format!("/panel/channels/{}", stage.channel)).await;
    assert!(page.contains("final_only") && page.contains(told), "{page}");
    assert!(stage.api.page("/panel/dashboard").await.contains("used up, as the platform says"));
    assert_eq!(wait_alerts(&webhook).await, [json!("quota.used_up")]);

    // As soon as the platform performs calls again, everything is as before.
    stage.simulator.turn_knobs(|knobs| knobs.api_calls_per_month_max = 0);
    talk(&stage, "dan").await;
    assert_eq!(stage.simulator.observe(|seen| seen.cards_in(&chat("dan")).len()), 1);
    let after = wait_usage(&stage, "normal").await;
    assert_eq!(after["usage"]["warning"], Value::Null);
    wait_metric(&stage, "saving", "0").await;
    stage.server.wait_logged("performs calls again").await;
    stage.simulator.observe(|seen| no_violations(seen, false));
    stage.assert_no_alarm();
}

/// Nobody can be answered then, and the channel is connected all the same.
#[tokio::test(flavor = "multi_thread")]
async fn pushes_that_are_used_up_are_told_wherever_somebody_looks() {
    let (webhook, stage) = alerting().await;
    talk(&stage, "ann").await;
    stage.simulator.turn_knobs(|knobs| knobs.pushes_per_month_max = 1);
    stage.say("bob", "hello");
    wait_metric(&stage, "strain", "5").await;
    let status = wait_usage(&stage, "normal").await;
    let told = shortage(Why::PushesUsedUp, Locale::En).unwrap();
    assert_eq!(status["usage"]["warning"], json!(format!("{} {}", told.message, told.remedy)));
    assert_eq!(
        (&status["status"], &status["last_error"]["code"]),
        (&json!("connected"), &json!("quota_exceeded"))
    );
    stage.server.wait_logged("the month's quota of pushes is used up").await;
    assert!(stage.api.page("/panel/dashboard").await.contains("pushes are used up"));
    assert_eq!(wait_alerts(&webhook).await, [json!("quota.pushes_used_up")]);

    stage.simulator.turn_knobs(|knobs| knobs.pushes_per_month_max = 0);
    talk(&stage, "dan").await;
    wait_metric(&stage, "strain", "0").await;
    stage.simulator.observe(|seen| assert!(plain(seen, "bob").is_empty()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_month_that_is_used_up_in_the_middle_of_an_answer_costs_no_word_of_it() {
    let stage = Plan { config: json!({ "ai_card": own_template() }), ..Plan::default() }.start().await;
    let (first, second) = ("The first half,", " the second half.");
    stage.agent.queue([Behaviour::Held { before: first.into(), after: second.into() }]);
    stage.say("ann", "a long story, please");
    stage.wait_streaming("ann", first).await;
    use_up(&stage);
    stage.agent.release(1);
    let whole = format!("{first}{second}");
    looks::until_ok("the whole answer comes as text", async || {
        let read = stage.simulator.observe(|seen| plain(seen, "ann"));
        if read == [(Via::Webhook, whole.clone())] { Ok(()) } else { Err(read) }
    })
    .await;
    // The card says so as soon as it can be written again.
    stage.simulator.turn_knobs(|knobs| knobs.api_calls_per_month_max = 0);
    stage.wait_texts("ann", &[&Notice::AnswerBelow.text(Locale::En), &whole]).await;
    stage.simulator.observe(|seen| no_violations(seen, false));
    stage.assert_no_alarm();
}
