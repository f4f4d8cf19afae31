//! One task per active conversation: load, step, commit, perform, again; ends when there is nothing to do.
//!
//! The order inside a step is the promise: `apply` or `expire`, then the commit, then whatever is to be performed; never
//! the other way round, cancelling an agent's run excepted. Deltas change memory only and commit nothing.

mod commit;
mod load;
mod perform;
mod turn;

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use switchboard_domain::conversation::{Conversation, Effects, Event, Perform, Said};
use switchboard_domain::ids::{ConversationId, Epoch, Partition, UserId, Version};
use switchboard_domain::rejected::Rejected;
use switchboard_domain::snapshot::ReplyId;
use switchboard_domain::time::Timestamp;
use switchboard_ports::conversations::Lease;
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::channel::{Bot, ChannelHandle};
use super::registry::Slot;
use super::shared::Shared;

/// Outcomes of calls waiting to be taken in; a conversation has at most a dozen calls under way.
const OUTCOMES_MAX: usize = 64;
/// What a run says ahead of its conversation; beyond, the agent is read more slowly.
const SAID_MAX: usize = 64;

/// Starts a conversation's task.
pub(crate) fn start(shared: &Arc<Shared>, partition: Partition, id: ConversationId, slot: Arc<Slot>) {
    let shared = Arc::clone(shared);
    let tracker = shared.tasks.clone();
    tracker.spawn(async move {
        let crashed = shared.registry.take_crashed(&id);
        let work = std::panic::AssertUnwindSafe(run(&shared, partition, &id, &slot, crashed)).catch_unwind();
        match work.await {
            Ok(Ended::Retired) => {}
            Ok(Ended::Dropped) => shared.registry.drop_from_memory(&id, false),
            // What was begun here may have been shown: it goes on as after a crash.
            Ok(Ended::Lost) => shared.registry.drop_from_memory(&id, true),
            Err(_panic) => {
                tracing::error!(conversation = %id, "a conversation's task panicked; it goes on from the store");
                metrics::counter!("switchboard_alarms_total", "kind" => "panic").increment(1);
                shared.registry.drop_from_memory(&id, true);
            }
        }
    });
}

/// How a conversation's task ended.
enum Ended {
    /// At rest, and out of the registry.
    Retired,
    /// It could not be loaded, or the server stops: memory is forgotten.
    Dropped,
    /// Somebody else owns or changed it in the middle of a step: memory is forgotten.
    Lost,
}

/// Why a step could not be finished.
struct Lost;

async fn run(
    shared: &Arc<Shared>,
    partition: Partition,
    id: &ConversationId,
    slot: &Slot,
    crashed: bool,
) -> Ended {
    let Some(mut actor) = Actor::load(shared, partition, id, slot, crashed).await else {
        return Ended::Dropped;
    };
    match actor.work().await {
        Ok(ended) => ended,
        Err(Lost) => Ended::Lost,
    }
}

/// The task's own state.
struct Actor<'a> {
    shared: &'a Arc<Shared>,
    slot: &'a Slot,
    id: &'a ConversationId,
    partition: Partition,
    handle: Arc<ChannelHandle>,
    bot: Arc<Bot>,
    conversation: Conversation,
    version: Version,
    /// Entries taken in and not ended, as counted in the metrics.
    pending: u32,
    /// Set by a mapping, written with the next commit.
    user: Option<UserId>,
    /// A lazy change waits for company since then.
    lazy_since: Option<Timestamp>,
    /// At rest since then.
    rest_since: Option<Timestamp>,
    run: Option<Run>,
    outcomes: (mpsc::Sender<Event>, mpsc::Receiver<Event>),
}

impl Drop for Actor<'_> {
    fn drop(&mut self) {
        metrics::gauge!("switchboard_inbox_pending").decrement(f64::from(self.pending));
    }
}

/// An agent's run under way.
struct Run {
    epoch: Epoch,
    said: mpsc::Receiver<RunSaid>,
    cancel: CancellationToken,
    _guard: DropGuard,
}

/// What a run's task reports.
enum RunSaid {
    /// Who asks was found out.
    Mapped(UserId),
    /// The agent said something.
    Agent(Said),
    /// The request is closed, upstream too.
    Closed,
}

impl Actor<'_> {
    /// The event loop. Priorities: 1 the server stops, 2 a wake, 3 outcomes of calls, 4 what the agent says, 5 deadlines.
    async fn work(&mut self) -> Result<Ended, Lost> {
        loop {
            if self.conversation.is_at_rest() && self.rest_over() {
                self.commit_lazy(true).await?;
                if self.shared.registry.retire(self.id, self.slot) {
                    return Ok(Ended::Retired);
                }
            }
            let wait = self.wait();
            tokio::select! {
                biased;
                () = self.shared.parking.cancelled() => {
                    self.park().await?;
                    return Ok(Ended::Dropped);
                }
                () = self.slot.wake.notified() => self.look_again().await?,
                Some(event) = self.outcomes.1.recv() => self.step(event).await?,
                said = next_said(&mut self.run) => self.heard(said).await?,
                () = tokio::time::sleep(wait) => self.expire().await?,
            }
        }
    }

    /// How long there is nothing to do unless something happens.
    fn wait(&self) -> Duration {
        let settings = &self.shared.settings;
        let machine = self.conversation.deadline().map(|deadline| deadline.at);
        let lazy = self.lazy_since.map(|since| since.after(settings.lazy_commit_wait));
        let rest = self.rest_since.map(|since| since.after(settings.rest_kept));
        let next = [machine, lazy, rest].into_iter().flatten().min();
        // A second look now and then costs nothing and forgives a lost timer.
        next.map_or(Duration::from_secs(30), |at| at.since(self.shared.now()))
    }

    fn rest_over(&mut self) -> bool {
        let now = self.shared.now();
        let since = *self.rest_since.get_or_insert(now);
        now >= since.after(self.shared.settings.rest_kept)
    }

    async fn heard(&mut self, said: Option<RunSaid>) -> Result<(), Lost> {
        let Some(epoch) = self.run.as_ref().map(|run| run.epoch) else {
            return Ok(());
        };
        match said {
            Some(RunSaid::Mapped(user)) => {
                self.user = Some(user);
                Ok(())
            }
            Some(RunSaid::Agent(said)) => self.step(Event::Run { epoch, said }).await,
            Some(RunSaid::Closed) | None => self.run_closed(epoch).await,
        }
    }

    /// A run's request is closed. Where the fast lane did it, the control act itself is still in the inbox.
    async fn run_closed(&mut self, epoch: Epoch) -> Result<(), Lost> {
        self.run = None;
        self.slot.running(None);
        if self.conversation.session().running().is_some_and(|(_, running)| running == epoch) {
            self.look_again().await?;
        }
        if self.conversation.session().running().is_some_and(|(_, running)| running == epoch) {
            let cut = switchboard_domain::outcome::AgentFailureKind::CutStream;
            let failure = switchboard_domain::outcome::AgentFailure::new(cut);
            let said = Said::Failed(switchboard_domain::outcome::RunFailure::Agent(failure));
            return self.step(Event::Run { epoch, said }).await;
        }
        self.step(Event::Closed { epoch }).await
    }

    async fn expire(&mut self) -> Result<(), Lost> {
        let now = self.shared.now();
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
        let (name, before) = (event.name(), self.conversation.session().phase());
        let replies_before = self.reply_phases();
        match self.conversation.apply(event, self.shared.now()) {
            Ok(more) => {
                if name != "Delta" && tracing::enabled!(tracing::Level::DEBUG) {
                    self.log_replies(&replies_before, name);
                    let after = self.conversation.session().phase();
                    tracing::debug!(
                        machine = "session", conversation = %self.id, before, event = name, after,
                        effects = more.perform.len(), ended = more.ended.len(), "stepped"
                    );
                }
                merge(effects, more);
            }
            Err(rejected) => note_rejection(self.id, &rejected),
        }
    }

    /// The replies' phases, for the log; empty where nobody reads it.
    fn reply_phases(&self) -> Vec<(ReplyId, &'static str)> {
        if !tracing::enabled!(tracing::Level::DEBUG) {
            return Vec::new();
        }
        self.conversation.replies().iter().map(|reply| (reply.facts().id, reply.phase())).collect()
    }

    fn log_replies(&self, before: &[(ReplyId, &'static str)], event: &'static str) {
        for reply in self.conversation.replies() {
            let id = reply.facts().id;
            let before = before.iter().find(|(known, _)| *known == id).map_or("new", |(_, phase)| *phase);
            let after = reply.phase();
            if before != after {
                tracing::debug!(
                    machine = "reply", conversation = %self.id, seq = id.seq.0, role = ?id.role, before, event, after,
                    "stepped"
                );
            }
        }
    }

    /// The end of every step: cancel, commit, perform, in this order.
    async fn finish_step(&mut self, effects: Effects) -> Result<(), Lost> {
        for perform in &effects.perform {
            if let Perform::Cancel { epoch } = perform {
                self.cancel_run(*epoch);
            }
        }
        self.commit(&effects).await?;
        self.report(&effects);
        if !self.conversation.is_at_rest() {
            self.rest_since = None;
        }
        for perform in effects.perform {
            self.perform(perform).await?;
        }
        let working = self.conversation.session().running().is_some();
        self.slot.busy(working || !self.conversation.replies().is_empty());
        Ok(())
    }

    /// The end of the grace: a running turn is left to the next process, and that is no crash.
    async fn park(&mut self) -> Result<(), Lost> {
        let mut effects = Effects::default();
        self.apply_into(Event::Parked, &mut effects);
        for perform in &effects.perform {
            if let Perform::Cancel { epoch } = perform {
                self.cancel_run(*epoch);
            }
        }
        self.commit(&effects).await?;
        self.commit_lazy(true).await
    }

    async fn lease(&self) -> Result<Lease, Lost> {
        self.shared.lease_for_call(self.partition).await.ok_or(Lost)
    }
}

/// What the run says next; `None` when its task is gone. Without a run: never.
async fn next_said(run: &mut Option<Run>) -> Option<RunSaid> {
    match run {
        Some(run) => run.said.recv().await,
        None => std::future::pending().await,
    }
}

fn merge(into: &mut Effects, more: Effects) {
    into.perform.extend(more.perform);
    into.durability = into.durability.max(more.durability);
    into.ended.extend(more.ended);
    into.transcript.extend(more.transcript);
    into.failures.extend(more.failures);
    into.notes.extend(more.notes);
    into.replies_done.extend(more.replies_done);
}

fn note_rejection(id: &ConversationId, rejected: &Rejected) {
    if rejected.is_alarm() {
        tracing::error!(machine = "session", conversation = %id, %rejected, "an impossible event; this is a bug");
        metrics::counter!("switchboard_alarms_total", "kind" => "illegal").increment(1);
    } else {
        tracing::debug!(machine = "session", conversation = %id, %rejected, "rejected");
    }
}
