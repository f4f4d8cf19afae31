//! Lines: pushes of one conversation that the store has refused are offered again in the order in which they came.
//!
//! Whoever was refused waits until those before have been taken in or given up (R2). Entries last as long as their pushes are on
//! their way, so there are no more of them than pushes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use switchboard_domain::ids::ConversationKey;
use tokio::sync::oneshot;

use super::shared::lock;

/// The last push of each conversation that has one on its way.
#[derive(Default)]
pub(crate) struct Lines(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    given: u64,
    last: HashMap<ConversationKey, (u64, oneshot::Receiver<()>)>,
}

/// A place in a line; dropping it lets the next one go.
pub(crate) struct Place {
    lines: Arc<Lines>,
    key: ConversationKey,
    number: u64,
    before: Option<oneshot::Receiver<()>>,
    /// Dropped with the place, which is what the next one waits for.
    _done: oneshot::Sender<()>,
}

impl Lines {
    /// The next place in a conversation's line, in the order of calls.
    pub(crate) fn enter(self: &Arc<Self>, key: &ConversationKey) -> Place {
        let (done, is_done) = oneshot::channel();
        let mut inner = lock(&self.0);
        inner.given += 1;
        let number = inner.given;
        let before = inner.last.insert(key.clone(), (number, is_done)).map(|(_, before)| before);
        Place { lines: Arc::clone(self), key: key.clone(), number, before, _done: done }
    }
}

impl Place {
    /// Waits until nobody does.
    pub(crate) async fn first(&mut self) {
        if let Some(before) = &mut self.before {
            // Nothing is ever sent: its end is the word.
            let _ = before.await;
        }
        self.before = None;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut inner = lock(&self.lines.0);
        if inner.last.get(&self.key).is_some_and(|(number, _)| *number == self.number) {
            inner.last.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use switchboard_ports::conformance::samples::key;

    use super::*;

    #[test]
    fn the_next_goes_when_the_one_before_is_gone_and_others_do_not_wait() {
        let lines = Arc::new(Lines::default());
        let (first, mut second) = (lines.enter(&key("a")), lines.enter(&key("a")));
        let (mut third, mut other) = (lines.enter(&key("a")), lines.enter(&key("b")));
        assert!(other.first().now_or_never().is_some());
        assert!(second.first().now_or_never().is_none());
        drop(first);
        assert!(second.first().now_or_never().is_some());
        assert!(third.first().now_or_never().is_none());
        drop(second);
        assert!(third.first().now_or_never().is_some());
        drop((third, other));
        assert!(lock(&lines.0).last.is_empty());
    }
}
