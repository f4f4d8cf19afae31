//! Secrets at rest: XChaCha20-Poly1305, a random 192-bit nonce each, bound to the place where they are stored.
//!
//! A sealed value is text: `s1.<key id>.<base64 of nonce and ciphertext>`. The key id is the start of a hash of the key, so
//! that another key is told from damage. Table, row and field are authenticated: a value copied elsewhere does not open.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use rand::TryRng;
use rand::rngs::SysRng;
use sha2::{Digest, Sha256};
use switchboard_domain::secret::Secret;
use thiserror::Error;
use zeroize::Zeroizing;

/// Bytes of a key.
pub(super) const KEY_BYTES: usize = 32;

const NONCE_BYTES: usize = 24;
const FORMAT: &str = "s1";

/// Where a sealed value stands. It opens nowhere else.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    /// The table.
    pub(super) table: &'a str,
    /// The row's key.
    pub(super) row: &'a str,
    /// The field, as a path within the row.
    pub(super) field: &'a str,
}

impl Place<'_> {
    /// Authenticated with the value. Lengths come first, so that parts do not run into each other.
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for part in [self.table, self.row, self.field] {
            bytes.extend(u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes());
            bytes.extend(part.bytes());
        }
        bytes
    }
}

/// Seals and opens secrets. Tests of records use one that does not hide anything.
pub(super) trait Sealing: Send + Sync {
    /// Seals for a place.
    fn seal(&self, place: Place<'_>, clear: &Secret) -> Result<String, SealError>;

    /// Opens what was sealed for this place.
    fn open(&self, place: Place<'_>, sealed: &str) -> Result<Secret, SealError>;
}

/// Why a value was not sealed or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(super) enum SealError {
    /// Sealed with another key.
    #[error("sealed with another key")]
    OtherKey,
    /// Not a sealed value, changed since, or moved from another place.
    #[error("damaged seal")]
    Damaged,
    /// The operating system gave no random numbers, or the value is too long to be sealed.
    #[error("could not be sealed")]
    NotSealed,
}

/// A key. Overwritten in memory when dropped.
pub(super) struct Key {
    bytes: Zeroizing<[u8; KEY_BYTES]>,
    id: String,
}

impl Key {
    /// From its bytes.
    pub(super) fn new(bytes: Zeroizing<[u8; KEY_BYTES]>) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"switchboard key id");
        hash.update(bytes.as_slice());
        let [first, second, third, fourth, ..] = hash.finalize().0;
        let id = format!("{:08x}", u32::from_be_bytes([first, second, third, fourth]));
        Self { bytes, id }
    }

    /// A new one from the operating system.
    pub(super) fn random() -> Result<Zeroizing<[u8; KEY_BYTES]>, SealError> {
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        SysRng.try_fill_bytes(bytes.as_mut_slice()).map_err(|_| SealError::NotSealed)?;
        Ok(bytes)
    }

    /// Names it without telling it: the start of a hash of it, 8 hexadecimal digits.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// Its bytes, for the key file.
    pub(super) fn expose(&self) -> &[u8; KEY_BYTES] {
        &self.bytes
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new((&*self.bytes).into())
    }
}

impl Sealing for Key {
    fn seal(&self, place: Place<'_>, clear: &Secret) -> Result<String, SealError> {
        let mut nonce = [0; NONCE_BYTES];
        SysRng.try_fill_bytes(&mut nonce).map_err(|_| SealError::NotSealed)?;
        let payload = Payload { msg: clear.expose().as_bytes(), aad: &place.bytes() };
        let sealed = self.cipher().encrypt(&XNonce::from(nonce), payload);
        let mut bytes = nonce.to_vec();
        bytes.extend(sealed.map_err(|_| SealError::NotSealed)?);
        Ok(format!("{FORMAT}.{}.{}", self.id, STANDARD_NO_PAD.encode(bytes)))
    }

    fn open(&self, place: Place<'_>, sealed: &str) -> Result<Secret, SealError> {
        let mut parts = sealed.splitn(3, '.');
        let (Some(FORMAT), Some(id), Some(text)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(SealError::Damaged);
        };
        if id != self.id {
            return Err(SealError::OtherKey);
        }
        let bytes = STANDARD_NO_PAD.decode(text).map_err(|_| SealError::Damaged)?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE_BYTES>().ok_or(SealError::Damaged)?;
        let payload = Payload { msg: sealed, aad: &place.bytes() };
        let clear = self.cipher().decrypt(&XNonce::from(*nonce), payload);
        let text = String::from_utf8(clear.map_err(|_| SealError::Damaged)?);
        text.map(Secret::new).map_err(|_| SealError::Damaged)
    }
}

/// The id of the key that a value was sealed with.
pub(super) fn key_id(sealed: &str) -> Option<&str> {
    let mut parts = sealed.splitn(3, '.');
    parts.next().filter(|format| *format == FORMAT)?;
    parts.next()
}

/// What every value sealed with a key begins with.
pub(super) fn beginning(key: &Key) -> String {
    format!("{FORMAT}.{}.", key.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place<'_> = Place { table: "channels", row: "chn_1", field: "/client_secret" };

    fn key(byte: u8) -> Key {
        Key::new(Zeroizing::new([byte; KEY_BYTES]))
    }

    #[test]
    fn what_was_sealed_opens_in_its_place_and_nowhere_else() {
        let secret = Secret::new("s3cr3t 密");
        let sealed = key(1).seal(PLACE, &secret).unwrap();
        assert_eq!(key(1).open(PLACE, &sealed), Ok(secret));
        let elsewhere = [
            Place { table: "agents", ..PLACE },
            Place { row: "chn_2", ..PLACE },
            Place { field: "/client_secre", ..PLACE },
            Place { row: "chn_1/", field: "client_secret", ..PLACE },
        ];
        for place in elsewhere {
            assert_eq!(key(1).open(place, &sealed), Err(SealError::Damaged), "{place:?}");
        }
    }

    #[test]
    fn another_key_is_told_from_damage() {
        let sealed = key(1).seal(PLACE, &Secret::new("s3cr3t")).unwrap();
        assert_eq!(key(2).open(PLACE, &sealed), Err(SealError::OtherKey));
        let cut: &String = &sealed.chars().take(sealed.len() - 4).collect();
        let changed = sealed.replace("s1.", "s2.");
        for damaged in ["", "s3cr3t", "s1", "s1..", cut, &changed, &format!("{cut}AAAA")] {
            let opened = key(1).open(PLACE, damaged);
            assert!(matches!(opened, Err(SealError::Damaged | SealError::OtherKey)), "{damaged}");
        }
    }

    #[test]
    fn sealing_twice_gives_two_texts_and_neither_shows_the_secret() {
        let secret = Secret::new("s3cr3t");
        let (first, second) = (key(1).seal(PLACE, &secret).unwrap(), key(1).seal(PLACE, &secret).unwrap());
        assert_ne!(first, second);
        assert!(!first.contains("s3cr3t"));
    }
}
