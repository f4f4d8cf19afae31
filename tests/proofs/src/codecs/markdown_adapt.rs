//! Markdown adapted to what the platform shows: adapted twice is adapted once, no word goes, and little is added.

use std::collections::BTreeSet;

use switchboard_adapters::dingtalk::markdown::readapt::{Way, adapted, addresses, so_far};
use switchboard_domain::text::without_data;

use crate::bytes::Bytes;

/// Full adapting adds breaks, headers of rows and fences: at most so many times the text, and so much for a short one.
const FACTOR_MAX: usize = 9;
const CHARS_MORE_MAX: usize = 400;

/// Beginnings and ends of things, with `W` for a word that stands once in the text.
const HARMLESS: [&str; 32] = [
    "W",
    "W",
    "W",
    "W",
    " ",
    " ",
    "\n",
    "\n",
    "\n\n",
    "\n\n\n",
    "- ",
    "\n- ",
    "\n  - ",
    "\n    - ",
    "\n1. ",
    "\n2) ",
    "\n# ",
    "\n## ",
    "\n> ",
    "\n>> ",
    "\n```\n",
    "\n```rust\n",
    "\n~~~\n",
    "\n    ",
    "| W | W |\n",
    "|---|---|\n",
    "\n| W | W |\n|---|:-:|\n| W | W |\n",
    "**",
    "`",
    "\n---\n",
    "\n* [ ] ",
    "。",
];

/// What else there is.
const BITS: [&str; 40] = [
    "<",
    ">",
    "<b>",
    "</b>",
    "<br>",
    "<br/>",
    "<a href=\"https://e/\">",
    "</a>",
    "<img src=\"u\">",
    "<name>",
    "<!--",
    "-->",
    "<font color=\"red\">",
    "</font>",
    "<details>",
    "<p>",
    "</p>",
    "<ul>",
    "<li>",
    "[",
    "]",
    "(",
    ")",
    "](",
    "![",
    "![a](u)",
    "[1]: https://e/\n",
    "[t][1]",
    "<https://e/>",
    "](data:",
    "\\",
    "&lt;",
    "&",
    "$$",
    "####### ",
    "[^1]",
    "\t",
    "\r\n",
    "\u{3000}",
    "* * *",
];

/// What else there is whose every word has to be seen.
const WORDED: [&str; 16] = [
    "\n- ```py\n",
    "\n1. ```\n",
    "\n> - ~~~\n> ",
    "\n- > ```\n  > ",
    "\n> ```\n",
    "\n>\n>     W\n",
    "\nW\n===\n",
    "\nW\n-----\n",
    "\n<table><tr><td>W</td><td>W</td></tr>\n<tr><td>W</td></tr></table>",
    "\n<table>\n<tr><th>W ",
    "</th><td>W|W</td>",
    "</tr> W <tr>",
    "</table>",
    "\n> | W | W |\n> |---|---|\n> | W | W |\n",
    "|W|W|\n",
    "\r",
];

/// The target.
pub fn markdown_adapt(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let choice = bytes.byte();
    let (text, is_harmless) = match choice % 3 {
        _ if choice >= 0xC0 => (assembled(bytes.rest(), &WORDED), true),
        0 => (bytes.rest_text(), false),
        1 => (assembled(bytes.rest(), &[]), true),
        _ => (assembled(bytes.rest(), &BITS), false),
    };
    let chars = text.chars().count();
    for way in Way::ALL {
        let once = adapted(&text, way);
        assert_eq!(adapted(&once, way), once, "{way:?}: adapted twice it is another, {text:?}");
        let bound = if way.is_lean() { chars } else { FACTOR_MAX * chars + CHARS_MORE_MAX };
        assert!(once.chars().count() <= bound, "{way:?}: {} of {chars} characters", once.chars().count());
        if is_harmless {
            no_word_is_lost(&text, &once, way);
        }
    }
    let shown = so_far(&text);
    assert!(shown.chars().count() <= FACTOR_MAX * chars + CHARS_MORE_MAX);
    addresses_are_in_order(&text);
    let without = without_data(&text);
    assert!(without.len() <= text.len(), "a picture left out is longer than the picture");
    assert!(text.contains("data:") || without == text, "changed for no reason");
}

fn assembled(choices: &[u8], more: &[&str]) -> String {
    let mut words = 0;
    let mut text = String::new();
    for choice in choices {
        let choice = usize::from(*choice) % (HARMLESS.len() + more.len());
        let bit = HARMLESS.get(choice).unwrap_or_else(|| &more[choice - HARMLESS.len()]);
        for character in bit.chars() {
            if character == 'W' {
                words += 1;
                text.extend(["w", &words.to_string(), "w"]);
            } else {
                text.push(character);
            }
        }
    }
    text
}

/// Each word in order and once; a list of a table's rows says the headers of each row.
fn no_word_is_lost(text: &str, adapted: &str, way: Way) {
    let words = |text: &str| {
        let words = text.split(|character: char| !character.is_ascii_alphanumeric());
        words.filter(|word| word.starts_with('w')).map(str::to_owned).collect::<Vec<_>>()
    };
    let (before, after) = (words(text), words(adapted));
    if way == Way::Message {
        let set = |words: Vec<String>| words.into_iter().collect::<BTreeSet<_>>();
        assert_eq!(set(after), set(before), "{way:?} of {text:?}");
    } else {
        assert_eq!(after, before, "{way:?} of {text:?}");
    }
}

fn addresses_are_in_order(text: &str) {
    let mut end = 0;
    for address in addresses(text) {
        assert!(end <= address.start && address.start <= address.end, "addresses overlap");
        assert!(text.get(address.clone()).is_some(), "an address is cut");
        end = address.end;
    }
}
