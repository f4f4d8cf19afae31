//! Which messages belong together, and how their words become one question.

use core::time::Duration;

use super::Conversation;
use crate::ids::{RetryNumber, Seq};
use crate::inbox::{Entry, Intake};
use crate::message::TEXT_BYTES_MAX;

/// Messages of one turn, at most; the next one begins another.
const BURST_MESSAGES_MAX: usize = 10;

impl Conversation {
    /// Whether a question belongs to the one before it: it is of the same author, came within the window, brings no files and
    /// quotes nothing, and there is room. What is stored decides, so that it is the same after a crash.
    pub(super) fn belongs(&self, entry: &Entry) -> bool {
        let window = self.session.rules().merge_window;
        let Some((_, before)) = self.entries.range(..entry.seq).next_back() else { return false };
        let Intake::Ask { text, attachments, quotes: None } = &entry.intake else { return false };
        attachments.is_empty() && follows(entry, before, window) && self.has_room(before.seq, text)
    }

    /// Whether one more fits into the turn whose last message so far this is, which still waits.
    fn has_room(&self, last: Seq, text: &str) -> bool {
        let (mut count, mut bytes) = (1_usize, text.len());
        for seq in self.session.last_turn() {
            let Some(Entry { intake: Intake::Ask { text, .. }, .. }) = self.entry(seq) else { break };
            count = count.saturating_add(1);
            bytes = bytes.saturating_add(text.len()).saturating_add(1);
        }
        let waits = self.session.last_turn().next() == Some(last);
        waits && count <= BURST_MESSAGES_MAX && bytes <= TEXT_BYTES_MAX
    }

    /// The words of one message go below those of another, whose turn it is; the answer goes the freshest way.
    pub(super) fn join(&mut self, seq: Seq, with: Seq) {
        let Some(more) = self.entries.get(&with).cloned() else { return };
        let Intake::Ask { text: words, .. } = more.intake else { return };
        if let Some(first) = self.entries.get_mut(&seq)
            && let Intake::Ask { text, .. } = &mut first.intake
        {
            text.push('\n');
            text.push_str(&words);
            first.session_address = more.session_address.or_else(|| first.session_address.take());
        }
        self.joined.entry(seq).or_default().push(with);
    }
}

/// Whether one question comes right after another of the same author.
fn follows(entry: &Entry, before: &Entry, window: Duration) -> bool {
    let is_question = matches!(before.intake, Intake::Ask { .. }) && before.retry == RetryNumber(0);
    let is_soon = entry.accepted_at.since(before.accepted_at) <= window && !window.is_zero();
    is_question && is_soon && entry.sender.key() == before.sender.key()
}
