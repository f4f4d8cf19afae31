//! Cutting Markdown: every piece fits and says something, no character is lost, no fence is left open, and what a reader
//! sees as one character stays whole.

use std::collections::BTreeSet;

use switchboard_domain::text::{Limits, closed, head, split};
use unicode_segmentation::UnicodeSegmentation;

use super::markdown_lines::{Fence, closed_at_end, open_fence, open_table, opening, quoted};
use crate::bytes::Bytes;

/// Longest cluster that cutting promises to keep whole wherever it stands, in characters.
const CLUSTER_CHARS_MAX: usize = 16;

const BITS: [&str; 56] = [
    "word",
    " ",
    "\n",
    "\n\n",
    "\r\n",
    "```",
    "~~~",
    "`",
    "~",
    "````",
    "rust",
    "# ",
    "汉字",
    "。",
    "，",
    ". ",
    "👨\u{200D}👩\u{200D}👧",
    "🇨🇳",
    "e\u{301}",
    "👍🏽",
    "1\u{FE0F}\u{20E3}",
    "\u{1112}\u{1161}\u{11AB}",
    "\n```rust\n",
    "\n```\n",
    "\n~~~~ info\n",
    "\n~~~~\n",
    "    ",
    "- ",
    "longerwordwithoutanygap",
    "\u{A0}",
    "**",
    "_",
    "(",
    ")",
    "\n## Heading\n",
    "| a | b |\n",
    "   ```\n",
    "0123456789",
    "é",
    "\t",
    "\u{2028}",
    "…",
    "\u{200B}",
    "\n> ",
    "x",
    "Y.",
    "! ",
    "```py",
    "|---|---|\n",
    "\n| a | b |\n|---|:-:|\n",
    "| cell | cell |\n",
    "|",
    "--",
    "~~~~~~~~~~~~~~~~~",
    "``````````````````",
    "\n- item\n",
];

/// What else there is in quotes.
const QUOTED_BITS: [&str; 26] = [
    ">",
    "> ",
    "\n> ",
    "\n> ",
    "\n> ",
    "\n>\n",
    "\n> > ",
    "\n>> ",
    "\n>>>>> ",
    "\n  >   > ",
    "\n>       >     > ",
    "\n> ```py\n> ",
    "\n> ```\n",
    "\n>> ~~~~ info\n>> ",
    "\n>> ~~~~\n",
    "\n- > ```py\n  > ",
    "\n> - ```py\n>   ",
    "\n> 1. - ~~~\n",
    "\n- ```\n  ",
    "\n>   ```\n",
    "\n>     ",
    "\n> | a | b |\n> |---|---|\n",
    "> | cell | cell |\n",
    "\n> - item\n",
    "\n> ## Heading\n",
    "\t",
];

/// The target.
pub fn markdown_split(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let limits = limits(&mut bytes);
    let text = match bytes.byte() & 3 {
        0 => assembled(bytes.rest(), &[]),
        2 => assembled(bytes.rest(), &QUOTED_BITS),
        _ => bytes.rest_text(),
    };
    let pieces = split(&text, limits.0);
    for piece in &pieces {
        assert!(limits.holds(piece), "too long for {limits:?}: {piece:?}");
        assert!(!is_blank(piece), "a piece of these says nothing: {pieces:?}");
    }
    nothing_is_lost(&text, &pieces);
    if limits.holds(&text) {
        assert!(pieces.is_empty() && is_blank(&text) || pieces == [text.clone()], "cut for no reason");
    }
    if pieces.len() > 1 {
        for piece in &pieces {
            assert_eq!(open_fence(piece), None, "a fence is left open: {piece:?}");
        }
    }
    if !text.contains(['`', '~']) {
        clusters_stay_whole(&text, &pieces);
    }
    a_head_and_its_rest_are_the_whole(&text, &pieces, limits.0);
    assert_eq!(open_fence(&closed(&text)), None, "closing leaves a fence open");
    assert!(closed(&text).starts_with(&text));
}

fn assembled(choices: &[u8], more: &[&str]) -> String {
    let bits = || BITS.iter().chain(more);
    let count = bits().count();
    choices.iter().filter_map(|choice| bits().nth(usize::from(*choice) % count)).copied().collect()
}

/// Limits, and the numbers they were made of.
#[derive(Debug, Clone, Copy)]
struct Asked(Limits, usize, usize);

impl Asked {
    fn holds(self, text: &str) -> bool {
        text.chars().count() <= self.1 && text.len() <= self.2
    }
}

impl Asked {
    fn new(chars: usize, bytes: usize) -> Self {
        Self(Limits::new(chars, bytes), chars.max(Limits::CHARS_MIN), bytes.max(Limits::BYTES_MIN))
    }
}

fn limits(bytes: &mut Bytes<'_>) -> Asked {
    let chars = usize::from(bytes.byte());
    let bytes_max = if bytes.flag() { usize::MAX } else { 2 * usize::from(bytes.byte()) };
    Asked::new(chars, bytes_max)
}

fn is_blank(text: &str) -> bool {
    text.trim().is_empty()
}

/// Every character but white space stands in the pieces, once and in order. A piece may have a few things more: in front the
/// opening line of a fence or the head of a table, if that stood open at the end of the piece before, and the marks of its
/// quotes before the rest of a line that was cut; at its end the closing line of a fence. A cut may drop lines that are empty
/// but for the marks of quotes, and one that closed a fence may drop the fence's own closing line, if that comes next.
fn nothing_is_lost(text: &str, pieces: &[String]) {
    let wanted = Visible::of(text);
    let mut reached = BTreeSet::from([0]);
    let mut before: Option<&str> = None;
    for piece in pieces {
        let lines: Vec<&str> = piece.split('\n').collect();
        let closed = closed_at_end(piece);
        let mut next = BTreeSet::new();
        for added_in_front in [0, opened_again(before, piece)] {
            for added_at_end in [0, usize::from(closed.is_some())] {
                let own =
                    lines.get(added_in_front..lines.len() - added_at_end).unwrap_or_default().join("\n");
                for at in &reached {
                    let marks = if wanted.is_within_line(*at) { marks_at_end(before) } else { 0 };
                    let own = Visible::of(without_marks(&own, marks).unwrap_or_default());
                    if !wanted.chars[*at..].starts_with(&own.chars) {
                        continue;
                    }
                    let end = at + own.chars.len();
                    let own_closing =
                        closed.filter(|_| added_at_end == 1).and_then(|it| wanted.closing(end, it));
                    next.extend([end].into_iter().chain(own_closing).flat_map(|end| wanted.empty_lines(end)));
                }
            }
        }
        assert!(!next.is_empty(), "something is lost or added in {piece:?}, or before it");
        (reached, before) = (next, Some(piece.as_str()));
    }
    assert!(reached.contains(&wanted.chars.len()), "the end is lost");
}

/// A text without its white space, and the line of each character.
struct Visible {
    chars: Vec<char>,
    lines: Vec<usize>,
}

impl Visible {
    fn of(text: &str) -> Self {
        let lines = text.split('\n').enumerate();
        let chars = lines.flat_map(|(number, line)| line.chars().map(move |character| (character, number)));
        let (chars, lines) = chars.filter(|(character, _)| !character.is_whitespace()).unzip();
        Self { chars, lines }
    }

    /// Whether there is something on the same line before this place and behind it.
    fn is_within_line(&self, at: usize) -> bool {
        at > 0 && self.lines.get(at) == Some(&self.lines[at - 1])
    }

    /// What there is to see of the line that begins here.
    fn line(&self, at: usize) -> &[char] {
        let rest = &self.lines[at..];
        let length = rest.iter().take_while(|line| Some(*line) == rest.first()).count();
        if self.is_within_line(at) { &[] } else { &self.chars[at..at + length] }
    }

    /// Where a line ends that stands here, has nothing in it but marks, and closes this fence.
    fn closing(&self, at: usize, fence: Fence<'_>) -> Option<usize> {
        let line = self.line(at);
        let (quote, marks) = line.split_at_checked(fence.depth)?;
        let closes = quote.iter().all(|it| *it == '>') && marks.iter().all(|it| *it == fence.mark);
        (closes && marks.len() >= fence.marks).then_some(at + line.len())
    }

    /// This place, and those behind the lines that follow here and are empty but for the marks of quotes.
    fn empty_lines(&self, at: usize) -> Vec<usize> {
        let mut places = vec![at];
        let mut end = at;
        while !self.line(end).is_empty() && self.line(end).iter().all(|it| *it == '>') {
            end += self.line(end).len();
            places.push(end);
        }
        places
    }
}

/// How many lines at the beginning of a piece say again what stood open at the end of the piece before.
fn opened_again(before: Option<&str>, piece: &str) -> usize {
    let Some(before) = before else { return 0 };
    let mut lines = piece.split('\n');
    let (first, second) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    if let (Some(closed), Some(again)) = (closed_at_end(before), opening(first)) {
        return usize::from(again == closed || again == Fence { info: "", ..closed });
    }
    let is_head = open_table(before).is_some_and(|(head, delimiter)| {
        (head.trim_end(), delimiter.trim_end()) == (first.trim_end(), second.trim_end())
    });
    if is_head { 2 } else { 0 }
}

/// How many quotes are around the end of this piece, before its last line is closed.
fn marks_at_end(piece: Option<&str>) -> usize {
    let last = piece.and_then(|piece| piece.split('\n').next_back()).unwrap_or_default();
    piece.and_then(closed_at_end).map_or(quoted(last).0, |fence| fence.depth)
}

/// A text whose first line has got so many marks, without them.
fn without_marks(text: &str, marks: usize) -> Option<&str> {
    if marks == 0 { Some(text) } else { text.strip_prefix(&format!("{} ", ">".repeat(marks))) }
}

/// Asks the standard (UAX 29) where a cut may not lie, and looks for the pieces in the text, cut elsewhere alone. Where lines
/// are like one another, a piece may stand in several places: one way through is enough.
fn clusters_stay_whole(text: &str, pieces: &[String]) {
    let inside = inside_of_clusters(text);
    let mut reached = BTreeSet::from([0]);
    let mut before: Option<&str> = None;
    for piece in pieces {
        // What looks like a head that is said again may be the table's own.
        let own = [0, opened_again(before, piece)].map(|added| piece.splitn(1 + added, '\n').nth(added));
        let bare = own.map(|own| own.and_then(|own| without_marks(own, marks_at_end(before))));
        let forms: BTreeSet<&str> = own.into_iter().chain(bare).flatten().collect();
        let place = |(at, form): (usize, &str)| {
            let start = at + text[at..].find(form)?;
            let end = start + form.len();
            let is_next = text[at..start].chars().all(|c| c == '>' || c.is_whitespace());
            (is_next && !inside.contains(&start) && !inside.contains(&end)).then_some(end)
        };
        let ways = reached.iter().flat_map(|at| forms.iter().map(|form| (*at, *form)));
        reached = ways.filter_map(place).collect();
        assert!(!reached.is_empty(), "a character is cut, or out of order, before or in {piece:?}");
        before = Some(piece);
    }
}

/// The places within what a reader sees as one character, as far as it is promised to stay whole.
fn inside_of_clusters(text: &str) -> BTreeSet<usize> {
    let clusters = text.grapheme_indices(true);
    let promised =
        clusters.filter(|(_, cluster)| cluster.chars().count() <= CLUSTER_CHARS_MAX && is_promised(cluster));
    promised.flat_map(|(start, cluster)| start + 1..start + cluster.len()).collect()
}

/// Marks of rarer scripts are not told apart from letters; what is promised is told in `domain/src/text/cluster.rs`.
fn is_promised(cluster: &str) -> bool {
    let is_common = |c: char| {
        matches!(c,
            '\0'..='\u{36F}' | '\u{200D}' | '\u{20E3}' | '\u{FE0F}' | '\u{1100}'..='\u{11FF}' | '\u{4E00}'..='\u{9FFF}'
            | '\u{AC00}'..='\u{D7A3}' | '\u{1F1E6}'..='\u{1F1FF}' | '\u{1F300}'..='\u{1F5FF}' | '\u{1F600}'..='\u{1F64F}'
        )
    };
    // White space at a cut goes, whatever is joined to it.
    cluster.chars().all(is_common) && !cluster.starts_with(char::is_whitespace)
}

fn a_head_and_its_rest_are_the_whole(text: &str, pieces: &[String], limits: Limits) {
    let head = head(text, limits);
    let mut same: Vec<String> =
        Some(head.first.into_owned()).into_iter().filter(|it| !is_blank(it)).collect();
    same.extend(head.rest.into_iter().flat_map(|rest| rest.split(limits)));
    assert_eq!(same, pieces);
}
