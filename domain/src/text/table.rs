//! Tables of Markdown (GitHub Flavored Markdown 0.29, section 4.10), as far as cutting needs to know them.

use alloc::string::String;

use super::limits::Limits;
use super::quote::Quote;

/// A table that goes on: its header and delimiter rows, to be repeated where it is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Table<'a> {
    /// The quotes around it: a line with other marks is none of its rows.
    quote: Quote,
    /// The marks that the head's first line has lost, because it was cut.
    lost: Quote,
    /// Both lines with the line break between them, and with the marks of their quotes.
    head: &'a str,
}

impl<'a> Table<'a> {
    pub(super) const fn new(quote: Quote, lost: Quote, head: &'a str) -> Self {
        Self { quote, lost, head }
    }

    /// Whether a line of these quotes with this in it is one of its rows.
    pub(super) fn goes_on_with(self, quote: Quote, content: &str) -> bool {
        quote == self.quote && is_row(content)
    }

    /// The table as it is opened again in a piece of these limits; not at all if its head is too long.
    pub(super) fn to_reopen(self, limits: Limits) -> Option<Self> {
        let fits = self.opening_chars() <= limits.half_chars() && self.opening_bytes() <= limits.half_bytes();
        fits.then_some(self)
    }

    /// Length of the head with its line break, in characters.
    pub(super) fn opening_chars(self) -> usize {
        self.head.chars().count().saturating_add(self.lost.chars()).saturating_add(1)
    }

    /// Length of the head with its line break, in bytes.
    pub(super) const fn opening_bytes(self) -> usize {
        self.head.len().saturating_add(self.lost.chars()).saturating_add(1)
    }

    pub(super) fn write_opening(self, text: &mut String) {
        self.lost.write(text);
        text.push_str(self.head);
        text.push('\n');
    }
}

/// Whether the line may be a row of a table: it has a cell's border.
pub(super) fn is_row(line: &str) -> bool {
    line.contains('|')
}

/// Whether the line is a delimiter row: `|---|:--:|`.
pub(super) fn is_delimiter(line: &str) -> bool {
    let line = line.trim();
    let cells = line.strip_prefix('|').unwrap_or(line);
    let cells = cells.strip_suffix('|').unwrap_or(cells);
    is_row(line)
        && cells.split('|').all(|cell| {
            let cell = cell.trim();
            let dashes = cell.strip_prefix(':').unwrap_or(cell);
            let dashes = dashes.strip_suffix(':').unwrap_or(dashes);
            !dashes.is_empty() && dashes.bytes().all(|byte| byte == b'-')
        })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::is_delimiter;

    #[rstest]
    #[case("|---|---|", true)]
    #[case("  | :-- | :-: | --: |\r", true)]
    #[case("---|---", true)]
    #[case("|---|", true)]
    #[case("---", false)]
    #[case("| a | - |", false)]
    #[case("|  |---|", false)]
    #[case("|", false)]
    #[case("", false)]
    fn a_delimiter_row_is_dashes_between_borders(#[case] line: &str, #[case] expected: bool) {
        assert_eq!(is_delimiter(line), expected);
    }
}
