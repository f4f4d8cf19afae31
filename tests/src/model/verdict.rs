//! What the model says in the end.

use std::fmt;

/// The verdict on a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    /// What went wrong, in words, with ids and without texts of messages.
    pub violations: Vec<String>,
    /// What was counted.
    pub counts: Counts,
}

/// What was counted. The last six are to be zero, but `unknown`: that many messages have a record of unknown fate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Questions that were acked.
    pub acked: u64,
    /// Of these, answered whole.
    pub answered: u64,
    /// Ended by somebody, or by a newer message.
    pub cancelled: u64,
    /// Refused with a sentence.
    pub refused: u64,
    /// With a failure record instead of an answer.
    pub failed: u64,
    /// Without any end.
    pub lost: u64,
    /// Seen more than once.
    pub twice: u64,
    /// Asked or answered before an earlier one.
    pub out_of_order: u64,
    /// Cards that people see as unfinished.
    pub open_cards: u64,
    /// Messages that may not have arrived, and are listed.
    pub unknown: u64,
}

impl Verdict {
    /// Whether every promise was kept.
    pub fn holds(&self) -> bool {
        self.violations.is_empty()
    }

    pub(super) fn broken(&mut self, violation: String) {
        self.violations.push(violation);
    }
}

impl Counts {
    /// Adds another run's.
    pub fn add(&mut self, other: &Self) {
        let Self {
            acked,
            answered,
            cancelled,
            refused,
            failed,
            lost,
            twice,
            out_of_order,
            open_cards,
            unknown,
        } = other;
        self.acked += acked;
        self.answered += answered;
        self.cancelled += cancelled;
        self.refused += refused;
        self.failed += failed;
        self.lost += lost;
        self.twice += twice;
        self.out_of_order += out_of_order;
        self.open_cards += open_cards;
        self.unknown += unknown;
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            acked,
            answered,
            cancelled,
            refused,
            failed,
            lost,
            twice,
            out_of_order,
            open_cards,
            unknown,
        } = self;
        write!(
            f,
            "acked {acked}, answered {answered}, cancelled {cancelled}, refused {refused}, failed {failed}; lost {lost}, \
             twice {twice}, out of order {out_of_order}, open cards {open_cards}; of unknown fate {unknown}"
        )
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.counts)?;
        self.violations.iter().try_for_each(|violation| writeln!(f, "- {violation}"))
    }
}
