//! Agents that fail: the user sees one final answer or one sentence, whatever happens.

use dingtalk_sim::Observed;
use serde_json::json;
use switchboard_domain::notice::Notice;
use switchboard_domain::outcome::AgentFailureKind;
use switchboard_domain::settings::Locale;
use switchboard_tests::scripted_agent::Behaviour;
use switchboard_tests::server::CAP;

use super::judge::no_violations;
use super::stage::{Plan, Stage, answer_to, chat};

fn sentence(kind: AgentFailureKind) -> String {
    Notice::from(kind).text(Locale::En)
}

/// A stage whose agent has little time.
async fn stage() -> Stage {
    let mut plan = Plan::default();
    plan.agent =
        json!({ "first_output_timeout_ms": 1_000, "idle_timeout_ms": 1_000, "turn_timeout_ms": 20_000 });
    plan.start().await
}

/// One bad request, then a good one in the same conversation: the bot says one text that ends with the sentence (and begins
/// with what had come by then), and then answers as if nothing had been.
async fn ends_with_one_sentence(behaviours: Vec<Behaviour>, begins: &str, kind: AgentFailureKind) {
    let stage = stage().await;
    let count = behaviours.len();
    stage.agent.queue(behaviours);
    let turn = stage.api.events().await;
    stage.say("ann", "what went wrong?");
    let is_ended = |seen: &Observed| {
        let texts = seen.robot_texts(&chat("ann"));
        seen.open_cards().is_empty() && texts.first().is_some_and(|text| text.ends_with(&sentence(kind)))
    };
    let outcome = stage.simulator.wait_for(CAP, is_ended).await;
    assert!(outcome.is_ok(), "ann reads {:#?}", stage.texts("ann"));
    let finished =
        turn.wait_for(|events| events.iter().find(|event| event.name == "turn.finished").cloned()).await;
    assert_eq!(finished.data["outcome"], "failed");
    stage.say("ann", "and now?");
    let first = stage.texts("ann")[0].clone();
    stage.wait_texts("ann", &[&first, &answer_to("and now?")]).await;
    assert!(first.starts_with(begins), "{first}");
    assert_eq!(first.matches(&sentence(kind)).count(), 1, "{first}");
    assert_eq!(stage.agent.asked().len(), count + 1, "{:?}", stage.agent.asked());
    stage.simulator.observe(|seen| no_violations(seen, false));
    stage.assert_no_alarm();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_never_says_anything_gives_one_sentence() {
    // Silence is not asked again: another wait of the same length would help nobody.
    let hang = vec![Behaviour::HangBeforeHeaders];
    ends_with_one_sentence(hang, "", AgentFailureKind::FirstOutputTimeout).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_falls_silent_keeps_its_text_and_gets_one_sentence() {
    let hang = vec![Behaviour::HangAfter { text: "The first half".into() }];
    ends_with_one_sentence(hang, "The first half", AgentFailureKind::IdleTimeout).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_of_the_agents_own_is_tried_once_more_and_then_gives_one_sentence() {
    let errors = vec![Behaviour::status(500), Behaviour::status(500)];
    ends_with_one_sentence(errors, "", AgentFailureKind::ServerError).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_with_too_many_requests_is_tried_once_more_and_then_gives_one_sentence() {
    let busy = Behaviour::Status { status: 429, code: None, retry_after_s: Some(1) };
    ends_with_one_sentence(vec![busy.clone(), busy], "", AgentFailureKind::RateLimited).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_cut_in_the_middle_keeps_its_text_and_gets_one_sentence() {
    let cut = vec![Behaviour::Cut { text: "The first half".into() }];
    ends_with_one_sentence(cut, "The first half", AgentFailureKind::CutStream).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_refuses_the_key_gives_one_sentence_and_the_channels_status_says_so() {
    let stage = stage().await;
    stage.agent.queue([Behaviour::status(401)]);
    stage.say("ann", "hello");
    stage.wait_texts("ann", &[&sentence(AgentFailureKind::Unauthorized)]).await;
    let noted = |status: &serde_json::Value| status["last_error"]["code"] == "agent_misconfigured";
    let status = stage.api.wait_status(&stage.channel, noted).await;
    assert_eq!(status["status"], "connected");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_that_passes_is_never_seen() {
    for passing in [
        Behaviour::status(500),
        Behaviour::Status { status: 429, code: None, retry_after_s: Some(1) },
        Behaviour::Cut { text: String::new() },
    ] {
        let stage = stage().await;
        stage.agent.queue([passing]);
        stage.say("ann", "hello");
        stage.wait_texts("ann", &[&answer_to("hello")]).await;
        let asked = stage.agent.asked();
        assert_eq!(asked.len(), 2);
        assert_eq!(asked[0].idempotency_key, asked[1].idempotency_key);
    }
}
