//! What a platform's settings consist of, as data: the platform checks them by it, the API describes them by it.

use crate::form::Words;

/// One setting of a platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConfigField {
    /// JSON pointer within the settings: `/client_id`, `/ai_card/enabled`. One level of objects at most.
    pub pointer: &'static str,
    /// What may stand there.
    pub kind: ConfigKind,
    /// Whether a channel cannot be without it.
    pub required: bool,
    /// What it is called.
    pub label: Words,
    /// What it is for, in a sentence; the English one stands in the API's document.
    pub help: Words,
    /// Whether most people leave it as it is.
    pub advanced: bool,
}

/// What may stand in a setting. `null` and absence mean the default, everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConfigKind {
    /// Text without blanks and control characters, at least one character of it.
    Word {
        /// Characters at most.
        chars_max: usize,
        /// `None`: null.
        default: Option<&'static str>,
    },
    /// A whole number.
    Number {
        /// The least.
        min: u32,
        /// The most.
        max: u32,
        /// Where none is given.
        default: u32,
    },
    /// `true` or `false`.
    Flag {
        /// Where neither is given.
        default: bool,
    },
    /// One word of these, with what it means.
    Choice {
        /// Words and meanings.
        of: &'static [(&'static str, Words)],
        /// Where none is given.
        default: &'static str,
    },
    /// The http or https address of an API, without user, query and fragment.
    Address {
        /// Characters at most.
        chars_max: usize,
        /// Where none is given.
        default: &'static str,
    },
    /// Kept apart from the rest, encrypted, and never shown: the application reads it.
    Secret,
}

impl ConfigField {
    /// The object that it stands in, as a pointer, and its name there.
    #[must_use]
    pub fn place(&self) -> (&'static str, &'static str) {
        self.pointer.rsplit_once('/').unwrap_or_default()
    }
}
