//! Whole copies of a database: as a backup, out of one, and before a migration.
//!
//! `VACUUM INTO` reads one moment of the database, whoever writes meanwhile, and leaves out what was deleted. Writers do
//! not wait for it; the write-ahead log only cannot be folded in until it has ended.

use std::fs::{self, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode};
use switchboard_domain::time::Timestamp;

use super::error::OpenError;
use super::opening::sync_folder_of;

/// Copies kept of those made before migrations; the oldest go first, once a migration has succeeded.
pub(super) const COPIES_KEPT_MAX: usize = 3;

/// A time as part of a file's name: `20260102T030405Z`.
pub(super) fn stamp(at: Timestamp) -> String {
    let millis = i64::try_from(at.as_millis()).unwrap_or(i64::MAX);
    let at = jiff::Timestamp::from_millisecond(millis).unwrap_or(jiff::Timestamp::MAX);
    at.strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// Makes an empty file that its owner alone may read; what is there already is an error.
pub(super) fn make(path: &Path) -> Result<(), OpenError> {
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    made.map(drop).map_err(|error| OpenError::of(path, &error))
}

/// Removes what an attempt that was killed has left.
pub(super) fn clear(path: &Path) -> Result<(), OpenError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(OpenError::of(path, &error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Writes all of a database into an empty file and puts it on disk.
pub(super) fn write(connection: &Connection, database: &Path, target: &Path) -> Result<(), OpenError> {
    let name = target.to_str().ok_or_else(|| OpenError::Io {
        path: target.to_owned(),
        cause: "the path is not text in UTF-8".to_owned(),
    })?;
    connection.execute("VACUUM INTO ?1", [name]).map_err(|error| {
        // What cannot be read is the database's fault, everything else the copy's.
        let is_damage =
            matches!(error.sqlite_error_code(), Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt));
        OpenError::of_database(if is_damage { database } else { target }, &error)
    })?;
    let synced = fs::File::open(target).and_then(|file| file.sync_all());
    synced.map_err(|error| OpenError::of(target, &error))
}

/// Copies a database beside it before it is migrated from `format`. Whatever goes wrong, nothing has been migrated.
pub(super) fn before_migration(
    connection: &Connection,
    database: &Path,
    format: u32,
    now: Timestamp,
) -> Result<PathBuf, OpenError> {
    let partial = database.with_extension(format!("format{format}.partial"));
    let target = database.with_extension(format!("format{format}.{}.db", stamp(now)));
    let copied = clear(&partial)
        .and_then(|()| make(&partial))
        .and_then(|()| write(connection, database, &partial))
        .and_then(|()| fs::rename(&partial, &target).map_err(|error| OpenError::of(&target, &error)))
        .and_then(|()| sync_folder_of(&target));
    match copied {
        Ok(()) => Ok(target),
        Err(OpenError::Io { path, cause }) => {
            // Half a copy is worth nothing and takes room.
            let _unused = clear(&partial);
            Err(OpenError::NotCopied { path, cause })
        }
        Err(error) => {
            let _unused = clear(&partial);
            Err(error)
        }
    }
}

/// Removes the oldest copies. Failing at that is no reason not to serve.
pub(super) fn prune(database: &Path) {
    let Some(folder) = database.parent() else { return };
    let Ok(entries) = fs::read_dir(folder) else { return };
    let paths = entries.flatten().map(|entry| entry.path());
    let mut copies: Vec<_> = paths.filter_map(|path| Some((made_at(&path)?, path))).collect();
    copies.sort();
    let beyond = copies.len().saturating_sub(COPIES_KEPT_MAX);
    for (_, path) in copies.into_iter().take(beyond) {
        match fs::remove_file(&path) {
            Ok(()) => tracing::info!(copy = %path.display(), "removed an old copy of the store"),
            Err(error) => {
                tracing::warn!(copy = %path.display(), %error, "failed to remove an old copy of the store");
            }
        }
    }
}

/// When a copy was made, as its name says: `switchboard.formatN.STAMP.db`. Other files are none.
fn made_at(path: &Path) -> Option<String> {
    let rest = path.file_name()?.to_str()?.strip_prefix("switchboard.format")?.strip_suffix(".db")?;
    let (format, stamp) = rest.split_once('.')?;
    let is_stamp = stamp.len() == 16 && stamp.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (format.bytes().all(|byte| byte.is_ascii_digit()) && is_stamp).then(|| stamp.to_owned())
}
