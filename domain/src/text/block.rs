//! The lines of a text and what each is, as far as cutting needs to know it.

use alloc::string::String;

use super::fence::Fence;
use super::limits::Limits;
use super::line;
use super::table::{self, Table};

/// What is open at a place and has to be opened again behind a cut there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Open<'a> {
    /// A code fence.
    Fence(Fence<'a>),
    /// A table.
    Table(Table<'a>),
}

impl<'a> Open<'a> {
    /// The same as it is opened again in a piece of these limits.
    pub(super) fn to_reopen(self, limits: Limits) -> Option<Self> {
        match self {
            Self::Fence(fence) => Some(Self::Fence(fence.to_reopen(limits))),
            Self::Table(table) => table.to_reopen(limits).map(Self::Table),
        }
    }

    /// The limits of what stands behind the lines that open it.
    pub(super) fn room_in(self, limits: Limits) -> Limits {
        match self {
            Self::Fence(fence) => limits.less(fence.opening_chars(), fence.opening_bytes()),
            Self::Table(table) => limits.less(table.opening_chars(), table.opening_bytes()),
        }
    }

    pub(super) fn write_opening(self, text: &mut String) {
        match self {
            Self::Fence(fence) => fence.write_opening(text),
            Self::Table(table) => table.write_opening(text),
        }
    }

    /// The fence, if it is one: only that needs a closing line.
    pub(super) const fn fence(self) -> Option<Fence<'a>> {
        match self {
            Self::Fence(fence) => Some(fence),
            Self::Table(_) => None,
        }
    }
}

/// What a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Blank,
    Heading,
    /// It opens a fence.
    FenceStart,
    Code,
    /// It closes a fence.
    FenceEnd,
    /// A table's first line.
    TableHead,
    /// A table's second line.
    TableDelimiter,
    TableRow,
    /// The first line of a list item; `nested` below another item.
    Item {
        nested: bool,
    },
    /// Anything else.
    Prose,
}

/// One line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line<'a> {
    /// Where it begins, in bytes.
    pub(super) start: usize,
    /// The line without its line break.
    pub(super) text: &'a str,
    pub(super) kind: Kind,
}

impl Line<'_> {
    /// Where it ends, before its line break.
    pub(super) const fn end(&self) -> usize {
        self.start.saturating_add(self.text.len())
    }
}

/// Goes through the lines of a text.
#[derive(Debug)]
pub(super) struct Lines<'a> {
    text: &'a str,
    next: usize,
    open: Option<Open<'a>>,
    /// Where the first line of a table begins whose second comes next.
    head: Option<usize>,
}

impl<'a> Lines<'a> {
    /// The lines of `text`, of which `open` is open at its beginning.
    pub(super) const fn new(text: &'a str, open: Option<Open<'a>>) -> Self {
        Self { text, next: 0, open, head: None }
    }

    /// What is open behind the lines seen so far.
    pub(super) const fn open(&self) -> Option<Open<'a>> {
        self.open
    }

    fn kind(&mut self, start: usize, content: &'a str, behind: &'a str) -> Kind {
        if let Some(Open::Fence(fence)) = self.open {
            if fence.is_closed_by(content) {
                self.open = None;
                return Kind::FenceEnd;
            }
            return Kind::Code;
        }
        if let Some(head) = self.head.take() {
            let end = start.saturating_add(content.len());
            self.open = self.text.get(head..end).map(|lines| Open::Table(Table::new(lines.trim_end())));
            return Kind::TableDelimiter;
        }
        let opened = Fence::opened_by(content);
        if self.open.is_some() && opened.is_none() && table::is_row(content) {
            return Kind::TableRow;
        }
        self.open = opened.map(Open::Fence);
        if self.open.is_some() {
            Kind::FenceStart
        } else if line::is_blank(content) {
            Kind::Blank
        } else if line::is_heading(content) {
            Kind::Heading
        } else if table::is_row(content) && table::is_delimiter(line::first(behind).0) {
            self.head = Some(start);
            Kind::TableHead
        } else {
            line::item_indent(content).map_or(Kind::Prose, |indent| Kind::Item { nested: indent > 1 })
        }
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    fn next(&mut self) -> Option<Line<'a>> {
        let rest = self.text.get(self.next..).filter(|rest| !rest.is_empty())?;
        let (content, behind) = line::first(rest);
        let start = self.next;
        self.next = self.text.len().saturating_sub(behind.len());
        let kind = self.kind(start, content, behind);
        Some(Line { start, text: content, kind })
    }
}

/// What is open behind this text, when `open` was open before it, and `behind` follows it.
pub(super) fn after<'a>(open: Option<Open<'a>>, text: &'a str, behind: &str) -> Option<Open<'a>> {
    let mut lines = Lines::new(text, open);
    while lines.next().is_some() {}
    match lines.open() {
        Some(Open::Table(_)) if !table_goes_on(text, behind) => None,
        open => open,
    }
}

/// Whether a cut at the end of a row is followed by another row.
fn table_goes_on(before: &str, behind: &str) -> bool {
    let at_line_end = before.ends_with('\n') || behind.starts_with('\n') || behind.starts_with("\r\n");
    let next = line::first(line::skip_newline(behind)).0;
    at_line_end && table::is_row(next) && Fence::opened_by(next).is_none()
}
