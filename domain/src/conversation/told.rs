//! Who was told already that the conversation is busy, or that a message waits: once while an answer is written, not once for each message.

use alloc::collections::BTreeSet;
use alloc::string::String;

/// Authors of one conversation that are told while one answer is written; further ones are not.
const TOLD_BUSY_MAX: usize = 64;

/// The authors told. Memory only: after a restart they may be told once more.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct ToldBusy(BTreeSet<String>);

impl ToldBusy {
    /// Whether the author is to be told now; from then on they were.
    pub(super) fn tells(&mut self, author: &str) -> bool {
        if self.0.len() >= TOLD_BUSY_MAX || self.0.contains(author) {
            return false;
        }
        self.0.insert(String::from(author))
    }

    /// The next answer begins.
    pub(super) fn forget(&mut self) {
        self.0.clear();
    }
}
