//! The lines of a text, block by block: what each is, and what stands between two of them.

use super::fences::{Fence, indent};
use super::inline::Inline;
use super::links::{References, is_definition};
use super::lists::{Lists, item};
use super::quotes::HeldFence;
use super::tables::Place;
use super::titles::{heading, is_rule, underline, underlined};
use super::verbatim::{comment, formula};
use super::{Dialect, Extent, Style, html_tables, quotes, tables};

/// Longest indent of something that is not code, in spaces.
pub(super) const INDENT_MAX: usize = 3;

/// What a line belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Group {
    Prose,
    Heading,
    List,
    Quote { prose: bool },
    Table,
    Verbatim,
    Rule,
}

/// A text being made.
pub(super) struct Page<'a> {
    pub(super) style: Style,
    pub(super) extent: Extent,
    pub(super) inline: Inline<'a>,
    pub(super) out: String,
    pub(super) last: Option<Group>,
    /// Whether a blank line stood before the next line.
    pub(super) gap: bool,
    pub(super) lists: Lists,
    /// Whether a list has begun in the quote that goes on.
    pub(super) quoted_list: bool,
}

impl<'a> Page<'a> {
    pub(super) fn new(style: Style, extent: Extent, lines: &[&'a str]) -> Self {
        let references = if style.lean { References::default() } else { References::of(lines) };
        Self {
            style,
            extent,
            inline: Inline { style, references },
            out: String::new(),
            last: None,
            gap: false,
            lists: Lists::default(),
            quoted_list: false,
        }
    }

    /// Takes the block in that begins at line `at`; says where the next one begins.
    pub(super) fn block(&mut self, lines: &[&str], at: usize) -> usize {
        let Some(line) = lines.get(at).copied() else {
            return at.saturating_add(1);
        };
        let behind = lines.get(at.saturating_add(1)..).unwrap_or_default();
        let before = at.checked_sub(1).and_then(|before| lines.get(before)).copied().unwrap_or_default();
        let taken = if line.trim().is_empty() {
            self.gap = true;
            1
        } else if let Some(fence) = Fence::opened_by(line) {
            self.fence(fence, line, behind)
        } else if let Some(length) = formula(line, behind) {
            self.formula(line, behind, length)
        } else if let Some(length) = comment(line, behind) {
            length
        } else if self.is_indented_code(line) {
            self.indented_code(line, behind)
        } else if let Some(fence) = HeldFence::opened_by(line) {
            self.held_fence(fence, line, behind)
        } else if let Some(more) = self.quoted_code_length(before, line, behind) {
            self.quoted_code(lines.get(at..=at.saturating_add(more)).unwrap_or_default());
            more.saturating_add(1)
        } else if let Some(rows) = self.table_length(line, behind) {
            let table = lines.get(at..=at.saturating_add(rows)).unwrap_or_default();
            self.table(table, Place::of(lines, at, rows));
            rows.saturating_add(1)
        } else if let Some(table) = html_tables::table(line, behind, self.style.lean) {
            self.html_table(&table, Place::of(lines, at, table.more));
            table.more.saturating_add(1)
        } else if let Some(heading) = underlined(line, behind) {
            self.line(&heading);
            2
        } else {
            let last = behind.iter().all(|line| line.trim().is_empty());
            if last && self.extent == Extent::SoFar {
                self.unfinished(before, line);
            } else {
                self.line(line);
            }
            1
        };
        at.saturating_add(taken)
    }

    pub(super) fn into_text(mut self) -> String {
        self.out.truncate(self.out.trim_end().len());
        self.out
    }

    /// A line outside of blocks of several lines; with breaks of its own it becomes several.
    pub(super) fn line(&mut self, line: &str) {
        if let Some(used) = self.inline.references.definition(line) {
            self.lists.end();
            if !used {
                self.put(Group::Prose, &line.trim().replace(['<', '>'], ""));
            }
            return;
        }
        let text = self.inline.adapt(line);
        for piece in text.split('\n') {
            if piece.trim().is_empty() {
                self.gap = true;
            } else if piece != line && begins_something(piece) {
                // It began nothing before its tags were taken away.
                self.piece(&format!("\\{}", piece.trim()));
            } else {
                self.piece(piece);
            }
        }
    }

    fn piece(&mut self, line: &str) {
        let indent = indent(line);
        let text = line.trim();
        if let Some(item) = item(text) {
            let spaces = self.lists.begin(indent);
            self.put_in_list(line, spaces, &item);
            return;
        }
        if let Some(spaces) = self.lists.continued(indent) {
            self.put_in_list(line, spaces, text);
            return;
        }
        if indent == 0 {
            self.lists.end();
        } else {
            self.lists.leave();
        }
        if is_rule(text) {
            self.put(Group::Rule, "---");
        } else if text.starts_with('>') {
            self.quote(text);
        } else if let Some(heading) = heading(text) {
            self.put(Group::Heading, &heading);
        } else {
            self.put(Group::Prose, text);
        }
    }

    /// `line` is the line as it was: a lean text keeps its white space.
    fn put_in_list(&mut self, line: &str, spaces: usize, text: &str) {
        let white = line.get(..line.len().saturating_sub(line.trim_start().len())).unwrap_or_default();
        let written =
            if self.style.lean { format!("{white}{text}") } else { format!("{:spaces$}{text}", "") };
        self.put(Group::List, &written);
    }

    fn quote(&mut self, text: &str) {
        let (written, prose) = quotes::line(text);
        self.put(Group::Quote { prose }, if self.style.lean { text } else { &written });
        self.quoted_list |= quotes::is_item(text);
    }

    /// The last line of a text that is being written.
    fn unfinished(&mut self, before: &str, line: &str) {
        let is_delimiter_begun = before.contains('|')
            && line.contains('|')
            && line.chars().all(|c| matches!(c, '|' | ':' | '-' | ' '));
        if !is_delimiter_begun {
            self.line(&super::links::without_unfinished(line));
        }
    }

    /// Writes a line of a block, with what has to stand between it and the line before.
    pub(super) fn put(&mut self, group: Group, line: &str) {
        let between = match (self.last, group) {
            (None, _) => "",
            (Some(_), _) if self.gap => "\n\n",
            (Some(_), _) if self.style.lean => "\n",
            (Some(Group::Prose), Group::Prose) => self.line_break(),
            (Some(Group::Quote { prose: true }), Group::Quote { prose: true }) => self.quote_break(),
            (Some(Group::Quote { .. }), Group::Quote { .. })
            | (Some(Group::List), Group::List)
            | (Some(Group::Table), Group::Table) => "\n",
            (Some(_), _) => "\n\n",
        };
        let goes_on =
            matches!((self.last, group), (Some(Group::Quote { .. }), Group::Quote { .. })) && !self.gap;
        self.quoted_list &= goes_on;
        self.out.push_str(between);
        self.out.push_str(line);
        self.last = Some(group);
        self.gap = false;
    }

    const fn line_break(&self) -> &'static str {
        match self.style.dialect {
            Dialect::Card | Dialect::CloseMessage => "\n\n",
            Dialect::Message => "  \n  ",
        }
    }

    const fn quote_break(&self) -> &'static str {
        match self.style.dialect {
            Dialect::Card => "\n>\n",
            Dialect::Message | Dialect::CloseMessage => "  \n",
        }
    }
}

/// Whether the line begins a fence or a formula, makes the line above it a heading or a table's head, or defines an address.
pub(super) fn begins_something(line: &str) -> bool {
    Fence::opened_by(line).is_some()
        || HeldFence::opened_by(line).is_some_and(|fence| !fence.is_quoted())
        || matches!(line.trim(), "$$" | "\\[" | "\\]")
        || tables::is_delimiter(line)
        || underline(line).is_some()
        || is_definition(line)
}
