//! What was told, written down: for whoever has the place of alerts next.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use switchboard_domain::ids::ChannelId;
use switchboard_domain::time::Timestamp;
use switchboard_domain::usage::Month;
use switchboard_ports::alerts::AlertEvent;
use switchboard_ports::error::StoreError;
use switchboard_ports::journal::{Book, JournalLine, JournalStore};
use switchboard_ports::page::{PAGE_ROWS_MAX, PageRequest};

use super::outages::{Due, Outages};
use super::shortages::{Level, Shortages};

/// Whom the lines are about, in the book of states; no channel has this id.
const SUBJECT: &str = "alerts";

/// The same of quotas: apart, because a version that knows nothing of them would take its lines for outages.
const QUOTA_SUBJECT: &str = "alerts of quotas";

#[derive(Debug, Serialize, Deserialize)]
struct Line {
    channel: String,
    /// Whether it was told that it is over.
    over: bool,
    since: u64,
}

#[derive(Debug, Serialize, Deserialize)]
struct QuotaLine {
    channel: String,
    /// Whether it was told that it is used up, and not only nearly so.
    out: bool,
    /// Whether that was said of pushes.
    #[serde(default)]
    pushes: bool,
    /// The month's number.
    month: u32,
}

/// Writes down that something was told.
pub(super) async fn write(journal: &dyn JournalStore, due: &Due, at: Timestamp) -> Result<(), StoreError> {
    let channel = due.channel.to_string();
    let (subject, body) = if let Some(month) = due.month {
        let pushes = due.event == AlertEvent::QuotaPushesUsedUp;
        let out = pushes || due.event == AlertEvent::QuotaUsedUp;
        (QUOTA_SUBJECT, serde_json::to_string(&QuotaLine { channel, out, pushes, month: month.number() }))
    } else {
        let over = due.event == AlertEvent::Connected;
        (SUBJECT, serde_json::to_string(&Line { channel, over, since: due.since.as_millis() }))
    };
    let body = body.unwrap_or_default();
    let line = JournalLine { book: Book::States, subject: subject.to_owned(), at, body };
    journal.append(vec![line]).await
}

/// What was told of quotas.
pub(super) async fn read_shortages(journal: &dyn JournalStore) -> Result<Shortages, StoreError> {
    let mut shortages = Shortages::default();
    let mut page = PageRequest { limit: PAGE_ROWS_MAX, after: None };
    for _ in 0..Book::States.limits().lines.div_ceil(PAGE_ROWS_MAX) {
        let read = journal.read(Book::States, QUOTA_SUBJECT, &page).await?;
        for info in read.items {
            // What a later version may write otherwise is passed over.
            let Ok(line) = serde_json::from_str::<QuotaLine>(&info.body) else { continue };
            let level = match (line.pushes, line.out) {
                (true, _) => Level::PushesOut,
                (false, true) => Level::Out,
                (false, false) => Level::Nearly,
            };
            shortages.told(&ChannelId::new(line.channel), Month::numbered(line.month), level);
        }
        page.after = read.next;
        if page.after.is_none() {
            break;
        }
    }
    Ok(shortages)
}

/// Outages of which it was told that they began, and not that they are over.
pub(super) async fn read(journal: &dyn JournalStore) -> Result<Outages, StoreError> {
    let mut last: BTreeMap<String, (Timestamp, Line)> = BTreeMap::new();
    let mut page = PageRequest { limit: PAGE_ROWS_MAX, after: None };
    for _ in 0..Book::States.limits().lines.div_ceil(PAGE_ROWS_MAX) {
        let read = journal.read(Book::States, SUBJECT, &page).await?;
        for info in read.items {
            // What a later version may write otherwise is passed over.
            let Ok(line) = serde_json::from_str::<Line>(&info.body) else { continue };
            // What was told last of a channel counts: it may have been written later than it was told.
            if last.get(&line.channel).is_none_or(|(at, _)| *at < info.at) {
                last.insert(line.channel.clone(), (info.at, line));
            }
        }
        page.after = read.next;
        if page.after.is_none() {
            break;
        }
    }
    let mut outages = Outages::default();
    for (channel, (at, line)) in last.into_iter().filter(|(_, (_, line))| !line.over) {
        outages.recall(ChannelId::new(channel), Timestamp::from_millis(line.since), at);
    }
    Ok(outages)
}
