//! A list of names, looked up by the exact name or without regard to case.

use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// Names in the order in which they were given. Cheap to copy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names(Arc<Kept>);

#[derive(Debug, Default, PartialEq, Eq)]
struct Kept {
    given: Vec<String>,
    exact: BTreeSet<String>,
    folded: BTreeSet<String>,
}

impl Names {
    /// A list of these names.
    #[must_use]
    pub fn new(given: Vec<String>) -> Self {
        let exact = given.iter().cloned().collect();
        let folded = given.iter().map(|name| fold(name)).collect();
        Self(Arc::new(Kept { given, exact, folded }))
    }

    /// The names as they were given.
    #[must_use]
    pub fn given(&self) -> &[String] {
        &self.0.given
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.given.is_empty()
    }

    /// Whether this name is there: for ids, which differ by case.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.0.exact.contains(name)
    }

    /// Whether this name is there without regard to case: for what people are called.
    #[must_use]
    pub fn has_folded(&self, name: &str) -> bool {
        !self.is_empty() && self.0.folded.contains(&fold(name))
    }
}

/// A name as it is compared without regard to case: the same everywhere a username is.
#[must_use]
pub fn fold(name: &str) -> String {
    name.trim().to_lowercase()
}
