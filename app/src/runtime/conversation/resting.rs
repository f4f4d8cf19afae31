//! A conversation at rest: nothing runs, waits or is on its way, and it is kept in memory for a while, as small as it can be, in
//! case somebody goes on with it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::Actor;

/// How long a task waits at most: a second look now and then costs nothing and forgives a lost timer.
const WAIT_MAX: Duration = Duration::from_secs(30);

/// What ends a rest.
pub(super) enum Stir {
    /// There may be something new in the inbox, or in the settings.
    Woken,
    /// Something is due, or the server stops.
    Due,
}

impl Actor<'_> {
    /// At rest, with as little memory as that takes: nothing is under way whose outcome would be missed.
    pub(super) async fn rest(&mut self) -> Stir {
        self.outcomes.give_up();
        self.claims.give_up();
        self.conversation.shrink();
        self.story.rests();
        self.shown.shrink_to_fit();
        if self.open.is_empty() {
            // A map keeps room for a dozen until it is dropped.
            self.open = BTreeMap::new();
            self.with_files = BTreeSet::new();
        }
        let wait = self.wait();
        self.slot.rests();
        let stir = tokio::select! {
            biased;
            () = self.shared.parking.cancelled() => Stir::Due,
            () = self.slot.wake.notified() => Stir::Woken,
            () = tokio::time::sleep(wait) => Stir::Due,
        };
        self.slot.busy(false);
        stir
    }

    /// How long there is nothing to do unless something happens.
    pub(super) fn wait(&self) -> Duration {
        let settings = &self.shared.settings;
        let machine = self.conversation.deadline().map(|deadline| deadline.at);
        let lazy = self.lazy_since.map(|since| since.after(settings.lazy_commit_wait));
        let rest = self.rest_since.map(|since| since.after(settings.rest_kept));
        let next = [machine, lazy, rest].into_iter().flatten().min();
        next.map_or(WAIT_MAX, |at| at.since(self.shared.now()))
    }

    /// Whether it has been at rest for long enough to leave memory.
    pub(super) fn rest_over(&mut self) -> bool {
        let now = self.shared.now();
        let since = *self.rest_since.get_or_insert(now);
        now >= since.after(self.shared.settings.rest_kept)
    }
}

#[cfg(test)]
mod tests {
    use std::mem::size_of;
    use std::sync::Arc;

    use switchboard_domain::ids::{ConversationId, Partition};

    use super::super::{Actor, Begun, run};
    use crate::runtime::registry::Slot;
    use crate::runtime::shared::Shared;

    /// The size of what a function gives, without calling it.
    fn size_of_given<A, B, C, D, E, F>(_: impl FnOnce(A, B, C, D, E) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn a_task_at_rest_keeps_its_conversation_and_little_else() {
        let task = size_of_given(
            |shared: &'static Arc<Shared>,
             partition: Partition,
             id: &'static ConversationId,
             slot: &'static Slot,
             begun: Begun<'static>| run(shared, partition, id, slot, begun),
        );
        println!(
            "conversation {}, actor {}, task {task}",
            size_of::<switchboard_domain::conversation::Conversation>(),
            size_of::<Actor<'_>>()
        );
        assert!(task <= size_of::<Actor<'_>>() + 512, "{task} bytes");
    }
}
