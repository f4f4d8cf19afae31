//! Users in a file.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use rusqlite::Connection;
use switchboard_domain::ids::{UserId, Version};
use switchboard_ports::audit::AuditLine;
use switchboard_ports::error::StoreError;
use switchboard_ports::page::{Page, PageRequest};
use switchboard_ports::users::{Identity, Matches, User, UserStore};

use super::sql::{all, first, run};
use super::{Core, audit, folded, row};
use crate::stores::cursor;
use crate::stores::records::UserRecord;
use crate::stores::seal::Key;

/// Identities read per user, at most; nobody has that many platforms.
const IDENTITIES_MAX: u32 = 1_000;

/// Linked users kept in memory, at most; one more makes all be forgotten.
const KNOWN_MAX: usize = 1_024;

/// Company users.
pub(super) struct Users {
    core: Arc<Core>,
    known: Arc<Known>,
}

/// Users as they are stored, by a linked identity: each turn asks for its author's several times. All changes come through
/// here, since the directory is this process's alone.
#[derive(Default)]
struct Known(Mutex<Remembered>);

#[derive(Default)]
struct Remembered {
    /// Grows with each change: what was read before it is not remembered after it.
    changes: u64,
    linked: HashMap<Identity, User>,
}

impl Known {
    fn lock(&self) -> MutexGuard<'_, Remembered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something was or may have been written.
    fn forget(&self) {
        let mut known = self.lock();
        known.changes += 1;
        known.linked.clear();
    }

    /// Remembers what was read when there had been so many changes.
    fn remember(&self, changes: u64, identity: Identity, user: &User) {
        let mut known = self.lock();
        if known.changes != changes {
            return;
        }
        if known.linked.len() >= KNOWN_MAX {
            known.linked.clear();
        }
        known.linked.insert(identity, user.clone());
    }
}

impl Users {
    pub(super) fn new(core: Arc<Core>) -> Self {
        Self { core, known: Arc::default() }
    }

    /// Reads with the key at hand.
    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection, &Key) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let key = Arc::clone(&self.core.key);
        self.core.readers.read(move |connection| work(connection, &key)).await
    }

    /// Writes with the key at hand, in one step of the writer's.
    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection, &Key) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.core.owns()?;
        let key = Arc::clone(&self.core.key);
        let known = Arc::clone(&self.known);
        let written =
            self.core.writer.submit_then(move |step| work(step.connection, &key), move || known.forget());
        written.await
    }
}

#[async_trait]
impl UserStore for Users {
    async fn list(&self, page: &PageRequest) -> Result<Page<User>, StoreError> {
        let (after, limit) = (page.after.clone(), cursor::limit(page));
        let list = move |connection: &Connection, key: &Key| {
            if let Some(id) = &after
                && columns_of(connection, id)?.is_none()
            {
                return Ok(cursor::empty());
            }
            let sql = "SELECT id, body FROM users WHERE id > ?1 ORDER BY id LIMIT ?2";
            let rows = all(connection, sql, (after.unwrap_or_default(), limit + 1), columns)?;
            let rows = rows.into_iter().map(|columns| {
                let user = open(connection, key, columns)?;
                Ok((user.id.to_string(), user))
            });
            Ok(cursor::page(rows.collect::<Result<_, StoreError>>()?, limit))
        };
        self.read(list).await
    }

    async fn find(&self, id: &UserId) -> Result<Option<User>, StoreError> {
        let id = id.clone();
        self.read(move |connection, key| user(connection, key, id.as_str())).await
    }

    async fn linked(&self, identity: &Identity) -> Result<Option<User>, StoreError> {
        let changes = {
            let known = self.known.lock();
            if let Some(user) = known.linked.get(identity) {
                return Ok(Some(user.clone()));
            }
            known.changes
        };
        let asked = identity.clone();
        let read = self.read(move |connection, key| match link_of(connection, &asked)? {
            Some(id) => user(connection, key, &id),
            None => Ok(None),
        });
        let found = read.await?;
        if let Some(user) = &found {
            self.known.remember(changes, identity.clone(), user);
        }
        Ok(found)
    }

    async fn matching(&self, username: &str, email: Option<&str>) -> Result<Matches, StoreError> {
        let (username, email) = (folded(username), email.map(folded));
        let matching = move |connection: &Connection, key: &Key| {
            let sql = "SELECT id, body FROM users WHERE username = ?1";
            let by_name = first(connection, sql, [username], columns)?;
            let sql = "SELECT id, body FROM users WHERE email = ?1 ORDER BY id LIMIT 2";
            let by_email = match email {
                Some(email) => all(connection, sql, [email], columns)?,
                None => Vec::new(),
            };
            let open = |columns| open(connection, key, columns);
            Ok(Matches {
                username: by_name.map(open).transpose()?,
                email: by_email.into_iter().map(open).collect::<Result<_, _>>()?,
            })
        };
        self.read(matching).await
    }

    async fn create(&self, user: &User, lines: &[AuditLine]) -> Result<User, StoreError> {
        let (user, lines) = (user.clone(), lines.to_vec());
        self.write(move |connection, key| create(connection, key, &user, &lines)).await
    }

    async fn update(
        &self,
        user: &User,
        expected: Version,
        lines: &[AuditLine],
    ) -> Result<Version, StoreError> {
        let (user, lines) = (User { version: expected.next(), ..user.clone() }, lines.to_vec());
        self.write(move |connection, key| {
            let version = update(connection, key, &user, expected)?;
            audit::append(connection, key, &lines)?;
            Ok(version)
        })
        .await
    }

    async fn delete(&self, id: &UserId, lines: &[AuditLine]) -> Result<bool, StoreError> {
        let (id, lines) = (id.clone(), lines.to_vec());
        self.write(move |connection, key| {
            run(connection, "DELETE FROM identities WHERE user = ?1", [id.as_str()])?;
            let is_gone = run(connection, "DELETE FROM users WHERE id = ?1", [id.as_str()])? > 0;
            if is_gone {
                audit::append(connection, key, &lines)?;
            }
            Ok(is_gone)
        })
        .await
    }

    async fn link(
        &self,
        id: &UserId,
        identity: &Identity,
        lines: &[AuditLine],
    ) -> Result<Option<User>, StoreError> {
        let (id, identity, lines) = (id.clone(), identity.clone(), lines.to_vec());
        self.write(move |connection, key| {
            if let Some(linked) = link_of(connection, &identity)? {
                return Ok(Some(linked_user(connection, key, &linked)?));
            }
            if columns_of(connection, id.as_str())?.is_none() {
                return Ok(None);
            }
            add_link(connection, &identity, id.as_str())?;
            audit::append(connection, key, &lines)?;
            user(connection, key, id.as_str())
        })
        .await
    }

    async fn unlink(
        &self,
        id: &UserId,
        identity: &Identity,
        lines: &[AuditLine],
    ) -> Result<bool, StoreError> {
        let (id, identity, lines) = (id.clone(), identity.clone(), lines.to_vec());
        self.write(move |connection, key| {
            let sql = "DELETE FROM identities WHERE platform = ?1 AND im_user_id = ?2 AND user = ?3";
            let params = [&identity.platform, &identity.im_user_id, id.as_str()];
            let is_gone = run(connection, sql, params)? > 0;
            if is_gone {
                audit::append(connection, key, &lines)?;
            }
            Ok(is_gone)
        })
        .await
    }
}

/// In one transaction, and behind one writer: two first messages at once make one user.
fn create(connection: &Connection, key: &Key, new: &User, lines: &[AuditLine]) -> Result<User, StoreError> {
    for identity in &new.identities {
        if let Some(linked) = link_of(connection, identity)? {
            return linked_user(connection, key, &linked);
        }
    }
    let id = new.id.as_str();
    if columns_of(connection, id)?.is_some() {
        return Err(StoreError::Duplicate("id"));
    }
    let (username, email) = indexed(connection, new)?;
    let body = row(key, "users", id).write(&UserRecord::from(new))?;
    let sql = "INSERT INTO users (id, username, email, body) VALUES (?1, ?2, ?3, ?4)";
    run(connection, sql, (id, username, email, body))?;
    for identity in &new.identities {
        add_link(connection, identity, id)?;
    }
    audit::append(connection, key, lines)?;
    linked_user(connection, key, id)
}

fn update(connection: &Connection, key: &Key, new: &User, expected: Version) -> Result<Version, StoreError> {
    let id = new.id.as_str();
    if user(connection, key, id)?.map(|stored| stored.version) != Some(expected) {
        return Err(StoreError::Conflict);
    }
    let (username, email) = indexed(connection, new)?;
    let body = row(key, "users", id).write(&UserRecord::from(new))?;
    let sql = "UPDATE users SET username = ?2, email = ?3, body = ?4 WHERE id = ?1";
    run(connection, sql, (id, username, email, body))?;
    Ok(new.version)
}

/// What a user is found by, if the name is nobody else's. Only a verified address is ever matched, so only that is in
/// the index.
fn indexed(connection: &Connection, user: &User) -> Result<(String, Option<String>), StoreError> {
    let username = folded(&user.username);
    let sql = "SELECT 1 FROM users WHERE username = ?1 AND id <> ?2";
    if first(connection, sql, [&username, user.id.as_str()], |_| Ok(()))?.is_some() {
        return Err(StoreError::Duplicate("username"));
    }
    Ok((username, user.email.as_deref().filter(|_| user.email_verified).map(folded)))
}

fn add_link(connection: &Connection, identity: &Identity, user: &str) -> Result<(), StoreError> {
    let sql = "INSERT INTO identities (platform, im_user_id, user) VALUES (?1, ?2, ?3)";
    run(connection, sql, [&identity.platform, &identity.im_user_id, user])?;
    Ok(())
}

fn linked_user(connection: &Connection, key: &Key, id: &str) -> Result<User, StoreError> {
    let found = user(connection, key, id)?;
    found.ok_or_else(|| row(key, "users", id).corrupt("linked to, but not there"))
}

type Columns = (String, String);

fn columns(row: &rusqlite::Row<'_>) -> rusqlite::Result<Columns> {
    Ok((row.get(0)?, row.get(1)?))
}

fn columns_of(connection: &Connection, id: &str) -> Result<Option<Columns>, StoreError> {
    first(connection, "SELECT id, body FROM users WHERE id = ?1", [id], columns)
}

fn link_of(connection: &Connection, identity: &Identity) -> Result<Option<String>, StoreError> {
    let sql = "SELECT user FROM identities WHERE platform = ?1 AND im_user_id = ?2";
    first(connection, sql, [&identity.platform, &identity.im_user_id], |row| row.get(0))
}

fn user(connection: &Connection, key: &Key, id: &str) -> Result<Option<User>, StoreError> {
    columns_of(connection, id)?.map(|columns| open(connection, key, columns)).transpose()
}

fn open(connection: &Connection, key: &Key, (id, body): Columns) -> Result<User, StoreError> {
    let sql =
        "SELECT platform, im_user_id FROM identities WHERE user = ?1 ORDER BY platform, im_user_id LIMIT ?2";
    let identities = all(connection, sql, (&id, IDENTITIES_MAX), |row| {
        Ok(Identity { platform: row.get(0)?, im_user_id: row.get(1)? })
    })?;
    let row = row(key, "users", &id);
    Ok(row.read::<UserRecord>(&body)?.open(identities, &row))
}
