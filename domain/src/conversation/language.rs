//! Which language our own sentences have: the author's own choice, else the conversation's, else the channel's.

use super::{Conversation, Policy};
use crate::ids::Seq;
use crate::session::Session;
use crate::settings::Locale;

/// What the channel says about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Language {
    locale: Locale,
    shares_choices: bool,
}

impl Language {
    pub(super) const fn of(policy: &Policy) -> Self {
        Self { locale: policy.locale, shares_choices: policy.shares_choices }
    }

    /// The language of a conversation, where its author has chosen none for themselves.
    pub(super) fn spoken(self, session: &Session) -> Locale {
        let chosen = session.choices().locale.filter(|_| self.shares_choices);
        chosen.unwrap_or(self.locale)
    }
}

impl Conversation {
    /// What is said to this entry's author is said in this language.
    pub(super) fn speak(&mut self, seq: Seq, locale: Option<Locale>) {
        if let Some(locale) = locale {
            self.tongues.insert(seq, locale);
        }
    }

    /// The language that is spoken to this entry's author.
    pub(super) fn locale_of(&self, seq: Seq) -> Locale {
        let own = self.tongues.get(&seq).copied();
        own.unwrap_or_else(|| self.language.spoken(&self.session))
    }
}
