//! Renders what the machines do into `domain/TRANSITIONS.md`, and fails when the file is stale.
//!
//! `SWITCHBOARD_BLESS=1 cargo test -p switchboard-domain transitions` writes it anew.

use std::fmt::Write as _;
use std::path::PathBuf;

use crate::rejected::Rejected;

/// One cell of a machine's table: what an event does in a phase.
pub(crate) struct Row {
    /// The state before, in words.
    pub(crate) before: String,
    /// The event, in words.
    pub(crate) event: String,
    /// The phase after, or why the event was rejected.
    pub(crate) after: Result<String, Rejected>,
    /// The effects, in order.
    pub(crate) effects: Vec<String>,
}

/// All machines with their tables.
fn sections() -> Vec<(&'static str, Vec<Row>)> {
    vec![
        ("Channel", crate::channel::tests::transitions::rows()),
        ("Session", crate::session::tests::transitions::rows()),
        ("Reply", crate::reply::tests::transitions::rows()),
    ]
}

fn document() -> String {
    let mut text = String::from(
        "# Transitions\n\nGenerated from the machines by the tests of `switchboard-domain`; \
         write it anew with `SWITCHBOARD_BLESS=1 cargo test -p switchboard-domain transitions`.\n\
         An event that is rejected changes nothing: *duplicate* and *stale* ones are harmless, an *illegal* one is an \
         alarm. A dash means no effect.\n",
    );
    for (machine, rows) in sections() {
        text.push_str(&section(machine, &rows));
    }
    text
}

fn section(machine: &str, rows: &[Row]) -> String {
    let mut text = format!("\n## {machine}\n\n| before | event | after | effects |\n|---|---|---|---|\n");
    for row in rows {
        let after = match &row.after {
            Ok(phase) => phase.clone(),
            Err(Rejected::Duplicate { .. }) => "*duplicate*".to_owned(),
            Err(Rejected::Stale { .. }) => "*stale*".to_owned(),
            Err(Rejected::Illegal { expected, .. }) => format!("*illegal*: expected {expected}"),
        };
        let effects = if row.effects.is_empty() { "-".to_owned() } else { row.effects.join(", ") };
        writeln!(text, "| {} | {} | {after} | {effects} |", row.before, row.event)
            .expect("writing to a string");
    }
    text
}

#[test]
fn transitions_md_is_up_to_date() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("TRANSITIONS.md");
    let now = document();
    if std::env::var_os("SWITCHBOARD_BLESS").is_some() {
        std::fs::write(&path, &now).expect("the file can be written");
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == now, "domain/TRANSITIONS.md is stale; run the test once with SWITCHBOARD_BLESS=1");
}
