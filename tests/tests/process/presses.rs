//! The stop button of a card, pressed on the simulated platform.

use dingtalk_sim::{Click, OWN_TEMPLATE};
use serde_json::json;
use switchboard_tests::scripted_agent::Behaviour;
use switchboard_tests::server::CAP;

use super::judge::no_violations;
use super::stage::{Plan, Stage, answer_to, chat};

async fn stage() -> Stage {
    let plan = Plan {
        config: json!({"ai_card": {"template_id": OWN_TEMPLATE, "stop_key": "can_stop", "update_interval_ms": 50}}),
        ..Plan::default()
    };
    plan.start().await
}

fn card(stage: &Stage) -> String {
    stage.simulator.observe(|seen| {
        seen.cards_in(&chat("ann")).last().expect("a card of the conversation").out_track_id.clone()
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn the_button_stops_its_own_answer_for_whoever_asked_and_nothing_else() {
    let stage = stage().await;
    stage.agent.queue([Behaviour::Held { before: "A long".into(), after: " story".into() }]);
    stage.say("ann", "tell me");
    stage.wait_streaming("ann", "A long").await;
    let card = card(&stage);
    let variable = |name: &str| {
        let card = card.clone();
        let name = name.to_owned();
        move |seen: &dingtalk_sim::Observed| seen.card(&card).and_then(|it| it.params.get(&name).cloned())
    };
    assert_eq!(stage.simulator.observe(variable("can_stop")).as_deref(), Some("true"));

    stage.simulator.click(&card, &Click::stop("bob")).expect("the card is known");
    stage.simulator.click(&card, &Click::on("ann", "like")).expect("the card is known");
    stage.wait_streaming("ann", "A long").await;
    for _ in 0..2 {
        stage.simulator.click(&card, &Click::stop("ann")).expect("the card is known");
    }
    let closed = stage.agent.wait_for(|asked| asked[0].was_closed_by_client(), CAP).await;
    closed.expect("the request to the agent is closed");
    let is_over = |seen: &dingtalk_sim::Observed| {
        seen.open_cards().is_empty() && variable("can_stop")(seen).as_deref() == Some("false")
    };
    stage.simulator.wait_for(CAP, is_over).await.expect("the card is closed and its button gone");
    assert!(stage.texts("ann")[0].starts_with("A long"), "{:?}", stage.texts("ann"));

    // The next answer is not touched by a late press on the old card.
    stage.simulator.click(&card, &Click::stop("ann")).expect("the card is known");
    stage.say("ann", "and now?");
    let answered = |seen: &dingtalk_sim::Observed| {
        seen.open_cards().is_empty() && seen.robot_texts(&chat("ann")).last() == Some(&answer_to("and now?"))
    };
    stage.simulator.wait_for(CAP, answered).await.expect("the next question is answered");
    stage.simulator.observe(|seen| {
        no_violations(seen, false);
        assert_eq!(seen.robot_texts(&chat("ann")).len(), 2, "no sentence about the presses");
        for click in seen.clicks.iter() {
            assert_eq!(format!("{:?}", click.outcome), "Answered");
        }
    });
    stage.assert_no_alarm();
}
