//! Channels on the wire, inwards: whole documents and merge patches checked into the port's type.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use switchboard_domain::ids::{AgentId, ChannelId, UserId, Version};
use switchboard_domain::settings::{Busy, ConversationSettings, GroupScope, Locale, Stale};
use switchboard_domain::time::Timestamp;
use switchboard_ports::channels::Channel;
use switchboard_ports::provider::{FieldError, Provider};
use utoipa::ToSchema;

use super::access::{self, AccessInput};
use super::agent_input::NAME_CHARS_MAX;
use super::channel::{BUSY, ChannelView, LOCALES, SCOPES, STALE};
use super::fields::{self, Fields, Reader, must_be};
use super::mapping::{self, DirectoryKinds, UserMappingInput};
use super::merge;
use super::privacy::{self, PrivacyInput};
use super::secrets::{self, Settings, Taken, put, take};
use super::switching::{self, SwitchingInput};

const MODEL_CHARS_MAX: usize = 2_000;
/// At most one week.
const MINUTES: RangeInclusive<u32> = 0..=10_080;
/// At most ten seconds: so long does every message wait for its answer.
const MERGE_MS: RangeInclusive<u32> = 0..=10_000;

/// The platforms this build has, by name.
pub type Providers = BTreeMap<&'static str, Arc<dyn Provider>>;

/// What a channel may refer to.
#[derive(Debug, Clone, Default)]
pub struct References {
    /// Agents there are.
    pub agents: BTreeSet<AgentId>,
    /// Users there are, as far as the document names them.
    pub users: BTreeSet<UserId>,
    /// Kinds of directories there are.
    pub directories: DirectoryKinds,
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
    /// Who may choose agent and model in the chat.
    pub switching: Option<SwitchingInput>,
    /// Rules of conversations.
    pub conversation: Option<ConversationSettingsInput>,
    /// Who may write, how often.
    pub access: Option<AccessInput>,
    /// How long what was said is kept.
    pub privacy: Option<PrivacyInput>,
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
    /// Messages of one author within this time of each other become one turn; 0: each has its own.
    #[schema(minimum = 0, maximum = 10_000, default = 0)]
    pub merge_window_ms: Option<u32>,
    /// A message older than this when it would be answered is stale; 0: never.
    #[schema(minimum = 0, maximum = 10_080, default = 60)]
    pub stale_after_minutes: Option<u32>,
    /// What happens to a stale message: `answer`, `note` or `skip`.
    #[schema(default = "note")]
    pub stale: Option<String>,
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
    read(&document, Some(stored), Stamp::of(stored, now), providers, references, fields)
}

/// A stored channel made anew of a whole document: what is absent falls back to its default, a secret that is `***` stays.
pub fn replaced(
    stored: &Channel,
    document: &Value,
    now: Timestamp,
    providers: &Providers,
    references: &References,
) -> Result<Channel, Vec<FieldError>> {
    fields::object(document)?;
    read(document, Some(stored), Stamp::of(stored, now), providers, references, Fields::default())
}

struct Stamp {
    id: ChannelId,
    created_at: Timestamp,
    updated_at: Timestamp,
    version: Version,
    managed_by_file: bool,
}

impl Stamp {
    fn of(stored: &Channel, now: Timestamp) -> Self {
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
    let kept = stored.map(|stored| &stored.directories);
    let (user_mapping, directories) =
        reader.section("user_mapping", |section| mapping::read(section, kept, references));
    let kept = stored.map(|stored| &stored.switching);
    let switching = reader.section("switching", |section| switching::read(section, kept, references));
    let conversation = reader.section("conversation", conversation);
    let hears_all = provider.is_some_and(|provider| provider.description().hears_all);
    let access = reader.section("access", |section| access::read(section, hears_all));
    let privacy = reader.section("privacy", privacy::read);
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
        directories,
        switching,
        conversation,
        access,
        privacy,
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
        reader.wrong("type", must_be(providers.keys().copied()));
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

fn conversation(reader: &mut Reader<'_>) -> ConversationSettings {
    let minutes = |minutes: u32| Duration::from_secs(u64::from(minutes).saturating_mul(60));
    ConversationSettings {
        group_scope: reader.choice("group_scope", &SCOPES, GroupScope::PerUser),
        idle_timeout: minutes(reader.number("idle_timeout_minutes", &MINUTES, 0)),
        busy: reader.choice("busy", &BUSY, Busy::Queue),
        merge_window: Duration::from_millis(u64::from(reader.number("merge_window_ms", &MERGE_MS, 0))),
        stale_after: minutes(reader.number("stale_after_minutes", &MINUTES, 60)),
        stale: reader.choice("stale", &STALE, Stale::Note),
    }
}

/// The platform's settings, secrets apart, checked by the platform.
fn settings(
    config: Option<Value>,
    stored: Option<&Channel>,
    provider: Option<&Arc<dyn Provider>>,
    fields: &mut Fields,
) -> Settings {
    let nothing = || (Value::Null, BTreeMap::new());
    let Some(config) = config else {
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
    let mut below = Fields::default();
    let from = Taken { patch: stored.is_some(), kept: stored.map(|stored| &stored.secrets) };
    let taken =
        secrets::taken(config, provider.description().secret_fields, &from, &mut below, |config, given| {
            provider.check_config(config, given)
        });
    match below.into_result(taken) {
        Ok(settings) => settings,
        Err(errors) => {
            let at = |error: FieldError| FieldError { pointer: format!("/config{}", error.pointer), ..error };
            fields.extend(errors.into_iter().map(at));
            nothing()
        }
    }
}

/// The users that a document names: for `fixed_user`, and those who may choose agents.
#[must_use]
pub fn named_users(document: &Value) -> BTreeSet<UserId> {
    let fixed = document.pointer("/user_mapping/user_id").and_then(Value::as_str).map(UserId::new);
    fixed.into_iter().chain(switching::users_in(document)).collect()
}

/// A document in which the agent stands by id, made of one in which it stands by name (`default_agent`).
#[must_use]
pub fn with_agent_id(mut document: Value, id: &AgentId) -> Value {
    take(&mut document, "/default_agent");
    put(&mut document, "/default_agent_id", Value::from(id.as_str()));
    document
}
