//! As much of Markdown as the guides are written in.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const WORDS_BEGIN: &str = "<!-- words: ";
const WORDS_END: &str = "<!-- /words -->";

/// A page.
pub(crate) struct Guide {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// The file's name.
    pub(crate) name: String,
    /// What stands in it.
    pub(crate) text: String,
}

impl Guide {
    pub(crate) fn read(path: &Path) -> Self {
        let text =
            std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Self { path: path.to_owned(), name, text }
    }

    #[cfg(test)]
    fn of(text: &str) -> Self {
        Self { path: PathBuf::new(), name: String::new(), text: text.to_owned() }
    }

    /// Level and explicit anchor of each heading. An anchor is a line `<a id="…"></a>` above its heading.
    pub(crate) fn headings(&self) -> Vec<(usize, Option<String>)> {
        let mut headings = Vec::new();
        let mut anchor = None;
        for line in self.prose() {
            if let Some(id) = explicit_anchor(line) {
                anchor = Some(id.to_owned());
            } else if let Some((level, _)) = heading(line) {
                headings.push((level, anchor.take()));
            } else if !line.trim().is_empty() {
                anchor = None;
            }
        }
        headings
    }

    /// Everything a `#…` can lead to: explicit anchors, and what GitHub makes of headings.
    pub(crate) fn anchors(&self) -> BTreeSet<String> {
        let explicit = self.prose().into_iter().filter_map(explicit_anchor).map(str::to_owned);
        let implicit = self.prose().into_iter().filter_map(heading).map(|(_, title)| slug(title));
        explicit.chain(implicit).collect()
    }

    /// What each code block says that it is.
    pub(crate) fn code_languages(&self) -> Vec<String> {
        let mut languages = Vec::new();
        let mut inside = false;
        for line in self.text.lines() {
            if let Some(language) = line.trim_start().strip_prefix("```") {
                if !inside {
                    languages.push(language.trim().to_owned());
                }
                inside = !inside;
            }
        }
        assert!(!inside, "{}: a code block is not closed", self.path.display());
        languages
    }

    /// Section and name of each block of the program's words.
    pub(crate) fn word_blocks(&self) -> Vec<(String, String)> {
        let mut blocks = Vec::new();
        let mut section = String::new();
        for line in self.prose() {
            if let Some(id) = explicit_anchor(line) {
                id.clone_into(&mut section);
            } else if let Some(what) = words_begin(line) {
                blocks.push((section.clone(), what.to_owned()));
            }
        }
        blocks
    }

    /// The page with the program's words as they are now.
    pub(crate) fn with_words(&self, words: impl Fn(&str) -> String) -> String {
        let mut page = String::new();
        let mut inside = false;
        for line in self.text.lines() {
            if line.trim() == WORDS_END {
                assert!(inside, "{}: {WORDS_END} without a beginning", self.path.display());
                inside = false;
            }
            if !inside {
                page.push_str(line);
                page.push('\n');
            }
            if let Some(what) = words_begin(line) {
                assert!(!inside, "{}: {what} begins in another block", self.path.display());
                inside = true;
                page.push_str(&words(what));
            }
        }
        assert!(!inside, "{}: a block of words is not closed", self.path.display());
        page
    }

    /// Every word that stands as code, inline or in a block.
    pub(crate) fn code_words(&self) -> BTreeSet<String> {
        let mut words = BTreeSet::new();
        let mut inside = false;
        for line in self.text.lines() {
            if line.trim_start().starts_with("```") {
                inside = !inside;
            } else if inside {
                words.extend(identifiers(line));
            } else {
                // Every second piece between backticks is code.
                words.extend(line.split('`').skip(1).step_by(2).flat_map(identifiers));
            }
        }
        words
    }

    /// Targets of links, outside of code.
    pub(crate) fn links(&self) -> Vec<String> {
        let mut links = Vec::new();
        for line in self.prose() {
            let visible: String = line.split('`').step_by(2).collect();
            for piece in visible.split("](").skip(1) {
                if let Some((target, _)) = piece.split_once(')') {
                    links.push(target.to_owned());
                }
            }
        }
        links
    }

    /// Lines outside of code blocks.
    fn prose(&self) -> Vec<&str> {
        let mut inside = false;
        let mut lines = Vec::new();
        for line in self.text.lines() {
            if line.trim_start().starts_with("```") {
                inside = !inside;
            } else if !inside {
                lines.push(line);
            }
        }
        lines
    }
}

fn explicit_anchor(line: &str) -> Option<&str> {
    line.trim().strip_prefix("<a id=\"")?.strip_suffix("\"></a>")
}

fn words_begin(line: &str) -> Option<&str> {
    line.trim().strip_prefix(WORDS_BEGIN)?.strip_suffix(" -->")
}

fn heading(line: &str) -> Option<(usize, &str)> {
    let title = line.trim_start_matches('#');
    let level = line.len() - title.len();
    (level > 0 && title.starts_with(' ')).then(|| (level, title.trim()))
}

/// The anchor that GitHub gives a heading.
fn slug(title: &str) -> String {
    let kept = title.to_lowercase();
    let kept = kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

fn identifiers(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
}

#[test]
fn a_page_is_read_as_github_shows_it() {
    let page = Guide::of(
        "# Title\n\n<a id=\"one\"></a>\n## `One` more\n\n[a](b.md#c) `x_y: [no](link)`\n\n```sh\n# no heading\nz=1\n```\n\n## Two\n",
    );
    assert_eq!(page.headings(), [(1, None), (2, Some("one".to_owned())), (2, None)]);
    assert!(["title", "one", "one-more", "two"].iter().all(|anchor| page.anchors().contains(*anchor)));
    assert_eq!(page.code_languages(), ["sh"]);
    assert_eq!(page.links(), ["b.md#c"]);
    assert!(["x_y", "z", "One"].iter().all(|word| page.code_words().contains(*word)));
    assert!(!page.code_words().contains("Two"));
}

#[test]
fn words_are_replaced_and_nothing_else() {
    let page = Guide::of("<a id=\"x\"></a>\n## X\n\n<!-- words: error x -->\nold\n<!-- /words -->\nend\n");
    assert_eq!(page.word_blocks(), [("x".to_owned(), "error x".to_owned())]);
    let now = page.with_words(|what| format!("new {what}\n"));
    assert_eq!(now, "<a id=\"x\"></a>\n## X\n\n<!-- words: error x -->\nnew error x\n<!-- /words -->\nend\n");
}
