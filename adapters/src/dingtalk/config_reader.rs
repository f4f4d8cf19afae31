//! Reading settings field by field, collecting everything that is wrong with them.

use serde_json::{Map, Value};
use switchboard_ports::provider::FieldError;
use url::Url;

/// Longest unknown field name quoted in an error, in characters.
const NAME_QUOTED_CHARS_MAX: usize = 60;

/// Longest base address, in characters.
const URL_CHARS_MAX: usize = 500;

/// One object of settings being read. `null` counts as absent: a merge patch clears fields with it.
pub(super) struct Reader<'v, 'e> {
    object: Option<&'v Map<String, Value>>,
    pointer: String,
    errors: &'e mut Vec<FieldError>,
}

impl<'v, 'e> Reader<'v, 'e> {
    /// Starts reading `value` at `pointer`; fields not in `known` are errors.
    pub(super) fn new(
        value: Option<&'v Value>,
        pointer: &str,
        known: &[&str],
        errors: &'e mut Vec<FieldError>,
    ) -> Self {
        let mut reader = Self { object: None, pointer: pointer.to_owned(), errors };
        match value {
            None | Some(Value::Null) => {}
            Some(Value::Object(object)) => {
                reader.object = Some(object);
                for name in object.keys().filter(|name| !known.contains(&name.as_str())) {
                    reader.refuse(name, &format!("is unknown; known are {}", known.join(", ")));
                }
            }
            Some(Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => {
                reader.errors.push(FieldError {
                    pointer: reader.pointer.clone(),
                    message: "must be an object".into(),
                });
            }
        }
        reader
    }

    /// The field's value, unless absent.
    pub(super) fn value(&self, name: &str) -> Option<&'v Value> {
        self.object?.get(name).filter(|value| !value.is_null())
    }

    /// Names a bad field.
    pub(super) fn refuse(&mut self, name: &str, message: &str) {
        let name: String = name.chars().take(NAME_QUOTED_CHARS_MAX).collect();
        let name = name.replace('~', "~0").replace('/', "~1");
        self.errors
            .push(FieldError { pointer: format!("{}/{name}", self.pointer), message: message.to_owned() });
    }

    /// A text of 1 to `chars_max` visible characters without blanks, if given.
    pub(super) fn word(&mut self, name: &str, chars_max: usize) -> Option<String> {
        let value = self.value(name)?;
        let fits = |text: &&str| {
            !text.is_empty()
                && text.chars().count() <= chars_max
                && !text.chars().any(|c| c.is_whitespace() || c.is_control())
        };
        let text = value.as_str().filter(fits).map(str::to_owned);
        if text.is_none() {
            self.refuse(name, &format!("must be a text of 1 to {chars_max} characters without blanks"));
        }
        text
    }

    /// A whole number from `min` to `max`, or the default.
    pub(super) fn number(&mut self, name: &str, min: u32, max: u32, default: u32) -> u32 {
        let Some(value) = self.value(name) else {
            return default;
        };
        let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
        if let Some(number) = number.filter(|number| (min..=max).contains(number)) {
            return number;
        }
        self.refuse(name, &format!("must be a whole number from {min} to {max}"));
        default
    }

    /// `true` or `false`, or the default.
    pub(super) fn flag(&mut self, name: &str, default: bool) -> bool {
        let Some(value) = self.value(name) else {
            return default;
        };
        value.as_bool().unwrap_or_else(|| {
            self.refuse(name, "must be true or false");
            default
        })
    }

    /// The base address of an API, without a slash at its end, or the default.
    pub(super) fn base_url(&mut self, name: &str, default: &str) -> String {
        let Some(value) = self.value(name) else {
            return default.to_owned();
        };
        let text = value.as_str().filter(|text| text.chars().count() <= URL_CHARS_MAX);
        if let Some(text) = text.filter(|text| is_base(text)) {
            return text.trim_end_matches('/').to_owned();
        }
        self.refuse(
            name,
            "must be an http or https address of at most 500 characters, without user, query and fragment",
        );
        default.to_owned()
    }
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
