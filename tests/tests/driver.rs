//! The driver on fakes in virtual time: every rule of delivery (design §4, R1 to R16) has a test that fails when the rule is
//! broken.
//!
//! | file | rules |
//! |---|---|
//! | `intake.rs` | R1, R2: duplicates, order, acks |
//! | `store_away.rs` | R4, and what else waits for the store |
//! | `control.rs`, `press.rs` | R3: control is never behind work; the stop button |
//! | `recovery.rs` | R5, R8, R9: lost wakes, resumed turns, crashes |
//! | `kinds.rs`, `files.rs` | kinds of messages; R6: their files |
//! | `lineage.rs` | a store whose server is replaced by one that has not got everything |
//! | `commits.rs` | R7, R16: unknown fates, conflicts, lost leases |
//! | `parts.rs` | R10, R13: plain messages and their ways |
//! | `fallback.rs` | R11: from a card to text |
//! | `calls.rs` | R12, R14: one call at a time, and the budget |
//! | `agents.rs` | agents that fail, hang, or talk too much |
//! | `statuses.rs` | what agents do besides answering |
//! | `pollable.rs` | runs whose result can be asked for after a crash |
//! | `owners.rs` | agents that are changed while they answer |
//! | `turns.rs`, `busy.rs`, `waiting.rs` | turns, memory, busy conversations, what waits, bursts |
//! | `channels.rs`, `deleting.rs` | settings that change while messages come |
//! | `choices.rs` | agent, model and language, chosen in the chat |
//! | `access.rs` | who may use a channel |
//! | `retention.rs` | what is forgotten, and when |
//! | `people.rs`, `lookalikes.rs` | who asks: people who are disabled, deleted, linked by hand, or named like others |
//! | `messages.rs` | R10: messages that nobody asked for |
//! | `history.rs`, `alerts.rs` | what people are shown of the past, and told of outages |
//! | `meter.rs` | what apps use of their monthly quotas |
//! | `retries.rs` | R8, R9: failures that an operator retries |
//! | `timelines.rs`, `traces.rs` | what is told of each message |
//! | `shutdown.rs`, `kills.rs` | the end of a process, in good order and anywhere |
//! | `panics.rs` | panics in one conversation |
//! | `pairs.rs` | two replicas, one of which dies while answers run |
//! | `beside.rs` | two replicas, and what one has not heard of yet |
//! | `places.rs`, `evictions.rs` | two replicas, and platforms that keep one connection |
//! | `crowd.rs` | many at once |
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

#[path = "driver/access.rs"]
mod access;
#[path = "driver/agents.rs"]
mod agents;
#[path = "driver/alerts.rs"]
mod alerts;
#[path = "driver/beside.rs"]
mod beside;
#[path = "driver/busy.rs"]
mod busy;
#[path = "driver/calls.rs"]
mod calls;
#[path = "driver/channels.rs"]
mod channels;
#[path = "driver/choices.rs"]
mod choices;
#[path = "driver/commits.rs"]
mod commits;
#[path = "driver/control.rs"]
mod control;
#[path = "driver/crowd.rs"]
mod crowd;
#[path = "driver/deleting.rs"]
mod deleting;
#[path = "driver/evictions.rs"]
mod evictions;
#[path = "driver/fallback.rs"]
mod fallback;
#[path = "driver/files.rs"]
mod files;
#[path = "driver/history.rs"]
mod history;
#[path = "driver/identities.rs"]
mod identities;
#[path = "driver/intake.rs"]
mod intake;
#[path = "driver/kills.rs"]
mod kills;
#[path = "driver/kinds.rs"]
mod kinds;
#[path = "driver/lineage.rs"]
mod lineage;
#[path = "driver/lookalikes.rs"]
mod lookalikes;
#[path = "driver/lost_files.rs"]
mod lost_files;
#[path = "driver/messages.rs"]
mod messages;
#[path = "driver/meter.rs"]
mod meter;
#[path = "driver/owners.rs"]
mod owners;
#[path = "driver/pairs.rs"]
mod pairs;
#[path = "driver/panics.rs"]
mod panics;
#[path = "driver/parts.rs"]
mod parts;
#[path = "driver/people.rs"]
mod people;
#[path = "driver/places.rs"]
mod places;
#[path = "driver/pollable.rs"]
mod pollable;
#[path = "driver/press.rs"]
mod press;
#[path = "driver/quotes.rs"]
mod quotes;
#[path = "driver/recovery.rs"]
mod recovery;
#[path = "driver/retention.rs"]
mod retention;
#[path = "driver/retries.rs"]
mod retries;
#[path = "driver/shutdown.rs"]
mod shutdown;
#[path = "driver/statuses.rs"]
mod statuses;
#[path = "driver/store_away.rs"]
mod store_away;
#[path = "driver/timelines.rs"]
mod timelines;
#[path = "driver/traces.rs"]
mod traces;
#[path = "driver/turns.rs"]
mod turns;
#[path = "driver/waiting.rs"]
mod waiting;
