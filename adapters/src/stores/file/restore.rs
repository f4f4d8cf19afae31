//! Putting a backup in the store's place, so that a kill anywhere leaves either the old store or the new one.
//!
//! | step | after a kill here |
//! |---|---|
//! | 1. the backup is checked, and the key with it | the old store |
//! | 2. it is copied to `switchboard.restoring`, checked again, put on disk | the old store; the rest is dropped by the next try |
//! | 3. that is renamed to `switchboard.restored-STAMP.db`: **the decision** | the new store, as soon as anybody opens it |
//! | 4. the old log and database move into `replaced-STAMP/` | the same |
//! | 5. the new one becomes `switchboard.db` | the new store |
//!
//! Steps 4 and 5 are [`finish`]: whoever opens the store as its owner does them first. The log moves before its database,
//! because a log beside another database would be taken for its own.

use std::fs::{self, DirBuilder};
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use switchboard_domain::time::Timestamp;

use super::error::{OpenError, UpkeepError};
use super::opening::{self, DATABASE, sync_folder_of};
use super::{copies, damage, ownership};
use crate::stores::key;

const RESTORING: &str = "switchboard.restoring";
const RESTORED: &str = "switchboard.restored-";
const REPLACED: &str = "replaced-";

/// What belongs to a database, in the order in which it moves.
const PARTS: [&str; 4] = ["switchboard.db-wal", "switchboard.db-shm", "switchboard.db-journal", DATABASE];

/// What was restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// The format of the backup.
    pub format: u32,
    /// Conversations in it.
    pub conversations: u64,
    /// Where the store that was there before is kept.
    pub replaced: Option<PathBuf>,
    /// Whether the key file is there. If it is, it is the backup's.
    pub key_is_there: bool,
}

/// Puts the backup `from` in the place of the store in `directory`, and keeps what was there.
///
/// # Errors
/// [`OpenError::InUse`] while a server has the store. Nothing is changed then, nor when the backup is damaged, of a newer
/// version, not ours, or written with another key than the one in `key_file`.
pub fn restore(
    directory: &Path,
    key_file: &Path,
    from: &Path,
    now: Timestamp,
) -> Result<Restored, UpkeepError> {
    match fs::metadata(from) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(UpkeepError::SourceMissing(from.to_owned()));
        }
        Err(error) => return Err(OpenError::of(from, &error).into()),
        Ok(found) if !found.is_file() => return Err(UpkeepError::NotAFile(from.to_owned())),
        Ok(_) => {}
    }
    let looked = damage::look_whole(from).map_err(|error| UpkeepError::of_source(from, error))?;
    let _lock = ownership::own(directory)?;
    finish(directory)?;
    let source = damage::read_only(from).map_err(|error| OpenError::of_database(from, &error))?;
    let key_is_there = match key::read(key_file)? {
        None => false,
        Some(key) => match opening::check_key(&source, from, &key, key_file) {
            Ok(()) => true,
            Err(OpenError::KeyWrong { key_file, sealed_with }) => {
                return Err(UpkeepError::KeyOfAnother { backup: from.to_owned(), key_file, sealed_with });
            }
            Err(error) => return Err(UpkeepError::of_source(from, error)),
        },
    };
    let restoring = directory.join(RESTORING);
    copies::clear(&restoring)?;
    copies::make(&restoring)?;
    let copied = copies::write(&source, from, &restoring).and_then(|()| damage::look_whole(&restoring));
    if let Err(error) = copied {
        let _unused = copies::clear(&restoring);
        return Err(error.into());
    }
    drop(source);
    let decided = directory.join(format!("{RESTORED}{}.db", free_stamp(directory, now)));
    fs::rename(&restoring, &decided).map_err(|error| OpenError::of(&decided, &error))?;
    sync_folder_of(&decided)?;
    let replaced = finish(directory)?;
    Ok(Restored { format: looked.format, conversations: looked.conversations, replaced, key_is_there })
}

/// A stamp whose folder is not there yet: nothing kept is ever replaced.
fn free_stamp(directory: &Path, now: Timestamp) -> String {
    let base = copies::stamp(now);
    let names = std::iter::once(base.clone()).chain((2_u64..).map(|number| format!("{base}-{number}")));
    let mut free = names.filter(|name| !directory.join(format!("{REPLACED}{name}")).exists());
    free.next().unwrap_or(base)
}

/// Carries out a restore that was decided, if there is one; answers where what was there before is kept. The directory has
/// to be the caller's.
pub(super) fn finish(directory: &Path) -> Result<Option<PathBuf>, OpenError> {
    let Some((decided, stamp)) = decided(directory)? else {
        return Ok(None);
    };
    let replaced = directory.join(format!("{REPLACED}{stamp}"));
    for part in PARTS {
        let old = directory.join(part);
        if fs::symlink_metadata(&old).is_ok() {
            let made = DirBuilder::new().recursive(true).mode(0o700).create(&replaced);
            made.map_err(|error| OpenError::of(&replaced, &error))?;
            fs::rename(&old, replaced.join(part)).map_err(|error| OpenError::of(&old, &error))?;
        }
    }
    let kept = replaced.exists().then_some(replaced);
    if let Some(kept) = &kept {
        sync_folder_of(&kept.join(DATABASE))?;
    }
    // On disk before the new database has its name: the old log must not be found beside it after a power cut.
    sync_folder_of(&decided)?;
    let database = directory.join(DATABASE);
    fs::rename(&decided, &database).map_err(|error| OpenError::of(&database, &error))?;
    sync_folder_of(&database)?;
    tracing::info!(store = %directory.display(), stamp, "a backup was put in the store's place");
    Ok(kept)
}

/// A restore that was decided and not carried out: its database, and its stamp.
pub(super) fn decided(directory: &Path) -> Result<Option<(PathBuf, String)>, OpenError> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(OpenError::of(directory, &error)),
    };
    for entry in entries {
        let path = entry.map_err(|error| OpenError::of(directory, &error))?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        let stamp = name.and_then(|name| name.strip_prefix(RESTORED)?.strip_suffix(".db")).map(str::to_owned);
        if let Some(stamp) = stamp {
            return Ok(Some((path, stamp)));
        }
    }
    Ok(None)
}
