//! Card calls as sequences of API calls, each safe to repeat (R8, R9; dingtalk §6.7).

use std::time::Duration;

use serde_json::Value;
use switchboard_domain::channel::ErrorCode;
use switchboard_domain::message::Target;
use switchboard_domain::reply::CardOutcome;
use switchboard_ports::provider::Came;
use tokio::time::Instant;

use super::api::Api;
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
    pub(super) async fn update(&self, text: &str) -> Came<CardOutcome> {
        let text = for_card(&clean(text), Extent::SoFar);
        if text.is_empty() {
            return CardOutcome::Done.into();
        }
        if self.phases.of(&self.track_id) == Some(Phase::Finalized) {
            return CardOutcome::AlreadyFinished.into();
        }
        if self.flow() == Flow::Status
            && self.phases.of(&self.track_id) != Some(Phase::Inputing)
            && let Err(failure) = self.begin(Class::Update, &text).await
        {
            return came(&failure);
        }
        outcome(self.stream(Stroke::Update, &text).await)
    }

    /// Shows the text and closes the card for good.
    ///
    /// In flow A an unfinished beginning is made up for only where this process knows that the card is open: set to
    /// "inputing", a card that was finished before a restart would look open again for a moment. Without it the last
    /// streaming call and the state that follows carry all that is shown.
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
        if phase == Some(Phase::Opened)
            && let Err(failure) = self.begin(Class::Finish, &text).await
        {
            return came(&failure);
        }
        if phase != Some(Phase::Finalized) {
            match self.stream(stroke(failed), &text).await {
                Ok(_) | Err(Failure { verdict: Verdict::CardFinished, .. }) => {
                    self.phases.set(&self.track_id, Phase::Finalized);
                }
                Err(failure) => return came(&failure),
            }
        }
        self.close(&text, failed).await.into()
    }

    /// Takes the stop button off a finished card, as well as that goes: a button that is left over does nothing, and one
    /// press of it hides it from whoever pressed.
    async fn hide_stop(&self) {
        let Some(body) = hide_stop(&self.platform.settings.card, &self.track_id) else {
            return;
        };
        let deadline = self.deadline.min(Instant::now() + HIDE_TIMEOUT);
        let hidden = self.platform.call_in_turn(Api::CardUpdate, Class::Update, &body, deadline).await;
        if let Err(failure) = hidden {
            tracing::debug!(
                answer = failure.code(),
                "the stop button of a finished card could not be hidden"
            );
        }
    }

    /// Sets the card's state to "inputing" before its first text (flow A).
    async fn begin(&self, class: Class, text: &str) -> Result<(), Failure> {
        self.set_status(class, FlowStatus::Inputing, text).await?;
        self.phases.set(&self.track_id, Phase::Inputing);
        Ok(())
    }

    /// Sets the state of a card whose text is final. When the platform refuses even that for good, the text still
    /// stands there whole: to send it once more as plain text would show it twice.
    async fn close(&self, text: &str, failed: bool) -> CardOutcome {
        let status = if failed { FlowStatus::Failed } else { FlowStatus::Finished };
        match self.set_status(Class::Finish, status, text).await {
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

    async fn set_status(&self, class: Class, status: FlowStatus, text: &str) -> Result<Value, Failure> {
        let body = set_status(&self.platform.settings.card, &self.track_id, status, text);
        self.platform.call_in_turn(Api::CardUpdate, class, &body, self.deadline).await
    }

    async fn stream(&self, stroke: Stroke, text: &str) -> Result<Value, Failure> {
        let body = stream(&self.platform.settings.card, &self.track_id, self.attempt, stroke, text);
        self.platform.call(Api::CardStreaming, &body, self.deadline).await
    }

    fn flow(&self) -> Flow {
        self.platform.settings.card.flow()
    }
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
