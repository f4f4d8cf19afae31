//! What the operating system and SQLite say, in words for the people who have to mend it.

use std::io::ErrorKind;
use std::path::Path;

use rusqlite::{ErrorCode, ffi};
use rustix::fs::{StatVfs, StatVfsMountFlags, statvfs};
use rustix::process::{Resource, getrlimit};

/// Room below which a disk counts as full, in bytes: less than a log and its index need.
pub(super) const ROOM_MIN: u64 = 1024 * 1024;

pub(super) const FULL: &str = "the disk is full: make room";
const FILE_LIMIT: &str = "a limit on the size of files is reached (`ulimit -f`): raise it";
const QUOTA: &str = "the quota on this disk is used up: make room, or raise it";
const READ_ONLY: &str = "the file system is read-only: mount it for writing";
const LOCKED: &str = "another program has locked the database: let it end";

/// What the operating system said.
pub(super) fn of_system(error: &std::io::Error) -> String {
    let sentences = [
        (ErrorKind::StorageFull, FULL),
        (ErrorKind::QuotaExceeded, QUOTA),
        (ErrorKind::FileTooLarge, FILE_LIMIT),
        (ErrorKind::ReadOnlyFilesystem, READ_ONLY),
    ];
    let known = sentences.into_iter().find(|(kind, _)| *kind == error.kind());
    known.map_or_else(|| error.to_string(), |(_, sentence)| sentence.to_owned())
}

/// What SQLite said, without a look at the disk: its own words can quote SQL, so only its code is told.
pub(super) fn of_sqlite(error: &rusqlite::Error) -> String {
    let rusqlite::Error::SqliteFailure(failure, _) = error else {
        return "the database refused a statement or gave an unexpected column".to_owned();
    };
    if matches!(failure.code, ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) {
        LOCKED.to_owned()
    } else if failure.code == ErrorCode::DiskFull {
        FULL.to_owned()
    } else if is_failed_write(*failure) && has_file_limit() {
        FILE_LIMIT.to_owned()
    } else {
        failure.to_string()
    }
}

/// The same for a database at this place, after a look at where it is; `None` where there is no permission.
pub(super) fn of_database(path: &Path, error: &rusqlite::Error) -> Option<String> {
    let rusqlite::Error::SqliteFailure(failure, _) = error else {
        return Some(of_sqlite(error));
    };
    let is_refused =
        matches!(failure.code, ErrorCode::PermissionDenied | ErrorCode::ReadOnly | ErrorCode::CannotOpen);
    if is_refused {
        return is_read_only(path).then(|| READ_ONLY.to_owned());
    }
    // SQLite has one code for every way in which a file does not grow.
    if is_failed_write(*failure) && is_full(path) {
        return Some(FULL.to_owned());
    }
    if failure.code == ErrorCode::DiskFull {
        return Some(if has_file_limit() { FILE_LIMIT } else { QUOTA }.to_owned());
    }
    Some(of_sqlite(error))
}

/// Whether there is hardly any room where this is.
pub(super) fn is_full(path: &Path) -> bool {
    room(path).is_some_and(|room| room < ROOM_MIN)
}

/// How much room there is where this is, in bytes; `None` where the system does not say.
pub(super) fn room(path: &Path) -> Option<u64> {
    // What only the superuser may use is no room for us.
    file_system(path).map(|found| found.f_bavail.saturating_mul(found.f_frsize))
}

fn is_read_only(path: &Path) -> bool {
    file_system(path).is_some_and(|found| found.f_flag.contains(StatVfsMountFlags::RDONLY))
}

/// The file system of a file, or of the folder that it would be in.
fn file_system(path: &Path) -> Option<StatVfs> {
    statvfs(path).or_else(|_| statvfs(path.parent().unwrap_or(path))).ok()
}

fn has_file_limit() -> bool {
    getrlimit(Resource::Fsize).current.is_some()
}

fn is_failed_write(failure: ffi::Error) -> bool {
    failure.code == ErrorCode::DiskFull
        || matches!(
            failure.extended_code,
            ffi::SQLITE_IOERR_WRITE | ffi::SQLITE_IOERR_SHMSIZE | ffi::SQLITE_IOERR_TRUNCATE
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(code: i32) -> rusqlite::Error {
        rusqlite::Error::SqliteFailure(ffi::Error::new(code), None)
    }

    #[test]
    fn what_the_disk_says_is_a_sentence() {
        for (number, words) in [(28, FULL), (122, QUOTA), (27, FILE_LIMIT), (30, READ_ONLY)] {
            assert_eq!(of_system(&std::io::Error::from_raw_os_error(number)), words);
        }
    }

    #[test]
    fn what_sqlite_says_is_a_sentence() {
        let place = tempfile::tempdir().unwrap();
        let told = |code| of_database(place.path(), &failure(code));
        assert_eq!(told(ffi::SQLITE_BUSY).as_deref(), Some(LOCKED));
        assert_eq!(told(ffi::SQLITE_BUSY_SNAPSHOT).as_deref(), Some(LOCKED));
        assert_eq!(
            told(ffi::SQLITE_CANTOPEN),
            None,
            "no permission, for the file system is none that is read-only"
        );
        let full = told(ffi::SQLITE_FULL).unwrap();
        assert!([FULL, FILE_LIMIT, QUOTA].contains(&full.as_str()), "{full}");
    }
}
