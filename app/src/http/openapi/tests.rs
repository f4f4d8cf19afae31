//! The document: what it says of operations, references and settings.

use serde_json::{Value, json};

use super::text;
use crate::cli::seam::Composition as _;
use crate::compose::Composed;
use crate::config::{self, Environment, Overrides};

fn document() -> Value {
    let composed = Composed::default();
    serde_json::from_str(&text(&composed.platforms(), &composed.kinds())).unwrap()
}

#[test]
fn the_document_is_openapi_3_1_and_changes_only_on_purpose() {
    let document = document();
    assert_eq!(document["openapi"], "3.1.0");
    insta::assert_json_snapshot!("openapi", document);
}

#[test]
fn every_reference_in_the_document_leads_somewhere() {
    let document = document();
    let mut places = vec![&document];
    while let Some(place) = places.pop() {
        match place {
            Value::Object(map) => places.extend(map.values()),
            Value::Array(items) => places.extend(items),
            Value::String(text) if text.starts_with("#/") => {
                let pointer = text.trim_start_matches('#');
                assert!(document.pointer(pointer).is_some(), "{text}");
            }
            Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

#[test]
fn every_operation_says_who_may_call_it() {
    let document = document();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            assert!(operation["security"].is_array(), "{method} {path}");
            assert!(
                operation["description"].is_string() || operation["summary"].is_string(),
                "{method} {path}"
            );
        }
    }
}

fn config_schema(platform: &str) -> String {
    let (first, rest) = platform.split_at_checked(1).unwrap();
    format!("{}{rest}Config", first.to_uppercase())
}

/// The pointers of all values in an object, objects taken apart.
fn leaves(value: &Value, at: &str, found: &mut Vec<String>) {
    match value.as_object() {
        Some(object) => {
            for (key, value) in object {
                leaves(value, &format!("{at}/{key}"), found);
            }
        }
        None => found.push(at.to_owned()),
    }
}

/// The same of a schema's properties.
fn properties(schema: &Value, at: &str, found: &mut Vec<String>) {
    match schema["properties"].as_object() {
        Some(fields) => {
            fields.iter().for_each(|(key, field)| properties(field, &format!("{at}/{key}"), found));
        }
        None => found.push(at.to_owned()),
    }
}

#[test]
fn every_setting_that_a_platform_takes_is_in_the_document_with_its_default() {
    let document = document();
    let config = config::load(&Overrides::default(), &Environment::default()).unwrap();
    let providers = Composed::default().catalog(&config).unwrap().providers;
    for (platform, provider) in &providers {
        let description = provider.description();
        let of_type =
            document["components"]["schemas"]["ChannelInput"]["properties"]["type"]["enum"].as_array();
        assert!(of_type.unwrap().contains(&json!(platform)));
        let schemas = &document["components"]["schemas"];
        let name = config_schema(platform);
        let schema = &schemas[&name];

        // What comes out of the check is everything that may go in, but the secrets.
        let secrets: Vec<String> = description.secret_fields.iter().map(ToString::to_string).collect();
        let named = description.identity_fields.first().map(|field| field.trim_start_matches('/'));
        let given: Value = named.into_iter().map(|field| (field.to_owned(), json!("x"))).collect();
        let checked = provider.check_config(&given, &secrets).unwrap();
        let (mut taken, mut told) = (secrets.clone(), Vec::new());
        leaves(&checked, "", &mut taken);
        properties(schema, "", &mut told);
        taken.sort();
        told.sort();
        assert_eq!(taken, told, "{platform}");
        assert_eq!(told.len(), description.config_fields.len(), "{told:?}");

        for pointer in told {
            let place = pointer.replace('/', "/properties/");
            let field = schema.pointer(&place).unwrap();
            assert!(field["description"].as_str().is_some_and(|words| !words.is_empty()), "{pointer}");
            if secrets.contains(&pointer) {
                assert_eq!(
                    (&field["writeOnly"], &field["type"]),
                    (&json!(true), &json!("string")),
                    "{pointer}"
                );
            } else if field.get("default").is_some() {
                assert_eq!(&field["default"], checked.pointer(&pointer).unwrap(), "{pointer}");
            }
        }
        for (schema, way, of) in
            [("ChannelInput", "oneOf", name.clone()), ("ChannelPatch", "anyOf", format!("{name}Patch"))]
        {
            let choices = schemas[schema]["properties"]["config"][way].as_array().unwrap();
            assert!(choices.contains(&json!({"$ref": format!("#/components/schemas/{of}")})), "{platform}");
        }
        assert!(schemas[format!("{name}Patch")].get("required").is_none(), "a patch may leave all out");
        let required = description.config_fields.iter().filter(|field| field.required);
        let required: Vec<_> = required.map(|field| json!(field.place().1)).collect();
        assert_eq!(schema["required"].as_array().cloned().unwrap_or_default(), required, "{platform}");
    }
    assert_eq!(
        document["components"]["schemas"]["DingtalkConfig"]["required"],
        json!(["client_id", "client_secret"])
    );
    assert!(providers.len() > 1);
}

#[test]
fn the_kinds_of_agents_in_the_document_are_those_that_can_be_made() {
    let document = document();
    let config = config::load(&Overrides::default(), &Environment::default()).unwrap();
    let kinds = Composed::default().catalog(&config).unwrap().kinds;
    let names: Vec<_> = kinds.into_keys().collect();
    for schema in ["AgentInput", "AgentPatch"] {
        let kind = &document["components"]["schemas"][schema]["properties"]["kind"];
        assert_eq!(kind["enum"], json!(names), "{schema}");
    }
}

#[test]
fn fields_that_take_one_word_of_several_name_them() {
    let document = document();
    let schemas = &document["components"]["schemas"];
    let words = |schema: &str, field: &str| schemas[schema]["properties"][field]["enum"].clone();
    for schema in ["AgentInput", "AgentPatch"] {
        assert_eq!(words(schema, "mode"), json!(["auto", "stream", "poll", null]));
    }
    assert_eq!(words("AgentView", "mode"), json!(["auto", "stream", "poll"]));
    for (schema, field, _) in super::super::dto::choices::all() {
        assert!(words(schema, field).is_array(), "{schema} {field}");
    }
    // A field of somebody's settings that is described as "`one` or `two`" takes these only.
    let settings =
        |name: &&String| name.contains("Input") || name.contains("Settings") || name.contains("Access");
    for name in schemas.as_object().unwrap().keys().filter(settings) {
        for (field, schema) in schemas[name]["properties"].as_object().into_iter().flatten() {
            let told = schema["description"].as_str().unwrap_or_default();
            let is_choice = told.starts_with('`') && told.contains("` or `");
            assert!(!is_choice || words(name, field).is_array(), "{name} {field}: {told}");
        }
    }
}
