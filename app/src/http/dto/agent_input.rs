//! Agents on the wire, inwards: whole documents and merge patches checked into the port's type.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderName, HeaderValue};
use serde_json::{Map, Value};
use switchboard_domain::choice::{AllowList, NAME_CHARS_MAX as MODEL_CHARS_MAX};
use switchboard_domain::ids::{AgentId, Version};
use switchboard_domain::secret::Secret;
use switchboard_domain::settings::TurnLimits;
use switchboard_domain::time::Timestamp;
use switchboard_ports::agent::AgentKind;
use switchboard_ports::agents::{AgentConfig, AgentMode, HEADER_VALUE_BYTES_MAX, MODELS_MAX};
use switchboard_ports::provider::FieldError;
use url::Url;
use utoipa::ToSchema;

use super::agent::AgentView;
use super::fields::{self, Fields, Reader, must_be, pointer_part};
use super::identity::{self, AgentIdentityInput};
use super::merge::{self, MASK};

/// Characters of a resource's name, at most.
pub const NAME_CHARS_MAX: usize = 100;
const LINE_CHARS_MAX: usize = 2_000;
const PROMPT_CHARS_MAX: usize = 100_000;
const KEY_CHARS_MAX: usize = 8_192;
const HEADERS_MAX: usize = 50;
const EXTRA_BODY_BYTES_MAX: usize = 64 * 1024;
/// Connecting may take 100 ms to one minute.
const CONNECT_MS: RangeInclusive<u32> = 100..=60_000;
/// Waiting for output may take 100 ms to one hour.
const OUTPUT_MS: RangeInclusive<u32> = 100..=3_600_000;
/// A turn may take 1 s to 6 hours.
const TURN_MS: RangeInclusive<u32> = 1_000..=21_600_000;
const OUTPUT_CHARS: RangeInclusive<u32> = 1..=2_000_000;
const HISTORY_MESSAGES: RangeInclusive<u32> = 0..=1_000;
const HISTORY_CHARS: RangeInclusive<u32> = 0..=2_000_000;

/// The kinds of agents this build has, by name.
pub type Kinds = BTreeMap<&'static str, Arc<dyn AgentKind>>;

// For the API's document only: reading one is `created` and `patched`, which name all mistakes at once.
/// An agent as it is made.
#[derive(Debug, ToSchema)]
#[schema(as = AgentInput)]
pub struct AgentInput {
    /// Unique without regard to case; one line.
    #[schema(min_length = 1, max_length = 100)]
    pub name: String,
    /// What it speaks.
    #[schema(example = "openai-chat")]
    pub kind: String,
    /// Base address of its API, http or https; required by kinds that need one.
    #[schema(nullable, max_length = 2000)]
    pub base_url: Option<String>,
    /// Its key.
    #[schema(write_only, max_length = 8192)]
    pub api_key: Option<String>,
    /// The model to ask for.
    #[schema(max_length = 2000)]
    pub model: Option<String>,
    /// The models that people may choose in the chat, by name; one that ends with `*` stands for all that begin so. Empty: all
    /// that the agent tells.
    #[schema(max_items = 200)]
    pub models: Option<Vec<String>>,
    /// What it is told before every conversation.
    #[schema(max_length = 100_000)]
    pub system_prompt: Option<String>,
    /// Additional headers; values may hold templates on the mapped user (`{{user.username}}`).
    pub headers: Option<BTreeMap<String, String>>,
    /// Merged into each request's body.
    #[schema(value_type = Option<Object>)]
    pub extra_body: Option<Map<String, Value>>,
    /// Whether answers are streamed.
    #[schema(default = true)]
    pub stream: Option<bool>,
    /// How answers are fetched, for agents of kind `wegent`: `auto` streams and turns to polling where the team cannot
    /// stream, `stream` and `poll` do only that. Other kinds take `auto` alone.
    #[schema(default = "auto", example = "auto")]
    pub mode: Option<String>,
    /// What the agent is told of who asks, beside the user's id.
    pub identity: Option<AgentIdentityInput>,
    /// Time to connect.
    #[schema(minimum = 100, maximum = 60_000, default = 5_000)]
    pub connect_timeout_ms: Option<u32>,
    /// Time to the first output.
    #[schema(minimum = 100, maximum = 3_600_000, default = 60_000)]
    pub first_output_timeout_ms: Option<u32>,
    /// Time from one output to the next.
    #[schema(minimum = 100, maximum = 3_600_000, default = 60_000)]
    pub idle_timeout_ms: Option<u32>,
    /// Time for a whole turn.
    #[schema(minimum = 1_000, maximum = 21_600_000, default = 600_000)]
    pub turn_timeout_ms: Option<u32>,
    /// Longest answer.
    #[schema(minimum = 1, maximum = 2_000_000, default = 200_000)]
    pub max_output_chars: Option<u32>,
    /// Most messages handed over as context.
    #[schema(minimum = 0, maximum = 1_000, default = 40)]
    pub max_history_messages: Option<u32>,
    /// Most characters handed over as context.
    #[schema(minimum = 0, maximum = 2_000_000, default = 60_000)]
    pub max_history_chars: Option<u32>,
}

/// A new agent out of a whole document.
pub fn created(
    document: &Value,
    id: AgentId,
    now: Timestamp,
    kinds: &Kinds,
) -> Result<AgentConfig, Vec<FieldError>> {
    fields::object(document)?;
    let stamp = Stamp { id, created_at: now, updated_at: now, version: Version(1), managed_by_file: false };
    read(document, None, stamp, kinds, Fields::default())
}

/// A stored agent with a merge patch over it.
pub fn patched(
    stored: &AgentConfig,
    patch: Value,
    now: Timestamp,
    kinds: &Kinds,
) -> Result<AgentConfig, Vec<FieldError>> {
    fields::object(&patch)?;
    let mut fields = Fields::default();
    let current = serde_json::to_value(AgentView::from(stored)).unwrap_or_default();
    let document = merge::merged(current, patch, &mut fields);
    read(&document, Some(stored), Stamp::of(stored, now), kinds, fields)
}

/// A stored agent made anew of a whole document: what is absent falls back to its default, a secret that is `***` stays.
pub fn replaced(
    stored: &AgentConfig,
    document: &Value,
    now: Timestamp,
    kinds: &Kinds,
) -> Result<AgentConfig, Vec<FieldError>> {
    fields::object(document)?;
    let mut fields = Fields::default();
    if stored.api_key.is_empty() && document.get("api_key").and_then(Value::as_str) == Some(MASK) {
        // Without a word it would be none.
        fields.wrong("/api_key", "must be the key itself: *** only stands for a stored one");
    }
    read(document, Some(stored), Stamp::of(stored, now), kinds, fields)
}

struct Stamp {
    id: AgentId,
    created_at: Timestamp,
    updated_at: Timestamp,
    version: Version,
    managed_by_file: bool,
}

impl Stamp {
    fn of(stored: &AgentConfig, now: Timestamp) -> Self {
        Self {
            id: stored.id.clone(),
            created_at: stored.created_at,
            updated_at: now,
            version: stored.version,
            managed_by_file: stored.managed_by_file,
        }
    }
}

fn read(
    document: &Value,
    stored: Option<&AgentConfig>,
    stamp: Stamp,
    kinds: &Kinds,
    mut fields: Fields,
) -> Result<AgentConfig, Vec<FieldError>> {
    let mut reader = Reader::new(document, &mut fields);
    let name = reader.name("name", NAME_CHARS_MAX);
    let kind = kind(&mut reader, kinds);
    let needs_base_url = kind.is_some_and(|kind| kind.needs_base_url());
    let agent = AgentConfig {
        id: stamp.id,
        name,
        kind: kind.map_or(String::new(), |kind| kind.kind().to_owned()),
        base_url: base_url(&mut reader, needs_base_url),
        api_key: api_key(&mut reader, stored),
        model: reader.line("model", LINE_CHARS_MAX),
        models: AllowList(reader.lines("models", MODELS_MAX, MODEL_CHARS_MAX)),
        system_prompt: reader.prose("system_prompt", PROMPT_CHARS_MAX),
        headers: headers(&mut reader, stored),
        extra_body: extra_body(&mut reader),
        stream: reader.flag("stream", true),
        mode: reader.choice("mode", &AgentMode::ALL, AgentMode::Auto),
        identity: reader
            .section("identity", |section| identity::read(section, stored.map(|stored| &stored.identity))),
        connect_timeout: span(reader.number("connect_timeout_ms", &CONNECT_MS, 5_000)),
        limits: TurnLimits {
            first_output_timeout: span(reader.number("first_output_timeout_ms", &OUTPUT_MS, 60_000)),
            idle_timeout: span(reader.number("idle_timeout_ms", &OUTPUT_MS, 60_000)),
            turn_timeout: span(reader.number("turn_timeout_ms", &TURN_MS, 600_000)),
            output_chars_max: usize::try_from(reader.number("max_output_chars", &OUTPUT_CHARS, 200_000))
                .unwrap_or(usize::MAX),
        },
        history_messages_max: reader.number("max_history_messages", &HISTORY_MESSAGES, 40),
        history_chars_max: reader.number("max_history_chars", &HISTORY_CHARS, 60_000),
        managed_by_file: stamp.managed_by_file,
        version: stamp.version,
        created_at: stamp.created_at,
        updated_at: stamp.updated_at,
    };
    reader.finish();
    let agent = fields.into_result(agent)?;
    let built = kind.map(|kind| kind.build(&agent)).transpose();
    built.map_err(|(pointer, message)| vec![FieldError { pointer, message }])?;
    Ok(agent)
}

fn span(millis: u32) -> Duration {
    Duration::from_millis(u64::from(millis))
}

fn kind<'k>(reader: &mut Reader<'_>, kinds: &'k Kinds) -> Option<&'k Arc<dyn AgentKind>> {
    let Some(value) = reader.raw("kind") else {
        reader.wrong("kind", "is required");
        return None;
    };
    let kind = value.as_str().and_then(|name| kinds.get(name));
    if kind.is_none() {
        reader.wrong("kind", must_be(kinds.keys().copied()));
    }
    kind
}

fn base_url(reader: &mut Reader<'_>, needed: bool) -> String {
    let allowed = "must be an address that begins with http:// or https://, without user, query or fragment";
    let Some(text) = reader.line("base_url", LINE_CHARS_MAX) else {
        if needed {
            reader.wrong("base_url", "is required for this kind");
        }
        return String::new();
    };
    let fits = |url: &Url| {
        matches!(url.scheme(), "http" | "https")
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
    };
    if !Url::parse(&text).is_ok_and(|url| fits(&url)) {
        reader.wrong("base_url", allowed);
    }
    text
}

fn api_key(reader: &mut Reader<'_>, stored: Option<&AgentConfig>) -> Secret {
    let Some(value) = reader.raw("api_key") else {
        return Secret::default();
    };
    let Some(text) = value.as_str().filter(|text| is_header_text(text)) else {
        reader.wrong(
            "api_key",
            format!("must be text of {KEY_CHARS_MAX} visible ASCII characters at most, or null"),
        );
        return Secret::default();
    };
    match stored {
        Some(stored) if text.is_empty() || text == MASK => stored.api_key.clone(),
        None if text == MASK => {
            reader.wrong("api_key", "must be the key itself: *** only stands for a stored one");
            Secret::default()
        }
        Some(_) | None => Secret::new(text),
    }
}

fn is_header_text(text: &str) -> bool {
    text.len() <= KEY_CHARS_MAX && HeaderValue::from_str(text).is_ok() && text.is_ascii()
}

fn headers(reader: &mut Reader<'_>, stored: Option<&AgentConfig>) -> BTreeMap<String, Secret> {
    let Some(map) = reader.object("headers") else {
        return BTreeMap::new();
    };
    if map.len() > HEADERS_MAX {
        reader.wrong("headers", format!("may have {HEADERS_MAX} entries at most"));
        return BTreeMap::new();
    }
    let mut seen = BTreeSet::new();
    let mut headers = BTreeMap::new();
    for (name, value) in map {
        match header(name, value, stored) {
            Ok(value) if seen.insert(name.to_lowercase()) => {
                headers.insert(name.clone(), value);
            }
            Ok(_) => wrong_header(reader, name, "stands here twice: header names have no case"),
            Err(message) => wrong_header(reader, name, &message),
        }
    }
    headers
}

fn wrong_header(reader: &mut Reader<'_>, name: &str, message: &str) {
    reader.wrong_below("headers", &pointer_part(name), message);
}

fn header(name: &str, value: &Value, stored: Option<&AgentConfig>) -> Result<Secret, String> {
    if HeaderName::from_bytes(name.as_bytes()).is_err() {
        return Err(String::from("is not a header name"));
    }
    let fits = |text: &&str| text.len() <= HEADER_VALUE_BYTES_MAX && !text.contains(char::is_control);
    let Some(text) = value.as_str().filter(fits) else {
        return Err(format!("must be text on one line of {HEADER_VALUE_BYTES_MAX} bytes at most"));
    };
    if text == MASK || text.is_empty() && stored.is_some() {
        let kept = stored.and_then(|stored| stored.headers.get(name));
        let message = "must be the value itself: *** only stands for a stored one";
        return kept.cloned().ok_or_else(|| String::from(message));
    }
    Ok(Secret::new(text))
}

fn extra_body(reader: &mut Reader<'_>) -> Map<String, Value> {
    let Some(map) = reader.object("extra_body") else {
        return Map::new();
    };
    let bytes = serde_json::to_vec(map).map_or(usize::MAX, |bytes| bytes.len());
    if bytes > EXTRA_BODY_BYTES_MAX {
        reader.wrong("extra_body", format!("may have {EXTRA_BODY_BYTES_MAX} bytes at most"));
    }
    map.clone()
}

#[cfg(test)]
mod tests;
