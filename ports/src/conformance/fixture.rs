//! What a suite needs from an implementation's tests.

use std::sync::Arc;

use async_trait::async_trait;

use crate::conformance::FakeClock;
use crate::store_set::Stores;

/// Fresh, empty stores and what a case may do to them. Dropping it cleans up.
#[async_trait]
pub trait Fixture: Send {
    /// The clock that the stores were given.
    fn clock(&self) -> Arc<FakeClock>;

    /// The stores, as opened last. A case drops what it got before it calls [`Fixture::reopen`].
    fn stores(&self) -> Stores;

    /// Dies without a word and comes back: only what is durable is left. `false`, and nothing done, for stores that
    /// forget; cases about surviving end there.
    async fn reopen(&mut self) -> bool;
}
