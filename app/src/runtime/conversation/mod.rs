//! One task per active conversation: load, step, commit, perform, again; ends when there is nothing to do.
//!
//! The order inside a step is the promise: `apply` or `expire`, then the commit, then whatever is to be performed; never
//! the other way round, cancelling an agent's run excepted. Deltas change memory only and commit nothing.

mod attached;
mod choosing;
mod claims;
mod commit;
mod lineage;
mod load;
mod log;
mod outcomes;
mod owner;
mod parking;
mod perform;
mod resting;
mod running;
mod screening;
mod telling;
mod turn;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::FutureExt;
use switchboard_domain::channel::ErrorCode;
use switchboard_domain::conversation::{Conversation, Effects, Event, Perform};
use switchboard_domain::ids::{
    ConversationId, ConversationKey, Epoch, FencingToken, Partition, Seq, UserId, Version,
};
use switchboard_domain::inbox::Entry;
use switchboard_domain::reply::Reply;
use switchboard_domain::snapshot::ReplyRole;
use switchboard_domain::time::Timestamp;
use switchboard_ports::conversations::{Lease, Lineage, Shown};
use tokio_util::task::TaskTracker;

use super::channel::{Bot, ChannelHandle};
use super::panics;
use super::peers::HAND_OVER_MAX;
use super::press::Known;
use super::registry::Slot;
use super::shared::Shared;
use super::timeline::Story;
use crate::telemetry::metrics as names;
use claims::Claims;
use commit::Lost;
use load::Look;
use outcomes::{Back, Outcomes};
use resting::Stir;
use running::{Run, RunSaid, next_said};

/// Outcomes and words taken in between two looks into the inbox while there are any: a store that reads slowly must not
/// keep a conversation from everything else.
const EVENTS_BETWEEN_LOOKS: u32 = 64;
/// What a run says ahead of its conversation; beyond, the agent is read more slowly.
const SAID_MAX: usize = 64;

/// Starts a conversation's task.
pub(crate) fn start(shared: &Arc<Shared>, partition: Partition, id: ConversationId, slot: Arc<Slot>) {
    let shared = Arc::clone(shared);
    let tracker = shared.tasks.clone();
    tracker.spawn(async move {
        let crashed = shared.registry.take_crashed(&id);
        let calls = TaskTracker::new();
        let begun = Begun { crashed, calls: &calls };
        let work = std::panic::AssertUnwindSafe(run(&shared, partition, &id, &slot, begun)).catch_unwind();
        match work.await {
            Ok(Ended::Retired) => {}
            Ok(Ended::Dropped) => shared.registry.drop_from_memory(&id, false),
            // What was begun before is still begun for whoever can load it.
            Ok(Ended::NotLoaded) => shared.registry.drop_from_memory(&id, crashed),
            // What was begun here may have been shown: it goes on as after a crash.
            Ok(Ended::Lost { again }) => {
                forget(&shared, &id, &calls).await;
                if again {
                    super::wake(&shared, partition, id);
                }
            }
            Err(_panic) => {
                tracing::error!(conversation = %id, "a conversation's task panicked; it goes on from the store");
                panics::counted();
                forget(&shared, &id, &calls).await;
            }
        }
    });
}

/// Forgets a conversation in the middle of its work, once the calls it has under way have come back (each is bounded in
/// time): whoever goes on with it knows nothing of them, and would make others beside them (R12).
async fn forget(shared: &Shared, id: &ConversationId, calls: &TaskTracker) {
    calls.close();
    calls.wait().await;
    shared.registry.drop_from_memory(id, true);
}

/// What a conversation's task begins with.
#[derive(Clone, Copy)]
struct Begun<'a> {
    /// Whether the conversation was forgotten in the middle of its work before.
    crashed: bool,
    /// Its platform calls under way.
    calls: &'a TaskTracker,
}

/// How a conversation's task ended.
enum Ended {
    /// At rest, and out of the registry.
    Retired,
    /// It could not be loaded.
    NotLoaded,
    /// The server stops: memory is forgotten.
    Dropped,
    /// Somebody else owns or changed it in the middle of a step: memory is forgotten.
    Lost {
        /// Whether the store was given something that it had lost, and is to be read again at once.
        again: bool,
    },
}

/// What works is in boxes of its own, which are gone while a conversation is at rest: most of those in memory are.
async fn run(
    shared: &Arc<Shared>,
    partition: Partition,
    id: &ConversationId,
    slot: &Slot,
    begun: Begun<'_>,
) -> Ended {
    let Some(mut actor) = Box::pin(Actor::load(shared, partition, id, slot, begun)).await else {
        return Ended::NotLoaded;
    };
    let mut stir = None;
    loop {
        match Box::pin(actor.work(stir)).await {
            Ok(Some(ended)) => return ended,
            Ok(None) => stir = Some(actor.rest().await),
            Err(lost) => return Ended::Lost { again: Box::pin(actor.lose(&lost)).await },
        }
    }
}

/// The task's own state.
struct Actor<'a> {
    shared: &'a Arc<Shared>,
    slot: &'a Slot,
    id: &'a ConversationId,
    key: ConversationKey,
    partition: Partition,
    /// The lease that it was read under. Under another one, somebody else may have written in between.
    token: FencingToken,
    /// The store's server that it was read from or looked at again.
    lineage: Lineage,
    handle: Arc<ChannelHandle>,
    bot: Arc<Bot>,
    conversation: Conversation,
    version: Version,
    /// All entries up to here were read, or have ended before that.
    seen: Seq,
    /// Entries taken in and not ended, as counted in the metrics.
    pending: u32,
    /// Entries taken in whose end is not stored, as they were read.
    open: BTreeMap<Seq, Entry>,
    /// Entries taken in and not ended that brought files.
    with_files: BTreeSet<Seq>,
    /// Set by a mapping, written with the next commit.
    user: Option<UserId>,
    /// What the platform calls messages that show answers, learnt since the last commit and written with the next.
    shown: Vec<Shown>,
    /// Why the platform refused the call whose outcome is being taken in: its words go with the code into the channel's status.
    refused: Option<(ErrorCode, String)>,
    /// A lazy change waits for company since then.
    lazy_since: Option<Timestamp>,
    /// What of its messages is still to be told.
    story: Story,
    /// At rest since then.
    rest_since: Option<Timestamp>,
    run: Option<Box<Run>>,
    /// The running turn's card, for its stop button.
    card: Option<Box<Known>>,
    /// The run that the fast lane closed and whose control act could not be read yet.
    stopped_by_control: Option<Epoch>,
    /// The process stops, and open cards may be told so until then.
    parting_until: Option<Timestamp>,
    /// Outcomes and words taken in since the last look into the inbox.
    events_since_look: u32,
    /// Replies that wait for a place in the budget.
    claims: Claims,
    /// Platform calls whose outcome has not been taken in.
    calls: usize,
    /// Platform calls under way, for whoever has to wait for them.
    under_way: &'a TaskTracker,
    outcomes: Outcomes,
}

impl Drop for Actor<'_> {
    fn drop(&mut self) {
        metrics::gauge!(names::INBOX_PENDING).decrement(f64::from(self.pending));
        self.shared.tally.wait_no_longer(self.pending);
    }
}

impl Actor<'_> {
    /// The event loop. Priorities: 1 deadlines that have passed, 2 the server stops, 3 a wake (after a look, first what else
    /// there is), 4 outcomes of calls, 5 what the agent says, 6 deadlines to come. `None`: at rest, until something stirs.
    async fn work(&mut self, stir: Option<Stir>) -> Result<Option<Ended>, Lost> {
        match stir {
            // Whoever goes on with it elsewhere looks for itself.
            Some(Stir::Woken) if !self.has_to_leave() => self.woken().await?,
            Some(Stir::Due) => self.expire().await?,
            Some(Stir::Woken) | None => {}
        }
        loop {
            if !self.conversation.replies().is_empty() {
                // Settings, a month's turn or the platform's answer to anybody may have changed it since the last step.
                self.conversation.keep_pace(self.handle.bot().pace());
            }
            if self.is_overdue() {
                // However much the agent has to say: what is due is done.
                self.expire().await?;
            }
            if self.has_to_leave() || self.shared.parking.is_cancelled() {
                self.park().await?;
                return Ok(Some(Ended::Dropped));
            }
            if self.conversation.is_at_rest() {
                if self.rest_over() {
                    self.commit_lazy(true).await?;
                    if self.shared.registry.retire(self.id, self.slot) {
                        return Ok(Some(Ended::Retired));
                    }
                }
                if self.run.is_none() && self.calls == 0 {
                    return Ok(None);
                }
            }
            let wait = self.wait();
            let look_first = self.events_since_look >= EVENTS_BETWEEN_LOOKS;
            tokio::select! {
                biased;
                () = self.shared.parking.cancelled() => {
                    self.park().await?;
                    return Ok(Some(Ended::Dropped));
                }
                () = self.slot.wake.notified(), if look_first => self.woken().await?,
                back = self.outcomes.next() => self.came_back(*back).await?,
                said = next_said(&mut self.run) => self.heard(said).await?,
                () = self.slot.wake.notified(), if !look_first => self.woken().await?,
                () = tokio::time::sleep(wait) => self.expire().await?,
            }
        }
    }

    /// Whether the conversation goes on with another replica from here: nothing is under way, or it has been for long enough.
    fn has_to_leave(&self) -> bool {
        let since = self.shared.peers.leaving_since(self.partition);
        since.is_some_and(|since| !self.slot.is_busy() || since.elapsed() >= HAND_OVER_MAX)
    }

    /// Whether a deadline of the machine has passed.
    fn is_overdue(&self) -> bool {
        self.conversation.deadline().is_some_and(|deadline| deadline.at <= self.shared.now())
    }

    async fn woken(&mut self) -> Result<(), Lost> {
        self.tell_what_is_open();
        if self.look_again(self.stopped_by_control.is_some()).await? == Look::Done
            && let Some(epoch) = self.stopped_by_control.take()
        {
            return self.run_ended(epoch).await;
        }
        Ok(())
    }

    /// A platform call came back, or its place in the budget did.
    async fn came_back(&mut self, Back { event, shown, called, refused }: Back) -> Result<(), Lost> {
        self.events_since_look = self.events_since_look.saturating_add(1);
        if matches!(event, Event::CardDone { .. } | Event::PartDone { .. }) {
            self.calls = self.calls.saturating_sub(1);
        }
        if let Some(called) = called {
            self.story.came_back(self.shared, self.id, &event, called);
        }
        self.learn(shown);
        self.refused = refused;
        let stepped = self.step(event).await;
        self.refused = None;
        stepped
    }

    /// A running turn's end has its card's name with it; later ones wait for company.
    fn learn(&mut self, shown: Option<Shown>) {
        let Some(shown) = shown else { return };
        let runs = self.conversation.session().running().is_some_and(|(seq, _)| seq == shown.seq);
        self.shown.push(shown);
        if !runs {
            self.lazy_since.get_or_insert(self.shared.now());
        }
    }

    async fn expire(&mut self) -> Result<(), Lost> {
        let now = self.shared.now();
        if self.conversation.session().deadline().is_some_and(|deadline| deadline.at <= now) {
            self.prepared(now);
        }
        let effects = self.conversation.expire(now);
        self.finish_step(effects).await?;
        self.commit_lazy(false).await
    }

    async fn step(&mut self, event: Event) -> Result<(), Lost> {
        let mut effects = Effects::default();
        self.apply_into(event, &mut effects);
        self.finish_step(effects).await
    }

    fn apply_into(&mut self, event: Event, effects: &mut Effects) {
        let (name, before) = (event.name(), log::phases(&self.conversation));
        match self.conversation.apply(event, self.shared.now()) {
            Ok(more) => {
                log::stepped(self.id, &self.conversation, before.as_ref(), name, &more);
                merge(effects, more);
            }
            Err(rejected) => log::rejected(self.id, &rejected),
        }
    }

    /// The end of every step: cancel, commit, perform, in this order.
    async fn finish_step(&mut self, effects: Effects) -> Result<(), Lost> {
        for perform in &effects.perform {
            if let Perform::Cancel { epoch } = perform {
                self.cancel_run(*epoch);
            }
        }
        if effects.perform.iter().any(|perform| matches!(perform, Perform::Send { .. })) {
            // Before the part is marked as attempted: a mark whose call never began would be of unknown fate (R10, R16).
            self.lease_for_call().await?;
        }
        self.commit(&effects).await?;
        self.drop_files(&effects);
        self.report(&effects);
        if !self.conversation.is_at_rest() {
            self.rest_since = None;
        }
        for perform in effects.perform {
            self.perform(perform).await?;
        }
        self.claims.keep(|reply, call| self.conversation.waits_for(reply, call));
        self.story.stepped(self.shared, self.id, &self.conversation);
        let session = self.conversation.session();
        let working = session.running().is_some() || session.looking().is_some();
        self.slot.busy(working || self.is_delivering());
        let is_message = |reply: &Reply| reply.facts().id.role == ReplyRole::Message;
        self.slot.sending(self.conversation.replies().iter().any(is_message));
        Ok(())
    }

    /// Waits until a platform call may begin (R16).
    async fn lease_for_call(&mut self) -> Result<Lease, Lost> {
        let began = self.shared.now();
        let lease =
            self.shared.lease_for_call(self.partition, self.token).await.ok_or_else(|| self.kept_out())?;
        self.stalled_since(began);
        Ok(lease)
    }

    /// Tells the machines how long they could neither act nor hear, wherever the conversation waits for its store: what was
    /// decided is performed only now, and what came back meanwhile is still to be taken in. No time-out counts that.
    fn stalled_since(&mut self, began: Timestamp) {
        let span = self.shared.now().since(began);
        self.conversation.stalled(span);
        if let Some(since) = self.run.as_mut().and_then(|run| run.preparing_since.as_mut()) {
            *since = since.after(span);
        }
    }
}

fn merge(into: &mut Effects, more: Effects) {
    into.perform.extend(more.perform);
    into.durability = into.durability.max(more.durability);
    into.ended.extend(more.ended);
    into.transcript.extend(more.transcript);
    into.failures.extend(more.failures);
    into.news.extend(more.news);
    into.notes.extend(more.notes);
    into.replies_done.extend(more.replies_done);
}
