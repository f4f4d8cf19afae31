//! Stories and laws of adapting.

use proptest::prelude::*;
use rstest::rstest;

use super::{Dialect, Extent, Style, adapt, for_card, for_message};

const STYLES: [Style; 6] = [
    Style { dialect: Dialect::Card, lean: false },
    Style { dialect: Dialect::Card, lean: true },
    Style { dialect: Dialect::Message, lean: false },
    Style { dialect: Dialect::Message, lean: true },
    Style { dialect: Dialect::CloseMessage, lean: false },
    Style { dialect: Dialect::CloseMessage, lean: true },
];

fn card(text: &str) -> String {
    for_card(text, Extent::Whole)
}

fn message(text: &str) -> String {
    for_message(text, |_| true)
}

#[rstest]
#[case("Thinking...")]
#[case("思考中...")]
#[case("# Hi\n\nbody")]
#[case("```rust\nlet x: Vec<T> = 1 < 2;\n\n<b>\n```")]
#[case("- one\n- two\n    - below\n\nafter")]
#[case("a < b, 1 <2, x <- y, a & b &lt; c")]
#[case("`<div>` and ``a ` <b>`` stay")]
#[case("~~old~~ $x^2$ and a note[^1]\n\n[^1]: the note")]
#[case("$$\na < b\nc\n$$")]
#[case("> ```py\n> def f(x: Vec<T>):\n>     return 1\n>\n>     # more\n> ```\n> after")]
#[case("> so:\n> ~~~\n> > x\n> ~~~")]
#[case("> | a | b |\n> |---|--:|\n> | 1 | `x` |")]
#[case("**bold** *it* [a](https://e/x_(y)) ![p](https://e/p.png \"t\")")]
fn what_needs_no_change_has_none(#[case] text: &str) {
    assert_eq!(card(text), text);
    assert_eq!(message(text), text);
}

#[test]
fn however_many_carriage_returns_before_a_line_break_go_at_once() {
    let text = format!("```\na{}\nb\n```", "\r".repeat(15));
    assert_eq!(card(&text), "```\na\nb\n```");
    assert_eq!(message(&text), "```\na\nb\n```");
}

#[rstest]
#[case::prose("one\ntwo", "one\n\ntwo", "one  \n  two")]
#[case::three("one\ntwo\n\nthree", "one\n\ntwo\n\nthree", "one  \n  two\n\nthree")]
#[case::list_behind_prose(
    "Steps:\n- a\n- b\nDone.",
    "Steps:\n\n- a\n- b\n\nDone.",
    "Steps:\n\n- a\n- b\n\nDone."
)]
#[case::quote("> a\n> b\n\nc", "> a\n>\n> b\n\nc", "> a  \n> b\n\nc")]
#[case::heading("text\n## H\ntext", "text\n\n## H\n\ntext", "text\n\n## H\n\ntext")]
#[case::deep_heading("####### seven", "###### seven", "###### seven")]
#[case::rule("text\n***", "text\n\n---", "text\n\n---")]
#[case::tasks("* [ ] a\n* [x] b\n+ [X] c", "- ☐ a\n- ☑ b\n- ☑ c", "- ☐ a\n- ☑ b\n- ☑ c")]
#[case::deep_list(
    "- a\n  - b\n    - c\n      - d\n- e",
    "- a\n    - b\n    - c\n    - d\n- e",
    "- a\n    - b\n    - c\n    - d\n- e"
)]
#[case::numbers("3) a\n4) b\n   more of b", "3. a\n4. b\n    more of b", "3. a\n4. b\n    more of b")]
#[case::first_item_indented("    - a\n    - b", "```\n- a\n- b\n```", "```\n- a\n- b\n```")]
#[case::fence_in_list(
    "1. a\n   ```sh\n   x\n     y\n   ```\n2. b",
    "1. a\n\n```sh\nx\n  y\n```\n\n2. b",
    "1. a\n\n```sh\nx\n  y\n```\n\n2. b"
)]
#[case::quoted_fence(
    "a\n> b\n> > ```py\n> > if x:\n>>   <b>\n> > ```\n> c\nd",
    "a\n\n> b\n>> ```py\n>> if x:\n>>   <b>\n>> ```\n> c\n\nd",
    "a\n\n> b\n>> ```py\n>> if x:\n>>   <b>\n>> ```\n> c\n\nd"
)]
#[case::quoted_fence_in_list(
    "- a\n  >  ```\n  >  x\n  >    y\n  >  ```\n- b",
    "- a\n\n> ```\n> x\n>   y\n> ```\n\n- b",
    "- a\n\n> ```\n> x\n>   y\n> ```\n\n- b"
)]
#[case::quoted_fence_left_open("> ```\n>  x\ny", "> ```\n>  x\n> ```\n\ny", "> ```\n>  x\n> ```\n\ny")]
#[case::open_fence("a\n```\nx", "a\n\n```\nx\n```", "a\n\n```\nx\n```")]
#[case::indented_code("a\n\n    <b>\n    x\n\nb", "a\n\n```\n<b>\nx\n```\n\nb", "a\n\n```\n<b>\nx\n```\n\nb")]
#[case::autolink(
    "<https://e/x>, <a@b.org>",
    "[https://e/x](https://e/x), a@b.org",
    "[https://e/x](https://e/x), a@b.org"
)]
#[case::references(
    "see [one][1], [Two] and ![p][1]\n\n[1]: https://e/1 \"t\"\n[two]: <https://e/2>\n[3]: https://e/3",
    "see [one](https://e/1), [Two](https://e/2) and ![p](https://e/1)\n\n[3]: https://e/3",
    "see [one](https://e/1), [Two](https://e/2) and ![p](https://e/1)\n\n[3]: https://e/3"
)]
#[case::unknown_tag("use <name> or Vec<T>", "use &lt;name> or Vec&lt;T>", "use &lt;name> or Vec&lt;T>")]
#[case::blocks("<h1>T</h1><p>para</p>", "T\n\npara", "T  \n  para")]
#[case::a_fold("- <details><summary>s</summary>d</details>", "- s d", "- s d")]
#[case::known_tags("<p>a <b>b</b><i>i</i> <code>c</code></p>", "a **b***i* `c`", "a **b***i* `c`")]
#[case::line_break("a<br>b<br/>c", "a\n\nb\n\nc", "a  \n  b  \n  c")]
#[case::anchor(
    "<a href=\"https://e/x\" target=_blank>the <b>page</b></a>",
    "[the **page**](https://e/x)",
    "[the **page**](https://e/x)"
)]
#[case::script_link("<a href=\"javascript:x\">t</a>", "t", "t")]
#[case::image(
    "<img src='https://e/p.png' alt='a [pic]'>",
    "![a pic](https://e/p.png)",
    "![a pic](https://e/p.png)"
)]
#[case::comment("a<!-- hidden -->b\n<!-- more\nhidden -->\nc", "ab\n\nc", "ab  \n  c")]
#[case::details("<details>\n<summary>More</summary>\ntext\n</details>", "More\n\ntext", "More  \n  text")]
#[case::font("<font color=red>x</font>", "x", "<font color=red>x</font>")]
fn each_thing_is_written_as_the_platform_shows_it(
    #[case] text: &str,
    #[case] on_card: &str,
    #[case] in_message: &str,
) {
    assert_eq!(card(text), on_card);
    assert_eq!(message(text), in_message);
}

#[test]
fn a_table_is_one_on_a_card_and_a_list_in_a_message() {
    let text = "Sizes:\n| name | **size** |\n|:--|--:|\n| a<br>b | 1 |\n| `x \\| y` | |\nEnd.";
    assert_eq!(
        card(text),
        "Sizes:\n\n| name | **size** |\n|:--|--:|\n| a<br>b | 1 |\n| `x \\| y` | |\n\nEnd."
    );
    assert_eq!(message(text), "Sizes:\n\n- name: a b · **size**: 1\n- name: `x \\| y` · **size**: –\n\nEnd.");
    assert_eq!(message("x\n\n| a | b |\n|---|---|"), "x\n\n- a · b");
}

#[test]
fn a_table_whose_headers_would_be_repeated_too_often_is_written_shortly() {
    let header = "a very long header of many words".repeat(4);
    let text = format!("x\n| {header} | b |\n|---|---|\n{}", "| 1 | 2 |\n".repeat(40)) + "\nend";
    let list = message(&text);
    assert!(list.starts_with(&format!("x\n\n- {header} · b\n- 1 · 2\n")), "{list}");
    assert!(list.len() < 2 * text.len());
}

#[rstest]
#[case("look: ![a chart](https://e/ch", "look:")]
#[case("see [the page](https://e", "see the page")]
#[case("a\n| x | y |\n|--", "a\n\n| x | y |")]
#[case("```js\nlet <b", "```js\nlet <b\n```")]
#[case("> ```js\n>   let <b", "> ```js\n>   let <b\n> ```")]
#[case("so <div class=", "so")]
fn what_is_unfinished_at_the_end_of_an_update_is_not_shown_half(#[case] text: &str, #[case] expected: &str) {
    assert_eq!(for_card(text, Extent::SoFar), expected);
}

#[test]
fn a_card_that_would_be_too_full_is_adapted_lean() {
    let text = format!("{}\nnext <name>", "<x> ".repeat(749));
    assert!(text.chars().count() <= 3_100);
    let lean = card(&text);
    assert!(lean.chars().count() <= text.chars().count());
    assert!(!lean.contains("<x") && lean.contains("＜x>"), "no raw tag all the same");
}

#[test]
fn breaks_alone_do_not_make_a_card_too_full() {
    let text = "一行字共有十个汉字。\n".repeat(270);
    assert!(card(&text).contains("\n\n"));
}

/// Pieces of prose, lists and HTML.
const BITS: [&str; 47] = [
    "\n",
    "\n",
    "\n\n",
    " ",
    "  ",
    "- ",
    "* ",
    "1. ",
    "2) ",
    "> ",
    "# ",
    "####### ",
    "---",
    "***",
    "<",
    ">",
    "<b>",
    "</b>",
    "<br>",
    "<name>",
    "<a href=\"https://e/x\">",
    "</a>",
    "<img src=\"https://e/p\">",
    "<!--",
    "-->",
    "<https://e/y>",
    "<p>",
    "<hr>",
    "<td>",
    "[",
    "]",
    "(",
    ")",
    "![",
    "[a](https://e)",
    "[a][k]",
    "[k]",
    "\n[k]: https://e/k\n",
    "[ ] ",
    "[x] ",
    "**",
    "汉字",
    "word",
    "1",
    "&lt;",
    "[^1]",
    ":",
];
/// Pieces that begin or end code, tables and formulas, and signs with a meaning.
const CODE_BITS: [&str; 21] = [
    "\n> ```\n>   ",
    "\n>> ~~~\n",
    "\n> ",
    "```",
    "```py\n",
    "~~~",
    "`",
    "``",
    "|",
    "| a | b |",
    "\n|---|---|\n",
    "|-",
    "\\",
    "<code>",
    "$$",
    "\n$$\n",
    "    ",
    "\t",
    "· ",
    "\"",
    "<font color=red>",
];

/// Pieces of what agents write, next to each other in any way.
fn any_text() -> impl Strategy<Value = String> {
    let bit = prop_oneof![3 => prop::sample::select(&BITS[..]), 1 => prop::sample::select(&CODE_BITS[..])];
    prop_oneof![
        4 => prop::collection::vec(bit, 0..40).prop_map(|bits| bits.concat()),
        1 => "(?s)[ -~\n]{0,120}",
    ]
}

fn any_text_without_code() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(&BITS[..]), 0..40)
        .prop_map(|bits| bits.concat().replace("    ", " "))
}

fn words(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| word.starts_with('w') && word.len() > 1)
        .map(str::to_owned)
        .collect()
}

/// Blocks of prose and structure whose every word has to be seen.
fn any_document() -> impl Strategy<Value = String> {
    let block = prop::sample::select(vec![
        "w# w# w#.",
        "w# **w#** *w#*\nw#",
        "# w#",
        "- w#\n- w#\n  - w#\n    - w#",
        "1. w#\n   w#\n2. w#",
        "> w#\n> w#",
        "| w# | w# |\n|---|---|\n| w# | w# |\n| w# | |",
        "```\nw#\n  w#\n```",
        "> w#\n> ```\n> w#\n>\n>   w# <b>\n> ```\n> w#",
        ">> ```\n>> w#\n>w#",
        "    w#\n    w#",
        "<div>w#</div>",
        "w# <w#> w#",
        "w# [w#](https://e) `w# <b>`",
        "<b>w#</b><br>w#",
        "- [ ] w#\n- [x] w#",
        "w#\n---\nw#",
        "$$\nw#\n$$",
        "<table><tr><td>w#</td></tr></table>",
        "   w#",
        "w# < w# > w#",
        "w# [w#] w# [^1]",
    ]);
    prop::collection::vec((block, prop::sample::select(vec!["\n", "\n\n", "\n\n\n"])), 0..14).prop_map(
        |blocks| {
            let text: String = blocks.into_iter().flat_map(|(block, glue)| [block, glue]).collect();
            let mut number = 0;
            text.split('#').fold(String::new(), |mut all, piece| {
                all.push_str(piece);
                if all.ends_with('w') {
                    number += 1;
                    all.push_str(&number.to_string());
                } else {
                    all.push('#');
                }
                all
            })
        },
    )
}

#[rstest]
#[case::delimiter("a | b\n<b></b>|---|---|\nc")]
#[case::definition("</p>[1]: https://e/\nsee [1]\n")]
fn what_begins_something_only_without_its_tags_stays_what_it_is(#[case] text: &str) {
    for style in STYLES {
        let once = adapt(text, style, Extent::Whole);
        assert_eq!(adapt(&once, style, Extent::Whole), once, "{style:?}");
    }
}

#[test]
fn a_lean_quoted_fence_keeps_its_marks_and_is_not_closed() {
    let lean = Style { dialect: Dialect::Card, lean: true };
    let text = "> > ```\n>>  x\n>>\n> > y";
    assert_eq!(adapt(text, lean, Extent::Whole), text);
}

proptest! {
    #[test]
    fn adapting_twice_is_adapting_once(text in any_text()) {
        for style in STYLES {
            let once = adapt(&text, style, Extent::Whole);
            prop_assert_eq!(adapt(&once, style, Extent::Whole), once, "{:?}", style);
        }
    }

    #[test]
    fn documents_adapted_twice_are_as_adapted_once(text in any_document()) {
        for style in STYLES {
            let once = adapt(&text, style, Extent::Whole);
            prop_assert_eq!(adapt(&once, style, Extent::Whole), once, "{:?}", style);
        }
    }

    #[test]
    fn no_word_is_lost(text in any_document()) {
        for style in STYLES {
            let mut seen = words(&adapt(&text, style, Extent::Whole));
            // A list of rows repeats its headers.
            let is_repeating = style.dialect == Dialect::Message && !style.lean;
            if is_repeating {
                seen.sort_unstable();
                seen.dedup();
            }
            let mut all = words(&text);
            if is_repeating {
                all.sort_unstable();
            }
            prop_assert_eq!(seen, all, "{:?}", style);
        }
    }

    #[test]
    fn lean_is_never_longer_and_full_by_a_small_factor_at_most(text in any_text()) {
        for style in STYLES {
            let length = adapt(&text, style, Extent::Whole).chars().count();
            let bound = if style.lean { text.chars().count() } else { 9 * text.chars().count() + 400 };
            prop_assert!(length <= bound, "{:?}: {} > {}", style, length, bound);
        }
    }

    #[test]
    fn no_tag_is_left_outside_of_code(text in any_text_without_code()) {
        for style in STYLES {
            let adapted = adapt(&text, style, Extent::Whole);
            for tag in ["<b", "</b", "<br", "<name", "<p", "<a", "<img", "<!--", "<hr"] {
                prop_assert!(!adapted.contains(tag), "{:?}: {}", style, adapted);
            }
        }
    }

    #[test]
    fn an_update_is_adapted_like_what_it_is_the_beginning_of(text in any_document(), at in 0..200_usize) {
        let end = text.char_indices().nth(at).map_or(text.len(), |(end, _)| end);
        let adapted = for_card(text.get(..end).unwrap_or_default(), Extent::SoFar);
        prop_assert!(adapted.matches("```").count().is_multiple_of(2), "{}", adapted);
    }
}
