//! Characters that show nothing, or change how their neighbours are shown: no part of a name.

use alloc::string::String;

/// Whether a character shows nothing by itself: a control character, one that turns the direction of what follows
/// (UAX #9), a line separator, a zero-width blank, or a tag, which can hide words from people and not from agents. Joiners,
/// which emoji and some scripts are written with, are none of these.
#[must_use]
pub fn is_unseen(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{061C}'
                | '\u{180E}'
                | '\u{200B}'
                | '\u{200E}'
                | '\u{200F}'
                | '\u{2028}'..='\u{202E}'
                | '\u{2060}'..='\u{206F}'
                | '\u{FEFF}'
                | '\u{FFF9}'..='\u{FFFB}'
                | '\u{E0000}'..='\u{E007F}'
        )
}

/// A name as it may stand in a line: blanks for control characters and line breaks, nothing for others that are unseen,
/// nothing around it.
#[must_use]
pub fn plain_name(name: &str) -> String {
    let shown = name.chars().filter_map(|character| match character {
        character if character.is_control() || character.is_whitespace() => Some(' '),
        character if is_unseen(character) => None,
        character => Some(character),
    });
    let name: String = shown.collect();
    String::from(name.trim())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::plain_name;

    #[rstest]
    #[case::plain("张三 (Sales)", "张三 (Sales)")]
    #[case::turned("photo\u{202E}gpj.exe", "photogpj.exe")]
    #[case::isolated("\u{2066}a\u{2069}\u{061C}\u{200F}b", "ab")]
    #[case::lines("a\nb\u{2028}c\td", "a b c d")]
    #[case::escapes("a\u{1b}[31m\u{0}", "a [31m")]
    #[case::hidden("a\u{E0041}\u{200B}\u{FEFF}b", "ab")]
    #[case::joined("👨\u{200D}👩\u{200D}👧 می\u{200C}خواهم", "👨\u{200D}👩\u{200D}👧 می\u{200C}خواهم")]
    #[case::nothing("\u{202E} \u{200B}", "")]
    fn a_name_shows_what_it_is(#[case] name: &str, #[case] expected: &str) {
        assert_eq!(plain_name(name), expected);
    }
}
