//! Reading what was noted: the versions of one resource, one of them, all changes.

use serde::de::DeserializeOwned;
use switchboard_ports::error::StoreError;
use switchboard_ports::journal::{Book, EVERYTHING};
use switchboard_ports::page::{Page, PageRequest};

use super::lines::{ChangeLine, Kind, VersionLine, parsed};
use super::resource::Resource;
use super::write::{caught_up, caught_up_with_deletion, is_of};
use crate::ports::Ports;
use crate::settings_lock::SettingsLock;

/// Pages of the store that one page of changes looks through, at most.
const READS_MAX: u32 = 40;

/// Whole versions read at once while one is looked for.
const READ_AT_ONCE: u32 = 25;

/// Longest subject of a journal, in bytes.
const SUBJECT_BYTES_MAX: usize = 300;

/// A version and the one before it.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The version.
    pub line: VersionLine,
    /// The one that it was made of, where that is kept.
    pub before: Option<VersionLine>,
}

/// The request for one line.
pub(super) const fn one_line() -> PageRequest {
    PageRequest { limit: 1, after: None }
}

/// The newest version that is noted.
pub async fn newest(ports: &Ports, id: &str) -> Result<Option<VersionLine>, StoreError> {
    let lines = ports.journal.read(Book::Versions, id, &one_line()).await?;
    Ok(lines.items.first().and_then(parsed))
}

/// Makes sure that what is so is noted, before it is told. `false` where there neither is nor was such a resource.
pub async fn up_to_date<R: Resource>(
    ports: &Ports,
    lock: &SettingsLock,
    id: &str,
) -> Result<bool, StoreError> {
    if id.is_empty() || id.len() > SUBJECT_BYTES_MAX {
        return Ok(false);
    }
    let stored = R::find(ports, id).await?;
    let noted = newest(ports, id).await?;
    if noted.as_ref().is_some_and(|line| line.kind != R::KIND) {
        return Ok(false);
    }
    match (&stored, &noted) {
        (None, None) => return Ok(false),
        (Some(stored), Some(line)) if is_of(line, stored) => return Ok(true),
        (None, Some(line)) if line.act == super::Act::Deleted => return Ok(true),
        (Some(_) | None, Some(_)) | (Some(_), None) => {}
    }
    // Somebody may be between the two steps: under the lock nobody is.
    let held = lock.hold().await?;
    held.still()?;
    match R::find(ports, id).await? {
        Some(stored) => caught_up(ports, &stored).await?,
        None => caught_up_with_deletion(ports, id).await?,
    }
    Ok(true)
}

/// The versions of a resource, the newest first.
pub async fn versions(ports: &Ports, id: &str, page: &PageRequest) -> Result<Page<VersionLine>, StoreError> {
    // Versions are whole settings: so many at once and no more.
    let page = PageRequest { limit: page.limit.min(READ_AT_ONCE), after: page.after.clone() };
    let read = ports.journal.read(Book::Versions, id, &page).await?;
    let mut items: Vec<VersionLine> = read.items.iter().filter_map(parsed).collect();
    // Whoever wrote a line and was not told so may have written it twice.
    items.dedup_by(|later, earlier| later.stamp == earlier.stamp);
    Ok(Page { items, next: read.next })
}

/// The newest version with this number.
pub async fn version(ports: &Ports, id: &str, number: u64) -> Result<Option<Found>, StoreError> {
    let mut page = PageRequest { limit: READ_AT_ONCE, after: None };
    let mut found: Option<VersionLine> = None;
    loop {
        let read = versions(ports, id, &page).await?;
        for line in read.items {
            match &found {
                None if line.stamp.version == number => found = Some(line),
                None => {}
                Some(it) if it.stamp == line.stamp => {}
                Some(it) => {
                    let before = (it.previous == Some(line.stamp)).then_some(line);
                    return Ok(found.map(|line| Found { line, before }));
                }
            }
        }
        if read.next.is_none() {
            return Ok(found.map(|line| Found { line, before: None }));
        }
        page.after = read.next;
    }
}

/// All changes of one kind or of both, the newest first. A page may be short where many were looked through for it.
pub async fn changes(
    ports: &Ports,
    page: &PageRequest,
    kind: Option<Kind>,
) -> Result<Page<(u64, ChangeLine)>, StoreError> {
    let keep = |line: &ChangeLine| kind.is_none_or(|kind| line.kind == kind);
    let mut found: Page<(u64, ChangeLine)> = sifted(ports, Book::Changes, page, keep).await?;
    let same = |one: &ChangeLine, other: &ChangeLine| one.id == other.id && one.stamp == other.stamp;
    found.items.dedup_by(|(_, later), (_, earlier)| same(later, earlier));
    Ok(found)
}

/// The lines of a book of one subject that are wanted, with their numbers. Where none of a page is, it goes on with the next ones.
pub async fn sifted<L: DeserializeOwned>(
    ports: &Ports,
    book: Book,
    page: &PageRequest,
    keep: impl Fn(&L) -> bool,
) -> Result<Page<(u64, L)>, StoreError> {
    let mut request = page.clone();
    for _ in 0..READS_MAX {
        let read = ports.journal.read(book, EVERYTHING, &request).await?;
        let lines = read.items.iter().filter_map(|info| Some((info.number, parsed::<L>(info)?)));
        let items: Vec<(u64, L)> = lines.filter(|(_, line)| keep(line)).collect();
        if read.next.is_none() || !items.is_empty() {
            return Ok(Page { items, next: read.next });
        }
        request.after = read.next;
    }
    Ok(Page { items: Vec::new(), next: request.after })
}
