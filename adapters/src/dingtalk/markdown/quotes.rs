//! Quotes: their marks, a line of prose in one, and code behind the marks, which stays as it is. A fence behind the mark of a
//! list item is held the same way.

use super::blocks::INDENT_MAX;
use super::fences::{Fence, around, dedented, indent};
use super::lists::{behind_mark, item};
use super::titles::heading;

/// A fence that begins in a quote, or in an item of a list on the item's own line, or both.
#[derive(Clone, Copy)]
pub(super) struct HeldFence {
    /// How many quotes are around it.
    depth: usize,
    /// Whether an item begins on its line.
    in_item: bool,
    fence: Fence,
}

/// A held fence with its lines, as they are written.
pub(super) struct HeldCode {
    /// The number of the item it is in, in the quotes that the item is in.
    pub(super) number: Option<String>,
    pub(super) lines: Vec<String>,
    /// How many lines it was made of.
    pub(super) taken: usize,
}

impl HeldFence {
    pub(super) fn opened_by(line: &str) -> Option<Self> {
        let holder = Holder::of(line);
        let fence = Fence::opened_by(holder.content)?.indented(holder.spaces);
        (holder.depth > 0 || holder.in_item).then_some(Self {
            depth: holder.depth,
            in_item: holder.in_item,
            fence,
        })
    }

    pub(super) const fn is_quoted(self) -> bool {
        self.depth > 0
    }

    /// Whether the line does not belong to the quote any more; that ends the fence too, and the line is another block's.
    pub(super) fn is_left_by(self, line: &str) -> bool {
        parted(line, self.depth).is_none()
    }

    pub(super) fn is_closed_by(self, line: &str) -> bool {
        parted(line, self.depth).is_some_and(|(_, content)| self.fence.is_closed_by(content))
    }

    /// The fence that `line` opens, with its lines at the left margin. A lean one keeps the marks of its quote as they
    /// are and is not closed where it was not; one in an item is not touched at all.
    pub(super) fn code(self, line: &str, behind: &[&str], lean: bool) -> HeldCode {
        let inside = behind.iter().take_while(|line| !self.is_left_by(line)).count();
        let inside = behind.get(..inside).unwrap_or_default();
        let end = inside.iter().position(|line| self.is_closed_by(line));
        let code = inside.get(..end.unwrap_or(inside.len())).unwrap_or_default();
        let closing = end.and_then(|at| inside.get(at)).copied();
        let taken = code.len().saturating_add(if closing.is_some() { 2 } else { 1 });
        if lean && self.in_item {
            let whole = std::iter::once(line).chain(behind.iter().copied()).take(taken);
            return HeldCode { number: None, lines: whole.map(str::to_owned).collect(), taken };
        }
        let written = |line: &str, content: &str| {
            let marks = parted(line, self.depth).map_or("", |(marks, _)| marks);
            if lean { format!("{marks}{content}") } else { marked(self.depth, content) }
        };
        let content = |line| parted(line, self.depth).map_or("", |(_, content)| content);
        let holder = Holder::of(line);
        let mut lines = vec![written(line, holder.content.trim())];
        lines.extend(code.iter().map(|line| written(line, self.fence.dedented(content(line)))));
        if closing.is_some() || !lean {
            lines.push(written(closing.unwrap_or(line), &self.fence.closing()));
        }
        let number = holder.number.map(|(depth, number)| marked(depth, number));
        HeldCode { number, lines, taken }
    }
}

/// What stands around the content of a line: quotes, and items of lists that begin on it.
struct Holder<'a> {
    depth: usize,
    in_item: bool,
    /// How far the items indent the content in its quotes, in spaces.
    spaces: usize,
    /// The number of the innermost item that has one, and how many quotes are around that.
    number: Option<(usize, &'a str)>,
    content: &'a str,
}

impl<'a> Holder<'a> {
    fn of(line: &'a str) -> Self {
        let mut it = Self { depth: 0, in_item: false, spaces: 0, number: None, content: line };
        loop {
            let text = it.content.trim_start();
            if let Some(inside) = text.strip_prefix('>') {
                it.depth = it.depth.saturating_add(1);
                it.spaces = 0;
                it.content = inside.strip_prefix(' ').unwrap_or(inside);
            } else if let Some(inside) = behind_mark(text).and_then(|behind| behind.strip_prefix(' ')) {
                let mark = text.get(..text.len().saturating_sub(inside.len())).unwrap_or_default();
                if mark.starts_with(|c: char| c.is_ascii_digit()) {
                    it.number = Some((it.depth, mark.trim_end()));
                }
                it.in_item = true;
                it.spaces = it.spaces.saturating_add(indent(it.content)).saturating_add(mark.len());
                it.content = inside;
            } else {
                return it;
            }
        }
    }
}

/// How many lines follow that are indented code in the same quotes as this one; `None` where this one is none.
pub(super) fn code_length(line: &str, behind: &[&str]) -> Option<usize> {
    let around = depth(line);
    let is_code = |line: &&&str| {
        let content = parted(line, around).map_or("", |(_, content)| content);
        depth(line) == around && indent(content) > INDENT_MAX && !content.trim().is_empty()
    };
    (around > 0 && is_code(&&line)).then(|| behind.iter().take_while(is_code).count())
}

/// Lines of indented code in a quote, as a fence in it.
pub(super) fn indented_code(lines: &[&str]) -> Vec<String> {
    let around_it = lines.first().map_or(0, |line| depth(line));
    let content = |line: &&'_ str| parted(line, around_it).map_or("", |(_, content)| content).to_owned();
    let code: Vec<String> = lines.iter().map(content).collect();
    let code: Vec<&str> = code.iter().map(|line| dedented(line, INDENT_MAX.saturating_add(1))).collect();
    let fence = around(&code);
    let lines = std::iter::once(fence.as_str()).chain(code).chain(std::iter::once(fence.as_str()));
    lines.map(|line| marked(around_it, line)).collect()
}

/// Whether the line is in a quote and has something to read in it.
pub(super) fn says_something(line: &str) -> bool {
    depth(line) > 0 && !content(line).is_empty()
}

/// Whether an item of a list begins in a quote on this line.
pub(super) fn is_item(line: &str) -> bool {
    item(content(line)).is_some()
}

/// A line of a quote outside of code as it is written, and whether it is prose.
pub(super) fn line(text: &str) -> (String, bool) {
    let content = content(text);
    let prose = !content.is_empty()
        && item(content).is_none()
        && heading(content).is_none()
        && Fence::opened_by(content).is_none()
        && !content.contains('|');
    (marked(depth(text), content), prose)
}

fn content(line: &str) -> &str {
    line.trim_start_matches(['>', ' ']).trim()
}

/// A line in so many quotes.
fn marked(depth: usize, content: &str) -> String {
    let gap = if content.is_empty() || depth == 0 { "" } else { " " };
    format!("{}{gap}{content}", ">".repeat(depth))
}

/// How many marks stand at the beginning.
fn depth(line: &str) -> usize {
    line.trim_start().chars().take_while(|c| matches!(c, '>' | ' ')).filter(|c| *c == '>').count()
}

/// The first `depth` marks with the one space behind them that belongs to them, and the rest as it is.
fn parted(line: &str, depth: usize) -> Option<(&str, &str)> {
    if depth == 0 {
        return Some(("", line));
    }
    let text = line.trim_start();
    let mut rest = text;
    for _ in 0..depth {
        rest = rest.trim_start_matches(' ').strip_prefix('>')?;
    }
    let content = rest.strip_prefix(' ').unwrap_or(rest);
    text.get(..text.len().saturating_sub(content.len())).map(|marks| (marks, content))
}
