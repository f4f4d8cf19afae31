//! The tracer hands over the spans of messages' traces, where an address for them is configured.
//!
//! Whoever ends a span never waits and never fails: spans are gathered for a moment and handed over together, and whoever takes
//! them may hang, refuse or be away. What waits is bounded; what is dropped is counted.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use switchboard_ports::traces::{NotExported, SPANS_AT_ONCE_MAX, Span, SpanExporter};
use tokio::sync::Notify;

use super::panics::caught;
use super::shared::{Shared, lock};
use crate::telemetry::metrics as names;

/// How long spans are gathered before they are handed over: what a killed process forgets.
const GATHER: Duration = Duration::from_secs(1);

/// Spans that wait; while nobody takes them the oldest go.
const WAITING_MAX: usize = 8_192;

/// How long one handing over may take.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(10);

/// Tries at handing over the same spans, with pauses of [`PAUSE_MIN`] to [`PAUSE_MAX`] in between.
const TRIES_MAX: u32 = 8;
const PAUSE_MIN: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// How long the last spans may take when the server stops.
const LAST_WAIT: Duration = Duration::from_secs(3);

/// What is to be handed over.
pub(crate) struct Tracer {
    exporter: Option<Arc<dyn SpanExporter>>,
    waiting: Mutex<VecDeque<Span>>,
    noted: Notify,
}

impl Tracer {
    pub(super) fn new(exporter: Option<Arc<dyn SpanExporter>>) -> Self {
        Self { exporter, waiting: Mutex::default(), noted: Notify::new() }
    }

    /// Whether anybody wants spans.
    pub(crate) const fn is_on(&self) -> bool {
        self.exporter.is_some()
    }

    /// Takes a span, which is made only if anybody wants it.
    pub(crate) fn ended(&self, span: impl FnOnce() -> Span) {
        if !self.is_on() {
            return;
        }
        let span = span();
        let mut waiting = lock(&self.waiting);
        waiting.push_back(span);
        if waiting.len() > WAITING_MAX {
            waiting.pop_front();
            lost(1);
        }
        drop(waiting);
        self.noted.notify_one();
    }

    fn take(&self) -> Vec<Span> {
        let mut waiting = lock(&self.waiting);
        let count = waiting.len().min(SPANS_AT_ONCE_MAX);
        waiting.drain(..count).collect()
    }

    /// What was not handed over, before everything that came since.
    fn give_back(&self, spans: Vec<Span>) {
        let mut waiting = lock(&self.waiting);
        for span in spans.into_iter().rev() {
            if waiting.len() < WAITING_MAX {
                waiting.push_front(span);
            } else {
                lost(1);
            }
        }
    }
}

fn lost(count: usize) {
    metrics::counter!(names::SPANS_LOST).increment(u64::try_from(count).unwrap_or(u64::MAX));
}

/// Hands over what ends until the server stops.
pub(super) async fn export(shared: Arc<Shared>) {
    let Some(exporter) = shared.tracer.exporter.clone() else { return };
    let mut silent = false;
    loop {
        tokio::select! {
            biased;
            () = shared.parking.cancelled() => return,
            () = shared.tracer.noted.notified() => {}
        }
        tokio::select! {
            biased;
            () = shared.parking.cancelled() => return,
            () = tokio::time::sleep(GATHER) => {}
        }
        loop {
            let spans = shared.tracer.take();
            if spans.is_empty() {
                break;
            }
            let is_all = spans.len() < SPANS_AT_ONCE_MAX;
            match handed_over(&shared, &*exporter, &spans, silent).await {
                Handed::Over => {
                    if std::mem::take(&mut silent) {
                        tracing::info!("traces are handed over again");
                    }
                }
                Handed::Dropped => {
                    silent = true;
                    lost(spans.len());
                }
                Handed::Stopping => return shared.tracer.give_back(spans),
            }
            if is_all {
                // What came meanwhile is gathered for a moment, too.
                break;
            }
        }
    }
}

/// What became of spans.
enum Handed {
    Over,
    Dropped,
    /// The server stops before that was known.
    Stopping,
}

/// Tries for a while; says why it does not work, unless it was said before.
async fn handed_over(shared: &Shared, exporter: &dyn SpanExporter, spans: &[Span], silent: bool) -> Handed {
    let (mut pause, mut told) = (PAUSE_MIN, silent);
    for tries in 1..=TRIES_MAX {
        let error = tokio::select! {
            biased;
            () = shared.parking.cancelled() => return Handed::Stopping,
            done = once(shared, exporter, spans) => match done {
                Ok(()) => return Handed::Over,
                Err(error) => error,
            },
        };
        if !std::mem::replace(&mut told, true) {
            tracing::warn!(%error, "failed to hand traces over; messages are not held up by that");
        }
        let asked = match error {
            NotExported::Never(_) => return Handed::Dropped,
            NotExported::Later { .. } if tries == TRIES_MAX => return Handed::Dropped,
            NotExported::Later { pause, .. } => pause,
        };
        tokio::select! {
            biased;
            () = shared.parking.cancelled() => return Handed::Stopping,
            () = tokio::time::sleep(asked.unwrap_or(pause)) => {}
        }
        pause = (pause * 2).min(PAUSE_MAX);
    }
    Handed::Dropped
}

async fn once(shared: &Shared, exporter: &dyn SpanExporter, spans: &[Span]) -> Result<(), NotExported> {
    let later = |why: &str| NotExported::Later { why: why.to_owned(), pause: None };
    let export = tokio::time::timeout(EXPORT_TIMEOUT, exporter.export(&shared.replica, spans));
    match caught("handing traces over", export).await {
        Some(Ok(done)) => done,
        Some(Err(_late)) => Err(later("no answer in time")),
        None => Err(later("a panic")),
    }
}

/// Hands over what is left when the server stops, once.
pub(super) async fn export_last(shared: &Shared) {
    let Some(exporter) = shared.tracer.exporter.clone() else { return };
    let all = async {
        loop {
            let spans = shared.tracer.take();
            if spans.is_empty() {
                return;
            }
            if once(shared, &*exporter, &spans).await.is_err() {
                return shared.tracer.give_back(spans);
            }
        }
    };
    let ended = tokio::time::timeout(LAST_WAIT, all).await;
    let left = lock(&shared.tracer.waiting).len();
    if ended.is_err() || left > 0 {
        lost(left);
        tracing::warn!("failed to hand the last traces over");
    }
}
