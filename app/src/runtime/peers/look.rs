//! The look around: says that we live and what we observe, and takes in who else lives and what they changed.

use std::collections::BTreeMap;
use std::sync::Arc;

use switchboard_domain::ids::ChannelId;
use switchboard_ports::error::StoreError;
use switchboard_ports::replicas::{Observed, ReplicaInfo, Report, Roll};

use super::notes;
use super::whole::observed_of;
use crate::runtime::driver::Driver;
use crate::runtime::operations::RuntimeEvent;
use crate::runtime::panics::caught;
use crate::runtime::scan;
use crate::runtime::shared::{Shared, lock};

/// Channels of which people are told at once that a replica came or went; the rest is told with the next looks. A part of what
/// a listener may be behind.
const REGROUPED_AT_ONCE: usize = 200;

/// Says for the first time that we live, and learns who else does.
///
/// # Errors
/// When the store cannot be asked.
pub(crate) async fn join(shared: &Shared) -> Result<(), StoreError> {
    tracing::info!("serving as replica {}", shared.replica);
    report(shared).await?;
    let roll = shared.ports.replicas.roll().await?;
    let restarts = shared.ports.bulletin.restarts().await?;
    let mut state = lock(&shared.peers.state);
    state.revision = Some(roll.revision);
    state.restarts = restarts.into_iter().collect();
    drop(state);
    take_in(shared, roll);
    shared.peers.looked.send_replace(shared.now());
    Ok(())
}

/// Looks around until the server has stopped.
pub(crate) async fn keep_looking(driver: Arc<Driver>) {
    let shared = driver.shared();
    let mut waits = false;
    loop {
        // Whose lease is about to end is stood in for soon after.
        let pause = if waits { shared.settings.look_interval / 4 } else { shared.settings.look_interval };
        tokio::select! {
            biased;
            () = shared.parking.cancelled() => return,
            () = shared.peers.look.notified() => {}
            () = tokio::time::sleep(pause) => {}
        }
        let looked = caught("a look around", look(&driver)).await;
        waits = matches!(looked, Some(Ok(true)));
        if let Some(Err(error)) = looked {
            tracing::debug!(%error, "failed to look after the other replicas");
        }
    }
}

/// Whether something that should be ours is still somebody else's.
async fn look(driver: &Arc<Driver>) -> Result<bool, StoreError> {
    let shared = driver.shared();
    let begun = shared.now();
    let looked = tokio::time::timeout(shared.settings.store_patience, async {
        if !shared.stopping.is_cancelled() {
            report(shared).await?;
        }
        shared.ports.replicas.roll().await
    });
    let roll = looked.await.unwrap_or_else(|_| Err(StoreError::Unavailable("no answer".to_owned())))?;
    let revision = roll.revision;
    let joined_or_left = take_in(shared, roll);
    super::evictions::notice(shared).await?;
    super::places::place(shared).await?;
    let missing = super::hand_over::hand_over(shared).await?;
    if joined_or_left {
        scan::claim(shared).await?;
        scan::scan_once(shared).await?;
    } else {
        scan::take_over(shared, &missing).await?;
    }
    tell_of_changes(shared).await;
    if !shared.stopping.is_cancelled() {
        super::settings::take_up_again(driver).await?;
    }
    let is_new = lock(&shared.peers.state).revision != Some(revision);
    if is_new && !shared.stopping.is_cancelled() {
        super::settings::take_in(driver).await?;
        lock(&shared.peers.state).revision = Some(revision);
    }
    shared.peers.looked.send_replace(begun);
    Ok(missing.into_iter().any(|partition| !shared.has_lease(partition)))
}

/// Takes in who lives; whether that is news.
fn take_in(shared: &Shared, roll: Roll) -> bool {
    let mut live: Vec<_> = roll.live.iter().map(|info| info.id.clone()).collect();
    if !shared.stopping.is_cancelled() && !live.contains(&shared.replica) {
        // Our own word came too late for the others, or we have not said it yet.
        live.push(shared.replica.clone());
        live.sort();
    }
    let channels = shared.all_channels().into_iter().map(|handle| handle.id.clone());
    let mut state = lock(&shared.peers.state);
    let is_news = state.live != live;
    if is_news {
        let (before, live) = (state.live.len(), live.len());
        tracing::info!(this_replica = %shared.replica, before, live, "the replicas that live have changed");
        // Each channel has a row for each of them, and everybody finds out by themselves.
        state.regrouped.extend(channels);
    }
    state.live = live;
    state.roll = roll.live;
    drop(state);
    super::evictions::take_in(shared, roll.evicting);
    is_news
}

/// Says that we live, and what changed of what we observe.
async fn report(shared: &Shared) -> Result<(), StoreError> {
    let now = shared.now();
    let rows: BTreeMap<ChannelId, Observed> = shared
        .all_channels()
        .into_iter()
        .map(|handle| {
            let lives = lock(&handle.lives).all().to_vec();
            (handle.id.clone(), Observed { lives, ..observed_of(&handle.status(now)) })
        })
        .collect();
    let connections = rows.values().map(|row| row.connections).fold(0, u32::saturating_add);
    let info = ReplicaInfo {
        id: shared.replica.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        host: shared.settings.host.clone(),
        started_at: shared.started_at,
        partitions: shared.leases_held(),
        connections,
    };
    // Taken out: until this report has come through, nobody knows what the others were told. They have forgotten it where they
    // have missed us since.
    let told = lock(&shared.peers.state).told.take();
    let told = told.filter(|(at, _)| now.since(*at) < shared.settings.report_ttl).map(|(_, told)| told);
    let whole = told.is_none();
    let told = told.unwrap_or_default();
    let changed = rows.iter().filter(|(channel, row)| told.get(*channel) != Some(*row));
    let report = Report {
        info,
        channels: changed.map(|(_, row)| row.clone()).collect(),
        gone: told.keys().filter(|channel| !rows.contains_key(*channel)).cloned().collect(),
        whole,
    };
    let reported = shared.ports.replicas.report(&report, shared.settings.report_ttl).await;
    lock(&shared.peers.state).told = reported.is_ok().then_some((now, rows));
    reported
}

/// Tells people who watch any replica what became of channels whose status changed here.
async fn tell_of_changes(shared: &Shared) {
    let (changed, regrouped) = {
        let mut state = lock(&shared.peers.state);
        let changed = std::mem::take(&mut state.changed);
        let mut regrouped = std::mem::take(&mut state.regrouped);
        if let Some(next) = regrouped.iter().nth(REGROUPED_AT_ONCE).cloned() {
            state.regrouped = regrouped.split_off(&next);
            // Whoever listens has until the next look to take these in.
            shared.peers.look_now();
        }
        (changed, regrouped)
    };
    let mut channels = changed.clone();
    channels.extend(regrouped);
    if channels.is_empty() {
        return;
    }
    for status in super::whole(shared, &Vec::from_iter(channels)).await {
        let is_ours = changed.contains(&status.channel);
        let event = RuntimeEvent::ChannelStatus(Box::new(status));
        if is_ours {
            shared.peers.post(notes::of(&event));
        }
        shared.publish_here(event);
    }
}
