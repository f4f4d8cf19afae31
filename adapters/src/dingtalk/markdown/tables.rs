//! Tables: where one begins and ends, and its rows as a list for plain messages.

/// A table whose list would be longer than this many times the table is written more shortly.
const LIST_FACTOR_MAX: usize = 2;
/// Characters of a small table's list that are always allowed.
const LIST_CHARS_MIN: usize = 400;
/// Between two cells of a row in a list.
const BETWEEN: &str = " · ";
/// What stands for an empty cell beside its header.
const EMPTY: &str = "–";

/// How many lines follow the first line of a table; `None` where it is none.
pub(super) fn length(line: &str, behind: &[&str]) -> Option<usize> {
    let delimiter = behind.first()?;
    if !line.contains('|') || !is_delimiter(delimiter) || line.trim_start().starts_with('>') {
        return None;
    }
    let fence = |line: &str| line.trim_start().starts_with("```") || line.trim_start().starts_with("~~~");
    let rows = behind.iter().skip(1).take_while(|line| line.contains('|') && !fence(line)).count();
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
pub(super) fn as_list(lines: &[String]) -> Vec<String> {
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
    said(std::iter::once(&head).chain(&rows).map(|row| joined(row)))
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
    let cells: Vec<_> = cells.iter().filter(|cell| !cell.is_empty()).map(String::as_str).collect();
    format!("- {}", cells.join(BETWEEN))
}
