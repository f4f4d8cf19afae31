//! The process's environment, captured once.

use std::collections::BTreeMap;

use super::error::ConfigError;
use super::network::is_proxy_variable;
use super::section::Section;

/// What our own variables begin with.
pub(super) const PREFIX: &str = "SWITCHBOARD_";

/// Environment variables by name. A value of its own, so that tests need not touch the process.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    variables: BTreeMap<String, String>,
    /// Names of ours, or of proxies, whose values are not UTF-8.
    unreadable: Vec<String>,
}

impl Environment {
    /// The variables of this process. What is not UTF-8 is left out; where it is one of ours, reading the configuration
    /// says so.
    #[must_use]
    pub fn of_process() -> Self {
        let mut this = Self::default();
        for (name, value) in std::env::vars_os() {
            match (name.into_string(), value.into_string()) {
                (Ok(name), Ok(value)) => drop(this.variables.insert(name, value)),
                (Ok(name), Err(_)) if name.starts_with(PREFIX) || is_proxy_variable(&name) => {
                    this.unreadable.push(name);
                }
                (Ok(_) | Err(_), Ok(_) | Err(_)) => {}
            }
        }
        this
    }

    /// Variables given by name and value.
    #[must_use]
    pub fn of<const N: usize>(variables: [(&str, &str); N]) -> Self {
        Self {
            variables: variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            unreadable: Vec::new(),
        }
    }

    /// One variable.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    /// The first of several names that is set, be it to nothing.
    pub(super) fn first(&self, names: [&'static str; 2]) -> Option<(&'static str, &str)> {
        names.into_iter().find_map(|name| Some((name, self.value(name)?)))
    }

    /// Refuses variables that look like configuration and are none: a typo must not be ignored. Names without `__` are
    /// not configuration (container platforms inject such ones for services).
    pub(super) fn check_names(&self, sections: &[Section<'_>]) -> Result<(), ConfigError> {
        if let Some(name) = self.unreadable.first() {
            return Err(ConfigError::new("environment", name, "the value is not UTF-8 text"));
        }
        for name in self.variables.keys() {
            let Some((section, key)) = name.strip_prefix(PREFIX).and_then(|rest| rest.split_once("__"))
            else {
                continue;
            };
            let Some(known) = sections.iter().find(|known| known.name().eq_ignore_ascii_case(section)) else {
                let names: Vec<_> = sections.iter().map(|known| known.name().to_uppercase()).collect();
                let problem = format!("unknown section, allowed are {}", names.join(", "));
                return Err(ConfigError::new("environment", name, problem));
            };
            if !known.keys().iter().any(|k| k.to_uppercase() == key) || section != section.to_uppercase() {
                let keys: Vec<_> = known.keys().iter().map(|k| k.to_uppercase()).collect();
                let problem = format!("unknown key, allowed are {}", keys.join(", "));
                return Err(ConfigError::new("environment", name, problem));
            }
        }
        Ok(())
    }
}
