//! The marks of block quotes at the beginning of a line (`CommonMark` 0.31, section 5.1), as far as cutting needs to know
//! them: which quotes a line belongs to, and how the rest of a line that was cut gets its marks again.

use alloc::string::String;

use super::limits::Limits;
use super::line;

/// Quotes within quotes that are told apart; what is deeper belongs to the last of them.
const DEPTH_MAX: usize = 4;
/// Most characters of a line that are looked at for marks: a cut never lies between them, so they must fit into the
/// smallest piece, beside the lines that open and close a fence there.
const MARKS_CHARS_MAX: usize = 12;

/// How many quotes are around a line, as its own marks say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Quote {
    depth: usize,
}

impl Quote {
    /// No quote at all.
    pub(super) const NONE: Self = Self { depth: 0 };

    /// The quotes around `line`, before which the marks `before` stand already, and what stands in them.
    pub(super) fn parted(before: Self, line: &str) -> (Self, &str) {
        let (mut quote, mut rest) = (before, line);
        while let Some((deeper, behind)) = quote.one_more(before, line, rest) {
            (quote, rest) = (deeper, behind);
        }
        (quote, rest)
    }

    /// What stands in these quotes on `line`, before which the marks `before` stand already; `None` where the line is
    /// outside of them.
    pub(super) fn inside(self, before: Self, line: &str) -> Option<&str> {
        let (mut quote, mut rest) = (before, line);
        while quote < self {
            (quote, rest) = quote.one_more(before, line, rest)?;
        }
        Some(rest)
    }

    /// The quote within this one, and what stands in it, where `rest`, the end of `line`, begins with one more mark. One
    /// space behind a mark belongs to it.
    pub(super) fn one_more<'a>(self, before: Self, line: &str, rest: &'a str) -> Option<(Self, &'a str)> {
        let behind = rest.trim_start_matches([' ', '\t']).strip_prefix('>')?;
        let deeper = Self { depth: self.depth.saturating_add(1) };
        let is_mark = deeper.depth <= DEPTH_MAX && is_near(before, line, behind);
        is_mark.then(|| (deeper, behind.strip_prefix(' ').unwrap_or(behind)))
    }

    /// Length of the marks as they are written, in characters and bytes.
    pub(super) const fn chars(self) -> usize {
        if self.depth == 0 { 0 } else { self.depth.saturating_add(1) }
    }

    /// The limits of what stands behind the marks.
    pub(super) const fn room_in(self, limits: Limits) -> Limits {
        limits.less(self.chars(), self.chars())
    }

    pub(super) fn write(self, text: &mut String) {
        if self.depth > 0 {
            text.extend(core::iter::repeat_n('>', self.depth));
            text.push(' ');
        }
    }
}

/// Whether `rest`, the end of `line`, is near enough to its beginning for a mark before it.
pub(super) fn is_near(before: Quote, line: &str, rest: &str) -> bool {
    // Marks and the white space between them are one byte long each.
    let taken = before.chars().saturating_add(line.len()).saturating_sub(rest.len());
    taken <= MARKS_CHARS_MAX
}

/// Whether a cut here would lie between the marks of a quote, or right behind them, with more on the line.
pub(super) fn is_between_marks(text: &str, at: usize) -> bool {
    let Some((before, behind)) = text.split_at_checked(at) else { return false };
    let marks = before.rsplit_once('\n').map_or(before, |(_, marks)| marks);
    marks.contains('>') && is_marks(marks) && line::skip_newline(behind).len() == behind.len()
}

/// Whether there is nothing in it but marks and white space.
pub(super) fn is_marks(line: &str) -> bool {
    line.chars().all(|character| character == '>' || character.is_whitespace())
}

/// The text without the lines at its end that are empty, be it but for the marks of a quote. A first line stays.
pub(super) fn trim_end(text: &str) -> &str {
    let mut kept = text.trim_end();
    while let Some((before, last)) = kept.rsplit_once('\n') {
        if !is_marks(last) || is_marks(before) {
            break;
        }
        kept = before.trim_end();
    }
    kept
}
