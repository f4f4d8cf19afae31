//! Everything of one store into another, of whatever kind, while no server has either.
//!
//! ```text
//! 1. the source is read and summed           nothing is written yet
//! 2. the target is marked as half a copy     from here on nobody opens it but the same copy
//! 3. batches of rows, each with its place    killed here, the same command goes on at the last place
//! 4. deduplication marks
//! 5. both are read and compared; the target's mark says that it is done: the decision
//! ```
//! Rows are records as they are written (`items.rs`), so that one key serves both stores and no secret is opened. What belongs
//! to running servers is left behind: leases, replicas, restarts asked for. Fencing tokens go on above those of the source, so that
//! an owner from before the copy writes nothing.

mod error;
pub(in crate::stores) mod items;
pub(in crate::stores) mod side;

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use switchboard_domain::ids::Partition;
use switchboard_ports::clock::Clock;
use switchboard_ports::error::StoreError;

pub use error::{CopyError, End};

use self::items::{FORM, Mark, Sums, Table};
use self::side::{Counters, Cursor, Marker, Side};
use super::redis::Address;
use super::{file, redis};

/// Marks whose names are remembered, so that none is counted twice: 16 bytes each. Of more, the count may be a little high.
const MARKS_COUNTED_MAX: usize = 4_000_000;

/// Marks with less time left are not asked for in the target: they may be gone by then.
const MARK_LEFT_MIN: Duration = Duration::from_mins(1);

/// Which store.
#[derive(Debug, Clone, Copy)]
pub enum Place<'a> {
    /// A file store's directory.
    File(&'a Path),
    /// A shared store.
    Redis {
        /// Its address, credentials included.
        address: Address<'a>,
        /// What its keys begin with.
        prefix: &'a str,
    },
}

/// How far a copy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// The source was read: so many rows.
    Read(u64),
    /// A killed copy is continued.
    Continued,
    /// So many rows were copied by this process.
    Copied(u64),
    /// So many marks were copied.
    Marks(u64),
    /// The target is compared.
    Comparing,
}

/// What was copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// By table: its name, its rows, and the sum that is the same in both.
    pub tables: Vec<(&'static str, u64, String)>,
    /// Deduplication marks that still count; `None` where an earlier copy was found complete.
    pub marks: Option<u64>,
}

/// Copies everything from one store into another that is empty, or holds half of this copy. `from_name` names the source for
/// people, without credentials.
///
/// # Errors
/// See [`CopyError`]. What was in the target before is never changed by a refusal.
pub async fn copy(
    (from, from_name): (Place<'_>, &str),
    to: Place<'_>,
    key_file: &Path,
    clock: Arc<dyn Clock>,
    tell: &(dyn Fn(Told) + Send + Sync),
) -> Result<Copied, CopyError> {
    let source = source(from, key_file, &clock).await.map_err(CopyError::Source)?;
    alone(&*source, "source").await?;
    let sums = sums(&*source).await?;
    if sums.is_empty() {
        return Err(CopyError::NothingToCopy);
    }
    tell(Told::Read(sums.rows()));
    let target = target(to, key_file, &clock).await.map_err(CopyError::Target)?;
    alone(&*target, "target").await?;
    let copying = Copying { source: &*source, target: &*target, sums, clock, tell };
    copying.run(from_name).await
}

async fn source(place: Place<'_>, key_file: &Path, clock: &Arc<dyn Clock>) -> Result<Arc<dyn Side>, End> {
    match place {
        Place::File(directory) => Ok(file::source(directory, key_file, Arc::clone(clock)).await?),
        Place::Redis { address, prefix } => {
            Ok(redis::source(address, prefix, key_file, Arc::clone(clock)).await?)
        }
    }
}

async fn target(place: Place<'_>, key_file: &Path, clock: &Arc<dyn Clock>) -> Result<Arc<dyn Side>, End> {
    match place {
        Place::File(directory) => Ok(file::target(directory, key_file, Arc::clone(clock)).await?),
        Place::Redis { address, prefix } => {
            Ok(redis::target(address, prefix, key_file, Arc::clone(clock)).await?)
        }
    }
}

async fn alone(side: &dyn Side, which: &'static str) -> Result<(), CopyError> {
    match side.live().await? {
        0 => Ok(()),
        replicas => Err(CopyError::Live { which, replicas }),
    }
}

/// Reads everything.
async fn sums(side: &dyn Side) -> Result<Sums, StoreError> {
    let (mut sums, mut at) = (Sums::new(), Some(Cursor::default()));
    while let Some(after) = at {
        let batch = side.give(&after).await?;
        batch.rows.iter().for_each(|item| sums.add(item));
        at = batch.next;
    }
    Ok(sums)
}

async fn is_empty(side: &dyn Side) -> Result<bool, StoreError> {
    let mut at = Some(Cursor::default());
    while let Some(after) = at {
        let batch = side.give(&after).await?;
        if !batch.rows.is_empty() {
            return Ok(false);
        }
        at = batch.next;
    }
    Ok(true)
}

/// The first table in which they differ: its name, rows expected, rows found.
fn difference(expected: &Sums, found: &Sums) -> Option<(&'static str, u64, u64)> {
    let (expected, found) = (expected.told(), found.told());
    let mut all = Table::ALL.into_iter().zip(expected.iter().zip(&found));
    let (table, (expected, found)) = all.find(|(_, (one, other))| one != other)?;
    Some((table.name(), expected.rows, found.rows))
}

struct Copying<'a> {
    source: &'a dyn Side,
    target: &'a dyn Side,
    /// What the source holds.
    sums: Sums,
    clock: Arc<dyn Clock>,
    tell: &'a (dyn Fn(Told) + Send + Sync),
}

impl Copying<'_> {
    async fn run(&self, from_name: &str) -> Result<Copied, CopyError> {
        let marker = match self.target.marker().await? {
            Some(found) => self.fitting(found, from_name)?,
            None if !is_empty(self.target).await? => return Err(CopyError::TargetHoldsStore),
            None => Marker {
                form: FORM,
                done: false,
                from: from_name.to_owned(),
                holds: self.sums.told(),
                at: Some(Cursor::default()),
            },
        };
        if marker.done {
            // Killed after the decision, or asked for twice.
            (self.tell)(Told::Comparing);
            let found = sums(self.target).await?;
            return if found == self.sums { Ok(self.copied(None)) } else { Err(CopyError::TargetInUse) };
        }
        self.target.take(Vec::new(), &marker).await?;
        let counters = self.source.counters().await?;
        let above = counters.fences.iter().map(|token| token + 1).collect();
        self.target.raise(&Counters { fences: above, ..counters.clone() }).await?;
        let marker = self.rows(marker).await?;
        let marks = self.marks().await?;
        (self.tell)(Told::Comparing);
        self.compare(&counters).await?;
        self.target.take(Vec::new(), &Marker { done: true, ..marker }).await?;
        Ok(self.copied(Some(marks)))
    }

    /// The marker of a copy that can be continued.
    fn fitting(&self, found: Marker, from_name: &str) -> Result<Marker, CopyError> {
        if found.form != FORM {
            return Err(CopyError::TargetOfOtherForm);
        }
        let ours = self.sums.told();
        let changed = Table::ALL.into_iter().zip(found.holds.iter().zip(&ours));
        let changed = changed.into_iter().find(|(_, (then, now))| then != now).map(|(table, _)| table.name());
        match changed {
            None if found.holds.len() == ours.len() => {
                if !found.done {
                    (self.tell)(Told::Continued);
                }
                Ok(found)
            }
            _ if found.done => Err(CopyError::TargetInUse),
            Some(table) if found.from == from_name => Err(CopyError::SourceChanged(table)),
            _ => Err(CopyError::TargetOfAnother(found.from)),
        }
    }

    async fn rows(&self, mut marker: Marker) -> Result<Marker, CopyError> {
        let mut copied = 0;
        while let Some(after) = marker.at.clone() {
            let batch = self.source.give(&after).await?;
            let count = u64::try_from(batch.rows.len()).unwrap_or(u64::MAX);
            marker.at = batch.next;
            if count > 0 || marker.at.is_none() {
                self.target.take(batch.rows, &marker).await?;
                copied += count;
                (self.tell)(Told::Copied(copied));
            }
        }
        Ok(marker)
    }

    /// Copies all marks; begun anew after a kill, because nothing tells which of them came over.
    async fn marks(&self) -> Result<u64, CopyError> {
        let (mut copied, mut at) = (0, Some(Cursor::default()));
        // A store may name a mark twice while it is walked.
        let mut counted = HashSet::new();
        while let Some(after) = at {
            let batch = self.source.give_marks(&after).await?;
            at = batch.next;
            if !batch.rows.is_empty() {
                let is_new = |mark: &&Mark| counted.len() >= MARKS_COUNTED_MAX || counted.insert(mark.name());
                copied += u64::try_from(batch.rows.iter().filter(is_new).count()).unwrap_or(u64::MAX);
                self.target.take_marks(batch.rows).await?;
                (self.tell)(Told::Marks(copied));
            }
        }
        Ok(copied)
    }

    /// Reads both again, and everything has to be there and as it was.
    async fn compare(&self, before: &Counters) -> Result<(), CopyError> {
        let compared = self.compare_all(before).await;
        if matches!(compared, Err(CopyError::Differs { .. } | CopyError::SourceChanged(_))) {
            // Whoever was started on one of them meanwhile is why, and says more than what differs.
            alone(self.source, "source").await?;
            alone(self.target, "target").await?;
        }
        compared
    }

    async fn compare_all(&self, before: &Counters) -> Result<(), CopyError> {
        let found = sums(self.target).await?;
        if let Some((table, expected, found)) = difference(&self.sums, &found) {
            return Err(CopyError::Differs { table, expected, found });
        }
        let mut at = Some(Cursor::default());
        while let Some(after) = at {
            let batch = self.source.give_marks(&after).await?;
            at = batch.next;
            let left = self.clock.now().after(MARK_LEFT_MIN);
            let lasting: Vec<_> = batch.rows.into_iter().filter(|mark| mark.until > left).collect();
            let expected = u64::try_from(lasting.len()).unwrap_or(u64::MAX);
            let missing = self.target.missing(lasting).await?;
            if missing > 0 {
                let found = expected - u64::try_from(missing).unwrap_or(u64::MAX).min(expected);
                return Err(CopyError::Differs { table: "deduplication marks", expected, found });
            }
        }
        let fences = self.target.counters().await?.fences;
        let is_above = fences.iter().zip(&before.fences).filter(|(ours, theirs)| ours > theirs).count();
        let partitions = Partition::all().count();
        if is_above != partitions {
            let [expected, found] = [partitions, is_above].map(|count| u64::try_from(count).unwrap_or(0));
            return Err(CopyError::Differs { table: "fencing tokens", expected, found });
        }
        // Nobody else can write a file store meanwhile; a server can have been started on a shared one.
        alone(self.source, "source").await?;
        alone(self.target, "target").await?;
        if let Some((table, ..)) = difference(&self.sums, &sums(self.source).await?) {
            return Err(CopyError::SourceChanged(table));
        }
        if self.source.counters().await? != *before {
            return Err(CopyError::SourceChanged("fencing tokens"));
        }
        Ok(())
    }

    fn copied(&self, marks: Option<u64>) -> Copied {
        let tables = Table::ALL.into_iter().zip(self.sums.told());
        let tables = tables.map(|(table, sum)| (table.name(), sum.rows, sum.digits().to_owned()));
        Copied { tables: tables.collect(), marks }
    }
}
