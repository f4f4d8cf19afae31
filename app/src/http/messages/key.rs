//! `Idempotency-Key`: whoever does not know whether a request was heard sends it again under the same key
//! (draft-ietf-httpapi-idempotency-key-header).

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::http::problem::Problem;

/// The header.
const NAME: &str = "Idempotency-Key";

/// Longest key, in characters.
const KEY_CHARS_MAX: usize = 255;

/// The key of a request, if it has one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey(pub Option<String>);

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let mut values = parts.headers.get_all(NAME).iter();
        let (first, second) = (values.next(), values.next());
        let Some(value) = first else {
            return Ok(Self(None));
        };
        let text = value.to_str().ok().filter(|_| second.is_none()).map(unquoted);
        match text.filter(|text| is_key(text)) {
            Some(text) => Ok(Self(Some(text.to_owned()))),
            None => Err(Problem::malformed(format!(
                "the header {NAME} may stand once, with 1 to {KEY_CHARS_MAX} visible ASCII characters"
            ))),
        }
    }
}

fn is_key(text: &str) -> bool {
    (1..=KEY_CHARS_MAX).contains(&text.len()) && text.chars().all(|c| c.is_ascii_graphic() || c == ' ')
}

/// The draft writes keys as quoted strings, most clients without quotes; both mean the same key.
fn unquoted(text: &str) -> &str {
    let text = text.trim();
    text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(text)
}
