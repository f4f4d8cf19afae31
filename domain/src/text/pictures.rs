//! Pictures that are written out in the text itself: nobody can read them, and cut into pieces they fill a chat with noise.

use alloc::borrow::Cow;
use alloc::string::String;

use super::block::{Kind, Lines};
use super::quote::Quote;
use super::spans::code_spans;
use super::visible::with_newlines;

/// Between an image's description and its address, where the address is the picture.
const DATA: &str = "](data:";
/// Stands for the picture, before its description.
const SIGN: &str = "🖼";

/// Longest address of a picture that is left where it is, in bytes: a platform may be able to show it, and it must not be cut.
pub const DATA_BYTES_MAX: usize = 2_000;

/// The text as a platform gets it: each line ends with a line feed, and pictures in it are short.
#[must_use]
pub fn presentable(text: &str) -> Cow<'_, str> {
    match with_newlines(text) {
        Cow::Borrowed(text) => without_data(text),
        Cow::Owned(text) => Cow::Owned(without_data(&text).into_owned()),
    }
}

/// The text with each image whose address is a `data:` one, too long or still being written, as a sign and its
/// description; one of at most [`DATA_BYTES_MAX`] stays. Code is left alone, in fences and between backticks.
#[must_use]
pub fn without_data(text: &str) -> Cow<'_, str> {
    if !text.contains("data:") {
        return Cow::Borrowed(text);
    }
    let mut kept = String::new();
    for line in Lines::new(text, None, Quote::NONE) {
        if line.start > 0 {
            kept.push('\n');
        }
        match line.kind {
            Kind::Code => kept.push_str(line.text),
            Kind::Blank
            | Kind::Heading
            | Kind::FenceStart
            | Kind::FenceEnd
            | Kind::TableHead
            | Kind::TableDelimiter
            | Kind::TableRow
            | Kind::Item { .. }
            | Kind::Prose => write_line(line.text, &mut kept),
        }
    }
    if text.ends_with('\n') {
        kept.push('\n');
    }
    Cow::Owned(kept)
}

fn write_line(line: &str, kept: &mut String) {
    let mut done = 0;
    for code in code_spans(line) {
        write_prose(line.get(done..code.start).unwrap_or(""), kept);
        kept.push_str(line.get(code.clone()).unwrap_or(""));
        done = code.end;
    }
    write_prose(line.get(done..).unwrap_or(""), kept);
}

fn write_prose(text: &str, kept: &mut String) {
    let mut rest = text;
    while let Some((before, picture, behind)) = html_picture(rest) {
        write_markdown(before, kept);
        let Attributes { described, data, is_whole } = picture;
        let is_short = is_whole && data.len() <= DATA_BYTES_MAX && !data.contains([' ', '(', ')']);
        if is_short && !described.contains(['[', ']', '\\']) {
            kept.extend(["![", described, "](", data, ")"]);
        } else {
            write_sign(described, kept);
        }
        rest = behind;
    }
    write_markdown(rest, kept);
}

/// What an image in HTML says.
struct Attributes<'a> {
    described: &'a str,
    data: &'a str,
    is_whole: bool,
}

/// The first image in HTML that is written out in the text, with what stands before it and behind it. One that has only begun
/// reaches to the end.
fn html_picture(text: &str) -> Option<(&str, Attributes<'_>, &str)> {
    let is_tag =
        |at: &usize| text.get(*at..at.saturating_add(4)).is_some_and(|it| it.eq_ignore_ascii_case("<img"));
    let mut tags = text.match_indices('<').map(|(at, _)| at).filter(is_tag);
    tags.find_map(|at| {
        let (before, tag) = text.split_at_checked(at)?;
        let (inside, behind) = tag.split_once('>').unwrap_or((tag, ""));
        let data = attribute(inside, "src=").filter(|src| src.starts_with("data:"))?;
        let described = attribute(inside, "alt=").unwrap_or("");
        let is_whole = inside.len() < tag.len();
        Some((before, Attributes { described, data, is_whole }, behind))
    })
}

/// An attribute's value, in quotes or without.
fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let (_, behind) = tag
        .match_indices(name)
        .map(|(at, _)| tag.split_at(at))
        .find(|(before, _)| before.ends_with([' ', '\t']))?;
    let value = behind.strip_prefix(name)?;
    let quoted =
        ['"', '\''].iter().find_map(|quote| value.strip_prefix(*quote).map(|it| it.split(*quote).next()));
    quoted.unwrap_or_else(|| value.split([' ', '\t']).next())
}

fn write_sign(described: &str, kept: &mut String) {
    kept.push_str(SIGN);
    if !described.trim().is_empty() {
        kept.push(' ');
        kept.push_str(described.trim());
    }
}

fn write_markdown(text: &str, kept: &mut String) {
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once(DATA) {
        let end = behind.find(|c: char| c == ')' || c.is_whitespace());
        let (data, after) = end.and_then(|end| behind.split_at_checked(end)).unwrap_or((behind, ""));
        rest = after.strip_prefix(')').unwrap_or(after);
        let bytes = data.len().saturating_add("data:".len());
        match before.rsplit_once("![") {
            Some(_) if after.starts_with(')') && bytes <= DATA_BYTES_MAX => {
                kept.extend([before, DATA, data, ")"]);
            }
            Some((text, described)) => {
                kept.push_str(text);
                write_sign(described, kept);
            }
            // A link: what it shows can be read.
            None => kept.push_str(&before.replacen('[', "", 1)),
        }
    }
    kept.push_str(rest);
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use alloc::borrow::Cow;
    use std::format;
    use std::string::String;

    use super::{DATA_BYTES_MAX, presentable, without_data};

    /// Longer than what stays.
    fn long() -> String {
        format!("data:image/png;base64,{}", "A".repeat(DATA_BYTES_MAX))
    }

    #[rstest]
    #[case("a ![b c](https://e) d", "a ![b c](https://e) d")]
    #[case("a ![b c](LONG) d", "a 🖼 b c d")]
    #[case("![](LONG)![x](LONG)\n\nnext\n", "🖼🖼 x\n\nnext\n")]
    #[case("a ![b](data:image/png;base64,AAA", "a 🖼 b")]
    #[case("a ![b](data:image/png;base64,AAA=) c ![d](LONG)", "a ![b](data:image/png;base64,AAA=) c 🖼 d")]
    #[case("```\n![b](LONG)\n```", "```\n![b](LONG)\n```")]
    #[case("> ```\n> ![b](LONG)\n> ```\n> ![c](LONG)", "> ```\n> ![b](LONG)\n> ```\n> 🖼 c")]
    #[case(
        "as `![b](LONG)` or ``x ` ![c](LONG)`` and ![d](LONG)",
        "as `![b](LONG)` or ``x ` ![c](LONG)`` and 🖼 d"
    )]
    #[case("a <img src=\"LONG\" alt='b c'> d", "a 🖼 b c d")]
    #[case("a <IMG alt=b src=data:image/gif;base64,AA==> d", "a ![b](data:image/gif;base64,AA==) d")]
    #[case("a <img src=\"data:image/png;base64,AAA", "a 🖼")]
    #[case(
        "`<img src='LONG'>` <img src='https://e/data:'>",
        "`<img src='LONG'>` <img src='https://e/data:'>"
    )]
    #[case("[file](data:text/plain,x) end", "file end")]
    fn pictures_in_the_text_become_a_sign(#[case] text: &str, #[case] expected: &str) {
        let filled = |text: &str| text.replace("LONG", &long());
        assert_eq!(without_data(&filled(text)), filled(expected));
    }

    #[test]
    fn a_platform_gets_lines_that_end_and_short_pictures() {
        assert_eq!(presentable(&format!("a\r![b]({})\rc", long())), "a\n🖼 b\nc");
        assert!(matches!(presentable("a\nb"), Cow::Borrowed(_)));
    }
}
