//! The channel's part of `TRANSITIONS.md`.

use super::super::{CloseCause, Effect, ErrorCode, Event};
use super::{Bench, failed, seconds};
use crate::ids::ConnectionId;
use crate::transitions::Row;

/// Every state with a name, after a life in which socket 1 was open, and the numbers of the sockets to speak of.
fn states() -> Vec<(&'static str, Bench, &'static [u64])> {
    let after = |events: Vec<Event>| {
        let mut bench = Bench::connected();
        for event in events {
            bench.tell(event);
        }
        bench
    };
    let rotating = Event::Rotating { connection: ConnectionId(1) };
    let closed = |id, code| Event::Closed { connection: ConnectionId(id), cause: failed(code) };
    vec![
        ("disabled", after(vec![Event::Disabled]), &[1, 2]),
        ("standby", after(vec![Event::LeaseLost]), &[1]),
        ("store_lost", after(vec![Event::StoreLost]), &[1]),
        ("connecting (2)", after(vec![Event::Edited]), &[1, 2]),
        ("connected (1)", after(vec![]), &[1]),
        ("connected (1), 2 on its way", after(vec![rotating.clone()]), &[1, 2]),
        (
            "connected (1), another due later",
            after(vec![rotating, closed(2, ErrorCode::NetworkUnreachable)]),
            &[1, 2],
        ),
        ("waiting", after(vec![closed(1, ErrorCode::NetworkUnreachable)]), &[1]),
        ("refused", after(vec![closed(1, ErrorCode::InvalidCredentials)]), &[1]),
        ("draining (1)", after(vec![Event::Drain]), &[1]),
    ]
}

fn events(sockets: &[u64]) -> Vec<(String, Event)> {
    let mut events: Vec<(String, Event)> = [
        Event::Enabled,
        Event::Disabled,
        Event::Edited,
        Event::RestartAsked,
        Event::StoreLost,
        Event::StoreBack,
        Event::LeaseLost,
        Event::LeaseGained,
        Event::Noted { code: ErrorCode::NoAgent, detail: String::new() },
        Event::Drain,
    ]
    .into_iter()
    .map(|event| (event.name().to_owned(), event))
    .collect();
    for id in sockets {
        let connection = ConnectionId(*id);
        let causes = [
            ("clean", CloseCause::Clean),
            ("connection_lost", failed(ErrorCode::ConnectionLost)),
            ("permission_denied", failed(ErrorCode::PermissionDenied)),
        ];
        events.extend(
            [Event::Opened { connection }, Event::Heard { connection }, Event::Rotating { connection }]
                .map(|event| (format!("{} {id}", event.name()), event)),
        );
        events.extend(
            causes.map(|(name, cause)| (format!("Closed {id}, {name}"), Event::Closed { connection, cause })),
        );
    }
    events
}

/// The table's rows: every state with every event, and what time does.
pub(crate) fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for (before, bench, sockets) in states() {
        for (event, told) in events(sockets) {
            let mut bench = bench.clone();
            let result = bench.offer(told);
            rows.push(Row {
                before: before.to_owned(),
                event,
                effects: result.as_ref().map(|effects| words(effects)).unwrap_or_default(),
                after: result.map(|_effects| after(&bench)),
            });
        }
        if let Some(deadline) = bench.channel.deadline() {
            let mut bench = bench.clone();
            let effects = bench.pass(deadline.at.since(bench.now));
            rows.push(Row {
                before: before.to_owned(),
                event: format!("*time*: {:?}", deadline.reason),
                after: Ok(after(&bench)),
                effects: words(&effects),
            });
        }
    }
    rows
}

fn after(bench: &Bench) -> String {
    let sockets: Vec<_> = bench.channel.connections().map(|id| id.to_string()).collect();
    let pause = if bench.channel.next_attempt_at().is_some_and(|at| at.since(bench.now) >= seconds(60)) {
        ", long pause"
    } else {
        ""
    };
    if sockets.is_empty() {
        format!("{}{pause}", bench.channel.phase())
    } else {
        format!("{} ({})", bench.channel.phase(), sockets.join(", "))
    }
}

fn words(effects: &[Effect]) -> Vec<String> {
    let word = |effect: &Effect| match effect {
        Effect::Open { connection } => format!("Open {connection}"),
        Effect::Close { connection } => format!("Close {connection}"),
        Effect::Publish => "Publish".to_owned(),
    };
    effects.iter().map(word).collect()
}
