//! What comes back to a conversation from calls that run in tasks of their own.

use std::future::pending;

use switchboard_domain::channel::ErrorCode;
use switchboard_domain::conversation::Event;
use switchboard_ports::conversations::Shown;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use crate::runtime::timeline::Called;

/// Outcomes of calls waiting to be taken in; a conversation has at most a dozen calls under way.
const OUTCOMES_MAX: usize = 64;

/// What comes back from a call.
pub(super) struct Back {
    pub(super) event: Event,
    pub(super) shown: Option<Shown>,
    /// The platform call that it is the outcome of.
    pub(super) called: Option<Called>,
    /// Why the platform refused the call, and what it says of that; none where it did not.
    pub(super) refused: Option<(ErrorCode, String)>,
}

impl From<Event> for Back {
    fn from(event: Event) -> Self {
        Self { event, shown: None, called: None, refused: None }
    }
}

/// The way back for one call; whoever is gone by then is told nothing.
pub(super) struct WayBack(mpsc::Sender<Box<Back>>);

impl WayBack {
    /// Tells it, waiting for room.
    pub(super) async fn tell(self, back: impl Into<Back>) {
        drop(self.0.send(Box::new(back.into())).await);
    }

    /// Tells it without waiting where there is room, which there is: a conversation has a dozen calls under way, and a step claims as
    /// many places at most. Whoever waits for it would wait for ever if it were lost, so else a task waits for room.
    pub(super) fn tell_at_once(self, back: impl Into<Back>) {
        if let Err(TrySendError::Full(back)) = self.0.try_send(Box::new(back.into())) {
            tokio::spawn(async move { drop(self.0.send(back).await) });
        }
    }
}

/// The queue, which is there only while something is or was under way: most conversations in memory are at rest.
#[derive(Default)]
pub(super) struct Outcomes(Option<Queue>);

type Queue = (mpsc::Sender<Box<Back>>, mpsc::Receiver<Box<Back>>);

impl Outcomes {
    /// A way back.
    pub(super) fn way_back(&mut self) -> WayBack {
        WayBack(self.0.get_or_insert_with(|| mpsc::channel(OUTCOMES_MAX)).0.clone())
    }

    /// The next one, when there is one. Nothing is lost where this is not waited for to its end.
    pub(super) async fn next(&mut self) -> Box<Back> {
        match &mut self.0 {
            Some((_, receiver)) => match receiver.recv().await {
                Some(back) => back,
                // Not before our own sender is gone.
                None => pending().await,
            },
            None => pending().await,
        }
    }

    /// Gives the queue up; what is on its way is told to nobody.
    pub(super) fn give_up(&mut self) {
        self.0 = None;
    }
}
