//! What columns and keys of a file are called: without regard to case, to blanks around them, and to the mark that spreadsheets
//! write at the beginning of a file.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::{Map, Value};

/// Names that count.
const KNOWN: [&str; 6] = ["user_id", "username", "email", "display_name", "department", "disabled"];

/// Names that are told as passed over, at most.
const TOLD_MAX: usize = 10;

/// Characters of one of them, at most.
const TOLD_CHARS_MAX: usize = 40;

/// A name as it is compared.
fn folded(name: &str) -> String {
    name.trim_matches(|c: char| c.is_whitespace() || c == '\u{FEFF}').to_lowercase()
}

/// The names as they are compared, those that do not count noted; an error is one that counts and comes twice.
pub(super) fn known<'a>(
    given: impl Iterator<Item = &'a str>,
    passed_over: &mut PassedOver,
) -> Result<Vec<String>, &'static str> {
    let mut seen = BTreeSet::new();
    let mut names = Vec::new();
    for name in given {
        let folded = folded(name);
        match KNOWN.into_iter().find(|known| *known == folded) {
            Some(known) if !seen.insert(known) => return Err(known),
            Some(_) => {}
            None => passed_over.add(name),
        }
        names.push(folded);
    }
    Ok(names)
}

/// Names that do not count.
#[derive(Debug, Default)]
pub(super) struct PassedOver {
    names: BTreeSet<String>,
    are_more: bool,
}

impl PassedOver {
    fn add(&mut self, name: &str) {
        let shown: String = name.trim().chars().filter(|c| !c.is_control()).take(TOLD_CHARS_MAX).collect();
        if shown.is_empty() || self.names.contains(&shown) {
            return;
        }
        if self.names.len() < TOLD_MAX {
            self.names.insert(shown);
        } else {
            self.are_more = true;
        }
    }

    /// In words; `None` where there are none.
    pub(super) fn note(&self) -> Option<String> {
        if self.names.is_empty() {
            return None;
        }
        let names: Vec<_> = self.names.iter().map(String::as_str).collect();
        let more = if self.are_more { " and more" } else { "" };
        Some(format!("passed over: {}{more}; what counts is {}", names.join(", "), KNOWN.join(", ")))
    }
}

/// A JSON object with all its keys, also those that come twice.
pub(super) struct Pairs(Vec<(String, Value)>);

impl Pairs {
    /// What counts of it, by its usual name; an error is one that comes twice.
    pub(super) fn known(self, passed_over: &mut PassedOver) -> Result<Value, &'static str> {
        let names = known(self.0.iter().map(|(name, _)| name.as_str()), passed_over)?;
        let pairs = names.into_iter().zip(self.0).map(|(name, (_, value))| (name, value));
        let pairs: Map<_, _> = pairs.filter(|(name, _)| KNOWN.contains(&name.as_str())).collect();
        Ok(Value::Object(pairs))
    }
}

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PairsVisitor)
    }
}

struct PairsVisitor;

impl<'de> Visitor<'de> for PairsVisitor {
    type Value = Pairs;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a person")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = map.next_entry()? {
            pairs.push(pair);
        }
        Ok(Pairs(pairs))
    }
}
