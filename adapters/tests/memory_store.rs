//! The memory store passes every suite, and so does a decorator around it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "test code: a test fails by panicking"
)]

use std::sync::Arc;

use async_trait::async_trait;
use switchboard_adapters::stores::{self, Stores};
use switchboard_ports::attachments::AttachmentLimits;
use switchboard_ports::conformance::{FakeClock, Faulty, FaultyFixture, Fixture};

/// Small enough to be filled.
const SMALL: AttachmentLimits =
    AttachmentLimits { file_bytes_max: 600 * 1024, total_bytes_max: 2 * 1024 * 1024 };

struct MemoryFixture {
    clock: Arc<FakeClock>,
    stores: Stores,
}

#[async_trait]
impl Fixture for MemoryFixture {
    fn clock(&self) -> Arc<FakeClock> {
        Arc::clone(&self.clock)
    }

    fn stores(&self) -> Stores {
        self.stores.clone()
    }

    async fn reopen(&mut self) -> bool {
        false
    }
}

async fn fresh() -> MemoryFixture {
    let clock = Arc::new(FakeClock::new());
    let stores = stores::memory_bounded(Arc::clone(&clock) as _, SMALL);
    MemoryFixture { clock, stores }
}

async fn decorated() -> FaultyFixture<MemoryFixture> {
    FaultyFixture(fresh().await)
}

mod conversations {
    switchboard_ports::conversation_store_suite!(super::fresh);
}

mod conversations_decorated {
    switchboard_ports::conversation_store_suite!(super::decorated);
}

mod transcripts {
    switchboard_ports::transcripts_suite!(super::fresh);
}

mod messages {
    switchboard_ports::message_store_suite!(super::fresh);
}

mod failures {
    switchboard_ports::failure_store_suite!(super::fresh);
}

mod channels {
    switchboard_ports::channel_store_suite!(super::fresh);
}

mod agents {
    switchboard_ports::agent_store_suite!(super::fresh);
}

mod users {
    switchboard_ports::user_store_suite!(super::fresh);
}

mod tokens {
    switchboard_ports::token_store_suite!(super::fresh);
}

mod replicas {
    switchboard_ports::replica_store_suite!(super::fresh);
}

mod usage {
    switchboard_ports::usage_store_suite!(super::fresh);
}
mod audit {
    switchboard_ports::audit_store_suite!(super::fresh);
}

mod journal {
    switchboard_ports::journal_store_suite!(super::fresh);
}

mod sessions {
    switchboard_ports::session_store_suite!(super::fresh);
}

mod budget {
    switchboard_ports::budget_store_suite!(super::fresh);
}

mod attachments {
    switchboard_ports::attachment_store_suite!(super::fresh);
}

mod attachments_decorated {
    switchboard_ports::attachment_store_suite!(super::decorated);
}

#[tokio::test(start_paused = true)]
async fn a_delayed_store_answers_late_and_does_at_once() {
    use std::time::Duration;
    use switchboard_ports::conformance::samples::{ask, key};
    use switchboard_ports::conversations::ConversationStore;

    let inner = fresh().await.stores().conversations;
    let faulty = Faulty::around(Arc::clone(&inner));
    faulty.delay(Duration::from_secs(7));
    let before = tokio::time::Instant::now();
    let accepted = faulty.accept(ask(&key("c"), "m1", "hello"));
    assert_eq!(inner.open(key("c").partition(), None).await, Ok(vec![key("c").id()]));
    assert!(accepted.await.is_ok());
    assert_eq!(before.elapsed(), Duration::from_secs(7));
}
