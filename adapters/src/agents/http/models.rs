//! The list of models that servers of this family tell: `GET {base_url}/models`, `{"data":[{"id":…}]}`.

use std::collections::BTreeSet;

use reqwest::Client;
use serde_json::Value;
use switchboard_ports::agent::{AgentEvent, MODELS_TOLD_MAX};
use switchboard_ports::clock::Clock;

use super::call;
use super::settings::Settings;

/// Longest name of a model that is taken, in bytes.
const NAME_BYTES_MAX: usize = 512;

/// Asks for the list. `path` is what the agent's own address has beyond its base.
pub(in crate::agents) async fn list(
    client: &Client,
    settings: &Settings,
    path: &[&str],
    clock: &dyn Clock,
) -> Result<Option<Vec<String>>, String> {
    let mut url = settings.url.clone();
    {
        let Ok(mut parts) = url.path_segments_mut() else {
            return Err("the address has no path".to_owned());
        };
        for _part in path {
            parts.pop();
        }
        parts.push("models");
    }
    let Some(headers) = settings.plain(None) else {
        return Err("a header cannot be sent".to_owned());
    };
    match call::document(client.get(url).headers(headers), clock).await {
        Ok(document) => read(&document).map(Some),
        Err(unanswered) => Err(match unanswered.into_event() {
            AgentEvent::Failed { detail, .. } => detail,
            AgentEvent::Started { .. }
            | AgentEvent::Delta(_)
            | AgentEvent::Reasoning(_)
            | AgentEvent::Tool { .. }
            | AgentEvent::Completed { .. } => "an odd answer".to_owned(),
        }),
    }
}

/// The names in an answer, each once.
fn read(document: &Value) -> Result<Vec<String>, String> {
    let data = document.get("data").and_then(Value::as_array);
    let data = data.ok_or_else(|| "the answer has no list \"data\"".to_owned())?;
    let names = data.iter().filter_map(|model| model.get("id").and_then(Value::as_str));
    let fits = |name: &&str| {
        !name.trim().is_empty() && name.len() <= NAME_BYTES_MAX && !name.contains(char::is_control)
    };
    // Those that stand there twice take no other's place.
    let names: BTreeSet<_> = names.filter(fits).collect();
    Ok(names.into_iter().take(MODELS_TOLD_MAX).map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::read;

    #[test]
    fn names_are_read_once_and_odd_ones_left_out() {
        let document = json!({"object": "list", "data": [
            {"id": "b"}, {"id": "a", "owned_by": "x"}, {"id": "b"}, {"id": ""}, {"id": 3}, {"name": "c"}, null,
            {"id": "a\nb"}, {"id": "x".repeat(600)}
        ]});
        assert_eq!(read(&document), Ok(vec!["a".to_owned(), "b".to_owned()]));
    }

    #[test]
    fn a_list_of_any_length_is_bounded() {
        let data: Vec<_> = (0..5_000).map(|n| json!({"id": format!("m{}", n / 3)})).collect();
        assert_eq!(read(&json!({"data": data})).map(|names| names.len()), Ok(1_000));
    }

    #[test]
    fn an_answer_without_a_list_is_an_error() {
        for odd in [json!({}), json!({"data": {}}), json!([]), json!(null), json!({"models": ["a"]})] {
            assert!(read(&odd).is_err(), "{odd}");
        }
    }
}
