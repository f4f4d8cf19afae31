//! `switchboard.example.toml` is valid, as it stands and with everything in it switched on, and shows every key.

use std::error::Error;
use std::path::Path;

use serde_json::Value as Json;
use switchboard::cli::seam::Composition as _;
use switchboard::compose::Composed;
use toml::{Table, Value};

/// The keys of each section that the outward contract names.
const SECTIONS: [(&str, &[&str]); 6] = [
    (
        "server",
        &[
            "listen",
            "public_url",
            "shutdown_grace",
            "connections_per_channel",
            "trusted_proxies",
            "tls_cert",
            "tls_key",
        ],
    ),
    ("store", &["url", "prefix"]),
    ("security", &["admin_token", "encryption_key_file"]),
    ("telemetry", &["log", "log_format", "otlp_endpoint", "metrics_public"]),
    ("network", &["ca_file"]),
    ("alerts", &["webhook_url", "hmac_key", "after", "repeat"]),
];

fn example() -> std::io::Result<String> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(package.parent().unwrap_or(package).join("switchboard.example.toml"))
}

/// Settings that are switched off begin with `#` and no space; what else begins with `#` is explanation.
fn switched_on(text: &str) -> String {
    let line_on = |line: &str| match line.strip_prefix('#') {
        Some(setting) if !setting.starts_with([' ', '#']) => format!("{setting}\n"),
        Some(_) | None => format!("{line}\n"),
    };
    text.lines().map(line_on).collect()
}

fn sorted_keys(table: &Table) -> Vec<&str> {
    let mut keys: Vec<&str> = table.keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

#[test]
fn the_example_is_valid_as_it_stands_and_holds_sections_only() -> Result<(), Box<dyn Error>> {
    let table: Table = example()?.parse()?;
    assert_eq!(sorted_keys(&table), ["alerts", "network", "security", "server", "store", "telemetry"]);
    Ok(())
}

#[test]
fn the_example_shows_every_key_of_every_section_and_no_other() -> Result<(), Box<dyn Error>> {
    let table: Table = switched_on(&example()?).parse()?;
    for (section, keys) in SECTIONS {
        let shown = table.get(section).and_then(Value::as_table).ok_or(section)?;
        let mut expected = keys.to_vec();
        expected.sort_unstable();
        assert_eq!(sorted_keys(shown), expected, "[{section}]");
    }
    Ok(())
}

#[test]
fn the_example_shows_an_agent_and_a_channel_that_uses_it() -> Result<(), Box<dyn Error>> {
    let table: Table = switched_on(&example()?).parse()?;
    let first = |list: &str| table.get(list)?.as_array()?.first()?.as_table();
    let agent = first("agents").ok_or("no agent")?;
    let channel = first("channels").ok_or("no channel")?;
    assert_eq!(agent.get("name"), channel.get("default_agent"));
    let parts = ["config", "user_mapping", "conversation", "access"];
    for part in parts {
        assert!(channel.get(part).is_some_and(Value::is_table), "[channels.{part}]");
    }
    Ok(())
}

/// What the file calls otherwise than the API.
const RENAMED: [(&str, &str); 1] = [("default_agent_id", "default_agent")];

/// Every key that the API's document has for a kind of object, as paths: `access.allow.users`; of lists their first element.
fn keys(document: &Json, schema: &Json, path: &str, found: &mut Vec<String>) {
    let meant = ["oneOf", "anyOf", "allOf"].iter().filter_map(|of| schema.get(of)?.as_array());
    let meant = meant.flatten().chain([schema]).find(|one| one.get("$ref").is_some());
    if let Some(name) = meant.and_then(|one| one.get("$ref")).and_then(Json::as_str) {
        let named = document.pointer(name.trim_start_matches('#'));
        return keys(document, named.unwrap_or(&Json::Null), path, found);
    }
    if let Some(items) = schema.get("items") {
        return keys(document, items, path, found);
    }
    for (key, value) in schema.get("properties").and_then(Json::as_object).into_iter().flatten() {
        let key = RENAMED.iter().find(|(api, _)| api == key).map_or(key.as_str(), |(_, file)| file);
        let path = if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
        keys(document, value, &path, found);
        found.push(path);
    }
}

fn stands_in(shown: &Value, path: &str) -> bool {
    path.split('.').try_fold(shown, |at, key| first(at)?.get(key)).is_some()
}

/// The first element of a list; anything else is itself.
fn first(value: &Value) -> Option<&Value> {
    if let Value::Array(values) = value { values.first() } else { Some(value) }
}

#[test]
fn the_example_shows_every_key_of_agents_and_channels() -> Result<(), Box<dyn Error>> {
    let composed = Composed::default();
    let document: Json =
        serde_json::from_str(&switchboard::http::openapi::text(&composed.platforms(), &composed.kinds()))?;
    let table: Table = switched_on(&example()?).parse()?;
    for (list, schema, few) in [("agents", "AgentInput", 20), ("channels", "ChannelInput", 45)] {
        let mut expected = Vec::new();
        let schema = document.pointer(&format!("/components/schemas/{schema}")).ok_or(schema)?;
        keys(&document, schema, "", &mut expected);
        assert!(expected.len() > few, "{list} have {} keys", expected.len());
        let shown = table.get(list).ok_or(list)?;
        let missing: Vec<_> = expected.iter().filter(|path| !stands_in(shown, path)).collect();
        assert!(missing.is_empty(), "[[{list}]] lacks {missing:?}");
    }
    Ok(())
}
