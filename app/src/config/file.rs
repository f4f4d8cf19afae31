//! The configuration file: TOML with `${VAR}` in strings.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use toml::Table;

use super::environment::Environment;
use super::error::ConfigError;

/// Largest configuration file, in bytes.
const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Resources of one kind in a file, at most.
const DECLARED_MAX: usize = 5_000;

/// Names of the sections.
const SECTIONS: [&str; 6] = ["server", "store", "security", "telemetry", "network", "alerts"];

/// A file taken apart, variables filled in.
#[derive(Debug, Default)]
pub(super) struct Tables {
    /// The file's name as given.
    pub(super) file: String,
    /// `[section]`s.
    pub(super) sections: BTreeMap<String, Table>,
    /// `[[agents]]`.
    pub(super) agents: Vec<Value>,
    /// `[[channels]]`.
    pub(super) channels: Vec<Value>,
}

/// Reads a file.
pub(super) fn read(path: &Path, environment: &Environment) -> Result<Tables, ConfigError> {
    let file = path.display().to_string();
    let text = bounded_text(path, &file)?;
    let mut root: Table = toml::from_str(&text).map_err(|error| syntax(&file, &text, &error))?;
    for (key, value) in &mut root {
        expand(value, key, &file, environment)?;
    }
    let mut tables = Tables { file, ..Tables::default() };
    for (key, value) in root {
        tables.take(key, value)?;
    }
    Ok(tables)
}

fn bounded_text(path: &Path, file: &str) -> Result<String, ConfigError> {
    let unreadable =
        |error: std::io::Error| ConfigError::new(file, "file", format!("cannot be read: {error}"));
    let size = std::fs::metadata(path).map_err(unreadable)?.len();
    if size > FILE_BYTES_MAX {
        return Err(ConfigError::new(file, "file", format!("may have {FILE_BYTES_MAX} bytes at most")));
    }
    std::fs::read_to_string(path).map_err(unreadable)
}

fn syntax(file: &str, text: &str, error: &toml::de::Error) -> ConfigError {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    let line = before.matches('\n').count().saturating_add(1);
    let column = before.chars().rev().take_while(|c| *c != '\n').count().saturating_add(1);
    ConfigError::new(file, format!("line {line}, column {column}"), error.message())
}

impl Tables {
    fn take(&mut self, key: String, value: toml::Value) -> Result<(), ConfigError> {
        match key.as_str() {
            "agents" => self.agents = resources(&self.file, "agents", value)?,
            "channels" => self.channels = resources(&self.file, "channels", value)?,
            section if SECTIONS.contains(&section) => {
                let toml::Value::Table(table) = value else {
                    return Err(ConfigError::new(&self.file, key, "must be a section: [NAME]"));
                };
                self.sections.insert(key, table);
            }
            _ => {
                let problem = format!(
                    "unknown section, allowed are {}, [[agents]], [[channels]]",
                    SECTIONS.map(|s| format!("[{s}]")).join(", ")
                );
                return Err(ConfigError::new(&self.file, key, problem));
            }
        }
        Ok(())
    }
}

fn resources(file: &str, key: &str, value: toml::Value) -> Result<Vec<Value>, ConfigError> {
    let bad = || ConfigError::new(file, key, format!("must be tables, each one begins with [[{key}]]"));
    let toml::Value::Array(items) = value else {
        return Err(bad());
    };
    if items.len() > DECLARED_MAX {
        return Err(ConfigError::new(file, key, format!("may have {DECLARED_MAX} entries at most")));
    }
    let is_table = |item: &toml::Value| matches!(item, toml::Value::Table(_));
    if !items.iter().all(is_table) {
        return Err(bad());
    }
    items.into_iter().map(|item| serde_json::to_value(item).map_err(|_| bad())).collect()
}

/// Fills `${VAR}` in all strings below `value`; `$${` stands for `${`.
fn expand(
    value: &mut toml::Value,
    at: &str,
    file: &str,
    environment: &Environment,
) -> Result<(), ConfigError> {
    match value {
        toml::Value::String(text) => {
            *text = filled(text, at, file, environment)?;
            Ok(())
        }
        toml::Value::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                expand(item, &format!("{at}[{index}]"), file, environment)?;
            }
            Ok(())
        }
        toml::Value::Table(table) => {
            for (key, item) in table.iter_mut() {
                expand(item, &format!("{at}.{key}"), file, environment)?;
            }
            Ok(())
        }
        toml::Value::Integer(_)
        | toml::Value::Float(_)
        | toml::Value::Boolean(_)
        | toml::Value::Datetime(_) => Ok(()),
    }
}

fn filled(text: &str, at: &str, file: &str, environment: &Environment) -> Result<String, ConfigError> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        if let Some(escaped) = before.strip_suffix('$') {
            out.push_str(escaped);
            out.push_str("${");
            rest = after;
            continue;
        }
        let Some((name, behind)) = after.split_once('}') else {
            return Err(ConfigError::new(
                file,
                at,
                "\"${\" needs a closing \"}\"; write \"$${\" for the two characters",
            ));
        };
        let Some(value) = environment.value(name) else {
            return Err(ConfigError::new(file, at, format!("environment variable {name} is not set")));
        };
        out.push_str(before);
        out.push_str(value);
        rest = behind;
    }
    out.push_str(rest);
    Ok(out)
}
