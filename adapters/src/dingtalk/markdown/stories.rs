//! Stories of code in quotes and items, headings, and tables of answers that are cut.

use rstest::rstest;
use switchboard_domain::text::{Limits, split};

use super::{Dialect, Extent, Style, adapt, for_card, for_message};

fn card(text: &str) -> String {
    for_card(text, Extent::Whole)
}

fn message(text: &str) -> String {
    for_message(text, |_| true)
}

#[rstest]
#[case::quoted_item("> - ```py\n>   a = 1\n>     b\n>   ```\n> c", "> ```py\n> a = 1\n>   b\n> ```\n> c")]
#[case::quote_in_item("- > ```py\n  > a = 1\n  > ```\n- b", "> ```py\n> a = 1\n> ```\n\n- b")]
#[case::item("- a\n- ```sh\n  x\n    y\n  ```\n- b", "- a\n\n```sh\nx\n  y\n```\n\n- b")]
#[case::number("1. ```sh\n   x\n   ```\n2. b", "1.\n\n```sh\nx\n```\n\n2. b")]
#[case::number_in_quote("> 2) ~~~\n>    x", "> 2)\n> ~~~\n> x\n> ~~~")]
#[case::indented_in_quote("> a\n>\n>     x\n>       y\n>\n> b", "> a\n>\n> ```\n> x\n>   y\n> ```\n>\n> b")]
#[case::indented_at_the_quotes_beginning(">     x = `1`", "> ```\n> x = `1`\n> ```")]
#[case::below_an_item_in_a_quote("> - a\n>\n>     more of a", "> - a\n>\n> more of a")]
#[case::no_code_behind_prose("> a\n>     goes on", "> a\n>\n> goes on")]
fn code_in_quotes_and_items_stays_as_it_was(#[case] text: &str, #[case] expected: &str) {
    assert_eq!(card(text), expected);
    assert_eq!(card(expected), expected);
}

#[test]
fn a_lean_fence_in_an_item_is_not_touched() {
    for text in ["1. ```sh\n   x\n   ```\n2. b", "> - ```\n>   x\n> b"] {
        for dialect in [Dialect::Card, Dialect::Message] {
            assert_eq!(adapt(text, Style { dialect, lean: true }, Extent::Whole), text);
        }
    }
}

#[rstest]
#[case("Title\n===\nbody", "# Title\n\nbody")]
#[case("a\n\nThe *title*  \n----------\nbody", "a\n\n## The *title*\n\nbody")]
#[case("a\n---\nb", "a\n\n---\n\nb")]
#[case("- a\n===", "- a\n\n===")]
#[case("a\n==", "a\n\n==")]
#[case("\n===\na", "===\n\na")]
fn a_line_under_another_makes_a_heading_of_it(#[case] text: &str, #[case] expected: &str) {
    assert_eq!(card(text), expected);
    assert_eq!(card(expected), expected);
}

#[rstest]
#[case::plain(
    "<table>\n<caption>Sizes</caption>\n  <tr><th>name</th><th>size</th></tr>\n  <tr><td>a <b>b</b></td><td>1</td></tr>\n</table>\nend",
    "Sizes\n\n| name | size |\n|---|---|\n| a **b** | 1 |\n\nend"
)]
#[case::on_one_line("<TABLE border=1><TR><TD>a|b<TD>c</TABLE> end", "| a\\|b | c |\n|---|---|\n\nend")]
#[case::rows_of_several_lengths(
    "<table><thead><tr><th>a</th></tr></thead><tbody><tr><td>b</td><td>c\nd</td></tr></tbody></table>",
    "| a |  |\n|---|---|\n| b | c d |"
)]
#[case::words_between_rows(
    "<table><tr><td>a</td></tr> b <tr><td>c</td></tr></table>",
    "| a |\n|---|\n| b |\n| c |"
)]
#[case::code("<table><tr><td>`<td>` <!-- no --> x</td></tr></table>", "| `<td>` x |\n|---|")]
#[case::not_ended("<table><tr><td>a</td>", "a")]
#[case::no_rows("<table></table>a", "a")]
fn a_table_in_html_becomes_one_in_markdown(#[case] text: &str, #[case] expected: &str) {
    assert_eq!(card(text), expected);
}

#[test]
fn a_table_in_html_is_a_list_in_a_message_and_never_grows_where_nothing_may_be_added() {
    let text = "See:\n<table><tr><td>a</td><td>b|c</td></tr><tr><td>1</td><td>2</td></tr></table>\nEnd.";
    assert_eq!(message(text), "See:\n\n- a: 1 · b\\|c: 2\n\nEnd.");
    let lean = |dialect| adapt(text, Style { dialect, lean: true }, Extent::Whole);
    assert_eq!(lean(Dialect::Card), "See:\n|a|b¦c|\n|-|-|\n|1|2|\nEnd.");
    assert_eq!(lean(Dialect::Message), "See:\n- a·b¦c\n- 1·2\nEnd.");
}

/// Texts as messages hold them (`robot.rs`).
const MESSAGES: Limits = Limits::new(3_500, 14_000);

fn sent(part: &str) -> String {
    for_message(part, |adapted| adapted.chars().count() <= 3_800)
}

/// An answer of several messages: prose, a table of its own, one that is longer than a message, and the end.
fn long_answer(row: &str) -> String {
    let prose = "Some words of an answer.\nAnd some more of them.\n\n".repeat(20);
    let small = "| key | value |\n|---|---|\n| one | 1 |\n";
    let rows: String = (0..200).map(|number| row.replace('#', &number.to_string())).collect();
    format!("{prose}{small}\n{prose}\n| name | size |\n|------|------|\n{rows}\nThe end of it all.")
}

#[rstest]
#[case::wide("| row # | a value of some words, and # more |\n")]
#[case::narrow("|r#|#|\n")]
#[case::with_empty_cells("| row # | |\n")]
fn a_table_that_is_cut_has_one_shape_in_all_messages(#[case] row: &str) {
    let parts = split(&long_answer(row), MESSAGES);
    assert!(parts.len() > 1, "{} parts", parts.len());
    let mut rows = 0;
    for part in &parts {
        let shown = sent(part);
        assert!(!shown.contains('|'), "a table: {shown}");
        assert!(!shown.contains("name: "), "named in one part, in others not: {shown}");
        rows += shown.lines().filter(|line| line.starts_with("- r")).count();
    }
    assert_eq!(rows, 200);
    assert!(sent(&parts[0]).contains("- key: one · value: 1"), "a whole table names its values");
}

/// The platform runs lines together that a bare break parts (dingtalk §4.5).
#[rstest]
#[case::chinese("第#行，写着几个字，")]
#[case::english("Line # has a few words,")]
fn the_lines_of_a_long_answer_stay_apart_in_every_message(#[case] line: &str) {
    let lines: Vec<String> = (0..900).map(|number| line.replace('#', &number.to_string())).collect();
    let parts = split(&lines.join("\n"), MESSAGES);
    assert!(parts.len() > 2, "{} parts", parts.len());
    let mut seen: Vec<String> = Vec::new();
    for part in &parts {
        let shown = sent(part);
        assert!(shown.chars().count() <= 3_800);
        let broken = shown.replace("  \n  ", "\n\n");
        seen.extend(broken.split("\n\n").map(str::to_owned));
    }
    assert_eq!(seen, lines);
}

#[test]
fn a_part_that_is_too_full_for_more_has_lists_all_the_same() {
    let table = "| row | a value |\n|---|---|\n";
    let text = format!("{}{table}{}", "One line.\n".repeat(200), "| a row | its value |\n".repeat(60));
    assert!(!for_message(&text, |_| false).contains('|'));
}

#[rstest]
#[case::english("The rest of the answer follows as text below.")]
#[case::chinese("其余内容见下方文字消息。")]
fn a_table_that_may_go_on_below_its_card_is_a_list_on_it_too(#[case] notice: &str) {
    let table = "| a | b |\n|---|---|\n| 1 | |";
    assert_eq!(card(&format!("x\n\n{table}\n\n{notice}")), format!("x\n\n- a · b\n- 1 · –\n\n{notice}"));
    let ended = format!("{table}\n\nwords\n\n{notice}");
    assert_eq!(card(&ended), ended);
}
