//! As much of Markdown as the guides are written in.

use std::collections::{BTreeMap, BTreeSet};
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

    /// The code blocks in a language.
    pub(crate) fn code(&self, language: &str) -> Vec<String> {
        let mut blocks = Vec::new();
        let mut block: Option<(bool, String)> = None;
        for line in self.text.lines() {
            match (line.trim_start().strip_prefix("```"), &mut block) {
                (Some(begun), None) => block = Some((begun.trim() == language, String::new())),
                (Some(_), Some(_)) => {
                    blocks.extend(block.take().filter(|(wanted, _)| *wanted).map(|(_, text)| text));
                }
                (None, Some((_, text))) => {
                    text.push_str(line);
                    text.push('\n');
                }
                (None, None) => {}
            }
        }
        blocks
    }

    /// What each section consists of, one letter each: `p` paragraph, `l` item of a list, `r` row of a table, `c` code,
    /// `q` quote. The program's own words are left out.
    pub(crate) fn pieces(&self) -> BTreeMap<String, String> {
        let mut sections: BTreeMap<String, String> = BTreeMap::new();
        let mut section = String::new();
        let (mut in_code, mut in_words, mut goes_on) = (false, false, false);
        for line in self.text.lines().map(str::trim) {
            if line.starts_with("```") {
                in_code = !in_code;
            }
            in_words = (in_words || words_begin(line).is_some()) && line != WORDS_END;
            if let Some(id) = explicit_anchor(line) {
                id.clone_into(&mut section);
            }
            let is_mark =
                explicit_anchor(line).is_some() || line.starts_with("<!--") || line.starts_with('#');
            let ends =
                line.is_empty() || is_mark || in_code || line.starts_with("```") || line.starts_with('|');
            let piece = match line {
                _ if in_words || is_mark || line.is_empty() => None,
                _ if line.starts_with("```") => in_code.then_some('c'),
                _ if in_code => None,
                _ if line.starts_with('|') => Some('r'),
                _ if is_item(line) => Some('l'),
                _ if line.starts_with('>') => (!goes_on).then_some('q'),
                _ => (!goes_on).then_some('p'),
            };
            goes_on = !ends;
            sections.entry(section.clone()).or_default().extend(piece);
        }
        sections
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

fn is_item(line: &str) -> bool {
    let after_number = line.trim_start_matches(|c: char| c.is_ascii_digit());
    line.starts_with("- ") || (after_number.len() < line.len() && after_number.starts_with(". "))
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
fn a_page_is_taken_apart_into_its_pieces() {
    let page = Guide::of(
        "# T\n\n`one`\n<https://two>\nthree\n\nfour\n\n<a id=\"x\"></a>\n## X\n\n- a\n  more\n- b\n\n1. c\n\n   d\n\n| r |\n|---|\n\n```sh\na\n\nb\n```\ntext\n\n\
         <!-- words: error x -->\n> w\n<!-- /words -->\n\n> q\n> q\n",
    );
    assert_eq!(page.pieces()[""], "pp");
    assert_eq!(page.pieces()["x"], "lllprrcpq");
    assert_eq!(page.code("sh"), ["a\n\nb\n"]);
    assert!(page.code("json").is_empty());
}

#[test]
fn words_are_replaced_and_nothing_else() {
    let page = Guide::of("<a id=\"x\"></a>\n## X\n\n<!-- words: error x -->\nold\n<!-- /words -->\nend\n");
    assert_eq!(page.word_blocks(), [("x".to_owned(), "error x".to_owned())]);
    let now = page.with_words(|what| format!("new {what}\n"));
    assert_eq!(now, "<a id=\"x\"></a>\n## X\n\n<!-- words: error x -->\nnew error x\n<!-- /words -->\nend\n");
}
