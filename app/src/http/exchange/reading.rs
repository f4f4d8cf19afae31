//! Reading an import: TOML into documents, with nothing filled in.

use std::collections::BTreeSet;

use serde_json::Value;
use switchboard_ports::agents::AGENTS_MAX;
use switchboard_ports::channels::CHANNELS_MAX;

use crate::changes::Kind;
use crate::http::dto::channel_input::Providers;
use crate::http::dto::fields::{Fields, pointer_part};
use crate::http::dto::mapping::DirectoryKinds;
use crate::http::dto::merge::MASK;
use crate::http::problem::Problem;

/// Largest import, in bytes: as large as a configuration file.
pub(super) const IMPORT_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Secrets of an agent; those of its headers besides.
const SECRETS_OF_AGENTS: [&str; 2] = ["/api_key", "/identity/token/secret"];

/// What an import declares.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Documents {
    pub(super) agents: Vec<Value>,
    pub(super) channels: Vec<Value>,
}

/// Reads the text; secrets that are not said become `***`.
pub(super) fn documents(
    bytes: &[u8],
    providers: &Providers,
    directories: &DirectoryKinds,
) -> Result<Documents, Problem> {
    let text = std::str::from_utf8(bytes).map_err(|_| Problem::malformed("the body is not UTF-8 text"))?;
    let table: toml::Table = toml::from_str(text).map_err(|error| not_toml(text, &error))?;
    let (mut fields, mut documents) = (Fields::default(), Documents::default());
    for (key, value) in table {
        match key.as_str() {
            "agents" => documents.agents = resources(value, Kind::Agent, &mut fields),
            "channels" => documents.channels = resources(value, Kind::Channel, &mut fields),
            _ => fields.wrong(format!("/{}", pointer_part(&key)), "is unknown, allowed are agents, channels"),
        }
    }
    for (index, agent) in documents.agents.iter_mut().enumerate() {
        let secrets = secrets_of_agent(agent);
        unfilled(agent, "", &secrets, &format!("/agents/{index}"), &mut fields);
    }
    for (index, channel) in documents.channels.iter_mut().enumerate() {
        let secrets = secrets_of_channel(channel, providers, directories);
        unfilled(channel, "", &secrets, &format!("/channels/{index}"), &mut fields);
    }
    fields.into_result(documents).map_err(Problem::invalid)
}

fn not_toml(text: &str, error: &toml::de::Error) -> Problem {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    let line = before.matches('\n').count().saturating_add(1);
    // The parser's own words repeat what stands there, which may be a secret.
    Problem::malformed(format!("the body is not TOML: line {line}"))
}

fn resources(value: toml::Value, kind: Kind, fields: &mut Fields) -> Vec<Value> {
    let (key, most) = match kind {
        Kind::Agent => ("agents", AGENTS_MAX),
        Kind::Channel => ("channels", CHANNELS_MAX),
    };
    let items = match serde_json::to_value(value) {
        Ok(Value::Array(items)) if items.iter().all(Value::is_object) => items,
        Ok(_) | Err(_) => {
            fields.wrong(format!("/{key}"), format!("must be tables, each of which begins with [[{key}]]"));
            return Vec::new();
        }
    };
    if items.len() > most {
        fields.wrong(format!("/{key}"), format!("may have {most} entries at most"));
        return Vec::new();
    }
    items
}

/// Where secrets of an agent stand.
fn secrets_of_agent(agent: &Value) -> BTreeSet<String> {
    let headers = agent.get("headers").and_then(Value::as_object).into_iter().flatten();
    let headers = headers.map(|(name, _)| format!("/headers/{}", pointer_part(name)));
    SECRETS_OF_AGENTS.map(str::to_owned).into_iter().chain(headers).collect()
}

/// Where secrets of a channel stand.
fn secrets_of_channel(
    channel: &Value,
    providers: &Providers,
    directories: &DirectoryKinds,
) -> BTreeSet<String> {
    let platform = channel.get("type").and_then(Value::as_str).and_then(|name| providers.get(name));
    let own = platform.map(|platform| platform.description().secret_fields).unwrap_or_default();
    let mut places: BTreeSet<String> = own.iter().map(|at| format!("/config{at}")).collect();
    let chain = channel.pointer("/user_mapping/directories").and_then(Value::as_array);
    for (index, directory) in chain.into_iter().flatten().enumerate() {
        let kind = directory.get("kind").and_then(Value::as_str).and_then(|name| directories.0.get(name));
        let theirs = kind.map(|kind| kind.secret_fields()).unwrap_or_default();
        places.extend(theirs.iter().map(|at| format!("/user_mapping/directories/{index}/config{at}")));
    }
    places
}

/// Takes `$${` for the two characters that it stands for, a variable in a secret's place for a secret that is not said, and
/// refuses any other variable: an import must not learn what the server's environment holds.
fn unfilled(value: &mut Value, at: &str, secrets: &BTreeSet<String>, place: &str, fields: &mut Fields) {
    match value {
        Value::String(text) => {
            let plain = text.replace("$${", "");
            if !plain.contains("${") {
                *text = text.replace("$${", "${");
            } else if secrets.contains(at) {
                MASK.clone_into(text);
            } else {
                let message = "may have a variable only where a secret stands: an import fills in none; $${ stands for the two \
                               characters";
                fields.wrong(format!("{place}{at}"), message);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                unfilled(item, &format!("{at}/{index}"), secrets, place, fields);
            }
        }
        Value::Object(map) => {
            for (key, item) in map.iter_mut() {
                unfilled(item, &format!("{at}/{}", pointer_part(key)), secrets, place, fields);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
