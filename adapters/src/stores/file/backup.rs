//! Backups: a whole copy of the store in one file, made beside a running server.
//!
//! It is written under another name, checked, put on disk, and only then gets its own: a file of that name is a whole
//! backup, wherever the process is killed. It has everything but the key.

use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::error::{OpenError, UpkeepError};
use super::opening::{self, sync_folder_of};
use super::{copies, damage};

/// What a backup holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackedUp {
    /// Its size.
    pub bytes: u64,
    /// The store's format.
    pub format: u32,
    /// Conversations in it.
    pub conversations: u64,
}

/// Copies the store in `directory` to `to`, as it is at one moment, whether or not a server has it open. An existing file is
/// replaced only with `force`.
///
/// # Errors
/// Nothing is there under that name then which was not there before.
pub fn backup(directory: &Path, key_file: &Path, to: &Path, force: bool) -> Result<BackedUp, UpkeepError> {
    refuse_places(directory, key_file, to, force)?;
    let (connection, database) = opening::existing(directory)?;
    let partial = Partial::begin(to)?;
    copies::write(&connection, &database, &partial.path)?;
    drop(connection);
    let looked = damage::look_whole(&partial.path)?;
    let bytes = fs::metadata(&partial.path).map_err(|error| OpenError::of(&partial.path, &error))?.len();
    partial.finish(to, force)?;
    Ok(BackedUp { bytes, format: looked.format, conversations: looked.conversations })
}

/// A backup has to survive what happens to the store, and must not take the place of anything else.
fn refuse_places(directory: &Path, key_file: &Path, to: &Path, force: bool) -> Result<(), UpkeepError> {
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = fs::canonicalize(folder).map_err(|error| OpenError::of(folder, &error))?;
    if fs::canonicalize(directory).is_ok_and(|store| folder.starts_with(store)) {
        return Err(UpkeepError::TargetInStore(to.to_owned()));
    }
    match fs::symlink_metadata(to) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(OpenError::of(to, &error).into()),
        Ok(_) if !force => return Err(UpkeepError::TargetExists(to.to_owned())),
        Ok(found) if !found.is_file() => return Err(UpkeepError::NotAFile(to.to_owned())),
        Ok(_) => {}
    }
    match (fs::canonicalize(to), fs::canonicalize(key_file)) {
        (Ok(to), Ok(key)) if to == key => Err(UpkeepError::TargetIsKey(to)),
        _ => Ok(()),
    }
}

/// The file while it is written, which is removed unless it becomes whole.
struct Partial {
    path: PathBuf,
    file: File,
    whole: bool,
}

impl Partial {
    /// Takes the name for this process; what an earlier one has left there is dropped.
    fn begin(to: &Path) -> Result<Self, UpkeepError> {
        let mut name = to.file_name().unwrap_or_default().to_owned();
        name.push(".partial");
        let path = to.with_file_name(name);
        let io = |error: &std::io::Error| OpenError::of(&path, error);
        let mut options = OpenOptions::new();
        let file = options.write(true).create(true).truncate(false).mode(0o600).open(&path);
        let file = file.map_err(|error| io(&error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(UpkeepError::UnderWay(to.to_owned())),
            Err(TryLockError::Error(error)) => return Err(io(&error).into()),
        }
        // Whoever had the lock may have finished meanwhile: then this is the backup itself.
        let (ours, named) = (file.metadata().map_err(|error| io(&error))?, fs::metadata(&path));
        if !named.is_ok_and(|named| (named.dev(), named.ino()) == (ours.dev(), ours.ino())) {
            return Err(UpkeepError::UnderWay(to.to_owned()));
        }
        file.set_len(0).map_err(|error| io(&error))?;
        file.set_permissions(Permissions::from_mode(0o600)).map_err(|error| io(&error))?;
        Ok(Self { path, file, whole: false })
    }

    /// Gives it its name.
    fn finish(mut self, to: &Path, force: bool) -> Result<(), UpkeepError> {
        let io = |error: &std::io::Error| OpenError::of(to, error);
        self.file.sync_all().map_err(|error| io(&error))?;
        if force {
            fs::rename(&self.path, to).map_err(|error| io(&error))?;
            self.whole = true;
        } else {
            // Unlike a rename, a link replaces nothing that has come there meanwhile.
            match fs::hard_link(&self.path, to) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                    return Err(UpkeepError::TargetExists(to.to_owned()));
                }
                // Not every file system has links.
                Err(_) if !to.exists() => {
                    fs::rename(&self.path, to).map_err(|error| io(&error))?;
                    self.whole = true;
                }
                Err(error) => return Err(io(&error).into()),
            }
        }
        Ok(sync_folder_of(to)?)
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.whole {
            let _unused = fs::remove_file(&self.path);
        }
    }
}
