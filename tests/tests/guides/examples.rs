//! Examples in the guides: what is shown as JSON for an agent is taken by the program as it stands.

use serde_json::{Value, json};
use switchboard::cli::seam::Composition as _;
use switchboard::compose::Composed;
use switchboard::config::{self, Environment, Overrides};
use switchboard::http::dto::agent_input;
use switchboard_domain::ids::AgentId;
use switchboard_domain::time::Timestamp;

use super::markdown::Guide;

/// The mistakes of a guide's examples, each with its name or its text.
pub(crate) fn mistakes(guide: &Guide) -> (usize, Vec<String>) {
    let config = config::load(&Overrides::default(), &Environment::default()).expect("nothing is configured");
    let kinds = Composed::default().catalog(&config).expect("it is put together").kinds;
    let mut mistakes = Vec::new();
    let mut tried = 0;
    for text in guide.code("json") {
        let whole = match serde_json::from_str(&text) {
            Ok(Value::Object(members)) => agent(members),
            Ok(other) => panic!("{}: {other} is no object", guide.name),
            Err(error) => {
                mistakes.push(format!("{}: {text} is no JSON: {error}", guide.name));
                continue;
            }
        };
        let Some(whole) = whole else { continue };
        tried += 1;
        let (id, now) = (AgentId::new("agt_1"), Timestamp::from_millis(0));
        if let Err(errors) = agent_input::created(&whole, id, now, &kinds) {
            let fields: Vec<_> =
                errors.iter().map(|error| format!("{} {}", error.pointer, error.message)).collect();
            mistakes.push(format!("{}: {text}: {}", guide.name, fields.join("; ")));
        }
    }
    (tried, mistakes)
}

/// A whole agent: one as it stands, or the parts of one laid over another. `None`: it is about something else.
fn agent(members: serde_json::Map<String, Value>) -> Option<Value> {
    if members.contains_key("kind") {
        return Some(Value::Object(members));
    }
    let is_part = |key: &String| matches!(key.as_str(), "headers" | "extra_body");
    members.keys().all(is_part).then(|| {
        let mut whole = json!({"name": "a", "kind": "openai-chat", "base_url": "https://llm.example.com/v1"});
        whole.as_object_mut().into_iter().for_each(|whole| whole.extend(members.clone()));
        whole
    })
}
