//! Lanes: messages of one partition are accepted one after the other, in the order in which they were offered (R2).

use std::sync::Arc;

use switchboard_ports::conversations::{Accepted, Arrival};
use switchboard_ports::error::StoreError;
use tokio::sync::{mpsc, oneshot};

use super::{Core, accept};

/// Lanes; partitions share them.
const LANES: usize = 64;

/// Arrivals waiting in one lane. Beyond, they are refused: the platform delivers them again.
const WAITING_MAX: usize = 1_024;

type Work = (Arrival, oneshot::Sender<Result<Accepted, StoreError>>);

/// All lanes.
pub(super) struct Lanes(Vec<mpsc::Sender<Work>>);

impl Lanes {
    /// Starts them; they end when this is dropped and what waits in them is done.
    pub(super) fn new(core: &Arc<Core>) -> Self {
        Self((0..LANES).map(|_| lane(Arc::clone(core))).collect())
    }

    /// Puts an arrival into its lane now; the answer comes when its turn has come.
    pub(super) fn submit(
        &self,
        arrival: Arrival,
    ) -> Result<oneshot::Receiver<Result<Accepted, StoreError>>, StoreError> {
        let lane = self.0.get(usize::from(arrival.key.partition().0) % LANES);
        let (answer, answered) = oneshot::channel();
        match lane.map(mpsc::Sender::try_reserve) {
            Some(Ok(place)) => {
                place.send((arrival, answer));
                Ok(answered)
            }
            _ => Err(StoreError::Unavailable("too many messages wait for the store".to_owned())),
        }
    }
}

fn lane(core: Arc<Core>) -> mpsc::Sender<Work> {
    let (sender, mut waiting) = mpsc::channel::<Work>(WAITING_MAX);
    tokio::spawn(async move {
        while let Some((arrival, answer)) = waiting.recv().await {
            let accepted = accept::accept(&core, arrival).await;
            if accepted.is_err() {
                // What was offered behind it must not come before it: it fails as well, and all of it is offered again.
                while let Ok((_, behind)) = waiting.try_recv() {
                    let _ = behind.send(Err(StoreError::Unavailable("behind one that failed".to_owned())));
                }
            }
            // Nobody waiting any more is no reason to stop: dropping the future does not undo.
            let _ = answer.send(accepted);
        }
    });
    sender
}
