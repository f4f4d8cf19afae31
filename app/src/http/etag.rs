//! Versions as entity tags: `ETag` out, `If-Match` in (RFC 9110 §13.1.1).

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use switchboard_domain::ids::Version;

use super::problem::Problem;

/// What `If-Match` asks for.
#[derive(Debug, Clone)]
pub struct IfMatch(Option<String>);

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        let values = parts.headers.get_all(header::IF_MATCH);
        // A value that is no text matches nothing.
        let texts: Vec<_> = values.iter().map(|value| value.to_str().unwrap_or("?")).collect();
        Ok(Self((!texts.is_empty()).then(|| texts.join(","))))
    }
}

impl IfMatch {
    /// Whether the header is there.
    #[must_use]
    pub const fn is_given(&self) -> bool {
        self.0.is_some()
    }

    /// Refuses when the header is there and names other versions. Weak tags match nothing (strong comparison).
    pub fn check(&self, version: Version) -> Result<(), Problem> {
        let Some(list) = &self.0 else { return Ok(()) };
        let tag = format!("\"{version}\"");
        let matches = |wanted: &str| wanted == "*" || wanted == tag || wanted == tag.trim_matches('"');
        if list.split(',').map(str::trim).any(matches) { Ok(()) } else { Err(Problem::stale()) }
    }
}

/// Headers with the entity tag of a version.
#[must_use]
pub fn tagged(version: Version) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{version}\"")) {
        headers.insert(header::ETAG, tag);
    }
    headers
}

/// Headers of a creation: entity tag and location.
#[must_use]
pub fn located(version: Version, path: &str) -> HeaderMap {
    let mut headers = tagged(version);
    if let Ok(location) = HeaderValue::from_str(path) {
        headers.insert(header::LOCATION, location);
    }
    headers
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{IfMatch, Version};

    #[rstest]
    #[case(None, true)]
    #[case(Some("\"3\""), true)]
    #[case(Some("3"), true)]
    #[case(Some("*"), true)]
    #[case(Some("\"1\", \"3\""), true)]
    #[case(Some("\"4\""), false)]
    #[case(Some("W/\"3\""), false)]
    #[case(Some(""), false)]
    #[case(Some("\"33\""), false)]
    fn if_match_compares_strongly(#[case] header: Option<&str>, #[case] matches: bool) {
        let given = IfMatch(header.map(str::to_owned));
        assert_eq!(given.check(Version(3)).is_ok(), matches);
    }
}
