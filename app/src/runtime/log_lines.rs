//! Log lines of channels, written into the journal: so that each replica can show what the others logged, and a restart forgets
//! nothing.
//!
//! Written is what is `info` or worse, so many lines of a channel a second; the rest is counted, and said once in their place.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use switchboard_domain::time::Timestamp;
use switchboard_ports::error::StoreError;
use switchboard_ports::journal::{Book, JournalLine, JournalStore};
use switchboard_ports::page::{PAGE_ROWS_MAX, PageRequest};
use tokio::sync::broadcast::error::RecvError;

use super::scribe::once;
use super::shared::Shared;
use crate::telemetry::lines::{LogLine, Severity, Told};

/// Lines of one channel that are written in a second.
const LINES_A_SECOND_MAX: u32 = 20;

/// The second by which they are counted.
const SECOND: Duration = Duration::from_secs(1);

/// Channels whose lines are counted; beyond, counting begins anew.
const COUNTED_MAX: usize = 1_000;

/// A line of [`Book::Logs`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WrittenLine {
    /// The replica that logged it.
    pub(crate) replica: String,
    /// The line.
    #[serde(flatten)]
    pub(crate) line: LogLine,
}

/// How many lines of each channel there were in the present second.
#[derive(Default)]
struct Pace(BTreeMap<Arc<str>, Second>);

#[derive(Default)]
struct Second {
    began: Timestamp,
    written: u32,
    left_out: u32,
}

impl Pace {
    /// Whether a line is written, and how many before it were not.
    fn take(&mut self, channel: &Arc<str>, at: Timestamp) -> Option<u32> {
        if self.0.len() >= COUNTED_MAX && !self.0.contains_key(channel) {
            self.0.clear();
        }
        let second = self.0.entry(Arc::clone(channel)).or_default();
        if second.began.after(SECOND) <= at {
            second.began = at;
            second.written = 0;
        }
        if second.written >= LINES_A_SECOND_MAX {
            second.left_out = second.left_out.saturating_add(1);
            return None;
        }
        second.written = second.written.saturating_add(1);
        Some(std::mem::take(&mut second.left_out))
    }
}

/// Writes lines until the server stops.
pub(super) async fn write(shared: Arc<Shared>) {
    let Some(lines) = shared.settings.lines.clone() else { return };
    let mut heard = lines.listen();
    let mut pace = Pace::default();
    loop {
        let told = tokio::select! {
            biased;
            () = shared.parking.cancelled() => return,
            told = heard.recv() => told,
        };
        match told {
            Ok(told) => written(&shared, &mut pace, told),
            // Those that were missed are not in the journal; here they are still seen.
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return,
        }
    }
}

fn written(shared: &Shared, pace: &mut Pace, Told { channel, line }: Told) {
    if line.level < Severity::Info {
        return;
    }
    let Some(left_out) = pace.take(&channel, line.at()) else { return };
    let mut line = LogLine::clone(&line);
    if left_out > 0 {
        line.fields.insert(String::from("lines_left_out_before"), left_out.to_string());
    }
    let at = line.at();
    let body = WrittenLine { replica: shared.replica.to_string(), line };
    let body = serde_json::to_string(&body).unwrap_or_default();
    shared.scribe.note(JournalLine { book: Book::Logs, subject: channel.to_string(), at, body });
}

/// What all replicas wrote of a channel, the newest first, each with its number in the journal; `after` is the greatest number that
/// is known already.
pub(crate) async fn read(
    journal: &dyn JournalStore,
    channel: &str,
    after: Option<u64>,
) -> Result<Vec<(u64, WrittenLine)>, StoreError> {
    let (mut all, mut page) = (Vec::new(), PageRequest { limit: PAGE_ROWS_MAX, after: None });
    for _ in 0..Book::Logs.limits().lines.div_ceil(PAGE_ROWS_MAX) {
        let read = journal.read(Book::Logs, channel, &page).await?;
        let mut known = false;
        for info in read.items {
            known |= after.is_some_and(|after| info.number <= after);
            if !known {
                all.push(info);
            }
        }
        page.after = read.next;
        if known || page.after.is_none() {
            break;
        }
    }
    // What a later version may write otherwise is passed over.
    let lines = once(all).into_iter();
    Ok(lines.filter_map(|info| Some((info.number, serde_json::from_str(&info.body).ok()?))).collect())
}

#[cfg(test)]
mod tests {
    use super::{Arc, LINES_A_SECOND_MAX, Pace, Timestamp};

    #[test]
    fn a_flood_is_cut_and_counted_and_hurts_no_other_channel() {
        let (one, other): (Arc<str>, Arc<str>) = (Arc::from("chn_1"), Arc::from("chn_2"));
        let (mut pace, at) = (Pace::default(), Timestamp::from_millis(10_000));
        let written = (0..100).filter(|_| pace.take(&one, at).is_some()).count();
        assert_eq!(written, usize::try_from(LINES_A_SECOND_MAX).unwrap());
        assert_eq!(pace.take(&other, at), Some(0));
        assert_eq!(pace.take(&one, Timestamp::from_millis(10_999)), None);
        assert_eq!(pace.take(&one, Timestamp::from_millis(11_000)), Some(81));
        assert_eq!(pace.take(&one, Timestamp::from_millis(11_000)), Some(0));
    }
}
