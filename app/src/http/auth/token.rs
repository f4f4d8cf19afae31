//! API tokens: 256 random bits, known to the server by their SHA-256 only.

use rand::TryRng;
use rand::rngs::{SysError, SysRng};
use sha2::{Digest, Sha256};

use crate::http::dto::list::hex;

/// What generated tokens begin with, so that leak scanners can find them.
pub const PREFIX: &str = "swb_";

/// A new token out of the operating system's random numbers.
pub fn fresh() -> Result<String, SysError> {
    let mut bytes = [0_u8; 32];
    SysRng.try_fill_bytes(&mut bytes)?;
    Ok(format!("{PREFIX}{}", hex(&bytes)))
}

/// What is stored of a token. No slow hash: 256 random bits cannot be guessed.
#[must_use]
pub fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::{fresh, hash};

    #[test]
    fn tokens_are_long_prefixed_and_never_the_same() {
        let (a, b) = (fresh().unwrap(), fresh().unwrap());
        assert_ne!(a, b);
        assert!(a.starts_with("swb_"));
        assert_eq!(a.len(), 68);
        assert_ne!(hash(&a), hash(&b));
    }
}
