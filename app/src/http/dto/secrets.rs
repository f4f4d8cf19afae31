//! Secrets among settings: masked on the way out, kept apart on the way in.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use switchboard_domain::secret::Secret;
use switchboard_ports::provider::FieldError;

use super::fields::Fields;
use super::merge::MASK;

/// Longest secret of a platform's or a directory's settings, in bytes.
pub const SECRET_BYTES_MAX: usize = 8_192;

/// Settings without their secrets, and those by JSON pointer.
pub(super) type Settings = (Value, BTreeMap<String, Secret>);

/// What is known before settings are read.
pub(super) struct Taken<'a> {
    /// Whether they change something that is stored.
    pub(super) patch: bool,
    /// The secrets that are stored.
    pub(super) kept: Option<&'a BTreeMap<String, Secret>>,
}

/// The settings with `***` where a secret is stored.
pub(super) fn masked(config: &Value, secrets: &BTreeMap<String, Secret>) -> Value {
    let mut config = config.clone();
    for pointer in secrets.keys() {
        put(&mut config, pointer, Value::from(MASK));
    }
    config
}

/// Takes secrets out of settings, an object, and has the rest checked; pointers of mistakes begin at the settings.
pub(super) fn taken(
    mut config: Value,
    secret_fields: &[&str],
    from: &Taken<'_>,
    fields: &mut Fields,
    check: impl FnOnce(&Value, &[String]) -> Result<Value, Vec<FieldError>>,
) -> Settings {
    let mut secrets = BTreeMap::new();
    let mut given = Vec::new();
    for pointer in secret_fields {
        let Some(value) = take(&mut config, pointer).filter(|value| !value.is_null()) else {
            continue;
        };
        // A secret that is there and bad was given: the check must not say "is required" as well.
        given.push((*pointer).to_owned());
        let kept = from.kept.and_then(|kept| kept.get(*pointer));
        match secret(&value, from.patch, kept) {
            Ok(Some(secret)) => {
                secrets.insert((*pointer).to_owned(), secret);
            }
            Ok(None) => given.retain(|there| there != pointer),
            Err(message) => fields.wrong(*pointer, message),
        }
    }
    match check(&config, &given) {
        Ok(mut checked) => {
            // Whatever a check fills in, no secret may stand among the plain settings.
            for pointer in secrets.keys() {
                take(&mut checked, pointer);
            }
            (checked, secrets)
        }
        Err(errors) => {
            fields.extend(errors);
            (Value::Null, BTreeMap::new())
        }
    }
}

fn secret(value: &Value, patch: bool, kept: Option<&Secret>) -> Result<Option<Secret>, String> {
    let fits = |text: &&str| text.len() <= SECRET_BYTES_MAX && !text.contains(char::is_control);
    let Some(text) = value.as_str().filter(fits) else {
        return Err(format!("must be text on one line of {SECRET_BYTES_MAX} bytes at most"));
    };
    match text {
        MASK if !patch || kept.is_none() => {
            Err(String::from("must be the secret itself: *** only stands for a stored one"))
        }
        MASK | "" if patch => Ok(kept.cloned()),
        "" => Ok(None),
        secret => Ok(Some(Secret::new(secret))),
    }
}

/// Sets the value at a JSON pointer, making the objects on the way.
pub(in crate::http) fn put(root: &mut Value, pointer: &str, value: Value) {
    let mut place = root;
    for part in parts(pointer) {
        if !place.is_object() {
            *place = Value::Object(Map::new());
        }
        let Some(map) = place.as_object_mut() else { return };
        place = map.entry(part).or_insert(Value::Null);
    }
    *place = value;
}

/// Takes the value at a JSON pointer out of its object.
pub(super) fn take(root: &mut Value, pointer: &str) -> Option<Value> {
    let (parent, _) = pointer.rsplit_once('/')?;
    let last = parts(pointer).last()?;
    root.pointer_mut(parent)?.as_object_mut()?.remove(&last)
}

fn parts(pointer: &str) -> impl Iterator<Item = String> {
    pointer.split('/').skip(1).map(|part| part.replace("~1", "/").replace("~0", "~"))
}
