//! Where the images of a text are.

use std::ops::Range;

use super::fences::Fence;
use super::html::tag;
use super::links::{References, Target, defined_address, link};
use super::quotes::HeldFence;

/// Code that goes on with the next line.
#[derive(Clone, Copy)]
enum Open {
    Fence(Fence),
    Held(HeldFence),
}

impl Open {
    fn by(line: &str) -> Option<Self> {
        Fence::opened_by(line).map(Self::Fence).or_else(|| HeldFence::opened_by(line).map(Self::Held))
    }
}

/// Where the addresses of the images stand that are not in code, in order, in bytes: those of images in Markdown and HTML, and
/// those that are defined for images alone.
pub(in crate::dingtalk) fn image_addresses(text: &str) -> Vec<Range<usize>> {
    let mut found = Found::default();
    if !text.contains("![") && !text.to_ascii_lowercase().contains("<img") {
        return found.addresses;
    }
    let is_defining = text.contains("]:");
    let mut open: Option<Open> = None;
    let mut start = 0_usize;
    for line in text.split_inclusive('\n') {
        let is_code = match open {
            Some(Open::Fence(fence)) => {
                open = open.filter(|_| !fence.is_closed_by(line));
                true
            }
            Some(Open::Held(fence)) if !fence.is_left_by(line) => {
                open = open.filter(|_| !fence.is_closed_by(line));
                true
            }
            Some(Open::Held(_)) | None => {
                open = Open::by(line.trim_end());
                open.is_some()
            }
        };
        if !is_code {
            found.look_at(line, start, is_defining);
        }
        start = start.saturating_add(line.len());
    }
    found.into_addresses(text)
}

/// What has been found of images.
#[derive(Default)]
struct Found {
    addresses: Vec<Range<usize>>,
    /// Labels of images, and of links, in small letters.
    of_images: Vec<String>,
    of_links: Vec<String>,
    defined: Vec<(String, Range<usize>)>,
}

impl Found {
    /// Looks at a line that begins at `start`.
    fn look_at(&mut self, line: &str, start: usize, is_defining: bool) {
        if let Some((label, address)) = defined_address(line).filter(|_| is_defining) {
            self.defined.push((label, moved(address, start)));
            return;
        }
        let mut at = 0_usize;
        while let Some(rest) = line.get(at..).filter(|rest| !rest.is_empty()) {
            let next = rest.find(['`', '!', '\\', '<', '[']).unwrap_or(rest.len());
            let rest = rest.get(next..).unwrap_or_default();
            at = at.saturating_add(next);
            let taken = match rest.chars().next() {
                Some('`') => super::inline::code_length(rest),
                Some('!') if rest.starts_with("![") => self.image(rest, start.saturating_add(at)),
                Some('[') if is_defining => {
                    if let Some(Target::Reference(label)) = link(rest).map(|it| it.target) {
                        self.of_links.push(label.to_lowercase());
                    }
                    1
                }
                Some('<') => {
                    let tag = tag(rest).filter(|tag| tag.is("img") && !tag.closing);
                    let address = tag.and_then(|tag| tag.image_address_range());
                    self.addresses.extend(address.map(|it| moved(it, start.saturating_add(at))));
                    tag.map_or(1, |tag| tag.bytes)
                }
                Some('\\') => rest.chars().take(2).map(char::len_utf8).sum(),
                Some(other) => other.len_utf8(),
                None => break,
            };
            at = at.saturating_add(taken);
        }
    }

    /// An image that begins at `at`. Says how many bytes are done.
    fn image(&mut self, rest: &str, at: usize) -> usize {
        match link(rest).map(|it| (it.text.len(), it.target, it.bytes)) {
            Some((described, Target::Inline(target), bytes)) => {
                let address = target.split([' ', '\t']).next().unwrap_or_default();
                let begin = at.saturating_add("![](".len()).saturating_add(described);
                self.addresses.push(begin..begin.saturating_add(address.len()));
                bytes
            }
            Some((_, Target::Reference(label), bytes)) => {
                self.of_images.push(label.to_lowercase());
                bytes
            }
            None => 1,
        }
    }

    fn into_addresses(mut self, text: &str) -> Vec<Range<usize>> {
        if self.of_images.is_empty() || self.defined.is_empty() {
            return self.addresses;
        }
        let lines: Vec<&str> = text.lines().collect();
        let references = References::of(&lines);
        let mut seen = Vec::new();
        for (label, address) in self.defined {
            let is_first = !seen.contains(&label);
            let is_for_images = self.of_images.contains(&label) && !self.of_links.contains(&label);
            if is_first && is_for_images && references.address(&label).is_some() {
                self.addresses.push(address);
            }
            seen.push(label);
        }
        self.addresses.sort_unstable_by_key(|range| range.start);
        self.addresses
    }
}

fn moved(range: Range<usize>, by: usize) -> Range<usize> {
    range.start.saturating_add(by)..range.end.saturating_add(by)
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

    #[test]
    fn images_in_html_and_those_that_are_defined_are_found() {
        let text = "汉 <img alt='a=b' src=\"https://e/1\" /> `<img src='https://e/2'>` <IMG src=https://e/3>\n\
            ![a][One] ![two] [b][3] ![c][3] ![d](https://e/4)\n\n\
            [one]: <https://e/5> \"t\"\n[two]: https://e/6\n[3]: https://e/7\n[4]: https://e/8\n\
            ```\n<img src='https://e/9'>\n```";
        let found: Vec<_> = image_addresses(text).into_iter().filter_map(|range| text.get(range)).collect();
        assert_eq!(found, ["https://e/1", "https://e/3", "https://e/4", "https://e/5", "https://e/6"]);
    }
}
