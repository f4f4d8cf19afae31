//! Short names for texts that platforms choose: they may be long, and hold anything.

use sha2::{Digest, Sha256};

use crate::hex::digits;

/// The start of a text's hash, 32 hexadecimal digits.
pub(super) fn hashed(text: &str) -> String {
    digits(Sha256::digest(text.as_bytes()).iter().take(16))
}

/// A hash out of its digits.
pub(super) fn bytes(digits: &str) -> Option<[u8; 32]> {
    let (pairs, []) = digits.as_bytes().as_chunks::<2>() else { return None };
    let byte = |pair: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    pairs.iter().map(byte).collect::<Option<Vec<_>>>()?.try_into().ok()
}
