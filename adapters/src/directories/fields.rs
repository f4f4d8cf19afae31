//! Reading a directory's settings: every mistake at once, unknown fields included.

use serde_json::{Map, Value};
use switchboard_ports::provider::FieldError;
use url::Url;

/// Longest text setting, in characters.
const TEXT_CHARS_MAX: usize = 1_000;

/// Settings while they are checked, and what they become.
pub(super) struct Fields<'a> {
    from: &'a Value,
    at: &'static str,
    checked: Map<String, Value>,
    errors: Vec<FieldError>,
}

impl<'a> Fields<'a> {
    pub(super) fn new(from: &'a Value) -> Self {
        Self { from, at: "", checked: Map::new(), errors: Vec::new() }
    }

    pub(super) fn wrong(&mut self, key: &str, message: impl Into<String>) {
        let pointer = format!("{}/{}", self.at, key.replace('~', "~0").replace('/', "~1"));
        self.errors.push(FieldError { pointer, message: message.into() });
    }

    fn value(&self, key: &str) -> Option<&'a Value> {
        self.from.get(key).filter(|value| !value.is_null())
    }

    fn keep(&mut self, key: &str, value: impl Into<Value>) {
        self.checked.insert(key.to_owned(), value.into());
    }

    /// One line of text, or nothing.
    pub(super) fn text(&mut self, key: &str) -> Option<String> {
        let value = self.value(key);
        let text = value.map(|value| {
            let fits =
                |text: &&str| text.chars().count() <= TEXT_CHARS_MAX && !text.contains(char::is_control);
            value.as_str().filter(fits)
        });
        let text = match text {
            Some(None) => {
                self.wrong(key, format!("must be text on one line of {TEXT_CHARS_MAX} characters at most"));
                None
            }
            Some(text) => text.filter(|text| !text.trim().is_empty()).map(str::to_owned),
            None => None,
        };
        self.keep(key, text.clone());
        text
    }

    /// The same with a default.
    pub(super) fn text_or(&mut self, key: &str, default: &str) -> String {
        let text = self.text(key).unwrap_or_else(|| default.to_owned());
        self.keep(key, text.as_str());
        text
    }

    /// The same, where it must be there.
    pub(super) fn needed(&mut self, key: &str) -> String {
        let errors = self.errors.len();
        let text = self.text(key);
        if text.is_none() && self.errors.len() == errors {
            self.wrong(key, "is required");
        }
        text.unwrap_or_default()
    }

    /// An address with one of these schemes, without credentials in it.
    pub(super) fn url(&mut self, key: &str, schemes: &[&str]) -> Option<Url> {
        let text = self.needed(key);
        if text.is_empty() {
            return None;
        }
        let url = Url::parse(&text).ok().filter(|url| schemes.contains(&url.scheme()));
        let url = url.filter(|url| url.host_str().is_some_and(|host| !host.is_empty()));
        let url = url.filter(|url| url.username().is_empty() && url.password().is_none());
        if url.is_none() {
            let schemes: Vec<_> = schemes.iter().map(|scheme| format!("{scheme}://")).collect();
            self.wrong(key, format!("must be an address with {}, without credentials", schemes.join(" or ")));
        }
        url
    }

    /// `true` or `false`.
    pub(super) fn flag(&mut self, key: &str, default: bool) -> bool {
        let flag = match self.value(key) {
            None => default,
            Some(Value::Bool(flag)) => *flag,
            Some(_) => {
                self.wrong(key, "must be true or false");
                default
            }
        };
        self.keep(key, flag);
        flag
    }

    /// A list of words.
    pub(super) fn words(&mut self, key: &str, count_max: usize) -> Vec<String> {
        let Some(value) = self.value(key) else {
            self.keep(key, Vec::<Value>::new());
            return Vec::new();
        };
        let is_word =
            |value: &&Value| value.as_str().is_some_and(|word| !word.is_empty() && word.len() <= 200);
        let list =
            value.as_array().filter(|list| list.len() <= count_max && list.iter().all(|v| is_word(&v)));
        if list.is_none() {
            self.wrong(key, format!("must be a list of {count_max} texts at most"));
        }
        let words: Vec<String> =
            list.into_iter().flatten().filter_map(|value| value.as_str().map(str::to_owned)).collect();
        self.keep(key, words.clone());
        words
    }

    /// An object of its own, one level below.
    pub(super) fn section<T>(&mut self, key: &'static str, read: impl FnOnce(&mut Fields<'_>) -> T) -> T {
        static NOTHING: Value = Value::Null;
        let from = self.value(key).unwrap_or(&NOTHING);
        if !from.is_null() && !from.is_object() {
            self.wrong(key, "must be a JSON object");
        }
        let mut inner = Fields { from, at: "", checked: Map::new(), errors: Vec::new() };
        let value = read(&mut inner);
        match inner.finish() {
            Ok(checked) => self.keep(key, checked),
            Err(errors) => {
                self.keep(key, Value::Null);
                let below = |error: FieldError| FieldError {
                    pointer: format!("{}/{key}{}", self.at, error.pointer),
                    ..error
                };
                self.errors.extend(errors.into_iter().map(below));
            }
        }
        value
    }

    /// The settings with their defaults, or every mistake.
    pub(super) fn finish(mut self) -> Result<Value, Vec<FieldError>> {
        let unknown: Vec<_> =
            self.from.as_object().into_iter().flatten().map(|(key, _)| key.clone()).collect();
        let known: Vec<_> = self.checked.keys().map(String::as_str).collect();
        let message = format!("is unknown, allowed are {}", known.join(", "));
        for key in unknown {
            if self.checked.contains_key(&key) {
                continue;
            }
            let message = message.as_str();
            self.wrong(&key, message);
        }
        if self.errors.is_empty() { Ok(Value::Object(self.checked)) } else { Err(self.errors) }
    }
}
