//! Links and images as they are written: where one ends, what a reference stands for, what is unfinished.

use std::cell::Cell;
use std::ops::Range;

use super::html::is_media_id;

/// Brackets within brackets that are followed.
const DEPTH_MAX: usize = 8;
/// Longest text of a link, in bytes.
const TEXT_BYTES_MAX: usize = 2_000;
/// Longest destination with its title, in bytes.
const TARGET_BYTES_MAX: usize = 2_048;
/// Definitions of one text that are followed.
const REFERENCES_MAX: usize = 64;
/// Longest address that is put in the place of a reference, in bytes.
const ADDRESS_BYTES_MAX: usize = 512;
/// A definition that is used more often stays one: the text would grow too much.
const USES_MAX: usize = 8;

/// A link or an image at the beginning of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Link<'a> {
    /// Whether it is an image.
    pub(super) image: bool,
    /// What is shown, or the image's description.
    pub(super) text: &'a str,
    /// Where it leads.
    pub(super) target: Target<'a>,
    /// Its length in bytes.
    pub(super) bytes: usize,
}

/// Where a link leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target<'a> {
    /// To the address between the parentheses, which may have a title behind it.
    Inline(&'a str),
    /// To what is defined under this label.
    Reference(&'a str),
}

/// The link or image at the beginning of `text`, which begins with `[` or `![`.
pub(super) fn link(text: &str) -> Option<Link<'_>> {
    let image = text.starts_with('!');
    let begin = if image { 2 } else { 1 };
    let inside = text.get(begin..)?;
    let length = bracketed(inside)?;
    let shown = inside.get(..length)?;
    let behind = inside.get(length.checked_add(1)?..)?;
    let before = begin.saturating_add(length).saturating_add(1);
    if let Some(address) = behind.strip_prefix('(') {
        if let Some(length) = destination(address) {
            let target = Target::Inline(address.get(..length)?);
            return Some(Link {
                image,
                text: shown,
                target,
                bytes: before.saturating_add(length).saturating_add(2),
            });
        }
    } else if let Some((label, _)) = behind.strip_prefix('[').and_then(|label| label.split_once(']')) {
        let bytes = before.saturating_add(label.len()).saturating_add(2);
        let label = if label.is_empty() { shown } else { label };
        return Some(Link { image, text: shown, target: Target::Reference(label), bytes });
    }
    Some(Link { image, text: shown, target: Target::Reference(shown), bytes: before })
}

/// The length of what stands before the closing bracket.
fn bracketed(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().take(TEXT_BYTES_MAX) {
        match byte {
            _ if escaped => {}
            b'[' if depth == DEPTH_MAX => return None,
            b'[' => depth = depth.saturating_add(1),
            b']' if depth == 0 => return Some(at),
            b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        escaped = byte == b'\\' && !escaped;
    }
    None
}

/// The length of what stands before the closing parenthesis.
fn destination(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut quote = None;
    let mut escaped = false;
    let mut white = false;
    for (at, byte) in text.bytes().enumerate().take(TARGET_BYTES_MAX) {
        match byte {
            _ if escaped => {}
            byte if quote == Some(byte) => quote = None,
            _ if quote.is_some() => {}
            b'"' | b'\'' if white => quote = Some(byte),
            b'(' if depth == DEPTH_MAX => return None,
            b'(' => depth = depth.saturating_add(1),
            b')' if depth == 0 => return Some(at),
            b')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        white = matches!(byte, b' ' | b'\t');
        escaped = byte == b'\\' && !escaped;
    }
    None
}

/// The definitions of a text: `[label]: address`.
#[derive(Debug, Default)]
pub(super) struct References<'a>(Vec<Reference<'a>>);

#[derive(Debug)]
struct Reference<'a> {
    label: String,
    address: &'a str,
    used: Cell<bool>,
}

impl<'a> References<'a> {
    pub(super) fn of(lines: &[&'a str]) -> Self {
        let defined = lines.iter().filter_map(|line| definition(line)).take(REFERENCES_MAX);
        let mut references = Vec::<Reference<'_>>::new();
        for reference in defined {
            let mark = format!("[{}]", reference.label);
            let uses: usize = lines.iter().map(|line| line.to_lowercase().matches(&mark).count()).sum();
            let is_new = references.iter().all(|it| it.label != reference.label);
            // One of them is the definition itself.
            if is_new && uses <= USES_MAX.saturating_add(1) {
                references.push(reference);
            }
        }
        Self(references)
    }

    /// The address under a label; remembers that it was asked for.
    pub(super) fn address(&self, label: &str) -> Option<&'a str> {
        let label = label.to_lowercase();
        let reference = self.0.iter().find(|it| it.label == label)?;
        reference.used.set(true);
        Some(reference.address)
    }

    /// Whether the line is a definition, and if so, whether it has been put in its place.
    pub(super) fn definition(&self, line: &str) -> Option<bool> {
        let defined = definition(line)?;
        Some(self.0.iter().any(|it| it.label == defined.label && it.used.get()))
    }
}

/// The label that a line defines, in small letters, and where its address stands on the line, in bytes.
pub(super) fn defined_address(line: &str) -> Option<(String, Range<usize>)> {
    let Reference { label, address, .. } = definition(line)?;
    let (before, behind) = line.split_once("]:")?;
    let begin = before.len().saturating_add("]:".len()).saturating_add(behind.find(address)?);
    Some((label, begin..begin.saturating_add(address.len())))
}

/// Whether the line defines what an address is called.
pub(super) fn is_definition(line: &str) -> bool {
    definition(line).is_some()
}

fn definition(line: &str) -> Option<Reference<'_>> {
    let inside = line.trim().strip_prefix('[')?;
    let (label, behind) = inside.split_once("]:")?;
    let mut words = behind.split_whitespace();
    let address = words.next()?;
    let address = address.strip_prefix('<').and_then(|it| it.strip_suffix('>')).unwrap_or(address);
    // A title in quotes may follow; other words make it a sentence.
    let title: Vec<_> = words.collect();
    let title = title.join(" ");
    let is_title = title.is_empty() || (title.len() > 1 && title.starts_with(['"', '\'', '(']));
    let is_web = address.starts_with("https://") || address.starts_with("http://") || is_media_id(address);
    let is_plain = address.len() <= ADDRESS_BYTES_MAX
        && !address.contains(['(', ')', '<', '>', '[', ']', '`', '\\', '|']);
    let is_label = !label.is_empty() && !label.starts_with('^') && !label.contains(['[', ']', '`', '\\']);
    (is_title && is_web && is_plain && is_label).then(|| Reference {
        label: label.to_lowercase(),
        address,
        used: Cell::new(false),
    })
}

/// The last line of a text that is being written, without an image, a link's address or a tag that has only begun.
pub(super) fn without_unfinished(line: &str) -> String {
    let mut kept = line.to_owned();
    if let Some(at) = kept.rfind('<') {
        let rest = kept.get(at..).unwrap_or_default();
        let begun = rest
            .get(1..)
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '!'));
        if begun && !rest.contains('>') && !kept.get(..at).unwrap_or_default().contains('`') {
            kept.truncate(at);
        }
    }
    let Some(at) = kept.rfind('[') else { return kept };
    let rest = kept.get(at..).unwrap_or_default();
    let image = at.checked_sub(1).filter(|before| kept.get(*before..at) == Some("!"));
    let unfinished = match rest.split_once(']') {
        None => image.is_some(),
        Some((_, behind)) => {
            behind.is_empty()
                || (behind.starts_with('(') && destination(behind.get(1..).unwrap_or_default()).is_none())
        }
    };
    if !unfinished || kept.get(..at).unwrap_or_default().matches('`').count() % 2 == 1 {
        return kept;
    }
    match image {
        Some(start) => kept.truncate(start),
        None if rest.ends_with(']') => {}
        None => {
            let shown =
                rest.split_once(']').map_or("", |(shown, _)| shown).trim_start_matches('[').to_owned();
            kept.truncate(at);
            kept.push_str(&shown);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{Target, link, without_unfinished};

    #[rstest]
    #[case("[a](b) c", "a", Target::Inline("b"), 6)]
    #[case("![a [b] c](u_(v) \"a ) title\")", "a [b] c", Target::Inline("u_(v) \"a ) title\""), 29)]
    #[case("[a][b]", "a", Target::Reference("b"), 6)]
    #[case("[a][]", "a", Target::Reference("a"), 5)]
    #[case("[a] b", "a", Target::Reference("a"), 3)]
    #[case("[a](b", "a", Target::Reference("a"), 3)]
    fn links_are_read(
        #[case] text: &str,
        #[case] shown: &str,
        #[case] target: Target<'_>,
        #[case] bytes: usize,
    ) {
        let it = link(text).unwrap();
        assert_eq!((it.text, it.target, it.bytes), (shown, target, bytes));
    }

    #[rstest]
    #[case("see ![a pict", "see ")]
    #[case("see ![a](https://e/p", "see ")]
    #[case("see ![a]", "see ")]
    #[case("see [the page](https://e", "see the page")]
    #[case("see [the page](https://e) and", "see [the page](https://e) and")]
    #[case("see [the pa", "see [the pa")]
    #[case("a <div class=\"x", "a ")]
    #[case("1 < 2", "1 < 2")]
    #[case("`a [x](y", "`a [x](y")]
    fn what_has_only_begun_is_not_shown_half(#[case] line: &str, #[case] expected: &str) {
        assert_eq!(without_unfinished(line), expected);
    }
}
