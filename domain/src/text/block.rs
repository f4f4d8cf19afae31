//! The lines of a text and what each is, as far as cutting needs to know it.

use alloc::string::String;

use super::fence::{Fence, Within};
use super::limits::Limits;
use super::line;
use super::quote::Quote;
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

    /// Whether it is still open where this stands behind it.
    fn goes_on(self, behind: Behind<'_>) -> bool {
        match (self, behind) {
            (Self::Fence(_), Behind::Within(..)) => true,
            (Self::Fence(fence), Behind::Lines(lines)) => {
                fence.meets(Quote::NONE, line::first(lines).0) != Within::Outside
            }
            (Self::Table(_), Behind::Within(..)) => false,
            (Self::Table(table), Behind::Lines(lines)) => {
                let next = line::first(lines).0;
                let (quote, content) = Quote::parted(Quote::NONE, next);
                table.goes_on_with(quote, content) && Fence::opened_by(Quote::NONE, next).is_none()
            }
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
    /// The marks of quotes that it has lost, because it was cut.
    pub(super) lost: Quote,
    /// The quotes around it; for code those around its fence.
    pub(super) quote: Quote,
    pub(super) kind: Kind,
}

impl Line<'_> {
    /// Where it ends, before its line break.
    pub(super) const fn end(&self) -> usize {
        self.start.saturating_add(self.text.len())
    }

    /// How long the marks of its quotes are, in bytes.
    pub(super) fn marks_bytes(&self) -> usize {
        let content = self.quote.inside(self.lost, self.text).unwrap_or(self.text);
        self.text.len().saturating_sub(content.len())
    }
}

/// Goes through the lines of a text.
#[derive(Debug)]
pub(super) struct Lines<'a> {
    text: &'a str,
    next: usize,
    open: Option<Open<'a>>,
    lost: Quote,
    /// The first line of a table whose second comes next: where it begins, and the marks it has lost.
    head: Option<(usize, Quote)>,
    /// Whether the next line makes a heading of the one before it.
    is_titled: bool,
}

impl<'a> Lines<'a> {
    /// The lines of `text`, at whose beginning `open` is open and the marks `lost` are missing.
    pub(super) const fn new(text: &'a str, open: Option<Open<'a>>, lost: Quote) -> Self {
        Self { text, next: 0, open, lost, head: None, is_titled: false }
    }

    /// What is open behind the lines seen so far.
    pub(super) const fn open(&self) -> Option<Open<'a>> {
        self.open
    }

    fn line(&mut self, start: usize, text: &'a str, behind: &'a str) -> Line<'a> {
        let lost = core::mem::take(&mut self.lost);
        let line = |quote, kind| Line { start, text, lost, quote, kind };
        if let Some(Open::Fence(fence)) = self.open {
            match fence.meets(lost, text) {
                Within::Code => return line(fence.quote(), Kind::Code),
                Within::Closing => {
                    self.open = None;
                    return line(fence.quote(), Kind::FenceEnd);
                }
                Within::Outside => self.open = None,
            }
        }
        let (quote, content) = Quote::parted(lost, text);
        if let Some((head, lost)) = self.head.take() {
            let end = start.saturating_add(text.len());
            let rows = self.text.get(head..end).map(str::trim_end);
            self.open = rows.map(|rows| Open::Table(Table::new(quote, lost, rows)));
            return line(quote, Kind::TableDelimiter);
        }
        let opened = Fence::opened_by(lost, text);
        if let Some(Open::Table(table)) = self.open
            && opened.is_none()
            && table.goes_on_with(quote, content)
        {
            return line(quote, Kind::TableRow);
        }
        self.open = opened.map(Open::Fence);
        let is_under_title = core::mem::take(&mut self.is_titled);
        let kind = if let Some(fence) = opened {
            return line(fence.quote(), Kind::FenceStart);
        } else if line::is_blank(content) {
            Kind::Blank
        } else if line::is_heading(content) || is_under_title {
            Kind::Heading
        } else if table::is_row(content) && is_before(behind, quote, table::is_delimiter) {
            self.head = Some((start, lost));
            Kind::TableHead
        } else if let Some(indent) = line::item_indent(content) {
            Kind::Item { nested: indent > 1 }
        } else if is_before(behind, quote, line::is_underline) {
            self.is_titled = true;
            Kind::Heading
        } else {
            Kind::Prose
        };
        line(quote, kind)
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    fn next(&mut self) -> Option<Line<'a>> {
        let rest = self.text.get(self.next..).filter(|rest| !rest.is_empty())?;
        let (content, behind) = line::first(rest);
        let start = self.next;
        self.next = self.text.len().saturating_sub(behind.len());
        Some(self.line(start, content, behind))
    }
}

/// Whether the next line is in the same quotes and is this.
fn is_before(behind: &str, quote: Quote, is: fn(&str) -> bool) -> bool {
    let (around, content) = Quote::parted(Quote::NONE, line::first(behind).0);
    around == quote && is(content)
}

/// What a cut parts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parted<'a> {
    /// The fence that is open at the end of what stands before the cut.
    pub(super) closed: Option<Fence<'a>>,
    /// What has to be opened again behind it.
    pub(super) open: Option<Open<'a>>,
    pub(super) behind: Behind<'a>,
}

/// What stands behind a cut.
#[derive(Debug, Clone, Copy)]
pub(super) enum Behind<'a> {
    /// The rest of a line, which has lost the marks of its quotes.
    Within(Quote, &'a str),
    /// What begins with a whole line.
    Lines(&'a str),
}

/// What a cut between `text` and `behind` parts, when `open` was open and the marks `lost` were missing before `text`.
pub(super) fn parted<'a>(open: Option<Open<'a>>, lost: Quote, text: &'a str, behind: &'a str) -> Parted<'a> {
    let mut lines = Lines::new(text, open, lost);
    let mut quote = lost;
    for line in lines.by_ref() {
        quote = line.quote;
    }
    let behind = line_end(text, behind).map_or(Behind::Within(quote, behind), Behind::Lines);
    let open = lines.open();
    let closed = open.and_then(Open::fence);
    Parted { closed, open: open.filter(|open| open.goes_on(behind)), behind }
}

/// What stands behind the end of the line between the two; `None` if they part a line. White space does not count.
fn line_end<'a>(text: &str, behind: &'a str) -> Option<&'a str> {
    if text.ends_with('\n') {
        return Some(behind);
    }
    let (left, lines) = line::first(behind);
    line::is_blank(left).then_some(lines)
}
