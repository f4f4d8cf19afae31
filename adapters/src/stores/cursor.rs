//! Where pages begin: cursors are opaque to callers, and whatever callers send instead gives an empty page.

use switchboard_domain::ids::ConversationId;
use switchboard_domain::time::Timestamp;
use switchboard_ports::page::{PAGE_ROWS_MAX, Page, PageRequest};

/// A place in a list.
pub(super) enum After<T> {
    /// Before the first row.
    Start,
    /// After this row.
    Row(T),
    /// Nowhere: the cursor is not one of ours.
    Nowhere,
}

/// Rows of a page: what was asked for, clamped.
pub(super) fn limit(page: &PageRequest) -> u32 {
    page.limit.clamp(1, PAGE_ROWS_MAX)
}

/// The cursor of lists in the order of a number.
pub(super) fn after_number(page: &PageRequest) -> After<u64> {
    parsed(page, |text| text.parse().ok().filter(|number| *number <= i64::MAX.unsigned_abs()))
}

/// The cursor of lists in the order of activity.
pub(super) fn after_activity(page: &PageRequest) -> After<(Timestamp, ConversationId)> {
    parsed(page, |text| {
        let (millis, id) = text.split_once('-')?;
        let at = Timestamp::from_millis(millis.parse().ok()?);
        Some((at, ConversationId::new(id)))
    })
}

/// Writes the cursor that [`after_activity`] reads.
pub(super) fn activity(at: Timestamp, id: &ConversationId) -> String {
    format!("{}-{id}", at.as_millis())
}

fn parsed<T>(page: &PageRequest, parse: impl FnOnce(&str) -> Option<T>) -> After<T> {
    match page.after.as_deref() {
        None => After::Start,
        Some(text) => parse(text).map_or(After::Nowhere, After::Row),
    }
}

/// The page of someone who is nowhere.
pub(super) const fn empty<T>() -> Page<T> {
    Page { items: Vec::new(), next: None }
}

/// A page from up to one row more than its limit: the row too many only shows that there is a next page, which begins
/// after the last row kept. Rows come with their cursor.
pub(super) fn page<T>(mut rows: Vec<(String, T)>, limit: u32) -> Page<T> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(|(cursor, _)| cursor.clone());
    Page { items: rows.into_iter().map(|(_, row)| row).collect(), next }
}
