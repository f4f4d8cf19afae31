//! HTML tags within a line, and what Markdown can say of them.

/// Longest tag that is looked at, in bytes.
const TAG_BYTES_MAX: usize = 1_000;

/// Tags that are dropped: what they enclose can be read without them.
const DROPPED: [&str; 52] = [
    "a",
    "abbr",
    "article",
    "aside",
    "blockquote",
    "body",
    "button",
    "caption",
    "center",
    "cite",
    "col",
    "colgroup",
    "dd",
    "details",
    "dfn",
    "div",
    "dl",
    "dt",
    "figcaption",
    "figure",
    "font",
    "footer",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "head",
    "header",
    "html",
    "input",
    "ins",
    "label",
    "main",
    "mark",
    "nav",
    "ol",
    "p",
    "pre",
    "q",
    "section",
    "small",
    "span",
    "style",
    "sub",
    "summary",
    "sup",
    "svg",
    "u",
    "ul",
];
/// Tags of tables: dropped too, with a gap in their place.
const CELLS: [&str; 6] = ["table", "tbody", "td", "th", "thead", "tr"];

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
        let is_plain = !value.contains(|c: char| c.is_whitespace() || "()<>[]`\\|".contains(c));
        (is_web && is_plain).then_some(value)
    }

    /// An attribute's value, in quotes or without.
    pub(super) fn attribute(&self, name: &str) -> Option<&'a str> {
        let mut rest = self.attributes;
        while let Some((before, behind)) = rest.split_once('=') {
            let key = before.trim_end().rsplit([' ', '\t', '"', '\'']).next().unwrap_or_default();
            let behind = behind.trim_start();
            let quote = behind.chars().next().filter(|c| matches!(c, '"' | '\''));
            let (value, after) = match quote {
                Some(quote) => behind.get(1..)?.split_once(quote)?,
                None => behind.split_once([' ', '\t', '/']).unwrap_or((behind, "")),
            };
            if key.eq_ignore_ascii_case(name) {
                return Some(value);
            }
            rest = after;
        }
        None
    }

    /// Whether the tag is a known one of this name.
    pub(super) fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
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
            name if DROPPED.contains(&name) => "",
            _ => return None,
        })
    }
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
