//! The session's part of `TRANSITIONS.md`.

use std::time::Duration;

use super::super::{Effect, Event, Found, Hold, Say, Taken};
use super::{Bench, completed, failed};
use crate::choice::Choices;
use crate::ids::{Epoch, Seq};
use crate::inbox::{Control, Origin};
use crate::notice::Notice;
use crate::outcome::{AgentFailureKind, Refusal};
use crate::settings::{Busy, TurnLimits};
use crate::transitions::Row;

/// Every state with a name. Message 1 was answered, 2 is the present one.
fn states() -> Vec<(&'static str, Bench)> {
    let idle = {
        let mut bench = Bench::new();
        bench.ask(1);
        bench.tell(completed(1));
        bench
    };
    let after = |events: Vec<Event>| {
        let mut bench = idle.clone();
        bench.ask(2);
        for event in events {
            bench.tell(event);
        }
        bench
    };
    let found = {
        let mut bench = idle.restarted();
        bench.tell(Event::Held(Hold::Loading));
        bench.take(2, Taken::Ask, true);
        bench
    };
    let pollable = {
        let mut bench = idle.clone();
        bench.ask(2);
        bench.tell(Event::Started { epoch: Epoch(2), handle: Some("run".into()), continuation: None });
        let mut bench = bench.restarted();
        bench.tell(Event::Held(Hold::Loading));
        bench.take(2, Taken::Ask, true);
        bench
    };
    let waiting = taken(&idle, 3, Taken::Ask);
    let stop = Taken::Control(Control::Stop { all: false }, Origin::Chat);
    let switching = taken(&idle, 5, Taken::Lookup { switches: true });
    let looking = {
        let mut bench = idle.clone();
        bench.ask(2);
        bench.tell(completed(2));
        bench.tell(switching.clone());
        bench
    };
    let stopped = taken(&idle, 4, stop);
    vec![
        ("Idle", idle.clone()),
        ("Idle, 5 switches", looking),
        ("Running, 5 switches", after(vec![switching])),
        ("Idle, 2 found begun", found),
        ("Idle, 2 found begun and pollable", pollable),
        ("Running, asked", after(vec![])),
        (
            "Running, talking, 3 waits",
            after(vec![Event::Heard { epoch: Epoch(2), chars: 1 }, waiting.clone()]),
        ),
        (
            "Running, pausing, pollable",
            after(vec![
                Event::Started { epoch: Epoch(2), handle: Some("run".into()), continuation: None },
                failed(2, AgentFailureKind::Unreachable, false),
            ]),
        ),
        ("Running, pausing", after(vec![failed(2, AgentFailureKind::ServerError, false)])),
        ("Stopping, 3 waits", after(vec![waiting, stopped])),
    ]
}

fn taken(bench: &Bench, seq: u64, kind: Taken) -> Event {
    Event::Taken { seq: Seq(seq), kind, accepted_at: bench.now, written_at: bench.now, resumed: false }
}

fn events(bench: &Bench) -> Vec<(String, Event)> {
    let take = |kind| taken(bench, 9, kind);
    let mut events = vec![
        ("a question".to_owned(), take(Taken::Ask)),
        ("a question that goes on".to_owned(), take(Taken::More)),
        ("a question asked again".to_owned(), take(Taken::AskedAgain)),
        ("a message that nobody asked for".to_owned(), take(Taken::Message)),
        ("an answer to deliver again".to_owned(), take(Taken::Deliver)),
        ("a refused one".to_owned(), take(Taken::Refused(Refusal::TooManyMessages))),
    ];
    let controls = [
        ("/new", Control::New),
        ("/stop", Control::Stop { all: false }),
        ("/stop all", Control::Stop { all: true }),
        ("the stop button of 1", Control::StopAnswer { seq: Seq(1) }),
        ("/help", Control::Help),
        ("the channel is deleted", Control::Withdraw),
    ];
    for (name, control) in controls {
        events.push((name.to_owned(), take(Taken::Control(control, Origin::Chat))));
    }
    for (name, switches) in [("/agents", false), ("/agents 2", true)] {
        events.push((name.to_owned(), take(Taken::Lookup { switches })));
    }
    for seq in [1, 5] {
        let found = Found::Told(Notice::NoSuchAgent, Some(Choices::default()));
        events.push((format!("what {seq} asks for is looked up"), Event::LookedUp { seq: Seq(seq), found }));
    }
    let again = taken(bench, 1, Taken::Ask);
    events.push(("a question taken before".to_owned(), again));
    let newest = bench.session.snapshot().epoch.0;
    let of = |epoch| {
        [
            ("Completed", completed(epoch)),
            ("Closed", Event::Closed { epoch: Epoch(epoch) }),
            ("Started", Event::Started { epoch: Epoch(epoch), handle: None, continuation: None }),
            (
                "Started, pollable",
                Event::Started { epoch: Epoch(epoch), handle: Some("run".into()), continuation: None },
            ),
            ("Heard", Event::Heard { epoch: Epoch(epoch), chars: 2 }),
            ("Heard too much", Event::Heard { epoch: Epoch(epoch), chars: 101 }),
            ("Failed, transient", failed(epoch, AgentFailureKind::ServerError, false)),
            ("Failed, after words", failed(epoch, AgentFailureKind::ServerError, true)),
        ]
    };
    // What belongs to an older run, or to one that never was, is the same for all but these two.
    let limits = TurnLimits::default();
    events.push(("Asked".to_owned(), Event::Asked { epoch: Epoch(newest), limits }));
    let epochs = [(newest, "", 8), (newest - 1, " of an older run", 2), (newest + 1, " of no run", 2)];
    for (epoch, whose, told) in epochs {
        events
            .extend(of(epoch).into_iter().take(told).map(|(name, event)| (format!("{name}{whose}"), event)));
    }
    events.push(("Held".to_owned(), Event::Held(Hold::Disabled)));
    events.push(("Released".to_owned(), Event::Released(Hold::Loading)));
    events.push(("Parked".to_owned(), Event::Parked));
    events
}

/// The table's rows: every state with every event, a question in each way of being busy, and what time does.
pub(crate) fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for (before, bench) in states() {
        for (event, told) in events(&bench) {
            rows.push(row(before, event, &bench, told));
        }
        {
            let mut bench = bench.clone();
            let mut rules = bench.session.rules;
            rules.conversation.merge_window = Duration::from_secs(1);
            bench.session.configure(rules);
            let told = taken(&bench, 9, Taken::Ask);
            rows.push(row(before, "a question, with a merge window".to_owned(), &bench, told));
        }
        for busy in [Busy::Interrupt, Busy::Reject] {
            let mut bench = bench.clone();
            let mut rules = bench.session.rules;
            rules.conversation.busy = busy;
            bench.session.configure(rules);
            let told = taken(&bench, 9, Taken::Ask);
            rows.push(row(before, format!("a question, busy = {busy:?}"), &bench, told));
        }
        if let Some(deadline) = bench.session.deadline() {
            let mut bench = bench.clone();
            let effects = bench.pass_to_deadline();
            rows.push(Row {
                before: before.to_owned(),
                event: format!("*time*: {:?}", deadline.reason),
                after: Ok(bench.session.phase().to_owned()),
                effects: effects.list.iter().map(word).collect(),
            });
        }
    }
    rows
}

fn row(before: &str, event: String, bench: &Bench, told: Event) -> Row {
    let mut bench = bench.clone();
    let result = bench.offer(told);
    Row {
        before: before.to_owned(),
        event,
        effects: result.as_ref().map(|effects| effects.list.iter().map(word).collect()).unwrap_or_default(),
        after: result.map(|_effects| bench.session.phase().to_owned()),
    }
}

fn word(effect: &Effect) -> String {
    match effect {
        Effect::Open { seq, resumed: false, .. } => format!("Open {seq}"),
        Effect::Open { seq, attempt, .. } => format!("Open {seq} (attempt {attempt})"),
        Effect::Ask { seq, epoch } => format!("Ask {seq} (run {epoch})"),
        Effect::Cancel { epoch } => format!("Cancel (run {epoch})"),
        Effect::CancelUpstream { epoch, handle } => format!("CancelUpstream {handle} (closing {epoch})"),
        Effect::Finish { seq, how, session } => format!("Finish {seq}: {how:?}, session {session}"),
        Effect::Say { what: Say::Status { .. }, .. } => "Say Status".to_owned(),
        Effect::Say { seq, what } => format!("Say to {seq}: {what:?}"),
        Effect::Join { seq, with } => format!("Join {with} to {seq}"),
        Effect::LookUp { seq } => format!("LookUp {seq}"),
        Effect::End { seq, outcome } => format!("End {seq}: {outcome:?}"),
    }
}
