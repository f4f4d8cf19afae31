//! Whether a store can be written, found out without changing it: for `switchboard check`, also beside a running server.

use std::path::Path;

use super::error::OpenError;
use super::{cause, opening};

/// Begins to write and takes it back; looks for room. Makes nothing.
///
/// # Errors
/// Why nothing could be written: no store, no permission, a file system that is read-only or full, another program's lock.
pub fn try_writing(directory: &Path) -> Result<(), OpenError> {
    let (connection, database) = opening::existing(directory)?;
    // A transaction that is given up never leaves memory, so it proves the permission and the lock, and not the room.
    let sql = "BEGIN IMMEDIATE; DELETE FROM meta WHERE key = 'write_trial'; ROLLBACK";
    connection.execute_batch(sql).map_err(|error| OpenError::of_database(&database, &error))?;
    if cause::is_full(&database) {
        return Err(OpenError::Io { path: database, cause: cause::FULL.to_owned() });
    }
    Ok(())
}
