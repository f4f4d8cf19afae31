//! The lines of a text, block by block: what each is, and what stands between two of them.

use super::inline::Inline;
use super::links::{References, is_definition};
use super::lists::{Lists, item};
use super::quotes::QuotedFence;
use super::{Dialect, Extent, Style, quotes, tables};

/// Longest indent of something that is not code, in spaces.
const INDENT_MAX: usize = 3;
/// Fewest marks of a fence.
const FENCE_MARKS_MIN: usize = 3;
/// Spaces of a tab.
const TAB_SPACES: usize = 4;

/// What a line belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Group {
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
    style: Style,
    extent: Extent,
    inline: Inline<'a>,
    out: String,
    last: Option<Group>,
    /// Whether a blank line stood before the next line.
    gap: bool,
    lists: Lists,
}

/// An open code fence.
#[derive(Clone, Copy)]
pub(super) struct Fence {
    indent: usize,
    mark: char,
    marks: usize,
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
        }
    }

    /// Takes the block in that begins at line `at`; says where the next one begins.
    pub(super) fn block(&mut self, lines: &[&str], at: usize) -> usize {
        let Some(line) = lines.get(at).copied() else {
            return at.saturating_add(1);
        };
        let behind = lines.get(at.saturating_add(1)..).unwrap_or_default();
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
        } else if let Some(fence) = QuotedFence::opened_by(line) {
            self.quoted_fence(fence, line, behind)
        } else if let Some(rows) = self.table_length(line, behind) {
            self.table(line, behind.get(..rows).unwrap_or_default());
            rows.saturating_add(1)
        } else {
            let last = behind.iter().all(|line| line.trim().is_empty());
            let before = at.checked_sub(1).and_then(|before| lines.get(before)).copied().unwrap_or_default();
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
    fn line(&mut self, line: &str) {
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
    }

    /// A fence in a quote: one block of the quote, with nothing between its lines.
    fn quoted_fence(&mut self, fence: QuotedFence, line: &str, behind: &[&str]) -> usize {
        self.lists.leave();
        let code = fence.code(line, behind, self.style.lean);
        code.lines.iter().for_each(|line| self.put(Group::Quote { prose: false }, line));
        code.taken
    }

    /// A fence with its lines, moved to the left margin: there it is a fence wherever it stood.
    fn fence(&mut self, fence: Fence, line: &str, behind: &[&str]) -> usize {
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

    fn formula(&mut self, line: &str, behind: &[&str], length: usize) -> usize {
        let rest = behind.get(..length.saturating_sub(1)).unwrap_or_default();
        let lines: Vec<_> = std::iter::once(line).chain(rest.iter().copied()).map(str::to_owned).collect();
        self.verbatim(&lines);
        length
    }

    /// Only at a beginning or behind a blank line, and not where the indent belongs to a list.
    fn is_indented_code(&self, line: &str) -> bool {
        let begins = self.last.is_none() || self.gap;
        begins
            && !self.style.lean
            && !self.lists.is_open()
            && !self.lists.is_left()
            && indent(line) > INDENT_MAX
    }

    fn indented_code(&mut self, line: &str, behind: &[&str]) -> usize {
        let is_code = |line: &&&str| indent(line) > INDENT_MAX && !line.trim().is_empty();
        let more = behind.iter().take_while(is_code).count();
        let code = std::iter::once(&line).chain(behind.iter().take(more)).copied();
        let code: Vec<_> = code.map(|line| dedented(line, INDENT_MAX.saturating_add(1)).to_owned()).collect();
        let longest = code.iter().flat_map(|line| line.split(|c| c != '`')).map(str::len).max().unwrap_or(0);
        let fence = "`".repeat(longest.saturating_add(1).max(FENCE_MARKS_MIN));
        let mut lines = vec![fence.clone()];
        lines.extend(code);
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

    fn table(&mut self, head: &str, rows: &[&str]) {
        self.lists.leave();
        let mut adapted = Vec::with_capacity(rows.len().saturating_add(1));
        for row in std::iter::once(&head).chain(rows) {
            adapted.push(self.inline.adapt(row.trim()).trim().to_owned());
        }
        let as_list = self.style.dialect == Dialect::Message && !self.style.lean;
        let (group, lines) =
            if as_list { (Group::List, tables::as_list(&adapted)) } else { (Group::Table, adapted) };
        // A table begins a block of its own whatever stands before it, and a list of rows does.
        self.gap |= self.last.is_some() && !self.style.lean;
        for line in lines {
            let line = if as_list { item(&line).unwrap_or(line) } else { line };
            self.put(group, &line);
        }
        self.gap = !self.style.lean;
    }

    /// How many lines follow a table's first line; `None` where it is none, with its tags or without.
    fn table_length(&self, line: &str, behind: &[&str]) -> Option<usize> {
        let rows = tables::length(line, behind).filter(|_| !self.is_head_begun(behind))?;
        tables::length(&self.inline.adapt(line.trim()), behind).map(|_| rows)
    }

    /// Whether the delimiter row of a table is still being written.
    fn is_head_begun(&self, behind: &[&str]) -> bool {
        self.extent == Extent::SoFar && behind.iter().skip(1).all(|line| line.trim().is_empty())
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
    fn put(&mut self, group: Group, line: &str) {
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
        self.out.push_str(between);
        self.out.push_str(line);
        self.last = Some(group);
        self.gap = false;
    }

    const fn line_break(&self) -> &'static str {
        match self.style.dialect {
            Dialect::Card => "\n\n",
            Dialect::Message => "  \n  ",
        }
    }

    const fn quote_break(&self) -> &'static str {
        match self.style.dialect {
            Dialect::Card => "\n>\n",
            Dialect::Message => "  \n",
        }
    }
}

impl Fence {
    pub(super) fn opened_by(line: &str) -> Option<Self> {
        let text = line.trim_start();
        let mark = text.chars().next().filter(|c| matches!(c, '`' | '~'))?;
        let behind = text.trim_start_matches(mark);
        let marks = text.len().saturating_sub(behind.len());
        let plausible = marks >= FENCE_MARKS_MIN && !(mark == '`' && behind.contains('`'));
        plausible.then_some(Self { indent: indent(line), mark, marks })
    }

    pub(super) fn is_closed_by(self, line: &str) -> bool {
        let text = line.trim();
        text.len() >= self.marks && text.chars().all(|c| c == self.mark)
    }

    pub(super) fn closing(self) -> String {
        std::iter::repeat_n(self.mark, self.marks).collect()
    }

    /// A line of its code, moved to the left with the fence.
    pub(super) fn dedented(self, line: &str) -> &str {
        dedented(line, self.indent)
    }
}

/// Whether the line begins a fence or a formula, makes the line above it a table's head, or defines an address.
fn begins_something(line: &str) -> bool {
    Fence::opened_by(line).is_some()
        || matches!(line.trim(), "$$" | "\\[" | "\\]")
        || tables::is_delimiter(line)
        || is_definition(line)
}

/// How many lines a formula has that begins here: from `$$` or `\[` alone on a line to its counterpart.
fn formula(line: &str, behind: &[&str]) -> Option<usize> {
    let end = match line.trim() {
        "$$" => "$$",
        "\\[" => "\\]",
        _ => return None,
    };
    behind.iter().position(|line| line.trim() == end).map(|at| at.saturating_add(2))
}

/// How many lines a comment has that begins here and does not end on its line.
fn comment(line: &str, behind: &[&str]) -> Option<usize> {
    let inside = line.trim_start().strip_prefix("<!--")?;
    if inside.contains("-->") {
        return None;
    }
    let ends = |line: &&str| line.trim_end().ends_with("-->");
    let stops = |line: &&str| line.contains("-->");
    let at = behind.iter().position(stops)?;
    behind.get(at).filter(|line| ends(line)).map(|_| at.saturating_add(2))
}

/// Leading white space in spaces.
pub(super) fn indent(line: &str) -> usize {
    let white = line.chars().take_while(|c| matches!(c, ' ' | '\t'));
    white.map(|c| if c == '\t' { TAB_SPACES } else { 1 }).sum()
}

/// The line without up to `spaces` of its leading white space.
fn dedented(line: &str, spaces: usize) -> &str {
    let mut rest = line;
    let mut left = spaces;
    while left > 0 {
        match rest
            .strip_prefix(' ')
            .map(|it| (it, 1))
            .or_else(|| rest.strip_prefix('\t').map(|it| (it, TAB_SPACES)))
        {
            Some((shorter, width)) => {
                rest = shorter;
                left = left.saturating_sub(width);
            }
            None => break,
        }
    }
    rest
}

fn is_rule(text: &str) -> bool {
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
