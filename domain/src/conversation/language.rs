//! Which language our own sentences have: the author's own choice, else the conversation's, else the channel's.

use super::{Conversation, Policy};
use crate::ids::Seq;
use crate::session::Session;
use crate::settings::Locale;

/// The language of a conversation, where its author has chosen none for themselves.
pub(super) fn spoken(policy: &Policy, session: &Session) -> Locale {
    let chosen = session.choices().locale.filter(|_| policy.shares_choices);
    chosen.unwrap_or(policy.locale)
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
        own.unwrap_or_else(|| spoken(&self.policy, &self.session))
    }
}
