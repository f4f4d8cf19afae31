//! How much of what was said before goes to the agent with a question.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use crate::ids::Seq;
use crate::snapshot::{Mark, Role, TranscriptLine};

/// The newest exchanges that fit, oldest first, in the order of their questions.
///
/// `lines` are those of one session. An exchange goes whole or not at all, so the result never begins with an answer
/// whose question is missing, and answers whose question is not among `lines` are left out. A failed answer, or one
/// without a word, is left out with its question; a stopped one is kept. When not even the newest exchange fits into
/// `chars_max` characters, its question's beginning and its answer's end are kept, so that "go on" means something.
#[must_use]
pub fn select(lines: &[TranscriptLine], messages_max: usize, chars_max: usize) -> Vec<TranscriptLine> {
    let mut chosen: Vec<TranscriptLine> = Vec::new();
    let mut chars_left = chars_max;
    for exchange in exchanges(lines).into_values().rev().filter(Exchange::is_worth_keeping) {
        let messages = exchange.lines().count();
        if chosen.len().saturating_add(messages) > messages_max {
            break;
        }
        match chars_left.checked_sub(exchange.chars()) {
            Some(left) => chars_left = left,
            None if chosen.is_empty() => {
                chosen.extend(exchange.cut_to(chars_max));
                break;
            }
            None => break,
        }
        chosen.extend(exchange.lines().rev().cloned());
    }
    chosen.reverse();
    chosen
}

/// A question and what was said to it. Without an answer it is a question that still waits.
#[derive(Debug, Clone, Copy, Default)]
struct Exchange<'a> {
    question: Option<&'a TranscriptLine>,
    answer: Option<&'a TranscriptLine>,
}

fn exchanges(lines: &[TranscriptLine]) -> BTreeMap<Seq, Exchange<'_>> {
    let mut exchanges: BTreeMap<Seq, Exchange<'_>> = BTreeMap::new();
    for line in lines {
        let exchange = exchanges.entry(line.seq).or_default();
        match line.role {
            Role::User => exchange.question = Some(line),
            Role::Assistant => exchange.answer = Some(line),
        }
    }
    exchanges
}

impl<'a> Exchange<'a> {
    fn is_worth_keeping(&self) -> bool {
        let asked = self.question.is_some_and(|line| !line.text.trim().is_empty());
        let answered = self.answer.is_none_or(|line| match line.mark {
            Some(Mark::Failed(_)) => false,
            Some(Mark::Stopped) | None => !line.text.trim().is_empty(),
        });
        asked && answered
    }

    fn lines(&self) -> impl DoubleEndedIterator<Item = &'a TranscriptLine> + use<'a> {
        [self.question, self.answer].into_iter().flatten()
    }

    fn chars(&self) -> usize {
        self.lines().map(|line| line.text.chars().count()).sum()
    }

    /// The answer and the question, cut; at most half of the characters go to the question.
    fn cut_to(&self, chars_max: usize) -> Vec<TranscriptLine> {
        let half = if self.answer.is_some() { chars_max / 2 } else { chars_max };
        let question =
            self.question.map(|line| TranscriptLine { text: beginning(&line.text, half), ..line.clone() });
        let used = question.as_ref().map_or(0, |line| line.text.chars().count());
        let rest = chars_max.saturating_sub(used);
        let answer = self.answer.map(|line| TranscriptLine { text: end(&line.text, rest), ..line.clone() });
        let cut: Vec<_> = answer.into_iter().chain(question).collect();
        if cut.iter().all(|line| !line.text.is_empty()) { cut } else { Vec::new() }
    }
}

fn beginning(text: &str, chars_max: usize) -> String {
    text.chars().take(chars_max).collect()
}

fn end(text: &str, chars_max: usize) -> String {
    let skipped = text.chars().count().saturating_sub(chars_max);
    text.chars().skip(skipped).collect()
}

#[cfg(test)]
mod tests;
