//! What a chat agent's settings must be, checked once when it is built.

use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HOST,
    HeaderName, HeaderValue, PROXY_AUTHORIZATION, TE, TRANSFER_ENCODING, UPGRADE,
};
use serde_json::{Map, Value};
use switchboard_ports::agents::AgentConfig;
use url::Url;

use super::super::template::{Template, sensitive};

/// A JSON pointer into the agent's settings, and what is allowed there.
pub(super) type FieldError = (String, String);

/// Most additional headers.
const HEADERS_MAX: usize = 50;

/// Longest `extra_body`, as JSON, in bytes.
const EXTRA_BODY_BYTES_MAX: usize = 64 * 1024;

/// Fields of the request's body that have a setting of their own or are ours alone. `extra_body` may not name them:
/// refusing them is plainer than leaving them out in silence.
const RESERVED_FIELDS: [(&str, &str); 3] = [
    ("messages", "is made from the conversation and cannot be set"),
    ("model", "is set by the agent's own field \"model\""),
    ("stream", "is set by the agent's own field \"stream\""),
];

/// Headers that the request sets itself or that belong to the connection.
const RESERVED_HEADERS: [HeaderName; 11] = [
    ACCEPT,
    ACCEPT_ENCODING,
    CONNECTION,
    CONTENT_ENCODING,
    CONTENT_LENGTH,
    CONTENT_TYPE,
    HOST,
    PROXY_AUTHORIZATION,
    TE,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// Settings, read and checked. No `Debug`: it holds the key.
pub(super) struct Settings {
    /// Where requests go: `{base_url}/chat/completions`, with the base address's query if it has one.
    pub(super) url: Url,
    /// `Bearer KEY`, where there is a key.
    pub(super) authorization: Option<HeaderValue>,
    /// Additional headers.
    pub(super) headers: Vec<(HeaderName, Template)>,
    /// The model asked for unless a request names one.
    pub(super) model: Option<String>,
    /// The first message of every request.
    pub(super) system_prompt: Option<String>,
    /// More fields for the request's body.
    pub(super) extra_body: Map<String, Value>,
    /// Whether to ask for a stream.
    pub(super) stream: bool,
}

impl Settings {
    pub(super) fn read(config: &AgentConfig) -> Result<Self, FieldError> {
        if config.connect_timeout.is_zero() {
            return Err(at("/connect_timeout_ms", "must be at least 1"));
        }
        check_extra_body(&config.extra_body)?;
        let settings = Self {
            url: endpoint(&config.base_url).map_err(|message| at("/base_url", message))?,
            authorization: authorization(config)?,
            headers: headers(config)?,
            model: config.model.clone().filter(|model| !model.is_empty()),
            system_prompt: config.system_prompt.clone().filter(|prompt| !prompt.trim().is_empty()),
            extra_body: config.extra_body.clone(),
            stream: config.stream,
        };
        if settings.authorization.is_some() && settings.headers.iter().any(|(name, _)| name == AUTHORIZATION)
        {
            let message = "cannot be set beside api_key, which becomes this header; clear one of them";
            return Err(at(&header_pointer(AUTHORIZATION.as_str()), message));
        }
        Ok(settings)
    }
}

fn endpoint(base_url: &str) -> Result<Url, &'static str> {
    const SHAPE: &str = "must be an address like https://host/v1";
    let mut url = Url::parse(base_url).map_err(|_| SHAPE)?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err(SHAPE);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not contain a username or password; use api_key or headers");
    }
    if url.fragment().is_some() {
        return Err("must not contain a fragment (#)");
    }
    if url.path().trim_end_matches('/').ends_with("/chat/completions") {
        return Err("must be the base address only: /chat/completions is added to it");
    }
    url.path_segments_mut().map_err(|()| SHAPE)?.pop_if_empty().extend(["chat", "completions"]);
    Ok(url)
}

fn authorization(config: &AgentConfig) -> Result<Option<HeaderValue>, FieldError> {
    if config.api_key.is_empty() {
        return Ok(None);
    }
    let value = sensitive(&format!("Bearer {}", config.api_key.expose()))
        .ok_or_else(|| at("/api_key", "must consist of visible ASCII characters, without line breaks"))?;
    Ok(Some(value))
}

fn headers(config: &AgentConfig) -> Result<Vec<(HeaderName, Template)>, FieldError> {
    if config.headers.len() > HEADERS_MAX {
        return Err(at("/headers", format!("must have at most {HEADERS_MAX} entries")));
    }
    let mut headers: Vec<(HeaderName, Template)> = Vec::new();
    for (name, value) in &config.headers {
        let pointer = header_pointer(name);
        let name = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| at(&pointer, "must have a header name of letters, digits and hyphens"))?;
        if RESERVED_HEADERS.contains(&name) || name == "idempotency-key" {
            return Err(at(&pointer, "is a header that Switchboard sets itself or does not send"));
        }
        if headers.iter().any(|(known, _)| *known == name) {
            return Err(at(&pointer, "stands twice: header names do not differ by case"));
        }
        let template = Template::parse(value.expose()).map_err(|message| at(&pointer, message))?;
        headers.push((name, template));
    }
    Ok(headers)
}

fn check_extra_body(extra_body: &Map<String, Value>) -> Result<(), FieldError> {
    for (field, message) in RESERVED_FIELDS {
        if extra_body.contains_key(field) {
            return Err(at(&format!("/extra_body/{field}"), message));
        }
    }
    let length = serde_json::to_vec(extra_body).map_or(usize::MAX, |json| json.len());
    if length > EXTRA_BODY_BYTES_MAX {
        return Err(at("/extra_body", format!("must be at most {EXTRA_BODY_BYTES_MAX} bytes of JSON")));
    }
    Ok(())
}

fn at(pointer: &str, message: impl Into<String>) -> FieldError {
    (pointer.to_owned(), message.into())
}

/// RFC 6901: `~` and `/` are escaped.
fn header_pointer(name: &str) -> String {
    format!("/headers/{}", name.replace('~', "~0").replace('/', "~1"))
}
