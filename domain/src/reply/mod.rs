//! One visible answer: a card that streams, or plain messages, brought to its end exactly once.

mod call;

pub use call::{CardCall, CardOutcome, Claim, PartOutcome, Way};
