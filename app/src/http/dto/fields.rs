//! Reading a JSON object field by field, collecting every mistake instead of stopping at the first.

use std::ops::RangeInclusive;

use serde_json::{Map, Value};
use switchboard_ports::provider::FieldError;

/// Mistakes named in one answer, at most.
const ERRORS_MAX: usize = 50;

/// Characters of an unknown field's name repeated in a pointer, at most.
const NAME_CHARS_MAX: usize = 100;

const TURNED: &str =
    "may not have characters that turn the direction of writing (U+202A to U+202E, U+2066 to U+2069)";

/// The mistakes found so far.
#[derive(Debug, Default)]
pub struct Fields {
    errors: Vec<FieldError>,
}

impl Fields {
    /// Notes a mistake.
    pub fn wrong(&mut self, pointer: impl Into<String>, message: impl Into<String>) {
        if self.errors.len() < ERRORS_MAX {
            self.errors.push(FieldError { pointer: pointer.into(), message: message.into() });
        }
    }

    /// Notes several.
    pub fn extend(&mut self, errors: impl IntoIterator<Item = FieldError>) {
        for error in errors {
            self.wrong(error.pointer, error.message);
        }
    }

    /// The value, if nothing was wrong.
    pub fn into_result<T>(self, value: T) -> Result<T, Vec<FieldError>> {
        if self.errors.is_empty() { Ok(value) } else { Err(self.errors) }
    }
}

/// Refuses a document that is no object: nothing else needs to be said about it.
pub fn object(document: &Value) -> Result<(), Vec<FieldError>> {
    if document.is_object() {
        return Ok(());
    }
    let message = String::from("must be a JSON object");
    Err(vec![FieldError { pointer: String::new(), message }])
}

/// A key as one part of a JSON pointer (RFC 6901 §3).
#[must_use]
pub fn pointer_part(key: &str) -> String {
    let part: String = key.chars().take(NAME_CHARS_MAX).collect();
    part.replace('~', "~0").replace('/', "~1")
}

/// One object while it is read. `null` counts as absent everywhere. A getter that finds a mistake notes it and answers
/// with some value of the type: [`Fields::into_result`] never lets such a value out.
#[derive(Debug)]
pub struct Reader<'a> {
    map: &'a Map<String, Value>,
    at: String,
    fields: &'a mut Fields,
    known: Vec<&'static str>,
}

static EMPTY: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);

impl<'a> Reader<'a> {
    /// Reads the document itself, which is an object: see [`object`].
    pub fn new(document: &'a Value, fields: &'a mut Fields) -> Self {
        let map = document.as_object().unwrap_or(&EMPTY);
        Self { map, at: String::new(), fields, known: Vec::new() }
    }

    /// Notes a mistake at a field of this object.
    pub fn wrong(&mut self, key: &str, message: impl Into<String>) {
        self.fields.wrong(format!("{}/{}", self.at, pointer_part(key)), message);
    }

    /// Notes a mistake one level below a field; `part` is escaped already.
    pub fn wrong_below(&mut self, key: &str, part: &str, message: impl Into<String>) {
        self.fields.wrong(format!("{}/{}/{part}", self.at, pointer_part(key)), message);
    }

    /// The raw value of a field; `None` when absent or null.
    pub fn raw(&mut self, key: &'static str) -> Option<&'a Value> {
        if !self.known.contains(&key) {
            self.known.push(key);
        }
        self.map.get(key).filter(|value| !value.is_null())
    }

    /// One line of text that must be there: no control characters, no white space at either end, nothing that turns the
    /// direction of writing, and at least one character that can be seen.
    pub fn name(&mut self, key: &'static str, chars_max: usize) -> String {
        let allowed = format!(
            "must be 1 to {chars_max} characters of text on one line, without white space at its ends"
        );
        match self.raw(key) {
            None => self.wrong(key, "is required"),
            Some(Value::String(text)) if text.contains(turns_direction) => self.wrong(key, TURNED),
            Some(Value::String(text)) if text.contains(breaks_line) => {
                self.wrong(key, "may not have control characters or line breaks");
            }
            Some(Value::String(text)) if !text.is_empty() && text.chars().all(is_unseen) => {
                self.wrong(key, "must have at least one character that can be seen");
            }
            Some(Value::String(text)) if is_line(text, chars_max) => return text.clone(),
            Some(_) => self.wrong(key, allowed),
        }
        String::new()
    }

    /// One line of text; empty counts as absent.
    pub fn line(&mut self, key: &'static str, chars_max: usize) -> Option<String> {
        let value = self.raw(key)?;
        let text = value.as_str().filter(|text| text.is_empty() || is_line(text, chars_max));
        if text.is_none() {
            self.wrong(key, format!("must be text on one line of {chars_max} characters at most, or null"));
        }
        text.filter(|text| !text.is_empty()).map(str::to_owned)
    }

    /// Text with line breaks; empty counts as absent.
    pub fn prose(&mut self, key: &'static str, chars_max: usize) -> Option<String> {
        let value = self.raw(key)?;
        let text = value.as_str().filter(|text| text.chars().count() <= chars_max && !text.contains('\0'));
        if text.is_none() {
            self.wrong(key, format!("must be text of {chars_max} characters at most, or null"));
        }
        text.filter(|text| !text.is_empty()).map(str::to_owned)
    }

    /// `true` or `false`.
    pub fn flag(&mut self, key: &'static str, default: bool) -> bool {
        match self.raw(key) {
            None => default,
            Some(Value::Bool(flag)) => *flag,
            Some(_) => {
                self.wrong(key, "must be true or false");
                default
            }
        }
    }

    /// A whole number within bounds.
    pub fn number(&mut self, key: &'static str, range: &RangeInclusive<u32>, default: u32) -> u32 {
        let Some(value) = self.raw(key) else {
            return default;
        };
        let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
        if let Some(number) = number.filter(|number| range.contains(number)) {
            return number;
        }
        self.wrong(key, format!("must be a whole number from {} to {}", range.start(), range.end()));
        default
    }

    /// One word out of a list.
    pub fn choice<T: Copy>(&mut self, key: &'static str, choices: &[(&str, T)], default: T) -> T {
        let Some(value) = self.raw(key) else {
            return default;
        };
        let chosen = value.as_str().and_then(|word| choices.iter().find(|(name, _)| *name == word));
        if let Some((_, chosen)) = chosen {
            return *chosen;
        }
        self.wrong(key, must_be(choices.iter().map(|(name, _)| *name)));
        default
    }

    /// An object as it is.
    pub fn object(&mut self, key: &'static str) -> Option<&'a Map<String, Value>> {
        let map = self.raw(key)?.as_object();
        if map.is_none() {
            self.wrong(key, "must be a JSON object");
        }
        map
    }

    /// An object read by `read`; absent means that each of its fields is.
    pub fn section<T>(&mut self, key: &'static str, read: impl FnOnce(&mut Reader<'_>) -> T) -> T {
        let map = self.object(key).unwrap_or(&EMPTY);
        let at = format!("{}/{}", self.at, pointer_part(key));
        let mut inner = Reader { map, at, fields: &mut *self.fields, known: Vec::new() };
        let value = read(&mut inner);
        inner.finish();
        value
    }

    /// Whether a list is absent or has nothing in it.
    pub fn is_empty(&mut self, key: &'static str) -> bool {
        self.raw(key).is_none_or(|value| value.as_array().is_some_and(Vec::is_empty))
    }

    /// A list of different texts on one line each; absent means none.
    pub fn lines(&mut self, key: &'static str, count_max: usize, chars_max: usize) -> Vec<String> {
        let Some(value) = self.raw(key) else { return Vec::new() };
        let Some(items) = value.as_array().filter(|items| items.len() <= count_max) else {
            self.wrong(key, format!("must be a list of {count_max} texts at most"));
            return Vec::new();
        };
        let mut lines = Vec::with_capacity(items.len());
        for (n, item) in items.iter().enumerate() {
            if let Some(text) = item.as_str().filter(|text| is_line(text, chars_max)) {
                lines.push(text.to_owned());
                continue;
            }
            let allowed = format!(
                "must be 1 to {chars_max} characters of text on one line, without white space at its ends"
            );
            self.wrong_below(key, &n.to_string(), allowed);
        }
        let different: std::collections::BTreeSet<_> = lines.iter().collect();
        if different.len() < lines.len() {
            self.wrong(key, "must not name anything twice");
        }
        lines
    }

    /// A list of objects, each read by `read`; absent means none.
    pub fn items<T>(
        &mut self,
        key: &'static str,
        count_max: usize,
        mut read: impl FnMut(&mut Reader<'_>) -> T,
    ) -> Vec<T> {
        let Some(value) = self.raw(key) else { return Vec::new() };
        let items = value.as_array().filter(|items| items.len() <= count_max);
        let Some(items) = items.filter(|items| items.iter().all(Value::is_object)) else {
            self.wrong(key, format!("must be a list of {count_max} JSON objects at most"));
            return Vec::new();
        };
        let at = format!("{}/{}", self.at, pointer_part(key));
        let mut values = Vec::new();
        for (n, item) in items.iter().enumerate() {
            let map = item.as_object().unwrap_or(&EMPTY);
            let at = format!("{at}/{n}");
            let mut inner = Reader { map, at, fields: &mut *self.fields, known: Vec::new() };
            values.push(read(&mut inner));
            inner.finish();
        }
        values
    }

    /// Notes mistakes whose pointers begin at a field of this object.
    pub fn extend_below(&mut self, key: &str, errors: Vec<FieldError>) {
        for error in errors {
            self.fields.wrong(format!("{}/{}{}", self.at, pointer_part(key), error.pointer), error.message);
        }
    }

    /// Notes every field that nobody asked for.
    pub fn finish(self) {
        for key in self.map.keys().filter(|key| !self.known.contains(&key.as_str())) {
            let message = format!("is unknown, allowed are {}", self.known.join(", "));
            self.fields.wrong(format!("{}/{}", self.at, pointer_part(key)), message);
        }
    }
}

fn is_line(text: &str, chars_max: usize) -> bool {
    !text.is_empty()
        && text.chars().count() <= chars_max
        && !text.contains(|c| breaks_line(c) || turns_direction(c))
        && text.trim().len() == text.len()
}

/// Control characters, and the separators of lines and paragraphs.
fn breaks_line(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

/// Embeddings, overrides and isolates of writing direction: they turn around the text that a name stands in (UAX #9).
const fn turns_direction(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// White space, and characters that show nothing by themselves: joiners, marks, fillers, variation selectors.
fn is_unseen(c: char) -> bool {
    c.is_whitespace()
        || matches!(c,
            '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}'
            | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{2060}'..='\u{206F}' | '\u{2800}'
            | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}' | '\u{E0000}'..='\u{E0FFF}')
}

/// What is said of a name that is none of those there are.
pub fn must_be<'n>(names: impl IntoIterator<Item = &'n str>) -> String {
    let names: Vec<_> = names.into_iter().map(|name| format!("\"{name}\"")).collect();
    format!("must be {}", names.join(" or "))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::{Fields, Reader};

    #[test]
    fn all_mistakes_are_named_at_once_with_escaped_pointers() {
        let document = json!({"name": " x", "n": 0, "on": "yes", "deep": {"a/b": 1, "c": "z"}, "~": null});
        let mut fields = Fields::default();
        let mut reader = Reader::new(&document, &mut fields);
        reader.name("name", 10);
        reader.name("missing", 10);
        // What is looked at twice is allowed once.
        reader.raw("missing");
        reader.number("n", &(1..=5), 3);
        reader.flag("on", true);
        reader.section("deep", |deep| deep.choice("c", &[("x", 1), ("y", 2)], 1));
        reader.finish();
        let errors = fields.into_result(()).unwrap_err();
        let pointers: Vec<_> = errors.iter().map(|e| e.pointer.as_str()).collect();
        assert_eq!(pointers, ["/name", "/missing", "/n", "/on", "/deep/c", "/deep/a~1b", "/~0"]);
        assert_eq!(errors[4].message, "must be \"x\" or \"y\"");
        assert_eq!(errors[6].message, "is unknown, allowed are name, missing, n, on, deep");
    }

    #[rstest]
    #[case("\u{200B}", "can be seen")]
    #[case("\u{FEFF}\u{200D}", "can be seen")]
    #[case("a\u{202E}b", "direction of writing")]
    #[case("\u{2066}a\u{2069}", "direction of writing")]
    #[case("a\u{0007}b", "control characters")]
    #[case("a\u{0085}b", "control characters")]
    #[case("a\u{2028}b", "line breaks")]
    #[case("", "1 to 10")]
    #[case(" a", "white space")]
    fn a_name_that_misleads_is_refused_with_the_reason(#[case] name: &str, #[case] words: &str) {
        let document = json!({"name": name});
        let mut fields = Fields::default();
        Reader::new(&document, &mut fields).name("name", 10);
        let errors = fields.into_result(()).unwrap_err();
        assert_eq!(errors.len(), 1);
        assert!(errors[0].message.contains(words), "{}", errors[0].message);
    }

    #[rstest]
    #[case("बॉट\u{200D}")]
    #[case("👩\u{200D}💻")]
    #[case("عامل")]
    #[case("助手")]
    fn names_of_all_scripts_are_fine(#[case] name: &str) {
        let document = json!({"name": name});
        let mut fields = Fields::default();
        assert_eq!(Reader::new(&document, &mut fields).name("name", 10), name);
        assert!(fields.into_result(()).is_ok());
    }

    #[test]
    fn null_and_absent_mean_the_default() {
        let document = json!({"n": null});
        let mut fields = Fields::default();
        let mut reader = Reader::new(&document, &mut fields);
        assert_eq!(reader.number("n", &(1..=5), 3), 3);
        assert!(reader.flag("on", true));
        assert_eq!(reader.line("text", 5), None);
        reader.finish();
        assert!(fields.into_result(()).is_ok());
    }

    #[test]
    fn a_flood_of_unknown_fields_gives_a_bounded_answer() {
        let map = (0..10_000).map(|i| (format!("{i}{}", "x".repeat(500)), json!(1))).collect();
        let document = serde_json::Value::Object(map);
        let mut fields = Fields::default();
        Reader::new(&document, &mut fields).finish();
        let errors = fields.into_result(()).unwrap_err();
        assert_eq!(errors.len(), 50);
        assert!(errors.iter().all(|error| error.pointer.chars().count() <= 101));
    }
}
