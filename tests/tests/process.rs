//! The real binary, the simulated platform and a scripted agent over real sockets, with real signals.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::field_reassign_with_default,
    reason = "tests fail by panicking, and change what they need of a usual plan"
)]

#[path = "process/access.rs"]
mod access;
#[path = "process/bad_input.rs"]
mod bad_input;
#[path = "process/choices.rs"]
mod choices;
#[path = "process/commands.rs"]
mod commands;
#[path = "process/company.rs"]
mod company;
#[path = "process/connections.rs"]
mod connections;
#[path = "process/conversations.rs"]
mod conversations;
#[path = "process/declared.rs"]
mod declared;
#[path = "process/delivery.rs"]
mod delivery;
#[path = "process/demo.rs"]
mod demo;
#[path = "process/evictions.rs"]
mod evictions;
#[path = "process/failover.rs"]
mod failover;
#[path = "process/files.rs"]
mod files;
#[path = "process/floods.rs"]
mod floods;
#[path = "process/frozen.rs"]
mod frozen;
#[path = "process/fuzz.rs"]
mod fuzz;
#[path = "process/handover.rs"]
mod handover;
#[path = "process/judge.rs"]
mod judge;
#[path = "process/kills.rs"]
mod kills;
#[path = "process/load.rs"]
mod load;
#[path = "process/long_answers.rs"]
mod long_answers;
#[path = "process/mapping_modes.rs"]
mod mapping_modes;
#[path = "process/messages.rs"]
mod messages;
#[path = "process/meter.rs"]
mod meter;
#[path = "process/network.rs"]
mod network;
#[path = "process/plain_kills.rs"]
mod plain_kills;
#[path = "process/playground.rs"]
mod playground;
#[path = "process/presses.rs"]
mod presses;
#[path = "process/privacy.rs"]
mod privacy;
#[path = "process/redis_loss.rs"]
mod redis_loss;
#[path = "process/replicas.rs"]
mod replicas;
#[path = "process/retries.rs"]
mod retries;
#[path = "process/saving.rs"]
mod saving;
#[path = "process/secrecy.rs"]
mod secrecy;
#[path = "process/shared_budget.rs"]
mod shared_budget;
#[path = "process/shared_store.rs"]
mod shared_store;
#[path = "process/stage.rs"]
mod stage;
#[path = "process/startup.rs"]
mod startup;
#[path = "process/stopping.rs"]
mod stopping;
#[path = "process/store_copy.rs"]
mod store_copy;
#[path = "process/store_files.rs"]
mod store_files;
#[path = "process/store_trouble.rs"]
mod store_trouble;
#[path = "process/store_upkeep.rs"]
mod store_upkeep;
#[path = "process/traces.rs"]
mod traces;
#[path = "process/troubled_agents.rs"]
mod troubled_agents;
#[path = "process/volume.rs"]
mod volume;
#[path = "process/waiting.rs"]
mod waiting;
#[path = "process/watching.rs"]
mod watching;
#[path = "process/wegent.rs"]
mod wegent;
