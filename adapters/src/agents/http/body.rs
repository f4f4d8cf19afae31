//! The part of a request's body that is the administrator's.

use serde_json::{Map, Value};

/// Lays `extra` over the body field by field; a `null` takes a field out: `{"user": null}` for servers that refuse `user`.
/// What it may not name the settings have refused.
pub(in crate::agents) fn merge(body: &mut Map<String, Value>, extra: &Map<String, Value>) {
    for (field, value) in extra {
        if value.is_null() {
            body.remove(field);
        } else {
            body.insert(field.clone(), value.clone());
        }
    }
}
