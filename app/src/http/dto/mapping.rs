//! How authors become users, on the wire both ways: the mode, and the directories that are asked.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use switchboard_domain::ids::UserId;
use switchboard_domain::settings::{MappingMode, OnMiss, UserMapping};
use switchboard_ports::directory::{
    DIRECTORIES_MAX, Directories, DirectoryKind, DirectorySettings, PLATFORM_KIND,
};
use utoipa::ToSchema;

use super::agent_input::NAME_CHARS_MAX;
use super::channel::{ON_MISS, word};
use super::channel_input::References;
use super::fields::{Fields, Reader, must_be};
use super::secrets;

const TEMPLATE_CHARS_MAX: usize = 200;
const DIRECTORY_NAME_CHARS_MAX: usize = 50;
/// At most one day.
const CACHE_SECONDS: RangeInclusive<u32> = 1..=86_400;
/// At most one hour.
const MISS_SECONDS: RangeInclusive<u32> = 1..=3_600;

/// Ways in which authors become users; numbers, because one of them needs a user to be a mode.
pub(super) const MODES: [(&str, u8); 5] =
    [("auto_create", 0), ("match_username", 1), ("match_email", 2), ("fixed_user", 3), ("directory", 4)];

const NEVER_ASKED: &str =
    "must be empty with this mode: directories are asked with \"directory\" and \"match_email\" only";

/// Kinds of directories, for the API's document.
pub(super) const DIRECTORY_KINDS: [&str; 4] = ["file", "http", "ldap", PLATFORM_KIND];

/// The kinds of directories this build has, by name; the platform's own is always there.
#[derive(Clone, Default)]
pub struct DirectoryKinds(pub BTreeMap<&'static str, Arc<dyn DirectoryKind>>);

impl fmt::Debug for DirectoryKinds {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.0.keys()).finish()
    }
}

/// How authors become users.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct UserMappingView {
    /// `auto_create`, `match_username`, `match_email`, `fixed_user` or `directory`.
    pub mode: &'static str,
    /// What happens to an author without a match whom no directory knows: `create` (as with `auto_create`) or `reject`.
    pub on_miss: &'static str,
    /// The address of a user made for an author, marked unverified; `{user_id}` is the platform's id.
    pub email_template: String,
    /// The user everybody is, with `fixed_user`.
    pub user_id: Option<String>,
    /// The directories that are asked with `directory` and `match_email`, in their order.
    pub directories: Vec<DirectoryView>,
    /// How long it counts that somebody is there and has access.
    pub cache_seconds: u64,
    /// How long it counts that somebody is not there, or has no access.
    pub miss_seconds: u64,
}

/// A directory.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DirectoryView {
    /// Unique in the channel.
    pub name: String,
    /// `ldap`, `http`, `file` or `platform`.
    pub kind: String,
    /// Its settings, secrets as `***`.
    #[schema(value_type = Object)]
    pub config: Value,
}

/// How authors become users.
#[derive(Debug, ToSchema)]
#[schema(as = UserMappingInput)]
pub struct UserMappingInput {
    /// `auto_create`, `match_username`, `match_email`, `fixed_user` or `directory`.
    #[schema(default = "auto_create")]
    pub mode: Option<String>,
    /// What happens to an author without a match whom no directory knows: `create` (as with `auto_create`) or `reject`.
    #[schema(default = "create")]
    pub on_miss: Option<String>,
    /// Holds `{user_id}`.
    #[schema(default = "{user_id}@im-platform.com", max_length = 200)]
    pub email_template: Option<String>,
    /// Required with `fixed_user`.
    pub user_id: Option<String>,
    /// The directories that are asked with `directory` (required there) and `match_email`, in their order: the first that
    /// knows a person decides, if all before it answered. Empty with the other modes, which ask none.
    #[schema(max_items = 8)]
    pub directories: Option<Vec<DirectoryInput>>,
    /// How long it counts that somebody is there and has access: so long may access outlast a change in the directory.
    #[schema(minimum = 1, maximum = 86_400, default = 300)]
    pub cache_seconds: Option<u32>,
    /// How long it counts that somebody is not there, or has no access.
    #[schema(minimum = 1, maximum = 3_600, default = 30)]
    pub miss_seconds: Option<u32>,
}

/// A directory. In a patch the list stands for the whole; a secret that is absent, empty or `***` stays as the directory of
/// this name has it.
#[derive(Debug, ToSchema)]
#[schema(as = DirectoryInput)]
pub struct DirectoryInput {
    /// Unique in the channel; users are marked with it.
    #[schema(min_length = 1, max_length = 50)]
    pub name: String,
    /// `ldap`, `http`, `file` or `platform` (the platform's own address book, without settings).
    #[schema(example = "ldap")]
    pub kind: String,
    /// Its settings; the guide lists those of each kind.
    #[schema(value_type = Object)]
    pub config: Option<Value>,
}

impl UserMappingView {
    /// Of a channel's settings.
    #[must_use]
    pub fn of(mapping: &UserMapping, directories: &Directories) -> Self {
        let (mode, user_id) = match &mapping.mode {
            MappingMode::AutoCreate => ("auto_create", None),
            MappingMode::MatchUsername => ("match_username", None),
            MappingMode::MatchEmail => ("match_email", None),
            MappingMode::FixedUser(id) => ("fixed_user", Some(id.to_string())),
            MappingMode::Directory => ("directory", None),
        };
        let view = |directory: &DirectorySettings| DirectoryView {
            name: directory.name.clone(),
            kind: directory.kind.clone(),
            config: secrets::masked(&directory.config, &directory.secrets),
        };
        Self {
            mode,
            on_miss: word(&ON_MISS, &mapping.on_miss),
            email_template: mapping.email_template.clone(),
            user_id,
            directories: directories.chain.iter().map(view).collect(),
            cache_seconds: directories.cache_ttl.as_secs(),
            miss_seconds: directories.miss_ttl.as_secs(),
        }
    }
}

/// Reads the section. `stored` are the directories there are, if this is a patch.
pub(super) fn read(
    reader: &mut Reader<'_>,
    stored: Option<&Directories>,
    references: &References,
) -> (UserMapping, Directories) {
    let mode = reader.choice("mode", &MODES, 0);
    let user = reader.line("user_id", NAME_CHARS_MAX).map(UserId::new);
    let directories = directories(reader, stored, references);
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
        (4, _) => {
            if directories.chain.is_empty() && reader.is_empty("directories") {
                reader.wrong("directories", "is required with \"directory\"");
            }
            MappingMode::Directory
        }
        (_, _) => MappingMode::AutoCreate,
    };
    // Left standing, they would look as if they kept somebody out.
    if !mode.asks() && !directories.chain.is_empty() {
        reader.wrong("directories", NEVER_ASKED);
    }
    let on_miss = reader.choice("on_miss", &ON_MISS, OnMiss::Create);
    let default = UserMapping::default().email_template;
    let email_template = reader.line("email_template", TEMPLATE_CHARS_MAX).unwrap_or(default);
    let is_address =
        email_template.matches('@').count() == 1 && !email_template.contains(char::is_whitespace);
    if !is_address || email_template.matches("{user_id}").count() != 1 {
        reader.wrong("email_template", "must be an e-mail address that holds {user_id} once");
    }
    (UserMapping { mode, on_miss, email_template }, directories)
}

fn directories(
    reader: &mut Reader<'_>,
    stored: Option<&Directories>,
    references: &References,
) -> Directories {
    let usual = Directories::default();
    let seconds = |seconds: u32| Duration::from_secs(u64::from(seconds));
    let usual_seconds = |span: Duration| u32::try_from(span.as_secs()).unwrap_or(u32::MAX);
    let cache = reader.number("cache_seconds", &CACHE_SECONDS, usual_seconds(usual.cache_ttl));
    let miss = reader.number("miss_seconds", &MISS_SECONDS, usual_seconds(usual.miss_ttl));
    let mut names: Vec<String> = Vec::new();
    let chain = reader.items("directories", DIRECTORIES_MAX, |item| {
        let name = item.name("name", DIRECTORY_NAME_CHARS_MAX);
        if names.contains(&name) {
            item.wrong("name", "stands twice in this list");
        }
        names.push(name.clone());
        directory(item, name, stored, &references.directories)
    });
    Directories { chain, cache_ttl: seconds(cache), miss_ttl: seconds(miss) }
}

fn directory(
    item: &mut Reader<'_>,
    name: String,
    stored: Option<&Directories>,
    kinds: &DirectoryKinds,
) -> DirectorySettings {
    let named = item.raw("kind").and_then(Value::as_str).unwrap_or_default().to_owned();
    let config = item.raw("config").cloned().unwrap_or_else(|| Value::Object(serde_json::Map::new()));
    let kind = kinds.0.get(named.as_str());
    if named != PLATFORM_KIND && kind.is_none() {
        item.wrong("kind", must_be(kinds.0.keys().copied().chain([PLATFORM_KIND])));
    }
    let Some(kind) = kind.filter(|_| config.is_object()) else {
        match config.as_object() {
            None => item.wrong("config", "must be a JSON object"),
            Some(map) if !map.is_empty() && named == PLATFORM_KIND => {
                item.wrong("config", "must be empty: this kind has no settings");
            }
            Some(_) => {}
        }
        let config = Value::Object(serde_json::Map::new());
        return DirectorySettings { name, kind: named, config, secrets: BTreeMap::new() };
    };
    // A secret belongs to its directory: another kind under the same name must not get it.
    let kept =
        stored.and_then(|stored| stored.chain.iter().find(|one| one.name == name && one.kind == named));
    let mut fields = Fields::default();
    let taken = secrets::Taken { patch: stored.is_some(), kept: kept.map(|kept| &kept.secrets) };
    let (config, secrets) =
        secrets::taken(config, kind.secret_fields(), &taken, &mut fields, |config, given| {
            kind.check_config(config, given)
        });
    for (pointer, secret) in &secrets {
        // One that is stored was fine when it was given.
        let is_new = kept.is_none_or(|kept| kept.secrets.get(pointer) != Some(secret));
        if let Err(message) = kind.check_secret(pointer, secret)
            && is_new
        {
            fields.wrong(pointer.as_str(), message);
        }
    }
    if let Err(errors) = fields.into_result(()) {
        item.extend_below("config", errors);
    }
    DirectorySettings { name, kind: named, config, secrets }
}
