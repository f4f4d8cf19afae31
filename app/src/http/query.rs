//! Query parameters: the ones an endpoint knows, each once, nothing else.

use std::collections::BTreeMap;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use switchboard_ports::page::{PAGE_ROWS_MAX, PageRequest};
use utoipa::IntoParams;

use super::dto::fields::{Fields, must_be, pointer_part};
use super::dto::list::is_name_cursor;
use super::problem::Problem;

/// Longest value of a parameter, in characters.
const VALUE_CHARS_MAX: usize = 1_000;

/// The parameters of one request. Ask for each with its getter, then [`Query::finish`].
#[derive(Debug)]
pub struct Query {
    values: BTreeMap<String, String>,
    known: Vec<&'static str>,
    fields: Fields,
}

impl<S: Send + Sync> FromRequestParts<S> for Query {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let mut query = Self { values: BTreeMap::new(), known: Vec::new(), fields: Fields::default() };
        for (name, value) in url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()) {
            if value.chars().count() > VALUE_CHARS_MAX {
                query.wrong(&name, format!("may have {VALUE_CHARS_MAX} characters at most"));
            } else if query.values.insert(name.to_string(), value.to_string()).is_some() {
                query.wrong(&name, "may stand once");
            }
        }
        Ok(query)
    }
}

impl Query {
    fn wrong(&mut self, name: &str, message: impl Into<String>) {
        self.fields.wrong(format!("/{}", pointer_part(name)), message);
    }

    /// A text that may not be empty: a script with an unset variable must not get everything.
    pub fn text(&mut self, name: &'static str) -> Option<String> {
        self.known.push(name);
        let value = self.values.get(name).cloned()?;
        if value.is_empty() {
            self.wrong(name, "may not be empty: leave it out instead");
            return None;
        }
        Some(value)
    }

    /// Words to search for; empty counts as absent, as an empty search box does.
    pub fn search(&mut self, name: &'static str) -> Option<String> {
        self.known.push(name);
        self.values.get(name).filter(|value| !value.is_empty()).cloned()
    }

    /// `true` or `false`; absent is `false`.
    pub fn flag(&mut self, name: &'static str) -> bool {
        match self.text(name).as_deref() {
            None | Some("false") => false,
            Some("true") => true,
            Some(_) => {
                self.wrong(name, "must be true or false");
                false
            }
        }
    }

    /// One of a few words, each for a value.
    pub fn word<T: Copy>(&mut self, name: &'static str, words: &[(&str, T)]) -> Option<T> {
        let text = self.text(name)?;
        let found = words.iter().find(|(word, _)| *word == text);
        if found.is_none() {
            self.wrong(name, must_be(words.iter().map(|(word, _)| *word)));
        }
        found.map(|(_, value)| *value)
    }

    /// `limit` and `cursor` of a list in the order of ids, which all begin with this and go on with letters, digits, `-` and `_`.
    pub fn page_by_id(&mut self, prefix: &str) -> PageRequest {
        let is_rest = |rest: &str| {
            !rest.is_empty() && rest.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
        };
        self.page_where(|cursor| cursor.strip_prefix(prefix).is_some_and(is_rest))
    }

    /// `limit` and `cursor` of a list in the order of a number.
    pub fn page_by_number(&mut self) -> PageRequest {
        self.page_where(is_number)
    }

    /// `limit` and `cursor` of a list in the order of activity: a time and an id.
    pub fn page_by_activity(&mut self) -> PageRequest {
        self.page_where(|cursor| {
            cursor.split_once('-').is_some_and(|(at, id)| is_number(at) && !id.is_empty())
        })
    }

    /// `limit` and `cursor` of a list by name ([`super::dto::list::List::cut`]).
    pub fn page_by_name(&mut self) -> PageRequest {
        self.page_where(is_name_cursor)
    }

    fn page_where(&mut self, is_cursor: impl Fn(&str) -> bool) -> PageRequest {
        let default = PageRequest::default();
        let limit = match self.text("limit") {
            None => default.limit,
            Some(text) => match text.parse() {
                Ok(limit) if (1..=PAGE_ROWS_MAX).contains(&limit) => limit,
                Ok(_) | Err(_) => {
                    self.wrong("limit", format!("must be a whole number from 1 to {PAGE_ROWS_MAX}"));
                    default.limit
                }
            },
        };
        let after = self.text("cursor");
        if after.as_deref().is_some_and(|after| !is_cursor(after)) {
            self.wrong("cursor", "must be the next_cursor of the page before");
        }
        PageRequest { limit, after }
    }

    /// Names everything bad and unknown.
    pub fn finish(mut self) -> Result<(), Problem> {
        let unknown: Vec<_> =
            self.values.keys().filter(|name| !self.known.contains(&name.as_str())).cloned().collect();
        for name in unknown {
            let allowed = if self.known.is_empty() { String::from("none") } else { self.known.join(", ") };
            self.wrong(&name, format!("is an unknown query parameter, allowed are {allowed}"));
        }
        self.fields.into_result(()).map_err(Problem::invalid)
    }
}

/// Whether a text is a number as stores count.
fn is_number(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<i64>().is_ok()
}

/// Parameters of lists, for the document.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageParams {
    /// Rows wanted.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}
