//! Commits: before anything is performed, retried unchanged, or everything is dropped (R7).

use std::time::Duration;

use switchboard_domain::conversation::Effects;
use switchboard_domain::outbound::MessageState;
use switchboard_domain::outcome::Outcome;
use switchboard_domain::reply::Durability;
use switchboard_domain::snapshot::ReplyRole;
use switchboard_ports::conversations::{Commit, Failure, NewFailure};
use switchboard_ports::error::StoreError;
use tokio::time::Instant;

use super::Actor;
use crate::runtime::operations::RuntimeEvent;
use crate::runtime::timeline::{committed, message_id, trace_id};
use crate::runtime::troubles::Kind;
use crate::telemetry::metrics as names;

/// The first pause before a commit is tried again; doubles up to [`COMMIT_PAUSE_MAX`].
const COMMIT_PAUSE_MIN: Duration = Duration::from_millis(50);
const COMMIT_PAUSE_MAX: Duration = Duration::from_secs(2);

/// Why a step could not be finished.
pub(super) enum Lost {
    /// Another replica has the partition: nothing of it is committed any more.
    Fenced,
    /// Somebody else changed the conversation, or the server stops.
    Otherwise,
}

impl Lost {
    /// Counts what another replica's lease keeps out.
    pub(super) fn count(&self) {
        match self {
            Self::Fenced => metrics::counter!(names::COMMITS_FENCED).increment(1),
            Self::Otherwise => {}
        }
    }
}

impl Actor<'_> {
    /// Stores what a step changed, if it has to be stored now.
    pub(super) async fn commit(&mut self, effects: &Effects) -> Result<(), Lost> {
        match effects.durability {
            Durability::None => return Ok(()),
            Durability::Lazy => {
                self.lazy_since.get_or_insert(self.shared.now());
                return Ok(());
            }
            Durability::Now => {}
        }
        let commit = commit_of(self, effects);
        self.store(commit).await
    }

    /// Stores lazy changes whose wait is over, or at once.
    pub(super) async fn commit_lazy(&mut self, at_once: bool) -> Result<(), Lost> {
        let wait = self.shared.settings.lazy_commit_wait;
        let due = self.lazy_since.is_some_and(|since| at_once || since.after(wait) <= self.shared.now());
        if !due {
            return Ok(());
        }
        let commit = commit_of(self, &Effects::default());
        self.store(commit).await
    }

    async fn store(&mut self, commit: Commit) -> Result<(), Lost> {
        let began = self.shared.now();
        let mut pause = COMMIT_PAUSE_MIN;
        loop {
            // The store says whether a lease that has run out is still ours; another token is another owner's work in between.
            let asked = Instant::now();
            let result = match self.shared.lease_under(self.partition, self.token) {
                Some(lease) => match self.still_true(&lease, Some(&commit)).await {
                    Ok(()) => self.shared.ports.conversations.commit(&lease, commit.clone()).await,
                    Err(error) => Err(error),
                },
                None => Err(StoreError::Fenced),
            };
            match result {
                Ok(version) => {
                    names::stored("commit", asked.elapsed());
                    let running = self.conversation.session().running().map(|(seq, _)| seq);
                    committed(self.shared, &commit, running, began);
                    self.shared.troubles.done(Kind::Commit, self.shared.now());
                    self.version = version;
                    self.open.retain(|seq, _| !commit.ended.iter().any(|(ended, _)| ended == seq));
                    self.user = None;
                    self.shown.clear();
                    self.lazy_since = None;
                    self.stalled_since(began);
                    return Ok(());
                }
                Err(error @ StoreError::Unavailable(_)) => {
                    self.shared.troubles.refused(Kind::Commit, &error, self.shared.now());
                }
                Err(error) => {
                    tracing::warn!(conversation = %self.id, %error, "failed to commit; memory is dropped");
                    metrics::counter!(names::COMMITS_LOST).increment(1);
                    return Err(if error == StoreError::Fenced { Lost::Fenced } else { Lost::Otherwise });
                }
            }
            tokio::select! {
                biased;
                () = self.shared.parking.cancelled() => return Err(Lost::Otherwise),
                () = tokio::time::sleep(pause) => {}
            }
            pause = (pause * 2).min(COMMIT_PAUSE_MAX);
        }
    }

    /// Why there is no lease to call under.
    pub(super) fn kept_out(&self) -> Lost {
        if self.shared.parking.is_cancelled() { Lost::Otherwise } else { Lost::Fenced }
    }

    /// The files of what ended go with it; after its commit.
    pub(super) fn drop_files(&mut self, effects: &Effects) {
        for (seq, _) in &effects.ended {
            if self.with_files.remove(seq) {
                self.shared.files.drop_of(self.shared, self.id, *seq);
            }
        }
    }

    /// Tells listeners, metrics and the channel's status what a step led to; after its commit.
    pub(super) fn report(&mut self, effects: &Effects) {
        let ended = u32::try_from(effects.ended.len()).unwrap_or(u32::MAX).min(self.pending);
        self.pending -= ended;
        metrics::gauge!(names::INBOX_PENDING).decrement(f64::from(ended));
        self.story.stored(self.shared, self.id, effects);
        self.shared.tally.wait_no_longer(ended);
        let at = self.shared.now();
        let channel = &self.handle.id;
        for (seq, outcome) in effects.ended.iter().filter(|(_, outcome)| is_turn(*outcome)) {
            self.card.take_if(|card| card.seq() == *seq);
            let outcome = outcome_name(*outcome);
            metrics::counter!(names::TURNS, "channel" => channel.to_string(), "outcome" => outcome)
                .increment(1);
            self.shared.tally.turn(outcome);
            self.shared.publish(RuntimeEvent::TurnFinished {
                channel: channel.clone(),
                conversation: self.id.clone(),
                seq: seq.0,
                outcome: outcome.into(),
                at,
            });
        }
        for failed in &effects.failures {
            let cause = failed.cause.as_str();
            let (seq, trace_id) = (failed.seq.0, trace_id(&message_id(self.id, failed.seq)));
            tracing::warn!(%channel, conversation = %self.id, seq, cause, trace_id, "a failure was recorded");
            metrics::counter!(names::FAILURES, "cause" => cause).increment(1);
            self.shared.tally.failure(cause);
            self.shared.publish(RuntimeEvent::Failure {
                channel: channel.clone(),
                conversation: self.id.clone(),
                seq: failed.seq.0,
                cause: cause.into(),
                at,
            });
        }
        for news in &effects.news {
            let state = news.progress.state();
            if matches!(state, MessageState::Failed | MessageState::Unknown) {
                let (message, state) = (&news.message, state.as_str());
                tracing::warn!(%channel, conversation = %self.id, %message, state, "a message that nobody asked for did not arrive for certain");
            }
        }
        for code in &effects.notes {
            let refused = self.refused.take_if(|(refused, _)| *refused == *code);
            self.handle.note(*code, refused.map(|(_, detail)| detail).unwrap_or_default());
        }
        if effects.replies_done.iter().any(|id| id.role == ReplyRole::Answer) {
            self.handle.replied(at);
        }
    }
}

/// Puts a commit together out of a step.
fn commit_of(actor: &Actor<'_>, effects: &Effects) -> Commit {
    Commit {
        id: actor.shared.commit_id(),
        conversation: actor.id.clone(),
        expected: actor.version,
        snapshot: actor.conversation.snapshot(),
        ended: effects.ended.clone(),
        transcript: effects.transcript.clone(),
        failures: effects
            .failures
            .iter()
            .map(|failed| NewFailure {
                failure: Failure {
                    seq: failed.seq,
                    message: failed.message.clone(),
                    retry: failed.retry,
                    cause: failed.cause,
                    attempts: failed.attempts,
                    at: failed.at,
                    tried: failed.tried,
                },
                again: failed.again.clone(),
            })
            .collect(),
        news: effects.news.clone(),
        user: actor.user.clone(),
        shown: actor.shown.clone(),
    }
}

/// Whether an entry was a turn of its own.
const fn is_turn(outcome: Outcome) -> bool {
    match outcome {
        Outcome::HandedOver | Outcome::Joined => false,
        Outcome::Answered | Outcome::Cancelled | Outcome::Refused(_) | Outcome::Failed(_) => true,
    }
}

/// The label of an outcome in metrics and events.
const fn outcome_name(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Answered => "answered",
        Outcome::Cancelled => "cancelled",
        // Not a turn, and told nowhere.
        Outcome::HandedOver => "handed_over",
        Outcome::Joined => "joined",
        Outcome::Refused(_) => "refused",
        Outcome::Failed(_) => "failed",
    }
}
