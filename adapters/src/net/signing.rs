//! How requests to a company's own endpoints are signed.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::hex::digits;

/// When a request was signed, in seconds since 1970.
pub const TIMESTAMP_HEADER: &str = "X-Switchboard-Timestamp";

/// Its signature.
pub const SIGNATURE_HEADER: &str = "X-Switchboard-Signature";

/// What a request is signed with, the text of `X-Switchboard-Signature`: the HMAC-SHA256 (RFC 2104) over the timestamp, a full
/// stop, and the body as it was sent.
#[must_use]
pub fn signature(key: &[u8], timestamp: &str, body: &[u8]) -> String {
    // HMAC takes keys of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return String::new() };
    mac.update(timestamp.as_bytes());
    mac.update(b".");
    mac.update(body);
    format!("sha256={}", digits(&mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::signature;

    /// By `openssl dgst -sha256 -hmac 0123456789abcdef` over `1700000000.{}`.
    #[test]
    fn the_signature_is_what_other_tools_make_of_it() {
        let expected = "sha256=e4f8e2ecae2295b2ddb2f0b5584c8275e226c0ebe9b3b819e70156bb67122e3e";
        assert_eq!(signature(b"0123456789abcdef", "1700000000", b"{}"), expected);
    }
}
