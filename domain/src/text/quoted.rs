//! Stories and laws of cutting in block quotes.

use proptest::prelude::*;
use rstest::rstest;

use super::quote::Quote;
use super::{Limits, fence, head, line, split};

const TINY: Limits = Limits::chars(64);

#[test]
fn a_fence_in_a_quote_is_closed_and_opened_again_in_the_quote() {
    let text =
        "> So:\n> ```py\n> a = 1\n>\n>   b = 22222222\n> c = 3333333\n> d = 4444444\n> ```\n> End.\n\nAfter.";
    assert_eq!(
        split(text, TINY),
        [
            "> So:\n> ```py\n> a = 1\n>\n>   b = 22222222\n> c = 3333333\n> ```",
            "> ```py\n> d = 4444444\n> ```\n> End.\n\nAfter.",
        ]
    );
}

#[test]
fn a_closing_line_right_behind_the_cut_is_dropped_in_a_quote_too() {
    let text = format!("> > ~~~\n> > {}\n>> {}\n> > ~~~\n> Done, and so on.", "a".repeat(22), "b".repeat(19));
    let pieces = split(&text, TINY);
    assert_eq!(pieces[0], format!("> > ~~~\n> > {}\n>> {}\n>> ~~~", "a".repeat(22), "b".repeat(19)));
    assert_eq!(pieces[1], "> Done, and so on.");
}

#[test]
fn the_rest_of_a_line_that_is_cut_keeps_the_marks_of_its_quote() {
    let text = "> One sentence stands here alone! Another one follows it,\n> and is far too long.";
    assert_eq!(
        split(text, TINY),
        ["> One sentence stands here alone!", "> Another one follows it,\n> and is far too long."]
    );
    let code = format!("> ```\n> {}\n> ```", "x".repeat(60));
    let expected = [31, 29].map(|count| format!("> ```\n> {}\n> ```", "x".repeat(count)));
    assert_eq!(split(&code, TINY), expected);
}

#[test]
fn a_table_in_a_quote_gets_its_head_again_with_its_marks() {
    let text =
        "> | name | size |\n> |---|---|\n> | a | 1 |\n> | b | 2 |\n> | c | 3 |\n> | d | 4 |\n> The end.";
    assert_eq!(
        split(text, TINY),
        [
            "> | name | size |\n> |---|---|\n> | a | 1 |\n> | b | 2 |",
            "> | name | size |\n> |---|---|\n> | c | 3 |\n> | d | 4 |\n> The end.",
        ]
    );
}

#[test]
fn a_fence_ends_with_its_quote() {
    let text = format!("> ```py\n> a = 1\nNo code here. {}", "Nor in this sentence. ".repeat(4));
    let pieces = split(&text, TINY);
    assert!(pieces.iter().skip(1).all(|piece| !piece.contains('`')), "{pieces:?}");
    assert_eq!(pieces[0], "> ```py\n> a = 1\n> ```");
}

#[test]
fn a_table_ends_with_its_quote() {
    let text =
        format!("> | name | size |\n> |---|---|\n> | a | 1 |\nNo row: a | b. {}", "Nor | here. ".repeat(6));
    for piece in split(&text, TINY).iter().skip(1) {
        assert!(!piece.contains("---"), "{piece}");
    }
}

#[rstest]
#[case::quote_in_item("- > ```py", "  > ", "> ```py")]
#[case::item_in_quote("> - ```py", ">   ", ">   ```py")]
#[case::number_in_quote("> 12. ~~~~", ">     ", ">     ~~~~")]
#[case::item("- ```py", "  ", "  ```py")]
#[case::items("1. - ```", "     ", "     ```")]
fn a_fence_behind_the_mark_of_an_item_is_a_fence(
    #[case] opening: &str,
    #[case] before: &str,
    #[case] again: &str,
) {
    let code = format!("{before}some line of code\n").repeat(8);
    let text = format!(
        "{opening}\n{code}{before}{}\nAfter.",
        opening.trim_start_matches(|c| !"`~".contains(c)).replace("py", "")
    );
    let pieces = split(&text, TINY);
    assert!(pieces.len() > 2);
    for piece in pieces.iter().skip(1).filter(|piece| *piece != "After.") {
        assert!(piece.starts_with(&format!("{again}\n{before}some line")), "{piece:?}");
    }
    assert!(pieces.last().is_some_and(|last| last.ends_with("After.")), "{pieces:?}");
}

#[test]
fn a_cut_goes_where_a_quote_begins_or_ends() {
    let text = "> What somebody else said there\n> in two lines\nWhat we say to that, in short words";
    assert_eq!(
        split(text, TINY),
        ["> What somebody else said there\n> in two lines", "What we say to that, in short words"]
    );
}

#[test]
fn lines_of_a_quote_that_are_empty_go_at_a_cut() {
    let text = "> A paragraph in a quote, long enough.\n>\n> \n> Another one, which is as long as it.";
    assert_eq!(
        split(text, TINY),
        ["> A paragraph in a quote, long enough.", "> Another one, which is as long as it."]
    );
}

#[test]
fn quotes_deeper_than_are_told_apart_are_cut_as_the_last_of_them() {
    let text = format!(">>>>>>>> {}", "word ".repeat(20));
    let pieces = split(&text, TINY);
    assert!(pieces[1].starts_with(">>>> word"), "{pieces:?}");
}

#[test]
fn many_marks_are_cut_like_a_word() {
    let pieces = split(&"> ".repeat(200), TINY);
    assert!(pieces.iter().all(|piece| piece.starts_with("> > > ") || piece.starts_with(">>>> ")));
}

/// Quotes, and what stands in them and next to them.
fn any_text() -> impl Strategy<Value = String> {
    let bits = vec![
        "\n> ",
        "\n> ",
        "\n> ",
        "\n>",
        "\n> > ",
        "\n",
        "\n\n",
        ">",
        " ",
        "    ",
        "\t",
        "```",
        "```py\n> ",
        "~~~~",
        "\n> ```\n",
        "\n- > ```\n  > ",
        "\n> - ~~~\n> ",
        "\n>>>>>> ",
        "\n     >   >  > ",
        "| a | b |",
        "\n> |---|---|\n> ",
        "- ",
        "1. ",
        "word",
        "longerwordwithoutspaces",
        "汉字",
        "。",
        ". ",
        "👨\u{200D}👩",
        "# ",
        "\u{301}",
        "`````````````````````",
    ];
    prop::collection::vec(prop::sample::select(bits), 0..120).prop_map(|bits| bits.concat())
}

fn any_limits() -> impl Strategy<Value = Limits> {
    (64..160_usize, prop_oneof![Just(usize::MAX), 256..500_usize])
        .prop_map(|(chars, bytes)| Limits::new(chars, bytes))
}

proptest! {
    #[test]
    fn every_piece_fits_says_something_and_leaves_nothing_open(text in any_text(), limits in any_limits()) {
        let pieces = split(&text, limits);
        for piece in &pieces {
            prop_assert!(limits.fits(piece) && !line::is_blank(piece), "{piece:?}");
            if pieces.len() > 1 {
                prop_assert_eq!(fence::after(None, Quote::NONE, piece), None, "{:?}", piece);
            }
        }
    }

    #[test]
    fn words_in_a_quote_stay_in_it(count in 1..80_usize, depth in 1..=4_usize, limits in any_limits()) {
        let marks = "> ".repeat(depth);
        let text = (0..count).map(|n| format!("{marks}word{n} and word{n}")).collect::<Vec<_>>().join("\n");
        let quote = Quote::parted(Quote::NONE, &text).0;
        for piece in split(&text, limits) {
            for line in piece.lines() {
                prop_assert_eq!(Quote::parted(Quote::NONE, line).0, quote, "{:?}", piece);
            }
        }
    }

    #[test]
    fn a_head_and_its_rest_are_the_split(text in any_text(), limits in any_limits()) {
        let head = head(&text, limits);
        let mut pieces: Vec<String> =
            Some(head.first.into_owned()).into_iter().filter(|piece| !line::is_blank(piece)).collect();
        pieces.extend(head.rest.into_iter().flat_map(|rest| rest.split(limits)));
        prop_assert_eq!(pieces, split(&text, limits));
    }
}
