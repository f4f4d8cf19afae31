//! Which conversations are in memory, and how they are woken (R5).
//!
//! A wake says "look again". It may bring what was just stored, so that the store need not be read for it; nothing depends on
//! that. An entry leaves the registry under its lock after a last look for
//! wakes, so that none is lost between a task's decision to end and its end.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, OnceLock};

use switchboard_domain::ids::{ChannelId, ConversationId, Partition, Seq};
use switchboard_domain::inbox::Entry;
use tokio::sync::{Notify, oneshot};
use tokio_util::sync::CancellationToken;

use super::channel::ChannelHandle;
use super::operations::OpenMessage;
use super::shared::lock;

/// Conversations in memory.
#[derive(Default)]
pub(crate) struct Registry {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    active: BTreeMap<ConversationId, Arc<Slot>>,
    /// Conversations whose task panicked: what they had begun counts as begun (bounded by what is open).
    crashed: BTreeSet<ConversationId>,
}

/// One conversation's place in memory.
pub(crate) struct Slot {
    pub(crate) wake: Notify,
    partition: Partition,
    /// Known once it is loaded.
    channel: OnceLock<Arc<ChannelHandle>>,
    state: Mutex<SlotState>,
}

#[derive(Default)]
struct SlotState {
    woken: bool,
    /// Entries stored since the last look.
    fresh: Vec<Entry>,
    /// There may be others, or something else to look at.
    is_blind: bool,
    doing: Doing,
    /// Whether a message that nobody asked for is on its way, however long it pauses.
    sending: bool,
    /// The entry whose run is under way, and how to stop it.
    run: Option<(Seq, CancellationToken)>,
    /// Who wants to know what is open.
    askers: Vec<Asker>,
}

/// What a conversation in memory does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Doing {
    /// It is read, or something waits.
    #[default]
    Waiting,
    /// An agent is at work, or a reply is on its way.
    Busy,
    /// Nothing is under way or waits: it looks at everything anew when a message comes.
    Resting,
}

/// Somebody who wants to know what is open in a conversation.
pub(crate) type Asker = oneshot::Sender<Vec<OpenMessage>>;

/// Entries that wait for a look in memory; beyond, the store is read.
const FRESH_MAX: usize = 8;

/// Who may want to know that of one conversation at the same time.
const ASKERS_MAX: usize = 16;

impl Slot {
    fn new(partition: Partition) -> Self {
        Self { wake: Notify::default(), partition, channel: OnceLock::new(), state: Mutex::default() }
    }

    /// Notes a run that control acts may stop at once.
    pub(crate) fn running(&self, run: Option<(Seq, CancellationToken)>) {
        lock(&self.state).run = run;
    }

    /// Notes whose conversation it is.
    pub(crate) fn belongs_to(&self, channel: &Arc<ChannelHandle>) {
        // A place is loaded once.
        let _ = self.channel.set(Arc::clone(channel));
    }

    /// Notes that the conversation is at rest, until it is said whether it is busy.
    pub(crate) fn rests(&self) {
        lock(&self.state).doing = Doing::Resting;
    }

    /// Notes whether an agent is at work or a reply is on its way.
    pub(crate) fn busy(&self, busy: bool) {
        lock(&self.state).doing = if busy { Doing::Busy } else { Doing::Waiting };
    }

    /// Whether an agent is at work or a reply is on its way.
    pub(crate) fn is_busy(&self) -> bool {
        lock(&self.state).doing == Doing::Busy
    }

    /// Notes whether a message that nobody asked for is on its way.
    pub(crate) fn sending(&self, sending: bool) {
        lock(&self.state).sending = sending;
    }

    /// Takes the wake mark: whatever was stored before this is seen by the look that follows. All entries that may be new, where
    /// they are known without reading the store.
    pub(crate) fn take_wake(&self) -> Option<Vec<Entry>> {
        let mut state = lock(&self.state);
        state.woken = false;
        let fresh = std::mem::take(&mut state.fresh);
        let is_blind = std::mem::take(&mut state.is_blind);
        (!is_blind && !fresh.is_empty()).then_some(fresh)
    }

    /// Those who want to know what is open.
    pub(crate) fn take_askers(&self) -> Vec<Asker> {
        std::mem::take(&mut lock(&self.state).askers)
    }

    fn wake(&self, fresh: Option<Entry>) {
        let mut state = lock(&self.state);
        state.woken = true;
        match fresh {
            Some(entry) if state.fresh.len() < FRESH_MAX => state.fresh.push(entry),
            Some(_) | None => state.is_blind = true,
        }
        drop(state);
        self.wake.notify_one();
    }

    fn stop_run(&self, is_meant: impl Fn(Seq) -> bool) {
        if let Some((running, token)) = &lock(&self.state).run
            && is_meant(*running)
        {
            token.cancel();
        }
    }
}

impl Registry {
    /// Wakes a conversation; the slot is returned where it was not in memory and a task has to be started.
    pub(crate) fn wake(&self, id: &ConversationId, partition: Partition) -> Option<Arc<Slot>> {
        let mut inner = lock(&self.inner);
        if let Some(slot) = inner.active.get(id) {
            slot.wake(None);
            return None;
        }
        let slot = Arc::new(Slot::new(partition));
        inner.active.insert(id.clone(), Arc::clone(&slot));
        Some(slot)
    }

    /// Wakes a conversation that is in memory, for an entry or for anything else; whether it is.
    pub(crate) fn wake_active(&self, id: &ConversationId, fresh: Option<Entry>) -> bool {
        let inner = lock(&self.inner);
        let slot = inner.active.get(id);
        slot.inspect(|slot| slot.wake(fresh)).is_some()
    }

    /// Asks a conversation in memory what is open in it; it answers when it comes to that.
    pub(crate) fn ask(&self, id: &ConversationId) -> Option<oneshot::Receiver<Vec<OpenMessage>>> {
        let slot = lock(&self.inner).active.get(id).cloned()?;
        let (asker, told) = oneshot::channel();
        {
            let askers = &mut lock(&slot.state).askers;
            if askers.len() >= ASKERS_MAX {
                return None;
            }
            askers.push(asker);
        }
        slot.wake.notify_one();
        Some(told)
    }

    /// Wakes whatever of a partition is in memory; how many that are.
    pub(crate) fn wake_in(&self, partition: Partition) -> usize {
        let inner = lock(&self.inner);
        let of_partition = inner.active.values().filter(|slot| slot.partition == partition);
        of_partition.inspect(|slot| slot.wake(None)).count()
    }

    /// The fast lane of control (R3): stops the request to the agent at once, before the act itself is read from the inbox.
    pub(crate) fn stop_run(&self, id: &ConversationId, is_meant: impl Fn(Seq) -> bool) {
        let slot = lock(&self.inner).active.get(id).cloned();
        if let Some(slot) = slot {
            slot.stop_run(is_meant);
        }
    }

    /// The entry whose run is under way in a conversation.
    pub(crate) fn running(&self, id: &ConversationId) -> Option<Seq> {
        let slot = lock(&self.inner).active.get(id).cloned()?;
        lock(&slot.state).run.as_ref().map(|(running, _)| *running)
    }

    /// Leaves memory, unless somebody woke the conversation since it last looked.
    pub(crate) fn retire(&self, id: &ConversationId, slot: &Slot) -> bool {
        let mut inner = lock(&self.inner);
        if lock(&slot.state).woken {
            return false;
        }
        inner.active.remove(id);
        true
    }

    /// Leaves memory, whatever was going on: the store knows it all.
    pub(crate) fn drop_from_memory(&self, id: &ConversationId, crashed: bool) {
        let mut inner = lock(&self.inner);
        inner.active.remove(id);
        if crashed {
            inner.crashed.insert(id.clone());
        }
    }

    /// Whether the conversation's last task panicked; asked once.
    pub(crate) fn take_crashed(&self, id: &ConversationId) -> bool {
        lock(&self.inner).crashed.remove(id)
    }

    /// Whether any conversation has an agent at work or a reply on its way.
    pub(crate) fn is_busy(&self) -> bool {
        lock(&self.inner).active.values().any(|slot| slot.is_busy())
    }

    /// Whether this conversation has an agent at work or a reply on its way.
    pub(crate) fn is_busy_one(&self, id: &ConversationId) -> bool {
        lock(&self.inner).active.get(id).is_some_and(|slot| slot.is_busy())
    }

    /// Whether a message that nobody asked for is on its way in a conversation.
    pub(crate) fn is_sending(&self, id: &ConversationId) -> bool {
        let slot = lock(&self.inner).active.get(id).cloned();
        slot.is_some_and(|slot| lock(&slot.state).sending)
    }

    /// Wakes the conversations of a channel, or of all, that may have to do something because its settings changed. Those at rest
    /// read them with their next message: thousands may have been written to within a minute.
    pub(crate) fn wake_working(&self, channel: Option<&ChannelId>) {
        for slot in lock(&self.inner).active.values() {
            let is_meant = |known: &Arc<ChannelHandle>| channel.is_none_or(|channel| known.id == *channel);
            if slot.channel.get().is_none_or(is_meant) && lock(&slot.state).doing != Doing::Resting {
                slot.wake(None);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use switchboard_domain::ids::{ConversationId, Partition};

    use super::Registry;

    #[test]
    fn changed_settings_wake_what_works_and_let_the_rest_rest() {
        let registry = Registry::default();
        let [working, resting] = ["one", "two"].map(|id| {
            let slot = registry.wake(&ConversationId::new(id), Partition(1)).unwrap();
            assert!(slot.wake.notified().now_or_never().is_none(), "its task looks by itself at first");
            slot
        });
        resting.rests();
        registry.wake_working(None);
        assert!(working.wake.notified().now_or_never().is_some());
        assert!(resting.wake.notified().now_or_never().is_none());
        assert!(registry.wake_active(&ConversationId::new("two"), None));
        assert!(resting.wake.notified().now_or_never().is_some(), "a message does");
    }
}
