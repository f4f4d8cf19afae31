//! The run under way, as its conversation sees it: what it reports, and what follows when it is closed.

use switchboard_domain::conversation::{Event, Said};
use switchboard_domain::ids::{Epoch, UserId};
use switchboard_domain::outcome::{AgentFailure, AgentFailureKind, RunFailure};
use switchboard_domain::time::Timestamp;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::load::Look;
use super::{Actor, Lost};

/// An agent's run under way.
pub(super) struct Run {
    pub(super) epoch: Epoch,
    pub(super) said: mpsc::Receiver<RunSaid>,
    /// Closes the request; the run is stopped upstream too, unless it was left.
    pub(super) cancel: CancellationToken,
    /// Said before `cancel` where the run is not given up: this process only stops listening to it.
    pub(super) left: CancellationToken,
    /// The question is not asked yet, and time-outs do not count what was before this.
    pub(super) preparing_since: Option<Timestamp>,
}

/// Memory that is dropped while a run is under way: the store's next reader goes on with the turn.
impl Drop for Run {
    fn drop(&mut self) {
        if !self.cancel.is_cancelled() {
            self.left.cancel();
            self.cancel.cancel();
        }
    }
}

/// What a run's task reports.
pub(super) enum RunSaid {
    /// Who asks was found out.
    Mapped(UserId),
    /// The question as it is asked, with the words of the answer that it quotes.
    Reworded(String),
    /// Everything is found out, and the agent is asked now.
    Ready,
    /// The agent said something.
    Agent(Said),
    /// The request is closed, upstream too.
    Closed,
}

impl Actor<'_> {
    pub(super) async fn heard(&mut self, said: Option<RunSaid>) -> Result<(), Lost> {
        self.events_since_look = self.events_since_look.saturating_add(1);
        let Some(epoch) = self.run.as_ref().map(|run| run.epoch) else {
            return Ok(());
        };
        match said {
            Some(RunSaid::Mapped(user)) => {
                self.user = Some(user);
                Ok(())
            }
            Some(RunSaid::Reworded(question)) => {
                self.conversation.reworded(epoch, question);
                Ok(())
            }
            Some(RunSaid::Ready) => {
                self.prepared(self.shared.now());
                if let Some(run) = &mut self.run {
                    run.preparing_since = None;
                }
                Ok(())
            }
            Some(RunSaid::Agent(said)) => self.step(Event::Run { epoch, said }).await,
            Some(RunSaid::Closed) | None => self.run_closed(epoch).await,
        }
    }

    /// What it takes to find out who asks, and whom, is no silence of the agent's: a store that is away is waited for.
    pub(super) fn prepared(&mut self, now: Timestamp) {
        if self.conversation.session().running().is_some()
            && let Some(since) = self.run.as_mut().and_then(|run| run.preparing_since.as_mut())
        {
            self.conversation.unasked(now.since(*since));
            *since = now;
        }
    }

    /// A run's request is closed. Where the fast lane did it, the control act itself is still in the inbox.
    async fn run_closed(&mut self, epoch: Epoch) -> Result<(), Lost> {
        let by_fast_lane = self.run.take().is_some_and(|run| run.cancel.is_cancelled());
        self.slot.running(None);
        if by_fast_lane && self.is_running(epoch) && self.look_again(true).await? == Look::Away {
            // The act is stored and cannot be read yet: it ends the turn once it can be, and no sooner.
            self.stopped_by_control = Some(epoch);
            return Ok(());
        }
        self.run_ended(epoch).await
    }

    /// A run is over: as it was told to, or without having said so.
    pub(super) async fn run_ended(&mut self, epoch: Epoch) -> Result<(), Lost> {
        if self.is_running(epoch) {
            let failure = AgentFailure::new(AgentFailureKind::CutStream);
            return self.step(Event::Run { epoch, said: Said::Failed(RunFailure::Agent(failure)) }).await;
        }
        self.step(Event::Closed { epoch }).await
    }

    fn is_running(&self, epoch: Epoch) -> bool {
        self.conversation.session().running().is_some_and(|(_, running)| running == epoch)
    }
}

/// What the run says next; `None` when its task is gone. Without a run: never.
pub(super) async fn next_said(run: &mut Option<Box<Run>>) -> Option<RunSaid> {
    match run {
        Some(run) => run.said.recv().await,
        None => std::future::pending().await,
    }
}
