//! Panics in what is called: caught where they happen and counted. For everybody else they are that one call's failure.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt as _;

use crate::telemetry::metrics as names;

/// Does something in which a platform, an agent or a store has its code; `None` where that panicked. `what` stands in the
/// log; the panic's own words may hold texts of people and stand nowhere.
pub(crate) async fn caught<T>(what: &'static str, work: impl Future<Output = T>) -> Option<T> {
    // What it leaves half done is its own: nothing of it is looked at again.
    let done = AssertUnwindSafe(work).catch_unwind().await;
    if done.is_err() {
        counted();
        tracing::error!(what, "something that was called panicked; it counts as failed");
    }
    done.ok()
}

/// Counts a panic; tests and alarms look at this.
pub(crate) fn counted() {
    metrics::counter!(names::ALARMS, "kind" => "panic").increment(1);
}
