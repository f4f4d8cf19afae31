//! Performing what a step decided. Platform calls run in tasks of their own: they are never cancelled, and they outlive a
//! conversation that is dropped from memory (R12).

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures_util::poll;
use switchboard_domain::conversation::{Event, Perform};
use switchboard_domain::ids::{Epoch, Seq};
use switchboard_domain::reply::{CallNumber, CardOutcome, PartOutcome};
use switchboard_domain::snapshot::{ReplyId, ReplyRole};
use switchboard_ports::clock::Clock;
use switchboard_ports::conversations::{Lease, Shown};
use switchboard_ports::provider::{Came, CardRequest, ClaimRequest, PartRequest};
use tokio::sync::mpsc;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::claims::granted;
use super::outcomes::Back;
use super::owner::Asked;
use super::turn::{self, Question};
use super::{Actor, Lost, Run, SAID_MAX};
use crate::runtime::operations::RuntimeEvent;
use crate::runtime::panics::caught;
use crate::runtime::press::{CardTurn, Cards};
use crate::runtime::timeline::{Called, What};
use crate::telemetry::metrics as names;

/// A reply whose next try is further away than this is left to the next process when the server stops.
const SOON: Duration = Duration::from_secs(2);

impl Actor<'_> {
    /// Whether a reply is on its way; one that waits long before another try holds up no stop.
    pub(super) fn is_delivering(&self) -> bool {
        let soon = self.shared.now().after(SOON);
        self.conversation.replies().iter().any(|reply| reply.paused_until().is_none_or(|until| until <= soon))
    }

    pub(super) async fn perform(&mut self, perform: Perform) -> Result<(), Lost> {
        match perform {
            Perform::Ask { seq, epoch } => self.ask(seq, epoch),
            // Done before the commit already. Where no run is under way there is nothing to wait for: it is closed.
            Perform::Cancel { epoch } => {
                if self.run.as_ref().is_none_or(|run| run.epoch != epoch) {
                    self.outcomes.way_back().tell_at_once(Event::Closed { epoch });
                }
            }
            Perform::CancelUpstream { epoch, handle } => {
                let (shared, bot) = (Arc::clone(self.shared), Arc::clone(&self.bot));
                let (conversation, back) = (self.id.clone(), self.outcomes.way_back());
                self.shared.tasks.spawn(async move {
                    // Where its agent is gone or elsewhere now, nobody can reach it.
                    if let Some((asked, run)) = Asked::owner(&shared, &bot, &handle).await {
                        let span = asked.span(&bot.channel.id, &conversation, None);
                        turn::cancel_upstream(&asked, &run, span).await;
                    }
                    back.tell(Event::Closed { epoch }).await;
                });
            }
            Perform::LookUp { seq } => {
                self.look_up(seq);
            }
            Perform::Claim { reply, call, claim, since, message, retry } => {
                let still = self.shared.now().since(since);
                self.claim((reply, call), ClaimRequest { claim, still, message, retry }).await;
            }
            Perform::Card { reply, call, target, message, retry, attempt, card } => {
                let (seq, within) = (reply.seq, self.call_limit());
                let request = CardRequest { target, message, retry, seq, attempt, call: card, within };
                self.call_card((reply, call), request).await?;
            }
            Perform::Send { reply, call, target, text, format, way } => {
                let (seq, within) = (reply.seq, self.call_limit());
                self.call_send((reply, call), PartRequest { target, seq, text, format, way, within }).await?;
            }
        }
        Ok(())
    }

    /// Waits for a call's place in the budget, in a task of its own where there is none at once.
    async fn claim(&mut self, (reply, call): (ReplyId, CallNumber), request: ClaimRequest) {
        // What it claimed before is given up first: two claims of one reply would take two places.
        self.claims.over(reply);
        // A later event of the same step may have made it needless.
        if !self.conversation.waits_for(reply, call) {
            return;
        }
        let (end, back) = (self.end_of_claim(reply), self.outcomes.way_back());
        let (link, handle) = (Arc::clone(&self.bot.link), Arc::clone(&self.handle));
        let mut granted = Box::pin(async move {
            tokio::select! {
                biased;
                () = end => false,
                // A budget that breaks is no reason to wait for ever.
                _ = caught("a claim", granted(link, request, handle)) => true,
            }
        });
        if let Poll::Ready(is_granted) = poll!(&mut granted) {
            if is_granted {
                back.tell_at_once(Event::Granted { reply, call });
            }
            return;
        }
        let waiting = self.shared.tasks.spawn(async move {
            if granted.await {
                back.tell(Event::Granted { reply, call }).await;
            }
        });
        self.claims.wait(reply, call, waiting.abort_handle());
    }

    async fn call_card(
        &mut self,
        (reply, call): (ReplyId, CallNumber),
        request: CardRequest,
    ) -> Result<(), Lost> {
        let (link, back, limit) = (Arc::clone(&self.bot.link), self.outcomes.way_back(), request.within);
        let lease = self.lease_for_call().await?;
        let called = Called { what: What::of(&request.call), began: self.shared.now() };
        let (under_way, clock) = (self.call_begins(), Arc::clone(&self.shared.ports.clock));
        self.shared.tasks.spawn(async move {
            let _under_way = under_way;
            let made = under_lease(clock, lease, link.card(request));
            let came = caught("a card call", tokio::time::timeout(limit, made)).await;
            let unknown = CardOutcome::Unknown.into();
            let Came { outcome, key, detail } = came.and_then(Result::ok).flatten().unwrap_or(unknown);
            metrics::counter!(names::CARD_UPDATES, "outcome" => card_label(outcome)).increment(1);
            let refused = if let CardOutcome::Refused(code) = outcome { Some((code, detail)) } else { None };
            let event = Event::CardDone { reply, call, outcome };
            back.tell(Back { event, shown: shown(reply, key), called: Some(called), refused }).await;
        });
        Ok(())
    }

    async fn call_send(
        &mut self,
        (reply, call): (ReplyId, CallNumber),
        request: PartRequest,
    ) -> Result<(), Lost> {
        let (link, back, limit) = (Arc::clone(&self.bot.link), self.outcomes.way_back(), request.within);
        let lease = self.lease_for_call().await?;
        let called = Called { what: What::Part(request.way), began: self.shared.now() };
        let (under_way, clock) = (self.call_begins(), Arc::clone(&self.shared.ports.clock));
        self.shared.tasks.spawn(async move {
            let _under_way = under_way;
            let made = under_lease(clock, lease, link.send(request));
            let came = caught("a plain message", tokio::time::timeout(limit, made)).await;
            let unknown = PartOutcome::Unknown.into();
            let Came { outcome, key, detail } = came.and_then(Result::ok).flatten().unwrap_or(unknown);
            let refused = if let PartOutcome::Refused(code) = outcome { Some((code, detail)) } else { None };
            let event = Event::PartDone { reply, call, outcome };
            // Of what says that a message waits only its card becomes an answer.
            let key = key.filter(|_| reply.role != ReplyRole::Note);
            back.tell(Back { event, shown: shown(reply, key), called: Some(called), refused }).await;
        });
        Ok(())
    }

    /// One more platform call; what is returned lives as long as the call is under way.
    fn call_begins(&mut self) -> TaskTrackerToken {
        self.calls = self.calls.saturating_add(1);
        self.under_way.token()
    }

    fn ask(&mut self, seq: Seq, epoch: Epoch) {
        let Some(entry) = self.conversation.entry(seq).cloned() else {
            return;
        };
        // Forgotten first: a turn that is tried again has the same card.
        self.card = None;
        if let Some(card) = self.bot.link.card_id(&entry.message, entry.retry) {
            let card = Cards::learn(&self.shared.cards, card, CardTurn::of(self.key.clone(), &entry));
            self.card = card.map(Box::new);
        }
        let session = self.conversation.session();
        let question = Question {
            conversation: self.id.clone(),
            entry,
            session: session.number(),
            continuation: session.continuation().map(str::to_owned),
            resume: session.resume().map(str::to_owned),
            choices: self.choices(),
        };
        let (tell, said) = mpsc::channel(SAID_MAX);
        let cancel = tokio_util::sync::CancellationToken::new();
        let left = tokio_util::sync::CancellationToken::new();
        self.slot.running(Some((seq, cancel.clone())));
        let task = turn::run(
            Arc::clone(self.shared),
            Arc::clone(&self.handle),
            Arc::clone(&self.bot),
            question,
            turn::Ways { cancel: cancel.clone(), left: left.clone() },
            tell,
        );
        self.shared.tasks.spawn(task);
        let preparing_since = Some(self.shared.now());
        self.run = Some(Box::new(Run { epoch, said, cancel, left, preparing_since }));
        self.shared.publish(RuntimeEvent::TurnStarted {
            channel: self.handle.id.clone(),
            conversation: self.id.clone(),
            seq: seq.0,
            at: self.shared.now(),
        });
    }

    /// Closes a run's request, but leaves the run itself to whoever asks for its result, where that is possible.
    pub(super) fn leave_run(&self, epoch: Epoch) {
        if let Some(run) = self.run.as_ref().filter(|run| run.epoch == epoch) {
            run.left.cancel();
            run.cancel.cancel();
        }
    }

    pub(super) fn cancel_run(&self, epoch: Epoch) {
        if let Some(run) = self.run.as_ref().filter(|run| run.epoch == epoch) {
            run.cancel.cancel();
        }
    }
}

/// A call that goes on only while the lease lasts under which it began; `None` when that is over. A process that was frozen in
/// the middle of it wakes up here, and sends nothing more (R16): somebody else may have ended the card meanwhile.
async fn under_lease<T>(clock: Arc<dyn Clock>, lease: Lease, call: impl Future<Output = T>) -> Option<T> {
    let mut call = pin!(call);
    poll_fn(|context| {
        if clock.now() >= lease.until {
            return Poll::Ready(None);
        }
        call.as_mut().poll(context).map(Some)
    })
    .await
}

/// A message that shows an answer, by its platform's name; our own sentences are in no transcript.
fn shown(reply: ReplyId, key: Option<String>) -> Option<Shown> {
    match reply.role {
        // The card of a message that waits becomes its answer's.
        ReplyRole::Answer | ReplyRole::Note => key.map(|key| Shown { seq: reply.seq, key }),
        ReplyRole::Notice | ReplyRole::Message => None,
    }
}

const fn card_label(outcome: CardOutcome) -> &'static str {
    match outcome {
        CardOutcome::Done => "done",
        CardOutcome::AlreadyFinished => "already_finished",
        CardOutcome::Missing => "missing",
        CardOutcome::Throttled { .. } => "throttled",
        CardOutcome::NotSent => "not_sent",
        CardOutcome::Unknown => "unknown",
        CardOutcome::Refused(_) => "refused",
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use switchboard_domain::ids::{FencingToken, Partition, ReplicaId};
    use switchboard_domain::time::Timestamp;
    use switchboard_ports::clock::Clock;
    use switchboard_ports::conversations::{Lease, Lineage};
    use tokio::sync::mpsc;

    use super::under_lease;

    struct Hands(AtomicU64);

    impl Clock for Hands {
        fn now(&self) -> Timestamp {
            Timestamp::from_millis(self.0.load(Ordering::Relaxed))
        }
    }

    /// R16: frozen in the middle of a call, awake after the lease: the next step of the call is not taken.
    #[tokio::test]
    async fn a_call_takes_no_further_step_once_its_lease_is_over() {
        let clock = Arc::new(Hands(AtomicU64::new(1_000)));
        let lease = Lease {
            partition: Partition(1),
            owner: ReplicaId::new("r"),
            token: FencingToken(1),
            until: Timestamp::from_millis(2_000),
            lineage: Lineage::default(),
        };
        let (sent, mut steps) = mpsc::unbounded_channel();
        let hands = Arc::clone(&clock);
        let call = async move {
            sent.send("begun").unwrap();
            // The process is frozen here for as long as it likes.
            hands.0.store(2_000, Ordering::Relaxed);
            tokio::task::yield_now().await;
            sent.send("sent").unwrap();
        };
        assert_eq!(under_lease(clock, lease.clone(), call).await, None);
        assert_eq!((steps.recv().await, steps.recv().await), (Some("begun"), None));
        let early = Arc::new(Hands(AtomicU64::new(1_999)));
        assert_eq!(under_lease(early, lease, async { 7 }).await, Some(7));
    }
}
