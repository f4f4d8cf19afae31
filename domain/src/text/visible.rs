//! What of a text can be seen, and where its lines end.

use alloc::borrow::Cow;
use alloc::string::String;

use super::unseen::is_unseen;

/// Whether there is anything to see in a text: something else than white space and characters without a shape.
#[must_use]
pub fn says_something(text: &str) -> bool {
    !text.chars().all(|character| character.is_whitespace() || is_invisible(character))
}

/// The text with a line feed at the end of each line, where a carriage return stood alone. One before a line feed stays, and
/// so does one at the very end, behind which a line feed may still come.
#[must_use]
pub fn with_newlines(text: &str) -> Cow<'_, str> {
    if !text.contains('\r') {
        return Cow::Borrowed(text);
    }
    let mut written = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let is_line_end = character == '\r' && characters.peek().is_some_and(|next| *next != '\n');
        written.push(if is_line_end { '\n' } else { character });
    }
    Cow::Owned(written)
}

/// Characters that leave nothing on the screen: those that are unseen, joiners and selectors without anything beside them, and
/// blanks that are letters (Unicode 16, `Default_Ignorable_Code_Point`).
fn is_invisible(character: char) -> bool {
    is_unseen(character)
        || matches!(
            character,
            '\u{AD}'
                | '\u{34F}'
                | '\u{115F}'
                | '\u{1160}'
                | '\u{17B4}'
                | '\u{17B5}'
                | '\u{180B}'..='\u{180F}'
                | '\u{200C}'
                | '\u{200D}'
                | '\u{2800}'
                | '\u{3164}'
                | '\u{FE00}'..='\u{FE0F}'
                | '\u{FFA0}'
                | '\u{FFF0}'..='\u{FFF8}'
                | '\u{1BCA0}'..='\u{1BCA3}'
                | '\u{1D173}'..='\u{1D17A}'
                | '\u{E0080}'..='\u{E0FFF}'
        )
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{says_something, with_newlines};

    #[rstest]
    #[case("", false)]
    #[case(" \n\t\u{3000}", false)]
    #[case("\u{200B}\u{200D}\u{FEFF}\n\u{2060}\u{AD}\u{3164}\u{2800}", false)]
    #[case("\u{200B}.", true)]
    #[case("👨\u{200D}👩", true)]
    #[case("汉", true)]
    fn what_nobody_sees_says_nothing(#[case] text: &str, #[case] expected: bool) {
        assert_eq!(says_something(text), expected);
    }

    #[rstest]
    #[case("a\nb", "a\nb")]
    #[case("a\r\nb", "a\r\nb")]
    #[case("a\rb\r\rc\r", "a\nb\n\nc\r")]
    fn a_carriage_return_alone_ends_a_line(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(with_newlines(text), expected);
    }
}
