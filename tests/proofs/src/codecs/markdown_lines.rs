//! How a reader sees a piece of Markdown: which quotes are around a line, and which fence or table is open at the end. Written
//! from the rules alone, so that it can judge the cutting.

/// An open fence: the quotes around it, its indent in them, its marks, its info string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fence<'a> {
    pub(super) depth: usize,
    pub(super) indent: usize,
    pub(super) mark: char,
    pub(super) marks: usize,
    pub(super) info: &'a str,
}

/// How many quotes are around a line, and what is in them: the first four marks count, of those among the first twelve
/// characters with only white space before and between them. One blank behind the last belongs to it.
pub(super) fn quoted(line: &str) -> (usize, &str) {
    let front = line.char_indices().take_while(|(_, it)| matches!(it, ' ' | '\t' | '>'));
    let marks: Vec<usize> =
        front.filter(|(at, it)| *it == '>' && *at < 12).map(|(at, _)| at).take(4).collect();
    marks.last().map_or((0, line), |last| (marks.len(), without_blank(&line[last + 1..])))
}

/// What is in the outer `depth` quotes of a line.
pub(super) fn within(line: &str, depth: usize) -> Option<&str> {
    if depth == 0 {
        return Some(line);
    }
    let last = line.match_indices('>').nth(depth - 1).map(|(at, _)| at)?;
    (quoted(line).0 >= depth).then(|| without_blank(&line[last + 1..]))
}

fn without_blank(text: &str) -> &str {
    text.strip_prefix(' ').unwrap_or(text)
}

/// The fence that a line opens, in quotes and items of lists that begin on the line within its first twelve characters: up
/// to eight blanks in the innermost quote, the marks of items among them, and three to sixteen equal marks; no more than
/// twenty-four characters of all that; behind backticks no backtick.
pub(super) fn opening(line: &str) -> Option<Fence<'_>> {
    let (mut at, mut depth, mut items_from) = (0, 0, 0);
    loop {
        let gap = line[at..].len() - line[at..].trim_start_matches([' ', '\t']).len();
        if line[at + gap..].starts_with('>') && at + gap < 12 && depth < 4 {
            at += gap + 1;
            at += usize::from(line[at..].starts_with(' '));
            (depth, items_from) = (depth + 1, at);
            continue;
        }
        let word = line[at..].trim_start_matches(' ').split(char::is_whitespace).next().unwrap_or_default();
        let blanks = line[at..].len() - line[at..].trim_start_matches(' ').len();
        let end = at + blanks + word.len() + 1;
        if !is_item(word) || end > 12 || line.as_bytes().get(end - 1) != Some(&b' ') {
            break;
        }
        at = end;
    }
    let bare = line[at..].trim_start_matches(' ');
    let indent = line.len() - bare.len() - items_from;
    let mark = bare.chars().next().filter(|mark| matches!(mark, '`' | '~'))?;
    let marks = bare.chars().take_while(|c| *c == mark).count();
    let info = bare[marks..].trim();
    let length = indent + marks + if depth > 0 { depth + 1 } else { 0 };
    let is_fence = indent <= 8 && (3..=16).contains(&marks) && length <= 24;
    // What begins with a mark behind a blank is not written again.
    let again = if info.starts_with(mark) { "" } else { info };
    (is_fence && !(mark == '`' && info.contains('`'))).then_some(Fence {
        depth,
        indent,
        mark,
        marks,
        info: again,
    })
}

fn is_item(word: &str) -> bool {
    let number = word.strip_suffix(['.', ')']).unwrap_or_default();
    let is_number = (1..=9).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit());
    matches!(word, "-" | "*" | "+") || is_number
}

pub(super) fn open_fence(text: &str) -> Option<Fence<'_>> {
    // Behind the last line break there is no line yet.
    text.split_terminator('\n').fold(None, open_behind)
}

/// What is open behind this line. A fence ends with the quote it is in.
fn open_behind<'a>(open: Option<Fence<'a>>, line: &'a str) -> Option<Fence<'a>> {
    let Some(fence) = open else { return opening(line) };
    let Some(content) = within(line, fence.depth) else { return opening(line) };
    if closes(fence, content) { None } else { Some(fence) }
}

/// Whether this, in the quotes of a fence, closes it.
fn closes(fence: Fence<'_>, content: &str) -> bool {
    let bare = content.trim_start_matches(' ');
    let marks = bare.trim_end();
    content.len() - bare.len() <= 8
        && marks.chars().all(|it| it == fence.mark)
        && marks.chars().count() >= fence.marks
}

/// The fence that the last line of a piece closes.
pub(super) fn closed_at_end(piece: &str) -> Option<Fence<'_>> {
    let (before, last) = piece.rsplit_once('\n')?;
    open_fence(before).filter(|fence| within(last, fence.depth).is_some_and(|it| closes(*fence, it)))
}

/// The head and the delimiter row of a table that reaches to the end of this text.
pub(super) fn open_table(text: &str) -> Option<(&str, &str)> {
    let lines: Vec<&str> = text.split('\n').collect();
    let (depth, _) = quoted(lines.last().copied().unwrap_or_default());
    let is_row = |line: &&&str| {
        let (around, content) = quoted(line);
        around == depth && content.contains('|') && opening(line).is_none()
    };
    let rows = lines.iter().rev().take_while(is_row).count();
    // A heading is no head, whatever borders it has.
    let is_heading = |line: &str| {
        let behind = line.trim_start_matches('#');
        (1..=6).contains(&(line.len() - behind.len())) && behind.starts_with(char::is_whitespace)
    };
    let is_head = |pair: &&[&str]| is_delimiter(quoted(pair[1]).1) && !is_heading(quoted(pair[0]).1);
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
