//! Whether the store is still the one that was opened. One that was emptied, evicted or replaced under a running server is not
//! written to: it would take in messages beside settings that are gone.

use switchboard_ports::error::StoreError;

use super::{Core, Meta};
use crate::hex::digits;
use crate::stores::seal::Key;

/// What callers are told meanwhile.
const ANOTHER: &str = "the store in Redis is empty, or another one than this server opened";

/// By what a store is known: its layout, the key that seals its secrets, and a name of its own.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Identity(Option<String>, Option<String>, Option<String>);

impl Identity {
    pub(super) fn of(meta: &Meta) -> Self {
        Self(meta.layout.clone(), meta.key.clone(), meta.id.clone())
    }
}

/// A name for a new store.
pub(super) fn new_id() -> Result<String, StoreError> {
    let bytes = Key::random().map_err(|error| StoreError::Unavailable(error.to_string()))?;
    Ok(digits(bytes.iter().take(16)))
}

impl Core {
    /// Looks whether the store is still ours, and gives the revision of settings. Where it is not, everything is refused until a
    /// further look finds it again.
    pub(super) async fn look(&self) -> Result<u64, StoreError> {
        let mut call = self.scripts.identity.prepare_invoke();
        call.key(self.keys.shared("config", "meta")).key(self.keys.shared("config", "revision"));
        let found: (Option<String>, Option<String>, Option<String>, Option<u64>) =
            self.connection.run_anyway(&call).await?;
        let (layout, key, id, revision) = found;
        let is_ours = Identity(layout, key, id) == self.identity;
        if self.connection.refuse((!is_ours).then_some(ANOTHER)) {
            // What was remembered of the store may not be so any more.
            self.lock_places().clear();
            if is_ours {
                tracing::info!("the store in Redis is the one that this server opened again: going on");
            } else {
                tracing::error!(
                    "{ANOTHER}: it was emptied, evicted or replaced, and nothing is accepted any more; restore it and this \
                     server goes on, or restart every replica to begin with what is there"
                );
            }
        }
        if is_ours {
            Ok(revision.unwrap_or_default())
        } else {
            Err(StoreError::Unavailable(ANOTHER.to_owned()))
        }
    }
}
