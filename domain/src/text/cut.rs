//! Where to cut a text that is too long.

use alloc::vec::Vec;

use super::block::{Kind, Line, Lines, Open};
use super::cluster;
use super::fence::{self, CLOSING_CHARS_MAX, Fence};
use super::limits::Limits;
use super::line;
use super::quote::{self, Quote};
use super::spans::spans;
use crate::content;

/// How much of a line is looked at behind a window, however small that is: more marks than a fence can have.
const BEHIND_BYTES_MIN: usize = 64;

/// Where to cut `text`, at whose beginning `open` is open and the marks `lost` are missing, so that what stands before the cut
/// fits into `room` together with the closing line it needs. Never 0; the text's length where all of it fits.
pub(super) fn cut(text: &str, open: Option<Open<'_>>, lost: Quote, room: Limits) -> usize {
    let free = place(text, open, lost, room);
    if fits_closed(text, free, open, lost, room) {
        return free;
    }
    // The window is smaller by the longest closing line there is, so this one fits without asking again.
    place(text, open, lost, room.less(CLOSING_CHARS_MAX, CLOSING_CHARS_MAX))
}

fn fits_closed(text: &str, at: usize, open: Option<Open<'_>>, lost: Quote, room: Limits) -> bool {
    let content = text.get(..at).unwrap_or(text);
    fence::after(open.and_then(Open::fence), lost, content).is_none_or(|fence| {
        let closing = fence.closing_chars();
        room.less(closing, closing).fits(content)
    })
}

fn place(text: &str, open: Option<Open<'_>>, lost: Quote, room: Limits) -> usize {
    let window = room.window(text);
    if window == text.len() {
        return window;
    }
    let places = Places::find(text, open, lost, window);
    places.best(text, window).unwrap_or_else(|| last_resort(text, open.and_then(Open::fence), lost, window))
}

/// Inside a word, but not inside a character, not between the marks of a quote, and not where a part of a line would become a
/// fence, or close one, that the line did not. A run of marks too long for a fence stays one where it can.
fn last_resort(text: &str, fence: Option<Fence<'_>>, lost: Quote, window: usize) -> usize {
    // How the line goes on far behind the window changes little, and a line can be very long.
    let text = content::cut(text, window.saturating_mul(2).saturating_add(BEHIND_BYTES_MIN));
    let at = cluster::boundary_before(text, window);
    let places = || {
        core::iter::successors(Some(at), |at| place_before(text, *at))
            .take_while(|at| says_something(text, *at))
            .filter(|at| !quote::is_between_marks(text, *at))
    };
    let behind = |at: usize| text.get(at..).unwrap_or("");
    let plain = |at: &usize| !fence::looks_like_fence(behind(*at));
    let neutral = |at: &usize| parts_are_as_the_line(text, fence, lost, *at);
    places()
        .find(|at| plain(at) && neutral(at))
        .or_else(|| places().find(neutral))
        .or_else(|| places().find(plain))
        // Marks are shorter than any window.
        .unwrap_or_else(|| if quote::is_between_marks(text, at) { window } else { at })
}

/// Whether the two parts of the line that is cut here open and close together what the line does, and the second nothing.
fn parts_are_as_the_line(text: &str, fence: Option<Fence<'_>>, lost: Quote, at: usize) -> bool {
    let (before, behind) = text.split_at_checked(at).unwrap_or((text, ""));
    let start = before.rfind('\n').map_or(0, |end| end.saturating_add(1));
    let (first, second) = (text.get(start..at).unwrap_or(""), line::first(behind).0);
    let end = at.saturating_add(second.len());
    let open = fence::after(fence, lost, text.get(..start).unwrap_or(""));
    let lost = if start == 0 { lost } else { Quote::NONE };
    let whole = fence::after_line(open, lost, text.get(start..end).unwrap_or(""));
    let parted = fence::after_line(open, lost, first);
    let again = parted.map_or_else(|| Quote::parted(lost, first).0, Fence::quote);
    parted.is_some() == whole.is_some()
        && fence::after_line(parted, again, second).is_some() == parted.is_some()
}

/// Whether there is anything to read before this place: not at the beginning, nor inside an indent, whatever it is made of.
fn says_something(text: &str, at: usize) -> bool {
    text.get(..at).is_some_and(|before| !line::is_blank(before))
}

/// The place before this one, unless that is the beginning.
fn place_before(text: &str, at: usize) -> Option<usize> {
    let (start, _) = text.get(..at)?.char_indices().next_back()?;
    (start > 0).then(|| cluster::boundary_before(text, start)).filter(|before| *before < at)
}

/// The last place of each kind within the window, 0 where there is none.
#[derive(Debug, Clone, Copy, Default)]
struct Places {
    /// Between two blocks.
    block: usize,
    /// Before an item of a list.
    item: usize,
    /// Before an item of a list within a list.
    nested: usize,
    /// Before a row of a table.
    row: usize,
    /// Behind a line that ends a sentence.
    verse: usize,
    /// Behind a sentence.
    sentence: usize,
    line: usize,
    word: usize,
}

impl Places {
    /// The best place. A piece should be worth a message: an early place counts only when there is nothing better.
    fn best(&self, text: &str, window: usize) -> Option<usize> {
        let worth = |at: &usize| says_something(text, *at);
        let some = Some(self.block).filter(|at| *at > window / 5 && worth(at));
        let good = [self.item, self.row, self.nested, self.verse, self.sentence, self.line, self.word];
        let any = [self.block, self.line, self.word];
        some.or_else(|| good.into_iter().find(|at| *at > window / 3 && worth(at)))
            .or_else(|| any.into_iter().filter(worth).max())
    }

    fn find(text: &str, open: Option<Open<'_>>, lost: Quote, window: usize) -> Self {
        let mut places = Self::default();
        let mut before: Option<Line<'_>> = None;
        // Whether what was seen last must not stand alone at the end of a piece.
        let mut leads = true;
        for line in Lines::new(text, open, lost) {
            if let Some(before) = before.filter(|_| !leads) {
                places.between(&before, &line);
            }
            if line.start > window {
                break;
            }
            places.within(text, &line, window);
            if line.end() > window {
                break;
            }
            leads = leads_on(line.kind, leads);
            before = Some(line);
        }
        places
    }

    /// What a cut between these two lines would part.
    fn between(&mut self, before: &Line<'_>, line: &Line<'_>) {
        let at = before.end();
        if at == 0 {
            return;
        }
        self.line = at;
        match (before.kind, line.kind) {
            (Kind::Code | Kind::FenceStart, Kind::Code | Kind::FenceEnd) => {}
            // Another quote begins, or one ends, and with it whatever was open in it.
            (Kind::Code | Kind::FenceStart, _) => self.block = at,
            _ if before.quote != line.quote => self.block = at,
            (Kind::TableRow, Kind::TableRow) => self.row = at,
            (Kind::FenceEnd | Kind::TableRow | Kind::TableDelimiter, _)
            | (_, Kind::Blank | Kind::Heading | Kind::FenceStart | Kind::TableHead) => self.block = at,
            (_, Kind::Item { nested: false }) => self.item = at,
            (_, Kind::Item { nested: true }) => self.nested = at,
            (_, Kind::Code | Kind::FenceEnd | Kind::TableDelimiter | Kind::TableRow | Kind::Prose) => {
                let mut marks = before.text.trim_end().chars().rev();
                let (left, earlier) = (marks.next(), marks.next());
                let around = left.map(|left| Around { earlier, left, right: '\n' });
                if around.is_some_and(|around| around.ends_sentence()) {
                    self.verse = at;
                }
            }
        }
    }

    /// Looks for places inside a line: behind sentences, and in the last line behind words. A row of a table, code and
    /// headings are not cut where there is any other way.
    fn within(&mut self, text: &str, line: &Line<'_>, window: usize) {
        let last = line.end() > window;
        let code = line.kind == Kind::Code;
        let prose = matches!(line.kind, Kind::Prose | Kind::Item { .. });
        let fits = line.text.len() <= window;
        // Without what follows, its beginning would be one: "``` is `code`".
        let no_fence = prose && fence::looks_like_fence(line.text);
        if !(prose || (last && !(is_table(line.kind) && fits))) {
            return;
        }
        let marks = line.marks_bytes();
        let whole: Vec<_> = if code { Vec::new() } else { spans(line.text) };
        let mut whole = whole.into_iter().filter(|span| span.len() <= window).peekable();
        let (mut earlier, mut left) = (None, None);
        for (offset, right) in line.text.char_indices() {
            let at = line.start.saturating_add(offset);
            if at > window {
                break;
            }
            while whole.next_if(|span| span.end <= offset).is_some() {}
            let inside = whole.peek().is_some_and(|span| span.start < offset);
            if let Some(left) = left.filter(|_| !inside && offset > marks) {
                let around = Around { earlier, left, right };
                let sentence = !code && around.ends_sentence();
                let word = last && around.ends_word(code);
                let becomes_fence = || {
                    no_fence
                        && line
                            .text
                            .get(..offset)
                            .and_then(|part| Fence::opened_by(line.lost, part))
                            .is_some()
                };
                if (sentence || word) && is_safe(text, at) && !becomes_fence() {
                    if sentence {
                        self.sentence = at;
                    }
                    self.word = at;
                }
            }
            earlier = left;
            left = Some(right);
        }
    }
}

/// Whether a line of this kind leads on to the next one; a blank line does as the one before it.
const fn leads_on(kind: Kind, led: bool) -> bool {
    match kind {
        Kind::Blank => led,
        Kind::Heading | Kind::FenceStart | Kind::TableHead | Kind::TableDelimiter => true,
        Kind::Code | Kind::FenceEnd | Kind::TableRow | Kind::Item { .. } | Kind::Prose => false,
    }
}

const fn is_table(kind: Kind) -> bool {
    match kind {
        Kind::TableHead | Kind::TableDelimiter | Kind::TableRow => true,
        Kind::Blank
        | Kind::Heading
        | Kind::FenceStart
        | Kind::Code
        | Kind::FenceEnd
        | Kind::Item { .. }
        | Kind::Prose => false,
    }
}

fn is_safe(text: &str, at: usize) -> bool {
    cluster::is_boundary(text, at) && !text.get(at..).is_some_and(line::looks_like_block)
}

/// The characters around a possible cut: two before it, one behind.
struct Around {
    earlier: Option<char>,
    left: char,
    right: char,
}

impl Around {
    fn ends_sentence(&self) -> bool {
        let end = if is_closing(self.left) { self.earlier } else { Some(self.left) };
        match end {
            Some('。' | '！' | '？' | '…' | '；' | '｡') => {
                !is_closing(self.right) && !is_sentence_mark(self.right)
            }
            Some('!' | '?' | ';') => self.right.is_whitespace(),
            // "1. First" is a list, not a sentence.
            Some('.') => self.right.is_whitespace() && !self.earlier.is_some_and(|c| c.is_ascii_digit()),
            Some(_) | None => false,
        }
    }

    fn ends_word(&self, code: bool) -> bool {
        if is_gap(self.right) {
            return !is_gap(self.left);
        }
        // Between two ideographs there is no gap, but a line may break there, unless a punctuation mark would begin
        // or an opening bracket end it.
        !code
            && (is_ideographic(self.left) || is_ideographic(self.right))
            && !is_gap(self.left)
            && !is_closing(self.right)
            && !is_sentence_mark(self.right)
            && !is_opening(self.left)
    }
}

/// White space at which a line may break.
fn is_gap(character: char) -> bool {
    character.is_whitespace() && !matches!(character, '\u{00A0}' | '\u{2007}' | '\u{202F}')
}

fn is_sentence_mark(character: char) -> bool {
    matches!(
        character,
        '.' | '!' | '?' | ',' | ';' | ':' | '。' | '！' | '？' | '…' | '，' | '、' | '；' | '：'
    )
}

fn is_closing(character: char) -> bool {
    matches!(
        character,
        ')' | ']'
            | '}'
            | '"'
            | '\''
            | '”'
            | '’'
            | '）'
            | '」'
            | '』'
            | '】'
            | '》'
            | '〉'
            | '〕'
            | '*'
            | '_'
            | '`'
    )
}

fn is_opening(character: char) -> bool {
    matches!(
        character,
        '(' | '[' | '{' | '“' | '‘' | '（' | '「' | '『' | '【' | '《' | '〈' | '〔' | '*' | '_' | '`'
    )
}

fn is_ideographic(character: char) -> bool {
    matches!(
        character,
        '\u{2E80}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' | '\u{FF01}'..='\u{FF60}' | '\u{20000}'..='\u{3FFFF}'
    )
}
