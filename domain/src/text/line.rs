//! Lines and the white space between them.

use super::quote;

/// Longest indent that is kept behind a cut, in characters; well below the smallest piece.
const INDENT_CHARS_MAX: usize = 16;

/// Longest mark of a list item with the white space behind it, in characters.
const NUMBER_CHARS_MAX: usize = 11;

/// Whether there is nothing to read in it.
pub(super) fn is_blank(text: &str) -> bool {
    text.chars().all(char::is_whitespace)
}

/// The first line, without its line break, and everything behind the break.
pub(super) fn first(text: &str) -> (&str, &str) {
    text.split_once('\n').unwrap_or((text, ""))
}

/// The text behind one line break.
pub(super) fn skip_newline(text: &str) -> &str {
    text.strip_prefix("\r\n").or_else(|| text.strip_prefix('\n')).unwrap_or(text)
}

/// The text behind the blank lines at its beginning. The indent of the first line stays, because Markdown gives it a
/// meaning: without it marks in an indented line would become a fence. Of one that would fill a small piece the end stays.
pub(super) fn skip_blank_lines(text: &str) -> &str {
    let rest = text.trim_start();
    let gap = text.len().saturating_sub(rest.len());
    let white = text.get(..gap).unwrap_or("");
    let indent = white.rsplit_once('\n').map_or(white, |(_, indent)| indent);
    let kept: usize = indent.chars().rev().take(INDENT_CHARS_MAX).map(char::len_utf8).sum();
    text.get(gap.saturating_sub(kept)..).unwrap_or(rest)
}

/// The text behind the lines at its beginning that are blank, be it but for the marks of a quote.
pub(super) fn skip_empty_lines(text: &str) -> &str {
    let mut rest = skip_blank_lines(text);
    loop {
        let (line, behind) = first(rest);
        if line.is_empty() || !quote::is_marks(line) {
            return rest;
        }
        rest = skip_blank_lines(behind);
    }
}

/// Whether the line is a heading (`#` to `######`), which should not stand alone at the end of a piece.
pub(super) fn is_heading(line: &str) -> bool {
    let marks = line.chars().take_while(|c| *c == '#').count();
    (1..=6).contains(&marks) && line.chars().nth(marks).is_some_and(char::is_whitespace)
}

/// Whether the line makes a heading of the one above it. Three dashes are a rule, which is what agents mean with them.
pub(super) fn is_underline(line: &str) -> bool {
    let marks = line.trim();
    let is_all = |mark: char| marks.chars().all(|c| c == mark);
    (marks.len() >= 3 && is_all('=')) || (marks.len() > 3 && is_all('-'))
}

/// The indent of a list item's first line (`- `, `2. `), in characters; `None` where the line is none.
pub(super) fn item_indent(line: &str) -> Option<usize> {
    let item = line.trim_start_matches([' ', '\t']);
    let behind = behind_item_mark(item)?;
    let is_item = behind.chars().next().is_none_or(char::is_whitespace);
    is_item.then(|| line.len().saturating_sub(item.len()))
}

/// What stands behind the mark of a list item at the beginning of `item`.
pub(super) fn behind_item_mark(item: &str) -> Option<&str> {
    if let Some(behind) = item.strip_prefix(['-', '*', '+']) {
        return Some(behind);
    }
    let number = item.trim_start_matches(|c: char| c.is_ascii_digit());
    let digits = item.len().saturating_sub(number.len());
    number.strip_prefix(['.', ')']).filter(|_| (1..=9).contains(&digits))
}

/// Whether a line that begins so would be something else than prose: a heading, a quote, a list, a table, a fence.
pub(super) fn looks_like_block(text: &str) -> bool {
    let text = text.trim_start();
    let end = text.char_indices().nth(NUMBER_CHARS_MAX).map_or(text.len(), |(at, _)| at);
    let beginning = text.get(..end).unwrap_or(text);
    text.starts_with(['#', '>', '|'])
        || text.starts_with("```")
        || text.starts_with("~~~")
        || item_indent(beginning).is_some()
}
