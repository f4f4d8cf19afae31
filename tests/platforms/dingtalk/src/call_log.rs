//! The call log: one entry per call, whatever happens to it.

use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;

use crate::api::STREAMING;
use crate::faults::FaultAction;
use crate::records::{CallRecord, ViolationKind};
use crate::request::ApiRequest;
use crate::state::{Inner, State};

/// Logs one call exactly once, also when the client leaves before the answer.
pub(crate) struct CallGuard {
    inner: Arc<Inner>,
    record: Option<CallRecord>,
    streaming: Option<String>,
}

impl CallGuard {
    /// Attributes the call and notes its arrival.
    pub(crate) fn arrive(inner: &Arc<Inner>, request: &mut ApiRequest) -> Self {
        inner.look(|state| request.attribute(state));
        let streaming = if request.path == STREAMING { request.logged_id("outTrackId") } else { None };
        let record = CallRecord {
            at_ms: inner.look(State::now_ms),
            method: request.method.clone(),
            path: request.path.clone(),
            app: request.app.clone(),
            status: 499,
            code: Some("clientGone".to_owned()),
            out_track_id: request.logged_id("outTrackId"),
            guid: request.logged_id("guid"),
            fault: None,
            applied: false,
            took_ms: 0,
        };
        inner.change(|state| {
            state.observed.calls_in_flight = state.observed.calls_in_flight.saturating_add(1);
            if let Some(card) = &streaming {
                request.overlaps = enter_streaming(state, card);
            }
        });
        Self { inner: Arc::clone(inner), record: Some(record), streaming }
    }

    /// Asks the fault rules, waits out delays, and returns the action that remains.
    pub(crate) async fn judge(&mut self, request: &ApiRequest) -> Option<FaultAction> {
        let verdict = self.inner.change(|state| {
            let State { faults, rng, .. } = state;
            faults.judge(request, |probability| rng.random_bool(probability.clamp(0.0, 1.0)))
        });
        if let Some(record) = &mut self.record {
            let delayed = (verdict.delay_ms > 0).then_some("delay");
            record.fault = verdict.action.as_ref().map(FaultAction::name).or(delayed).map(str::to_owned);
        }
        if verdict.delay_ms > 0 {
            tokio::time::sleep(Duration::from_millis(verdict.delay_ms)).await;
        }
        verdict.action
    }

    /// The call was answered (`status` 0: cut).
    pub(crate) fn finish(mut self, status: u16, code: Option<String>, applied: bool) {
        if let Some(record) = &mut self.record {
            record.status = status;
            record.code = code;
            record.applied = applied;
        }
    }
}

impl Drop for CallGuard {
    fn drop(&mut self) {
        let (record, streaming) = (self.record.take(), self.streaming.take());
        self.inner.change(|state| {
            state.observed.calls_in_flight = state.observed.calls_in_flight.saturating_sub(1);
            if let Some(card) = streaming {
                leave_streaming(state, &card);
            }
            if let Some(mut record) = record {
                record.took_ms = state.now_ms().saturating_sub(record.at_ms);
                if let Some(judge) = &mut state.judge {
                    judge.called(&record);
                }
                state.observed.count_call(record);
            }
        });
    }
}

/// True: another streaming call on this card is running.
fn enter_streaming(state: &mut State, card: &str) -> bool {
    let running = state.streaming_now.entry(card.to_owned()).or_insert(0);
    *running = running.saturating_add(1);
    let overlaps = *running > 1;
    if overlaps {
        let now_ms = state.now_ms();
        state.observed.violate(now_ms, ViolationKind::ConcurrentStreaming, format!("card {card}"));
    }
    overlaps
}

fn leave_streaming(state: &mut State, card: &str) {
    if let Some(running) = state.streaming_now.get_mut(card) {
        *running = running.saturating_sub(1);
        if *running == 0 {
            state.streaming_now.remove(card);
        }
    }
}
