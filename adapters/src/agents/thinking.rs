//! Reasoning that a server leaves in the answer's text: `<think>…</think>`, as models of the `DeepSeek` and Qwen
//! families write it.
//! Pure.
//!
//! Only what an answer begins with counts; the same words further on are the answer's. A thought that never ends was none:
//! it is said as it stands, so that no answer is lost.
//!
//! ```text
//! Before ── <think> ──► Inside ── </think> ──► Blank ── a word ──► Answer
//!    │                     │ too long                                ▲
//!    └── anything else ────┴─────────────────────────────────────────┘
//! ```

use switchboard_ports::agent::AgentEvent;

use super::text::{delta, reasoning};

/// What a thought begins with.
const OPEN: &str = "<think>";

/// What it ends with.
const CLOSE: &str = "</think>";

/// Most white space before a thought, in bytes; behind more of it nothing is one.
const BLANK_BYTES_MAX: usize = 64;

/// Longest thought, in bytes; a longer one is taken for the answer.
const THOUGHT_BYTES_MAX: usize = 1024 * 1024;

/// Tells thoughts from the answer while its text comes in.
#[derive(Debug)]
pub(super) struct Thinking(Place);

impl Default for Thinking {
    fn default() -> Self {
        Self(Place::Before(String::new()))
    }
}

/// Where in the text one is.
#[derive(Debug)]
enum Place {
    /// Nothing but white space and the beginning of a mark has come: this.
    Before(String),
    /// In a thought: all of it so far, and how much of that was told, in bytes.
    Inside { thought: String, told: usize },
    /// Behind a thought, and no word of the answer has come.
    Blank,
    /// In the answer.
    Answer,
}

impl Thinking {
    /// More of the text: what it says.
    pub(super) fn take(&mut self, text: &str) -> Vec<AgentEvent> {
        match &mut self.0 {
            Place::Before(so_far) => {
                so_far.push_str(text);
                let so_far = std::mem::take(so_far);
                self.begin(so_far)
            }
            Place::Inside { thought, told } => {
                thought.push_str(text);
                let (thought, told) = (std::mem::take(thought), *told);
                self.think(thought, told)
            }
            Place::Blank => {
                let answer = text.trim_start();
                if !answer.is_empty() {
                    self.0 = Place::Answer;
                }
                delta(answer)
            }
            Place::Answer => delta(text),
        }
    }

    /// The text has ended: what was held back of it.
    pub(super) fn end(&mut self) -> Vec<AgentEvent> {
        match std::mem::replace(&mut self.0, Place::Answer) {
            Place::Before(so_far) => delta(&so_far),
            Place::Inside { thought, .. } => delta(&format!("{OPEN}{thought}")),
            Place::Blank | Place::Answer => Vec::new(),
        }
    }

    fn begin(&mut self, so_far: String) -> Vec<AgentEvent> {
        let begun = so_far.trim_start();
        if let Some(thought) = begun.strip_prefix(OPEN) {
            return self.think(thought.to_owned(), 0);
        }
        let blank = so_far.len().saturating_sub(begun.len());
        if OPEN.starts_with(begun) && blank <= BLANK_BYTES_MAX {
            self.0 = Place::Before(so_far);
            return Vec::new();
        }
        self.0 = Place::Answer;
        delta(&so_far)
    }

    fn think(&mut self, thought: String, told: usize) -> Vec<AgentEvent> {
        // What was told has no beginning of an end mark in it, so that no mark is missed.
        let (_, new) = thought.split_at_checked(told).unwrap_or(("", thought.as_str()));
        if let Some((last, answer)) = new.split_once(CLOSE) {
            let mut events = reasoning(last);
            self.0 = Place::Blank;
            events.extend(self.take(answer));
            return events;
        }
        if thought.len() > THOUGHT_BYTES_MAX {
            self.0 = Place::Answer;
            return delta(&format!("{OPEN}{thought}"));
        }
        let mark =
            (1..CLOSE.len()).rev().find(|length| CLOSE.get(..*length).is_some_and(|it| new.ends_with(it)));
        let (certain, _) =
            new.split_at_checked(new.len().saturating_sub(mark.unwrap_or(0))).unwrap_or((new, ""));
        let events = reasoning(certain);
        let told = told.saturating_add(certain.len());
        self.0 = Place::Inside { thought, told };
        events
    }
}

#[cfg(test)]
mod tests {
    use proptest::{prop_assert_eq, proptest};
    use rstest::rstest;
    use switchboard_ports::agent::AgentEvent;

    use super::{BLANK_BYTES_MAX, THOUGHT_BYTES_MAX, Thinking};

    /// The thought and the answer of a text that comes in these pieces.
    fn read<'a>(pieces: impl IntoIterator<Item = &'a str>) -> (String, String) {
        let mut thinking = Thinking::default();
        let mut events: Vec<_> = pieces.into_iter().flat_map(|piece| thinking.take(piece)).collect();
        events.extend(thinking.end());
        assert!(thinking.end().is_empty(), "it ends once");
        let (mut thought, mut answer) = (String::new(), String::new());
        for event in events {
            if let AgentEvent::Reasoning(text) = event {
                thought.push_str(&text);
            } else if let AgentEvent::Delta(text) = event {
                answer.push_str(&text);
            } else {
                panic!("{event:?}");
            }
        }
        (thought, answer)
    }

    #[rstest]
    #[case::ordinary("<think>hm, 6 by 7</think>\n\n42", "hm, 6 by 7", "42")]
    #[case::behind_white_space("\n <think>\nhm\n</think>42", "\nhm\n", "42")]
    #[case::empty("<think>\n\n</think>\n\n42", "\n\n", "42")]
    #[case::no_answer("<think>hm</think>\n", "hm", "")]
    #[case::only_the_first("<think>a</think>b <think>c</think>", "a", "b <think>c</think>")]
    #[case::further_on("The tag <think>a</think>", "", "The tag <think>a</think>")]
    #[case::no_thought("  42\n", "", "  42\n")]
    #[case::almost("<thinking>a</thinking>", "", "<thinking>a</thinking>")]
    #[case::almost_closed("<think>a </thin </think >b</think>c", "a </thin </think >b", "c")]
    #[case::half_a_mark("<thi", "", "<thi")]
    #[case::nothing("", "", "")]
    fn a_thought_at_the_beginning_is_no_answer_however_it_is_cut(
        #[case] text: &str,
        #[case] thought: &str,
        #[case] answer: &str,
    ) {
        let expected = (thought.to_owned(), answer.to_owned());
        assert_eq!(read([text]), expected);
        let letters: Vec<String> = text.chars().map(String::from).collect();
        assert_eq!(read(letters.iter().map(String::as_str)), expected, "letter by letter");
    }

    #[test]
    fn a_thought_that_never_ends_is_the_answer() {
        assert_eq!(read(["<think>", "the answer is 42"]).1, "<think>the answer is 42");
        let long = "w".repeat(THOUGHT_BYTES_MAX + 1);
        let (_, answer) = read(["<think>", &long, "</think>", "42"]);
        assert_eq!(answer, format!("<think>{long}</think>42"));
    }

    #[test]
    fn a_thought_is_told_while_it_comes() {
        let mut thinking = Thinking::default();
        assert_eq!(thinking.take("<think>hm, "), [AgentEvent::Reasoning("hm, ".to_owned())]);
        assert_eq!(thinking.take("let me see</"), [AgentEvent::Reasoning("let me see".to_owned())]);
        assert_eq!(thinking.take("think>\n"), []);
        assert_eq!(thinking.take("42"), [AgentEvent::Delta("42".to_owned())]);
    }

    #[test]
    fn white_space_is_held_back_within_a_bound() {
        let mut thinking = Thinking::default();
        assert_eq!(thinking.take(&" ".repeat(BLANK_BYTES_MAX)), []);
        assert_eq!(thinking.take(" "), [AgentEvent::Delta(" ".repeat(BLANK_BYTES_MAX + 1))]);
        assert_eq!(thinking.take("<think>"), [AgentEvent::Delta("<think>".to_owned())]);
    }

    proptest! {
        #[test]
        fn cuts_change_nothing(
            pieces in proptest::collection::vec("(<think>|</think>|</|th|<| |\n|答|a){0,4}", 0..6),
        ) {
            let whole = pieces.concat();
            prop_assert_eq!(read(pieces.iter().map(String::as_str)), read([whole.as_str()]));
        }

        #[test]
        fn nothing_is_lost(text in "[^<]{1,40}") {
            prop_assert_eq!(read([text.as_str()]), (String::new(), text));
        }
    }
}
