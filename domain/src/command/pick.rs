//! What stands behind `/agents` and `/models`: nothing, a number, `default`, or a name, which may have spaces.

use alloc::string::String;

use super::Word;
use crate::choice::{NAME_CHARS_MAX, Pick};

/// What is asked for; `None` where it is too long for a name.
pub(super) fn read(arguments: &[Word<'_>]) -> Option<Pick> {
    match arguments {
        [] => return Some(Pick::List),
        [word] if word.is("default") => return Some(Pick::Default),
        [word] => {
            if let Some(number) = word.number() {
                return Some(Pick::Number(number));
            }
        }
        [_, ..] => {}
    }
    let mut name = String::new();
    for word in arguments {
        if !name.is_empty() {
            name.push(' ');
        }
        name.push_str(word.0);
    }
    (name.chars().count() <= NAME_CHARS_MAX).then_some(Pick::Name(name))
}
