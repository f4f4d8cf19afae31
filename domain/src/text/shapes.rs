//! Stories and laws of cutting lists, tables, sentences and links.

use proptest::prelude::*;

use super::{Limits, line, split};

const TINY: Limits = Limits::chars(64);

#[test]
fn a_list_is_cut_before_an_item_and_keeps_its_numbers() {
    let text = "1. the first step, in a few words\n2. the second step,\n   over two lines\n3. the third step";
    assert_eq!(
        split(text, TINY),
        ["1. the first step, in a few words", "2. the second step,\n   over two lines\n3. the third step"]
    );
}

#[test]
fn a_list_is_cut_between_its_own_items_before_those_of_a_list_within() {
    let text =
        "- one\n  - below one and long\n- two is longer yet\n  - below two\n  - also below two, too long";
    assert_eq!(split(text, TINY)[0], "- one\n  - below one and long");
}

#[test]
fn a_table_is_cut_between_rows_and_gets_its_head_again() {
    let text = "| name | size |\n|---|---|\n| a | 1 |\n| b | 2 |\n| c | 3 |\n| d | 4 |\n| e | 5 |\nThe end.";
    assert_eq!(
        split(text, TINY),
        [
            "| name | size |\n|---|---|\n| a | 1 |\n| b | 2 |\n| c | 3 |",
            "| name | size |\n|---|---|\n| d | 4 |\n| e | 5 |\nThe end.",
        ]
    );
}

#[test]
fn a_table_goes_as_a_whole_where_it_fits_a_piece() {
    let text = "A few words that stand before.\n| name | size |\n|---|---|\n| a | 1 |\n| b | 2 |";
    assert_eq!(
        split(text, TINY),
        ["A few words that stand before.", "| name | size |\n|---|---|\n| a | 1 |\n| b | 2 |"]
    );
}

#[test]
fn a_heads_rows_are_never_left_alone() {
    let text = format!(
        "{}\n| name | size |\n|---|---|\n| a row | {} |",
        "word ".repeat(6).trim_end(),
        "1".repeat(24)
    );
    let pieces = split(&text, TINY);
    assert!(pieces[1].starts_with("| name | size |\n|---|---|\n| a row |"), "{pieces:?}");
}

#[test]
fn a_head_too_long_to_be_repeated_is_not() {
    let head = format!("| {} | b |\n|---|---|", "a".repeat(30));
    let text = format!("{head}\n{}", "| x | y |\n".repeat(10));
    let pieces = split(&text, TINY);
    assert!(pieces[1].starts_with("| x | y |\n"), "{pieces:?}");
}

#[test]
fn a_sentence_is_not_cut_at_a_line_break_inside_it() {
    let text = "This sentence ends here. The next one goes\non over a line break and is too long.";
    assert_eq!(
        split(text, TINY),
        ["This sentence ends here.", "The next one goes\non over a line break and is too long."]
    );
}

#[test]
fn links_images_and_code_are_not_cut_where_they_fit() {
    for whole in ["[a link of words](https://example.org/a)", "![an image. Big](u)", "`code; with words`"] {
        let text = format!("{} {whole} and so on", "word ".repeat(9).trim_end());
        let pieces = split(&text, TINY);
        assert!(pieces.iter().any(|piece| piece.contains(whole)), "{pieces:?}");
    }
}

#[test]
fn a_cut_makes_no_heading_list_or_quote_of_what_was_none() {
    for mark in ["# 5", "> 5", "- 5", "12. 5", "| 5"] {
        let text = format!("{} {mark} is what it says here", "word ".repeat(11).trim_end());
        let pieces = split(&text, TINY);
        assert!(!line::looks_like_block(&pieces[1]), "{pieces:?}");
    }
}

#[test]
fn a_heading_with_a_line_under_it_goes_with_that_and_with_what_it_heads() {
    for (before, marks) in [("", "=====\n\n"), ("", "------\n"), ("> ", "===\n")] {
        let text = format!(
            "{before}Words that stand before, enough.\n{before}Title\n{before}{marks}{before}What it heads, in a few words."
        );
        let pieces = split(&text, TINY);
        assert!(pieces[1].starts_with(&format!("{before}Title\n{before}{}", marks.trim_end())), "{pieces:?}");
    }
}

#[test]
fn a_fence_below_an_item_is_a_fence() {
    let text = format!("- an item:\n\n    ```sh\n{}    ```\n\nDone.", "    echo one line\n".repeat(8));
    for piece in split(&text, TINY) {
        assert_eq!(piece.matches("```").count() % 2, 0, "{piece:?}");
    }
}

/// Blocks as agents write them; every word is another one.
fn any_block() -> impl Strategy<Value = fn(&mut u32) -> String> {
    fn word(n: &mut u32) -> String {
        *n += 1;
        format!("w{n}")
    }
    prop::sample::select(vec![
        |n: &mut u32| format!("{} {} {}. {} {}!", word(n), word(n), word(n), word(n), word(n)),
        |n: &mut u32| format!("{}，{}。{}；", word(n), word(n), word(n)),
        |n: &mut u32| format!("## {}\n\n{}", word(n), word(n)),
        |n: &mut u32| format!("- {}\n- {}\n  - {}\n- {}", word(n), word(n), word(n), word(n)),
        |n: &mut u32| format!("1. {}\n2. {}\n3. {}", word(n), word(n), word(n)),
        |n: &mut u32| format!("|h|i|\n|-|-|\n|{}|{}|\n|{}|{}|\n", word(n), word(n), word(n), word(n)),
        |n: &mut u32| format!("```py\n{}\n{}\n```", word(n), word(n)),
        |n: &mut u32| format!("{} [{} {}](u) {}", word(n), word(n), word(n), word(n)),
        |n: &mut u32| format!("`{} {}` ![{}](v)", word(n), word(n), word(n)),
    ])
}

fn any_document() -> impl Strategy<Value = String> {
    let glue = prop::sample::select(vec!["\n\n", "\n"]);
    prop::collection::vec((any_block(), glue), 1..40).prop_map(|blocks| {
        let mut count = 0;
        blocks.into_iter().map(|(block, glue)| block(&mut count) + glue).collect()
    })
}

fn any_limits() -> impl Strategy<Value = Limits> {
    (64..200_usize, prop_oneof![Just(usize::MAX), 256..500_usize])
        .prop_map(|(chars, bytes)| Limits::new(chars, bytes))
}

fn words(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    words.filter(|word| word.starts_with('w') && word.len() > 1).map(str::to_owned).collect()
}

proptest! {
    #[test]
    fn every_word_comes_once_and_in_order(text in any_document(), limits in any_limits()) {
        let pieces = split(&text, limits);
        let said: Vec<_> = pieces.iter().flat_map(|piece| words(piece)).collect();
        prop_assert_eq!(said, words(&text));
        for piece in &pieces {
            prop_assert!(limits.fits(piece) && !line::is_blank(piece), "{:?}", piece);
        }
    }

    #[test]
    fn tables_links_and_code_stay_whole(text in any_document(), limits in any_limits()) {
        for piece in split(&text, limits) {
            for row in piece.lines().filter(|row| row.contains("|w")) {
                prop_assert!(row.starts_with('|') && row.ends_with('|'), "{:?}", piece);
            }
            let table = piece.lines().position(|row| row.starts_with("|w"));
            if let Some(at) = table {
                let before: Vec<_> = piece.lines().take(at).collect();
                prop_assert!(before.ends_with(&["|h|i|", "|-|-|"]), "rows without a head: {:?}", piece);
            }
            prop_assert_eq!(piece.matches('[').count(), piece.matches("](").count(), "{:?}", &piece);
            prop_assert_eq!(piece.matches('`').count() % 2, 0, "{:?}", &piece);
        }
    }

    #[test]
    fn no_piece_but_the_last_ends_with_a_heading(text in any_document(), limits in any_limits()) {
        let pieces = split(&text, limits);
        for piece in pieces.iter().rev().skip(1) {
            let last = piece.lines().last().unwrap_or_default();
            prop_assert!(!last.starts_with("## ") && last != "|-|-|", "{:?}", piece);
        }
    }
}
