//! Sessions of the panel, in memory: with a key of this process, so that they end with it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use switchboard_domain::time::Timestamp;
use switchboard_ports::clock::Clock;
use switchboard_ports::error::StoreError;
use switchboard_ports::sessions::{ENDED_MAX, SessionStore};

use crate::stores::seal::Key;
use crate::stores::sealed_session;

/// What was ended early, and the key; none where the operating system gave no random numbers, and nobody can sign in then.
pub(super) struct Sessions {
    key: Option<Key>,
    clock: Arc<dyn Clock>,
    ended: Mutex<BTreeMap<String, Timestamp>>,
}

impl Sessions {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { key: Key::random().ok().map(Key::new), clock, ended: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Timestamp>> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl SessionStore for Sessions {
    fn seal(&self, clear: &str) -> Result<String, StoreError> {
        let no_key = || StoreError::Unavailable("there is no key for sessions".to_owned());
        sealed_session::seal(self.key.as_ref().ok_or_else(no_key)?, clear)
    }

    fn open(&self, sealed: &str) -> Option<String> {
        sealed_session::open(self.key.as_ref()?, sealed)
    }

    async fn end(&self, name: &str, until: Timestamp) -> Result<(), StoreError> {
        let now = self.clock.now();
        let mut ended = self.lock();
        ended.retain(|_, until| *until > now);
        ended.insert(name.to_owned(), until);
        if ended.len() > ENDED_MAX {
            let first = ended.iter().min_by_key(|(_, until)| **until).map(|(name, _)| name.clone());
            if let Some(first) = first {
                ended.remove(&first);
            }
        }
        Ok(())
    }

    async fn is_ended(&self, name: &str) -> Result<bool, StoreError> {
        Ok(self.lock().contains_key(name))
    }
}
