//! Waiting until all is quiet, and judging then.

use std::time::Duration;

use dingtalk_sim::Observed;
use tokio::time::Instant;

use super::stage::{REDELIVERY_MS, Stage};
use super::{looks, pause, record, transcripts};
use crate::model::{self, Verdict};

/// Longest wait for all to be quiet and well; far longer than it ever takes, pauses between connection attempts included.
const QUIET_CAP: Duration = Duration::from_mins(4);
/// How long something that looks wrong may still come right while all is quiet: what is delivered later after refusals.
const STILL_CAP: Duration = Duration::from_mins(1);

/// Waits until nothing is owed to anybody, and once more as long as the platform waits before it repeats something; judges
/// what is seen then. What never becomes quiet is judged as it stands.
pub(super) async fn judged(stage: &mut Stage) -> Verdict {
    let begun = Instant::now();
    let mut still_since = None;
    let verdict = loop {
        if is_still(stage).await {
            let still_for = still_since.get_or_insert_with(Instant::now).elapsed();
            let verdict = verdict(stage).await;
            if verdict.holds() || still_for > STILL_CAP {
                break verdict;
            }
        }
        if begun.elapsed() > QUIET_CAP {
            let mut verdict = verdict(stage).await;
            verdict.violations.insert(0, unrest(stage).await);
            break verdict;
        }
        looks::pause().await;
    };
    stage.tally.quiet_ms_max = u64::try_from(begun.elapsed().as_millis()).expect("short");
    if !verdict.holds() {
        return verdict;
    }
    pause(Duration::from_millis(REDELIVERY_MS + 500)).await;
    self::verdict(stage).await
}

async fn is_still(stage: &Stage) -> bool {
    let nothing_is_owed = |seen: &Observed| {
        seen.calls_in_flight == 0
            && seen.open_cards().is_empty()
            && seen.messages.iter().all(|message| message.acked.is_some())
    };
    stage.simulator.observe(nothing_is_owed) && under_way(stage).await == (0.0, 0.0)
}

/// What the server itself says of what waits and runs.
async fn under_way(stage: &Stage) -> (f64, f64) {
    let waits = stage.api.metric("switchboard_inbox_pending").await;
    (waits, stage.api.metric("switchboard_turns_running").await)
}

async fn unrest(stage: &Stage) -> String {
    let (waits, runs) = under_way(stage).await;
    let summary = stage.simulator.observe(|seen| {
        let unacked = seen.messages.iter().filter(|message| message.acked.is_none()).count();
        format!(
            "{unacked} messages are not acked, {} cards are open, {} calls are under way, {} sockets are live",
            seen.open_cards().len(),
            seen.calls_in_flight,
            seen.live_connections().count()
        )
    });
    format!("it does not become quiet: {summary}; {waits} entries wait, {runs} turns run")
}

async fn verdict(stage: &mut Stage) -> Verdict {
    let account = record::account(stage).await;
    let mut verdict = model::judge(&account);
    verdict.violations.extend(record::protocol(stage));
    verdict.violations.extend(transcripts::twice(&stage.api).await);
    verdict.violations.extend(stage.wrong.iter().cloned());
    verdict
}
