//! Where to cut a text that is too long.

use super::cluster;
use super::fence::{self, CLOSING_CHARS_MAX, Fence};
use super::limits::Limits;
use super::line;

/// Where to cut `text`, of which `open` is the fence open at its beginning, so that what stands before the cut fits
/// into `room` together with the closing line it needs. Never 0; the text's length where all of it fits.
pub(super) fn cut(text: &str, open: Option<Fence<'_>>, room: Limits) -> usize {
    let free = place(text, open, room);
    if fits_closed(text, free, open, room) {
        return free;
    }
    // The window is smaller by the longest closing line there is, so this one fits without asking again.
    place(text, open, room.less(CLOSING_CHARS_MAX, CLOSING_CHARS_MAX))
}

fn fits_closed(text: &str, at: usize, open: Option<Fence<'_>>, room: Limits) -> bool {
    let content = text.get(..at).unwrap_or(text);
    fence::after(open, content).is_none_or(|fence| {
        let closing = fence.closing_chars();
        room.less(closing, closing).fits(content)
    })
}

fn place(text: &str, open: Option<Fence<'_>>, room: Limits) -> usize {
    let window = room.window(text);
    if window == text.len() {
        return window;
    }
    let places = Places::find(text, open, window);
    // A piece should be worth a message: early places count only when there is nothing better.
    let enough = window / 3;
    let good = [places.paragraph, places.line, places.sentence, places.word];
    let any = [places.line, places.word];
    let worth = |at: &usize| says_something(text, *at);
    let chosen =
        good.into_iter().find(|at| *at > enough && worth(at)).or_else(|| any.into_iter().find(worth));
    chosen.unwrap_or_else(|| last_resort(text, window))
}

/// Inside a word, but not inside a character, and not where what follows would become a fence that it was not. A run of
/// marks too long for a fence stays one where it can.
fn last_resort(text: &str, window: usize) -> usize {
    let at = cluster::boundary_before(text, window);
    let places = || {
        core::iter::successors(Some(at), |at| place_before(text, *at))
            .take_while(|at| says_something(text, *at))
    };
    let behind = |at: usize| text.get(at..).unwrap_or("");
    places()
        .find(|at| !fence::looks_like_fence(behind(*at)))
        .or_else(|| places().find(|at| Fence::opened_by(line::first(behind(*at)).0).is_none()))
        .unwrap_or(at)
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
    paragraph: usize,
    line: usize,
    sentence: usize,
    word: usize,
}

impl Places {
    fn find(text: &str, open: Option<Fence<'_>>, window: usize) -> Self {
        let mut places = Self::default();
        let mut open = open;
        let mut start = 0_usize;
        // Where the line before ended, unless a cut there would leave a heading or an opening fence behind.
        let mut before = None;
        for whole in text.split_inclusive('\n') {
            let content = whole.strip_suffix('\n').unwrap_or(whole);
            let end = start.saturating_add(content.len());
            let opens = open.is_none() && Fence::opened_by(content).is_some();
            let blank = line::is_blank(content);
            if let Some(at) = before
                && open.is_none()
                && (opens || blank || line::is_heading(content))
            {
                places.paragraph = at;
            }
            if end > window {
                if start < window {
                    places.within_line(text, start, window, open.is_some());
                }
                break;
            }
            let closes = open.is_some_and(|fence| fence.is_closed_by(content));
            open = fence::after_line(open, content);
            let leaves_alone =
                opens || (open.is_none() && (line::is_heading(content) || (blank && before.is_none())));
            before = (!leaves_alone && end > 0).then_some(end);
            if let Some(at) = before {
                places.line = at;
                if closes {
                    places.paragraph = at;
                }
            }
            start = start.saturating_add(whole.len());
        }
        places
    }

    /// Looks for places inside the line that does not fit any more.
    fn within_line(&mut self, text: &str, start: usize, window: usize, code: bool) {
        let Some(line) = text.get(start..) else { return };
        let mut earlier = None;
        let mut left = None;
        for (offset, right) in line.char_indices() {
            let at = start.saturating_add(offset);
            if at > window {
                break;
            }
            if let Some(left) = left {
                let around = Around { earlier, left, right };
                let sentence = !code && around.ends_sentence();
                let word = around.ends_word(code);
                if (sentence || word) && is_safe(text, at) {
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

fn is_safe(text: &str, at: usize) -> bool {
    cluster::is_boundary(text, at) && !text.get(at..).is_some_and(fence::looks_like_fence)
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
            Some('。' | '！' | '？' | '…') => !is_closing(self.right) && !is_sentence_mark(self.right),
            Some('!' | '?') => self.right.is_whitespace(),
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
