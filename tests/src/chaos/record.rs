//! What a run has left behind, for the model: the platform's record, the failures, the agent's requests, the logs.

use dingtalk_sim::{Delivery, DeliveryCause, ItemContent, Observed, PushedMessage, ViolationKind};
use serde_json::Value;

use super::stage::Stage;
use super::{Cast, load};
use crate::api::Api;
use crate::model::{Account, Act, Asked, Card, Failed, Faults, Shown, words};
use crate::scripted_agent;
use crate::server::ALARMS;

/// What is known of the run as it stands now.
pub(super) async fn account(stage: &Stage) -> Account {
    let asked = stage.agent.asked();
    let failures = pages(&stage.api, "/failures").await;
    let (acts, shown) = stage.simulator.observe(|seen| (acts(seen), shown(seen)));
    Account {
        acts,
        shown,
        failures: failures.iter().map(failed).collect(),
        asked: asked.iter().map(|one| model_asked(stage, one)).collect(),
        given: Vec::new(),
        ends: None,
        faults: allowed(stage),
        alarms: alarms(stage).await,
    }
}

/// What the client did that the protocol does not allow. After a crash a finish may be repeated, and a call of the process
/// before may still be under way.
pub(super) fn protocol(stage: &Stage) -> Vec<String> {
    let crashed = stage.tally.kills + stage.tally.stops > 0;
    let troubled = matches!(stage.plan.cast, Cast::Calls | Cast::Everything);
    let is_allowed = |kind| match kind {
        ViolationKind::StreamingAfterFinal => crashed || troubled,
        ViolationKind::ConcurrentStreaming => crashed,
        ViolationKind::MalformedFrame
        | ViolationKind::UnknownMessageId
        | ViolationKind::WrongConnection
        | ViolationKind::WrongOpaque
        | ViolationKind::LateAck
        | ViolationKind::LateClickAnswer
        | ViolationKind::UpdateInsideCallback
        | ViolationKind::PartialMarkdown
        | ViolationKind::TooLong
        | ViolationKind::WebhookAfterExpiry
        | ViolationKind::TooManyAnswers
        | ViolationKind::UnknownMedia => false,
    };
    stage.simulator.observe(|seen| {
        let broken = seen.violations.iter().filter(|violation| !is_allowed(violation.kind));
        broken.map(|violation| format!("the protocol: {:?} {}", violation.kind, violation.detail)).collect()
    })
}

/// All items of a list of the API's.
pub(super) async fn pages(api: &Api, path: &str) -> Vec<Value> {
    let mut items = Vec::new();
    let mut cursor = None;
    loop {
        let after = cursor.map(|cursor: String| format!("&cursor={cursor}")).unwrap_or_default();
        let page = api.get(&format!("{path}?limit=200{after}")).await;
        items.extend(page["items"].as_array().expect("a list").iter().cloned());
        cursor = page["next_cursor"].as_str().map(str::to_owned);
        if cursor.is_none() {
            return items;
        }
    }
}

fn acts(seen: &Observed) -> Vec<Act> {
    let place = |number: usize, message: &PushedMessage| {
        let connection = at_once(message)?.connection.as_deref()?;
        let lane = seen.connections.iter().position(|one| one.id == connection)?;
        Some((lane as u64, number as u64))
    };
    let act = |(number, message): (usize, &PushedMessage)| Act {
        place: place(number, message),
        ..load::act(message)
    };
    seen.messages.iter().enumerate().map(act).collect()
}

/// The first delivery, if it was acked before the message was pushed again: it was taken in by this one, in the order of its
/// connection. Messages are in the order of their first deliveries.
fn at_once(message: &PushedMessage) -> Option<&Delivery> {
    let (first, later) = message.deliveries.split_first()?;
    let acked_at = first.acked_at_ms?;
    let alone = later.iter().all(|again| again.at_ms > acked_at);
    (first.cause == DeliveryCause::First && alone).then_some(first)
}

fn shown(seen: &Observed) -> Vec<Shown> {
    let mut shown = Vec::new();
    for (chat, conversation) in &seen.conversations {
        for item in conversation.items.iter() {
            let one = match &item.content {
                ItemContent::User { .. } => continue,
                ItemContent::Reply(reply) if reply.recalled => continue,
                ItemContent::Reply(reply) => {
                    Shown { chat: chat.clone(), card: None, answers: None, text: reply.text.clone() }
                }
                ItemContent::Card { out_track_id } => {
                    let Some(card) = seen.card(out_track_id) else { continue };
                    let state = Card {
                        id: out_track_id.clone(),
                        closed: card.state.is_final(),
                        finalized: card.finalize_count,
                    };
                    Shown { chat: chat.clone(), card: Some(state), answers: None, text: card.text.clone() }
                }
            };
            shown.push(one);
        }
    }
    shown
}

fn failed(record: &Value) -> Failed {
    let text = |name: &str| record[name].as_str().expect("a text").to_owned();
    Failed { message: text("platform_message_id"), cause: text("cause") }
}

fn model_asked(stage: &Stage, asked: &scripted_agent::Asked) -> Asked {
    let before = asked.messages.len().saturating_sub(1);
    let context = asked.messages.iter().take(before);
    let passed = asked.at.saturating_duration_since(stage.begun).as_millis();
    Asked {
        turn: asked.idempotency_key.clone().unwrap_or_default(),
        key: words::key_of(asked.question()),
        context: context.flat_map(|message| words::keys_in(&message.content)).collect(),
        at: stage.begun_ms + u64::try_from(passed).expect("short"),
    }
}

/// What the plan's faults may have brought about.
fn allowed(stage: &Stage) -> Faults {
    const AGENT: [&str; 8] = [
        "agent_unreachable",
        "agent_first_output_timeout",
        "agent_idle_timeout",
        "agent_rate_limited",
        "agent_server_error",
        "agent_cut_stream",
        "agent_malformed",
        "agent_empty",
    ];
    let cast = stage.plan.cast;
    let is = |part| cast == part || cast == Cast::Everything;
    let mut faults = Faults {
        kills: u32::try_from(stage.tally.kills + stage.tally.stops).expect("few"),
        platform: is(Cast::Calls),
        // Messages pile up where nothing goes on for a while, and on a machine that is busy with something else.
        refusals: vec!["inbox_full"],
        ..Faults::default()
    };
    if is(Cast::Agent) {
        faults.causes.extend(AGENT);
    }
    if is(Cast::Calls) {
        faults.causes.extend(["delivery_unknown", "delivery_refused"]);
    }
    faults
}

async fn alarms(stage: &Stage) -> u64 {
    let logs = stage.home.logs();
    let told: usize = ALARMS.iter().map(|sign| logs.matches(sign).count()).sum();
    told as u64 + u64::from(stage.api.metric("switchboard_alarms_total").await > 0.5)
}
