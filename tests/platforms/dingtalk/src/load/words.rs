//! What the built-in agent and bot say: the marks of the question, then filler in pieces, then a known ending.

use super::marks::Mark;

/// The last words of every whole answer.
pub(crate) const ENDING: &str = "That is all.";
/// Repeated to any length; no Markdown, so that nobody has a reason to change it.
const FILLER: &str =
    "Some words make an answer long enough to be written piece by piece while somebody reads it. ";

/// An answer in pieces.
#[derive(Clone, Debug)]
pub(crate) struct Words {
    pieces: Vec<String>,
}

impl Words {
    /// So many pieces (at least one) of so many characters, the marks and the ending not counted.
    pub(crate) fn new(chunks: u32, chunk_chars: usize) -> Self {
        let mut filler = FILLER.chars().cycle();
        let chunks = chunks.max(1);
        let mut pieces: Vec<String> =
            (0..chunks).map(|_| filler.by_ref().take(chunk_chars).collect()).collect();
        if let Some(last) = pieces.last_mut() {
            last.push(' ');
            last.push_str(ENDING);
        }
        Self { pieces }
    }

    /// The pieces after the marks.
    pub(crate) fn pieces(&self) -> &[String] {
        &self.pieces
    }

    /// What comes before the first piece.
    pub(crate) fn beginning(marks: &[Mark]) -> String {
        marks.iter().flat_map(|mark| [mark.to_string(), String::from(" ")]).collect()
    }

    /// The answer in one.
    pub(crate) fn whole(&self, marks: &[Mark]) -> String {
        let mut text = Self::beginning(marks);
        text.extend(self.pieces.iter().map(String::as_str));
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::marks::marks_in;

    #[test]
    fn an_answer_has_its_marks_so_many_pieces_and_the_ending() {
        let words = Words::new(3, 5);
        assert_eq!(words.pieces(), ["Some ", "words", " make That is all."]);
        let marks = [Mark { seed: 1, place: 2, number: 3 }, Mark { seed: 1, place: 2, number: 4 }];
        let whole = words.whole(&marks);
        assert_eq!(marks_in(&whole), marks);
        assert!(whole.ends_with(ENDING), "{whole}");
        assert_eq!(Words::new(0, 0).pieces(), [format!(" {ENDING}")]);
    }
}
