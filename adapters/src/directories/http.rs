//! A directory behind a company's own endpoint: one signed `POST` a look-up.
//!
//! Request: `{"platform","im_user_id","name","email","mobile"}`, with `X-Switchboard-Timestamp` (seconds since 1970) and
//! `X-Switchboard-Signature: sha256=HEX`, the HMAC-SHA256 (RFC 2104) over timestamp, a full stop, and the body as it was
//! sent. Answer: 200 with `{"users":[{"username","email","display_name","department","disabled"}]}`, where all but the username
//! may be absent or null; an empty list means that nobody fits. Everything else, 404 included, is no answer: a wrong address must shut nobody out.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::Client;
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use switchboard_domain::person::{Entry, Tells};
use switchboard_domain::secret::Secret;
use switchboard_ports::clock::Clock;
use switchboard_ports::directory::{
    Directory, DirectoryError, DirectoryKind, DirectorySettings, Found, LOOK_UP_TIMEOUT, Query,
};
use switchboard_ports::provider::FieldError;
use tokio::time::timeout;
use url::Url;

use super::fields::Fields;
use crate::net::{Network, SIGNATURE_HEADER, TIMESTAMP_HEADER, read_bounded, signature};

const KEY: &str = "/hmac_key";

/// Shortest key, in bytes: shorter ones can be guessed.
const KEY_BYTES_MIN: usize = 16;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Longest answer read, in bytes.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// The kind `http`.
pub(super) struct HttpKind {
    clock: Arc<dyn Clock>,
    network: Network,
}

impl HttpKind {
    pub(super) fn new(clock: Arc<dyn Clock>, network: Network) -> Self {
        Self { clock, network }
    }
}

fn checked(config: &Value, has_key: bool) -> Result<(Option<Url>, bool, Value), Vec<FieldError>> {
    let mut fields = Fields::new(config);
    let url = fields.url("url", &["https", "http"]);
    let needs_contact = fields.flag("send_contact", false);
    if !has_key {
        fields.wrong("hmac_key", "is required");
    }
    fields.finish().map(|checked| (url, needs_contact, checked))
}

impl DirectoryKind for HttpKind {
    fn kind(&self) -> &'static str {
        "http"
    }

    fn secret_fields(&self) -> &'static [&'static str] {
        &[KEY]
    }

    fn check_config(&self, config: &Value, secrets_set: &[String]) -> Result<Value, Vec<FieldError>> {
        checked(config, secrets_set.iter().any(|pointer| pointer == KEY)).map(|(_, _, checked)| checked)
    }

    fn check_secret(&self, pointer: &str, secret: &Secret) -> Result<(), String> {
        let is_short = pointer == KEY && secret.expose().len() < KEY_BYTES_MIN;
        if is_short { Err(format!("must have {KEY_BYTES_MIN} bytes at least")) } else { Ok(()) }
    }

    fn build(&self, settings: &DirectorySettings) -> Result<Arc<dyn Directory>, Vec<FieldError>> {
        let wrong = |pointer: &str, message: &str| {
            vec![FieldError { pointer: pointer.to_owned(), message: message.to_owned() }]
        };
        let key = settings.secrets.get(KEY).cloned().unwrap_or_default();
        let (url, needs_contact, _) = checked(&settings.config, !key.is_empty())?;
        self.check_secret(KEY, &key).map_err(|message| wrong(KEY, &message))?;
        let url = url.ok_or_else(|| wrong("/url", "is required"))?;
        let client = self.network.client(CONNECT_TIMEOUT);
        let client = client.map_err(|_| wrong("/url", "cannot be asked: failed to set HTTP up"))?;
        Ok(Arc::new(HttpDirectory { clock: Arc::clone(&self.clock), client, url, key, needs_contact }))
    }
}

struct HttpDirectory {
    clock: Arc<dyn Clock>,
    client: Client,
    url: Url,
    key: Secret,
    needs_contact: bool,
}

/// An answer; fields of a later version of it are passed over.
#[derive(Deserialize)]
struct Answer {
    users: Vec<Person>,
}

#[derive(Deserialize)]
struct Person {
    username: String,
    #[serde(default)]
    email: Told,
    #[serde(default)]
    display_name: Option<String>,
    #[serde(default)]
    department: Told,
    #[serde(default)]
    disabled: Option<bool>,
}

/// A member that tells of nothing where it is not there, and that there is none where it is `null`.
#[derive(Default)]
struct Told {
    is_there: bool,
    text: Option<String>,
}

impl<'de> Deserialize<'de> for Told {
    fn deserialize<D: Deserializer<'de>>(member: D) -> Result<Self, D::Error> {
        Ok(Self { is_there: true, text: Option::deserialize(member)? })
    }
}

impl HttpDirectory {
    async fn ask(&self, query: &Query) -> Result<Found, DirectoryError> {
        let contact = query.contact.as_ref();
        let body = json!({
            "platform": query.platform,
            "im_user_id": query.im_user_id,
            "name": query.name,
            "email": contact.and_then(|contact| contact.email.as_deref()),
            "mobile": contact.and_then(|contact| contact.mobile.as_deref()),
        });
        let body = body.to_string();
        let timestamp = (self.clock.now().as_millis() / 1_000).to_string();
        let signature = signature(self.key.expose().as_bytes(), &timestamp, body.as_bytes());
        let request = self
            .client
            .post(self.url.clone())
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .header(TIMESTAMP_HEADER, timestamp)
            .header(SIGNATURE_HEADER, signature)
            .body(body);
        let unavailable = |what: &str| DirectoryError::Unavailable(what.to_owned());
        let response = request.send().await.map_err(|error| {
            unavailable(if error.is_connect() { "no connection" } else { "the connection broke" })
        })?;
        let status = response.status().as_u16();
        match status {
            200 => {}
            401 | 403 => return Err(DirectoryError::Denied(format!("status {status}: check hmac_key"))),
            429 | 500.. => return Err(DirectoryError::Unavailable(format!("status {status}"))),
            _ => return Err(DirectoryError::Malformed(format!("status {status} where 200 was expected"))),
        }
        let body = read_bounded(response, ANSWER_BYTES_MAX).await;
        read(&body.map_err(|_| unavailable("the answer was cut off, or is longer than 64 KiB"))?)
    }
}

/// Reads an answer. The parser's own words are left out: they quote people.
fn read(body: &[u8]) -> Result<Found, DirectoryError> {
    let answer: Answer = serde_json::from_slice(body)
        .map_err(|_| DirectoryError::Malformed("not the JSON that was expected".to_owned()))?;
    let mut users = answer.users.into_iter();
    Ok(match (users.next(), users.next()) {
        (None, _) => Found::Nobody,
        (Some(user), None) => Found::One(Entry {
            username: user.username,
            tells: Tells { email: user.email.is_there, department: user.department.is_there },
            email: user.email.text,
            display_name: user.display_name,
            department: user.department.text,
            disabled: user.disabled.unwrap_or(false),
        }),
        (Some(_), Some(_)) => Found::Several,
    })
}

#[async_trait]
impl Directory for HttpDirectory {
    fn needs_contact(&self) -> bool {
        self.needs_contact
    }

    async fn look_up(&self, query: &Query) -> Result<Found, DirectoryError> {
        let asked = timeout(LOOK_UP_TIMEOUT, self.ask(query)).await;
        asked.unwrap_or_else(|_| Err(DirectoryError::Unavailable("no answer in time".to_owned())))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{DirectoryError, Found, Tells, read};

    #[rstest]
    #[case(r#"{"users":[]}"#, "nobody")]
    #[case(r#"{"users":[{"username":"ann","later":1}]}"#, "one")]
    #[case(r#"{"users":[{"username":"ann","email":null,"display_name":null,"department":null,"disabled":null}]}"#, "one")]
    #[case(r#"{"users":[{"username":"ann","disabled":true}]}"#, "disabled")]
    #[case(r#"{"users":[{"username":"ann","disabled":"no"}]}"#, "malformed")]
    #[case(r#"{"users":[{"username":null}]}"#, "malformed")]
    #[case(r#"{"users":[{"username":"ann"},{"username":"bob"}]}"#, "several")]
    #[case("{}", "malformed")]
    #[case(r#"{"users":[{"email":"a@b.c"}]}"#, "malformed")]
    #[case("<html>", "malformed")]
    #[case("", "malformed")]
    fn only_what_is_said_clearly_counts(#[case] body: &str, #[case] expected: &str) {
        let found = match read(body.as_bytes()) {
            Ok(Found::Nobody) => "nobody",
            Ok(Found::One(entry)) if entry.disabled => "disabled",
            Ok(Found::One(_)) => "one",
            Ok(Found::Several) => "several",
            Err(DirectoryError::Malformed(_)) => "malformed",
            Err(_) => "another error",
        };
        assert_eq!(found, expected);
    }

    /// A member that is not there tells nothing; one that is `null` tells that there is none (any more).
    #[rstest]
    #[case(r#"{"username":"ann"}"#, (false, false))]
    #[case(r#"{"username":"ann","email":null}"#, (true, false))]
    #[case(r#"{"username":"ann","email":"a@x.com","department":null}"#, (true, true))]
    fn a_member_that_is_there_tells_something(#[case] user: &str, #[case] (email, department): (bool, bool)) {
        let Ok(Found::One(entry)) = read(format!(r#"{{"users":[{user}]}}"#).as_bytes()) else {
            panic!("one person");
        };
        assert_eq!(entry.tells, Tells { email, department });
        assert_eq!(entry.email.as_deref(), user.contains("a@x.com").then_some("a@x.com"));
    }
}
