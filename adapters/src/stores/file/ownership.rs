//! A store's directory for one process at a time.
//!
//! Two locks say so. `switchboard.lock` is the one that every version looks at; but a file can be removed, and a new one of
//! its name is locked by nobody. The directory itself cannot be swapped while the store in it stays the same, so it is
//! locked too. SQLite's own locks are on other files and know nothing of either.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::error::OpenError;
use super::opening::sync_folder_of;
use super::presence::identity;

/// Held by the process that owns the directory.
const LOCK: &str = "switchboard.lock";

/// A store's directory, taken for this process alone until this is dropped, or the store that was opened with it.
#[derive(Debug)]
pub struct Owned {
    path: PathBuf,
    lock: Mutex<File>,
    /// Locked as long as it is open; `None` where the file system locks no directories.
    _directory: Option<File>,
}

impl Owned {
    /// Whether the lock is still the one that others would find; one that was removed is made anew. `false` when another
    /// process was faster.
    pub(super) fn is_kept(&self) -> bool {
        let mut lock = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        let ours = lock.metadata().map(|ours| (ours.dev(), ours.ino()));
        if ours.is_ok_and(|ours| identity(&self.path).ok() == Some(ours)) {
            return true;
        }
        let Ok(new) = lock_file(&self.path) else { return false };
        if new.try_lock().is_err() {
            return false;
        }
        tracing::warn!(
            lock = %self.path.display(),
            "the store's lock file was removed while the server runs; it was made anew: leave it where it is"
        );
        *lock = new;
        true
    }
}

/// Makes the directory if need be and takes it for this process alone, until what is returned is dropped.
pub(super) fn own(directory: &Path) -> Result<Owned, OpenError> {
    match fs::metadata(directory) {
        Ok(metadata) if metadata.is_dir() => {}
        Ok(_) => return Err(OpenError::NotADirectory(directory.to_owned())),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let made = DirBuilder::new().recursive(true).mode(0o700).create(directory);
            made.map_err(|error| OpenError::of(directory, &error))?;
            sync_folder_of(directory)?;
        }
        Err(error) => return Err(OpenError::of(directory, &error)),
    }
    let handle = File::open(directory).map_err(|error| OpenError::of(directory, &error))?;
    let handle = match handle.try_lock() {
        Ok(()) => Some(handle),
        Err(TryLockError::WouldBlock) => return Err(OpenError::InUse(directory.to_owned())),
        Err(TryLockError::Error(error)) => {
            tracing::debug!(directory = %directory.display(), %error, "the file system locks no directories");
            None
        }
    };
    let path = directory.join(LOCK);
    let lock = lock_file(&path).map_err(|error| OpenError::of(&path, &error))?;
    match lock.try_lock() {
        Ok(()) => Ok(Owned { path, lock: Mutex::new(lock), _directory: handle }),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse(directory.to_owned())),
        Err(TryLockError::Error(error)) => Err(OpenError::of(&path, &error)),
    }
}

/// Whether another process has the directory. Makes nothing.
pub(super) fn is_in_use(directory: &Path) -> bool {
    let is_locked = |path: &Path| {
        let file = File::open(path);
        file.is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
    };
    is_locked(directory) || is_locked(&directory.join(LOCK))
}

fn lock_file(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)
}
