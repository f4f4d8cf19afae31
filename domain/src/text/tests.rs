//! Stories and laws of cutting.

use std::borrow::Cow;

use proptest::prelude::*;
use rstest::rstest;

use super::{Limits, fence, head, line, split};

const TINY: Limits = Limits::chars(64);

fn words(count: usize) -> String {
    (0..count).map(|n| format!("word{n}")).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_text_that_fits_is_one_piece_and_is_not_copied() {
    let text = "Hello.\n\n```rust\nfn main() {}\n";
    assert_eq!(split(text, TINY), [text]);
    let head = head(text, TINY);
    assert!(matches!(head.first, Cow::Borrowed(_)));
    assert_eq!(head.rest, None);
}

#[rstest]
#[case("")]
#[case(" \n\n\t ")]
#[case(&" \n".repeat(500))]
fn a_blank_text_has_no_pieces(#[case] text: &str) {
    assert_eq!(split(text, TINY), Vec::<String>::new());
}

#[test]
fn a_cut_goes_between_paragraphs_before_lines_sentences_and_words() {
    let text = "First paragraph, of some length.\n\nSecond one. It is\nlonger than what fits here, by far.";
    assert_eq!(
        split(text, TINY),
        ["First paragraph, of some length.", "Second one. It is\nlonger than what fits here, by far."]
    );
    let text = "First line of the paragraph.\nSecond line. It is longer than what fits.";
    assert_eq!(
        split(text, TINY),
        ["First line of the paragraph.", "Second line. It is longer than what fits."]
    );
    let text = "One sentence stands here alone! Another one follows it, and is far too long.";
    assert_eq!(
        split(text, TINY),
        ["One sentence stands here alone!", "Another one follows it, and is far too long."]
    );
    let text = "no sentence here just words and words and words until the limit comes in sight";
    assert_eq!(
        split(text, TINY),
        ["no sentence here just words and words and words until the limit", "comes in sight"]
    );
}

#[test]
fn chinese_is_cut_behind_its_own_sentence_marks_and_never_before_punctuation() {
    let sentence = "今天的会议改到下午三点半开始请大家准时参加谢谢配合与支持。";
    let pieces = split(&sentence.repeat(6), TINY);
    assert_eq!(pieces, vec![sentence.repeat(2); 3]);
    let pieces = split(&"甲乙丙，".repeat(40), TINY);
    assert!(pieces.iter().all(|piece| !piece.starts_with('，')), "{pieces:?}");
}

#[test]
fn an_open_fence_is_closed_at_the_cut_and_opened_again_with_its_language() {
    let text = "Look:\n\n```rust\nlet a = 1;\nlet b = 2;\nlet c = 3;\nlet d = 4;\nlet e = 5;\nlet f = 6;\n```\nThat is all.";
    let pieces = split(text, TINY);
    assert_eq!(
        pieces,
        [
            "Look:\n\n```rust\nlet a = 1;\nlet b = 2;\nlet c = 3;\nlet d = 4;\n```",
            "```rust\nlet e = 5;\nlet f = 6;\n```\nThat is all.",
        ]
    );
}

#[test]
fn a_closing_line_right_behind_the_cut_makes_no_empty_block() {
    let text = format!(
        "~~~text\n{}\n{}\n~~~\nDone, and a sentence that follows the block of code.",
        "a".repeat(25),
        "b".repeat(24)
    );
    let pieces = split(&text, TINY);
    assert_eq!(pieces[0], format!("~~~text\n{}\n{}\n~~~", "a".repeat(25), "b".repeat(24)));
    assert_eq!(pieces[1], "Done, and a sentence that follows the block of code.");
}

#[test]
fn a_fence_keeps_its_indent_and_length_and_ignores_shorter_ones_inside() {
    let text = format!("  ````md\n```\n{}\n```\n  ````\nend", "inner line\n".repeat(8));
    let pieces = split(&text, TINY);
    assert!(pieces.len() > 1);
    assert!(
        pieces
            .iter()
            .rev()
            .skip(1)
            .all(|piece| piece.starts_with("  ````md\n") && piece.ends_with("\n  ````"))
    );
}

#[test]
fn marks_behind_a_gap_do_not_lengthen_a_fence_that_is_opened_again() {
    let text = format!("~~~ ~~~```\n{}", "code\n".repeat(20));
    assert!(split(&text, TINY)[1].starts_with("~~~\ncode\n"));
}

#[test]
fn no_piece_is_made_of_an_indent() {
    let text = format!("{}\n  \u{A0} {}\n{}", words(8), "x".repeat(70), words(8));
    assert!(split(&text, TINY).iter().all(|piece| !line::is_blank(piece)), "{:?}", split(&text, TINY));
}

#[test]
fn marks_behind_a_long_indent_do_not_become_a_fence() {
    let text = format!("{}\n{}```word\n{}", words(8), " ".repeat(20), words(30));
    let pieces = split(&text, TINY);
    assert_eq!(pieces.concat().matches("```").count(), 1, "{pieces:?}");
}

#[rstest]
#[case::inside_a_line(format!("{}~~~~~~~word", "x".repeat(60)))]
#[case::longer_than_a_piece(format!("{}word", "~".repeat(70)))]
fn a_cut_inside_a_run_of_marks_makes_no_fence_of_it(#[case] start: String) {
    let text = format!("{start}\n{}", words(30));
    let pieces = split(&text, TINY);
    assert_eq!(pieces.concat().matches("word0 ").count(), 1);
    assert!(pieces.iter().skip(2).all(|piece| !piece.contains('~')), "{pieces:?}");
}

#[rstest]
#[case::of_the_fence('`')]
#[case::of_another('~')]
fn a_run_of_marks_in_code_is_no_closing_line_where_it_is_cut(#[case] mark: char) {
    let run = mark.to_string().repeat(300);
    let text = format!("```rust\nrust{run}\nlet a = 1;\n```\nend");
    let pieces = split(&text, TINY);
    let marks = pieces.concat().matches(mark).count();
    assert!(marks >= 300, "{marks} are left: {pieces:?}");
    assert_eq!(pieces.concat().matches("let a = 1;").count(), 1, "{pieces:?}");
}

#[test]
fn a_line_that_is_no_fence_is_not_cut_into_one() {
    let text = format!("``` {} `code` {}", words(12), "more ".repeat(12));
    let pieces = split(&text, TINY);
    assert_eq!(pieces.concat().matches("word0 ").count(), 1, "{pieces:?}");
    assert!(pieces.iter().all(|piece| !piece.starts_with("```")), "{pieces:?}");
}

#[test]
fn a_very_long_run_of_marks_is_cut_in_good_time() {
    let text = format!("```\nx{}\n```", "`".repeat(200_000));
    let pieces = split(&text, Limits::chars(2_000));
    assert!(pieces.len() > 100);
}

#[test]
fn a_heading_goes_with_what_it_heads() {
    let text = format!("{}\n\n## Next\n\n{}", words(6), words(6));
    assert_eq!(split(&text, TINY), [words(6), format!("## Next\n\n{}", words(6))]);
}

#[test]
fn an_indent_behind_a_cut_stays() {
    let text = "- the first point, which is long enough\n    - a point below it, which is as long";
    assert_eq!(split(text, TINY)[1], "    - a point below it, which is as long");
}

#[rstest]
#[case::family("👨\u{200D}👩\u{200D}👧\u{200D}👦")]
#[case::flag("🇨🇳")]
#[case::accent("e\u{301}")]
#[case::keycap("1\u{FE0F}\u{20E3}")]
#[case::skin("👍🏽")]
#[case::hangul("\u{1112}\u{1161}\u{11AB}")]
#[case::hangul_of_several_leads("\u{1121}\u{1112}\u{1161}\u{11AB}")]
#[case::hangul_lead_before_a_syllable("\u{1121}\u{AC01}\u{11AB}")]
fn what_a_reader_sees_as_one_character_stays_whole(#[case] cluster: &str) {
    for offset in 0..8 {
        let text = format!("{}{}", "x".repeat(offset), cluster.repeat(100));
        for piece in split(&text, TINY) {
            let body = piece.trim_start_matches('x');
            assert_eq!(body, cluster.repeat(body.len() / cluster.len()), "offset {offset}");
        }
    }
}

#[test]
fn a_head_looks_no_further_than_it_fits_and_its_rest_goes_on_inside_the_fence() {
    let code = format!("```py\n{}```\nthe end", "print(1)\n".repeat(12));
    let head = head(&code, TINY);
    assert!(head.first.ends_with("\n```"));
    let rest = head.rest.expect("too long for one piece").split(Limits::chars(1000));
    assert_eq!(rest.len(), 1);
    assert!(rest[0].starts_with("```py\nprint(1)\n") && rest[0].ends_with("```\nthe end"));
}

#[test]
fn room_for_a_suffix_is_kept() {
    let suffix = "\n\nThe rest follows as text below.";
    let limits = Limits::chars(200);
    let text = words(100);
    let first = head(&text, limits.with_room_for(suffix)).first;
    assert!(limits.fits(&format!("{first}{suffix}")));
}

#[test]
fn wishes_below_the_minimum_are_raised_to_it() {
    assert_eq!(Limits::new(0, 0), Limits::new(Limits::CHARS_MIN, Limits::BYTES_MIN));
}

fn any_limits() -> impl Strategy<Value = Limits> {
    (0..160_usize, prop_oneof![Just(usize::MAX), 0..500_usize])
        .prop_map(|(chars, bytes)| Limits::new(chars, bytes))
}

/// Strings made of what cutting cares about, next to wholly arbitrary ones.
fn any_text() -> impl Strategy<Value = String> {
    let bit = prop_oneof![
        Just("```"),
        Just("`"),
        Just("~~~"),
        Just("\n"),
        Just("\n"),
        Just("\r\n"),
        Just(" "),
        Just("    "),
        Just("word"),
        Just("。"),
        Just("汉字"),
        Just("，"),
        Just(". "),
        Just("rust"),
        Just("# "),
        Just("👨\u{200D}👩"),
        Just("🇨🇳"),
        Just("\u{301}"),
        Just("longerwordwithoutspaces"),
        Just("`````````````````````"),
        Just("\n```rust\n"),
        Just("\n````\n"),
        Just("\n~~~~ an info string of some length\n"),
        Just("\u{A0}"),
        Just("                                             "),
    ];
    prop_oneof![prop::collection::vec(bit, 0..120).prop_map(|bits| bits.concat()), ".{0,200}", "(?s).{0,200}"]
}

proptest! {
    #[test]
    fn every_piece_fits_and_says_something(text in any_text(), limits in any_limits()) {
        for piece in split(&text, limits) {
            prop_assert!(limits.fits(&piece), "{piece:?}");
            prop_assert!(!line::is_blank(&piece));
        }
    }

    #[test]
    fn every_piece_of_several_has_balanced_fences(text in any_text(), limits in any_limits()) {
        let pieces = split(&text, limits);
        if pieces.len() > 1 {
            for piece in pieces {
                prop_assert_eq!(fence::after(None, super::quote::Quote::NONE, &piece), None, "{:?}", &piece);
            }
        }
    }

    #[test]
    fn nothing_is_lost_but_white_space(text in any_text(), limits in any_limits()) {
        let start = super::Rest { text: &text, open: None, lost: super::quote::Quote::NONE };
        // What lies between the pieces: blank, a fence that we close and open ourselves, or an empty line of a quote.
        let mut kept_to = 0;
        let (_, end) = text.split_at(text.len());
        for content in start.pieces(limits).iter().map(|piece| piece.content).chain([end]) {
            let from = content.as_ptr().addr() - text.as_ptr().addr();
            for (at, character) in text.get(kept_to..from).unwrap().char_indices() {
                let (before, behind) = text.split_at(kept_to + at);
                let line = [before.rsplit('\n').next().unwrap(), behind.split('\n').next().unwrap()].concat();
                let may_go = character.is_whitespace() || matches!(character, '`' | '~');
                prop_assert!(may_go || super::quote::is_marks(&line), "{character:?} is lost of {line:?}");
            }
            kept_to = from + content.len();
        }
    }

    #[test]
    fn a_head_and_its_rest_are_the_split(text in any_text(), limits in any_limits()) {
        let head = head(&text, limits);
        let mut pieces: Vec<String> = Some(head.first.into_owned()).into_iter().filter(|p| !line::is_blank(p)).collect();
        pieces.extend(head.rest.into_iter().flat_map(|rest| rest.split(limits)));
        prop_assert_eq!(pieces, split(&text, limits));
    }

    #[test]
    fn pieces_are_worth_a_message(count in 300..600_usize) {
        let text = words(count);
        let pieces = split(&text, Limits::chars(300));
        for piece in pieces.iter().rev().skip(1) {
            prop_assert!(piece.len() > 100, "{}", piece.len());
        }
    }
}
