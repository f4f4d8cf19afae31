//! What a session at rest takes.

use super::Session;

impl Session {
    /// Gives back the memory of what is over; changes nothing else.
    pub(crate) fn shrink(&mut self) {
        self.waiting.shrink_to_fit();
        self.lookups.shrink_to_fit();
    }
}
