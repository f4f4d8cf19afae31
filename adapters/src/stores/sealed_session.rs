//! What a signed-in browser carries, sealed with the store's key. The place keeps a sealed session from being taken for a
//! sealed secret of a record, and the other way round.

use switchboard_domain::secret::Secret;
use switchboard_ports::error::StoreError;

use super::seal::{Key, Place, Sealing as _};

const PLACE: Place<'_> = Place { table: "sessions", row: "", field: "" };

/// Seals.
pub(super) fn seal(key: &Key, clear: &str) -> Result<String, StoreError> {
    key.seal(PLACE, &Secret::new(clear)).map_err(|error| StoreError::Unavailable(error.to_string()))
}

/// Opens.
pub(super) fn open(key: &Key, sealed: &str) -> Option<String> {
    key.open(PLACE, sealed).ok().map(|clear| clear.expose().to_owned())
}
