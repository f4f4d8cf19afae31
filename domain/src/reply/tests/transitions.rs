//! The reply's part of `TRANSITIONS.md`.

use std::time::Duration;

use super::super::state::{Call, Kind};
use super::super::{CardOutcome, DELIVERY_AGE_MAX, Effect, Event, PartOutcome, Progress, Reply, Way};
use super::{Bench, CODE};
use crate::transitions::Row;

const CARD_OUTCOMES: [(&str, CardOutcome); 7] = [
    ("Done", CardOutcome::Done),
    ("AlreadyFinished", CardOutcome::AlreadyFinished),
    ("Missing", CardOutcome::Missing),
    ("Throttled", CardOutcome::Throttled { retry_after: Duration::from_secs(1) }),
    ("NotSent", CardOutcome::NotSent),
    ("Unknown", CardOutcome::Unknown),
    ("Refused", CardOutcome::Refused(CODE)),
];

const PART_OUTCOMES: [(&str, PartOutcome); 5] = [
    ("Sent", PartOutcome::Sent),
    ("Throttled", PartOutcome::Throttled { retry_after: Duration::from_secs(1) }),
    ("NotSent", PartOutcome::NotSent),
    ("Refused", PartOutcome::Refused(CODE)),
    ("Unknown", PartOutcome::Unknown),
];

/// Every state with a name.
fn states() -> Vec<(&'static str, Bench)> {
    let with = |bench: &Bench, change: fn(&mut Bench)| {
        let mut bench = bench.clone();
        change(&mut bench);
        bench
    };
    let unopened = Bench::new();
    let opening = with(&unopened, |it| drop(it.tell(Event::Admitted)));
    let streaming = Bench::streaming();
    let updating = with(&streaming, |it| {
        it.grow(" more");
        it.pass_to_deadline();
    });
    let called = |bench: &Bench| with(bench, |it| drop(it.call()));
    let collecting = with(&called(&updating), |it| drop(it.card(CardOutcome::Refused(CODE))));
    let finishing = Bench::finishing();
    let uncertain = with(&called(&finishing), |it| drop(it.card(CardOutcome::Unknown)));
    let pointing = with(&collecting, |it| drop(it.end(None)));
    let covering = with(&uncertain, |it| {
        it.pass_to_deadline();
        it.call();
        it.card(CardOutcome::Refused(CODE));
    });
    let plain = with(&Bench::plain(None), |it| {
        it.grow("text");
        it.end(None);
    });
    let message = Bench::message("text");
    vec![
        ("message, part found attempting", called(&message).restarted()),
        ("message, part on its way", called(&message)),
        ("message, part claimed", message),
        ("unopened", unopened),
        ("thinking, open on its way", called(&opening)),
        ("thinking, open claimed", opening),
        (
            "streaming, told that the process ends",
            with(&with(&streaming, |it| drop(it.tell(Event::Parked))), |it| drop(it.call())),
        ),
        ("streaming", streaming),
        ("streaming, update claimed", updating.clone()),
        ("streaming, update on its way", called(&updating)),
        ("collecting, a card stands", collecting),
        ("finishing, finish claimed", finishing.clone()),
        ("finishing, finish on its way", called(&finishing)),
        ("finishing, of unknown fate", uncertain),
        ("finishing, restored", finishing.restarted()),
        ("plain, pointer on its way", called(&pointing)),
        ("plain, pointer decides over a part", called(&covering)),
        ("plain, part claimed", plain.clone()),
        ("plain, part on its way", called(&plain)),
        ("plain, part found attempting", called(&plain).restarted()),
        ("done", with(&called(&plain), |it| drop(it.part(PartOutcome::Sent)))),
        ("abandoned", with(&finishing, |it| drop(it.pass(DELIVERY_AGE_MAX)))),
    ]
}

fn events(bench: &Bench) -> Vec<(String, Event)> {
    let mut events = vec![
        ("Admitted".to_owned(), Event::Admitted),
        ("Grew".to_owned(), Event::Grew { text: " new".into() }),
        ("Progressed".to_owned(), Event::Progressed { what: Progress::Tool("search".into()) }),
        ("Parked".to_owned(), Event::Parked),
        ("Ended".to_owned(), Event::Ended { suffix: Some("End.".into()), failed: false }),
        ("Resumed".to_owned(), Event::Resumed { gate: None }),
        ("Withdrawn".to_owned(), Event::Withdrawn),
    ];
    let present = bench.reply.calls;
    let called =
        [("", present), (" of an older call", present.saturating_sub(1)), (" of no call", present + 1)];
    for (whose, call) in called.into_iter().filter(|(_, call)| *call > 0) {
        // What does not belong to the call on its way is the same for all outcomes.
        let is_part = matches!(bench.kind(), Some(Kind::Part { .. }));
        let told = |part, all| if bench.sent() == Some(call) && is_part == part { all } else { 1 };
        events.push((format!("Granted{whose}"), Event::Granted { call }));
        for (name, outcome) in CARD_OUTCOMES.into_iter().take(told(false, CARD_OUTCOMES.len())) {
            events.push((format!("CardDone {name}{whose}"), Event::CardDone { call, outcome }));
        }
        for (name, outcome) in PART_OUTCOMES.into_iter().take(told(true, PART_OUTCOMES.len())) {
            events.push((format!("PartDone {name}{whose}"), Event::PartDone { call, outcome }));
        }
    }
    events
}

/// The table's rows: every state with every event, and what time does.
pub(crate) fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for (before, bench) in states() {
        for (event, told) in events(&bench) {
            let mut bench = bench.clone();
            let result = bench.offer(told);
            rows.push(Row {
                before: before.to_owned(),
                event,
                effects: result.as_ref().map(|effects| words(&effects.list)).unwrap_or_default(),
                after: result.map(|_effects| after(&bench.reply)),
            });
        }
        if let Some(deadline) = bench.reply.deadline() {
            let mut bench = bench.clone();
            let effects = bench.pass_to_deadline();
            rows.push(Row {
                before: before.to_owned(),
                event: format!("*time*: {:?}", deadline.reason),
                after: Ok(after(&bench.reply)),
                effects: words(&effects.list),
            });
        }
    }
    rows
}

fn after(reply: &Reply) -> String {
    let name = |kind| match kind {
        Kind::Open => "open",
        Kind::Update => "update",
        Kind::Finish => "finish",
        Kind::Point => "pointer",
        Kind::Part { .. } => "part",
    };
    let phase = reply.phase().to_lowercase();
    match reply.state.call() {
        Call::Idle => phase,
        Call::Claimed { kind, .. } => format!("{phase}, {} claimed", name(kind)),
        Call::Sent { kind, .. } => format!("{phase}, {} on its way", name(kind)),
        Call::Paused { .. } => format!("{phase}, pausing"),
    }
}

fn words(effects: &[Effect]) -> Vec<String> {
    let word = |effect: &Effect| match effect {
        Effect::Claim { claim, .. } => format!("Claim {claim:?}"),
        Effect::Card { card: super::CardCall::Open { .. }, .. } => "Card Open".to_owned(),
        Effect::Card { card: super::CardCall::Update { .. }, .. } => "Card Update".to_owned(),
        Effect::Card { card: super::CardCall::Finish { .. }, .. } => "Card Finish".to_owned(),
        Effect::Send { way: Way::Api, .. } => "Send by the API".to_owned(),
        Effect::Send { way: Way::SessionAddress, .. } => "Send to the address".to_owned(),
        Effect::Fail { cause, .. } => format!("Fail {}", cause.as_str()),
        Effect::Tell(progress) => format!("Tell {}", progress.state().as_str()),
        Effect::Note(code) => format!("Note {}", code.as_str()),
    };
    effects.iter().map(word).collect()
}
