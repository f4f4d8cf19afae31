//! Marks: the word in a message by which its answer is known, `load-SEED-PLACE-NUMBER.`, repeated by agent or bot.

use std::fmt;

/// What every mark begins with.
const BEGINNING: &str = "load-";
/// Marks looked for in one text.
const MARKS_MAX: usize = 64;

/// The mark of one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    /// Of the run: what an earlier run has left in an agent's memory is not its own.
    pub(crate) seed: u64,
    /// The conversation, by number.
    pub(crate) place: usize,
    /// The message in its conversation, from 0.
    pub(crate) number: u64,
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The full stop ends the number: a text that is still being written never shows another message's mark.
        write!(f, "{BEGINNING}{}-{}-{}.", self.seed, self.place, self.number)
    }
}

/// The marks in a text, in order and as often as they stand there; at most 64.
pub(crate) fn marks_in(text: &str) -> Vec<Mark> {
    text.split(BEGINNING).skip(1).filter_map(mark_at).take(MARKS_MAX).collect()
}

fn mark_at(rest: &str) -> Option<Mark> {
    let (seed, rest) = rest.split_once('-')?;
    let (place, rest) = rest.split_once('-')?;
    let (number, _) = rest.split_once('.')?;
    Some(Mark { seed: seed.parse().ok()?, place: place.parse().ok()?, number: number.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_found_wherever_it_stands_and_only_whole() {
        let mark = |place, number| Mark { seed: 7, place, number };
        assert_eq!(mark(3, 12).to_string(), "load-7-3-12.");
        assert_eq!(marks_in("You said: load-7-3-12. And load-7-0-1."), [mark(3, 12), mark(0, 1)]);
        assert_eq!(marks_in("load-7-3-12.load-7-3-12."), [mark(3, 12), mark(3, 12)]);
        for text in ["", "load-", "load-7-3-1", "load-7-3-1 and so on.", "load-7-x-1.", "a load-off. my mind"]
        {
            assert_eq!(marks_in(text), [], "{text}");
        }
    }
}
