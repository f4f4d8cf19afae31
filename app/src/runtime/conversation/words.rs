//! What an agent says, as the conversation takes it in.

use futures_util::stream::{BoxStream, Fuse};
use futures_util::{FutureExt as _, StreamExt as _};
use switchboard_ports::agent::AgentEvent;

/// Words that came together are told as one event of so many bytes at most, and of so many events.
const TOGETHER_BYTES_MAX: usize = 1_024;
const TOGETHER_MAX: usize = 64;

/// An agent's events, with words that are there already put together: each event is a step of the conversation, and a fast agent, or
/// a network that was slow for a moment, brings dozens of them at once.
pub(super) struct Words {
    events: Fuse<BoxStream<'static, AgentEvent>>,
    together_bytes: usize,
    /// What came behind words that were put together.
    kept: Option<AgentEvent>,
}

impl Words {
    /// The events of an answer of so many characters at most. Of one that becomes longer, the event that makes it so is not shown
    /// at all: that must be little of what is allowed.
    pub(super) fn of(events: BoxStream<'static, AgentEvent>, chars_max: usize) -> Self {
        Self { events: events.fuse(), together_bytes: TOGETHER_BYTES_MAX.min(chars_max / 64), kept: None }
    }

    /// The next event. Words are never held back for others to come.
    pub(super) async fn next(&mut self) -> Option<AgentEvent> {
        let mut event = match self.kept.take() {
            Some(event) => event,
            None => self.events.next().await?,
        };
        if let AgentEvent::Delta(text) = &mut event {
            for _ in 1..TOGETHER_MAX {
                match self.events.next().now_or_never().flatten() {
                    Some(AgentEvent::Delta(more)) if text.len() + more.len() <= self.together_bytes => {
                        text.push_str(&more);
                    }
                    other => {
                        self.kept = other;
                        break;
                    }
                }
            }
        }
        Some(event)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt as _, StreamExt as _, stream};
    use switchboard_ports::agent::AgentEvent;
    use tokio::sync::mpsc;

    use super::{TOGETHER_BYTES_MAX, TOGETHER_MAX, Words};

    fn delta(text: &str) -> AgentEvent {
        AgentEvent::Delta(text.to_owned())
    }

    /// Characters of an answer that is long enough for everything.
    const MANY: usize = 200_000;

    async fn all(events: Vec<AgentEvent>, chars_max: usize) -> Vec<AgentEvent> {
        let mut words = Words::of(stream::iter(events).boxed(), chars_max);
        let mut told = Vec::new();
        while let Some(event) = words.next().await {
            told.push(event);
        }
        told
    }

    #[tokio::test]
    async fn words_that_are_there_come_as_one_and_nothing_overtakes_them() {
        let thought = AgentEvent::Reasoning("hm".to_owned());
        let end = AgentEvent::Completed { continuation: None, cut: None };
        let said =
            vec![delta("a"), delta("b"), thought.clone(), delta("c"), delta(""), delta("d"), end.clone()];
        assert_eq!(all(said, MANY).await, [delta("ab"), thought, delta("cd"), end]);
    }

    #[tokio::test]
    async fn no_event_is_longer_than_allowed_and_none_is_lost() {
        let piece = "w".repeat(TOGETHER_BYTES_MAX / 2);
        let told = all(vec![delta(&piece); 5], MANY).await;
        let lengths: Vec<_> = told
            .iter()
            .map(|event| if let AgentEvent::Delta(text) = event { text.len() } else { 0 })
            .collect();
        assert_eq!(lengths, [TOGETHER_BYTES_MAX, TOGETHER_BYTES_MAX, TOGETHER_BYTES_MAX / 2]);
        assert_eq!(all(vec![delta(""); TOGETHER_MAX * 2], MANY).await.len(), 2, "empty words end as well");
        let short = all(vec![delta("word "); 20], 640).await;
        assert_eq!(short, vec![delta("word word "); 10], "little of a short answer is at stake");
    }

    #[tokio::test]
    async fn words_are_not_held_back_and_others_are_heard_when_they_come() {
        let (tell, mut heard) = mpsc::channel(4);
        let mut words = Words::of(stream::poll_fn(move |context| heard.poll_recv(context)).boxed(), MANY);
        tell.send(delta("a")).await.unwrap();
        assert_eq!(words.next().now_or_never(), Some(Some(delta("a"))));
        let next = tokio::spawn(async move { words.next().await });
        tokio::task::yield_now().await;
        tell.send(delta("b")).await.unwrap();
        assert_eq!(next.await.unwrap(), Some(delta("b")));
    }
}
