//! A platform that refuses: the answer arrives once all the same, or one sentence says what happened.

use dingtalk_sim::{CardState, Conversation, FaultRule, Observed, Via};
use serde_json::json;
use switchboard_domain::notice::Notice;
use switchboard_domain::settings::Locale;
use switchboard_tests::scripted_agent::Behaviour;
use switchboard_tests::server::CAP;

use super::judge::no_violations;
use super::stage::{Plan, Stage, answer_to, chat};

const CREATE: &str = "/v1.0/card/instances/createAndDeliver";
const STREAMING: &str = "/v1.0/card/streaming";
const INSTANCES: &str = "/v1.0/card/instances";

/// Plain messages to somebody, and by which API each came.
pub(super) fn plain(seen: &Observed, who: &str) -> Vec<(Via, String)> {
    let conversation = seen.conversation(&chat(who));
    let replies = conversation.into_iter().flat_map(Conversation::replies);
    replies.map(|reply| (reply.via, reply.text.clone())).collect()
}

async fn wait_plain(stage: &Stage, wanted: &[(Via, String)]) {
    let outcome = stage.simulator.wait_for(CAP, |seen| plain(seen, "ann") == wanted).await;
    assert!(outcome.is_ok(), "ann reads {:#?}", stage.texts("ann"));
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_card_cannot_be_made_the_whole_answer_comes_as_text_once() {
    let stage = Stage::start().await;
    stage.simulator.add_fault(FaultRule::deny(
        CREATE,
        403,
        "Forbidden.AccessDenied.AccessTokenPermissionDenied",
    ));
    stage.say("ann", "hello");
    wait_plain(&stage, &[(Via::Webhook, answer_to("hello"))]).await;
    // The next answer comes the same way, after whatever the first could still have done.
    stage.say("ann", "again");
    wait_plain(&stage, &[(Via::Webhook, answer_to("hello")), (Via::Webhook, answer_to("again"))]).await;
    assert_eq!(stage.simulator.observe(|seen| seen.cards().count()), 0);
    stage.assert_no_alarm();
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_card_cannot_be_written_any_more_it_points_to_the_whole_answer_as_text() {
    let stage = Stage::start().await;
    stage
        .agent
        .queue([Behaviour::Held { before: "The first half,".into(), after: " the second half.".into() }]);
    stage.say("ann", "a long story, please");
    stage.wait_streaming("ann", "The first half,").await;
    // From now on the card takes no text but the pointer.
    for path in [STREAMING, INSTANCES] {
        let denied = FaultRule::deny(path, 400, "param.stream.content").containing("the second half");
        stage.simulator.add_fault(denied);
    }
    stage.agent.release(1);
    let whole = "The first half, the second half.".to_owned();
    wait_plain(&stage, &[(Via::Webhook, whole.clone())]).await;
    let pointer = Notice::AnswerBelow.text(Locale::En);
    stage.wait_texts("ann", &[&pointer, &whole]).await;
    stage.say("ann", "again");
    stage.wait_texts("ann", &[&pointer, &whole, &answer_to("again")]).await;
    stage.simulator.observe(|seen| no_violations(seen, false));
    stage.assert_no_alarm();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_that_fails_half_way_by_itself_is_made_up_for_by_the_next() {
    let stage = Stage::start().await;
    stage
        .agent
        .queue([Behaviour::Held { before: "The first half,".into(), after: " the second half.".into() }]);
    stage.say("ann", "a long story, please");
    stage.wait_streaming("ann", "The first half,").await;
    stage.simulator.add_fault(FaultRule::deny(STREAMING, 500, "system.busy").times(1));
    stage.agent.release(1);
    stage.wait_texts("ann", &["The first half, the second half."]).await;
    let card = stage.simulator.observe(|seen| seen.cards_in(&chat("ann"))[0].clone());
    assert_eq!((card.state, card.finalize_count), (CardState::Finished, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_was_carried_out_although_it_failed_shows_nothing_twice() {
    let stage = Stage::start().await;
    for path in [CREATE, STREAMING, INSTANCES] {
        stage.simulator.add_fault(FaultRule::apply_then_time_out(path).times(1));
    }
    stage.say("ann", "hello");
    stage.wait_texts("ann", &[&answer_to("hello")]).await;
    stage
        .simulator
        .add_fault(FaultRule::apply_then_time_out(STREAMING).containing("\"isFinalize\":true").times(1));
    stage.say("ann", "again");
    stage.wait_texts("ann", &[&answer_to("hello"), &answer_to("again")]).await;
    stage.simulator.observe(|seen| {
        let cards = seen.cards_in(&chat("ann"));
        assert_eq!(cards.iter().map(|card| card.finalize_count).collect::<Vec<_>>(), [1, 1]);
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn with_an_expired_webhook_the_text_goes_through_the_robots_api() {
    let mut plan = Plan::default();
    plan.config = json!({ "ai_card": { "enabled": false } });
    let stage = plan.start().await;
    stage.agent.queue([Behaviour::Held { before: String::new(), after: "late, but here".into() }]);
    stage.say("ann", "hello");
    stage.wait_asked("hello").await;
    stage.simulator.expire_webhooks();
    stage.agent.release(1);
    wait_plain(&stage, &[(Via::OneToOne, "late, but here".into())]).await;
    stage.say("ann", "again");
    wait_plain(&stage, &[(Via::OneToOne, "late, but here".into()), (Via::Webhook, answer_to("again"))]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_token_is_renewed_in_the_middle_of_an_answer() {
    let stage = Stage::start().await;
    stage
        .agent
        .queue([Behaviour::Held { before: "The first half,".into(), after: " the second half.".into() }]);
    stage.say("ann", "a long story, please");
    stage.wait_streaming("ann", "The first half,").await;
    let tokens = |seen: &Observed| seen.calls_on("/v1.0/oauth2/accessToken").total;
    let before = stage.simulator.observe(tokens);
    stage.simulator.expire_tokens();
    stage.agent.release(1);
    stage.wait_texts("ann", &["The first half, the second half."]).await;
    assert_eq!(stage.simulator.observe(tokens), before + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_the_platform_limits_are_delayed_and_the_status_says_so() {
    let stage = Stage::start().await;
    stage.simulator.add_fault(FaultRule::throttled(CREATE).times(1));
    let limited = stage.api.events().await;
    stage.say("ann", "hello");
    stage.wait_texts("ann", &[&answer_to("hello")]).await;
    limited
        .wait_for(|events| {
            let limits = |event: &&switchboard_tests::events::Event| {
                event.data["last_error"]["code"] == "rate_limited" && event.data["status"] == "connected"
            };
            events.iter().find(limits).cloned()
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_permission_that_cards_miss_is_named_in_the_status() {
    let stage = Stage::start().await;
    stage.simulator.add_fault(FaultRule::scope_missing(CREATE, "Card.Instance.Write"));
    stage.say("ann", "hello");
    wait_plain(&stage, &[(Via::Webhook, answer_to("hello"))]).await;
    let is_noted = |status: &serde_json::Value| status["last_error"]["code"] == "permission_denied";
    let status = stage.api.wait_status(&stage.channel, is_noted).await;
    let message = status["last_error"]["message"].as_str().unwrap();
    assert!(message.contains("(required: Card.Instance.Write)"), "{message}");
    assert!(!message.contains("simulated fault") && status["status"] == "connected", "{status}");
}
