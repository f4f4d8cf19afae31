//! What the agent is doing besides answering, as one short line: shown while a card streams, part of nothing that is kept.
//!
//! The line lives in the draft of a running turn and nowhere else, so it is gone with the draft when the turn ends.

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use super::pace::LONG_INTERVAL_MAX;
use crate::notice::Notice;
use crate::settings::Locale;
use crate::text;

/// Longest status, in characters.
pub const STATUS_CHARS_MAX: usize = 80;
/// Longest name of a tool within a status, in characters.
pub const TOOL_CHARS_MAX: usize = 50;
/// A status alone is shown anew at most this often: it must not use up what the budget has for texts.
pub const STATUS_INTERVAL_MIN: Duration = LONG_INTERVAL_MAX;

/// Longest piece of reasoning that is looked at for one status, in characters.
const SENTENCE_CHARS_MAX: usize = 4 * STATUS_CHARS_MAX;

/// A sign of life of an agent that is not part of its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// It thinks aloud: the next piece of its reasoning, of any length.
    Reasoning(String),
    /// A tool is at work: its name, of any length and content.
    Tool(String),
}

/// The status as it is, and how often it became another.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Status {
    doing: Option<Doing>,
    changes: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Doing {
    /// `shown` is the newest sentence of the reasoning that says something; `begun` the one being said.
    Reasoning { shown: String, begun: String },
    /// A tool's name, fit to be shown.
    Tool(String),
}

impl Status {
    /// Takes a sign of life in; one that says nothing changes nothing.
    pub(super) fn take_in(&mut self, progress: Progress) {
        let doing = match progress {
            Progress::Tool(name) => Doing::Tool(fit(&name, TOOL_CHARS_MAX)),
            Progress::Reasoning(more) => {
                let (shown, begun) = match self.doing.take() {
                    Some(Doing::Reasoning { shown, begun }) => (shown, begun),
                    Some(tool @ Doing::Tool(_)) if more.trim().is_empty() => {
                        self.doing = Some(tool);
                        return;
                    }
                    Some(Doing::Tool(_)) | None => (String::new(), String::new()),
                };
                let before = shown.clone();
                let doing = think_on(shown, begun, &more);
                let same = doing.line() == before && !before.is_empty();
                self.doing = Some(doing);
                if !same {
                    self.changes = self.changes.saturating_add(1);
                }
                return;
            }
        };
        if !doing.line().is_empty() && self.doing.as_ref() != Some(&doing) {
            self.doing = Some(doing);
            self.changes = self.changes.saturating_add(1);
        }
    }

    /// The agent goes on with its answer, or is asked anew: what it did before is over.
    pub(super) fn clear(&mut self) {
        self.doing = None;
    }

    /// Which status this is: 0 where there is none, else another number for each.
    pub(super) fn number(&self) -> u32 {
        if self.doing.as_ref().is_some_and(|doing| !doing.line().is_empty()) { self.changes } else { 0 }
    }

    /// The status in words, at most [`STATUS_CHARS_MAX`] characters on one line, without Markdown.
    pub(super) fn words(&self, locale: Locale) -> Option<String> {
        match self.doing.as_ref()? {
            Doing::Tool(name) => Some(Notice::UsingTool { name: name.clone() }.text(locale)),
            Doing::Reasoning { shown, .. } => Some(shown.clone()).filter(|shown| !shown.is_empty()),
        }
    }
}

impl Doing {
    fn line(&self) -> &str {
        match self {
            Self::Reasoning { shown, .. } => shown,
            Self::Tool(name) => name,
        }
    }
}

/// Follows the reasoning sentence by sentence.
fn think_on(shown: String, begun: String, more: &str) -> Doing {
    let (mut shown, mut begun) = (shown, begun);
    let mut chars = begun.chars().count();
    let mut last = begun.chars().next_back();
    for character in more.chars() {
        let ends = character == '\n'
            || last.is_some_and(|last| matches!(last, '。' | '！' | '？'))
            || (character.is_whitespace() && last.is_some_and(|last| matches!(last, '.' | '!' | '?')));
        if ends {
            let whole = fit(&begun, STATUS_CHARS_MAX);
            if !whole.is_empty() {
                shown = whole;
            }
            begun.clear();
            chars = 0;
        }
        if chars < SENTENCE_CHARS_MAX {
            begun.push(character);
            chars = chars.saturating_add(1);
        }
        last = Some(character);
    }
    let now = fit(&begun, STATUS_CHARS_MAX);
    Doing::Reasoning { shown: if now.is_empty() { shown } else { now }, begun }
}

/// One line without control characters and without what Markdown or HTML could make of it, cut to a length.
fn fit(text: &str, chars_max: usize) -> String {
    let chars: Vec<char> =
        text.chars().filter(|c| !is_invisible(*c) && !matches!(c, '*' | '`' | '~')).collect();
    let mut line = String::new();
    let mut gap = false;
    for (index, character) in chars.iter().copied().enumerate() {
        let neighbours = [index.checked_sub(1), index.checked_add(1)];
        let within_word =
            neighbours.iter().all(|at| at.and_then(|at| chars.get(at)).is_some_and(|c| c.is_alphanumeric()));
        if character.is_whitespace() || is_mark(character) || (character == '_' && !within_word) {
            gap = true;
            continue;
        }
        if line.is_empty() && matches!(character, '-' | '+' | '=' | '•') {
            continue;
        }
        if gap && !line.is_empty() {
            line.push(' ');
        }
        gap = false;
        line.push(character);
    }
    text::shortened(&line, chars_max)
}

/// Characters that make headings, quotes, tables, links, tags, formulas or escapes.
const fn is_mark(character: char) -> bool {
    matches!(character, '#' | '>' | '<' | '|' | '[' | ']' | '\\' | '$')
}

/// What shows nothing; white space is told apart.
fn is_invisible(character: char) -> bool {
    text::is_unseen(character) && !character.is_whitespace()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::{Progress, STATUS_CHARS_MAX, Status};
    use crate::settings::Locale;

    fn after(progress: impl IntoIterator<Item = Progress>) -> Status {
        let mut status = Status::default();
        progress.into_iter().for_each(|it| status.take_in(it));
        status
    }

    fn thoughts(pieces: &[&str]) -> Status {
        after(pieces.iter().map(|piece| Progress::Reasoning((*piece).to_owned())))
    }

    #[rstest]
    #[case("web_search", "using tool web_search")]
    #[case("fs.read/file-2", "using tool fs.read/file-2")]
    #[case("__init__", "using tool init")]
    #[case("a\u{1b}[31m\u{202E}b\nc", "using tool a 31mb c")]
    #[case("**bold** [x](http://e) <b>`c`|#", "using tool bold x (http://e) b c")]
    fn a_tools_name_is_shown_without_what_could_be_markdown(#[case] name: &str, #[case] expected: &str) {
        let status = after([Progress::Tool(name.into())]);
        assert_eq!(status.words(Locale::En).as_deref(), Some(expected));
    }

    #[test]
    fn a_tool_is_named_in_the_channels_language() {
        assert_eq!(
            after([Progress::Tool("search".into())]).words(Locale::ZhCn).as_deref(),
            Some("正在使用工具 search")
        );
    }

    #[test]
    fn reasoning_is_followed_by_its_newest_sentence() {
        let words = |pieces: &[&str]| thoughts(pieces).words(Locale::En);
        assert_eq!(words(&["First, I", " look"]).as_deref(), Some("First, I look"));
        assert_eq!(words(&["First, I look. ", "Then", " I"]).as_deref(), Some("Then I"));
        assert_eq!(words(&["One line\n\n- **two**"]).as_deref(), Some("two"));
        assert_eq!(
            words(&["One line\n", "\n"]).as_deref(),
            Some("One line"),
            "until the next one says something"
        );
        assert_eq!(words(&["先看看文档。再想", "一想"]).as_deref(), Some("再想一想"));
        assert_eq!(words(&[" ", "\n"]), None);
        assert_eq!(words(&["version 1.5 of it"]).as_deref(), Some("version 1.5 of it"));
    }

    #[test]
    fn a_status_changes_its_number_only_when_its_words_change() {
        let mut status = thoughts(&["Long thought "]);
        let first = status.number();
        status.take_in(Progress::Reasoning(" ".into()));
        assert_eq!(status.number(), first);
        status.take_in(Progress::Tool("search".into()));
        let second = status.number();
        assert_ne!(second, first);
        status.take_in(Progress::Tool("search".into()));
        status.take_in(Progress::Tool("** ".into()));
        status.take_in(Progress::Reasoning(" \n".into()));
        assert_eq!(status.number(), second);
        assert!(status.words(Locale::En).is_some());
        status.clear();
        assert_eq!((status.number(), status.words(Locale::En)), (0, None));
        status.take_in(Progress::Tool("search".into()));
        assert_ne!(status.number(), second, "what comes again is another one");
    }

    proptest! {
        #[test]
        fn a_status_is_one_short_line(
            pieces in prop::collection::vec(("[\\PC\n]{0,200}", any::<bool>()), 0..6),
        ) {
            let status = after(pieces.into_iter().map(|(text, tool)| {
                if tool { Progress::Tool(text) } else { Progress::Reasoning(text) }
            }));
            if let Some(words) = status.words(Locale::En) {
                prop_assert!(words.chars().count() <= STATUS_CHARS_MAX);
                prop_assert!(!words.is_empty() && !words.contains(['\n', '<', '>', '*', '`', '[', '|', '#']));
            }
            prop_assert_eq!(status.words(Locale::En).is_some(), status.number() > 0);
        }
    }
}
