//! Sessions of signed-in browsers: a sealed cookie that names the token it was opened with.
//!
//! Whoever signs in gets a cookie with the hash of the token, a secret name of the session and the time, sealed with the
//! store's key: every replica can read it, nobody else can read or forge it. The token itself is looked up with each
//! request, so that a revoked one ends its sessions at once; what is stored is only that somebody signed out.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, Method, header};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use switchboard_domain::time::Timestamp;

use super::{Caller, token};
use crate::http::dto::list::hex;
use crate::http::origin::{Origin, Trust};
use crate::http::problem::Problem;

/// How long a session lasts, whatever is done in it.
pub const LASTS: Duration = Duration::from_hours(12);

/// Carries the session's proof that a request was made by a page of ours.
pub const CSRF_HEADER: &str = "x-csrf-token";

/// The cookie where people see http: cookies with a prefix are for https alone.
const PLAIN_COOKIE: &str = "switchboard_session";

/// The cookie where people see https: no other host can set one of this name (RFC 6265bis §4.1.3.2).
const HOST_COOKIE: &str = "__Host-switchboard_session";

/// A browser's session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Hash of the token that it was opened with.
    pub(super) token: [u8; 32],
    /// 256 random bits, known to this server alone.
    name: String,
    opened_at: Timestamp,
}

/// Somebody who is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// Who, and what they may do now.
    pub caller: Caller,
    /// The session.
    pub session: Session,
}

impl Session {
    /// A new one.
    pub(super) fn opened(token: [u8; 32], now: Timestamp) -> Result<Self, Problem> {
        let name = token::fresh().map_err(|error| {
            tracing::error!(%error, "failed to open a session: no random numbers");
            Problem::internal()
        })?;
        Ok(Self { token, name, opened_at: now })
    }

    /// As it is sealed.
    pub(super) fn written(&self) -> String {
        format!("{} {} {}", hex(&self.token), self.name, self.opened_at.as_millis())
    }

    /// What was sealed.
    pub(super) fn read(text: &str) -> Option<Self> {
        let mut parts = text.split(' ');
        let (token, name, millis) = (parts.next()?, parts.next()?, parts.next()?);
        let digits = token.as_bytes().chunks_exact(2);
        let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
        let token = <[u8; 32]>::try_from(digits.map(byte).collect::<Option<Vec<_>>>()?).ok()?;
        let opened_at = Timestamp::from_millis(millis.parse().ok()?);
        Some(Self { token, name: name.to_owned(), opened_at })
    }

    /// When it ends by itself.
    #[must_use]
    pub fn ends_at(&self) -> Timestamp {
        self.opened_at.after(LASTS)
    }

    /// What a page sends along in [`CSRF_HEADER`]: follows from the session's secret name, and says nothing about it.
    #[must_use]
    pub fn csrf(&self) -> String {
        derived("csrf", &self.name)
    }

    /// Whether this is what only a page of the session can know.
    #[must_use]
    pub fn is_proof(&self, given: &[u8]) -> bool {
        given.ct_eq(self.csrf().as_bytes()).into()
    }

    /// The name under which its end is stored.
    pub(super) fn public_name(&self) -> String {
        derived("ended", &self.name)
    }

    /// Whether a request that changes something was made by a page of this session. Anybody's page may make a browser send
    /// the cookie where it knows no `SameSite`; only ours knows the proof, and only ours has our origin.
    ///
    /// # Errors
    /// 403, where it was not.
    pub(super) fn vouches(
        &self,
        method: &Method,
        headers: &HeaderMap,
        (asked, trust): (Origin, &Trust),
    ) -> Result<(), Problem> {
        if method.is_safe() {
            return Ok(());
        }
        same_origin(headers, asked, trust)?;
        if self.is_proof(headers.get(CSRF_HEADER).map_or(&b""[..], HeaderValue::as_bytes)) {
            return Ok(());
        }
        Err(Problem::cross_site(
            "a request with the panel's cookie needs the header X-CSRF-Token of its page",
        ))
    }
}

fn derived(purpose: &str, name: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(b"switchboard session ");
    hash.update(purpose);
    hash.update(b" ");
    hash.update(name);
    hex(&hash.finalize())
}

/// Refuses what another site's page sends. Browsers say where a request comes from, and pages cannot change that; a request
/// that says nothing of it is no browser's.
///
/// # Errors
/// 403.
pub fn same_origin(headers: &HeaderMap, asked: Origin, trust: &Trust) -> Result<(), Problem> {
    let text = |name| headers.get(name).map(|value: &HeaderValue| value.to_str().unwrap_or("?"));
    let fine = match (text("sec-fetch-site"), text(header::ORIGIN.as_str())) {
        (Some(site), _) => matches!(site, "same-origin" | "none"),
        (None, None) => true,
        (None, Some(page)) => trust.is_ours(page, asked, text(header::HOST.as_str())),
    };
    if fine { Ok(()) } else { Err(Problem::cross_site("the request was made by a page of another site")) }
}

/// The sealed session in a request's cookies.
pub(super) fn sealed(headers: &HeaderMap, https: bool) -> Option<&str> {
    cookie(headers, name_for(https))
}

/// A cookie's value.
#[must_use]
pub fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(header::COOKIE).into_iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';'));
    pairs.find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='))
}

/// The header that gives the browser its session.
#[must_use]
pub fn set_cookie(sealed: &str, https: bool) -> String {
    line(sealed, LASTS.as_secs(), https)
}

/// The header that takes it away.
#[must_use]
pub fn clear_cookie(https: bool) -> String {
    line("", 0, https)
}

fn line(value: &str, max_age_s: u64, https: bool) -> String {
    let secure = if https { "; Secure" } else { "" };
    format!("{}={value}; Path=/; Max-Age={max_age_s}; HttpOnly; SameSite=Strict{secure}", name_for(https))
}

const fn name_for(https: bool) -> &'static str {
    if https { HOST_COOKIE } else { PLAIN_COOKIE }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{HeaderMap, Origin, Session, Timestamp, Trust, cookie, same_origin, set_cookie};
    use crate::testing::server_section;

    #[test]
    fn a_session_is_read_as_it_was_written() {
        let session = Session::opened([7; 32], Timestamp::from_millis(12)).unwrap();
        assert_eq!(Session::read(&session.written()), Some(session.clone()));
        assert_ne!(session.csrf(), session.public_name());
        for bad in ["", "a b", "07 n 1", &session.written().replace(' ', "")] {
            assert_eq!(Session::read(bad), None, "{bad}");
        }
    }

    #[rstest]
    #[case(&[], true)]
    #[case(&[("sec-fetch-site", "same-origin"), ("origin", "https://proxied.example")], true)]
    #[case(&[("sec-fetch-site", "same-site"), ("origin", "http://here:1")], false)]
    #[case(&[("sec-fetch-site", "cross-site")], false)]
    #[case(&[("origin", "http://here:1")], true)]
    #[case(&[("origin", "https://here:1")], false)]
    #[case(&[("origin", "https://im.example.com")], true)]
    #[case(&[("origin", "http://im.example.com")], false)]
    #[case(&[("origin", "http://here:2")], false)]
    #[case(&[("origin", "null")], false)]
    #[case(&[("origin", "http://evil.example")], false)]
    fn only_our_own_pages_are_of_our_origin(#[case] given: &[(&'static str, &str)], #[case] fine: bool) {
        let mut headers = HeaderMap::new();
        headers.insert("host", "here:1".parse().unwrap());
        for (name, value) in given {
            headers.insert(*name, value.parse().unwrap());
        }
        let trust = Trust::of(&server_section("public_url = \"https://im.example.com\""));
        let asked = Origin { client: [203, 0, 113, 7].into(), https: true, scheme: Some("http") };
        assert_eq!(same_origin(&headers, asked, &trust).is_ok(), fine, "{given:?}");
    }

    #[test]
    fn cookies_are_found_whole() {
        let mut headers = HeaderMap::new();
        headers.append("cookie", "xa=1; a=2; b=x=y".parse().unwrap());
        headers.append("cookie", "c=3".parse().unwrap());
        for (name, value) in [("a", Some("2")), ("b", Some("x=y")), ("c", Some("3")), ("x", None)] {
            assert_eq!(cookie(&headers, name), value);
        }
    }

    #[test]
    fn behind_https_the_cookie_is_this_hosts_alone() {
        assert!(set_cookie("s", true).starts_with("__Host-switchboard_session=s; Path=/;"));
        assert!(set_cookie("s", true).ends_with("; HttpOnly; SameSite=Strict; Secure"));
        assert!(!set_cookie("s", false).contains("Secure"));
    }
}
