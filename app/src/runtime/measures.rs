//! Each replica's own measures: written down each minute and each quarter of an hour, for the dashboard.

use std::sync::Arc;
use std::time::Duration;

use switchboard_domain::time::Timestamp;
use switchboard_ports::journal::{Book, JournalLine};

use super::shared::Shared;
use crate::telemetry::tally::Counts;

/// A minute, in milliseconds: what a line of [`Book::Minutes`] is about.
pub(crate) const MINUTE_MS: u64 = 60_000;

/// A quarter of an hour: what a line of [`Book::Quarters`] is about.
pub(crate) const QUARTER_MS: u64 = 15 * MINUTE_MS;

/// Writes measures down until the server stops, at the full minute by the clock, so that those of all replicas fit together.
pub(super) async fn keep(shared: Arc<Shared>) {
    loop {
        let next = (shared.now().as_millis() / MINUTE_MS).saturating_add(1).saturating_mul(MINUTE_MS);
        let next = Timestamp::from_millis(next);
        while shared.now() < next {
            let wait = next.since(shared.now()).max(Duration::from_millis(1));
            tokio::select! {
                biased;
                () = shared.parking.cancelled() => return,
                () = tokio::time::sleep(wait) => {}
            }
        }
        // After a sleep of the machine this is a later one.
        let at = Timestamp::from_millis(shared.now().as_millis() / MINUTE_MS * MINUTE_MS);
        minute(&shared, at);
        if at.as_millis().is_multiple_of(QUARTER_MS) {
            quarter(&shared, at);
        }
    }
}

/// What was counted since the last full minute, when everything that counts has ended.
pub(super) fn keep_last(shared: &Shared) {
    let now = shared.now();
    minute(shared, now);
    quarter(shared, now);
}

fn minute(shared: &Shared, at: Timestamp) {
    note(shared, Book::Minutes, &shared.tally.take_minute(), at);
}

fn quarter(shared: &Shared, at: Timestamp) {
    note(shared, Book::Quarters, &shared.tally.take_quarter(), at);
}

/// `at` is the end of what was measured.
fn note(shared: &Shared, book: Book, counts: &Counts, at: Timestamp) {
    let body = serde_json::to_string(counts).unwrap_or_default();
    shared.scribe.note(JournalLine { book, subject: shared.replica.to_string(), at, body });
}
