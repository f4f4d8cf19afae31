//! A reply whose calls work, are refused, or are of unknown fate, and a process that dies at any moment.

use switchboard_proofs::machines::Luck;
use switchboard_proofs::machines::reply::{Setting, World};

use super::explorer::{Expected, Totals, is_deep};

fn explore(name: &str, setting: &Setting, expected: Expected) {
    let mut totals = Totals::default();
    totals.explore(World::new(setting));
    totals.report(name, expected);
}

const LUCKS: [Luck; 4] = [Luck::Works, Luck::WorksUnheard, Luck::LostUnheard, Luck::Refused];

#[test]
fn a_reply_in_a_card_keeps_its_promises_in_every_reachable_state() {
    let (crashes, patience, calls) = if is_deep() { (1, 2, 5) } else { (1, 2, 4) };
    let setting = Setting {
        lucks: LUCKS.to_vec(),
        words: vec![1],
        crashes,
        patience,
        calls,
        signs: 0,
        ..Setting::default()
    };
    let sights = &["card", "crash", "Thinking", "Streaming", "Collecting", "Finishing", "Plain", "Done"];
    explore("reply card", &setting, Expected { states: 55_000, sights });
}

#[test]
fn a_reply_that_outgrows_its_card_keeps_its_promises_in_every_reachable_state() {
    let (crashes, patience, calls) = if is_deep() { (1, 2, 5) } else { (1, 2, 4) };
    let setting = Setting {
        lucks: LUCKS.to_vec(),
        words: vec![40],
        crashes,
        patience,
        calls,
        signs: 0,
        ..Setting::default()
    };
    explore("reply long", &setting, Expected { states: 75_000, sights: &["card", "Plain", "Done"] });
}

#[test]
fn a_reply_in_messages_keeps_its_promises_in_every_reachable_state() {
    let (crashes, patience, calls) = if is_deep() { (1, 2, 5) } else { (1, 2, 4) };
    let lucks = [LUCKS.as_slice(), &[Luck::NotSent, Luck::Throttled(1_000)]].concat();
    let (cards, address_s) = (false, Some(90));
    let setting = Setting { cards, address_s, lucks, words: vec![30], crashes, patience, calls, signs: 0 };
    explore(
        "reply text",
        &setting,
        Expected { states: 32_000, sights: &["Collecting", "Plain", "Done", "crash"] },
    );
}

#[test]
fn what_an_agent_does_besides_stays_nowhere_in_every_reachable_state() {
    let calls = if is_deep() { 5 } else { 4 };
    let setting = Setting {
        lucks: vec![Luck::Works, Luck::WorksUnheard, Luck::Refused],
        words: vec![1],
        crashes: 1,
        patience: 2,
        calls,
        signs: 2,
        ..Setting::default()
    };
    explore(
        "reply signs",
        &setting,
        Expected { states: 160_000, sights: &["card", "Streaming", "Done", "crash"] },
    );
}
