//! Forgetting what was said when its time is over: how long transcripts are kept is the channel's setting.
//!
//! Soon after its start and every few minutes from then on each replica looks at the conversations of channels that have such a setting, a page at a time with
//! pauses between, and forgets in bounded steps. It looks only at partitions that it holds, so that among replicas each
//! conversation has one that does. Whatever is not done for want of a store or a lease is done the next time.

use std::sync::Arc;
use std::time::Duration;

use switchboard_domain::settings::PrivacySettings;
use switchboard_domain::time::Timestamp;
use switchboard_ports::channels::Channel;
use switchboard_ports::error::StoreError;
use switchboard_ports::failures::FailureInfo;
use switchboard_ports::page::{PAGE_ROWS_MAX, PageRequest};
use switchboard_ports::transcripts::{ConversationFilter, ConversationInfo, Forget};

use super::shared::{Settings, Shared};

/// What the first look is put off by chance, at most: replicas that start together do not all look at once.
const SPREAD: Duration = Duration::from_secs(25);
/// From one look to the next.
const INTERVAL: Duration = Duration::from_mins(10);
/// Between two pages, or two steps of one conversation: whoever waits for the store goes first.
const PAUSE: Duration = Duration::from_millis(100);
/// Where transcripts are not stored, what the running session needs is kept this long after its last message.
pub(crate) const CONTEXT_KEPT: Duration = Duration::from_hours(24);

/// Forgets for as long as the server runs.
pub(super) async fn sweep(shared: Arc<Shared>) {
    let mut pause = first(&shared.settings, shared.ports.entropy.next_u64());
    loop {
        tokio::select! {
            biased;
            () = shared.stopping.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
        pause = INTERVAL;
        tokio::select! {
            biased;
            () = shared.stopping.cancelled() => return,
            swept = sweep_once(&shared) => match swept {
                Ok(0) => {}
                Ok(forgotten) => tracing::info!(forgotten, "conversations and failures were cleared of what is old"),
                Err(error) => tracing::warn!(%error, "failed to forget what is old; it is tried again"),
            },
        }
    }
}

/// From the start to the first look: a server that is restarted often has to forget, too. What a process that died held has run
/// out by then, and been taken over.
fn first(settings: &Settings, chance: u64) -> Duration {
    let taken_over = settings.lease_ttl.saturating_add(settings.renew_interval.saturating_mul(2));
    let millis = u64::try_from(SPREAD.as_millis()).unwrap_or(u64::MAX);
    taken_over.saturating_add(Duration::from_millis(chance.checked_rem(millis).unwrap_or(0)))
}

/// One look at everything: how many conversations and records lost something.
async fn sweep_once(shared: &Shared) -> Result<u64, StoreError> {
    let channels = shared.ports.channels.list().await?;
    let channels: Vec<_> = channels.into_iter().filter(|channel| channel.privacy.forgets()).collect();
    if channels.is_empty() {
        return Ok(0);
    }
    let mut forgotten = failures(shared, &channels).await?;
    for channel in &channels {
        forgotten += conversations(shared, channel).await?;
    }
    Ok(forgotten)
}

async fn conversations(shared: &Shared, channel: &Channel) -> Result<u64, StoreError> {
    let filter = ConversationFilter { channel: Some(channel.id.clone()), ..ConversationFilter::default() };
    let mut forgotten = 0;
    let mut page = PageRequest { limit: PAGE_ROWS_MAX, after: None };
    loop {
        let found = shared.ports.transcripts.conversations(&filter, &page).await?;
        for info in found.items {
            if shared.lease(info.key.partition()).is_some() {
                forgotten += u64::from(forget(shared, channel.privacy, &info).await?);
            }
        }
        if found.next.is_none() {
            return Ok(forgotten);
        }
        page.after = found.next;
        tokio::time::sleep(PAUSE).await;
    }
}

/// Forgets what is over of one conversation: whether there was anything.
async fn forget(
    shared: &Shared,
    privacy: PrivacySettings,
    info: &ConversationInfo,
) -> Result<bool, StoreError> {
    let transcripts = &shared.ports.transcripts;
    let first = transcripts.lines(&info.id, &PageRequest { limit: 1, after: None }).await?.items;
    let Some(first) = first.first() else { return Ok(false) };
    let over = over(privacy, info, shared.now());
    let over: Vec<_> =
        over.into_iter().flatten().filter(|which| which.takes(first.session, first.at)).collect();
    for which in &over {
        while transcripts.forget(&info.id, *which).await? {
            tokio::time::sleep(PAUSE).await;
        }
    }
    Ok(!over.is_empty())
}

/// Which lines are not kept any more.
fn over(privacy: PrivacySettings, info: &ConversationInfo, now: Timestamp) -> [Option<Forget>; 2] {
    let aged = privacy.transcripts_kept().map(|kept| Forget::Before(now.before(kept)));
    let unstored = (!privacy.store_transcripts).then(|| match info.session {
        // What waits may still need it.
        Some((session, _)) if info.waiting > 0 || now.since(info.active_at) < CONTEXT_KEPT => {
            Forget::SessionsBefore(session)
        }
        Some(_) | None => Forget::All,
    });
    [aged, unstored]
}

/// Failure records keep the question, for a retry: no longer than transcripts are kept.
async fn failures(shared: &Shared, channels: &[Channel]) -> Result<u64, StoreError> {
    let now = shared.now();
    let is_over = |info: &FailureInfo| {
        let channel = channels.iter().find(|channel| channel.id == info.channel);
        let kept = channel.and_then(|channel| channel.privacy.questions_kept(CONTEXT_KEPT));
        kept.is_some_and(|kept| info.failure.at < now.before(kept))
    };
    let mut forgotten = 0;
    let mut page = PageRequest { limit: PAGE_ROWS_MAX, after: None };
    loop {
        let found = shared.ports.failures.list(&page).await?;
        for info in found.items.iter().filter(|info| is_over(info)) {
            forgotten += u64::from(shared.ports.failures.delete(&info.id).await?);
        }
        if found.next.is_none() {
            return Ok(forgotten);
        }
        page.after = found.next;
        tokio::time::sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use super::{Duration, SPREAD, Settings, first};

    #[test]
    fn the_first_look_is_soon_and_not_at_the_same_moment_everywhere() {
        for settings in [Settings::default(), Settings::of_shared_store()] {
            let soonest = first(&settings, 0);
            assert!(soonest > settings.lease_ttl && soonest < Duration::from_mins(1));
            let later = [1, 7_777, u64::MAX].map(|chance| first(&settings, chance));
            assert!(later.iter().all(|later| *later > soonest && *later < soonest + SPREAD));
        }
    }
}
