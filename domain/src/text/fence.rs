//! Fenced code blocks of Markdown (`CommonMark` 0.31, section 4.5), as far as cutting needs to know them.

use alloc::string::String;

use super::limits::Limits;
use super::line;
use super::quote::{self, Quote};

/// Longest run of marks that is taken for a fence. Longer ones are decoration; both lines of a fence must fit into the
/// smallest piece.
const MARKS_MAX: usize = 16;
const MARKS_MIN: usize = 3;
/// Deepest indent of a fence: those in lists count too.
const INDENT_MAX: usize = 8;
/// Longest line of a fence without its info string, the marks of its quote included.
const LINE_CHARS_MAX: usize = INDENT_MAX + MARKS_MAX;
/// Longest closing line with the line break before it.
pub(super) const CLOSING_CHARS_MAX: usize = 1 + LINE_CHARS_MAX;

/// An open code fence. One in a quote ends with the quote at the latest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fence<'a> {
    quote: Quote,
    indent: usize,
    mark: char,
    marks: usize,
    info: &'a str,
}

/// What a line makes of an open fence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Within {
    /// It is code.
    Code,
    /// It closes the fence.
    Closing,
    /// It is not in the fence's quote any more: the fence ended before it.
    Outside,
}

impl<'a> Fence<'a> {
    /// The fence that `line` opens, before which the marks `before` stand already: at its beginning, in quotes, or behind
    /// the marks of list items.
    pub(super) fn opened_by(before: Quote, line: &'a str) -> Option<Self> {
        let (quote, within_items, content) = contained(before, line);
        let (indent, mark, marks, behind) = run_of_marks(content)?;
        let indent = indent.saturating_add(within_items);
        // Marks behind a gap would become part of the fence if it were written again.
        let info = Some(behind.trim()).filter(|info| !info.starts_with(mark)).unwrap_or("");
        let length = quote.chars().saturating_add(indent).saturating_add(marks);
        let plausible = indent <= INDENT_MAX
            && marks <= MARKS_MAX
            && length <= LINE_CHARS_MAX
            && !(mark == '`' && behind.contains('`'));
        plausible.then_some(Self { quote, indent, mark, marks, info })
    }

    /// The quotes around it.
    pub(super) const fn quote(self) -> Quote {
        self.quote
    }

    /// What `line`, before which the marks `before` stand already, makes of the fence.
    pub(super) fn meets(self, before: Quote, line: &str) -> Within {
        let Some(content) = self.quote.inside(before, line) else {
            return Within::Outside;
        };
        let closes = run_of_marks(content).is_some_and(|(indent, mark, marks, behind)| {
            indent <= INDENT_MAX && mark == self.mark && marks >= self.marks && behind.trim().is_empty()
        });
        if closes { Within::Closing } else { Within::Code }
    }

    /// The fence as it is opened again in a piece of these limits: without its info string if that is too long.
    pub(super) fn to_reopen(self, limits: Limits) -> Self {
        let fits = self.opening_chars().saturating_add(self.closing_chars()) <= limits.half_chars()
            && self.opening_bytes().saturating_add(self.closing_chars()) <= limits.half_bytes();
        if fits { self } else { Self { info: "", ..self } }
    }

    /// Length of the opening line with its line break, in characters.
    pub(super) fn opening_chars(self) -> usize {
        self.line_chars().saturating_add(self.info.chars().count()).saturating_add(1)
    }

    /// Length of the opening line with its line break, in bytes.
    pub(super) const fn opening_bytes(self) -> usize {
        self.line_chars().saturating_add(self.info.len()).saturating_add(1)
    }

    /// Length of the closing line with the line break before it, in characters and bytes.
    pub(super) const fn closing_chars(self) -> usize {
        self.line_chars().saturating_add(1)
    }

    const fn line_chars(self) -> usize {
        self.quote.chars().saturating_add(self.indent).saturating_add(self.marks)
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
        self.quote.write(text);
        text.extend(core::iter::repeat_n(' ', self.indent));
        text.extend(core::iter::repeat_n(self.mark, self.marks));
    }
}

/// The fence that is open after `line`, before which the marks `before` stand already, when `open` was open before it.
pub(super) fn after_line<'a>(open: Option<Fence<'a>>, before: Quote, line: &'a str) -> Option<Fence<'a>> {
    match open.map(|fence| (fence, fence.meets(before, line))) {
        Some((fence, Within::Code)) => Some(fence),
        Some((_, Within::Closing)) => None,
        Some((_, Within::Outside)) | None => Fence::opened_by(before, line),
    }
}

/// The fence that is open after this text, before which the marks `before` stand already, when `open` was open before it.
pub(super) fn after<'a>(open: Option<Fence<'a>>, before: Quote, text: &'a str) -> Option<Fence<'a>> {
    // Behind the last line break there is no line yet, which could be outside of a quote.
    let marks = core::iter::once(before).chain(core::iter::repeat(Quote::NONE));
    text.split_terminator('\n').zip(marks).fold(open, |open, (line, marks)| after_line(open, marks, line))
}

/// Whether the text begins like a fence, be it in a quote or an item. A cut inside a line must not make a fence of what was
/// none.
pub(super) fn looks_like_fence(text: &str) -> bool {
    let mut text = text.trim_start();
    while let Some(inside) = text.strip_prefix('>').or_else(|| item_content(text)) {
        text = inside.trim_start();
    }
    text.starts_with("```") || text.starts_with("~~~")
}

/// The quotes around the content of a line, how far the list items within them indent it, and the content.
fn contained(before: Quote, line: &str) -> (Quote, usize, &str) {
    let (mut quote, mut indent, mut rest) = (before, 0_usize, line);
    loop {
        if let Some((deeper, inside)) = quote.one_more(before, line, rest) {
            (quote, indent, rest) = (deeper, 0, inside);
        } else if let Some(inside) = item_content(rest).filter(|inside| quote::is_near(before, line, inside))
        {
            indent = indent.saturating_add(rest.len()).saturating_sub(inside.len());
            rest = inside;
        } else {
            return (quote, indent, rest);
        }
    }
}

/// What stands in a list item that begins here, behind the first space.
fn item_content(text: &str) -> Option<&str> {
    line::behind_item_mark(text.trim_start_matches(' '))?.strip_prefix(' ')
}

/// Indent, mark, number of marks and what follows them, where the line begins with at least three.
fn run_of_marks(line: &str) -> Option<(usize, char, usize, &str)> {
    let unindented = line.trim_start_matches(' ');
    let indent = line.len().saturating_sub(unindented.len());
    let mark = unindented.chars().next().filter(|c| *c == '`' || *c == '~')?;
    let behind = unindented.trim_start_matches(mark);
    // Both marks are one byte long.
    let marks = unindented.len().saturating_sub(behind.len());
    (marks >= MARKS_MIN).then_some((indent, mark, marks, behind))
}
