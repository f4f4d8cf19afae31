//! What the settings of an agent over HTTP must be, checked once when it is built.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HOST,
    HeaderMap, HeaderName, HeaderValue, PROXY_AUTHORIZATION, TE, TRANSFER_ENCODING, UPGRADE,
};
use serde_json::{Map, Value};
use switchboard_ports::agent::{AgentUser, RunRequest};
use switchboard_ports::agents::{AgentConfig, AgentMode};
use switchboard_ports::clock::Clock;
use url::Url;

use super::super::template::{Template, encode, sensitive};
use super::super::token::Tokens;

/// A JSON pointer into the agent's settings, and what is allowed there.
pub(in crate::agents) type FieldError = (String, String);

/// Says to which trace a request belongs (W3C Trace Context). One that the administrator has added stays as it is.
const TRACEPARENT: &str = "traceparent";

/// Most additional headers.
const HEADERS_MAX: usize = 50;

/// Longest `extra_body`, as JSON, in bytes.
const EXTRA_BODY_BYTES_MAX: usize = 64 * 1024;

/// Longest pause between two signs of life of a run that waits.
const LIFE_PAUSE_MAX: Duration = Duration::from_secs(10);

/// What one kind of agents asks of its settings.
pub(in crate::agents) struct Rules {
    /// What is added to the base address: `["chat", "completions"]`.
    pub(in crate::agents) path: &'static [&'static str],
    /// Fields of the request's body that have a setting of their own or are ours alone, each with why. `extra_body` may
    /// not name them: refusing them is plainer than leaving them out in silence.
    pub(in crate::agents) reserved_fields: &'static [(&'static str, &'static str)],
    /// The header that carries the key, and its value.
    pub(in crate::agents) key: fn(&str) -> (HeaderName, String),
    /// Whether there is a choice of how answers are fetched.
    pub(in crate::agents) has_modes: bool,
}

/// The key as a bearer token.
pub(in crate::agents) fn bearer(key: &str) -> (HeaderName, String) {
    (AUTHORIZATION, format!("Bearer {key}"))
}

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
pub(in crate::agents) struct Settings {
    /// Where requests go: `{base_url}/chat/completions`, with the base address's query if it has one.
    pub(in crate::agents) url: Url,
    /// The header with the key, where there is one.
    key: Option<(HeaderName, HeaderValue)>,
    /// Additional headers.
    pub(in crate::agents) headers: Vec<(HeaderName, Template)>,
    /// Makes the token about who asks, where one is asked for.
    tokens: Option<Tokens>,
    /// Whether `metadata` tells who asks.
    pub(in crate::agents) metadata: bool,
    /// The model asked for unless a request names one.
    pub(in crate::agents) model: Option<String>,
    /// What the agent is told before every conversation.
    pub(in crate::agents) system_prompt: Option<String>,
    /// More fields for the request's body.
    pub(in crate::agents) extra_body: Map<String, Value>,
    /// Whether to ask for a stream.
    pub(in crate::agents) stream: bool,
    /// Pause between two signs of life of a run that waits: well below the time-outs that would end it.
    pub(in crate::agents) life: Duration,
}

impl Settings {
    /// Reads and checks settings.
    pub(in crate::agents) fn read(
        config: &AgentConfig,
        rules: &Rules,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, FieldError> {
        if config.connect_timeout.is_zero() {
            return Err(at("/connect_timeout_ms", "must be at least 1"));
        }
        if config.mode != AgentMode::Auto && !rules.has_modes {
            return Err(at("/mode", "must be \"auto\" for agents of this kind"));
        }
        check_extra_body(&config.extra_body, rules.reserved_fields)?;
        let silence = config.limits.first_output_timeout.min(config.limits.idle_timeout);
        let settings = Self {
            url: endpoint(&config.base_url, rules.path).map_err(|message| at("/base_url", message))?,
            key: key(config, rules.key)?,
            headers: headers(config)?,
            tokens: Tokens::read(config, clock)?,
            metadata: config.identity.metadata,
            model: config.model.clone().filter(|model| !model.is_empty()),
            system_prompt: config.system_prompt.clone().filter(|prompt| !prompt.trim().is_empty()),
            extra_body: config.extra_body.clone(),
            stream: config.stream,
            life: (silence / 3).clamp(Duration::from_millis(10), LIFE_PAUSE_MAX),
        };
        if let Some((name, _)) = settings.key.as_ref().filter(|(name, _)| settings.has_header(name)) {
            let message = "cannot be set beside api_key, which becomes this header; clear one of them";
            return Err(at(&header_pointer(config, name), message));
        }
        let carries = |(name, _): &(HeaderName, HeaderValue)| {
            settings.tokens.as_ref().is_some_and(|it| it.header == *name)
        };
        if settings.key.as_ref().is_some_and(carries) {
            return Err(at("/identity/token/header", "carries api_key already; choose another header"));
        }
        Ok(settings)
    }

    fn has_header(&self, name: &HeaderName) -> bool {
        self.headers.iter().any(|(own, _)| own == name)
    }

    /// The headers of a request that asks; `None` where one of them cannot carry the user's name.
    pub(in crate::agents) fn asking(&self, request: &RunRequest, streamed: bool) -> Option<HeaderMap> {
        let mut headers = self.plain(Some(&request.user))?;
        // A server may answer in the other way all the same.
        let accept = if streamed { "text/event-stream" } else { "application/json" };
        headers.insert(ACCEPT, HeaderValue::from_static(accept));
        headers.insert("idempotency-key", sensitive(&encode(&request.turn))?);
        if let Some(trace) = request.trace.as_deref().filter(|_| !headers.contains_key(TRACEPARENT)) {
            headers.insert(TRACEPARENT, HeaderValue::from_str(trace).ok()?);
        }
        Some(headers)
    }

    /// The headers of every request: the key and what the administrator added. Without a user, headers that name one are
    /// left out.
    pub(in crate::agents) fn plain(&self, user: Option<&AgentUser>) -> Option<HeaderMap> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        if let Some((name, value)) = &self.key {
            headers.insert(name.clone(), value.clone());
        }
        for (name, template) in &self.headers {
            match user {
                Some(user) => drop(headers.insert(name.clone(), template.render(user)?)),
                None => drop(template.constant().map(|value| headers.insert(name.clone(), value))),
            }
        }
        if let (Some(tokens), Some(user)) = (&self.tokens, user) {
            headers.insert(tokens.header.clone(), tokens.value(user)?);
        }
        Some(headers)
    }
}

fn endpoint(base_url: &str, path: &[&str]) -> Result<Url, String> {
    const SHAPE: &str = "must be an address like https://host/v1";
    let mut url = Url::parse(base_url).map_err(|_| SHAPE)?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err(SHAPE.to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not contain a username or password; use api_key or headers".to_owned());
    }
    if url.fragment().is_some() {
        return Err("must not contain a fragment (#)".to_owned());
    }
    let added = format!("/{}", path.join("/"));
    if url.path().trim_end_matches('/').ends_with(&added) {
        return Err(format!("must be the base address only: {added} is added to it"));
    }
    url.path_segments_mut().map_err(|()| SHAPE)?.pop_if_empty().extend(path);
    Ok(url)
}

fn key(
    config: &AgentConfig,
    header: fn(&str) -> (HeaderName, String),
) -> Result<Option<(HeaderName, HeaderValue)>, FieldError> {
    if config.api_key.is_empty() {
        return Ok(None);
    }
    let (name, value) = header(config.api_key.expose());
    let value = sensitive(&value)
        .ok_or_else(|| at("/api_key", "must consist of visible ASCII characters, without line breaks"))?;
    Ok(Some((name, value)))
}

fn headers(config: &AgentConfig) -> Result<Vec<(HeaderName, Template)>, FieldError> {
    if config.headers.len() > HEADERS_MAX {
        return Err(at("/headers", format!("must have at most {HEADERS_MAX} entries")));
    }
    let mut headers: Vec<(HeaderName, Template)> = Vec::new();
    for (name, value) in &config.headers {
        let pointer = pointer_to(name);
        let name = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| at(&pointer, "must have a header name of letters, digits and hyphens"))?;
        if is_reserved(&name) {
            return Err(at(&pointer, "is a header that Switchboard sets itself or does not send"));
        }
        if headers.iter().any(|(known, _)| *known == name) {
            return Err(at(&pointer, "stands twice: header names do not differ by case"));
        }
        let template = Template::parse(value.expose()).map_err(|message| at(&pointer, message))?;
        let needs = template.needs();
        if needs.email && !config.identity.email {
            return Err(at(&pointer, "names {{user.email}}, which needs identity.email to be true"));
        }
        if needs.department && !config.identity.department {
            return Err(at(
                &pointer,
                "names {{user.department}}, which needs identity.department to be true",
            ));
        }
        headers.push((name, template));
    }
    Ok(headers)
}

/// Whether a header is one that requests set themselves or that belongs to the connection.
pub(in crate::agents) fn is_reserved(name: &HeaderName) -> bool {
    RESERVED_HEADERS.contains(name) || name == "idempotency-key"
}

fn check_extra_body(extra_body: &Map<String, Value>, reserved: &[(&str, &str)]) -> Result<(), FieldError> {
    for (field, message) in reserved {
        if extra_body.contains_key(*field) {
            return Err(at(&format!("/extra_body/{field}"), *message));
        }
    }
    let length = serde_json::to_vec(extra_body).map_or(usize::MAX, |json| json.len());
    if length > EXTRA_BODY_BYTES_MAX {
        return Err(at("/extra_body", format!("must be at most {EXTRA_BODY_BYTES_MAX} bytes of JSON")));
    }
    Ok(())
}

/// A mistake at a place of the settings.
pub(in crate::agents) fn at(pointer: &str, message: impl Into<String>) -> FieldError {
    (pointer.to_owned(), message.into())
}

/// The place of a header as the settings write its name: names have no case, pointers have.
pub(in crate::agents) fn header_pointer(config: &AgentConfig, name: &HeaderName) -> String {
    let written = config.headers.keys().find(|written| written.eq_ignore_ascii_case(name.as_str()));
    pointer_to(written.map_or(name.as_str(), String::as_str))
}

/// RFC 6901: `~` and `/` are escaped.
fn pointer_to(name: &str) -> String {
    format!("/headers/{}", name.replace('~', "~0").replace('/', "~1"))
}
