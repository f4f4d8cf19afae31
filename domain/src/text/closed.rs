//! Ending a text that stops in the middle of a code block.

use alloc::borrow::Cow;
use alloc::string::String;

use super::fence;
use super::quote::Quote;

/// The text with the code fence that is open at its end closed, so that something can follow it.
#[must_use]
pub fn closed(text: &str) -> Cow<'_, str> {
    let Some(fence) = fence::after(None, Quote::NONE, text) else {
        return Cow::Borrowed(text);
    };
    let mut closed = String::from(text);
    if !closed.ends_with('\n') {
        closed.push('\n');
    }
    fence.write_closing(&mut closed);
    Cow::Owned(closed)
}

#[cfg(test)]
mod tests {
    use super::closed;

    #[test]
    fn an_open_fence_is_closed_with_its_own_marks() {
        assert_eq!(closed("a\n~~~~rust\nlet x"), "a\n~~~~rust\nlet x\n~~~~");
        assert_eq!(closed("a\n```\nx\n```\nb"), "a\n```\nx\n```\nb");
    }

    #[test]
    fn a_fence_in_a_quote_is_closed_in_the_quote_unless_that_has_ended() {
        assert_eq!(closed("> > ```py\n> > x"), "> > ```py\n> > x\n>> ```");
        assert_eq!(closed("> ```\n> x\nb"), "> ```\n> x\nb");
        assert_eq!(closed("- > ```\n  > x\n"), "- > ```\n  > x\n> ```");
        assert_eq!(closed("1. ```\n   x"), "1. ```\n   x\n   ```");
    }
}
