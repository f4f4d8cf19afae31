//! What a store has to do to be copied from and to.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use switchboard_ports::error::StoreError;

use super::items::{Item, Mark, Sum};

/// A place in the order in which a store gives its rows; each store reads its own alone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::stores) struct Cursor {
    /// Which part of the store.
    pub(in crate::stores) stage: usize,
    /// The last row given of it; empty at its beginning.
    pub(in crate::stores) after: Vec<String>,
}

impl Cursor {
    /// The beginning of the next stage.
    pub(in crate::stores) fn next_stage(&self) -> Self {
        Self { stage: self.stage + 1, after: Vec::new() }
    }
}

/// Some rows, and where to go on; `None` at the end.
pub(in crate::stores) struct Batch<T> {
    pub(in crate::stores) rows: Vec<T>,
    pub(in crate::stores) next: Option<Cursor>,
}

/// Counters that only go up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::stores) struct Counters {
    /// The greatest fencing token given, by partition.
    pub(in crate::stores) fences: Vec<u64>,
    /// The greatest number given to a failure record.
    pub(in crate::stores) failures: u64,
}

/// What a target remembers of a copy into it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::stores) struct Marker {
    /// The version of the neutral form.
    pub(in crate::stores) form: u32,
    /// Whether it is complete and was checked. Until then nobody else opens the store.
    pub(in crate::stores) done: bool,
    /// The source, for people.
    pub(in crate::stores) from: String,
    /// What the source holds, by table.
    pub(in crate::stores) holds: Vec<Sum>,
    /// What is in the target for good; `None` when that is all rows.
    pub(in crate::stores) at: Option<Cursor>,
}

/// One end of a copy. Everything that writes may be repeated.
#[async_trait]
pub(in crate::stores) trait Side: Send + Sync {
    /// Replicas that live on the store. One that a process has alone is taken before.
    async fn live(&self) -> Result<usize, StoreError>;

    /// Counters.
    async fn counters(&self) -> Result<Counters, StoreError>;

    /// Makes counters at least these.
    async fn raise(&self, counters: &Counters) -> Result<(), StoreError>;

    /// Rows after a place. What a row refers to comes before it, and a transcript's lines come in order.
    async fn give(&self, after: &Cursor) -> Result<Batch<Item>, StoreError>;

    /// Takes rows in, and remembers the marker once they are stored.
    async fn take(&self, rows: Vec<Item>, marker: &Marker) -> Result<(), StoreError>;

    /// Deduplication marks that still count, after a place.
    async fn give_marks(&self, after: &Cursor) -> Result<Batch<Mark>, StoreError>;

    /// Takes marks in, for the time that is left to them.
    async fn take_marks(&self, marks: Vec<Mark>) -> Result<(), StoreError>;

    /// How many of these marks are not there.
    async fn missing(&self, marks: Vec<Mark>) -> Result<usize, StoreError>;

    /// What is remembered of a copy into this store.
    async fn marker(&self) -> Result<Option<Marker>, StoreError>;
}
