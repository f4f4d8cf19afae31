//! The built-in agent: says the question back, word by word. For demonstrations, first steps and tests; needs nothing.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream::{self, BoxStream, StreamExt};
use switchboard_domain::outcome::{AgentFailure, AgentFailureKind};
use switchboard_ports::agent::{Agent, AgentAttachment, AgentEvent, AgentKind, KindForm, RunRequest};
use switchboard_ports::agents::AgentConfig;
use tokio::time::sleep;

use super::attachments::size;
use super::text::{EVENT_TEXT_BYTES_MAX, pieces};

/// Pause between two words: slow enough to be seen.
const PAUSE: Duration = Duration::from_millis(60);

/// Most pieces an answer comes in, whatever its length: with [`PAUSE`], 12 seconds.
const PIECES_MAX: usize = 200;

/// Characters that stand without spaces between words (Chinese, Japanese, Korean) come this many at a time.
const WIDE_CHARS_PER_PIECE: usize = 2;

/// The kind `echo`.
#[derive(Debug, Clone, Copy)]
pub struct EchoKind {
    pause: Duration,
}

impl Default for EchoKind {
    fn default() -> Self {
        Self::with_pause(PAUSE)
    }
}

impl EchoKind {
    /// Agents that pause this long before each word.
    #[must_use]
    pub const fn with_pause(pause: Duration) -> Self {
        Self { pause }
    }
}

impl AgentKind for EchoKind {
    fn kind(&self) -> &'static str {
        "echo"
    }

    fn needs_base_url(&self) -> bool {
        false
    }

    fn form(&self) -> KindForm {
        super::forms::ECHO
    }

    fn build(&self, _config: &AgentConfig) -> Result<Arc<dyn Agent>, (String, String)> {
        Ok(Arc::new(Echo { pause: self.pause }))
    }
}

struct Echo {
    pause: Duration,
}

#[async_trait]
impl Agent for Echo {
    fn run(&self, request: RunRequest) -> BoxStream<'static, AgentEvent> {
        let mut events: VecDeque<AgentEvent> = VecDeque::from([AgentEvent::Started { run: None }]);
        let answer = answer(&request);
        events.extend(words(&answer).into_iter().map(AgentEvent::Delta));
        events.push_back(match answer.as_str() {
            "" => AgentEvent::Failed {
                failure: AgentFailure::new(AgentFailureKind::Empty),
                detail: "nothing to echo".to_owned(),
            },
            _ => AgentEvent::Completed { continuation: None, cut: None },
        });
        let pause = self.pause;
        stream::unfold(events, move |mut events| async move {
            let event = events.pop_front()?;
            if matches!(event, AgentEvent::Delta(_)) {
                sleep(pause).await;
            }
            Some((event, events))
        })
        .boxed()
    }

    async fn cancel(&self, _run: &str) {}
}

/// The question, a line for each attachment, and a last line that lets a person see what is remembered and that `/new`
/// forgets it.
fn answer(request: &RunRequest) -> String {
    let asked = Some(request.text.trim()).filter(|text| !text.is_empty()).map(str::to_owned);
    let came = (!request.attachments.is_empty())
        .then(|| request.attachments.iter().map(received).collect::<Vec<_>>().join("\n"));
    let question = asked.into_iter().chain(came).collect::<Vec<_>>().join("\n\n");
    match request.history.len() {
        _ if question.is_empty() => String::new(),
        0 => question,
        1 => format!("{question}\n\n(I remember 1 earlier message.)"),
        count => format!("{question}\n\n(I remember {count} earlier messages.)"),
    }
}

/// What came, by name, type and size.
fn received(attachment: &AgentAttachment) -> String {
    let AgentAttachment { name, media_type, content } = attachment;
    match content {
        Some(content) => format!("- {name} ({media_type}, {})", size(content.len())),
        None => format!("- {name} ({media_type}, could not be fetched)"),
    }
}

/// The text in at most [`PIECES_MAX`] pieces: words with the space behind them, wide characters by twos; several of
/// them to a piece where the text is long.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    let mut wide = 0_usize;
    for character in text.chars() {
        let full = wide >= WIDE_CHARS_PER_PIECE || word.ends_with(char::is_whitespace);
        if full && !character.is_whitespace() {
            words.push(std::mem::take(&mut word));
            wide = 0;
        }
        word.push(character);
        wide = wide.saturating_add(usize::from(is_wide(character)));
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
        .chunks(words.len().div_ceil(PIECES_MAX).max(1))
        .flat_map(|group| pieces(&group.concat(), EVENT_TEXT_BYTES_MAX))
        .collect()
}

/// Whether the character is of a script written without spaces: kana, ideographs, hangul, full-width forms.
fn is_wide(character: char) -> bool {
    matches!(u32::from(character), 0x2E80..=0xD7AF | 0xF900..=0xFAFF | 0xFF00..=0xFFEF | 0x20000..=0x3FFFF)
}

#[cfg(test)]
mod tests {
    use proptest::{prop_assert, prop_assert_eq, proptest};

    use super::{PIECES_MAX, words};

    #[test]
    fn words_keep_the_space_behind_them() {
        assert_eq!(words("How do  I\n\nstart?"), ["How ", "do  ", "I\n\n", "start?"]);
    }

    #[test]
    fn chinese_comes_two_characters_at_a_time() {
        assert_eq!(words("怎么优化 React 性能？"), ["怎么", "优化 ", "React ", "性能", "？"]);
    }

    #[test]
    fn a_long_text_comes_in_a_bounded_number_of_pieces() {
        assert_eq!(words(&"word ".repeat(10_000)).len(), PIECES_MAX);
    }

    proptest! {
        #[test]
        fn the_pieces_make_the_whole(text in "[ a-z\n你好👋]{0,600}") {
            let pieces = words(&text);
            prop_assert!(pieces.len() <= PIECES_MAX);
            prop_assert_eq!(pieces.concat(), text);
        }
    }
}
