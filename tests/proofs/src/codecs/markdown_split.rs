//! Cutting Markdown: every piece fits and says something, no character is lost, no fence is left open, and what a reader
//! sees as one character stays whole.

use std::collections::BTreeSet;

use switchboard_domain::text::{Limits, closed, head, split};
use unicode_segmentation::UnicodeSegmentation;

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

/// The target.
pub fn markdown_split(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let limits = limits(&mut bytes);
    let text = if bytes.flag() {
        bytes.rest_text()
    } else {
        bytes.rest().iter().map(|byte| BITS[usize::from(*byte) % BITS.len()]).collect()
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

/// Every character but white space stands in the pieces, once and in order. A piece may have three things more: in front
/// the opening line of a fence or the head of a table, if that stood open at the end of the piece before; at its end the
/// closing line of a fence. A cut that closed a fence may drop the fence's own closing line, if that comes next.
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
                let own = lines.get(added_in_front..lines.len() - added_at_end).unwrap_or_default();
                let own = Visible::of(&own.join("\n"));
                for at in reached.iter().filter(|at| wanted.chars[**at..].starts_with(&own.chars)) {
                    let end = at + own.chars.len();
                    next.insert(end);
                    let own_closing =
                        closed.filter(|_| added_at_end == 1).and_then(|it| wanted.closing(end, it));
                    next.extend(own_closing);
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

    /// Where a line ends that stands here, has nothing in it but marks, and closes this fence.
    fn closing(&self, at: usize, (mark, marks, _): (char, usize, &str)) -> Option<usize> {
        let line = self.lines.get(at)?;
        let whole = self.lines[at..].iter().take_while(|other| *other == line).count();
        let begins = at == 0 || self.lines[at - 1] != *line;
        let is_marks = self.chars[at..].iter().take(whole).all(|character| *character == mark);
        (begins && is_marks && whole >= marks).then_some(at + whole)
    }
}

/// How many lines at the beginning of a piece say again what stood open at the end of the piece before.
fn opened_again(before: Option<&str>, piece: &str) -> usize {
    let Some(before) = before else { return 0 };
    let mut lines = piece.split('\n');
    let (first, second) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    if let (Some((mark, marks, info)), Some(again)) = (closed_at_end(before), fence(first)) {
        return usize::from(again == (mark, marks, info) || again == (mark, marks, ""));
    }
    let is_head = open_table(before).is_some_and(|(head, delimiter)| {
        (head.trim_end(), delimiter.trim_end()) == (first.trim_end(), second.trim_end())
    });
    if is_head { 2 } else { 0 }
}

/// The head and the delimiter row of a table that reaches to the end of this text.
fn open_table(text: &str) -> Option<(&str, &str)> {
    let lines: Vec<&str> = text.split('\n').collect();
    let is_row = |line: &&&str| line.contains('|') && open_behind(None, line).is_none();
    let rows = lines.iter().rev().take_while(is_row).count();
    // A heading is no head, whatever borders it has.
    let is_heading = |line: &str| {
        let behind = line.trim_start_matches('#');
        (1..=6).contains(&(line.len() - behind.len())) && behind.starts_with(char::is_whitespace)
    };
    let is_head = |pair: &&[&str]| is_delimiter(pair[1]) && !is_heading(pair[0]);
    let mut heads = lines[lines.len() - rows..].windows(2).filter(is_head);
    heads.next().map(|pair| (pair[0], pair[1]))
}

fn is_delimiter(line: &str) -> bool {
    let cells: Vec<&str> = line.trim().split('|').map(str::trim).collect();
    let (first, last) =
        (cells.first().is_some_and(|cell| cell.is_empty()), cells.last().is_some_and(|cell| cell.is_empty()));
    let inner = &cells[usize::from(first)..cells.len().max(1) - usize::from(last && cells.len() > 1)];
    let is_rule = |cell: &&str| {
        let dashes = cell.strip_prefix(':').unwrap_or(cell);
        let dashes = dashes.strip_suffix(':').unwrap_or(dashes);
        !dashes.is_empty() && dashes.chars().all(|character| character == '-')
    };
    line.contains('|') && !inner.is_empty() && inner.iter().all(is_rule)
}

/// Mark, number of marks and info string of a line that looks like a fence: up to eight blanks (those in lists count
/// too), and three or more equal marks.
fn fence(line: &str) -> Option<(char, usize, &str)> {
    let bare = line.trim_start_matches(' ');
    let mark = bare.chars().next().filter(|mark| *mark == '`' || *mark == '~')?;
    let marks = bare.chars().take_while(|c| *c == mark).count();
    let is_indented_code = line.len() - bare.len() > 8;
    (!is_indented_code && marks >= 3).then(|| (mark, marks, bare[marks..].trim()))
}

fn open_fence(text: &str) -> Option<(char, usize, &str)> {
    text.split('\n').fold(None, open_behind)
}

/// What is open behind this line: more than sixteen marks are no fence, nor are backticks with a backtick behind them.
fn open_behind<'a>(open: Option<(char, usize, &'a str)>, line: &'a str) -> Option<(char, usize, &'a str)> {
    let Some((mark, marks, info)) = fence(line) else { return open };
    match open {
        Some((opened, length, _)) if opened == mark && marks >= length && info.is_empty() => None,
        Some(still) => Some(still),
        None if marks > 16 || (mark == '`' && info.contains('`')) => None,
        None => Some((mark, marks, info)),
    }
}

/// The fence that the last line of a piece closes.
fn closed_at_end(piece: &str) -> Option<(char, usize, &str)> {
    let (before, _) = piece.rsplit_once('\n')?;
    open_fence(before).filter(|_| open_fence(piece).is_none())
}

/// Finds each cut in the text and asks the standard (UAX 29) whether a cluster lies across it.
fn clusters_stay_whole(text: &str, pieces: &[String]) {
    let mut at = 0;
    let mut cuts = Vec::new();
    for (number, piece) in pieces.iter().enumerate() {
        let before = number.checked_sub(1).map(|before| pieces[before].as_str());
        let piece = piece.splitn(1 + opened_again(before, piece), '\n').last().unwrap_or_default();
        at += text[at..].find(piece).expect("pieces stand in the text, in order");
        cuts.push(at);
        at += piece.len();
        cuts.push(at);
    }
    for (start, cluster) in text.grapheme_indices(true) {
        let is_bearable = cluster.chars().count() > CLUSTER_CHARS_MAX || !is_promised(cluster);
        let is_cut = cuts.iter().any(|cut| (start + 1..start + cluster.len()).contains(cut));
        assert!(is_bearable || !is_cut, "{cluster:?} is cut");
    }
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
