//! A naive reference model: told what was said to the bot, what people see in the end, and what the agent was asked, it says
//! whether every promise was kept. It knows no machine, no store and no platform, so that the simulation, the property tests
//! and the chaos runs over the real binary are judged by the same sentences.
//!
//! Whoever observes a run fills an [`Account`] and calls [`judge`]. Questions and the agent's answers are made of the words in
//! [`words`], which say whose answer they belong to; so the model finds an answer wherever it is shown, and sees a word twice.
//!
//! What it holds:
//! - what was acked has exactly one end: answered, cancelled, refused with a sentence, or a failure record;
//! - no word of an answer is seen twice, in a card and as text, or out of two runs; none in another chat;
//! - questions of a conversation are asked and answered in the order in which they were taken in;
//! - once all is quiet no card is open, and each was closed once;
//! - what does not arrive whole has a failure record;
//! - what was said before `/new` is in the context of no question after it;
//! - what was never acked may be answered, but once.

mod account;
mod asking;
mod ends;
mod seen;
mod sentences;
#[cfg(test)]
mod tests;
mod verdict;
pub mod words;

pub use account::{Account, Act, Asked, Card, End, Failed, Faults, Given, Shown, UNDELIVERED, What};
#[cfg(test)]
pub(crate) use ends::NOTICES_MAX;
pub use sentences::{Sentence, sentences_of};
pub use verdict::{Counts, Verdict};

use seen::Seen;

/// Judges a run that has become quiet.
pub fn judge(account: &Account) -> Verdict {
    let mut verdict = Verdict::default();
    let seen = Seen::of(account, &mut verdict);
    ends::judge(account, &seen, &mut verdict);
    ends::judge_given(account, &seen, &mut verdict);
    asking::judge(account, &mut verdict);
    if account.alarms > 0 {
        verdict.broken(format!("{} events came that cannot come", account.alarms));
    }
    verdict
}
