//! What settings are called and explained as, and which fields a form for them has: said by whoever reads the settings, so
//! that a page can be made of it that knows no platform and no kind of agent.

use switchboard_domain::settings::Locale;

use crate::config_field::{ConfigField, ConfigKind};

/// A text for people, in both languages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Words {
    /// In English.
    pub en: &'static str,
    /// In Simplified Chinese.
    pub zh_cn: &'static str,
}

impl Words {
    /// A text.
    #[must_use]
    pub const fn new(en: &'static str, zh_cn: &'static str) -> Self {
        Self { en, zh_cn }
    }

    /// A name that is the same in both languages.
    #[must_use]
    pub const fn same(name: &'static str) -> Self {
        Self { en: name, zh_cn: name }
    }

    /// In a language.
    #[must_use]
    pub const fn of(self, locale: Locale) -> &'static str {
        match locale {
            Locale::En => self.en,
            Locale::ZhCn => self.zh_cn,
        }
    }
}

/// One field of a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FormField {
    /// JSON pointer within the document.
    pub pointer: &'static str,
    /// What it is called.
    pub label: Words,
    /// What it is for, in a sentence.
    pub help: Words,
    /// What is put in.
    pub kind: FormKind,
    /// Whether there is nothing without it.
    pub required: bool,
    /// Whether most people leave it as it is.
    pub advanced: bool,
}

/// What is put into a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FormKind {
    /// What a platform's setting takes.
    Setting(ConfigKind),
    /// One line of text, which may be empty.
    Line {
        /// Characters at most.
        chars_max: usize,
    },
    /// Text of several lines.
    Prose {
        /// Characters at most.
        chars_max: usize,
    },
    /// One word of these, with what it means.
    Choice {
        /// Words and meanings.
        of: &'static [(&'static str, Words)],
        /// Where none is given.
        default: &'static str,
    },
    /// Texts, one a line.
    Lines,
    /// A JSON object.
    Document,
}

impl From<&ConfigField> for FormField {
    fn from(field: &ConfigField) -> Self {
        Self {
            pointer: field.pointer,
            label: field.label,
            help: field.help,
            kind: FormKind::Setting(field.kind),
            required: field.required,
            advanced: field.advanced,
        }
    }
}

impl FormField {
    /// A field that most people fill in or leave empty.
    #[must_use]
    pub const fn new(pointer: &'static str, label: Words, help: Words, kind: FormKind) -> Self {
        Self { pointer, label, help, kind, required: false, advanced: false }
    }

    /// The same, without which there is nothing.
    #[must_use]
    pub const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// The same, for those who know why.
    #[must_use]
    pub const fn advanced(mut self) -> Self {
        self.advanced = true;
        self
    }
}
