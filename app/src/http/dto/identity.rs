//! What an agent is told of who asks on the wire, both ways.

use std::ops::RangeInclusive;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use switchboard_domain::secret::Secret;
use switchboard_ports::agents::{AgentIdentity, IdentityToken, TOKEN_SECRET_BYTES_MIN};
use utoipa::ToSchema;

use super::fields::Reader;
use super::merge::MASK;
use super::secrets::SECRET_BYTES_MAX;

const LINE_CHARS_MAX: usize = 200;
const AUDIENCE_CHARS_MAX: usize = 2_000;
/// A token counts for 10 s to one hour.
const LIFETIME_SECONDS: RangeInclusive<u32> = 10..=3_600;
const LIFETIME_SECONDS_USUAL: u32 = 300;
const HEADER: &str = "X-Switchboard-User";
const ISSUER: &str = "switchboard";

// For the API's document only: reading one is `read`.
/// What an agent is told of who asks, beside the user's id.
#[derive(Debug, ToSchema)]
#[schema(as = AgentIdentityInput)]
pub struct AgentIdentityInput {
    /// Whether each request's `metadata` has `user_id`, `username`, `name`, `platform` and `chat` (`private` or `group`), and
    /// what is switched on here. Kinds `openai-chat` and `openai-responses`.
    #[schema(default = false)]
    pub metadata: Option<bool>,
    /// Whether the agent may know the e-mail address, where it is verified: `metadata`, token and `{{user.email}}`.
    #[schema(default = false)]
    pub email: Option<bool>,
    /// Whether the agent may know the department: `metadata`, token and `{{user.department}}`.
    #[schema(default = false)]
    pub department: Option<bool>,
    /// A signed token (JWT, HS256) in a header of each request; null: none.
    #[schema(nullable)]
    pub token: Option<IdentityTokenInput>,
}

/// A signed token about who asks.
#[derive(Debug, ToSchema)]
#[schema(as = IdentityTokenInput)]
pub struct IdentityTokenInput {
    /// What it is signed with.
    #[schema(write_only, min_length = 32, max_length = 8192)]
    pub secret: String,
    /// The header that carries it; in `Authorization`, which must not have `api_key` then, behind `Bearer`.
    #[schema(default = "X-Switchboard-User", max_length = 200)]
    pub header: Option<String>,
    /// The claim `iss`.
    #[schema(default = "switchboard", max_length = 200)]
    pub issuer: Option<String>,
    /// The claim `aud`; null: the agent's `base_url`.
    #[schema(nullable, max_length = 2000)]
    pub audience: Option<String>,
    /// How long it counts.
    #[schema(default = 300, minimum = 10, maximum = 3_600)]
    pub lifetime_seconds: Option<u32>,
}

/// What an agent is told of who asks, beside the user's id.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AgentIdentityView {
    /// Whether each request's `metadata` says who asks.
    pub metadata: bool,
    /// Whether the agent may know the e-mail address, where it is verified.
    pub email: bool,
    /// Whether the agent may know the department.
    pub department: bool,
    /// A signed token (JWT, HS256) in a header of each request; null: none.
    pub token: Option<IdentityTokenView>,
}

/// A signed token about who asks.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct IdentityTokenView {
    /// `***`.
    pub secret: &'static str,
    /// The header that carries it.
    pub header: String,
    /// The claim `iss`.
    pub issuer: String,
    /// The claim `aud`; null: the agent's `base_url`.
    pub audience: Option<String>,
    /// How long it counts.
    pub lifetime_seconds: u64,
}

impl From<&AgentIdentity> for AgentIdentityView {
    fn from(identity: &AgentIdentity) -> Self {
        let token = |token: &IdentityToken| IdentityTokenView {
            secret: MASK,
            header: token.header.clone(),
            issuer: token.issuer.clone(),
            audience: token.audience.clone(),
            lifetime_seconds: token.lifetime.as_secs(),
        };
        Self {
            metadata: identity.metadata,
            email: identity.email,
            department: identity.department,
            token: identity.token.as_ref().map(token),
        }
    }
}

/// Reads the section; `stored` is what a patch changes.
pub(super) fn read(reader: &mut Reader<'_>, stored: Option<&AgentIdentity>) -> AgentIdentity {
    let kept = stored.and_then(|stored| stored.token.as_ref());
    let has_token = reader.raw("token").is_some();
    AgentIdentity {
        metadata: reader.flag("metadata", false),
        email: reader.flag("email", false),
        department: reader.flag("department", false),
        token: has_token.then(|| reader.section("token", |section| token(section, stored.is_some(), kept))),
    }
}

fn token(reader: &mut Reader<'_>, is_patch: bool, kept: Option<&IdentityToken>) -> IdentityToken {
    let lifetime = reader.number("lifetime_seconds", &LIFETIME_SECONDS, LIFETIME_SECONDS_USUAL);
    IdentityToken {
        secret: secret(reader, is_patch, kept),
        header: reader.line("header", LINE_CHARS_MAX).unwrap_or_else(|| HEADER.to_owned()),
        issuer: reader.line("issuer", LINE_CHARS_MAX).unwrap_or_else(|| ISSUER.to_owned()),
        audience: reader.line("audience", AUDIENCE_CHARS_MAX),
        lifetime: Duration::from_secs(u64::from(lifetime)),
    }
}

fn secret(reader: &mut Reader<'_>, is_patch: bool, kept: Option<&IdentityToken>) -> Secret {
    let text = match reader.raw("secret") {
        None => "",
        Some(Value::String(text)) => text.as_str(),
        Some(_) => {
            reader.wrong("secret", "must be text");
            return Secret::default();
        }
    };
    let is_kept = is_patch && (text.is_empty() || text == MASK);
    if let Some(kept) = kept.filter(|_| is_kept) {
        return kept.secret.clone();
    }
    let fits = (TOKEN_SECRET_BYTES_MIN..=SECRET_BYTES_MAX).contains(&text.len());
    if text == MASK {
        reader.wrong("secret", "must be the secret itself: *** only stands for a stored one");
    } else if !fits || text.contains(char::is_control) {
        let allowed =
            format!("must be text on one line of {TOKEN_SECRET_BYTES_MIN} to {SECRET_BYTES_MAX} bytes");
        reader.wrong("secret", allowed);
    }
    Secret::new(text)
}
