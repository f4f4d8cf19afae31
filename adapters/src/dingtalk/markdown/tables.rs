//! Tables: where one begins and ends, whether it is shown as a table, and its rows as a list.

use switchboard_domain::notice::Notice;
use switchboard_domain::settings::Locale;

use super::blocks::{Group, Page};
use super::html_tables::HtmlTable;
use super::lists::item;
use super::{Dialect, Extent, Style};

/// A message that is shorter was not cut behind a table's row: its end is the table's end. In characters.
const CUT_CHARS_MIN: usize = 500;

/// A table whose list would be longer than this many times the table is written more shortly.
const LIST_FACTOR_MAX: usize = 2;
/// Characters of a small table's list that are always allowed.
const LIST_CHARS_MIN: usize = 400;
/// Between two cells of a row in a list.
const BETWEEN: &str = " · ";
/// The same where nothing may be added.
const TIGHT: &str = "·";
/// What stands for an empty cell beside its header.
const EMPTY: &str = "–";

/// Where a table stands in its text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// It may have begun in the message before: nothing stands before it.
    may_be_begun: bool,
    /// It may go on in the next message: the text is long, and nothing stands behind it.
    may_go_on: bool,
    /// It may go on below the card, which says that the answer does.
    may_go_on_below: bool,
}

impl Place {
    /// The place of a table that begins with line `at` and has `more` lines behind it.
    pub(super) fn of(lines: &[&str], at: usize, more: usize) -> Self {
        let says_something = |line: &&&str| !line.trim().is_empty();
        let before = lines.iter().take(at);
        let mut behind = lines.iter().skip(at.saturating_add(more).saturating_add(1)).filter(says_something);
        let (next, another) = (behind.next(), behind.next());
        let chars = lines.iter().map(|line| line.chars().count().saturating_add(1));
        let is_notice = |line: &&&str| {
            [Locale::En, Locale::ZhCn]
                .iter()
                .any(|locale| Notice::ContinuedBelow.text(*locale) == line.trim())
        };
        Self {
            may_be_begun: !before.into_iter().any(|line| says_something(&line)),
            may_go_on: next.is_none() && chars.sum::<usize>() >= CUT_CHARS_MIN,
            may_go_on_below: next.as_ref().is_some_and(is_notice) && another.is_none(),
        }
    }
}

/// How a table is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Table,
    /// A list whose items name each value.
    Named,
    /// A list of the rows, the head first.
    Short,
}

impl Shape {
    /// One table of an answer has one shape in all messages that it is cut into, although each is adapted alone: so what may be a
    /// part of a table is short wherever it stands.
    const fn of(style: Style, place: Place) -> Self {
        match style.dialect {
            Dialect::Card if place.may_go_on_below => Self::Short,
            Dialect::Card => Self::Table,
            Dialect::Message if style.lean || place.may_be_begun || place.may_go_on => Self::Short,
            Dialect::Message => Self::Named,
            Dialect::CloseMessage => Self::Short,
        }
    }
}

impl Page<'_> {
    /// A table: its head, its delimiter row, its rows.
    pub(super) fn table(&mut self, rows: &[&str], place: Place) {
        self.lists.leave();
        let adapted: Vec<_> =
            rows.iter().map(|row| self.inline.adapt(row.trim()).trim().to_owned()).collect();
        let list = match Shape::of(self.style, place) {
            Shape::Table => None,
            Shape::Named => Some(as_list(&adapted)),
            Shape::Short if self.style.lean => tight_list(&adapted),
            Shape::Short => Some(short_list(&adapted)),
        };
        // A table begins a block of its own whatever stands before it, and a list of rows does.
        self.gap |= self.last.is_some() && !self.style.lean;
        match list {
            Some(list) => {
                for line in list {
                    self.put(Group::List, &item(&line).unwrap_or(line));
                }
            }
            None => adapted.iter().for_each(|line| self.put(Group::Table, line)),
        }
        self.gap = !self.style.lean;
    }

    /// A table that was written in HTML, and what stands around it on its lines.
    pub(super) fn html_table(&mut self, table: &HtmlTable, place: Place) {
        if !table.before.is_empty() {
            self.line(&table.before);
        }
        self.table(&table.rows.iter().map(String::as_str).collect::<Vec<_>>(), place);
        if !table.after.is_empty() {
            self.line(&table.after);
        }
    }

    /// How many lines follow a table's first line; `None` where it is none, with its tags or without.
    pub(super) fn table_length(&self, line: &str, behind: &[&str]) -> Option<usize> {
        let rows = length(line, behind).filter(|_| !self.is_head_begun(behind))?;
        length(&self.inline.adapt(line.trim()), behind).map(|_| rows)
    }

    /// Whether the delimiter row of a table is still being written.
    fn is_head_begun(&self, behind: &[&str]) -> bool {
        self.extent == Extent::SoFar && behind.iter().skip(1).all(|line| line.trim().is_empty())
    }
}

/// How many lines follow the first line of a table; `None` where it is none.
pub(super) fn length(line: &str, behind: &[&str]) -> Option<usize> {
    let delimiter = behind.first()?;
    if !line.contains('|') || !is_delimiter(delimiter) || line.trim_start().starts_with('>') {
        return None;
    }
    let ends = |line: &str| ["```", "~~~", ">"].iter().any(|mark| line.trim_start().starts_with(mark));
    let rows = behind.iter().skip(1).take_while(|line| line.contains('|') && !ends(line)).count();
    Some(rows.saturating_add(1))
}

/// Whether the line is a delimiter row: `|---|:-:|`.
pub(super) fn is_delimiter(line: &str) -> bool {
    let cells = cells(line);
    let is_rule = |cell: &String| {
        let dashes = cell.strip_prefix(':').unwrap_or(cell);
        let dashes = dashes.strip_suffix(':').unwrap_or(dashes);
        !dashes.is_empty() && dashes.bytes().all(|byte| byte == b'-')
    };
    line.contains('|') && !cells.is_empty() && cells.iter().all(is_rule)
}

/// The cells of a row, trimmed; an escaped border is part of its cell.
fn cells(row: &str) -> Vec<String> {
    let row = row.trim();
    let row = row.strip_prefix('|').unwrap_or(row);
    let mut cells = vec![String::new()];
    let mut escaped = false;
    for character in row.chars() {
        if character == '|' && !escaped {
            cells.push(String::new());
        } else if let Some(cell) = cells.last_mut() {
            cell.push(character);
        }
        escaped = character == '\\' && !escaped;
    }
    if row.ends_with('|') && cells.last().is_some_and(|cell| cell.trim().is_empty()) {
        cells.pop();
    }
    cells.into_iter().map(|cell| cell.trim().to_owned()).collect()
}

/// A table as a list: `- header: value · header: value` for each row. The second line is the delimiter row.
fn as_list(lines: &[String]) -> Vec<String> {
    let mut rows = lines.iter();
    let head = rows.next().map(|head| cells(head)).unwrap_or_default();
    let rows: Vec<_> = rows.skip(1).map(|row| cells(row)).collect();
    let length: usize = lines.iter().map(|line| line.chars().count()).sum();
    let named: Vec<_> = rows.iter().map(|row| named(&head, row)).collect();
    let named_length: usize = named.iter().map(|line| line.chars().count()).sum();
    let is_short = named_length <= LIST_CHARS_MIN.max(LIST_FACTOR_MAX.saturating_mul(length));
    if is_short && !rows.is_empty() {
        return said(named);
    }
    short_list(lines)
}

/// The rows of a table as items, its head first. The second line is the delimiter row.
fn short_list(lines: &[String]) -> Vec<String> {
    said(without_delimiter(lines).map(|line| joined_with(BETWEEN, &filled(cells(line)))))
}

/// The same, where no item may be longer than its row; `None` where that cannot be.
fn tight_list(lines: &[String]) -> Option<Vec<String>> {
    let items = without_delimiter(lines).map(|line| {
        let cells = cells(line);
        let longest = line.chars().count();
        let ways = [
            joined_with(BETWEEN, &filled(cells.clone())),
            joined_with(TIGHT, &filled(cells.clone())),
            joined_with(TIGHT, &cells),
        ];
        ways.into_iter().find(|item| item.chars().count() <= longest)
    });
    items.collect::<Option<Vec<_>>>().map(said)
}

fn without_delimiter(lines: &[String]) -> impl Iterator<Item = &String> {
    lines.iter().take(1).chain(lines.iter().skip(2))
}

/// Cells with a sign in the place of each that is empty, unless all are.
fn filled(cells: Vec<String>) -> Vec<String> {
    if cells.iter().all(String::is_empty) {
        return cells;
    }
    let sign = |cell: String| if cell.is_empty() { EMPTY.to_owned() } else { cell };
    cells.into_iter().map(sign).collect()
}

/// The rows that say something.
fn said(rows: impl IntoIterator<Item = String>) -> Vec<String> {
    rows.into_iter().filter(|line| line.trim() != "-").collect()
}

fn named(head: &[String], row: &[String]) -> String {
    let count = head.len().max(row.len());
    let cell = |cells: &[String], at: usize| cells.get(at).cloned().unwrap_or_default();
    let cells = (0..count).map(|at| match (cell(head, at), cell(row, at)) {
        (name, value) if name.is_empty() => value,
        (name, value) if value.is_empty() => format!("{name}: {EMPTY}"),
        (name, value) => format!("{name}: {value}"),
    });
    joined(&cells.collect::<Vec<_>>())
}

fn joined(cells: &[String]) -> String {
    joined_with(BETWEEN, cells)
}

fn joined_with(between: &str, cells: &[String]) -> String {
    let cells: Vec<_> = cells.iter().filter(|cell| !cell.is_empty()).map(String::as_str).collect();
    format!("- {}", cells.join(between))
}
