//! Tells somebody outside when a channel is not connected for too long, and when it is so again, and when a monthly quota is nearly
//! used up, or used up: once for all replicas.
//!
//! Whoever has the place of alerts looks and tells. What was told is written down, so that whoever has the place next tells
//! neither twice. Where the store is away, whoever had the place goes on: better told twice than not at all.

mod book;
mod outages;
mod shortages;

pub use outages::AlertRules;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use switchboard_domain::ids::ChannelId;
use switchboard_domain::notice::{Remedy, remedy, shortage};
use switchboard_domain::settings::Locale;
use switchboard_domain::time::Timestamp;
use switchboard_domain::usage::{Month, Why};
use switchboard_ports::alerts::{Alert, AlertCause, AlertError, AlertEvent, AlertQuota};
use switchboard_ports::error::StoreError;
use switchboard_ports::replicas::alerts_place;
use tokio::time::timeout;

use self::outages::{Due, Outages, Seen};
use self::shortages::{Level, Shortages};
use super::operations::{ChannelStatus, QuotaUsage};
use super::shared::Shared;
use super::states;
use super::states::course::{Course, Was};
use crate::ports::SharedAlerts;
use crate::telemetry::metrics as names;

/// How often channels are looked at.
const LOOK_INTERVAL: Duration = Duration::from_secs(5);

/// How long the place is kept without a look.
const PLACE_TTL: Duration = Duration::from_secs(30);

/// A channel that is not connected for less is on its way, and not looked into.
const SOON: Duration = Duration::from_secs(10);

/// How far back it is looked when an outage may have begun before this process.
const BACK_MAX: Duration = Duration::from_hours(7 * 24);

/// Longest wait for the store within a look.
const STORE_WAIT_MAX: Duration = Duration::from_secs(3);

/// Longest wait for whoever is told.
const TELL_WAIT_MAX: Duration = Duration::from_secs(10);

/// Alerts of one look, told at the same time: a look ends before its place does.
const ALERTS_MAX: usize = 8;

/// Channels whose past is looked into with one look, and at the same time.
const LOOKED_INTO_MAX: usize = 100;
const LOOKED_INTO_AT_ONCE: usize = 50;

/// Pauses of a sink that does not take alerts.
const PAUSE_MIN: Duration = Duration::from_secs(5);
const PAUSE_MAX: Duration = Duration::from_mins(5);

/// Looks and tells until the server stops.
pub(super) async fn watch(shared: Arc<Shared>) {
    let Some(sink) = shared.ports.alerts.clone() else { return };
    let mut watch = Watch {
        sink,
        outages: None,
        shortages: Shortages::default(),
        unwritten: BTreeMap::new(),
        pause: PAUSE_MIN,
        paused_until: None,
    };
    loop {
        tokio::select! {
            biased;
            () = shared.stopping.cancelled() => return,
            () = tokio::time::sleep(LOOK_INTERVAL) => {}
        }
        tokio::select! {
            biased;
            () = shared.stopping.cancelled() => return,
            () = watch.look(&shared) => {}
        }
    }
}

struct Watch {
    sink: SharedAlerts,
    /// What is known while this replica has the place.
    outages: Option<Outages>,
    /// What was told of quotas; read together with the outages.
    shortages: Shortages,
    /// What was told last of a channel, or of its quota, while the store was away, and when.
    unwritten: BTreeMap<(ChannelId, Option<Level>), (Due, Timestamp)>,
    pause: Duration,
    paused_until: Option<Timestamp>,
}

impl Watch {
    async fn look(&mut self, shared: &Shared) {
        let place = alerts_place();
        let holding = shared.ports.replicas.hold(&place, &shared.replica, PLACE_TTL);
        let held = timeout(STORE_WAIT_MAX, holding).await;
        if matches!(held, Ok(Ok(_))) {
            self.write_rest(shared).await;
        }
        match held {
            Ok(Ok(true)) => {}
            Ok(Ok(false)) => {
                self.outages = None;
                return;
            }
            Ok(Err(_)) | Err(_) if self.outages.is_some() => {}
            Ok(Err(_)) | Err(_) => return,
        }
        if self.outages.is_none() {
            let journal = &*shared.ports.journal;
            let reading = async {
                Ok::<_, StoreError>((book::read(journal).await?, book::read_shortages(journal).await?))
            };
            let Ok(Ok((outages, shortages))) = timeout(STORE_WAIT_MAX, reading).await else { return };
            (self.outages, self.shortages) = (Some(outages), shortages);
            // What this replica told last time may not be written down yet.
            for (due, _) in self.unwritten.values() {
                if let (Some(month), Some(level)) = (due.month, Level::told_by(due.event)) {
                    self.shortages.told(&due.channel, month, level);
                }
            }
        }
        let statuses = statuses(shared).await;
        let seen = self.seen(shared, &statuses).await;
        let Some(outages) = &mut self.outages else { return };
        outages.see(&seen);
        self.shortages.keep(|channel| statuses.contains_key(channel));
        let now = shared.now();
        if self.paused_until.is_some_and(|until| until > now) {
            return;
        }
        let mut due = outages.due(&seen, shared.settings.alerts, now);
        due.extend(self.shortages.due(&strains(shared, &statuses), now));
        self.tell(shared, &statuses, due).await;
    }

    /// Writes down what was told while the store was away, whoever has the place by now.
    async fn write_rest(&mut self, shared: &Shared) {
        let writing = async {
            while let Some(rest) = self.unwritten.first_entry() {
                let (due, at) = rest.get();
                if book::write(&*shared.ports.journal, due, *at).await.is_err() {
                    return;
                }
                rest.remove();
            }
        };
        // What is left is written with the next look.
        let _late = timeout(STORE_WAIT_MAX, writing).await;
    }

    /// What is true of each channel. One that has just lost its connection is not looked into yet.
    async fn seen(
        &self,
        shared: &Shared,
        statuses: &BTreeMap<ChannelId, ChannelStatus>,
    ) -> BTreeMap<ChannelId, Seen> {
        let now = shared.now();
        let mut all = BTreeMap::new();
        let mut new = Vec::new();
        for handle in shared.all_channels().iter().filter(|handle| !handle.is_withdrawn()) {
            let status = statuses.get(&handle.id);
            let is_known = self.outages.as_ref().is_some_and(|outages| outages.has(&handle.id));
            let seen = match status.map(|status| (status.status.as_ref(), status.since)) {
                _ if !handle.bot().channel.enabled => Seen::Off,
                Some(("connected", _)) => Seen::Connected,
                Some((_, since)) if is_known => Seen::Away { since },
                // Nobody else's word is known at the moment, and its own is that it waits for its turn.
                Some((_, _)) if status.is_some_and(|status| status.state == "standby") => {
                    Seen::Away { since: now }
                }
                Some((_, since)) if since.after(SOON) <= now => {
                    new.push((handle.id.clone(), since));
                    continue;
                }
                Some(_) | None => Seen::Off,
            };
            all.insert(handle.id.clone(), seen);
        }
        // Those that there is no time for are seen with a later look.
        let looked_into = new.into_iter().take(LOOKED_INTO_MAX).map(|(id, since)| async move {
            let since = began(shared, &id, since).await;
            (id, Seen::Away { since })
        });
        all.extend(stream::iter(looked_into).buffer_unordered(LOOKED_INTO_AT_ONCE).collect::<Vec<_>>().await);
        all
    }

    async fn tell(&mut self, shared: &Shared, statuses: &BTreeMap<ChannelId, ChannelStatus>, due: Vec<Due>) {
        let alerts: Vec<_> = due
            .into_iter()
            .take(ALERTS_MAX)
            .filter_map(|due| Some((alert(shared, statuses, &due)?, due)))
            .collect();
        let sink = &self.sink;
        let telling = stream::iter(alerts).map(|(alert, due)| async move {
            let told = timeout(TELL_WAIT_MAX, sink.tell(&alert)).await;
            let late = |_| Err(AlertError::Unavailable("no answer in time".to_owned()));
            let told = told.unwrap_or_else(late);
            // Written down at once: whoever has the place next must not tell it again.
            let is_written = matches!(told, Err(AlertError::Unavailable(_)))
                || matches!(
                    timeout(STORE_WAIT_MAX, book::write(&*shared.ports.journal, &due, shared.now())).await,
                    Ok(Ok(()))
                );
            (due, told, is_written)
        });
        let results: Vec<_> = telling.buffer_unordered(ALERTS_MAX).collect().await;
        let now = shared.now();
        let mut is_away = false;
        for (due, told, is_written) in results {
            let (channel, event) = (&due.channel, due.event.as_str());
            let outcome = if told.is_ok() { "told" } else { "failed" };
            metrics::counter!(names::ALERTS, "outcome" => outcome).increment(1);
            match told {
                Ok(()) => tracing::info!(%channel, event, "an alert was told"),
                Err(error @ AlertError::Unavailable(_)) => {
                    is_away = true;
                    tracing::warn!(%channel, event, %error, "an alert could not be told; it is tried again");
                    continue;
                }
                Err(error @ AlertError::Refused(_)) => {
                    tracing::error!(%channel, event, %error, "an alert was refused; it is not tried again");
                }
            }
            let level = Level::told_by(due.event);
            if let (Some(month), Some(level)) = (due.month, level) {
                self.shortages.told(&due.channel, month, level);
            } else if let Some(outages) = &mut self.outages {
                outages.told(&due, now);
            }
            if is_written {
                self.unwritten.remove(&(due.channel.clone(), level));
            } else {
                tracing::warn!(%channel, event, "failed to write down that an alert was told; it is tried again");
                self.unwritten.insert((due.channel.clone(), level), (due, now));
            }
        }
        if is_away {
            self.paused_until = Some(now.after(self.pause));
            self.pause = self.pause.saturating_mul(2).min(PAUSE_MAX);
        } else {
            self.pause = PAUSE_MIN;
        }
    }
}

/// How it stands with the quotas of channels that are switched on, where that is known.
fn strains(
    shared: &Shared,
    statuses: &BTreeMap<ChannelId, ChannelStatus>,
) -> BTreeMap<ChannelId, (Month, Why)> {
    let channels = shared.all_channels();
    let there = channels.iter().filter(|handle| !handle.is_withdrawn() && handle.bot().channel.enabled);
    let strain = |id: &ChannelId| {
        let usage = statuses.get(id)?.usage.as_ref()?;
        Some((id.clone(), (usage.month, usage.strain)))
    };
    there.filter_map(|handle| strain(&handle.id)).collect()
}

async fn statuses(shared: &Shared) -> BTreeMap<ChannelId, ChannelStatus> {
    let ids: Vec<ChannelId> = shared.all_channels().iter().map(|handle| handle.id.clone()).collect();
    let statuses = super::peers::whole(shared, &ids).await;
    statuses.into_iter().map(|status| (status.channel.clone(), status)).collect()
}

/// When an outage began: a process that has just started finds what the one before it wrote down.
async fn began(shared: &Shared, channel: &ChannelId, since: Timestamp) -> Timestamp {
    let journal = &*shared.ports.journal;
    let reading = async {
        let lines = states::read(journal, channel).await?;
        let roll = (!shared.knows_nobody()).then(|| shared.peers.roll());
        let known = states::lives(journal, roll, &lines).await?;
        Ok::<_, StoreError>((lines, known))
    };
    let now = shared.now();
    let Ok(Ok((lines, known))) = timeout(STORE_WAIT_MAX, reading).await else { return since };
    let course = Course::of(&lines, &known, now.before(BACK_MAX), now);
    // Where a replica was connected to the last moment that is written down, it has just lost its connection.
    let mut began = match course.spans.last() {
        Some(last) if last.was == Was::Connected => now,
        Some(_) | None => since,
    };
    for span in course.spans.iter().rev() {
        match span.was {
            Was::Disconnected => began = began.min(span.from),
            // While no server ran nobody could tell, and it is no outage of its own.
            Was::NobodyThere => {}
            Was::Connected | Was::Disabled | Was::Unknown => break,
        }
    }
    began
}

/// What is told; none of a channel that is gone.
fn alert(shared: &Shared, statuses: &BTreeMap<ChannelId, ChannelStatus>, due: &Due) -> Option<Alert> {
    let handle = shared.channel(&due.channel)?;
    let bot = handle.bot();
    let status = statuses.get(&due.channel);
    let quota = status.filter(|_| due.month.is_some()).and_then(|status| status.usage.as_ref());
    let error = status.and_then(|status| status.last_error.as_ref());
    let last_error = error.map(|error| {
        let Remedy { message, remedy } = remedy(error.code, bot.channel.locale);
        AlertCause { code: error.code, message: message.to_owned(), remedy: remedy.to_owned() }
    });
    Some(Alert {
        event: due.event,
        channel: due.channel.clone(),
        name: bot.channel.name.clone(),
        platform: bot.channel.platform.clone(),
        since: due.since,
        last_error: last_error.filter(|_| due.event == AlertEvent::NotConnected),
        quota: quota.and_then(|usage| standing(usage, bot.channel.locale)),
        replica: shared.replica.clone(),
        at: shared.now(),
    })
}

/// How it stands with a quota that runs out.
fn standing(used: &QuotaUsage, locale: Locale) -> Option<AlertQuota> {
    let Remedy { message, remedy } = shortage(used.strain, locale)?;
    Some(AlertQuota {
        month: used.month,
        api_calls: used.usage.api_calls,
        calls_per_month: used.calls_per_month,
        forecast: used.forecast,
        message: message.to_owned(),
        remedy: remedy.to_owned(),
    })
}
