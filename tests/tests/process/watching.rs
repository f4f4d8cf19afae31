//! What an operator sees of the real binary: an outage told to a webhook, a channel's past and log, measures, and the file for a
//! bug report.

use serde_json::{Value, json};
use switchboard_adapters::directories::signature;
use switchboard_tests::looks;
use wiremock::matchers::method;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::stage::{APP_SECRET, Plan, answer_to};

const KEY: &str = "a-key-of-the-process-tests";

/// Waits until a webhook was told so many alerts; each with its signature checked.
async fn wait_told(webhook: &MockServer, count: usize) -> Vec<Value> {
    looks::until("so many alerts", async || Some(told(webhook).await).filter(|told| told.len() == count))
        .await
}

async fn told(webhook: &MockServer) -> Vec<Value> {
    let requests = webhook.received_requests().await.expect("requests are recorded");
    let read = requests.iter().map(|request| {
        let header = |name: &str| request.headers[name].to_str().expect("text").to_owned();
        let expected = signature(KEY.as_bytes(), &header("x-switchboard-timestamp"), &request.body);
        assert_eq!(header("x-switchboard-signature"), expected);
        serde_json::from_slice(&request.body).expect("JSON")
    });
    read.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_is_told_to_the_webhook_and_seen_in_history_log_and_diagnostics() {
    let webhook = MockServer::start().await;
    Mock::given(method("POST")).respond_with(ResponseTemplate::new(200)).mount(&webhook).await;
    let plan = Plan::default();
    let address = format!("{}/hook?token=h00k-s3cret", webhook.uri());
    plan.home.configure(&format!(
        "[alerts]\nwebhook_url = \"{address}\"\nhmac_key = \"{KEY}\"\nafter = \"10s\"\n"
    ));
    let stage = plan.start().await;
    let channel = format!("/channels/{}", stage.channel);
    stage.say("ann", "nobody may read this");
    stage.wait_texts("ann", &[&answer_to("nobody may read this")]).await;
    stage.api.patch(&channel, &json!({ "config": { "client_secret": "wr0ng-s3cret" } })).await;
    wait_told(&webhook, 1).await;
    stage.api.patch(&channel, &json!({ "config": { "client_secret": APP_SECRET } })).await;
    let told = wait_told(&webhook, 2).await;
    assert_eq!(
        (&told[0]["event"], &told[1]["event"]),
        (&json!("channel.not_connected"), &json!("channel.connected"))
    );
    assert_eq!(told[0]["channel"], json!({ "id": stage.channel, "name": "Bot", "type": "dingtalk" }));
    assert_eq!(told[0]["last_error"]["code"], "invalid_credentials");

    let history = stage.api.get(&format!("{channel}/history")).await;
    let states = history["items"].as_array().expect("a list");
    assert!(states.iter().any(|state| state["error"]["code"] == "invalid_credentials"), "{history}");
    assert!(states.iter().any(|state| state["reconnect"] == true), "{history}");
    let log = stage.api.get(&format!("{channel}/log?limit=200")).await;
    assert!(log["items"].as_array().expect("a list").len() > 3, "{log}");
    let measures = stage.api.get("/metrics/history").await;
    assert_eq!(measures["steps"].as_array().map(Vec::len), Some(60));
    let diagnostics = stage.api.get("/diagnostics").await;
    assert_eq!(diagnostics["configuration"]["alerts"]["webhook_url"], "***");
    for text in [log.to_string(), history.to_string(), diagnostics.to_string(), stage.home.logs()] {
        for secret in ["h00k-s3cret", KEY, APP_SECRET, "wr0ng-s3cret", "nobody may read this"] {
            assert!(!text.contains(secret), "{secret} is in {text}");
        }
    }
    stage.assert_no_alarm();
}
