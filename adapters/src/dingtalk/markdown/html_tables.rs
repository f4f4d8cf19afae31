//! Tables written in HTML, as tables of Markdown.

use super::html::tag;
use super::inline::code_length;

/// Most lines of a table that are looked at.
const LINES_MAX: usize = 500;

/// A table that was written in HTML.
pub(super) struct HtmlTable {
    /// What it says before its first row: its caption.
    pub(super) before: String,
    /// Its head, its delimiter row, its rows.
    pub(super) rows: Vec<String>,
    /// What stands behind it on its last line.
    pub(super) after: String,
    /// How many lines it has behind its first.
    pub(super) more: usize,
}

/// The table that begins with this line; `None` where none does, or it does not end, or has another within it, or no row.
/// A tight one is not longer than it was.
pub(super) fn table(line: &str, behind: &[&str], tight: bool) -> Option<HtmlTable> {
    let first = tag(line.trim_start()).filter(|tag| tag.is("table") && !tag.closing)?;
    let ends = |line: &&str| line.to_ascii_lowercase().contains("</table>");
    let more = std::iter::once(&line).chain(behind).take(LINES_MAX).position(ends)?;
    let lines = std::iter::once(line.trim_start()).chain(behind.iter().copied().take(more));
    let text = lines.collect::<Vec<_>>().join("\n");
    let mut reader = Reader::default();
    let mut rest = text.get(first.bytes..)?;
    loop {
        let next = rest.chars().next()?;
        let tag = tag(rest).filter(|_| next == '<');
        if let Some(tag) = tag {
            match tag.name.to_ascii_lowercase().as_str() {
                "table" if tag.closing => {
                    let after = rest.get(tag.bytes..)?.trim().to_owned();
                    return reader.into_table(after, more, tight);
                }
                "table" => return None,
                "tr" | "thead" | "tbody" | "tfoot" => {
                    reader.row(tag.name.eq_ignore_ascii_case("tr") && !tag.closing);
                }
                "td" | "th" => reader.cell(!tag.closing),
                "caption" | "colgroup" | "col" => reader.write(" "),
                _ => reader.write(rest.get(..tag.bytes)?),
            }
            rest = rest.get(tag.bytes..)?;
            continue;
        }
        let taken = match next {
            '`' => code_length(rest),
            '<' => comment_length(rest).unwrap_or(1),
            other => other.len_utf8(),
        };
        let written = rest.get(..taken)?;
        if !written.starts_with("<!--") {
            reader.write(written);
        }
        rest = rest.get(taken..)?;
    }
}

fn comment_length(text: &str) -> Option<usize> {
    let inside = text.strip_prefix("<!--")?;
    inside.find("-->").map(|length| length.saturating_add("<!---->".len()))
}

/// What has been read of a table.
#[derive(Default)]
struct Reader {
    before: String,
    rows: Vec<Vec<String>>,
    /// Words between two rows, where there should be none.
    between: String,
    in_cell: bool,
}

impl Reader {
    /// A row ends, and another one begins or does not.
    fn row(&mut self, begins: bool) {
        self.in_cell = false;
        let between = std::mem::take(&mut self.between);
        if !between.trim().is_empty() {
            self.rows.push(vec![between]);
        }
        if begins {
            self.rows.push(Vec::new());
        }
    }

    /// A cell begins, or ends.
    fn cell(&mut self, begins: bool) {
        self.in_cell = begins;
        if !begins {
            return;
        }
        if self.rows.is_empty() || !self.between.trim().is_empty() {
            self.row(true);
        }
        self.in_cell = true;
        if let Some(row) = self.rows.last_mut() {
            row.push(String::new());
        }
    }

    fn write(&mut self, text: &str) {
        if self.rows.is_empty() {
            self.before.push_str(text);
        } else if let Some(cell) =
            self.rows.last_mut().and_then(|row| row.last_mut()).filter(|_| self.in_cell)
        {
            cell.push_str(text);
        } else {
            self.between.push_str(text);
        }
    }

    fn into_table(mut self, after: String, more: usize, tight: bool) -> Option<HtmlTable> {
        self.row(false);
        self.rows.retain(|row| !row.is_empty());
        let columns = self.rows.iter().map(Vec::len).max()?;
        let mut rows: Vec<String> = Vec::with_capacity(self.rows.len().saturating_add(1));
        for (index, cells) in self.rows.iter().enumerate() {
            // Clients leave out what a row has more than the head.
            let count = if index == 0 { columns } else { cells.len() };
            rows.push(row((0..count).map(|at| cell(cells.get(at).map_or("", String::as_str), tight)), tight));
            if index == 0 {
                let rule = if tight { "-" } else { "---" };
                rows.push(format!("|{}", format!("{rule}|").repeat(columns)));
            }
        }
        Some(HtmlTable { before: words(&self.before), rows, after, more })
    }
}

fn row(cells: impl Iterator<Item = String>, tight: bool) -> String {
    let gap = if tight { "" } else { " " };
    let cells: String =
        cells.flat_map(|cell| [gap.to_owned(), cell, gap.to_owned(), "|".to_owned()]).collect();
    format!("|{cells}")
}

/// A cell on one line; a border within it is escaped, or made another sign where nothing may be added.
fn cell(text: &str, tight: bool) -> String {
    words(text).replace('|', if tight { "¦" } else { "\\|" })
}

fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
