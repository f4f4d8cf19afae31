//! What the status says of connections, and what other channels notice of it: nothing.

use dingtalk_sim::{AppConfig, ConnectionPhase, Disruption, Observed};
use serde_json::{Value, json};
use switchboard_tests::events::Event;
use switchboard_tests::server::CAP;

use super::judge::no_violations;
use super::stage::{Plan, Stage, answer_to, channel_on, over};

/// Milliseconds since the epoch of an RFC 3339 time.
fn millis(time: &Value) -> i64 {
    let time: jiff::Timestamp = time.as_str().expect("a time").parse().expect("RFC 3339");
    time.as_millisecond()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_secret_is_never_connected_and_the_right_one_is_within_two_seconds_without_touching_a_neighbour()
 {
    let mut plan = Plan::default();
    plan.simulator.apps.push(AppConfig::new("second-app", "second-s3cret"));
    let stage = plan.start().await;
    let events = stage.api.events().await;
    let neighbour = stage.api.get(&format!("/channels/{}/status", stage.channel)).await;

    let config = json!({ "client_id": "second-app", "client_secret": "wr0ng-s3cret" });
    let channel = over(channel_on(&stage.simulator, &config), &json!({ "name": "Second" }));
    let id = stage.api.create("/channels", &channel).await;
    let is_refused = |status: &Value| status["last_error"]["code"] == "invalid_credentials";
    let status = stage.api.wait_status(&id, is_refused).await;
    assert_eq!(status["status"], "disconnected");
    assert_eq!(status["connected_at"], Value::Null);
    assert_eq!(status["connections"], 0);
    assert!(status["next_attempt_at"].is_string(), "{status}");
    let test = stage.api.post(&format!("/channels/{id}/test"), 200).await;
    assert_eq!(test["ok"], false, "{test}");

    let patch = json!({ "config": { "client_secret": "second-s3cret" } });
    let patched = stage.api.patch(&format!("/channels/{id}"), &patch).await;
    assert_eq!(patched["config"]["client_secret"], "***");
    let status = stage.api.wait_connected(&id).await;
    let took = millis(&status["connected_at"]) - millis(&patched["updated_at"]);
    assert!((0..=2_000).contains(&took), "connected after {took} ms");

    // The stream of events has everything in order: no `connected` before the right secret.
    let is_of = |event: &Event| event.name == "channel.status" && event.data["channel_id"] == id.as_str();
    let connected = events
        .wait_for(|all| all.iter().find(|event| is_of(event) && event.data["status"] == "connected").cloned())
        .await;
    assert!(millis(&connected.data["since"]) >= millis(&patched["updated_at"]), "{connected:?}");
    let seen = events.seen();
    assert!(seen.iter().any(|event| is_of(event) && event.data["status"] == "disconnected"), "{seen:?}");
    assert!(!seen.iter().any(|event| event.data["channel_id"] == stage.channel.as_str()), "{seen:?}");

    let after = stage.api.get(&format!("/channels/{}/status", stage.channel)).await;
    for field in ["status", "since", "connected_at", "connections"] {
        assert_eq!(after[field], neighbour[field], "{field}");
    }
    stage.simulator.observe(|seen| {
        let own: Vec<_> = seen.connections.iter().filter(|one| one.app == super::stage::APP).collect();
        assert_eq!(own.len(), 1, "{own:?}");
        assert_eq!(own[0].phase, ConnectionPhase::Live);
        let opened = seen.opens.iter().filter(|open| open.client_id == super::stage::APP).count();
        assert_eq!(opened, 1);
    });
    stage.assert_no_alarm();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_reset_is_opened_again_and_what_comes_then_is_answered() {
    let stage = Stage::start().await;
    let before = stage.api.get(&format!("/channels/{}/status", stage.channel)).await;
    stage.say("ann", "before");
    stage.wait_texts("ann", &[&answer_to("before")]).await;
    assert_eq!(stage.simulator.disrupt_all(Disruption::Reset), 1);
    let is_new = |status: &Value| {
        status["status"] == "connected" && millis(&status["connected_at"]) > millis(&before["connected_at"])
    };
    let after = stage.api.wait_status(&stage.channel, is_new).await;
    assert_eq!(after["last_error"]["code"], "connection_lost");
    stage.say("ann", "after");
    stage.wait_texts("ann", &[&answer_to("before"), &answer_to("after")]).await;
    stage.simulator.observe(|seen| no_violations(seen, false));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disconnect_frame_is_followed_by_a_new_connection_before_the_old_one_ends_and_the_status_stays_green()
 {
    let mut plan = Plan::default();
    plan.simulator.knobs.disconnect_grace_ms = 3_000;
    let stage = plan.start().await;
    let events = stage.api.events().await;
    assert_eq!(stage.simulator.disrupt_all(Disruption::Disconnect), 1);
    let is_replaced = |seen: &Observed| {
        let phases: Vec<_> = seen.connections.iter().map(|one| one.phase).collect();
        phases == [ConnectionPhase::Closed, ConnectionPhase::Live]
    };
    stage.simulator.wait_for(CAP, is_replaced).await.unwrap();
    stage.say("ann", "hello");
    stage.wait_texts("ann", &[&answer_to("hello")]).await;
    stage.simulator.observe(|seen| {
        let [old, new] = [0, 1].map(|number| seen.connections.iter().nth(number).unwrap());
        assert!(Some(new.opened_at_ms) <= old.closed_at_ms, "{old:?} {new:?}");
        no_violations(seen, false);
    });
    let grey = events.seen().into_iter().find(|event| event.data["status"] == "disconnected");
    assert!(grey.is_none(), "{grey:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_channel_closes_its_socket_at_once_and_goes_on_when_enabled_again() {
    let stage = Stage::start().await;
    let disabled = stage.api.post(&format!("/channels/{}/disable", stage.channel), 202).await;
    assert_eq!(disabled["channel_id"], stage.channel.as_str());
    stage.simulator.wait_for(CAP, |seen| seen.live_connections().count() == 0).await.unwrap();
    stage.api.wait_status(&stage.channel, |status| status["status"] == "disabled").await;
    let refused = stage.api.post(&format!("/channels/{}/restart", stage.channel), 409).await;
    assert_eq!(refused["type"], "urn:switchboard:problem:wrong-state");
    stage.api.post(&format!("/channels/{}/enable", stage.channel), 202).await;
    stage.api.wait_connected(&stage.channel).await;
    stage.say("ann", "hello");
    stage.wait_texts("ann", &[&answer_to("hello")]).await;
}
