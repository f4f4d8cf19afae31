//! Why a file store does not open, why it is not kept up, and what its errors mean to callers of the ports.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;
use switchboard_ports::error::StoreError;
use thiserror::Error;

use super::cause;

/// Why a file store does not open. Each is one clear line after "failed to open the store: ".
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum OpenError {
    /// There is a file where the directory should be.
    #[error("{} is not a directory", .0.display())]
    NotADirectory(PathBuf),
    /// The operating system does not let us.
    #[error("no permission for {}", .0.display())]
    Permission(PathBuf),
    /// There is no store, and this way of opening makes none.
    #[error("there is no store in {}; start the server once", .0.display())]
    Missing(PathBuf),
    /// Another process has it open.
    #[error("{} is in use by another switchboard process", .0.display())]
    InUse(PathBuf),
    /// Written by a newer version.
    #[error(
        "the store has format {found}, this version knows up to {known}: use the newer version it was written with"
    )]
    NewerVersion {
        /// The store's format.
        found: u32,
        /// The newest format known.
        known: u32,
    },
    /// Written by an older version, and this way of opening does not migrate.
    #[error("the store has format {found}, this version writes {known}: start the server once to migrate it")]
    OlderVersion {
        /// The store's format.
        found: u32,
        /// The format written.
        known: u32,
    },
    /// A database, but somebody else's.
    #[error("{} is not a switchboard store", .0.display())]
    NotAStore(PathBuf),
    /// Damaged. Nothing was written to it.
    #[error(
        "{} is damaged: {cause}; nothing was written to it: restore a backup with `switchboard store restore --from FILE`",
        .path.display()
    )]
    Corrupt {
        /// The database.
        path: PathBuf,
        /// What was found.
        cause: String,
    },
    /// The store has secrets, and the key is not there.
    #[error("the key file {} is missing, and the store was written with one: put it back", .0.display())]
    KeyMissing(PathBuf),
    /// Another store's key.
    #[error(
        "the key in {} is not the one this store was written with: put back the key with the id {sealed_with}",
        .key_file.display()
    )]
    KeyWrong {
        /// The key file.
        key_file: PathBuf,
        /// Names the right key: the start of a hash of it. `rotate-key` and `backup` say the ids of keys.
        sealed_with: String,
    },
    /// Others may read the key.
    #[error("the key file {} may be read by others (mode {mode:03o}): chmod 600 it", .path.display())]
    KeyExposed {
        /// The key file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A folder, or something else that holds no text.
    #[error("the key file {} is {what}: name the file itself", .path.display())]
    KeyNotAFile {
        /// What was named as the key file.
        path: PathBuf,
        /// What it is.
        what: &'static str,
    },
    /// Not a key.
    #[error("the key file {} does not hold 64 hexadecimal digits", .0.display())]
    KeyMalformed(PathBuf),
    /// The copy before a migration could not be made.
    #[error(
        "{}: {cause}: the store could not be copied before it is migrated, and nothing was changed: make room and start again",
        .path.display()
    )]
    NotCopied {
        /// What was written.
        path: PathBuf,
        /// What was said.
        cause: String,
    },
    /// A restore was decided and its process killed.
    #[error("a restore of the store in {} was interrupted: start the server, which carries it out", .0.display())]
    RestoreUnfinished(PathBuf),
    /// A copy into the store was begun and not finished.
    #[error("a copy into {} is not finished: run `switchboard store copy` again, with the same source", .0.display())]
    CopyUnfinished(PathBuf),
    /// Anything else the disk or the database says.
    #[error("{}: {cause}", .path.display())]
    Io {
        /// What was worked on.
        path: PathBuf,
        /// What was said.
        cause: String,
    },
}

impl OpenError {
    /// From what the operating system said about a path.
    pub(in crate::stores) fn of(path: &Path, error: &std::io::Error) -> Self {
        let path = path.to_owned();
        if error.kind() == ErrorKind::PermissionDenied {
            return Self::Permission(path);
        }
        if error.kind() == ErrorKind::NotADirectory {
            return Self::NotADirectory(path);
        }
        let cause = cause::of_system(error);
        Self::Io { path, cause }
    }

    /// From what SQLite said about a database.
    pub(super) fn of_database(path: &Path, error: &rusqlite::Error) -> Self {
        let is_damage =
            matches!(error.sqlite_error_code(), Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt));
        let (cause, path) = (cause::of_database(path, error), path.to_owned());
        match cause {
            Some(cause) if is_damage => Self::Corrupt { path, cause },
            Some(cause) => Self::Io { path, cause },
            None => Self::Permission(path),
        }
    }
}

/// Why a store was not backed up, restored or sealed anew. Each is one clear line after "failed to …: ", and nothing was
/// changed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum UpkeepError {
    /// The store itself, or the disk.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// There is a file of that name.
    #[error("{} is there already: choose another name, or replace it with --force", .0.display())]
    TargetExists(PathBuf),
    /// A backup would share the store's fate.
    #[error("{} is in the store's own folder: choose a place outside of it", .0.display())]
    TargetInStore(PathBuf),
    /// A backup would take the key's place.
    #[error("{} is the key file", .0.display())]
    TargetIsKey(PathBuf),
    /// A folder or a device.
    #[error("{} is not a file", .0.display())]
    NotAFile(PathBuf),
    /// Too much is in the way that backups which were killed have left.
    #[error(
        "{path}.partial and further ones up to {path}.partial-20 are there already, left by backups that were killed: delete \
         them, unless a backup is under way",
        path = .0.display()
    )]
    PartialsLeft(PathBuf),
    /// There is no backup of that name.
    #[error("there is no file {}", .0.display())]
    SourceMissing(PathBuf),
    /// The backup is damaged, or something else.
    #[error("{} is not a sound backup of a switchboard store: {cause}", .path.display())]
    SourceUnsound {
        /// The file.
        path: PathBuf,
        /// What was found.
        cause: String,
    },
    /// Written by a newer version.
    #[error("{} has format {found}, this version knows up to {known}: use the newer version", .path.display())]
    SourceNewer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The newest format known.
        known: u32,
    },
    /// Written with another key.
    #[error(
        "{} was written with another key than the one in {}: put the key with the id {sealed_with} there first",
        .backup.display(), .key_file.display()
    )]
    KeyOfAnother {
        /// The backup.
        backup: PathBuf,
        /// The key file.
        key_file: PathBuf,
        /// Names the right key.
        sealed_with: String,
    },
    /// The new key is the old one.
    #[error("the key in {} is the one the store is sealed with already", .0.display())]
    SameKey(PathBuf),
    /// A record cannot be read with the old key; names table and row.
    #[error("{0}: nothing was sealed anew")]
    Record(String),
}

impl UpkeepError {
    /// What was found where a backup should be.
    pub(super) fn of_source(path: &Path, error: OpenError) -> Self {
        let path = path.to_owned();
        match error {
            OpenError::Corrupt { cause, .. } => Self::SourceUnsound { path, cause },
            OpenError::NotAStore(_) => Self::SourceUnsound { path, cause: "it is something else".to_owned() },
            OpenError::NewerVersion { found, known } => Self::SourceNewer { path, found, known },
            OpenError::NotADirectory(_)
            | OpenError::Permission(_)
            | OpenError::Missing(_)
            | OpenError::InUse(_)
            | OpenError::OlderVersion { .. }
            | OpenError::KeyMissing(_)
            | OpenError::KeyWrong { .. }
            | OpenError::KeyExposed { .. }
            | OpenError::KeyMalformed(_)
            | OpenError::KeyNotAFile { .. }
            | OpenError::NotCopied { .. }
            | OpenError::RestoreUnfinished(_)
            | OpenError::CopyUnfinished(_)
            | OpenError::Io { .. } => Self::Store(error),
        }
    }
}

/// How an error begins that says that the database file is damaged.
pub(super) const DAMAGED: &str = "the database file is damaged";

/// What an error of SQLite's means to a caller of a port. Damage of the file is `Unavailable`, because `Corrupt` is one
/// record, which is given up, while the rest goes on. SQLite's own messages can quote SQL, so only its code is told.
#[expect(clippy::needless_pass_by_value, reason = "fits `map_err`")]
pub(super) fn store_error(error: rusqlite::Error) -> StoreError {
    let is_damage =
        matches!(error.sqlite_error_code(), Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt));
    let is_foreign_column = matches!(
        error,
        rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::Utf8Error(..)
    );
    if is_damage {
        StoreError::Unavailable(format!("{DAMAGED}: {}", cause::of_sqlite(&error)))
    } else if is_foreign_column {
        StoreError::Corrupt(cause::of_sqlite(&error))
    } else {
        StoreError::Unavailable(cause::of_sqlite(&error))
    }
}
