//! A look at a run while it goes on, for whoever has handed the run itself to a task.

use std::sync::Arc;

use super::histogram::{Histogram, Latency};
use crate::state::Inner;

/// Tells how far a run is, from the end of its warm-up on.
#[derive(Debug)]
pub struct Progress {
    inner: Arc<Inner>,
    /// What was counted when it was asked last.
    told: Histogram,
}

/// The measured messages that are over.
#[derive(Clone, Debug, PartialEq)]
pub struct Finished {
    /// How many there are.
    pub in_all: u64,
    /// How long those took that were finished since this was asked last, from when each was due.
    pub since: Latency,
}

impl Progress {
    pub(crate) fn of(inner: Arc<Inner>) -> Self {
        Self { inner, told: Histogram::default() }
    }

    /// What is finished by now. It costs the run a moment: not to be asked more often than somebody looks.
    pub fn finished(&mut self) -> Finished {
        let now = self.inner.look(|state| state.judge.as_ref().map(|judge| judge.times.finished.clone()));
        let now = now.unwrap_or_default();
        let finished = Finished { in_all: now.count(), since: now.since(&self.told).summary() };
        self.told = now;
        finished
    }
}
