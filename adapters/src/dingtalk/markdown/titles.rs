//! Headings and rules.

use super::blocks::{INDENT_MAX, begins_something};
use super::fences::indent;
use super::lists::item;

/// Fewest marks of the line under a heading.
const UNDERLINE_MARKS_MIN: usize = 3;

/// The heading that a line is because of the line under it (setext). Three dashes alone are a rule, which agents mean with
/// them.
pub(super) fn underlined(line: &str, behind: &[&str]) -> Option<String> {
    let level = underline(behind.first()?)?;
    let title = line.trim();
    let is_title = indent(line) <= INDENT_MAX
        && !title.is_empty()
        && item(title).is_none()
        && !title.starts_with(['#', '>'])
        && !title.starts_with("![")
        && !is_rule(title)
        && !begins_something(title);
    is_title.then(|| format!("{level} {title}"))
}

/// The mark of the heading that a line makes of the one above it.
pub(super) fn underline(line: &str) -> Option<&'static str> {
    let marks = line.trim();
    let is_all = |mark: char| marks.chars().all(|it| it == mark);
    match marks.len() {
        _ if indent(line) > INDENT_MAX => None,
        length if length >= UNDERLINE_MARKS_MIN && is_all('=') => Some("#"),
        length if length > UNDERLINE_MARKS_MIN && is_all('-') => Some("##"),
        _ => None,
    }
}

pub(super) fn is_rule(text: &str) -> bool {
    let marks: Vec<char> = text.chars().filter(|c| !c.is_whitespace()).collect();
    let first = marks.first().copied();
    marks.len() >= 3
        && first.is_some_and(|c| matches!(c, '-' | '*' | '_'))
        && marks.iter().all(|c| Some(*c) == first)
}

/// A heading, of the sixth level at most.
pub(super) fn heading(text: &str) -> Option<String> {
    let behind = text.trim_start_matches('#');
    let marks = text.len().saturating_sub(behind.len());
    let title = behind.trim();
    let is_heading = marks > 0 && behind.starts_with([' ', '\t']) && !title.is_empty();
    is_heading.then(|| format!("{} {title}", "#".repeat(marks.min(6))))
}
