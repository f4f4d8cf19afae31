//! Backups: a whole copy of the store in one file, made beside a running server.
//!
//! It is written under another name, checked, put on disk, and only then gets its own: a file of that name is a whole
//! backup, wherever the process is killed. It has everything but the key.

use std::fs::{self, File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
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

/// Names tried for the file while it is written.
const PARTIALS_MAX: u32 = 20;

/// The file while it is written, which is removed unless it becomes whole.
struct Partial {
    path: PathBuf,
    file: File,
    whole: bool,
}

impl Partial {
    /// Makes a file of a name that nothing has: `TO.partial`, or one with a number. What is there already may be another
    /// backup under way, what a killed one has left, or somebody's link to something else: it is left alone, and a backup
    /// that comes every night is not kept from its work by it.
    fn begin(to: &Path) -> Result<Self, UpkeepError> {
        for number in 1..=PARTIALS_MAX {
            let mut name = to.file_name().unwrap_or_default().to_owned();
            name.push(if number == 1 { ".partial".to_owned() } else { format!(".partial-{number}") });
            let path = to.with_file_name(name);
            // Follows no link, and takes nothing that is there.
            match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
                Ok(file) => return Ok(Self { path, file, whole: false }),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(OpenError::of(&path, &error).into()),
            }
        }
        Err(UpkeepError::PartialsLeft(to.to_owned()))
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
