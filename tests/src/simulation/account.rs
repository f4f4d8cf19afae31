//! What the model is told of a run.

use std::collections::BTreeMap;

use switchboard_domain::ids::MessageId;
use switchboard_domain::settings::{Busy, Stale};
use switchboard_ports::messages::MessageStore;
use switchboard_ports::page::PageRequest;

use super::ledger::Ledger;
use super::mischief::AGENT_CAUSES;
use super::plan::{Move, Plan};
use super::player;
use crate::model::{self, Account, Card, Failed, Faults, Given, Shown, Verdict};
use crate::world::World;

/// Judges a run that is quiet.
pub(super) fn judge(world: &World, plan: &Plan, ledger: &Ledger) -> Verdict {
    let (failures, given) = player::now(async {
        let page = PageRequest { limit: 200, after: None };
        let listed = world.stores().failures.list(&page).await.expect("failures").items;
        let failures = listed.into_iter().map(|info| Failed {
            message: info.failure.message.to_string(),
            cause: info.failure.cause.as_str().to_owned(),
        });
        let mut given = Vec::new();
        let all = ledger.pages().given.clone();
        for (id, key, chat) in all {
            let record = world.messages.find(&MessageId::new(&id)).await.expect("messages");
            let state = record.map(|record| record.progress.state().as_str().to_owned());
            given.push(Given { id, key, chat, state });
        }
        (failures.collect(), given)
    });
    let pages = ledger.pages();
    let account = Account {
        acts: pages.acts.clone(),
        shown: shown(world),
        failures,
        asked: pages.asked.clone(),
        given,
        ends: Some(pages.ends.clone()),
        faults: faults(plan),
        alarms: world.counters.sum("switchboard_alarms_total", &[]),
    };
    let mut verdict = model::judge(&account);
    if world.platform.overlapping() > 0 {
        verdict.violations.push("two calls on one card were under way at once".to_owned());
    }
    verdict
}

/// Cards stand where they were first seen.
fn shown(world: &World) -> Vec<Shown> {
    let cards = world.platform.cards();
    let mut places = BTreeMap::new();
    let mut all = Vec::new();
    for seen in world.platform.seen() {
        let Some(id) = &seen.card else {
            all.push(Shown { chat: seen.chat, card: None, answers: None, text: seen.text });
            continue;
        };
        if places.insert(id.clone(), all.len()).is_some() {
            continue;
        }
        let card = &cards[id];
        let answers = id.as_str().split(',').next().map(str::to_owned);
        let stands = Card { id: id.to_string(), closed: card.finished, finalized: card.finishes };
        all.push(Shown { chat: seen.chat, card: Some(stands), answers, text: card.text.clone() });
    }
    all
}

/// What this run's trouble may bring about.
fn faults(plan: &Plan) -> Faults {
    let mut faults = Faults { interrupts: plan.is_ever(Busy::Interrupt), ..Faults::default() };
    if plan.trouble.agent {
        faults.causes.extend(AGENT_CAUSES);
    }
    if plan.trouble.platform {
        faults.platform = true;
        faults.causes.extend(model::UNDELIVERED);
    }
    if plan.trouble.users {
        // While a user is looked up, the agent says nothing.
        faults.causes.extend(["user_lookup", "agent_first_output_timeout"]);
    }
    if plan.stale.1 == Stale::Skip {
        faults.causes.push("stale");
    }
    if plan.is_ever(Busy::Reject) {
        faults.refusals.push("busy");
    }
    if plan.per_minute > 0 {
        faults.refusals.push("too_many_messages");
    }
    let kills = plan.moves.iter().filter(|(_, it)| matches!(it, Move::Kill { .. })).count();
    faults.kills = u32::try_from(kills).expect("few");
    faults
}

/// Writes the platform's calls into the log, where they belong.
pub(super) fn note_calls(world: &World, ledger: &Ledger) {
    let mut pages = ledger.pages();
    let beginning = 1_800_000_000_000;
    for called in world.platform.calls() {
        let text: String = called.text.chars().take(60).collect();
        let card = called.card.map(|card| card.to_string()).unwrap_or_default();
        let line =
            format!("call {:?} {card} in {}, attempt {}: {text:?}", called.call, called.chat, called.attempt);
        pages.log.push((called.at.as_millis() - beginning, line));
    }
    pages.log.sort_by_key(|(at, _)| *at);
}
