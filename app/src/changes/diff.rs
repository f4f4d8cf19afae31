//! What differs between two versions of a resource, field by field. Secrets are said to differ, and never shown.

use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::http::dto::fields::pointer_part;
use crate::http::dto::merge::MASK;

/// Fields named in one comparison, at most.
pub const FIELDS_MAX: usize = 1_000;

/// Objects followed into one another, at most; deeper ones are compared as they are.
const DEPTH_MAX: usize = 32;

/// What counts the versions themselves, and differs between all of them.
const NOT_COMPARED: [&str; 4] = ["id", "version", "created_at", "updated_at"];

/// A field that differs.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct FieldChange {
    /// JSON pointer (RFC 6901) into the resource.
    pub pointer: String,
    /// What it held before; absent where there was no such field, and of secrets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// What it holds now; absent where there is no such field, and of secrets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
    /// Whether it is a secret: all that is told of those is that they differ.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub secret: bool,
}

impl FieldChange {
    fn of_secret(pointer: &str) -> Self {
        Self { pointer: pointer.to_owned(), before: None, after: None, secret: true }
    }
}

/// What differs between two resources as the API shows them. Masked secrets look the same whatever they are, so that those which
/// differ are named: `secrets`.
#[must_use]
pub fn differences(before: &Value, after: &Value, secrets: &[String]) -> Vec<FieldChange> {
    let mut found = Vec::new();
    compared(String::new(), Some(before), Some(after), 0, &mut found);
    for pointer in secrets {
        if !found.iter().any(|change| change.pointer == *pointer) {
            found.push(FieldChange::of_secret(pointer));
        }
    }
    found.truncate(FIELDS_MAX);
    found
}

fn compared(
    at: String,
    before: Option<&Value>,
    after: Option<&Value>,
    depth: usize,
    found: &mut Vec<FieldChange>,
) {
    if before == after || found.len() >= FIELDS_MAX {
        return;
    }
    if let (Some(Value::Object(before)), Some(Value::Object(after))) = (before, after)
        && depth < DEPTH_MAX
    {
        return members(&at, before, after, depth, found);
    }
    if is_mask(before) || is_mask(after) {
        return found.push(FieldChange::of_secret(&at));
    }
    found.push(FieldChange { pointer: at, before: before.cloned(), after: after.cloned(), secret: false });
}

fn members(
    at: &str,
    before: &Map<String, Value>,
    after: &Map<String, Value>,
    depth: usize,
    found: &mut Vec<FieldChange>,
) {
    let added = after.keys().filter(|key| !before.contains_key(*key));
    for key in before.keys().chain(added) {
        if depth == 0 && NOT_COMPARED.contains(&key.as_str()) {
            continue;
        }
        let pointer = format!("{at}/{}", pointer_part(key));
        compared(pointer, before.get(key), after.get(key), depth.saturating_add(1), found);
    }
}

fn is_mask(value: Option<&Value>) -> bool {
    value.and_then(Value::as_str) == Some(MASK)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::{FIELDS_MAX, differences};

    #[rstest]
    #[case(json!({"name": "a"}), json!({"name": "a"}), json!([]))]
    #[case::a_field(json!({"name": "a"}), json!({"name": "b"}), json!([{"pointer": "/name", "before": "a", "after": "b"}]))]
    #[case::below(json!({"c": {"x": 1, "y": 2}}), json!({"c": {"x": 1, "y": 3}}),
        json!([{"pointer": "/c/y", "before": 2, "after": 3}]))]
    #[case::come_and_gone(json!({"h": {"a/b": 1}}), json!({"h": {"c~d": null}}),
        json!([{"pointer": "/h/a~1b", "before": 1}, {"pointer": "/h/c~0d", "after": null}]))]
    #[case::lists_are_whole(json!({"l": [1, {"a": 1}]}), json!({"l": [1, {"a": 2}]}),
        json!([{"pointer": "/l", "before": [1, {"a": 1}], "after": [1, {"a": 2}]}]))]
    #[case::another_kind(json!({"a": {"b": 1}}), json!({"a": 1}), json!([{"pointer": "/a", "before": {"b": 1}, "after": 1}]))]
    #[case::a_secret_more(json!({"api_key": null}), json!({"api_key": "***"}), json!([{"pointer": "/api_key", "secret": true}]))]
    #[case::a_secret_less(json!({"headers": {"X": "***"}}), json!({"headers": {}}), json!([{"pointer": "/headers/X", "secret": true}]))]
    #[case::counts_of_its_own(json!({"id": "a", "version": 1, "created_at": "x", "updated_at": "x"}),
        json!({"id": "a", "version": 2, "created_at": "y", "updated_at": "y"}), json!([]))]
    #[case::below_they_count(json!({"config": {"id": 1, "version": 1}}), json!({"config": {"id": 2, "version": 1}}),
        json!([{"pointer": "/config/id", "before": 1, "after": 2}]))]
    fn each_field_that_differs_is_named(#[case] before: Value, #[case] after: Value, #[case] told: Value) {
        let found = differences(&before, &after, &[]);
        assert_eq!(serde_json::to_value(found).unwrap(), told);
    }

    #[test]
    fn a_secret_that_differs_is_named_though_it_looks_the_same() {
        let one = json!({"name": "a", "config": {"client_secret": "***"}});
        let other = json!({"name": "b", "config": {"client_secret": "***"}});
        let secrets = [String::from("/config/client_secret")];
        let found = serde_json::to_value(differences(&one, &other, &secrets)).unwrap();
        let told = json!([{"pointer": "/name", "before": "a", "after": "b"},
            {"pointer": "/config/client_secret", "secret": true}]);
        assert_eq!(found, told);
        // One that came is named once.
        let found =
            differences(&json!({"config": {}}), &json!({"config": {"client_secret": "***"}}), &secrets);
        assert_eq!(found.len(), 1);
    }

    #[test]
    fn a_comparison_is_bounded() {
        let many = |value: u32| {
            let members = (0..5_000).map(|n| (format!("k{n}"), Value::from(value)));
            Value::Object(members.collect())
        };
        assert_eq!(differences(&many(1), &many(2), &[]).len(), FIELDS_MAX);
    }
}
