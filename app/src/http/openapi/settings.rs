//! What the document says of settings that are checked by lists: a platform's, and fields that take one word of several.
//! Made of the very lists that the checks read.

use serde_json::{Map, Value, json};
use switchboard_ports::config_field::{ConfigField, ConfigKind};
use switchboard_ports::provider::Description;

use super::super::dto::choices;
use super::super::dto::secrets::SECRET_BYTES_MAX;

/// Puts both into the document, for a build with these platforms and kinds of agents.
pub(super) fn describe(document: &mut Value, platforms: &[Description], kinds: &[&str]) {
    let Some(schemas) = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut) else {
        return;
    };
    for (schema, field, words) in choices::all() {
        choose(schemas, schema, field, &words);
    }
    let names: Vec<&str> = platforms.iter().map(|platform| platform.platform).collect();
    choose(schemas, "ChannelInput", "type", &names);
    choose(schemas, "ChannelPatch", "type", &names);
    choose(schemas, "AgentInput", "kind", kinds);
    choose(schemas, "AgentPatch", "kind", kinds);
    for (channel, is_patch) in [("ChannelInput", false), ("ChannelPatch", true)] {
        let mut choices = Vec::new();
        for platform in platforms {
            let name = schema_name(platform.platform, is_patch);
            choices.push(json!({"$ref": format!("#/components/schemas/{name}")}));
            schemas.insert(name, platform_schema(platform, is_patch));
        }
        let config = schemas.get_mut(channel).and_then(|channel| channel.pointer_mut("/properties/config"));
        if let Some(config) = config.and_then(Value::as_object_mut).filter(|_| !choices.is_empty()) {
            // Of a patch, what says nothing is right for each of them.
            let one_or_any = if is_patch { "anyOf" } else { "oneOf" };
            config.insert(String::from(one_or_any), Value::Array(choices));
        }
    }
}

/// `dingtalk` becomes `DingtalkConfig`.
fn schema_name(platform: &str, is_patch: bool) -> String {
    let mut letters = platform.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    let name: String = first.into_iter().chain(letters).collect();
    format!("{name}Config{}", if is_patch { "Patch" } else { "" })
}

/// A field takes these words only; null too, where it may be null.
fn choose(schemas: &mut Map<String, Value>, schema: &str, field: &str, words: &[&str]) {
    let field =
        schemas.get_mut(schema).and_then(|schema| schema.pointer_mut(&format!("/properties/{field}")));
    let Some(field) = field.and_then(Value::as_object_mut).filter(|_| !words.is_empty()) else {
        return;
    };
    let is_nullable =
        field.get("type").and_then(Value::as_array).is_some_and(|types| types.contains(&json!("null")));
    let words = words.iter().map(|word| Value::from(*word));
    field.insert(String::from("enum"), words.chain(is_nullable.then_some(Value::Null)).collect());
}

fn platform_schema(platform: &Description, is_patch: bool) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for field in platform.config_fields {
        let (group, name) = field.place();
        let place = match group.strip_prefix('/') {
            None => Some(&mut properties),
            Some(inner) => {
                let inner = properties.entry(inner).or_insert_with(nested);
                inner.get_mut("properties").and_then(Value::as_object_mut)
            }
        };
        if let Some(place) = place {
            place.insert(name.to_owned(), field_schema(field, is_patch));
        }
        if field.required && !is_patch {
            required.push(name);
        }
    }
    let words = format!("Settings of a channel of type `{}`.", platform.platform);
    let mut schema = Map::from_iter([
        (String::from("type"), json!("object")),
        (String::from("description"), Value::from(words)),
        (String::from("properties"), Value::Object(properties)),
        (String::from("additionalProperties"), json!(false)),
    ]);
    if !required.is_empty() {
        schema.insert(String::from("required"), Value::from(required));
    }
    Value::Object(schema)
}

/// An object of settings within the settings.
fn nested() -> Value {
    json!({"type": ["object", "null"], "properties": {}, "additionalProperties": false})
}

fn field_schema(field: &ConfigField, is_patch: bool) -> Value {
    let (kind, default, bounds) = match field.kind {
        ConfigKind::Word { chars_max, default } => {
            ("string", json!(default), json!({"minLength": 1, "maxLength": chars_max, "pattern": "^\\S+$"}))
        }
        ConfigKind::Number { min, max, default } => {
            ("integer", json!(default), json!({"minimum": min, "maximum": max}))
        }
        ConfigKind::Flag { default } => ("boolean", json!(default), json!({})),
        ConfigKind::Choice { of, default } => {
            let names: Vec<&str> = of.iter().map(|(name, _)| *name).collect();
            ("string", json!(default), json!({"enum": names}))
        }
        ConfigKind::Address { chars_max, default } => {
            ("string", json!(default), json!({"format": "uri", "maxLength": chars_max}))
        }
        // In a patch an empty secret keeps the stored one.
        ConfigKind::Secret => {
            let least = u8::from(!is_patch);
            let bounds = json!({"writeOnly": true, "minLength": least, "maxLength": SECRET_BYTES_MAX});
            ("string", Value::Null, bounds)
        }
    };
    let mut schema = bounds.as_object().cloned().unwrap_or_default();
    schema.insert(String::from("description"), Value::from(field.help.en));
    if field.required {
        schema.insert(String::from("type"), json!(kind));
    } else {
        schema.insert(String::from("type"), json!([kind, "null"]));
        schema.insert(String::from("default"), default);
    }
    Value::Object(schema)
}
