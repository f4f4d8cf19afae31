//! Signals: running turns finish within the grace, a second signal ends at once, and nothing accepted is lost either way.

use dingtalk_sim::{FaultAction, FaultRule};
use nix::sys::signal::Signal;
use reqwest::Method;
use switchboard_tests::scripted_agent::Behaviour;
use switchboard_tests::server::CAP;

use super::judge::{answered_once_in_order, no_violations};
use super::stage::{Plan, Stage, answer_to, echo};

/// A stage in the middle of an answer.
async fn in_the_middle(grace: &str, behaviour: Behaviour) -> Stage {
    let mut plan = Plan::default();
    plan.simulator.knobs.redelivery_after_ms = 3_000;
    plan.simulator.knobs.redelivery_max = u32::MAX;
    plan.home.set("SWITCHBOARD_SERVER__SHUTDOWN_GRACE", grace);
    let stage = plan.start().await;
    stage.agent.queue([behaviour]);
    stage.say("ann", "a story");
    stage.wait_streaming("ann", "You said:").await;
    stage
}

fn held() -> Behaviour {
    Behaviour::Held { before: "You said:".into(), after: " a story".into() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_lets_the_running_turn_finish_and_exits_with_0() {
    let mut stage = in_the_middle("60s", held()).await;
    stage.server.signal(Signal::SIGTERM);
    // The sockets close first: from then on nothing more is taken in.
    stage.simulator.wait_for(CAP, |seen| seen.live_connections().count() == 0).await.unwrap();
    stage.say("bob", "too late for this process");
    // Whoever asks after its health is told what it does; nothing else is begun.
    let asked = async |path: &str| stage.api.answer(stage.api.request(Method::GET, path)).await;
    let ready = asked("/readyz").await;
    assert_eq!(ready.status, 503);
    assert_eq!(ready.json["detail"], "the server is stopping");
    assert_eq!((asked("/healthz").await.status, asked("/metrics").await.status), (200, 200));
    let refused = stage.api.send(Method::GET, "/channels", None).await;
    assert_eq!(refused.status, 503);
    assert_eq!(refused.json["detail"], "the server is stopping");
    stage.agent.release(1);
    stage.wait_texts("ann", &["You said: a story"]).await;
    assert_eq!(stage.server.end().await.code(), Some(0));
    assert_eq!(stage.agent.asked().len(), 1);
    stage.serve_again().await;
    stage.wait_texts("bob", &[&answer_to("too late for this process")]).await;
    stage.simulator.observe(|seen| {
        answered_once_in_order(seen, answer_to);
        no_violations(seen, false);
    });
    assert_eq!(stage.agent.asked().len(), 2);
    stage.assert_no_alarm();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_that_does_not_finish_within_the_grace_goes_on_after_the_restart_on_the_same_card() {
    let mut stage = in_the_middle("500ms", Behaviour::HangAfter { text: "You said:".into() }).await;
    stage.say("ann", "and another one");
    stage.server.signal(Signal::SIGTERM);
    assert_eq!(stage.server.end().await.code(), Some(0));
    stage.serve_again().await;
    stage.wait_texts("ann", &[&answer_to("a story"), &answer_to("and another one")]).await;
    stage.simulator.observe(|seen| {
        answered_once_in_order(seen, answer_to);
        no_violations(seen, true);
        assert_eq!(seen.cards().count(), 2);
    });
    stage.assert_no_alarm();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_exits_at_once_and_nothing_accepted_is_lost() {
    let mut stage = in_the_middle("10m", Behaviour::HangAfter { text: "You said:".into() }).await;
    stage.server.signal(Signal::SIGTERM);
    stage.simulator.wait_for(CAP, |seen| seen.live_connections().count() == 0).await.unwrap();
    stage.server.signal(Signal::SIGINT);
    assert_eq!(stage.server.end().await.code(), Some(1));
    stage.serve_again().await;
    stage.wait_texts("ann", &[&answer_to("a story")]).await;
    stage.simulator.observe(|seen| {
        answered_once_in_order(seen, answer_to);
        no_violations(seen, true);
    });
    stage.assert_no_alarm();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_nothing_to_do_stops_at_once_also_while_somebody_listens_to_events() {
    let mut stage = Stage::start().await;
    stage.agent.choose(echo);
    let events = stage.api.events().await;
    stage.server.signal(Signal::SIGTERM);
    assert_eq!(stage.server.end().await.code(), Some(0));
    drop(events);
    assert!(!stage.home.logs().contains("did not end within its grace"));
}

/// What an open card shows once it was told that its answer goes on.
const GOES_ON: &str = "You said:\n\n> The service is restarting; this answer goes on right after.";

#[tokio::test(flavor = "multi_thread")]
async fn every_open_card_is_told_that_its_answer_goes_on_and_nothing_of_that_stays() {
    let people = ["ann", "bob", "cem", "dan", "eve"];
    let hangs = || Behaviour::HangAfter { text: "You said:".into() };
    let mut stage = in_the_middle("200ms", hangs()).await;
    for who in &people[1..] {
        stage.agent.queue([hangs()]);
        stage.say(who, "a story");
        stage.wait_streaming(who, "You said:").await;
    }
    stage.server.signal(Signal::SIGTERM);
    assert_eq!(stage.server.end().await.code(), Some(0));
    stage.simulator.observe(|seen| {
        let shown: Vec<_> = seen.open_cards().iter().map(|card| card.text.clone()).collect();
        assert_eq!(shown, [GOES_ON; 5], "each card is told, and none is closed");
    });
    stage.serve_again().await;
    for who in people {
        stage.wait_texts(who, &[&answer_to("a story")]).await;
    }
    stage.simulator.observe(|seen| {
        answered_once_in_order(seen, answer_to);
        no_violations(seen, true);
        assert_eq!(seen.cards().count(), people.len(), "on the same cards");
    });
    stage.assert_no_alarm();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_that_hangs_on_that_update_does_not_keep_the_process() {
    let mut stage = in_the_middle("200ms", Behaviour::HangAfter { text: "You said:".into() }).await;
    stage.simulator.add_fault(FaultRule {
        path: "/v1.0/card/streaming".into(),
        method: None,
        app: None,
        contains: Some("restarting".into()),
        skip: 0,
        times: None,
        probability: 1.0,
        action: FaultAction::Hang,
    });
    stage.server.signal(Signal::SIGTERM);
    assert_eq!(stage.server.end().await.code(), Some(0));
    assert!(!stage.home.logs().contains("did not end within its grace"), "it ended by itself");
    stage.simulator.clear_faults();
    stage.serve_again().await;
    stage.wait_texts("ann", &[&answer_to("a story")]).await;
    stage.simulator.observe(|seen| {
        answered_once_in_order(seen, answer_to);
        no_violations(seen, true);
    });
    stage.assert_no_alarm();
}
