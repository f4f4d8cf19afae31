//! Users in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound::{Excluded, Unbounded};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use switchboard_domain::ids::UserId;
use switchboard_ports::error::StoreError;
use switchboard_ports::page::{Page, PageRequest};
use switchboard_ports::users::{Identity, Matches, User, UserStore};

use crate::stores::{cursor, folded};

/// Users kept at most; about 100 MB. One more cannot be made.
const USERS_MAX: usize = 200_000;

/// Users by id, and their identities.
#[derive(Debug, Default)]
pub(super) struct Users {
    rows: Mutex<Rows>,
}

#[derive(Debug, Default)]
struct Rows {
    users: BTreeMap<UserId, User>,
    usernames: BTreeMap<String, UserId>,
    addresses: BTreeSet<(String, UserId)>,
    links: BTreeMap<Identity, UserId>,
}

impl Users {
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

    fn add(&mut self, user: &User) -> Result<(), StoreError> {
        let username = folded(&user.username);
        if self.usernames.contains_key(&username) {
            return Err(StoreError::Duplicate("username"));
        }
        if self.users.len() >= USERS_MAX {
            return Err(StoreError::Unavailable(format!("the memory store is full: {USERS_MAX} users")));
        }
        if let Some(email) = user.email.as_deref().filter(|_| user.email_verified) {
            self.addresses.insert((folded(email), user.id.clone()));
        }
        self.usernames.insert(username, user.id.clone());
        let unlinked = User { identities: Vec::new(), ..user.clone() };
        self.users.insert(user.id.clone(), unlinked);
        Ok(())
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
        let rows = self.lock();
        let id = rows.links.get(identity);
        Ok(id.and_then(|id| rows.users.get(id)).cloned())
    }

    async fn matching(&self, username: &str, email: Option<&str>) -> Result<Matches, StoreError> {
        let rows = self.lock();
        let by_name = rows.usernames.get(&folded(username));
        Ok(Matches {
            username: by_name.and_then(|id| rows.users.get(id)).cloned(),
            email: email.map(|email| rows.by_address(email).take(2).cloned().collect()).unwrap_or_default(),
        })
    }

    async fn link(&self, user: &User, identity: &Identity) -> Result<User, StoreError> {
        let mut rows = self.lock();
        if !rows.links.contains_key(identity) {
            if !rows.users.contains_key(&user.id) {
                rows.add(user)?;
            }
            rows.links.insert(identity.clone(), user.id.clone());
            if let Some(linked) = rows.users.get_mut(&user.id) {
                linked.identities.push(identity.clone());
                linked.identities.sort();
            }
        }
        let linked = rows.links.get(identity).and_then(|id| rows.users.get(id)).cloned();
        linked.ok_or_else(|| StoreError::Corrupt("link to a user who is not there".to_owned()))
    }
}
