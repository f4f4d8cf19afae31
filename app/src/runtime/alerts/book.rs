//! What was told, written down: for whoever has the place of alerts next.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use switchboard_domain::ids::ChannelId;
use switchboard_domain::time::Timestamp;
use switchboard_ports::alerts::AlertEvent;
use switchboard_ports::error::StoreError;
use switchboard_ports::journal::{Book, JournalLine, JournalStore};
use switchboard_ports::page::{PAGE_ROWS_MAX, PageRequest};

use super::outages::{Due, Outages};

/// Whom the lines are about, in the book of states; no channel has this id.
const SUBJECT: &str = "alerts";

#[derive(Debug, Serialize, Deserialize)]
struct Line {
    channel: String,
    /// Whether it was told that it is over.
    over: bool,
    since: u64,
}

/// Writes down that something was told.
pub(super) async fn write(journal: &dyn JournalStore, due: &Due, at: Timestamp) -> Result<(), StoreError> {
    let line = Line {
        channel: due.channel.to_string(),
        over: due.event == AlertEvent::Connected,
        since: due.since.as_millis(),
    };
    let body = serde_json::to_string(&line).unwrap_or_default();
    let line = JournalLine { book: Book::States, subject: SUBJECT.to_owned(), at, body };
    journal.append(vec![line]).await
}

/// Outages of which it was told that they began, and not that they are over.
pub(super) async fn read(journal: &dyn JournalStore) -> Result<Outages, StoreError> {
    let (mut outages, mut known) = (Outages::default(), BTreeSet::new());
    let mut page = PageRequest { limit: PAGE_ROWS_MAX, after: None };
    for _ in 0..Book::States.limits().lines.div_ceil(PAGE_ROWS_MAX) {
        let read = journal.read(Book::States, SUBJECT, &page).await?;
        for info in read.items {
            // What a later version may write otherwise is passed over.
            let Ok(line) = serde_json::from_str::<Line>(&info.body) else { continue };
            // The newest line of a channel counts.
            if known.insert(line.channel.clone()) && !line.over {
                outages.recall(ChannelId::new(line.channel), Timestamp::from_millis(line.since), info.at);
            }
        }
        page.after = read.next;
        if page.after.is_none() {
            break;
        }
    }
    Ok(outages)
}
