//! A thousand messages with everything that the platform does to deliveries.

use dingtalk_sim::{CardState, ConnectionPhase, DeliveryCause, Disruption, Observed, Origin, PushedMessage};
use serde_json::json;
use switchboard_tests::scripted_agent::Behaviour;
use switchboard_tests::server::CAP;

use super::judge::{answered_once_in_order, no_violations};
use super::stage::{APP, Plan, Stage, answer_to};

const MESSAGES: usize = 1_000;
const CONVERSATIONS: usize = 100;
const BURST: usize = 200;

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_messages_with_duplicates_redeliveries_a_dropped_socket_and_a_disconnect_are_each_answered_once_in_order()
 {
    let mut plan = Plan::default();
    plan.simulator.knobs.duplicate_rate = 0.1;
    plan.simulator.knobs.swallow_rate = 0.05;
    plan.simulator.knobs.redelivery_after_ms = 2_000;
    plan.simulator.knobs.redelivery_max = u32::MAX;
    plan.simulator.knobs.disconnect_grace_ms = 2_000;
    plan.home.set("SWITCHBOARD_TELEMETRY__LOG", "info");
    let stage = plan.start().await;
    stage.agent.choose(|asked| Behaviour::Whole { text: answer_to(asked.question()) });

    for number in 0..MESSAGES {
        let who = format!("p{:02}", number % CONVERSATIONS);
        let origin = Origin::private(&format!("cid-{who}=="), &who);
        stage.simulator.push_text(APP, origin, &format!("question {number}")).unwrap();
        match number {
            // A burst of this size is taken in whole; a larger one would be left to redelivery in part.
            _ if number % BURST == BURST - 1 => {
                let are_taken_in = |seen: &Observed| seen.messages.iter().all(is_taken_in);
                stage.simulator.wait_for(CAP, are_taken_in).await.unwrap();
            }
            350 => replace_the_connection(&stage, Disruption::Reset).await,
            650 => replace_the_connection(&stage, Disruption::Disconnect).await,
            _ => {}
        }
    }
    let is_over = |seen: &Observed| {
        finished(seen) == MESSAGES && seen.messages.iter().all(|message| message.acked.is_some())
    };
    stage.simulator.wait_for(CAP, is_over).await.unwrap();

    stage.simulator.observe(|seen| {
        answered_once_in_order(seen, answer_to);
        no_violations(seen, false);
        assert_eq!(seen.messages.len(), MESSAGES);
        let deliveries = || seen.messages.iter().flat_map(|message| &message.deliveries);
        let caused = |cause| deliveries().filter(|delivery| delivery.cause == cause).count();
        assert!(caused(DeliveryCause::Duplicate) >= MESSAGES / 20);
        assert!(caused(DeliveryCause::Redelivery) >= MESSAGES / 40);
        assert_eq!(seen.connections.len(), 3, "{:?}", seen.connections);
    });
    // An agent is asked once for each message: nothing crashed.
    assert_eq!(stage.agent.asked().len(), MESSAGES);
    let failures = stage.api.get("/failures").await;
    assert_eq!(failures["items"], json!([]));
    let counted = async |series| stage.api.metric(series).await;
    for (series, wanted) in [
        ("switchboard_turns_total", 1_000.0),
        ("switchboard_inbox_pending", 0.0),
        ("switchboard_turns_running", 0.0),
        ("switchboard_alarms_total", 0.0),
        ("switchboard_commits_lost_total", 0.0),
        ("switchboard_channel_reconnects_total", 2.0),
    ] {
        let value: f64 = counted(series).await;
        assert!((value - wanted).abs() < f64::EPSILON, "{series} is {value} instead of {wanted}");
    }
    stage.assert_no_alarm();
}

/// In the middle of pushes and answers, and until the next connection takes pushes.
async fn replace_the_connection(stage: &Stage, disruption: Disruption) {
    let before = stage.simulator.observe(|seen| seen.connections.len());
    assert_eq!(stage.simulator.disrupt_all(disruption), 1);
    let is_replaced = |seen: &Observed| {
        let newest = seen.connections.iter().nth(before);
        newest.is_some_and(|newest| newest.phase == ConnectionPhase::Live)
    };
    stage.simulator.wait_for(CAP, is_replaced).await.unwrap();
}

/// Acked at least once, also where that ack was lost.
fn is_taken_in(message: &PushedMessage) -> bool {
    message.deliveries.iter().any(|delivery| delivery.acked_at_ms.is_some())
}

fn finished(seen: &Observed) -> usize {
    seen.cards().filter(|card| card.state == CardState::Finished).count()
}
