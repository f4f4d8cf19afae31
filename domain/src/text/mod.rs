//! Long Markdown cut to what a platform can show, without breaking characters or code.
//!
//! [`split`] makes plain messages of an answer, [`head`] what fits into a card and the rest. Both cut where a reader
//! would: between blocks, else items of a list, rows of a table, sentences, lines, words, and only as a last resort
//! inside a word; not inside a link, an image or code between backticks that fits, and not behind a heading. A code
//! fence that is open at a cut is closed there and opened again in the next piece; a table gets its head again. All that
//! holds in block quotes too, whose marks stand before what is added, and before the rest of a line that was cut.

mod block;
mod closed;
mod cluster;
mod cut;
mod fence;
mod limits;
mod line;
mod pictures;
mod quote;
#[cfg(test)]
mod quoted;
#[cfg(test)]
mod shapes;
mod spans;
mod table;
#[cfg(test)]
mod tests;
mod unseen;
mod visible;

pub use closed::closed;
pub use limits::Limits;
pub use pictures::{DATA_BYTES_MAX, presentable, without_data};
pub use unseen::{is_unseen, plain_name};
pub use visible::{says_something, with_newlines};

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use block::{Behind, Open, Parted};
use cut::cut;
use fence::{Fence, Within};
use quote::Quote;

/// What fits into one card or message, and what does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head<'a> {
    /// What fits; the text itself where all of it does.
    pub first: Cow<'a, str>,
    /// What does not.
    pub rest: Option<Rest<'a>>,
}

/// The part of a text behind a cut. It remembers the code fence or the table that was open there, and the quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rest<'a> {
    text: &'a str,
    open: Option<Open<'a>>,
    /// The marks of quotes that the first line has lost, because it was cut.
    lost: Quote,
}

/// Cuts a text into pieces that fit. No piece is blank; a text of nothing but white space has none.
///
/// Nothing is lost but white space at the cuts. A text that fits is one piece, untouched.
#[must_use]
pub fn split(text: &str, limits: Limits) -> Vec<String> {
    let head = head(text, limits);
    let mut pieces = Vec::new();
    if !line::is_blank(&head.first) {
        pieces.push(head.first.into_owned());
    }
    if let Some(rest) = head.rest {
        pieces.extend(rest.split(limits));
    }
    pieces
}

/// What of a text fits, and the rest. Looks at no more of the text than fits, and copies nothing where all of it does.
#[must_use]
pub fn head(text: &str, limits: Limits) -> Head<'_> {
    if limits.fits(text) {
        return Head { first: Cow::Borrowed(text), rest: None };
    }
    let Some(start) = Rest::at_line(line::skip_blank_lines(text), None).unless_blank() else {
        return Head { first: Cow::Borrowed(""), rest: None };
    };
    let (piece, rest) = start.next_piece(limits);
    Head { first: piece.into_text(), rest }
}

/// A line cut to at most `chars_max` characters, an ellipsis included.
pub(crate) fn shortened(line: &str, chars_max: usize) -> String {
    if line.char_indices().nth(chars_max).is_none() {
        return String::from(line);
    }
    let end = line.char_indices().nth(chars_max.saturating_sub(1)).map_or(line.len(), |(at, _)| at);
    let kept = line.get(..cluster::boundary_before(line, end)).unwrap_or("").trim_end();
    alloc::format!("{kept}…")
}

impl<'a> Rest<'a> {
    /// Cuts the rest into pieces that fit; the first one opens again what was open at the cut.
    #[must_use]
    pub fn split(self, limits: Limits) -> Vec<String> {
        self.pieces(limits).into_iter().map(|piece| piece.into_text().into_owned()).collect()
    }

    fn pieces(self, limits: Limits) -> Vec<Piece<'a>> {
        let mut pieces = Vec::new();
        let mut rest = self.unless_blank();
        while let Some(this) = rest {
            let (piece, next) = this.next_piece(limits);
            pieces.push(piece);
            rest = next;
        }
        pieces
    }

    /// The first piece, never blank, and what is left, which is always shorter.
    fn next_piece(self, limits: Limits) -> (Piece<'a>, Option<Self>) {
        let opened = self.open.and_then(|open| open.to_reopen(limits));
        let room = self.lost.room_in(opened.map_or(limits, |open| open.room_in(limits)));
        let at = cut(self.text, opened, self.lost, room);
        let (content, behind) = self.text.split_at_checked(at).unwrap_or((self.text, ""));
        let parted = block::parted(opened, self.lost, content, behind);
        let trimmed = match parted.behind {
            Behind::Within(..) => content.trim_end(),
            Behind::Lines(_) => quote::trim_end(content),
        };
        let fence = opened.and_then(Open::fence);
        // The blank line that ended a fence in a quote stays.
        let is_needed = parted.closed.is_some() || fence::after(fence, self.lost, trimmed).is_some();
        let content = if is_needed { content } else { trimmed };
        let piece = Piece { opened, lost: self.lost, content, closed: parted.closed };
        (piece, Self::behind(parted).unless_blank())
    }

    /// What goes on behind a cut. The closing line of a fence that was open there is dropped, because the cut closed it; the
    /// rest of a line is no closing line, whatever it looks like.
    fn behind(parted: Parted<'a>) -> Self {
        match (parted.open, parted.behind) {
            (Some(Open::Fence(fence)), Behind::Lines(lines)) => {
                let (first, after) = line::first(lines);
                match fence.meets(Quote::NONE, first) {
                    Within::Closing => Self::at_line(line::skip_empty_lines(after), None),
                    Within::Code | Within::Outside => Self::at_line(lines, parted.open),
                }
            }
            (Some(Open::Table(_)), Behind::Lines(lines)) => Self::at_line(lines, parted.open),
            (None, Behind::Lines(lines)) => Self::at_line(line::skip_empty_lines(lines), None),
            (open @ Some(_), Behind::Within(lost, text)) => Self { text, open, lost },
            (None, Behind::Within(lost, text)) => Self { text: text.trim_start(), open: None, lost },
        }
    }

    const fn at_line(text: &'a str, open: Option<Open<'a>>) -> Self {
        Self { text, open, lost: Quote::NONE }
    }

    fn unless_blank(self) -> Option<Self> {
        if line::is_blank(self.text) { None } else { Some(self) }
    }
}

/// One piece before it is put together: a part of the text between an opening and a closing of ours.
#[derive(Debug, Clone, Copy)]
struct Piece<'a> {
    opened: Option<Open<'a>>,
    lost: Quote,
    content: &'a str,
    closed: Option<Fence<'a>>,
}

impl<'a> Piece<'a> {
    fn into_text(self) -> Cow<'a, str> {
        if self.opened.is_none() && self.closed.is_none() && self.lost == Quote::NONE {
            return Cow::Borrowed(self.content);
        }
        let mut text = String::with_capacity(self.content.len().saturating_add(2 * fence::CLOSING_CHARS_MAX));
        if let Some(open) = self.opened {
            open.write_opening(&mut text);
        }
        self.lost.write(&mut text);
        text.push_str(self.content);
        if let Some(fence) = self.closed {
            if !text.ends_with('\n') {
                text.push('\n');
            }
            fence.write_closing(&mut text);
        }
        Cow::Owned(text)
    }
}
