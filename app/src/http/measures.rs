//! `GET /metrics/history`: what all replicas measured in the last hour or day, for dashboards without a metrics server.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use switchboard_domain::time::Timestamp;
use switchboard_ports::error::StoreError;
use switchboard_ports::journal::{Book, JournalStore};
use switchboard_ports::page::PageRequest;
use utoipa::ToSchema;

use super::auth::Viewer;
use super::dto::time::rfc3339;
use super::problem::Problem;
use super::query::Query;
use super::state::Api;
use crate::runtime::measures::{MINUTE_MS, QUARTER_MS};
use crate::runtime::scribe::once;
use crate::telemetry::tally::Counts;

/// How far back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Window {
    /// 60 minutes.
    Hour,
    /// 96 quarters of an hour.
    Day,
}

impl Window {
    const fn word(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
        }
    }

    const fn step_ms(self) -> u64 {
        match self {
            Self::Hour => MINUTE_MS,
            Self::Day => QUARTER_MS,
        }
    }

    const fn steps(self) -> u64 {
        match self {
            Self::Hour => 60,
            Self::Day => 96,
        }
    }

    /// The ends of its first and last step. The last minute is one that is over; the last quarter is the present one.
    const fn ends(self, now: Timestamp) -> (u64, u64) {
        let step = self.step_ms();
        let over = now.as_millis() / step * step;
        let last = match self {
            Self::Hour => over,
            Self::Day => over.saturating_add(step),
        };
        (last.saturating_sub(step.saturating_mul(self.steps().saturating_sub(1))), last)
    }
}

/// One step of a window, over all replicas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Step {
    /// Its end.
    pub(crate) end: Timestamp,
    /// What was measured; none where no replica has told.
    pub(crate) counts: Option<Counts>,
}

/// What was measured in a window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Measures {
    pub(crate) window: Window,
    /// The oldest first, without gaps.
    pub(crate) steps: Vec<Step>,
    /// Everything together.
    pub(crate) total: Counts,
}

/// Reads what all replicas measured.
pub(crate) async fn measured(
    journal: &dyn JournalStore,
    now: Timestamp,
    window: Window,
) -> Result<Measures, StoreError> {
    let (first, last) = window.ends(now);
    let step = window.step_ms();
    let mut steps: BTreeMap<u64, Option<Counts>> =
        (0..window.steps()).map(|number| (first.saturating_add(number.saturating_mul(step)), None)).collect();
    let begin = first.saturating_sub(step);
    match window {
        Window::Hour => gather(journal, Book::Minutes, (begin, last), step, &mut steps).await?,
        Window::Day => {
            let present = last.saturating_sub(step);
            gather(journal, Book::Quarters, (begin, present), step, &mut steps).await?;
            // The present quarter is not written down yet, but its minutes are.
            gather(journal, Book::Minutes, (present, last), step, &mut steps).await?;
        }
    }
    let mut total = Counts::default();
    for counts in steps.values().flatten() {
        total.add(counts);
    }
    let steps =
        steps.into_iter().map(|(end, counts)| Step { end: Timestamp::from_millis(end), counts }).collect();
    Ok(Measures { window, steps, total })
}

/// Adds what replicas wrote between two moments to the steps in which it was measured.
async fn gather(
    journal: &dyn JournalStore,
    book: Book,
    (after, until): (u64, u64),
    step: u64,
    steps: &mut BTreeMap<u64, Option<Counts>>,
) -> Result<(), StoreError> {
    let limit = book.limits().lines;
    for replica in journal.subjects(book).await? {
        let lines = journal.read(book, &replica, &PageRequest { limit, after: None }).await?.items;
        // The replicas that wrote last come first: those behind one that is silent for so long are so, too.
        if lines.first().is_none_or(|newest| newest.at.as_millis() <= after) {
            break;
        }
        // Of several lines of one step the gauges of the last one count; a step is a minute, or has the most of several.
        let mut own: BTreeMap<u64, Counts> = BTreeMap::new();
        for line in once(lines) {
            let at = line.at.as_millis();
            if at <= after || at > until {
                continue;
            }
            let Ok(counts) = serde_json::from_str::<Counts>(&line.body) else { continue };
            let sum = own.entry(at.div_ceil(step).saturating_mul(step)).or_default();
            sum.add(&counts);
            sum.running = sum.running.max(counts.running);
            sum.pending = sum.pending.max(counts.pending);
        }
        for (end, counts) in own {
            let Some(step) = steps.get_mut(&end) else { continue };
            let sum = step.get_or_insert_with(Counts::default);
            sum.add(&counts);
            sum.running = sum.running.saturating_add(counts.running);
            sum.pending = sum.pending.saturating_add(counts.pending);
        }
    }
    Ok(())
}

/// What was measured in a window.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct MeasuresView {
    /// `hour` or `day`.
    pub window: &'static str,
    /// How long a step is: 60 or 900.
    pub step_seconds: u64,
    /// The whole window.
    pub total: MeasureView,
    /// Its steps, the oldest first; 60 or 96.
    pub steps: Vec<MeasureView>,
}

/// What was measured in a span of time, over all replicas.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct MeasureView {
    /// The end of the span.
    #[schema(format = DateTime)]
    pub until: String,
    /// Deliveries of messages, repeated ones included.
    pub messages: u64,
    /// Turns ended, by outcome: `answered`, `cancelled`, `refused`, `failed`.
    pub turns: BTreeMap<String, u64>,
    /// Of a hundred turns that were answered or failed, those that were answered; null where there was none.
    pub success_percent: Option<f64>,
    /// Half of the agents' first outputs came within this time; null where there was none. As well as buckets tell: at most 60.
    pub first_output_p50_seconds: Option<f64>,
    /// 95 of a hundred.
    pub first_output_p95_seconds: Option<f64>,
    /// Turns running at the end of the span, in a quarter of an hour at most; null where no replica has told, and of the whole
    /// window.
    pub turns_running: Option<u32>,
    /// Accepted messages that had not ended, likewise.
    pub inbox_pending: Option<u32>,
    /// Requests to platforms, by outcome.
    pub platform_requests: BTreeMap<String, u64>,
    /// Failure records, by cause.
    pub failures: BTreeMap<String, u64>,
}

impl MeasureView {
    fn of(end: Timestamp, counts: &Counts, gauges: Option<(u32, u32)>) -> Self {
        Self {
            until: rfc3339(end),
            messages: counts.messages,
            turns: counts.turns.clone(),
            success_percent: counts.success_percent(),
            first_output_p50_seconds: counts.first_output_at(0.5),
            first_output_p95_seconds: counts.first_output_at(0.95),
            turns_running: gauges.map(|(running, _)| running),
            inbox_pending: gauges.map(|(_, pending)| pending),
            platform_requests: counts.platform.clone(),
            failures: counts.failures.clone(),
        }
    }
}

impl MeasuresView {
    fn of(measures: &Measures) -> Self {
        let nothing = Counts::default();
        let steps = measures.steps.iter().map(|step| {
            let gauges = step.counts.as_ref().map(|counts| (counts.running, counts.pending));
            MeasureView::of(step.end, step.counts.as_ref().unwrap_or(&nothing), gauges)
        });
        let end = measures.steps.last().map_or(Timestamp::from_millis(0), |step| step.end);
        Self {
            window: measures.window.word(),
            step_seconds: measures.window.step_ms() / 1_000,
            total: MeasureView::of(end, &measures.total, None),
            steps: steps.collect(),
        }
    }
}

/// What all replicas measured in the last hour, by the minute, or in the last day, by the quarter of an hour. A process that
/// was killed has not told its last minute.
#[utoipa::path(get, path = "/metrics/history", tag = "operations", operation_id = "read_metrics_history",
    params(("window" = Option<String>, Query, description = "`hour`, which is the default, or `day`")),
    responses((status = 200, description = "the measures", body = MeasuresView)),
    security(("bearer" = ["viewer"])))]
pub async fn history(
    _: Viewer,
    State(api): State<Api>,
    mut query: Query,
) -> Result<Json<MeasuresView>, Problem> {
    let window = query.word("window", &[("hour", Window::Hour), ("day", Window::Day)]);
    query.finish()?;
    let measures =
        measured(&*api.ports.journal, api.ports.clock.now(), window.unwrap_or(Window::Hour)).await?;
    Ok(Json(MeasuresView::of(&measures)))
}

#[cfg(test)]
mod tests;
