//! Pictures that are written out in the text itself: nobody can read them, and cut into pieces they fill a chat with noise.

use alloc::borrow::Cow;
use alloc::string::String;

use super::block::{Kind, Lines};
use super::quote::Quote;

/// Between an image's description and its address, where the address is the picture.
const DATA: &str = "](data:";
/// Stands for the picture, before its description.
const SIGN: &str = "🖼";

/// The text with each image whose address is a `data:` one, whole or still being written, as a sign and its
/// description. Code is left alone.
#[must_use]
pub fn without_data(text: &str) -> Cow<'_, str> {
    if !text.contains(DATA) {
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
    let mut rest = line;
    while let Some((before, behind)) = rest.split_once(DATA) {
        let end = behind.find(|c: char| c == ')' || c.is_whitespace());
        let (_, after) = end.and_then(|end| behind.split_at_checked(end)).unwrap_or((behind, ""));
        rest = after.strip_prefix(')').unwrap_or(after);
        match before.rsplit_once("![") {
            Some((text, described)) => {
                kept.push_str(text);
                kept.push_str(SIGN);
                if !described.trim().is_empty() {
                    kept.push(' ');
                    kept.push_str(described.trim());
                }
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

    use super::without_data;

    #[rstest]
    #[case("a ![b c](https://e) d", "a ![b c](https://e) d")]
    #[case("a ![b c](data:image/png;base64,AAAA==) d", "a 🖼 b c d")]
    #[case("![](data:image/png;base64,AA)![x](data:,B)\n\nnext\n", "🖼🖼 x\n\nnext\n")]
    #[case("a ![b](data:image/png;base64,AAA", "a 🖼 b")]
    #[case("```\n![b](data:,A)\n```", "```\n![b](data:,A)\n```")]
    #[case("[file](data:text/plain,x) end", "file end")]
    fn pictures_in_the_text_become_a_sign(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(without_data(text), expected);
    }
}
