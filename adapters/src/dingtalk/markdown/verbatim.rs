//! Blocks that are shown as they are: fences, indented code, formulas; and comments, which are not shown.

use super::blocks::{Group, INDENT_MAX, Page};
use super::fences::{Fence, around, dedented, indent};
use super::quotes::{self, HeldFence};

impl Page<'_> {
    /// A fence in a quote: one block of the quote, with nothing between its lines. One behind the mark of an item goes to the
    /// margin of what the item is in; the item's number, if it has one, stands above it.
    pub(super) fn held_fence(&mut self, held: HeldFence, line: &str, behind: &[&str]) -> usize {
        self.lists.leave();
        let code = held.code(line, behind, self.style.lean);
        let group = if held.is_quoted() { Group::Quote { prose: false } } else { Group::Verbatim };
        if let Some(number) = code.number {
            let group = if held.is_quoted() { group } else { Group::Prose };
            self.put(group, &number);
        }
        match group {
            Group::Quote { .. } => code.lines.iter().for_each(|line| self.put(group, line)),
            Group::Prose | Group::Heading | Group::List | Group::Table | Group::Verbatim | Group::Rule => {
                self.verbatim(&code.lines);
            }
        }
        code.taken
    }

    /// How many lines of indented code begin here in a quote, whose line before is `before`; not where the indent may belong to a
    /// list in it.
    pub(super) fn quoted_code_length(&self, before: &str, line: &str, behind: &[&str]) -> Option<usize> {
        let begins = !self.style.lean && !self.quoted_list && !quotes::says_something(before);
        quotes::code_length(line, behind).filter(|_| begins)
    }

    /// Indented code in a quote, as a fence in it.
    pub(super) fn quoted_code(&mut self, lines: &[&str]) {
        self.lists.leave();
        for line in quotes::indented_code(lines) {
            self.put(Group::Quote { prose: false }, &line);
        }
    }

    /// A fence with its lines, moved to the left margin: there it is a fence wherever it stood.
    pub(super) fn fence(&mut self, fence: Fence, line: &str, behind: &[&str]) -> usize {
        let end = behind.iter().position(|line| fence.is_closed_by(line));
        let code = behind.get(..end.unwrap_or(behind.len())).unwrap_or_default();
        let mut lines = vec![line.trim().to_owned()];
        lines.extend(code.iter().map(|line| fence.dedented(line).to_owned()));
        if end.is_some() || !self.style.lean {
            lines.push(fence.closing());
        }
        self.verbatim(&lines);
        code.len().saturating_add(if end.is_some() { 2 } else { 1 })
    }

    pub(super) fn formula(&mut self, line: &str, behind: &[&str], length: usize) -> usize {
        let rest = behind.get(..length.saturating_sub(1)).unwrap_or_default();
        let lines: Vec<_> = std::iter::once(line).chain(rest.iter().copied()).map(str::to_owned).collect();
        self.verbatim(&lines);
        length
    }

    /// Only at a beginning or behind a blank line, and not where the indent belongs to a list.
    pub(super) fn is_indented_code(&self, line: &str) -> bool {
        let begins = self.last.is_none() || self.gap;
        begins
            && !self.style.lean
            && !self.lists.is_open()
            && !self.lists.is_left()
            && indent(line) > INDENT_MAX
    }

    pub(super) fn indented_code(&mut self, line: &str, behind: &[&str]) -> usize {
        let is_code = |line: &&&str| indent(line) > INDENT_MAX && !line.trim().is_empty();
        let more = behind.iter().take_while(is_code).count();
        let code = std::iter::once(&line).chain(behind.iter().take(more)).copied();
        let code: Vec<_> = code.map(|line| dedented(line, INDENT_MAX.saturating_add(1))).collect();
        let fence = around(&code);
        let mut lines = vec![fence.clone()];
        lines.extend(code.into_iter().map(str::to_owned));
        lines.push(fence);
        self.verbatim(&lines);
        more.saturating_add(1)
    }

    fn verbatim(&mut self, lines: &[String]) {
        self.lists.leave();
        for (index, line) in lines.iter().enumerate() {
            if index == 0 {
                self.put(Group::Verbatim, line);
            } else {
                self.out.push('\n');
                self.out.push_str(line);
            }
        }
        // What follows is another block, were it verbatim too.
        self.gap = !self.style.lean;
    }
}

/// How many lines a formula has that begins here: from `$$` or `\[` alone on a line to its counterpart.
pub(super) fn formula(line: &str, behind: &[&str]) -> Option<usize> {
    let end = match line.trim() {
        "$$" => "$$",
        "\\[" => "\\]",
        _ => return None,
    };
    behind.iter().position(|line| line.trim() == end).map(|at| at.saturating_add(2))
}

/// How many lines a comment has that begins here and does not end on its line.
pub(super) fn comment(line: &str, behind: &[&str]) -> Option<usize> {
    let inside = line.trim_start().strip_prefix("<!--")?;
    if inside.contains("-->") {
        return None;
    }
    let ends = |line: &&str| line.trim_end().ends_with("-->");
    let stops = |line: &&str| line.contains("-->");
    let at = behind.iter().position(stops)?;
    behind.get(at).filter(|line| ends(line)).map(|_| at.saturating_add(2))
}
