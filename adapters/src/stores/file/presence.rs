//! Whether the store's files are still the ones that were opened, and whether the directory is still ours alone.
//!
//! A file that is deleted, moved or replaced stays open for whoever has it open. What is written then is written well, and
//! nobody ever finds it again. So files are compared with their names, by device and inode, before each transaction and
//! once more after it, before anybody is answered. SQLite itself tells files apart in the same way.

use std::fmt;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use switchboard_ports::error::StoreError;

use super::cause;
use super::error::OpenError;
use super::ownership::Owned;

/// What tells one file from another.
type Identity = (u64, u64);

/// What is not in its place any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Absent {
    /// The database.
    Database,
    /// Its write-ahead log.
    Log,
    /// The index into the log, which is what keeps processes from writing over one another.
    Index,
    /// The lock: another process has it.
    Lock,
}

impl Absent {
    /// Whether the log has to go into the open database at once. Nobody finds a deleted log again, and one that is left beside
    /// another database would be taken for that one's own. Without its index, others may be at work on it.
    pub(super) fn wants_fold(self) -> bool {
        match self {
            Self::Database | Self::Log => true,
            Self::Index | Self::Lock => false,
        }
    }

    fn remedy(self) -> &'static str {
        match self {
            Self::Database => {
                "put that very file back, or stop the server and restore a backup with \
                 `switchboard store restore --from FILE`"
            }
            Self::Log | Self::Index => "restart the server",
            Self::Lock => "stop one of the two servers",
        }
    }
}

impl fmt::Display for Absent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Database => "the store's database was deleted, moved or replaced",
            Self::Log => "the log of the store's database was deleted, moved or replaced",
            Self::Index => "the index of the log of the store's database was deleted, moved or replaced",
            Self::Lock => "the store's lock file was replaced, and another process has the new one",
        })
    }
}

/// The files of an open store, as they were when it was opened.
pub(super) struct Presence {
    database: PathBuf,
    files: Vec<(Absent, PathBuf, Identity)>,
    owned: Option<Owned>,
    absent: Mutex<Option<Absent>>,
}

impl Presence {
    /// Takes note of the files. The database has been read by then, so that its log is there.
    pub(super) fn of(database: &Path, owned: Option<Owned>) -> Result<Self, OpenError> {
        let failed = |error: std::io::Error| OpenError::of(database, &error);
        // SQLite puts the log beside the file itself, wherever a link to it may be.
        let real = fs::canonicalize(database).map_err(failed)?;
        let beside = |suffix: &str| {
            let mut name = real.clone().into_os_string();
            name.push(suffix);
            PathBuf::from(name)
        };
        let mut files = vec![(Absent::Database, database.to_owned(), identity(database).map_err(failed)?)];
        for (what, path) in [(Absent::Log, beside("-wal")), (Absent::Index, beside("-shm"))] {
            let found = identity(&path).map_err(|error| OpenError::of(&path, &error))?;
            files.push((what, path, found));
        }
        Ok(Self { database: database.to_owned(), files, owned, absent: Mutex::default() })
    }

    /// Whether there is hardly any room where the files are.
    pub(super) fn has_no_room(&self) -> bool {
        cause::is_full(&self.database)
    }

    /// Whether the directory is this process's alone.
    pub(super) fn is_owned(&self) -> bool {
        self.owned.is_some()
    }

    /// Looks; says once that something is away, and once that it is back.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        // Held while it looks, so that nobody tells what somebody else has seen change since.
        let mut absent = self.absent.lock().unwrap_or_else(PoisonError::into_inner);
        let found = self.look();
        let before = std::mem::replace(&mut *absent, found);
        drop(absent);
        match found {
            None => {
                if let Some(before) = before {
                    tracing::warn!(database = %self.database.display(), "no longer true: {before}; the store goes on");
                }
                Ok(())
            }
            Some(absent) => {
                if before != found {
                    let remedy = absent.remedy();
                    tracing::error!(
                        database = %self.database.display(),
                        "{absent} while the server runs; nothing more is stored or acknowledged: {remedy}"
                    );
                }
                Err(StoreError::Unavailable(absent.to_string()))
            }
        }
    }

    /// What was away when it was last looked at.
    pub(super) fn absent(&self) -> Option<Absent> {
        *self.absent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is not in its place now.
    pub(super) fn look(&self) -> Option<Absent> {
        // What cannot be looked at is not where it was either.
        let away = |(_, path, known): &&(Absent, PathBuf, Identity)| identity(path).ok() != Some(*known);
        if let Some((what, ..)) = self.files.iter().find(away) {
            return Some(*what);
        }
        // Only a directory that is still the store's gets a new lock file.
        let is_ours = self.owned.as_ref().is_none_or(Owned::is_kept);
        (!is_ours).then_some(Absent::Lock)
    }
}

/// Which file has this name.
pub(super) fn identity(path: &Path) -> std::io::Result<Identity> {
    fs::metadata(path).map(|found| (found.dev(), found.ino()))
}
