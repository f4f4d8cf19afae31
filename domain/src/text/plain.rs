//! Texts that are nothing but characters, cut to what a platform can show.

use alloc::string::String;
use alloc::vec::Vec;

use super::{Limits, cluster, line};

/// Cuts a text that nothing is read into: behind a line, else behind a word, else between two characters. No piece is blank;
/// nothing is lost but white space at the cuts, and nothing is added.
#[must_use]
pub fn split_plain(text: &str, limits: Limits) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while !line::is_blank(rest) {
        let at = cut(rest, limits);
        let (piece, behind) = rest.split_at_checked(at).unwrap_or((rest, ""));
        if !line::is_blank(piece) {
            pieces.push(String::from(if behind.is_empty() { piece } else { piece.trim_end() }));
        }
        rest = skip_gap(behind);
    }
    pieces
}

/// The text behind the white space at a cut.
fn skip_gap(text: &str) -> &str {
    let rest = text.trim_start();
    let gap = text.len().saturating_sub(rest.len());
    match text.get(..gap).and_then(|white| white.find('\n')) {
        Some(_) => line::skip_blank_lines(text),
        None => rest,
    }
}

/// Where the first piece ends; never 0.
fn cut(text: &str, limits: Limits) -> usize {
    let end = limits.window(text);
    let Some(window) = text.get(..end).filter(|window| window.len() < text.len()) else {
        return text.len();
    };
    // Nearer to the beginning it would make many short pieces.
    let late_enough = |at: &usize| *at >= end / 2;
    let break_after = window.rfind('\n').filter(late_enough);
    let blank_after = || window.rfind(char::is_whitespace).filter(late_enough);
    break_after.or_else(blank_after).unwrap_or_else(|| cluster::boundary_before(text, end)).max(1)
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use proptest::prelude::*;

    use super::*;

    fn visible(text: &str) -> String {
        text.chars().filter(|c| !c.is_whitespace()).collect()
    }

    #[test]
    fn a_text_that_fits_is_one_piece_as_it_stands() {
        let text = "  ```\n# not *Markdown*\n\n  ";
        assert_eq!(split_plain(text, Limits::new(64, 256)), [text]);
        assert_eq!(split_plain(" \n\t", Limits::new(64, 256)), Vec::<String>::new());
    }

    #[test]
    fn a_long_text_is_cut_behind_lines_then_words_then_characters_and_no_fence_is_added() {
        let limits = Limits::new(64, 256);
        let lines = format!("```\n{}\n{}", "a".repeat(50), "b".repeat(50));
        assert_eq!(split_plain(&lines, limits), [format!("```\n{}", "a".repeat(50)), "b".repeat(50)]);
        let words = format!("{} {}", "a".repeat(40), "b".repeat(40));
        assert_eq!(split_plain(&words, limits), ["a".repeat(40), "b".repeat(40)]);
        let pieces = split_plain(&"👩‍💻".repeat(40), limits);
        assert!(pieces.iter().all(|piece| piece.starts_with('👩') && piece.ends_with('💻')), "{pieces:?}");
    }

    proptest! {
        #[test]
        fn every_piece_fits_and_no_character_is_lost(text in "[a-z你😀 \n`#]{0,600}") {
            let limits = Limits::new(64, 256);
            let pieces = split_plain(&text, limits);
            prop_assert!(pieces.iter().all(|piece| limits.fits(piece) && !piece.trim().is_empty()));
            prop_assert_eq!(visible(&pieces.concat()), visible(&text));
        }
    }
}
