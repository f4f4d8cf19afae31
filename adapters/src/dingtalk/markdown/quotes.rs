//! Quotes: their marks, a line of prose in one, and fences behind the marks, whose code stays as it is.

use super::blocks::{Fence, heading};
use super::lists::item;

/// A fence that begins in a quote.
#[derive(Clone, Copy)]
pub(super) struct QuotedFence {
    /// How many quotes are around it, one at least.
    depth: usize,
    fence: Fence,
}

/// A quoted fence with its lines, as they are written.
pub(super) struct QuotedCode {
    pub(super) lines: Vec<String>,
    /// How many lines it was made of.
    pub(super) taken: usize,
}

impl QuotedFence {
    pub(super) fn opened_by(line: &str) -> Option<Self> {
        let depth = depth(line);
        let fence = Fence::opened_by(parted(line, depth)?.1).filter(|_| depth > 0)?;
        Some(Self { depth, fence })
    }

    /// Whether the line does not belong to the quote any more; that ends the fence too, and the line is another block's.
    pub(super) fn is_left_by(self, line: &str) -> bool {
        parted(line, self.depth).is_none()
    }

    pub(super) fn is_closed_by(self, line: &str) -> bool {
        parted(line, self.depth).is_some_and(|(_, content)| self.fence.is_closed_by(content))
    }

    /// The fence that `line` opens, with its lines at the left margin. A lean one keeps the marks of its quote as they
    /// are and is not closed where it was not.
    pub(super) fn code(self, line: &str, behind: &[&str], lean: bool) -> QuotedCode {
        let inside = behind.iter().take_while(|line| !self.is_left_by(line)).count();
        let inside = behind.get(..inside).unwrap_or_default();
        let end = inside.iter().position(|line| self.is_closed_by(line));
        let code = inside.get(..end.unwrap_or(inside.len())).unwrap_or_default();
        let written = |line: &str, content: &str| {
            let marks = parted(line, self.depth).map_or("", |(marks, _)| marks);
            if lean {
                format!("{marks}{content}")
            } else {
                let gap = if content.is_empty() { "" } else { " " };
                format!("{}{gap}{content}", ">".repeat(self.depth))
            }
        };
        let content = |line| parted(line, self.depth).map_or("", |(_, content)| content);
        let mut lines = vec![written(line, content(line).trim())];
        lines.extend(code.iter().map(|line| written(line, self.fence.dedented(content(line)))));
        let closing = end.and_then(|at| inside.get(at)).copied();
        if closing.is_some() || !lean {
            lines.push(written(closing.unwrap_or(line), &self.fence.closing()));
        }
        let taken = code.len().saturating_add(if closing.is_some() { 2 } else { 1 });
        QuotedCode { lines, taken }
    }
}

/// A line of a quote outside of code as it is written, and whether it is prose.
pub(super) fn line(text: &str) -> (String, bool) {
    let content = text.trim_start_matches(['>', ' ']).trim();
    let prose = !content.is_empty()
        && item(content).is_none()
        && heading(content).is_none()
        && Fence::opened_by(content).is_none()
        && !content.contains('|');
    let gap = if content.is_empty() { "" } else { " " };
    (format!("{}{gap}{content}", ">".repeat(depth(text))), prose)
}

/// How many marks stand at the beginning.
fn depth(line: &str) -> usize {
    line.trim_start().chars().take_while(|c| matches!(c, '>' | ' ')).filter(|c| *c == '>').count()
}

/// The first `depth` marks with the one space behind them that belongs to them, and the rest as it is.
fn parted(line: &str, depth: usize) -> Option<(&str, &str)> {
    let text = line.trim_start();
    let mut rest = text;
    for _ in 0..depth {
        rest = rest.trim_start_matches(' ').strip_prefix('>')?;
    }
    let content = rest.strip_prefix(' ').unwrap_or(rest);
    text.get(..text.len().saturating_sub(content.len())).map(|marks| (marks, content))
}
