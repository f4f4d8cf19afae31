//! The end of the grace: a running turn is left to the next process, its open card is told so, and calls under way are
//! waited for. Everything here ends in time, whatever the platform does.

use std::time::Duration;

use switchboard_domain::conversation::{Effects, Event, Perform};
use switchboard_domain::snapshot::ReplyId;

use super::{Actor, Lost};

/// How long an open card's last update may take, its place in the budget included. It is worth no more than that: the next
/// process goes on with the card in any case.
const PARTING_MAX: Duration = Duration::from_secs(5);

impl Actor<'_> {
    /// The end of the grace: a running turn is left to the next process, and that is no crash.
    pub(super) async fn park(&mut self) -> Result<(), Lost> {
        let began = self.shared.now();
        let mut effects = Effects::default();
        let running = self.conversation.session().running().map(|(seq, _)| seq);
        self.apply_into(Event::Parked, &mut effects);
        for perform in &effects.perform {
            if let Perform::Cancel { epoch } = perform {
                self.leave_run(*epoch);
            }
        }
        self.commit(&effects).await?;
        self.parting_until = Some(began.after(PARTING_MAX));
        for perform in effects.perform {
            if !matches!(perform, Perform::Cancel { .. }) {
                self.perform(perform).await?;
            }
        }
        // What comes of the calls under way is worth knowing: a part that was sent would else be of unknown fate.
        let calls_until = began.after(self.shared.settings.call_timeout);
        loop {
            let until = match (self.calls, self.conversation.parting()) {
                (0, None) => break,
                (0, Some(_)) => began.after(PARTING_MAX),
                (1.., _) => calls_until,
            };
            let left = until.since(self.shared.now());
            match tokio::time::timeout(left, self.outcomes.next()).await {
                // No other call begins.
                Ok(back) if self.is_late_grant(&back.event) => {}
                Ok(back) => self.came_back(*back).await?,
                Err(_) => break,
            }
        }
        self.story.left(self.shared, self.id, running);
        if !self.shown.is_empty() {
            self.lazy_since.get_or_insert(self.shared.now());
        }
        self.commit_lazy(true).await
    }

    /// How long a call that begins now may take.
    pub(super) fn call_limit(&self) -> Duration {
        let limit = self.shared.settings.call_timeout;
        self.parting_until.map_or(limit, |until| until.since(self.shared.now()).min(limit))
    }

    /// Until when a reply may wait for its place in the budget: for ever while the server runs, and when it stops only for
    /// the last update of an open card.
    pub(super) fn end_of_claim(&self, reply: ReplyId) -> impl Future<Output = ()> + Send + use<> {
        let left = self.parting_until.filter(|_| self.is_parting(reply));
        let left = left.map(|until| until.since(self.shared.now()));
        let parking = self.shared.parking.clone();
        async move {
            match left {
                Some(left) => tokio::time::sleep(left).await,
                None => parking.cancelled().await,
            }
        }
    }

    /// A place in the budget for what is not done any more.
    fn is_late_grant(&self, event: &Event) -> bool {
        matches!(event, Event::Granted { reply, .. } if !self.is_parting(*reply))
    }

    fn is_parting(&self, reply: ReplyId) -> bool {
        self.conversation.parting() == Some(reply)
    }
}
