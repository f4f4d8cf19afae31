//! Where the images of a text are.

use std::ops::Range;

use super::blocks::Fence;
use super::links::{Target, link};
use super::quotes::QuotedFence;

/// Code that goes on with the next line.
#[derive(Clone, Copy)]
enum Open {
    Fence(Fence),
    Quoted(QuotedFence),
}

impl Open {
    fn by(line: &str) -> Option<Self> {
        Fence::opened_by(line).map(Self::Fence).or_else(|| QuotedFence::opened_by(line).map(Self::Quoted))
    }
}

/// Where the addresses of the images stand that are not in code, in order, in bytes.
pub(in crate::dingtalk) fn image_addresses(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    if !text.contains("![") {
        return found;
    }
    let mut open: Option<Open> = None;
    let mut start = 0_usize;
    for line in text.split_inclusive('\n') {
        let is_code = match open {
            Some(Open::Fence(fence)) => {
                open = open.filter(|_| !fence.is_closed_by(line));
                true
            }
            Some(Open::Quoted(fence)) if !fence.is_left_by(line) => {
                open = open.filter(|_| !fence.is_closed_by(line));
                true
            }
            Some(Open::Quoted(_)) | None => {
                open = Open::by(line.trim_end());
                open.is_some()
            }
        };
        if !is_code {
            found.extend(within(line).into_iter().map(|it| start + it.start..start + it.end));
        }
        start = start.saturating_add(line.len());
    }
    found
}

fn within(line: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0_usize;
    while let Some(rest) = line.get(at..).filter(|rest| !rest.is_empty()) {
        let next = rest.find(['`', '!', '\\']).unwrap_or(rest.len());
        let rest = rest.get(next..).unwrap_or_default();
        at = at.saturating_add(next);
        let taken = match rest.chars().next() {
            Some('`') => super::inline::code_length(rest),
            Some('!') if rest.starts_with("![") => {
                match link(rest).map(|it| (it.text.len(), it.target, it.bytes)) {
                    Some((described, Target::Inline(target), bytes)) => {
                        let address = target.split([' ', '\t']).next().unwrap_or_default();
                        let begin = at.saturating_add("![](".len()).saturating_add(described);
                        found.push(begin..begin.saturating_add(address.len()));
                        bytes
                    }
                    Some((_, Target::Reference(_), _)) | None => 1,
                }
            }
            Some('\\') => rest.chars().take(2).map(char::len_utf8).sum(),
            Some(other) => other.len_utf8(),
            None => break,
        };
        at = at.saturating_add(taken);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::image_addresses;

    #[test]
    fn images_are_found_outside_of_code() {
        let text = "汉 ![a](https://e/1) `![b](https://e/2)` \\![c](https://e/3)\n```\n![d](https://e/4)\n```\n![e f](https://e/5 \"t\")[x](https://e/6)";
        let found: Vec<_> = image_addresses(text).into_iter().filter_map(|range| text.get(range)).collect();
        assert_eq!(found, ["https://e/1", "https://e/5"]);
    }

    #[test]
    fn code_in_a_quote_ends_with_its_fence_or_with_the_quote() {
        let text = "> ```\n> ![a](https://e/1)\n> ```\n> ![b](https://e/2)\n\n> ```\n> ![c](https://e/3)\n![d](https://e/4)";
        let found: Vec<_> = image_addresses(text).into_iter().filter_map(|range| text.get(range)).collect();
        assert_eq!(found, ["https://e/2", "https://e/4"]);
    }
}
