//! Changing the key: every secret is sealed anew in one transaction, and no kill leaves a store that neither key opens.
//!
//! | step | after a kill here the store is sealed with |
//! |---|---|
//! | 1. the new key is written to `KEY.new` (or `--to FILE`) and put on disk | the old key, in `KEY` |
//! | 2. one transaction seals every secret anew, and the row that shows which key was used: **the decision** | the new key, in `KEY.new`; whoever opens the store finds it there, and its owner does the rest |
//! | 3. the old key gets a second name, `KEY.retired-STAMP` | the same |
//! | 4. `KEY.new` becomes `KEY` | the new key, in `KEY` |
//!
//! Where `KEY` is a link, all of this happens beside the file that it leads to. Where the file system has no second names
//! for files, step 3 copies: a kill then leaves a copy too many, and never none.
//!
//! With `--to FILE` there are no steps 3 and 4: both files stay where they are, and the configuration has to name the new
//! one. A key is never deleted.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, TransactionBehavior};
use switchboard_domain::ids::Seq;
use switchboard_domain::time::Timestamp;
use switchboard_ports::agents::AgentConfig;
use switchboard_ports::channels::Channel;
use switchboard_ports::error::StoreError;

use super::accept::entry_key;
use super::error::{OpenError, UpkeepError};
use super::opening::{self, check_key, sync_folder_of};
use super::sql::{change, uint, walk};
use super::{copies, ownership, restore, row, schema};
use crate::stores::key;
use crate::stores::records::{AgainRecord, ConversationRecord, EntryRecord};
use crate::stores::registered::Registered;
use crate::stores::seal::{Key, beginning};

/// Rows read at once while they are sealed anew.
const ROWS_AT_ONCE: i64 = 500;

/// What a change of keys has done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotated {
    /// Records with secrets that were sealed anew; `None` when an earlier attempt had done it and was killed, and only the
    /// files were left to be renamed.
    pub records: Option<u64>,
    /// Where the new key is.
    pub key_file: PathBuf,
    /// Names the new key.
    pub key_id: String,
    /// Where the old key is kept; nothing is sealed with it in the store any more, but older backups are.
    pub retired: PathBuf,
    /// Names the old key.
    pub retired_id: String,
}

/// Seals every secret of the store in `directory` with another key: a new one, or the one in `to`, which is made where there is
/// none.
///
/// # Errors
/// [`OpenError::InUse`] while a server has the store. The store can be read with the key it was read with before.
pub fn rotate_key(
    directory: &Path,
    key_file: &Path,
    to: Option<&Path>,
    now: Timestamp,
) -> Result<Rotated, UpkeepError> {
    // Nothing is made where there is no store.
    if !directory.is_dir() {
        return Err(OpenError::Missing(directory.to_owned()).into());
    }
    let _lock = ownership::own(directory)?;
    restore::finish(directory)?;
    let (connection, database) = opening::existing(directory)?;
    opening::newest(&connection, &database, schema::MIGRATIONS)?;
    let old = key::read(key_file)?.ok_or_else(|| OpenError::KeyMissing(key_file.to_owned()))?;
    let retired_id = old.id().to_owned();
    if let Err(wrong) = check_key(&connection, &database, &old, key_file) {
        if let Some((to, key)) = to.and_then(|to| Some((to, staged_key(&connection, &database, to)?))) {
            let (key_file, retired, key_id) = (to.to_owned(), key_file.to_owned(), key.id().to_owned());
            return Ok(Rotated { records: None, key_file, key_id, retired, retired_id });
        }
        let staged = staged(key_file);
        let key = staged_key(&connection, &database, &staged).ok_or(wrong)?;
        let (key_id, retired) = (key.id().to_owned(), take_its_place(key_file, &staged, now)?);
        return Ok(Rotated { records: None, key_file: key_file.to_owned(), key_id, retired, retired_id });
    }
    let new_file = to.map_or_else(|| staged(key_file), Path::to_owned);
    let new = match key::read(&new_file)? {
        Some(key) => key,
        None => key::create(&new_file)?,
    };
    let key_id = new.id().to_owned();
    if key_id == retired_id {
        return Err(UpkeepError::SameKey(new_file));
    }
    opening::writing(&connection, &database)?;
    let records = Some(seal_anew(connection, &database, &old, &new)?);
    if let Some(to) = to {
        let (key_file, retired) = (to.to_owned(), key_file.to_owned());
        return Ok(Rotated { records, key_file, key_id, retired, retired_id });
    }
    let retired = take_its_place(key_file, &new_file, now)?;
    Ok(Rotated { records, key_file: key_file.to_owned(), key_id, retired, retired_id })
}

/// The file that holds the key: where a link leads to, for a link must not be replaced by what it leads to.
fn resolved(key_file: &Path) -> PathBuf {
    fs::canonicalize(key_file).unwrap_or_else(|_| key_file.to_owned())
}

/// Where a new key waits until the store is sealed with it.
fn staged(key_file: &Path) -> PathBuf {
    let mut name = resolved(key_file).into_os_string();
    name.push(".new");
    PathBuf::from(name)
}

/// The staged key, if it is the one that the store is sealed with.
fn staged_key(connection: &Connection, database: &Path, staged: &Path) -> Option<Key> {
    let key = key::read(staged).ok().flatten()?;
    check_key(connection, database, &key, staged).is_ok().then_some(key)
}

/// The key that the store is sealed with: the one in the key file, or after a change of keys that was killed the staged one.
pub(super) fn right_key(
    connection: &Connection,
    database: &Path,
    key: Key,
    key_file: &Path,
) -> Result<Key, OpenError> {
    match check_key(connection, database, &key, key_file) {
        Ok(()) => Ok(key),
        Err(wrong) => staged_key(connection, database, &staged(key_file)).ok_or(wrong),
    }
}

/// The same for the store's owner, who carries out the rest of the change.
pub(super) fn settled(
    connection: &Connection,
    database: &Path,
    key: Key,
    key_file: &Path,
    now: Timestamp,
) -> Result<Key, OpenError> {
    let found = key.id().to_owned();
    let right = right_key(connection, database, key, key_file)?;
    if right.id() != found {
        let retired = take_its_place(key_file, &staged(key_file), now)?;
        tracing::warn!(
            key_file = %key_file.display(), retired = %retired.display(), key_id = right.id(),
            "a change of the key was interrupted after the store had been sealed anew; the new key has taken its place"
        );
    }
    Ok(right)
}

/// The staged key becomes the key; the old one keeps a name of its own.
fn take_its_place(key_file: &Path, staged: &Path, now: Timestamp) -> Result<PathBuf, OpenError> {
    let key_file = &resolved(key_file);
    let mut base = key_file.as_os_str().to_owned();
    base.push(".retired-");
    base.push(copies::stamp(now));
    let numbered = (2_u64..).map(|number| {
        let mut name = base.clone();
        name.push(format!("-{number}"));
        PathBuf::from(name)
    });
    let mut names = std::iter::once(PathBuf::from(&base)).chain(numbered);
    let retired = names.find(|name| !name.exists()).unwrap_or_else(|| PathBuf::from(&base));
    retire(key_file, &retired, |from, to| fs::hard_link(from, to))?;
    fs::rename(staged, key_file).map_err(|error| OpenError::of(key_file, &error))?;
    sync_folder_of(key_file)?;
    Ok(retired)
}

/// Gives the old key its second name, or a copy where the file system has no links (FAT, some network file systems). It is on
/// disk before the new key takes its place.
fn retire(
    key_file: &Path,
    retired: &Path,
    link: impl FnOnce(&Path, &Path) -> std::io::Result<()>,
) -> Result<(), OpenError> {
    if link(key_file, retired).is_ok() {
        return sync_folder_of(retired);
    }
    let old = key::read(key_file)?.ok_or_else(|| OpenError::KeyMissing(key_file.to_owned()))?;
    key::write(retired, &old)
}

/// Everything or nothing. What was there before is overwritten in the file, not only given up.
fn seal_anew(mut connection: Connection, database: &Path, old: &Key, new: &Key) -> Result<u64, UpkeepError> {
    let failed = |error: rusqlite::Error| OpenError::of_database(database, &error);
    connection.pragma_update(None, "secure_delete", true).map_err(failed)?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    let records = registered::<Channel>(&transaction, old, new)
        .and_then(|records| Ok(records + registered::<AgentConfig>(&transaction, old, new)?))
        .and_then(|records| Ok(records + entries(&transaction, old, new)?))
        .and_then(|records| Ok(records + states(&transaction, old, new)?))
        .and_then(|records| Ok(records + retries(&transaction, old, new)?))
        .map_err(|error| UpkeepError::Record(error.to_string()))?;
    opening::write_sentinel(&transaction, database, new)?;
    transaction.commit().map_err(failed)?;
    let folded = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    folded.map_err(failed)?;
    Ok(records)
}

/// Channels or agents: a few thousand at most.
fn registered<T: Registered>(connection: &Connection, old: &Key, new: &Key) -> Result<u64, StoreError> {
    let sql = format!("SELECT id, version, body FROM {} ORDER BY id", T::TABLE);
    let found = walk(connection, &sql, [], super::registry::columns)?;
    let update = format!("UPDATE {} SET body = ?2 WHERE id = ?1", T::TABLE);
    let mut sealed = 0;
    for (id, version, body) in found {
        let record = T::read(&body, version, &row(old, T::TABLE, &id))?;
        let body = record.write(&row(new, T::TABLE, &id))?;
        sealed += change(connection, &update, (&id, body))?;
    }
    Ok(sealed)
}

fn entries(connection: &Connection, old: &Key, new: &Key) -> Result<u64, StoreError> {
    let sql = "SELECT inbox.num, inbox.seq, id, body FROM inbox JOIN conversations USING (num)
               WHERE (inbox.num, inbox.seq) > (?1, ?2) ORDER BY inbox.num, inbox.seq LIMIT ?3";
    let (mut sealed, mut after) = (0, (-1_i64, -1_i64));
    loop {
        let found = walk(connection, sql, (after.0, after.1, ROWS_AT_ONCE), |row| {
            Ok((
                row.get::<_, i64>(0)?,
                row.get::<_, i64>(1)?,
                row.get::<_, String>(2)?,
                row.get::<_, String>(3)?,
            ))
        })?;
        let Some(last) = found.last() else { return Ok(sealed) };
        after = (last.0, last.1);
        for (num, seq, id, body) in found {
            let (number, name) = (Seq(uint(seq)), entry_key(&id, Seq(uint(seq))));
            let old_row = row(old, "inbox", &name);
            let entry = old_row.read::<EntryRecord>(&body)?.open(number, &old_row)?;
            let new_row = row(new, "inbox", &name);
            let body = new_row.write(&EntryRecord::seal(&entry, &new_row)?)?;
            let update = "UPDATE inbox SET body = ?3 WHERE num = ?1 AND seq = ?2";
            sealed += change(connection, update, (num, seq, body))?;
        }
    }
}

/// Only those with a secret in them: most conversations are at rest and have none.
fn states(connection: &Connection, old: &Key, new: &Key) -> Result<u64, StoreError> {
    let sql = "SELECT num, id, body FROM states JOIN conversations USING (num)
               WHERE num > ?1 AND instr(body, ?2) > 0 ORDER BY num LIMIT ?3";
    let mark = beginning(old);
    let (mut sealed, mut after) = (0, -1_i64);
    loop {
        let found = walk(connection, sql, (after, &mark, ROWS_AT_ONCE), |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?))
        })?;
        let Some(last) = found.last() else { return Ok(sealed) };
        after = last.0;
        for (num, id, body) in found {
            let old_row = row(old, "states", &id);
            let snapshot = old_row.read::<ConversationRecord>(&body)?.open(&old_row)?;
            let new_row = row(new, "states", &id);
            let body = new_row.write(&ConversationRecord::seal(&snapshot, &new_row)?)?;
            sealed += change(connection, "UPDATE states SET body = ?2 WHERE num = ?1", (num, body))?;
        }
    }
}

/// What failures keep for a retry, where there is a secret in it.
fn retries(connection: &Connection, old: &Key, new: &Key) -> Result<u64, StoreError> {
    let sql = "SELECT failures.id, conversations.id, again FROM failures JOIN conversations USING (num)
               WHERE failures.id > ?1 AND instr(again, ?2) > 0 ORDER BY failures.id LIMIT ?3";
    let mark = beginning(old);
    let (mut sealed, mut after) = (0, -1_i64);
    loop {
        let found = walk(connection, sql, (after, &mark, ROWS_AT_ONCE), |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?))
        })?;
        let Some(last) = found.last() else { return Ok(sealed) };
        after = last.0;
        for (number, id, again) in found {
            let old_row = row(old, "failures", &id);
            let again = old_row.read::<AgainRecord>(&again)?.open(&old_row)?;
            let new_row = row(new, "failures", &id);
            let again = new_row.write(&AgainRecord::seal(&again, &new_row)?)?;
            sealed += change(connection, "UPDATE failures SET again = ?2 WHERE id = ?1", (number, again))?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_links_the_old_key_is_copied_and_nothing_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let (key_file, retired) = (folder.path().join("key"), folder.path().join("key.retired"));
        let made = key::create(&key_file).unwrap();
        let no_links = |_: &Path, _: &Path| Err(std::io::ErrorKind::Unsupported.into());
        retire(&key_file, &retired, no_links).unwrap();
        assert_eq!(key::read(&retired).unwrap().unwrap().id(), made.id());
        assert_eq!(key::read(&key_file).unwrap().unwrap().id(), made.id());
        fs::write(&retired, "precious").unwrap();
        assert!(retire(&key_file, &retired, no_links).is_err());
        assert_eq!(fs::read_to_string(&retired).unwrap(), "precious");
    }
}
