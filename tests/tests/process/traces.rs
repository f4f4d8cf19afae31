//! The timeline of a message over the API, and its trace at a collector: the real server tells the same in both.

use reqwest::Method;
use serde_json::Value;
use switchboard_tests::looks;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use super::stage::{Plan, answer_to};

/// Text that stands nowhere but in the chat.
const QUESTION: &str = "qu3stion";

/// The spans of all requests so far.
fn spans(requests: &[Request]) -> Vec<Value> {
    let documents = requests.iter().map(|request| serde_json::from_slice::<Value>(&request.body).unwrap());
    let spans = documents.map(|document| document["resourceSpans"][0]["scopeSpans"][0]["spans"].clone());
    spans.flat_map(|spans| spans.as_array().unwrap().clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_has_a_timeline_and_a_trace_of_the_same_name() {
    let collector = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/v1/traces"))
        .respond_with(ResponseTemplate::new(200).set_body_string("{}"))
        .mount(&collector)
        .await;
    let mut plan = Plan::default();
    plan.home.set("SWITCHBOARD_TELEMETRY__OTLP_ENDPOINT", &collector.uri());
    let stage = plan.start().await;
    stage.say("ann", QUESTION);
    stage.wait_texts("ann", &[&answer_to(QUESTION)]).await;
    let conversation = stage.api.get("/conversations").await["items"][0]["id"].as_str().unwrap().to_owned();
    let lines = stage.api.get(&format!("/conversations/{conversation}/messages")).await;
    let message = lines["items"][0]["message_id"].as_str().unwrap().to_owned();
    assert_eq!(lines["items"][1]["message_id"], message.as_str());
    let timeline = looks::until("it is told that it was delivered", async || {
        // Nothing is known of it until the first lines are written, a moment after the answer.
        let answer = stage.api.send(Method::GET, &format!("/messages/{message}/timeline"), None).await;
        let timeline = answer.json;
        let is_delivered = timeline["items"].as_array()?.iter().any(|item| item["event"] == "delivered");
        is_delivered.then_some(timeline)
    });
    let timeline = timeline.await;
    assert_eq!(timeline["conversation_id"], conversation.as_str());
    assert_eq!(timeline["channel_id"], stage.channel.as_str());
    let events = timeline["items"].as_array().unwrap().iter().map(|item| item["event"].as_str().unwrap());
    let events: Vec<&str> = events.collect();
    assert_eq!(events[..3], ["received", "stored", "acknowledged"], "{events:?}");
    for event in ["mapped", "asked", "first_output", "agent_finished", "card_created", "card_closed", "ended"]
    {
        assert!(events.contains(&event), "{event} is not in {events:?}");
    }
    assert!(!timeline.to_string().contains(QUESTION));
    // The agent was told the same trace, and the collector has it, once the server has ended.
    let trace = timeline["trace_id"].as_str().unwrap().to_owned();
    let asked =
        stage.agent.wait_for(|asked| !asked.is_empty(), switchboard_tests::server::CAP).await.unwrap();
    let header = asked[0].headers["traceparent"].clone();
    assert!(header.starts_with(&format!("00-{trace}-")) && header.ends_with("-01"), "{header}");
    assert!(stage.server.terminate().await.success());
    let requests = collector.received_requests().await.unwrap();
    let spans = spans(&requests);
    assert!(spans.iter().all(|span| span["traceId"] == trace.as_str()), "{spans:#?}");
    let named = |name: &str| spans.iter().find(|span| span["name"] == name).unwrap();
    let root = named("message");
    for name in ["store.accept", "store.commit", "agent.run", "platform.reply"] {
        assert_eq!(named(name)["parentSpanId"], root["spanId"], "{name}");
    }
    assert_eq!(header.split('-').nth(2), named("agent.run")["spanId"].as_str());
    assert!(requests.iter().all(|request| !String::from_utf8_lossy(&request.body).contains(QUESTION)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_not_there_holds_up_nothing() {
    let mut plan = Plan::default();
    plan.home.set("SWITCHBOARD_TELEMETRY__OTLP_ENDPOINT", "http://127.0.0.1:9");
    let stage = plan.start().await;
    stage.say("ann", QUESTION);
    stage.wait_texts("ann", &[&answer_to(QUESTION)]).await;
    stage.server.wait_logged("failed to hand traces over").await;
    assert!(stage.server.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_none_ends_the_start_with_one_sentence() {
    let mut plan = Plan::default();
    plan.home.set("SWITCHBOARD_TELEMETRY__OTLP_ENDPOINT", "collector:4317");
    let ran = plan.home.run(&["serve"]).await;
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    let said = "SWITCHBOARD_TELEMETRY__OTLP_ENDPOINT: must be empty, or an address that begins with http:// or https://";
    assert!(ran.stderr.contains(said), "{}", ran.stderr);
}
