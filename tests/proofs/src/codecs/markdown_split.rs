//! Cutting Markdown: every piece fits and says something, no character is lost, no fence is left open, and what a reader
//! sees as one character stays whole.

use switchboard_domain::text::{Limits, closed, head, split};
use unicode_segmentation::UnicodeSegmentation;

use crate::bytes::Bytes;

/// Longest cluster that cutting promises to keep whole wherever it stands, in characters.
const CLUSTER_CHARS_MAX: usize = 16;

const BITS: [&str; 48] = [
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

/// Every character stands in the pieces, in order, but for white space and the marks of fences, which cuts may drop and add.
/// Where there are fences, their lines are repeated too; there the pieces may have more than the text. So may those of a
/// text with a run of marks longer than any fence, which can be longer than a piece and is then cut somewhere.
fn nothing_is_lost(text: &str, pieces: &[String]) {
    let visible = |text: &str| {
        text.chars().filter(|c| !c.is_whitespace() && *c != '`' && *c != '~').collect::<Vec<_>>()
    };
    let is_plain = |line: &&str| fence(line).is_none();
    let kept = visible(&pieces.join("\n"));
    let has_long_run = ["`", "~"].iter().any(|mark| text.contains(&mark.repeat(17)));
    if !has_long_run && text.lines().all(|line| is_plain(&line)) {
        assert_eq!(kept, visible(text), "something is lost or added");
        return;
    }
    let mut kept = kept.into_iter();
    for line in text.lines().filter(is_plain) {
        for wanted in visible(line) {
            assert!(kept.any(|c| c == wanted), "{wanted:?} of {line:?} is lost");
        }
    }
}

/// Indentation, mark, number of marks and info string of a line that looks like a fence: up to three blanks, three to
/// sixteen equal marks, and no backtick behind backticks.
fn fence(line: &str) -> Option<(char, usize, &str)> {
    let bare = line.trim_start_matches(' ');
    let mark = bare.chars().next().filter(|mark| *mark == '`' || *mark == '~')?;
    let marks = bare.chars().take_while(|c| *c == mark).count();
    let is_indented_code = line.len() - bare.len() > 3;
    (!is_indented_code && marks >= 3).then(|| (mark, marks, bare[marks..].trim()))
}

fn open_fence(text: &str) -> Option<(char, usize)> {
    let mut open: Option<(char, usize)> = None;
    for line in text.split('\n') {
        let Some((mark, marks, info)) = fence(line) else { continue };
        open = match open {
            Some((opened, length)) if opened == mark && marks >= length && info.is_empty() => None,
            Some(still) => Some(still),
            None if marks > 16 || (mark == '`' && info.contains('`')) => None,
            None => Some((mark, marks)),
        };
    }
    open
}

/// Finds each cut in the text and asks the standard (UAX 29) whether a cluster lies across it.
fn clusters_stay_whole(text: &str, pieces: &[String]) {
    let mut at = 0;
    let mut cuts = Vec::new();
    for piece in pieces {
        at += text[at..].find(piece.as_str()).expect("pieces stand in the text, in order");
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
