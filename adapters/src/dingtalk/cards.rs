//! Card calls as sequences of API calls, each safe to repeat (R8, R9; dingtalk §6.7).

use std::time::Duration;

use serde_json::Value;
use switchboard_domain::channel::ErrorCode;
use switchboard_domain::message::Target;
use switchboard_domain::reply::CardOutcome;
use switchboard_ports::provider::Came;
use tokio::time::Instant;

use super::api::{Api, Lane};
use super::bucket::Class;
use super::card::{
    Flow, FlowStatus, Stroke, carrier, create, delivery_failure, final_text, hide_stop, set_status, stream,
};
use super::classify::{Failure, Verdict};
use super::markdown::{Extent, for_card};
use super::phases::{Phase, Phases};
use super::platform::Platform;
use super::text::clean;

/// How long taking the stop button off may hold up the end of a finished card.
const HIDE_TIMEOUT: Duration = Duration::from_secs(2);

/// One card's calls, within one deadline.
pub(super) struct Card<'a> {
    pub(super) platform: &'a Platform,
    pub(super) phases: &'a Phases,
    pub(super) track_id: String,
    pub(super) attempt: u32,
    pub(super) deadline: Instant,
}

impl Card<'_> {
    /// Makes the card and shows it; one that exists already is as good (R8). In flow A the state says whether people read the
    /// text: a card that is processing shows the template's own words.
    pub(super) async fn open(&self, target: &Target, status: FlowStatus, text: &str) -> Came<CardOutcome> {
        let settings = &self.platform.settings;
        let body = create(
            &settings.client_id,
            &settings.card,
            &self.track_id,
            target,
            status,
            &for_card(&clean(text), Extent::Whole),
        );
        let Some(body) = body else {
            return CardOutcome::Refused(ErrorCode::Misconfigured).into();
        };
        let answer = self.platform.call(Api::CardCreate, &body, self.deadline).await;
        match answer.and_then(|answer| delivered(&answer).map(|()| carrier(&answer))) {
            Ok(key) => {
                self.phases.set(&self.track_id, Phase::Opened);
                Came { key, ..Came::from(CardOutcome::Done) }
            }
            Err(failure) => came(&failure),
        }
    }

    /// Shows the text. An empty one is not sent: the platform refuses it (dingtalk §6.8).
    ///
    /// In flow A the first text comes with the card's new state, in one call.
    pub(super) async fn update(&self, text: &str) -> Came<CardOutcome> {
        let text = for_card(&clean(text), Extent::SoFar);
        if text.is_empty() {
            return CardOutcome::Done.into();
        }
        if self.phases.of(&self.track_id) == Some(Phase::Finalized) {
            return CardOutcome::AlreadyFinished.into();
        }
        if is_unbegun(self.platform, self.phases, &self.track_id) {
            let begun = self.set_status(FlowStatus::Inputing, &text).await;
            if begun.is_ok() {
                self.phases.set(&self.track_id, Phase::Inputing);
            }
            return outcome(begun);
        }
        outcome(self.stream(Stroke::Update, &text).await)
    }

    /// Shows the text and closes the card for good.
    ///
    /// In flow A a card that shows no text yet takes it with its last state, in one call; so does one of which nothing is known,
    /// because after a restart it may be finished, and streaming would open it again for a moment. Should the platform refuse
    /// that, the card is streamed like any other, its beginning made up for where it is known to be missing.
    pub(super) async fn finish(&self, text: &str, failed: bool) -> Came<CardOutcome> {
        let text = final_text(for_card(&clean(text), Extent::Whole));
        if self.flow() == Flow::Streaming {
            let finished = outcome(self.stream(stroke(failed), &text).await);
            if matches!(finished.outcome, CardOutcome::Done | CardOutcome::AlreadyFinished) {
                self.hide_stop().await;
            }
            return finished;
        }
        let phase = self.phases.of(&self.track_id);
        if matches!(phase, None | Some(Phase::Opened)) {
            let closed = self.set_status(last_status(failed), &text).await;
            let is_refused = closed.as_ref().is_err_and(|failure| {
                matches!(failure.card_outcome(), CardOutcome::Refused(code) if code != ErrorCode::QuotaExceeded)
            });
            if !is_refused {
                return outcome(closed);
            }
            if let Err(failure) = self.begin_streaming(&text, phase.is_some()).await {
                return came(&failure);
            }
        }
        if phase != Some(Phase::Finalized) {
            match self.stream(stroke(failed), &text).await {
                Ok(_) | Err(Failure { verdict: Verdict::CardFinished, .. }) => {
                    self.phases.set(&self.track_id, Phase::Finalized);
                }
                Err(failure) => return came(&failure),
            }
        }
        // What is left of a card whose text was final before is claimed with this call.
        let is_placed = phase == Some(Phase::Finalized);
        self.close(&text, failed, is_placed).await.into()
    }

    /// Takes the stop button off a finished card, as well as that goes: a button that is left over does nothing, and one
    /// press of it hides it from whoever pressed.
    async fn hide_stop(&self) {
        let Some(body) = hide_stop(&self.platform.settings.card, &self.track_id) else {
            return;
        };
        let deadline = self.deadline.min(Instant::now() + HIDE_TIMEOUT);
        let hidden = self.platform.call_in_turn(Api::CardUpdate, Class::Extra, &body, deadline).await;
        if let Err(failure) = hidden {
            tracing::debug!(
                answer = failure.code(),
                "the stop button of a finished card could not be hidden"
            );
        }
    }

    /// Sets the card's state to "inputing" where it is not, and waits for the place of the streaming call that follows (flow A).
    async fn begin_streaming(&self, text: &str, is_unbegun: bool) -> Result<(), Failure> {
        if is_unbegun {
            self.platform.take_place(Lane::CardUpdate, Class::Finish, self.deadline).await?;
            self.set_status(FlowStatus::Inputing, text).await?;
            self.phases.set(&self.track_id, Phase::Inputing);
        }
        self.platform.take_place(Lane::CardStreaming, Class::Finish, self.deadline).await
    }

    /// Sets the state of a card whose text is final. When the platform refuses even that for good, the text still
    /// stands there whole: to send it once more as plain text would show it twice.
    async fn close(&self, text: &str, failed: bool, is_placed: bool) -> CardOutcome {
        let placed = if is_placed {
            Ok(())
        } else {
            self.platform.take_place(Lane::CardUpdate, Class::Finish, self.deadline).await
        };
        let closed = match placed {
            Ok(()) => self.set_status(last_status(failed), text).await,
            Err(failure) => Err(failure),
        };
        match closed {
            Ok(_) => CardOutcome::Done,
            Err(failure) => match failure.card_outcome() {
                CardOutcome::Refused(code) => {
                    tracing::warn!(
                        code = code.as_str(),
                        answer = failure.code(),
                        "a card has its final text but not its final state"
                    );
                    CardOutcome::Done
                }
                CardOutcome::Missing | CardOutcome::AlreadyFinished | CardOutcome::Done => CardOutcome::Done,
                // The text is out: "not sent" would allow sending it again as plain text.
                CardOutcome::NotSent | CardOutcome::Unknown => CardOutcome::Unknown,
                CardOutcome::Throttled { retry_after } => CardOutcome::Throttled { retry_after },
            },
        }
    }

    async fn set_status(&self, status: FlowStatus, text: &str) -> Result<Value, Failure> {
        let body = set_status(&self.platform.settings.card, &self.track_id, status, text);
        self.platform.call(Api::CardUpdate, &body, self.deadline).await
    }

    async fn stream(&self, stroke: Stroke, text: &str) -> Result<Value, Failure> {
        let body = stream(&self.platform.settings.card, &self.track_id, self.attempt, stroke, text);
        self.platform.call(Api::CardStreaming, &body, self.deadline).await
    }

    fn flow(&self) -> Flow {
        self.platform.settings.card.flow()
    }
}

/// Whose budget an update of the card takes its place from.
pub(super) fn update_lane(platform: &Platform, phases: &Phases, track_id: &str) -> Lane {
    if is_unbegun(platform, phases, track_id) { Lane::CardUpdate } else { Lane::CardStreaming }
}

/// Whose budget the first call of the card's end takes its place from.
pub(super) fn finish_lane(platform: &Platform, phases: &Phases, track_id: &str) -> Lane {
    let is_state_left =
        platform.settings.card.flow() == Flow::Status && phases.of(track_id) == Some(Phase::Finalized);
    if is_state_left || is_unbegun(platform, phases, track_id) {
        Lane::CardUpdate
    } else {
        Lane::CardStreaming
    }
}

/// Whether the card's state is still to be set to "inputing" (flow A).
fn is_unbegun(platform: &Platform, phases: &Phases, track_id: &str) -> bool {
    platform.settings.card.flow() == Flow::Status && matches!(phases.of(track_id), None | Some(Phase::Opened))
}

const fn last_status(failed: bool) -> FlowStatus {
    if failed { FlowStatus::Failed } else { FlowStatus::Finished }
}

const fn stroke(failed: bool) -> Stroke {
    if failed { Stroke::Fail } else { Stroke::Finish }
}

fn came(failure: &Failure) -> Came<CardOutcome> {
    failure.came(failure.card_outcome())
}

fn outcome(result: Result<Value, Failure>) -> Came<CardOutcome> {
    result.map_or_else(|failure| came(&failure), |_| CardOutcome::Done.into())
}

fn delivered(answer: &Value) -> Result<(), Failure> {
    match delivery_failure(answer) {
        None => Ok(()),
        Some(words) => Err(Failure::new(Verdict::Refused(ErrorCode::Misconfigured), words)),
    }
}
