//! Stores of which it is known from the start what they may lose.

use async_trait::async_trait;
use switchboard_ports::durability::{Durability, DurabilityProbe};
use switchboard_ports::error::StoreError;

/// Always the same answer.
#[derive(Debug, Clone)]
pub(super) struct Always(pub(super) Durability);

#[async_trait]
impl DurabilityProbe for Always {
    async fn durability(&self) -> Result<Durability, StoreError> {
        Ok(self.0.clone())
    }
}
