//! JSON merge patch (RFC 7396), and what a patch may not touch.

use serde_json::{Map, Value};

use super::fields::Fields;

/// What a secret looks like in answers; in a patch it means "keep what is stored".
pub const MASK: &str = "***";

/// Fields the server sets. A patch may repeat them unchanged, so that an answer can be edited and sent back.
pub const READ_ONLY: [&str; 5] = ["id", "version", "created_at", "updated_at", "managed_by_file"];

/// The field whose nulls mean something: they take a member out of requests, and are kept.
const MEANS_ITS_NULLS: &str = "extra_body";

/// Nesting followed, at most; deeper values are taken as they are. The JSON parser stops at 128.
const DEPTH_MAX: usize = 128;

/// The document that `patch`, an object, makes of `current`, with read-only fields taken out. A changed one is noted.
pub fn merged(mut current: Value, mut patch: Value, fields: &mut Fields) -> Value {
    take_unchanged(&mut current, &mut patch, &READ_ONLY, fields);
    let Some(changes) = patch.as_object_mut() else {
        return current;
    };
    // Cleared by a null of its own, like any field; with members, they are laid over those that there are.
    let meant = changes.remove_entry(MEANS_ITS_NULLS);
    apply(&mut current, patch, Nulls::Remove, 0);
    if let (Some((key, members)), Some(map)) = (meant, current.as_object_mut()) {
        if members.is_null() {
            map.remove(&key);
        } else {
            apply(map.entry(key).or_insert(Value::Null), members, Nulls::Stay, 0);
        }
    }
    current
}

/// Takes fields that only the server sets out of both documents. One that the patch would change is noted.
pub fn take_unchanged(current: &mut Value, patch: &mut Value, keys: &[&str], fields: &mut Fields) {
    let Some(changes) = patch.as_object_mut() else { return };
    for key in keys {
        let wanted = changes.remove(*key);
        let is = current.as_object_mut().and_then(|map| map.remove(*key));
        if wanted.is_some() && wanted != is {
            fields.wrong(format!("/{key}"), "is set by the server and cannot be changed");
        }
    }
}

/// A document without what only the server sets.
#[must_use]
pub fn without_read_only(mut document: Value) -> Value {
    if let Some(map) = document.as_object_mut() {
        map.retain(|key, _| !READ_ONLY.contains(&key.as_str()));
    }
    document
}

/// What a null in a patch does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Nulls {
    /// It takes the member away: RFC 7396.
    Remove,
    /// It is a value like any other.
    Stay,
}

/// RFC 7396 §2, but for nulls that stay.
fn apply(target: &mut Value, patch: Value, nulls: Nulls, depth: usize) {
    let Value::Object(changes) = patch else {
        *target = patch;
        return;
    };
    if depth > DEPTH_MAX {
        return;
    }
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Some(map) = target.as_object_mut() else { return };
    for (key, change) in changes {
        if change.is_null() && nulls == Nulls::Remove {
            map.remove(&key);
        } else {
            apply(map.entry(key).or_insert(Value::Null), change, nulls, depth.saturating_add(1));
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::{Fields, Nulls, apply, merged};

    // The examples of RFC 7396, appendix A.
    #[rstest]
    #[case(json!({"a":"b"}), json!({"a":"c"}), json!({"a":"c"}))]
    #[case(json!({"a":"b"}), json!({"b":"c"}), json!({"a":"b","b":"c"}))]
    #[case(json!({"a":"b"}), json!({"a":null}), json!({}))]
    #[case(json!({"a":"b","b":"c"}), json!({"a":null}), json!({"b":"c"}))]
    #[case(json!({"a":["b"]}), json!({"a":"c"}), json!({"a":"c"}))]
    #[case(json!({"a":"c"}), json!({"a":["b"]}), json!({"a":["b"]}))]
    #[case(json!({"a":{"b":"c"}}), json!({"a":{"b":"d","c":null}}), json!({"a":{"b":"d"}}))]
    #[case(json!({"a":[{"b":"c"}]}), json!({"a":[1]}), json!({"a":[1]}))]
    #[case(json!(["a","b"]), json!(["c","d"]), json!(["c","d"]))]
    #[case(json!({"a":"b"}), json!(["c"]), json!(["c"]))]
    #[case(json!({"e":null}), json!({"a":1}), json!({"e":null,"a":1}))]
    #[case(json!([1,2]), json!({"a":"b","c":null}), json!({"a":"b"}))]
    #[case(json!({}), json!({"a":{"bb":{"ccc":null}}}), json!({"a":{"bb":{}}}))]
    fn the_examples_of_the_rfc_hold(#[case] mut target: Value, #[case] patch: Value, #[case] result: Value) {
        apply(&mut target, patch, Nulls::Remove, 0);
        assert_eq!(target, result);
    }

    #[rstest]
    #[case::edited_and_sent_back(json!({"user":null,"t":1}), json!({"user":null,"t":2}), json!({"user":null,"t":2}))]
    #[case::one_more(json!({"t":1}), json!({"user":null}), json!({"user":null,"t":1}))]
    #[case::deeper(json!({"m":{"a":1}}), json!({"m":{"b":null}}), json!({"m":{"a":1,"b":null}}))]
    #[case::the_first(Value::Null, json!({"user":null}), json!({"user":null}))]
    fn nulls_that_take_something_out_of_requests_stay(
        #[case] before: Value,
        #[case] patch: Value,
        #[case] after: Value,
    ) {
        let current = json!({"name": "a", "extra_body": before});
        let document = merged(current, json!({"extra_body": patch}), &mut Fields::default());
        assert_eq!(document, json!({"name": "a", "extra_body": after}));
    }

    #[test]
    fn a_null_of_its_own_clears_them_all() {
        let current = json!({"extra_body": {"user": null}});
        assert_eq!(merged(current, json!({"extra_body": null}), &mut Fields::default()), json!({}));
    }

    #[test]
    fn read_only_fields_may_be_repeated_and_not_changed() {
        let current = json!({"id": "agt_1", "version": 3, "name": "a"});
        let mut fields = Fields::default();
        let document = merged(current.clone(), json!({"id": "agt_1", "name": "b"}), &mut fields);
        assert_eq!(document, json!({"name": "b"}));
        merged(current, json!({"version": 4}), &mut fields);
        assert_eq!(fields.into_result(()).unwrap_err()[0].pointer, "/version");
    }
}
