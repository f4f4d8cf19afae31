//! Who asks, as a signed token: a JWT (RFC 7519) with HS256, so that an agent can act as that user and nobody else can say so.
//!
//! | claim | what |
//! |---|---|
//! | `iss`, `aud` | the settings' issuer and audience |
//! | `sub` | the user's id |
//! | `iat`, `exp` | when it was made, and until when it counts, in seconds |
//! | `jti` | differs for each token |
//! | `username`, `name`, `platform` | the username, the name to show, the platform they write from |
//! | `chat` | `private` or `group` |
//! | `email`, `department` | only where the agent may know them, and they are known; the address is verified |

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue};
use serde_json::{Map, Value, json};
use sha2::Sha256;
use switchboard_domain::secret::Secret;
use switchboard_domain::time::Timestamp;
use switchboard_ports::agent::AgentUser;
use switchboard_ports::agents::{AgentConfig, TOKEN_SECRET_BYTES_MIN};
use switchboard_ports::clock::Clock;

use super::http::settings::{FieldError, at, is_reserved};
use super::template::{chat, sensitive};
use super::text::cut;

/// Most bytes of a name in a token; more is cut at a character.
const NAME_BYTES_MAX: usize = 512;

/// What each token begins with.
const HEAD: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

/// Makes tokens for one agent. No `Debug`: it holds the key.
pub(super) struct Tokens {
    /// The header that carries them.
    pub(super) header: HeaderName,
    mac: Hmac<Sha256>,
    issuer: String,
    audience: String,
    lifetime: Duration,
    clock: Arc<dyn Clock>,
}

impl Tokens {
    /// Reads the settings; `None` where no token is asked for.
    pub(super) fn read(config: &AgentConfig, clock: &Arc<dyn Clock>) -> Result<Option<Self>, FieldError> {
        let Some(token) = &config.identity.token else { return Ok(None) };
        let header = HeaderName::from_bytes(token.header.as_bytes()).ok().filter(|name| !is_reserved(name));
        let header = header.ok_or_else(|| {
            let message = "must be the name of a header that Switchboard does not set itself";
            at("/identity/token/header", message)
        })?;
        if config.headers.keys().any(|name| name.eq_ignore_ascii_case(header.as_str())) {
            return Err(at("/identity/token/header", "is set in headers already; choose one of them"));
        }
        Ok(Some(Self {
            header,
            mac: mac(&token.secret)?,
            issuer: token.issuer.clone(),
            audience: token.audience.clone().unwrap_or_else(|| config.base_url.clone()),
            lifetime: token.lifetime,
            clock: Arc::clone(clock),
        }))
    }

    /// The header's value for one request of a user's.
    pub(super) fn value(&self, user: &AgentUser) -> Option<HeaderValue> {
        let id = format!("{:032x}", rand::random::<u128>());
        let token = self.token(user, self.clock.now(), &id);
        // Where tokens are expected in this header, they are expected with this word.
        if self.header == AUTHORIZATION { sensitive(&format!("Bearer {token}")) } else { sensitive(&token) }
    }

    fn token(&self, user: &AgentUser, now: Timestamp, id: &str) -> String {
        let claims = Value::Object(self.claims(user, now, id)).to_string();
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(HEAD), URL_SAFE_NO_PAD.encode(claims));
        let mut mac = self.mac.clone();
        mac.update(signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
    }

    fn claims(&self, user: &AgentUser, now: Timestamp, id: &str) -> Map<String, Value> {
        let seconds = now.as_millis() / 1_000;
        let mut claims = Map::new();
        let mut claim = |name: &str, value: Value| drop(claims.insert(name.to_owned(), value));
        claim("iss", json!(self.issuer));
        claim("aud", json!(self.audience));
        claim("sub", json!(user.id));
        claim("iat", json!(seconds));
        claim("exp", json!(seconds.saturating_add(self.lifetime.as_secs())));
        claim("jti", json!(id));
        claim("username", json!(user.username));
        claim("name", json!(cut(&user.display_name, NAME_BYTES_MAX)));
        claim("platform", json!(user.platform));
        claim("chat", json!(chat(user.chat)));
        if let Some(email) = &user.email {
            claim("email", json!(email));
        }
        if let Some(department) = &user.department {
            claim("department", json!(cut(department, NAME_BYTES_MAX)));
        }
        claims
    }
}

fn mac(secret: &Secret) -> Result<Hmac<Sha256>, FieldError> {
    let bytes = secret.expose().as_bytes();
    let mac = Hmac::new_from_slice(bytes).ok().filter(|_| bytes.len() >= TOKEN_SECRET_BYTES_MIN);
    mac.ok_or_else(|| {
        at(
            "/identity/token/secret",
            format!("must be {TOKEN_SECRET_BYTES_MIN} bytes at least (RFC 7518 §3.2)"),
        )
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use switchboard_domain::message::ChatKind;
    use switchboard_ports::agents::{AgentIdentity, IdentityToken};
    use switchboard_ports::conformance::{FakeClock, samples};

    use super::*;

    fn config(change: impl FnOnce(&mut IdentityToken)) -> AgentConfig {
        let mut token = IdentityToken {
            secret: Secret::new("0123456789abcdef0123456789abcdef"),
            header: "X-Switchboard-User".to_owned(),
            issuer: "switchboard".to_owned(),
            audience: None,
            lifetime: Duration::from_mins(5),
        };
        change(&mut token);
        let identity = AgentIdentity { token: Some(token), ..AgentIdentity::default() };
        AgentConfig { identity, ..samples::agent("openai-chat", "https://agent.invalid/v1") }
    }

    fn tokens(config: &AgentConfig) -> Result<Option<Tokens>, FieldError> {
        let clock: Arc<dyn Clock> = Arc::new(FakeClock::default());
        Tokens::read(config, &clock)
    }

    fn user() -> AgentUser {
        AgentUser {
            email: Some("zhang3@corp.example".to_owned()),
            chat: ChatKind::Group,
            ..samples::question("zhang3", "").user
        }
    }

    /// The token was checked with other libraries (RELIABILITY.md); whatever changes it changes what agents rely on.
    #[test]
    fn a_token_is_this_one_and_no_other() {
        let tokens = tokens(&config(|_| {})).unwrap().unwrap();
        let token = tokens.token(&user(), Timestamp::from_millis(1_700_000_000_999), "0f");
        let [head, claims, signature] = token.split('.').collect::<Vec<_>>().try_into().unwrap();
        assert_eq!(URL_SAFE_NO_PAD.decode(head).unwrap(), br#"{"alg":"HS256","typ":"JWT"}"#);
        let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
        let expected = json!({
            "iss": "switchboard", "aud": "https://agent.invalid/v1", "sub": "usr_1", "jti": "0f",
            "iat": 1_700_000_000, "exp": 1_700_000_300,
            "username": "zhang3", "name": "张三", "platform": "dingtalk", "chat": "group",
            "email": "zhang3@corp.example",
        });
        assert_eq!(claims, expected);
        assert_eq!(signature, "Tex24T1dfUQK-4dqFqDdfJd4bQyRatj-9N2bDS1zx_o");
    }

    #[test]
    fn each_token_has_an_id_of_its_own_and_stays_out_of_logs() {
        let tokens = tokens(&config(|_| {})).unwrap().unwrap();
        let (one, two) = (tokens.value(&user()).unwrap(), tokens.value(&user()).unwrap());
        assert_ne!(one, two);
        assert!(one.is_sensitive());
        let long = AgentUser { display_name: "张".repeat(10_000), ..user() };
        assert!(tokens.value(&long).unwrap().len() < 2_000);
    }

    #[test]
    fn in_the_header_of_keys_it_is_a_bearer_token() {
        let tokens = tokens(&config(|token| token.header = "authorization".to_owned())).unwrap().unwrap();
        assert!(tokens.value(&user()).unwrap().to_str().unwrap().starts_with("Bearer eyJ"));
    }

    #[rstest]
    #[case::short(|token: &mut IdentityToken| token.secret = Secret::new("x".repeat(31)), "secret")]
    #[case::ours(|token: &mut IdentityToken| token.header = "Content-Type".to_owned(), "header")]
    #[case::no_name(|token: &mut IdentityToken| token.header = "a b".to_owned(), "header")]
    fn settings_that_cannot_work_are_named(#[case] change: fn(&mut IdentityToken), #[case] field: &str) {
        let error = tokens(&config(change)).err().unwrap();
        assert_eq!(error.0, format!("/identity/token/{field}"));
    }
}
