//! Stateful stand-ins for stores, platforms, agents and the driver, and the whole router around them.

mod api;
mod attachments;
mod audit;
pub(crate) mod certificates;
mod composition;
pub(crate) mod directories;
mod failures;
mod journal;
mod messages;
mod operations;
mod platforms;
mod playground;
mod replicas;
mod sessions;
mod stores;
mod usage;

pub(crate) use api::{Answer, CONFIGURED, TestApi, problem, server_section};
pub(crate) use composition::FakeComposition;
pub(crate) use operations::{FakeOperations, Taking, connected};
pub(crate) use platforms::{kinds, providers};
pub(crate) use playground::FakePlayground;
pub(crate) use stores::FakeStores;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use switchboard_domain::time::Timestamp;
use switchboard_ports::clock::{Clock, Entropy};

use crate::ports::Ports;

/// 2026-01-02T03:04:05.678Z.
pub(crate) const START_MS: u64 = 1_767_323_045_678;

/// A clock that a test moves.
pub(crate) struct FakeClock(AtomicU64);

impl Default for FakeClock {
    fn default() -> Self {
        Self(AtomicU64::new(START_MS))
    }
}

impl FakeClock {
    pub(crate) fn advance(&self, span: std::time::Duration) {
        self.0.fetch_add(u64::try_from(span.as_millis()).unwrap(), Ordering::SeqCst);
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

/// Counts.
#[derive(Default)]
pub(crate) struct FakeEntropy(AtomicU64);

impl Entropy for FakeEntropy {
    fn next_u64(&self) -> u64 {
        self.0.fetch_add(1, Ordering::SeqCst)
    }
}

/// All ports over the same fake stores.
pub(crate) fn ports(stores: &Arc<FakeStores>, clock: Arc<FakeClock>) -> Ports {
    Ports {
        clock,
        entropy: Arc::new(FakeEntropy::default()),
        conversations: stores.clone(),
        transcripts: stores.clone(),
        failures: stores.clone(),
        messages: stores.clone(),
        channels: stores.clone(),
        agents: stores.clone(),
        users: stores.clone(),
        tokens: stores.clone(),
        sessions: stores.clone(),
        attachments: stores.clone(),
        usage: stores.clone(),
        audit: stores.clone(),
        journal: stores.clone(),
        replicas: stores.clone(),
        bulletin: stores.clone(),
        durability: stores.clone(),
        traces: None,
        playground: Arc::new(FakePlayground::default()),
        alerts: None,
        providers: providers(),
        agent_kinds: kinds(),
        directory_kinds: directories::kinds(),
    }
}
