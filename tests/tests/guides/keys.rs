//! Every name that administrators write or read: keys of the configuration, fields of the API.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value as Json;
use switchboard::cli::seam::Composition as _;
use switchboard::compose::Composed;
use toml::{Table, Value};

/// The keys of `switchboard.example.toml`, with everything in it switched on.
pub(crate) fn configuration(root: &Path) -> BTreeSet<String> {
    let text = std::fs::read_to_string(root.join("switchboard.example.toml")).expect("there is an example");
    let table: Table = switched_on(&text).parse().expect("the example is valid");
    let mut keys = BTreeSet::new();
    collect(&Value::Table(table), &mut keys);
    keys
}

/// Settings that are switched off begin with `#` and no space.
fn switched_on(text: &str) -> String {
    let on = |line: &str| match line.strip_prefix('#') {
        Some(setting) if !setting.starts_with([' ', '#']) => format!("{setting}\n"),
        Some(_) | None => format!("{line}\n"),
    };
    text.lines().map(on).collect()
}

fn collect(value: &Value, keys: &mut BTreeSet<String>) {
    match value {
        Value::Table(table) => {
            for (key, value) in table {
                keys.insert(key.clone());
                collect(value, keys);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| collect(value, keys)),
        Value::String(_) | Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Datetime(_) => {}
    }
}

/// The fields of every document that the API takes or gives.
pub(crate) fn api() -> BTreeSet<String> {
    let composed = Composed::default();
    let text = switchboard::http::openapi::text(&composed.platforms(), &composed.kinds());
    let document: Json = serde_json::from_str(&text).expect("the document is JSON");
    let schemas =
        document.pointer("/components/schemas").and_then(Json::as_object).expect("there are schemas");
    let properties = schemas.values().filter_map(|schema| schema.get("properties").and_then(Json::as_object));
    properties.flat_map(|properties| properties.keys().cloned()).collect()
}
