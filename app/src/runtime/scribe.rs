//! The scribe writes down what happened, for people to read: states of channels, what became of messages.
//!
//! Whoever notes something never waits for the store and never fails; lines are gathered for a moment and written together.
//! A process that is killed forgets the last of them, and nothing depends on that.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Mutex;
use std::time::Duration;

use switchboard_ports::error::StoreError;
use switchboard_ports::journal::{JournalInfo, JournalLine, LINES_AT_ONCE_MAX};
use tokio::sync::Notify;

use super::shared::{Shared, lock};
use crate::telemetry::metrics as names;

/// How long lines are gathered before they are written: what a killed process forgets.
const GATHER: Duration = Duration::from_millis(250);

/// Lines that wait for the store; while it is away the oldest go.
const WAITING_MAX: usize = 8_192;

/// The pause before a store that did not take lines is asked again.
const AWAY_PAUSE: Duration = Duration::from_secs(2);

/// How long the last lines may take when the server stops.
const LAST_WAIT: Duration = Duration::from_secs(3);

/// What is to be written.
#[derive(Default)]
pub(crate) struct Scribe {
    waiting: Mutex<VecDeque<JournalLine>>,
    noted: Notify,
}

impl Scribe {
    /// Notes something that happened.
    pub(crate) fn note(&self, line: JournalLine) {
        let mut waiting = lock(&self.waiting);
        waiting.push_back(line);
        if waiting.len() > WAITING_MAX {
            waiting.pop_front();
            metrics::counter!(names::JOURNAL_LOST).increment(1);
        }
        drop(waiting);
        self.noted.notify_one();
    }

    fn take(&self) -> Vec<JournalLine> {
        let mut waiting = lock(&self.waiting);
        let count = waiting.len().min(LINES_AT_ONCE_MAX);
        waiting.drain(..count).collect()
    }

    /// What was not written, before everything that came since.
    fn give_back(&self, lines: Vec<JournalLine>) {
        let mut waiting = lock(&self.waiting);
        for line in lines.into_iter().rev() {
            if waiting.len() < WAITING_MAX {
                waiting.push_front(line);
            } else {
                metrics::counter!(names::JOURNAL_LOST).increment(1);
            }
        }
    }
}

/// Writes what is noted until the server stops.
pub(super) async fn write(shared: std::sync::Arc<Shared>) {
    loop {
        tokio::select! {
            biased;
            () = shared.parking.cancelled() => return,
            () = shared.scribe.noted.notified() => {}
        }
        tokio::time::sleep(GATHER).await;
        loop {
            match write_some(&shared).await {
                // What came meanwhile is gathered for a moment, too.
                Ok(count) if count < LINES_AT_ONCE_MAX => break,
                Ok(_) => {}
                Err(error) => {
                    tracing::debug!(%error, "failed to write the journal; tried again");
                    tokio::select! {
                        biased;
                        () = shared.parking.cancelled() => return,
                        () = tokio::time::sleep(AWAY_PAUSE) => {}
                    }
                }
            }
        }
    }
}

/// Writes what is left when the server stops.
pub(super) async fn write_last(shared: &Shared) {
    let written = tokio::time::timeout(LAST_WAIT, write_all(shared)).await;
    if !matches!(written, Ok(Ok(()))) {
        tracing::warn!("failed to write the last lines of the journal");
    }
}

async fn write_all(shared: &Shared) -> Result<(), StoreError> {
    while write_some(shared).await? > 0 {}
    Ok(())
}

/// Writes what waits, as much as goes at once; answers how many lines that were.
async fn write_some(shared: &Shared) -> Result<usize, StoreError> {
    let lines = shared.scribe.take();
    if lines.is_empty() {
        return Ok(0);
    }
    let count = lines.len();
    if let Err(error) = shared.ports.journal.append(lines.clone()).await {
        shared.scribe.give_back(lines);
        return Err(error);
    }
    Ok(count)
}

/// Each line once: what was written with an unknown fate is written again, and may stand there twice.
pub(crate) fn once(lines: Vec<JournalInfo>) -> Vec<JournalInfo> {
    let mut known = BTreeSet::new();
    lines.into_iter().filter(|line| known.insert((line.at, line.body.clone()))).collect()
}

#[cfg(test)]
mod tests {
    use switchboard_domain::time::Timestamp;

    use super::{JournalInfo, once};

    #[test]
    fn what_was_written_twice_is_read_once() {
        let line = |number, at, body: &str| JournalInfo {
            number,
            at: Timestamp::from_millis(at),
            body: body.to_owned(),
        };
        let lines = vec![line(5, 2, "b"), line(4, 1, "a"), line(3, 3, "a"), line(2, 2, "b"), line(1, 1, "a")];
        let numbers: Vec<u64> = once(lines).into_iter().map(|line| line.number).collect();
        assert_eq!(numbers, [5, 4, 3]);
    }
}
