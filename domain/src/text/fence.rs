//! Fenced code blocks of Markdown (`CommonMark` 0.31, section 4.5), as far as cutting needs to know them.

use alloc::string::String;

use super::limits::Limits;

/// Longest run of marks that is taken for a fence. Longer ones are decoration; both lines of a fence must fit into the
/// smallest piece.
const MARKS_MAX: usize = 16;
const MARKS_MIN: usize = 3;
/// Deepest indent of a fence: those in lists count too.
const INDENT_MAX: usize = 8;
/// Longest closing line with the line break before it.
pub(super) const CLOSING_CHARS_MAX: usize = 1 + INDENT_MAX + MARKS_MAX;

/// An open code fence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fence<'a> {
    indent: usize,
    mark: char,
    marks: usize,
    info: &'a str,
}

impl<'a> Fence<'a> {
    /// The fence that this line opens.
    pub(super) fn opened_by(line: &'a str) -> Option<Self> {
        let (indent, mark, marks, behind) = run_of_marks(line)?;
        // Marks behind a gap would become part of the fence if it were written again.
        let info = Some(behind.trim()).filter(|info| !info.starts_with(mark)).unwrap_or("");
        let plausible = marks <= MARKS_MAX && !(mark == '`' && behind.contains('`'));
        plausible.then_some(Self { indent, mark, marks, info })
    }

    /// Whether this line closes the fence.
    pub(super) fn is_closed_by(self, line: &str) -> bool {
        run_of_marks(line).is_some_and(|(_, mark, marks, behind)| {
            mark == self.mark && marks >= self.marks && behind.trim().is_empty()
        })
    }

    /// The fence as it is opened again in a piece of these limits: without its info string if that is too long.
    pub(super) fn to_reopen(self, limits: Limits) -> Self {
        let fits = self.opening_chars().saturating_add(self.closing_chars()) <= limits.half_chars()
            && self.opening_bytes().saturating_add(self.closing_chars()) <= limits.half_bytes();
        if fits { self } else { Self { info: "", ..self } }
    }

    /// Length of the opening line with its line break, in characters.
    pub(super) fn opening_chars(self) -> usize {
        self.indent.saturating_add(self.marks).saturating_add(self.info.chars().count()).saturating_add(1)
    }

    /// Length of the opening line with its line break, in bytes.
    pub(super) const fn opening_bytes(self) -> usize {
        self.indent.saturating_add(self.marks).saturating_add(self.info.len()).saturating_add(1)
    }

    /// Length of the closing line with the line break before it, in characters and bytes.
    pub(super) const fn closing_chars(self) -> usize {
        self.indent.saturating_add(self.marks).saturating_add(1)
    }

    pub(super) fn write_opening(self, text: &mut String) {
        self.write_marks(text);
        text.push_str(self.info);
        text.push('\n');
    }

    pub(super) fn write_closing(self, text: &mut String) {
        self.write_marks(text);
    }

    fn write_marks(self, text: &mut String) {
        text.extend(core::iter::repeat_n(' ', self.indent));
        text.extend(core::iter::repeat_n(self.mark, self.marks));
    }
}

/// The fence that is open after this line, when `open` was open before it.
pub(super) fn after_line<'a>(open: Option<Fence<'a>>, line: &'a str) -> Option<Fence<'a>> {
    match open {
        Some(fence) if fence.is_closed_by(line) => None,
        Some(fence) => Some(fence),
        None => Fence::opened_by(line),
    }
}

/// The fence that is open after this text, when `open` was open before it.
pub(super) fn after<'a>(open: Option<Fence<'a>>, text: &'a str) -> Option<Fence<'a>> {
    text.split('\n').fold(open, after_line)
}

/// Whether the text begins like a fence. A cut inside a line must not make a fence of what was none.
pub(super) fn looks_like_fence(text: &str) -> bool {
    let text = text.trim_start();
    text.starts_with("```") || text.starts_with("~~~")
}

/// Indent, mark, number of marks and what follows them, where the line begins with at least three.
fn run_of_marks(line: &str) -> Option<(usize, char, usize, &str)> {
    let unindented = line.trim_start_matches(' ');
    let indent = line.len().saturating_sub(unindented.len());
    let mark = unindented.chars().next().filter(|c| *c == '`' || *c == '~')?;
    let behind = unindented.trim_start_matches(mark);
    // Both marks are one byte long.
    let marks = unindented.len().saturating_sub(behind.len());
    (indent <= INDENT_MAX && marks >= MARKS_MIN).then_some((indent, mark, marks, behind))
}
