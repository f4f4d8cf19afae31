//! What a session at rest takes.

use super::Session;
use crate::settings::ConversationSettings;

impl Session {
    /// The channel's rules for conversations.
    pub(crate) const fn rules(&self) -> &ConversationSettings {
        &self.rules.conversation
    }

    /// Gives back the memory of what is over; changes nothing else.
    pub(crate) fn shrink(&mut self) {
        self.waiting.shrink_to_fit();
        self.lookups.shrink_to_fit();
    }
}
