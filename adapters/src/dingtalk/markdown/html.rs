//! HTML tags within a line, and what Markdown can say of them.

use std::ops::Range;

/// Longest tag that is looked at, in bytes.
const TAG_BYTES_MAX: usize = 1_000;

/// Tags that are dropped: what they enclose can be read without them.
const DROPPED: [&str; 21] = [
    "a", "abbr", "button", "cite", "col", "colgroup", "dfn", "font", "head", "input", "ins", "label", "mark",
    "q", "small", "span", "style", "sub", "sup", "svg", "u",
];
/// Tags of blocks: dropped too, but what stands before and behind them is not one word.
const BLOCKS: [&str; 31] = [
    "article",
    "aside",
    "blockquote",
    "body",
    "caption",
    "center",
    "dd",
    "details",
    "div",
    "dl",
    "dt",
    "figcaption",
    "figure",
    "footer",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "html",
    "main",
    "nav",
    "ol",
    "p",
    "pre",
    "section",
    "summary",
    "ul",
];
/// Tags of tables: dropped too, with a gap in their place.
const CELLS: [&str; 7] = ["table", "tbody", "td", "tfoot", "th", "thead", "tr"];

/// A tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tag<'a> {
    pub(super) name: &'a str,
    pub(super) closing: bool,
    attributes: &'a str,
    /// Its length, brackets included, in bytes.
    pub(super) bytes: usize,
}

/// The tag at the beginning of `text`.
pub(super) fn tag(text: &str) -> Option<Tag<'_>> {
    let inside = text.strip_prefix('<')?;
    let (closing, inside) = inside.strip_prefix('/').map_or((false, inside), |inside| (true, inside));
    let behind = inside.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '-');
    let name = inside.get(..inside.len().saturating_sub(behind.len()))?;
    let end = behind.bytes().take(TAG_BYTES_MAX).position(|byte| matches!(byte, b'>' | b'<'))?;
    let attributes = behind.get(..end)?;
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic());
    let apart = attributes.is_empty() || attributes.starts_with([' ', '\t', '/']);
    let closed = behind.get(end..)?.starts_with('>');
    let bytes = text.len().saturating_sub(behind.len()).saturating_add(end).saturating_add(1);
    (is_name && apart && closed).then_some(Tag { name, closing, attributes, bytes })
}

impl<'a> Tag<'a> {
    /// An attribute's value that can stand in a link: an address without white space, parentheses or brackets.
    pub(super) fn address(&self, name: &str) -> Option<&'a str> {
        let value = self.attribute(name)?;
        let is_web = value.starts_with("https://") || value.starts_with("http://");
        (is_web && is_plain(value)).then_some(value)
    }

    /// An image's address, or the id that an uploaded one has.
    pub(super) fn image_address(&self) -> Option<&'a str> {
        let id = || self.attribute("src").filter(|value| is_media_id(value));
        self.address("src").or_else(id)
    }

    /// Where an image's address stands in the tag, in bytes.
    pub(super) fn image_address_range(&self) -> Option<Range<usize>> {
        let address = self.address("src")?;
        let (at, _) = self.placed_attribute("src")?;
        let begin = at.saturating_add(self.name.len()).saturating_add("<".len());
        Some(begin..begin.saturating_add(address.len()))
    }

    /// An attribute's value, in quotes or without.
    pub(super) fn attribute(&self, name: &str) -> Option<&'a str> {
        self.placed_attribute(name).map(|(_, value)| value)
    }

    /// An attribute's value, and where it begins behind the tag's name, in bytes.
    fn placed_attribute(&self, name: &str) -> Option<(usize, &'a str)> {
        let mut rest = self.attributes;
        while let Some((before, behind)) = rest.split_once('=') {
            let key = before.trim_end().rsplit([' ', '\t', '"', '\'']).next().unwrap_or_default();
            let behind = behind.trim_start();
            let quote = behind.chars().next().filter(|c| matches!(c, '"' | '\''));
            let begin = if quote.is_some() { behind.get(1..)? } else { behind };
            let (value, after) = match quote {
                Some(quote) => begin.split_once(quote)?,
                None => match begin.split_once([' ', '\t']) {
                    Some(parts) => parts,
                    None => (begin.strip_suffix('/').unwrap_or(begin), ""),
                },
            };
            if key.eq_ignore_ascii_case(name) {
                return Some((self.attributes.len().saturating_sub(begin.len()), value));
            }
            rest = after;
        }
        None
    }

    /// Whether the tag is a known one of this name.
    pub(super) fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// Whether what stands before and behind the tag is not on one line.
    pub(super) fn is_of_block(&self) -> bool {
        BLOCKS.iter().any(|name| self.is(name))
    }

    /// What stands for the tag; `None` where it is unknown, and has to be shown as it is written.
    pub(super) fn replacement(&self, code_mark: &'static str) -> Option<&'static str> {
        let name = self.name.to_ascii_lowercase();
        Some(match name.as_str() {
            "b" | "strong" => "**",
            "i" | "em" => "*",
            "s" | "del" | "strike" => "~~",
            "code" | "kbd" | "samp" | "tt" => code_mark,
            "li" if !self.closing => "- ",
            "li" => "",
            "hr" => "---",
            name if CELLS.contains(&name) => " ",
            name if DROPPED.contains(&name) || BLOCKS.contains(&name) => "",
            _ => return None,
        })
    }
}

/// Whether this may be the id of an uploaded image (dingtalk §7.2).
pub(super) fn is_media_id(text: &str) -> bool {
    text.starts_with("@l") && is_plain(text)
}

fn is_plain(address: &str) -> bool {
    !address.contains(|c: char| c.is_whitespace() || "()<>[]`\\|".contains(c))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::tag;

    #[rstest]
    #[case("<b>x", Some(("b", false, 3)))]
    #[case("</div >", Some(("div", true, 7)))]
    #[case("<img src='a' />", Some(("img", false, 15)))]
    #[case("<3", None)]
    #[case("< b>", None)]
    #[case("<b", None)]
    #[case("<a <b>", None)]
    #[case("<https://x>", None)]
    #[case("<a@b.c>", None)]
    fn tags_are_told_from_other_brackets(#[case] text: &str, #[case] expected: Option<(&str, bool, usize)>) {
        assert_eq!(tag(text).map(|it| (it.name, it.closing, it.bytes)), expected);
    }

    #[test]
    fn attributes_are_read_with_and_without_quotes() {
        let it = tag("<img alt = \"a = b\" src='https://e/p.png' width=5/>").unwrap();
        assert_eq!(it.attribute("ALT"), Some("a = b"));
        assert_eq!(it.address("src"), Some("https://e/p.png"));
        assert_eq!(it.attribute("width"), Some("5"));
        assert_eq!(it.attribute("height"), None);
        assert_eq!(tag("<a href=\"javascript:x\">").unwrap().address("href"), None);
    }
}
