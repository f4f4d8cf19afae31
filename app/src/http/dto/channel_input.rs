//! Channels on the wire, inwards: whole documents and merge patches checked into the port's type.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use switchboard_domain::ids::{AgentId, ChannelId, UserId, Version};
use switchboard_domain::secret::Secret;
use switchboard_domain::settings::{
    AccessSettings, Busy, ConversationSettings, GroupPolicy, GroupScope, Locale, MappingMode, OnMiss, Stale,
    UserMapping,
};
use switchboard_domain::time::Timestamp;
use switchboard_ports::channels::Channel;
use switchboard_ports::provider::{FieldError, Provider};
use utoipa::ToSchema;

use super::agent_input::NAME_CHARS_MAX;
use super::channel::{BUSY, ChannelView, GROUPS, LOCALES, ON_MISS, SCOPES, STALE, put, take};
use super::fields::{self, Fields, Reader};
use super::merge::{self, MASK};

const MODEL_CHARS_MAX: usize = 2_000;
const TEMPLATE_CHARS_MAX: usize = 200;
/// Longest secret of a platform's settings, in bytes.
pub const SECRET_BYTES_MAX: usize = 8_192;
/// At most one week.
const MINUTES: RangeInclusive<u32> = 0..=10_080;
const MESSAGES_PER_MINUTE: RangeInclusive<u32> = 0..=10_000;

/// Ways in which authors become users; numbers, because one of them needs a user to be a mode.
pub(super) const MODES: [(&str, u8); 4] =
    [("auto_create", 0), ("match_username", 1), ("match_email", 2), ("fixed_user", 3)];
/// Who may write.
pub(super) const USERS: [(&str, ()); 1] = [("everyone", ())];

/// The platforms this build has, by name.
pub type Providers = BTreeMap<&'static str, Arc<dyn Provider>>;

/// What a channel may refer to.
#[derive(Debug, Clone, Default)]
pub struct References {
    /// Agents there are.
    pub agents: BTreeSet<AgentId>,
    /// Users there are, as far as the document names them.
    pub users: BTreeSet<UserId>,
}

// For the API's document only: reading one is `created` and `patched`, which name all mistakes at once.
/// A channel as it is made.
#[derive(Debug, ToSchema)]
#[schema(as = ChannelInput)]
pub struct ChannelInput {
    /// Unique without regard to case; one line.
    #[schema(min_length = 1, max_length = 100)]
    pub name: String,
    /// The platform; cannot be changed later.
    #[schema(rename = "type", example = "dingtalk")]
    pub r#type: String,
    /// Whether it should be connected.
    #[schema(default = true)]
    pub enabled: Option<bool>,
    /// The agent that answers; null: each message gets one sentence.
    pub default_agent_id: Option<String>,
    /// The model to ask for, instead of the agent's.
    #[schema(max_length = 2000)]
    pub default_model: Option<String>,
    /// `en` or `zh-CN`.
    #[schema(default = "en")]
    pub locale: Option<String>,
    /// The platform's settings.
    #[schema(value_type = Object)]
    pub config: Map<String, Value>,
    /// How authors become users.
    pub user_mapping: Option<UserMappingInput>,
    /// Rules of conversations.
    pub conversation: Option<ConversationSettingsInput>,
    /// Who may write, how often.
    pub access: Option<AccessInput>,
}

/// How authors become users.
#[derive(Debug, ToSchema)]
#[schema(as = UserMappingInput)]
pub struct UserMappingInput {
    /// `auto_create`, `match_username`, `match_email` or `fixed_user`.
    #[schema(default = "auto_create")]
    pub mode: Option<String>,
    /// `create` or `reject`.
    #[schema(default = "create")]
    pub on_miss: Option<String>,
    /// Holds `{user_id}`.
    #[schema(default = "{user_id}@im-platform.com", max_length = 200)]
    pub email_template: Option<String>,
    /// Required with `fixed_user`.
    pub user_id: Option<String>,
}

/// Rules of conversations.
#[derive(Debug, ToSchema)]
#[schema(as = ConversationSettingsInput)]
pub struct ConversationSettingsInput {
    /// `per_user` or `shared`.
    #[schema(default = "per_user")]
    pub group_scope: Option<String>,
    /// 0: never.
    #[schema(minimum = 0, maximum = 10_080, default = 0)]
    pub idle_timeout_minutes: Option<u32>,
    /// `queue`, `interrupt` or `reject`.
    #[schema(default = "queue")]
    pub busy: Option<String>,
    /// A message older than this when it would be answered is stale; 0: never.
    #[schema(minimum = 0, maximum = 10_080, default = 60)]
    pub stale_after_minutes: Option<u32>,
    /// What happens to a stale message: `answer`, `note` or `skip`.
    #[schema(default = "note")]
    pub stale: Option<String>,
}

/// Who may write, how often.
#[derive(Debug, ToSchema)]
#[schema(as = AccessInput)]
pub struct AccessInput {
    /// `everyone`.
    #[schema(default = "everyone")]
    pub users: Option<String>,
    /// `mention_only` or `off`.
    #[schema(default = "mention_only")]
    pub groups: Option<String>,
    /// Per user; 0: no limit.
    #[schema(minimum = 0, maximum = 10_000, default = 30)]
    pub messages_per_minute: Option<u32>,
}

/// A new channel out of a whole document.
pub fn created(
    document: &Value,
    id: ChannelId,
    now: Timestamp,
    providers: &Providers,
    references: &References,
) -> Result<Channel, Vec<FieldError>> {
    fields::object(document)?;
    let stamp = Stamp { id, created_at: now, updated_at: now, version: Version(1), managed_by_file: false };
    read(document, None, stamp, providers, references, Fields::default())
}

/// A stored channel with a merge patch over it.
pub fn patched(
    stored: &Channel,
    patch: Value,
    now: Timestamp,
    providers: &Providers,
    references: &References,
) -> Result<Channel, Vec<FieldError>> {
    fields::object(&patch)?;
    let mut fields = Fields::default();
    let current = serde_json::to_value(ChannelView::from(stored)).unwrap_or_default();
    let document = merge::merged(current, patch, &mut fields);
    let stamp = Stamp {
        id: stored.id.clone(),
        created_at: stored.created_at,
        updated_at: now,
        version: stored.version,
        managed_by_file: stored.managed_by_file,
    };
    read(&document, Some(stored), stamp, providers, references, fields)
}

struct Stamp {
    id: ChannelId,
    created_at: Timestamp,
    updated_at: Timestamp,
    version: Version,
    managed_by_file: bool,
}

fn read(
    document: &Value,
    stored: Option<&Channel>,
    stamp: Stamp,
    providers: &Providers,
    references: &References,
    mut fields: Fields,
) -> Result<Channel, Vec<FieldError>> {
    let mut reader = Reader::new(document, &mut fields);
    let name = reader.name("name", NAME_CHARS_MAX);
    let provider = provider(&mut reader, stored, providers);
    let enabled = reader.flag("enabled", true);
    let default_agent = default_agent(&mut reader, references);
    let default_model = reader.line("default_model", MODEL_CHARS_MAX);
    let locale = reader.choice("locale", &LOCALES, Locale::En);
    let config = reader.raw("config").cloned();
    let user_mapping = reader.section("user_mapping", |mapping| user_mapping(mapping, references));
    let conversation = reader.section("conversation", conversation);
    let access = reader.section("access", access);
    reader.finish();
    let (config, secrets) = settings(config, stored, provider, &mut fields);
    fields.into_result(Channel {
        id: stamp.id,
        name,
        platform: provider.map_or(String::new(), |p| p.description().platform.to_owned()),
        enabled,
        default_agent,
        default_model,
        locale,
        config,
        secrets,
        user_mapping,
        conversation,
        access,
        managed_by_file: stamp.managed_by_file,
        version: stamp.version,
        created_at: stamp.created_at,
        updated_at: stamp.updated_at,
    })
}

fn provider<'p>(
    reader: &mut Reader<'_>,
    stored: Option<&Channel>,
    providers: &'p Providers,
) -> Option<&'p Arc<dyn Provider>> {
    let Some(value) = reader.raw("type") else {
        reader.wrong("type", "is required");
        return None;
    };
    let provider = value.as_str().and_then(|name| providers.get(name));
    if provider.is_none() {
        let names: Vec<_> = providers.keys().map(|name| format!("\"{name}\"")).collect();
        reader.wrong("type", format!("must be {}", names.join(" or ")));
    } else if stored.is_some_and(|stored| value.as_str() != Some(stored.platform.as_str())) {
        reader.wrong("type", "cannot be changed: make a new channel");
    }
    provider
}

fn default_agent(reader: &mut Reader<'_>, references: &References) -> Option<AgentId> {
    let id = AgentId::new(reader.line("default_agent_id", NAME_CHARS_MAX)?);
    if !references.agents.contains(&id) {
        reader.wrong("default_agent_id", "names no agent there is");
    }
    Some(id)
}

fn user_mapping(reader: &mut Reader<'_>, references: &References) -> UserMapping {
    let mode = match reader.raw("mode").and_then(Value::as_str) {
        Some("directory") => {
            reader.wrong("mode", "\"directory\" is not available in this version");
            0
        }
        Some(_) | None => reader.choice("mode", &MODES, 0),
    };
    let user = reader.line("user_id", NAME_CHARS_MAX).map(UserId::new);
    // A user left over from another mode is dropped, so that a patch of the mode alone is enough.
    let mode = match (mode, user) {
        (3, Some(user)) => {
            if !references.users.contains(&user) {
                reader.wrong("user_id", "names no user there is");
            }
            MappingMode::FixedUser(user)
        }
        (3, None) => {
            reader.wrong("user_id", "is required with \"fixed_user\"");
            MappingMode::AutoCreate
        }
        (1, _) => MappingMode::MatchUsername,
        (2, _) => MappingMode::MatchEmail,
        (_, _) => MappingMode::AutoCreate,
    };
    let on_miss = reader.choice("on_miss", &ON_MISS, OnMiss::Create);
    let default = UserMapping::default().email_template;
    let email_template = reader.line("email_template", TEMPLATE_CHARS_MAX).unwrap_or(default);
    let is_address =
        email_template.matches('@').count() == 1 && !email_template.contains(char::is_whitespace);
    if !is_address || email_template.matches("{user_id}").count() != 1 {
        reader.wrong("email_template", "must be an e-mail address that holds {user_id} once");
    }
    UserMapping { mode, on_miss, email_template }
}

fn conversation(reader: &mut Reader<'_>) -> ConversationSettings {
    let minutes = |minutes: u32| Duration::from_secs(u64::from(minutes).saturating_mul(60));
    ConversationSettings {
        group_scope: reader.choice("group_scope", &SCOPES, GroupScope::PerUser),
        idle_timeout: minutes(reader.number("idle_timeout_minutes", &MINUTES, 0)),
        busy: reader.choice("busy", &BUSY, Busy::Queue),
        stale_after: minutes(reader.number("stale_after_minutes", &MINUTES, 60)),
        stale: reader.choice("stale", &STALE, Stale::Note),
    }
}

fn access(reader: &mut Reader<'_>) -> AccessSettings {
    reader.choice("users", &USERS, ());
    AccessSettings {
        groups: reader.choice("groups", &GROUPS, GroupPolicy::MentionOnly),
        messages_per_minute: reader.number("messages_per_minute", &MESSAGES_PER_MINUTE, 30),
    }
}

type Settings = (Value, BTreeMap<String, Secret>);

/// The platform's settings, secrets apart, checked by the platform.
fn settings(
    config: Option<Value>,
    stored: Option<&Channel>,
    provider: Option<&Arc<dyn Provider>>,
    fields: &mut Fields,
) -> Settings {
    let nothing = || (Value::Null, BTreeMap::new());
    let Some(mut config) = config else {
        fields.wrong("/config", "is required");
        return nothing();
    };
    if !config.is_object() {
        fields.wrong("/config", "must be a JSON object");
        return nothing();
    }
    let Some(provider) = provider else {
        return nothing();
    };
    let mut secrets = BTreeMap::new();
    let mut given = Vec::new();
    for pointer in provider.description().secret_fields {
        let Some(value) = take(&mut config, pointer).filter(|value| !value.is_null()) else {
            continue;
        };
        // A secret that is there and bad was given: the platform must not say "is required" as well.
        given.push((*pointer).to_owned());
        let kept = stored.and_then(|stored| stored.secrets.get(*pointer));
        match secret(&value, stored.is_some(), kept) {
            Ok(Some(secret)) => {
                secrets.insert((*pointer).to_owned(), secret);
            }
            Ok(None) => given.retain(|there| there != pointer),
            Err(message) => fields.wrong(format!("/config{pointer}"), message),
        }
    }
    match provider.check_config(&config, &given) {
        Ok(mut checked) => {
            // Whatever a platform fills in, no secret may stand among the plain settings.
            for pointer in secrets.keys() {
                take(&mut checked, pointer);
            }
            (checked, secrets)
        }
        Err(errors) => {
            let below =
                |error: FieldError| FieldError { pointer: format!("/config{}", error.pointer), ..error };
            fields.extend(errors.into_iter().map(below));
            nothing()
        }
    }
}

fn secret(value: &Value, patch: bool, kept: Option<&Secret>) -> Result<Option<Secret>, String> {
    let fits = |text: &&str| text.len() <= SECRET_BYTES_MAX && !text.contains(char::is_control);
    let Some(text) = value.as_str().filter(fits) else {
        return Err(format!("must be text on one line of {SECRET_BYTES_MAX} bytes at most"));
    };
    match text {
        MASK if !patch => Err(String::from("must be the secret itself: *** only stands for a stored one")),
        MASK | "" if patch => Ok(kept.cloned()),
        "" => Ok(None),
        secret => Ok(Some(Secret::new(secret))),
    }
}

/// The user that a document names for `fixed_user`, if any.
#[must_use]
pub fn named_user(document: &Value) -> Option<UserId> {
    document.pointer("/user_mapping/user_id").and_then(Value::as_str).map(UserId::new)
}

/// A document in which the agent stands by id, made of one in which it stands by name (`default_agent`).
#[must_use]
pub fn with_agent_id(mut document: Value, id: &AgentId) -> Value {
    take(&mut document, "/default_agent");
    put(&mut document, "/default_agent_id", Value::from(id.as_str()));
    document
}
