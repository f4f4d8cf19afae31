//! Reading settings by the list of their fields, collecting everything that is wrong with them.

use serde_json::{Map, Value};
use switchboard_ports::config_field::{ConfigField, ConfigKind};
use switchboard_ports::provider::FieldError;
use url::Url;

/// Longest unknown field name quoted in an error, in characters.
const NAME_QUOTED_CHARS_MAX: usize = 60;

/// Settings being read. `null` counts as absent: a merge patch clears fields with it.
pub(super) struct Reader<'v> {
    config: &'v Value,
    fields: &'static [ConfigField],
    errors: Vec<FieldError>,
}

impl<'v> Reader<'v> {
    /// Reads every field there is, defaults filled in; names all that are bad, missing or unknown. `secrets_set` holds the
    /// pointers of secrets that are there. Secrets are not among the settings that come out.
    pub(super) fn read(
        config: &'v Value,
        fields: &'static [ConfigField],
        secrets_set: &[String],
    ) -> (Self, Value) {
        let mut reader = Self { config, fields, errors: Vec::new() };
        let Some(object) = config.as_object() else {
            reader.refuse("", "must be an object");
            return (reader, Value::Null);
        };
        reader.check_names("", object);
        let mut read = Map::new();
        for field in fields {
            let (group, name) = field.place();
            let inner = group.strip_prefix('/').filter(|inner| !read.contains_key(*inner));
            if let Some(inner) = inner {
                reader.check_group(group);
                read.insert(inner.to_owned(), Value::Object(Map::new()));
            }
            let is_secret = field.kind == ConfigKind::Secret;
            let is_set = is_secret && secrets_set.iter().any(|pointer| pointer == field.pointer);
            if field.required && !is_set && (is_secret || reader.value(field.pointer).is_none()) {
                reader.refuse(field.pointer, "is required");
            }
            if is_secret {
                continue;
            }
            let value = reader.field(field);
            let place = match group.strip_prefix('/') {
                None => Some(&mut read),
                Some(inner) => read.get_mut(inner).and_then(Value::as_object_mut),
            };
            if let Some(place) = place {
                place.insert(name.to_owned(), value);
            }
        }
        (reader, Value::Object(read))
    }

    /// What was found.
    pub(super) fn errors(self) -> Vec<FieldError> {
        self.errors
    }

    /// The value at a pointer as it was given, unless absent.
    pub(super) fn value(&self, pointer: &str) -> Option<&'v Value> {
        self.config.pointer(pointer).filter(|value| !value.is_null())
    }

    /// Names a bad field.
    pub(super) fn refuse(&mut self, pointer: &str, message: impl Into<String>) {
        self.errors.push(FieldError { pointer: pointer.to_owned(), message: message.into() });
    }

    fn check_group(&mut self, group: &str) {
        match self.value(group) {
            None => {}
            Some(Value::Object(object)) => self.check_names(group, object),
            Some(Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Null) => {
                self.refuse(group, "must be an object");
            }
        }
    }

    fn check_names(&mut self, group: &str, object: &Map<String, Value>) {
        let known = self.names(group);
        for name in object.keys().filter(|name| !known.contains(&name.as_str())) {
            let quoted: String = name.chars().take(NAME_QUOTED_CHARS_MAX).collect();
            let quoted = quoted.replace('~', "~0").replace('/', "~1");
            self.refuse(&format!("{group}/{quoted}"), format!("is unknown; known are {}", known.join(", ")));
        }
    }

    /// What may stand in an object: its fields, and the objects below it.
    fn names(&self, group: &str) -> Vec<&'static str> {
        let mut names = Vec::new();
        for field in self.fields.iter().filter(|field| field.kind != ConfigKind::Secret) {
            let below = field.pointer.strip_prefix(group).and_then(|rest| rest.strip_prefix('/'));
            let name = below.and_then(|rest| rest.split('/').next());
            names.extend(name.filter(|name| !names.contains(name)));
        }
        names
    }

    fn field(&mut self, field: &ConfigField) -> Value {
        let given = self.value(field.pointer);
        let (read, default, allowed) = match field.kind {
            ConfigKind::Word { chars_max, default } => (
                given.and_then(|value| word(value, chars_max)),
                default.map_or(Value::Null, Value::from),
                format!("must be a text of 1 to {chars_max} characters without blanks"),
            ),
            ConfigKind::Number { min, max, default } => (
                given.and_then(|value| number(value, min, max)),
                Value::from(default),
                format!("must be a whole number from {min} to {max}"),
            ),
            ConfigKind::Flag { default } => (
                given.filter(|value| value.is_boolean()).cloned(),
                Value::from(default),
                String::from("must be true or false"),
            ),
            ConfigKind::Choice { of, default } => {
                let names: Vec<&str> = of.iter().map(|(name, _)| *name).collect();
                let chosen = given.filter(|value| value.as_str().is_some_and(|name| names.contains(&name)));
                (chosen.cloned(), Value::from(default), format!("must be one of {}", names.join(", ")))
            }
            ConfigKind::Address { chars_max, default } => (
                given.and_then(|value| base_url(value, chars_max)),
                Value::from(default),
                format!(
                    "must be an http or https address of at most {chars_max} characters, without user, query and fragment"
                ),
            ),
            ConfigKind::Secret => (None, Value::Null, String::new()),
        };
        if given.is_some() && read.is_none() {
            self.refuse(field.pointer, allowed);
        }
        read.unwrap_or(default)
    }
}

fn word(value: &Value, chars_max: usize) -> Option<Value> {
    let fits = |text: &&str| {
        !text.is_empty()
            && text.chars().count() <= chars_max
            && !text.chars().any(|c| c.is_whitespace() || c.is_control())
    };
    value.as_str().filter(fits).map(Value::from)
}

fn number(value: &Value, min: u32, max: u32) -> Option<Value> {
    let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
    number.filter(|number| (min..=max).contains(number)).map(Value::from)
}

/// The address without a slash at its end.
fn base_url(value: &Value, chars_max: usize) -> Option<Value> {
    let text = value.as_str().filter(|text| text.chars().count() <= chars_max && is_base(text))?;
    Some(Value::from(text.trim_end_matches('/')))
}

fn is_base(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
    })
}
