//! The document promises what the reader takes.

use serde_json::{Map, Value, json};
use switchboard_domain::ids::AgentId;
use switchboard_domain::time::Timestamp;

use super::created;
use crate::cli::seam::Composition as _;
use crate::compose::Composed;
use crate::http::dto::channel_input;
use crate::http::openapi;
use crate::testing::{kinds, providers};

/// The fields of a schema in the document, nested objects resolved.
fn fields(document: &Value, schema: &str) -> Map<String, Value> {
    let properties = document["components"]["schemas"][schema]["properties"].as_object().unwrap();
    let nested = |value: &Value| -> Value {
        let reference = value.to_string();
        match reference.split("schemas/").nth(1) {
            Some(rest) => Value::Object(fields(document, rest.split('"').next().unwrap())),
            None => json!(7),
        }
    };
    properties.iter().map(|(key, value)| (key.clone(), nested(value))).collect()
}

#[test]
fn the_limit_of_a_headers_value_is_the_one_that_the_refusal_names() {
    let made = |length: usize| {
        let document = json!({"name": "a", "kind": "echo", "headers": {"X-Long": "v".repeat(length)}});
        created(&document, AgentId::new("agt_1"), Timestamp::from_millis(0), &kinds())
    };
    assert!(made(4_096).is_ok());
    let errors = made(4_097).unwrap_err();
    assert_eq!(errors[0].pointer, "/headers/X-Long");
    assert!(errors[0].message.contains("4096 bytes"), "{errors:?}");
}

#[test]
fn every_field_in_the_document_is_known_to_the_readers() {
    let composed = Composed::default();
    let text = openapi::text(&composed.platforms(), &composed.kinds());
    let document: Value = serde_json::from_str(&text).unwrap();
    let now = Timestamp::from_millis(0);
    for schema in ["AgentInput", "AgentPatch"] {
        let agent = Value::Object(fields(&document, schema));
        let errors = created(&agent, AgentId::new("agt_1"), now, &kinds()).unwrap_err();
        assert!(errors.len() >= 10);
        assert!(errors.iter().all(|error| !error.message.contains("unknown")), "{errors:?}");
    }
    for schema in ["ChannelInput", "ChannelPatch"] {
        let channel = Value::Object(fields(&document, schema));
        let id = switchboard_domain::ids::ChannelId::new("chn_1");
        let known = channel_input::References::default();
        let errors = channel_input::created(&channel, id, now, &providers(), &known).unwrap_err();
        assert!(errors.len() >= 10);
        assert!(errors.iter().all(|error| !error.message.contains("unknown")), "{errors:?}");
    }
}
