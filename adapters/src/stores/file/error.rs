//! Why a file store does not open, and what its errors mean to callers of the ports.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;
use switchboard_ports::error::StoreError;
use thiserror::Error;

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
    #[error("{} is damaged: {cause}", .path.display())]
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
    #[error("the key in {} is not the one this store was written with", .0.display())]
    KeyWrong(PathBuf),
    /// Others may read the key.
    #[error("the key file {} may be read by others (mode {mode:03o}): chmod 600 it", .path.display())]
    KeyExposed {
        /// The key file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Not a key.
    #[error("the key file {} does not hold 64 hexadecimal digits", .0.display())]
    KeyMalformed(PathBuf),
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
        let cause = error.to_string();
        Self::Io { path, cause }
    }

    /// From what SQLite said about a database.
    pub(super) fn of_database(path: &Path, error: &rusqlite::Error) -> Self {
        let (path, cause) = (path.to_owned(), words(error));
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => Self::Corrupt { path, cause },
            Some(ErrorCode::PermissionDenied | ErrorCode::ReadOnly | ErrorCode::CannotOpen) => {
                Self::Permission(path)
            }
            Some(_) | None => Self::Io { path, cause },
        }
    }
}

/// What an error of SQLite's means to a caller of a port. SQLite's own messages can quote SQL, so only its code is told.
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
    if is_damage || is_foreign_column {
        StoreError::Corrupt(words(&error))
    } else {
        StoreError::Unavailable(words(&error))
    }
}

fn words(error: &rusqlite::Error) -> String {
    if let rusqlite::Error::SqliteFailure(failure, _) = error {
        return failure.to_string();
    }
    "the database refused a statement or gave an unexpected column".to_owned()
}
