//! Markdown as agents write it, made fit for what DingTalk shows (dingtalk §4.5, §6.8, §10.18). Pure functions.
//!
//! | written | on a card | in a plain message |
//! |---|---|---|
//! | a single line break in prose | a blank line: the only break that all sources agree on | two spaces, break, two spaces |
//! | a table, in Markdown or HTML | a table, set apart by blank lines; a list of its rows if it may go on below the card | a list, `- header: value · …`, or of its rows alone if it may be a part of a longer one: tables are not promised there |
//! | a code fence | a fence at the left margin | the same: where it is not drawn, the code is still unharmed and can be copied; an indent is promised no more than a fence |
//! | a fence behind the mark of an item | a fence at the left margin, below the item's number | the same |
//! | code in a quote | a fence in the quote, its code as it was | the same |
//! | an indented code block | a fence | a fence |
//! | a heading with a line under it | a heading with marks before it; three dashes are a rule | the same |
//! | HTML outside code | what Markdown can say (`<b>`, `<a>`, `<img>`, `<br>` …), other known tags are dropped, unknown ones like `<name>` are escaped: a raw tag may blank the card | the same, but `<font>` stays |
//! | an image that is written out in the text (`data:`) and was not uploaded | a sign with its description | the same |
//! | nested lists | two levels by indent, deeper ones on the second | the same |
//! | task lists | ☐ and ☑ | the same |
//! | `<https://…>`, `[text][id]` | `[…](…)`; a definition that is used up is dropped | the same |
//! | headings below the sixth level | the sixth | the same |
//!
//! One table of an answer looks the same in every message that it is cut into, although each message is adapted alone: its
//! shape follows from where it stands (`tables.rs`), and not from whether everything else fits.
//!
//! Footnotes, strikethrough and formulas stay as they are. A plain message that would become too long by all that is adapted
//! *close*: its line breaks are blank lines, as on a card, and its tables are lists of their rows. What is still too long is
//! adapted *lean*: nothing is added, not even the blank lines. All are idempotent, and none loses a word.

mod blocks;
mod fences;
mod html;
mod html_tables;
mod images;
mod inline;
mod links;
mod lists;
mod quotes;
#[cfg(feature = "fuzzing")]
pub mod readapt;
#[cfg(test)]
mod stories;
mod tables;
#[cfg(test)]
mod tests;
mod titles;
mod verbatim;

use blocks::Page;
pub(super) use images::image_addresses;

/// Most visible characters of a card (white space left out), as many as the reply's own limit allows, and most
/// characters in all: what makes cards blank is their content, not the breaks between (dingtalk §6.6).
const CARD_VISIBLE_CHARS_MAX: usize = 3_000;
const CARD_CHARS_MAX: usize = 4_500;

/// Rounds of adapting one text.
const ROUNDS_MAX: usize = 5;

/// Whether a text is shown for good or is being written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// All of it is there.
    Whole,
    /// More may come: what is unfinished at its end is not shown half.
    SoFar,
}

/// Where a text is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dialect {
    Card,
    Message,
    /// A message of so many lines or rows that it must be written more shortly: the other way of breaking a line that the
    /// platform promises (dingtalk §4.5), and tables as their rows alone.
    CloseMessage,
}

/// How a text is adapted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Style {
    dialect: Dialect,
    /// Nothing may be added.
    lean: bool,
}

/// The text as a card shows it.
pub(super) fn for_card(text: &str, extent: Extent) -> String {
    let fits = |adapted: &str| {
        let visible = adapted.chars().filter(|c| !c.is_whitespace()).count();
        visible <= CARD_VISIBLE_CHARS_MAX && adapted.chars().count() <= CARD_CHARS_MAX
    };
    fitted(text, &[Dialect::Card], extent, fits)
}

/// The text as a plain message shows it; `fits` says whether a text may be sent at all.
pub(super) fn for_message(text: &str, fits: impl Fn(&str) -> bool) -> String {
    fitted(text, &[Dialect::Message, Dialect::CloseMessage], Extent::Whole, fits)
}

/// The text in the first of these dialects in which it fits; lean in the last, where it fits in none.
fn fitted(text: &str, dialects: &[Dialect], extent: Extent, fits: impl Fn(&str) -> bool) -> String {
    let full = dialects.iter().map(|dialect| adapt(text, Style { dialect: *dialect, lean: false }, extent));
    full.into_iter().find(|full| fits(full)).unwrap_or_else(|| {
        let dialect = dialects.last().copied().unwrap_or(Dialect::Message);
        // A lean text is not longer than what it was made of.
        adapt(text, Style { dialect, lean: true }, extent)
    })
}

/// Adapts until nothing changes any more, which is at once but where tags stood inside of other marks.
fn adapt(text: &str, style: Style, extent: Extent) -> String {
    let mut adapted = adapt_once(text, style, extent);
    for _ in 1..ROUNDS_MAX {
        let again = adapt_once(&adapted, style, Extent::Whole);
        if again == adapted {
            break;
        }
        adapted = again;
    }
    adapted
}

fn adapt_once(text: &str, style: Style, extent: Extent) -> String {
    // All carriage returns before a line break belong to it: taken off one by one, they would go round by round.
    let lines: Vec<&str> = text.lines().map(|line| line.trim_end_matches('\r')).collect();
    let mut page = Page::new(style, extent, &lines);
    let mut at = 0;
    while at < lines.len() {
        at = page.block(&lines, at);
    }
    page.into_text()
}
