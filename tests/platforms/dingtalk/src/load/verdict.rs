//! What a judge counts: good and bad ends of messages, and how long everything took.

use serde::Serialize;

use super::histogram::Histogram;

/// What became of the messages of a run, its warm-up included.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Messages sent.
    pub sent: u64,
    /// Answered: a finished card, or a text, with the message's mark.
    pub answered: u64,
    /// Nothing with their mark was ever shown.
    pub lost: u64,
    /// An answer began on a card that was never finished.
    pub unfinished: u64,
    /// Cards that ended in the failed state.
    pub failed: u64,
    /// Answers shown a second time: another card, another text, or the mark twice in one.
    pub twice: u64,
    /// Answers that appeared before that of an earlier message of their conversation.
    pub out_of_order: u64,
    /// Answers in the wrong conversation, or to messages that nobody sent.
    pub strayed: u64,
    /// Finished answers that do not end as the built-in agent or bot ends them.
    pub cut: u64,
    /// Answers that appeared after the patience for them had ended.
    pub late: u64,
    /// Messages that were not sent because too many others were open.
    pub unsent: u64,
    /// Messages still open when the run was interrupted.
    pub open: u64,
    /// Deliveries that were repeated since nobody acknowledged them.
    pub redelivered: u64,
    /// Finished cards and texts of the bot without a mark: notes, errors, second parts of long answers.
    pub unmarked: u64,
}

impl Verdict {
    /// Every message was answered once, whole, in order, where it was asked, and in time.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        let bad = [
            self.lost,
            self.unfinished,
            self.failed,
            self.twice,
            self.out_of_order,
            self.strayed,
            self.cut,
            self.late,
            self.unsent,
            self.open,
        ];
        bad.iter().all(|count| *count == 0)
    }
}

/// How long the messages took that are measured, counted from when each was due.
#[derive(Clone, Debug, Default)]
pub(crate) struct Times {
    pub(crate) acknowledged: Histogram,
    /// The built-in agent was asked.
    pub(crate) asked: Histogram,
    /// The card showed anything, or a text appeared.
    pub(crate) shown: Histogram,
    /// The answer's own first words appeared.
    pub(crate) worded: Histogram,
    pub(crate) finished: Histogram,
    /// The longest time in which a card showed nothing new while its agent wrote; once for each card.
    pub(crate) stood: Histogram,
    /// From the built-in agent's last word to the finished card.
    pub(crate) closing: Histogram,
    /// How late the generator itself sent.
    pub(crate) late: Histogram,
    /// When the first one was due, and when the last one was over (µs since the simulator's start).
    pub(crate) first_us: Option<u64>,
    pub(crate) last_us: u64,
    /// Requests of the built-in agent.
    pub(crate) requests: u64,
}
