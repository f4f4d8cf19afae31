//! One `[section]`: keys out of the file and the environment, typed, each asked for once.

use toml::{Table, Value};

use super::environment::{Environment, PREFIX};
use super::error::ConfigError;

/// A section while it is read.
#[derive(Debug)]
pub(super) struct Section<'a> {
    name: &'static str,
    table: Table,
    file: &'a str,
    environment: &'a Environment,
    override_of: Option<(&'static str, &'static str, String)>,
    keys: Vec<&'static str>,
}

/// A value with the place it came from.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) value: Value,
    origin: String,
    key: String,
}

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Whence {
    origin: String,
    key: String,
}

impl Whence {
    /// A mistake at this place.
    pub(super) fn wrong(&self, problem: &str) -> ConfigError {
        ConfigError::new(&self.origin, &self.key, problem)
    }
}

impl Found {
    /// A mistake at this place.
    pub(super) fn wrong(&self, allowed: &str) -> ConfigError {
        ConfigError::new(&self.origin, &self.key, format!("must be {allowed}"))
    }

    /// The place, to be kept for mistakes that are found later.
    pub(super) fn whence(&self) -> Whence {
        Whence { origin: self.origin.clone(), key: self.key.clone() }
    }

    /// The value as text.
    pub(super) fn text(&self) -> Result<&str, ConfigError> {
        self.value.as_str().ok_or_else(|| self.wrong("a string"))
    }
}

impl<'a> Section<'a> {
    pub(super) fn new(name: &'static str, table: Table, file: &'a str, environment: &'a Environment) -> Self {
        Self { name, table, file, environment, override_of: None, keys: Vec::new() }
    }

    pub(super) const fn name(&self) -> &'static str {
        self.name
    }

    /// The keys asked for: with all of them read, the keys there are.
    pub(super) fn keys(&self) -> &[&'static str] {
        &self.keys
    }

    /// A command-line option stands over file and environment.
    pub(super) fn set(&mut self, key: &'static str, option: &'static str, value: Option<&str>) {
        if let Some(value) = value {
            self.override_of = Some((key, option, value.to_owned()));
        }
    }

    /// The value of a key: option, else environment, else file. The file's value is taken out in any case.
    pub(super) fn take(&mut self, key: &'static str) -> Option<Found> {
        self.keys.push(key);
        let in_file = self.table.remove(key);
        if let Some((overridden, option, value)) = &self.override_of
            && *overridden == key
        {
            let (origin, key) = (String::from("command line"), (*option).to_owned());
            return Some(Found { value: Value::String(value.clone()), origin, key });
        }
        let variable = format!("{PREFIX}{}__{}", self.name.to_uppercase(), key.to_uppercase());
        if let Some(value) = self.environment.value(&variable) {
            let origin = String::from("environment");
            return Some(Found { value: Value::String(value.to_owned()), origin, key: variable });
        }
        let key = format!("{}.{key}", self.name);
        in_file.map(|value| Found { value, origin: self.file.to_owned(), key })
    }

    /// A value that `parse` understands, or the default where there is none.
    pub(super) fn parsed<T>(
        &mut self,
        key: &'static str,
        default: T,
        allowed: &str,
        parse: impl FnOnce(&Value) -> Option<T>,
    ) -> Result<T, ConfigError> {
        match self.take(key) {
            None => Ok(default),
            Some(found) => parse(&found.value).ok_or_else(|| found.wrong(allowed)),
        }
    }

    /// Refuses what nobody asked for.
    pub(super) fn finish(self) -> Result<(), ConfigError> {
        let Some(key) = self.table.keys().next() else {
            return Ok(());
        };
        let problem = format!("unknown key, allowed are {}", self.keys.join(", "));
        Err(ConfigError::new(self.file, format!("{}.{key}", self.name), problem))
    }
}
