//! Lists: which level an item is on, and how it is written. The platform draws one level below the first reliably.

use super::fences::indent;

/// Spaces before an item of the second level: enough below `1. ` too, and no code below `- `.
const LEVEL_SPACES: usize = 4;
/// Deepest level that is told from the one above it.
const LEVEL_MAX: usize = 1;
/// Longest number of an item, in digits.
const DIGITS_MAX: usize = 9;

/// The items that a line may belong to.
#[derive(Debug, Default)]
pub(super) struct Lists {
    /// Indents of the items, outermost first.
    indents: Vec<usize>,
    /// Whether a block at the margin stands where a list goes on with indented lines.
    left: bool,
}

impl Lists {
    /// An item begins; says by how many spaces it is indented.
    pub(super) fn begin(&mut self, indent: usize) -> usize {
        while self.indents.pop_if(|open| *open > indent).is_some() {}
        if self.indents.last().is_none_or(|open| indent.saturating_sub(*open) >= 2) {
            self.indents.push(indent);
        }
        self.left = false;
        self.indents.len().saturating_sub(1).min(LEVEL_MAX).saturating_mul(LEVEL_SPACES)
    }

    /// By how many spaces a line is indented that goes on with an item; `None` where it does not.
    pub(super) fn continued(&self, indent: usize) -> Option<usize> {
        let level = self.indents.iter().filter(|open| **open < indent).count();
        (level > 0 && indent >= 2)
            .then(|| level.min(LEVEL_MAX.saturating_add(1)).saturating_mul(LEVEL_SPACES))
    }

    /// A block at the margin, where the list may go on behind it.
    pub(super) fn leave(&mut self) {
        self.left |= !self.indents.is_empty();
        self.indents.clear();
    }

    /// A line at the margin that ends everything.
    pub(super) fn end(&mut self) {
        self.indents.clear();
        self.left = false;
    }

    pub(super) const fn is_open(&self) -> bool {
        !self.indents.is_empty()
    }

    pub(super) const fn is_left(&self) -> bool {
        self.left
    }
}

/// What stands behind the mark of a list item at the beginning of a text.
pub(super) fn behind_mark(text: &str) -> Option<&str> {
    if let Some(behind) = text.strip_prefix(['-', '*', '+']) {
        return Some(behind);
    }
    let behind = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let digits = text.len().saturating_sub(behind.len());
    behind.strip_prefix(['.', ')']).filter(|_| (1..=DIGITS_MAX).contains(&digits))
}

/// A list item as it is written: `- ` or its number with a full stop, and a box for a task.
pub(super) fn item(text: &str) -> Option<String> {
    let content = behind_mark(text)?;
    let digits = text.chars().take_while(char::is_ascii_digit).count();
    let mark = if digits == 0 { "-".to_owned() } else { format!("{}.", text.get(..digits)?) };
    if !content.starts_with([' ', '\t']) {
        return None;
    }
    let content = content.trim();
    // `* * *` is a rule.
    if content.is_empty()
        || (mark == "-" && indent(content) == 0 && content.chars().all(|c| matches!(c, '-' | '*' | ' ')))
    {
        return None;
    }
    let boxes = [("[ ] ", "☐ "), ("[x] ", "☑ "), ("[X] ", "☑ ")];
    let task = boxes.iter().find_map(|(from, to)| content.strip_prefix(from).map(|rest| (*to, rest)));
    let (task, rest) = task.unwrap_or(("", content));
    Some(format!("{mark} {task}{}", rest.trim_start()))
}
