//! Users in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound::{Excluded, Unbounded};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use switchboard_domain::ids::{UserId, Version};
use switchboard_ports::audit::AuditLine;
use switchboard_ports::error::StoreError;
use switchboard_ports::page::{Page, PageRequest};
use switchboard_ports::users::{Identity, Matches, User, UserStore};

use super::audit::Audit;
use crate::stores::{cursor, folded};

/// Users kept at most; about 100 MB. One more cannot be made.
const USERS_MAX: usize = 200_000;

/// Users by id, and their identities.
#[derive(Debug)]
pub(super) struct Users {
    rows: Mutex<Rows>,
    audit: Arc<Audit>,
}

#[derive(Debug, Default)]
struct Rows {
    users: BTreeMap<UserId, User>,
    usernames: BTreeMap<String, UserId>,
    addresses: BTreeSet<(String, UserId)>,
    links: BTreeMap<Identity, UserId>,
}

impl Users {
    pub(super) fn new(audit: Arc<Audit>) -> Self {
        Self { rows: Mutex::default(), audit }
    }

    fn lock(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rows {
    fn by_address(&self, address: &str) -> impl Iterator<Item = &User> {
        let address = folded(address);
        let first = (address.clone(), UserId::new(""));
        let from = self.addresses.range(first..);
        let same = from.take_while(move |(of, _)| *of == address);
        same.filter_map(|(_, id)| self.users.get(id))
    }

    /// Whether the name is nobody else's.
    fn name_is_free(&self, user: &User) -> Result<(), StoreError> {
        match self.usernames.get(&folded(&user.username)) {
            Some(owner) if *owner != user.id => Err(StoreError::Duplicate("username")),
            Some(_) | None => Ok(()),
        }
    }

    /// Writes a user over what is there of it.
    fn put(&mut self, user: User) {
        self.take(&user.id);
        // Only a verified address is ever matched.
        if let Some(email) = user.email.as_deref().filter(|_| user.email_verified) {
            self.addresses.insert((folded(email), user.id.clone()));
        }
        self.usernames.insert(folded(&user.username), user.id.clone());
        self.users.insert(user.id.clone(), user);
    }

    /// Takes a user out, links aside.
    fn take(&mut self, id: &UserId) -> Option<User> {
        let taken = self.users.remove(id)?;
        self.usernames.remove(&folded(&taken.username));
        if let Some(email) = &taken.email {
            self.addresses.remove(&(folded(email), id.clone()));
        }
        Some(taken)
    }

    fn linked(&self, identity: &Identity) -> Option<User> {
        self.links.get(identity).and_then(|id| self.users.get(id)).cloned()
    }

    /// Links to a user who is there.
    fn link(&mut self, id: &UserId, identity: &Identity) -> Option<User> {
        let user = self.users.get_mut(id)?;
        user.identities.push(identity.clone());
        user.identities.sort();
        self.links.insert(identity.clone(), id.clone());
        Some(user.clone())
    }
}

#[async_trait]
impl UserStore for Users {
    async fn list(&self, page: &PageRequest) -> Result<Page<User>, StoreError> {
        let rows = self.lock();
        let after = page.after.as_deref().map(UserId::new);
        if after.as_ref().is_some_and(|id| !rows.users.contains_key(id)) {
            return Ok(cursor::empty());
        }
        let limit = cursor::limit(page);
        let first = after.as_ref().map_or(Unbounded, Excluded);
        let users = rows.users.range((first, Unbounded)).take(limit as usize + 1);
        let found = users.map(|(id, user)| (id.to_string(), user.clone())).collect();
        Ok(cursor::page(found, limit))
    }

    async fn find(&self, id: &UserId) -> Result<Option<User>, StoreError> {
        Ok(self.lock().users.get(id).cloned())
    }

    async fn linked(&self, identity: &Identity) -> Result<Option<User>, StoreError> {
        Ok(self.lock().linked(identity))
    }

    async fn matching(&self, username: &str, email: Option<&str>) -> Result<Matches, StoreError> {
        let rows = self.lock();
        let by_name = rows.usernames.get(&folded(username));
        Ok(Matches {
            username: by_name.and_then(|id| rows.users.get(id)).cloned(),
            email: email.map(|email| rows.by_address(email).take(2).cloned().collect()).unwrap_or_default(),
        })
    }

    async fn create(&self, user: &User, lines: &[AuditLine]) -> Result<User, StoreError> {
        let mut rows = self.lock();
        if let Some(linked) = user.identities.iter().find_map(|identity| rows.linked(identity)) {
            return Ok(linked);
        }
        if rows.users.contains_key(&user.id) {
            return Err(StoreError::Duplicate("id"));
        }
        rows.name_is_free(user)?;
        if rows.users.len() >= USERS_MAX {
            return Err(StoreError::Unavailable(format!("the memory store is full: {USERS_MAX} users")));
        }
        let mut made = user.clone();
        made.identities.sort();
        rows.put(made.clone());
        for identity in &made.identities {
            rows.links.insert(identity.clone(), user.id.clone());
        }
        self.audit.append(lines);
        Ok(made)
    }

    async fn update(
        &self,
        user: &User,
        expected: Version,
        lines: &[AuditLine],
    ) -> Result<Version, StoreError> {
        let mut rows = self.lock();
        let stored = rows.users.get(&user.id).filter(|stored| stored.version == expected);
        let identities = stored.ok_or(StoreError::Conflict)?.identities.clone();
        rows.name_is_free(user)?;
        let version = expected.next();
        rows.put(User { identities, version, ..user.clone() });
        self.audit.append(lines);
        Ok(version)
    }

    async fn delete(&self, id: &UserId, lines: &[AuditLine]) -> Result<bool, StoreError> {
        let mut rows = self.lock();
        let taken = rows.take(id);
        for identity in taken.iter().flat_map(|user| &user.identities) {
            rows.links.remove(identity);
        }
        if taken.is_some() {
            self.audit.append(lines);
        }
        Ok(taken.is_some())
    }

    async fn link(
        &self,
        id: &UserId,
        identity: &Identity,
        lines: &[AuditLine],
    ) -> Result<Option<User>, StoreError> {
        let mut rows = self.lock();
        if let Some(linked) = rows.linked(identity) {
            return Ok(Some(linked));
        }
        let linked = rows.link(id, identity);
        if linked.is_some() {
            self.audit.append(lines);
        }
        Ok(linked)
    }

    async fn unlink(
        &self,
        id: &UserId,
        identity: &Identity,
        lines: &[AuditLine],
    ) -> Result<bool, StoreError> {
        let mut rows = self.lock();
        if rows.links.get(identity) != Some(id) {
            return Ok(false);
        }
        rows.links.remove(identity);
        if let Some(user) = rows.users.get_mut(id) {
            user.identities.retain(|linked| linked != identity);
        }
        self.audit.append(lines);
        Ok(true)
    }
}
