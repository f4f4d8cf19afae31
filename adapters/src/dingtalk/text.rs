//! Texts on their way in and out: cut at characters, cleaned of what the platform's limits cannot bear.

use switchboard_domain::text::with_newlines;

/// Longest title of a plain message, in characters: it is what the conversation list and notifications show.
const TITLE_CHARS_MAX: usize = 40;

/// The title of a text that has no line to take one from.
const TITLE_FALLBACK: &str = "…";

/// The longest beginning of `text` of at most `bytes_max` bytes that ends at a character.
pub(super) fn cut(text: &str, bytes_max: usize) -> &str {
    let mut end = bytes_max.min(text.len());
    while !text.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    text.get(..end).unwrap_or_default()
}

/// `text` cut after `chars_max` characters.
pub(super) fn cut_chars(text: &str, chars_max: usize) -> String {
    text.chars().take(chars_max).collect()
}

/// A text as it is sent: without control characters except tab and newline, which every line ends with. In JSON each takes
/// six bytes, which would break the byte limits (dingtalk §4.5), and no client shows them.
pub(super) fn clean(text: &str) -> String {
    let text = with_newlines(text);
    text.chars().filter(|&c| matches!(c, '\n' | '\t') || !c.is_control()).collect()
}

/// A plain message's title: its first line with words, without Markdown's marks.
pub(super) fn title(text: &str) -> String {
    let line = text
        .lines()
        .map(|line| line.trim_matches(|c: char| c.is_whitespace() || "#>*-_`~|=+".contains(c)))
        .find(|line| !line.is_empty());
    line.map_or_else(|| TITLE_FALLBACK.to_owned(), |line| cut_chars(line, TITLE_CHARS_MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::{clean, cut, title};

    #[test]
    fn a_text_is_cut_at_a_character() {
        assert_eq!(cut("你好", 5), "你");
        assert_eq!(cut("你好", 6), "你好");
        assert_eq!(cut("你好", 0), "");
    }

    #[test]
    fn control_characters_do_not_go_out() {
        assert_eq!(clean("a\u{0}b\r\n\tc\u{1b}[0m"), "ab\n\tc[0m");
        assert_eq!(clean("a\rb\r\r\nc\r"), "a\nb\n\nc");
    }

    #[rstest]
    #[case("# Heading\nbody", "Heading")]
    #[case("\n\n- **bold** item\n", "bold** item")]
    #[case("```\ncode\n```", "code")]
    #[case("---\n***", "…")]
    #[case("", "…")]
    fn a_title_is_the_first_line_with_words(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(title(text), expected);
    }

    proptest! {
        #[test]
        fn a_cut_is_a_beginning_within_the_bound(text in ".*", bytes_max in 0_usize..64) {
            let beginning = cut(&text, bytes_max);
            prop_assert!(beginning.len() <= bytes_max && text.starts_with(beginning));
        }

        #[test]
        fn a_title_is_never_empty_nor_long(text in "\\PC*") {
            let title = title(&text);
            prop_assert!(!title.is_empty() && title.chars().count() <= 40);
        }
    }
}
