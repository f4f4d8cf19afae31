//! The meter of what apps use of their monthly quotas: counted in memory, kept in the store now and then.
//!
//! Links count while messages are on their way, so counting takes a moment and cannot fail. A task adds what was counted to
//! the store every [`KEEP_INTERVAL`] and at the end; whoever dies in between forgets that much. While the store is away
//! nothing is lost, and nobody but this task waits for it.

mod gauges;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use switchboard_domain::time::Timestamp;
use switchboard_domain::usage::{self, Month, Pace, QuotaRules, Standing, Usage, Used, Why};
use switchboard_ports::channels::Channel;
use switchboard_ports::clock::Clock;
use switchboard_ports::error::StoreError;
use switchboard_ports::provider::{Description, Meter, MonthlyQuota};
use switchboard_ports::usage::{App, UsageBatch};
use tokio::sync::{Mutex as FairMutex, Notify};

use self::gauges::Gauges;
use super::operations::QuotaUsage;
use super::shared::{Shared, lock};
use super::troubles::Kind;

/// How often what was counted is added to the store: so much a process forgets that is killed.
const KEEP_INTERVAL: Duration = Duration::from_secs(10);

/// How long the last addition may take when the server stops.
const LAST_WAIT: Duration = Duration::from_secs(5);

/// How often what is stored is read again.
const READ_INTERVAL: Duration = Duration::from_mins(1);

/// Rows of one addition: messages wait for the store's writer, too.
const BATCH_ROWS_MAX: usize = 256;

/// Numbers of calls a month for which an app remembers in one month that the forecast was above them. Each edit of a channel may
/// bring one; of further ones nothing is remembered.
const LIMITS_MAX: usize = 16;

/// The meters of all apps that channels use.
#[derive(Default)]
pub(crate) struct Meters {
    apps: Mutex<BTreeMap<App, Arc<AppMeter>>>,
    /// What is being added: until it is known to be, it is what is tried next. Held through an addition.
    underway: FairMutex<Option<UsageBatch>>,
    /// When what is stored was last read.
    read_at: Mutex<Option<Timestamp>>,
    /// A meter is new: what is stored of its app can be read.
    added: Notify,
}

/// One app's meter.
pub(crate) struct AppMeter {
    app: App,
    quota: MonthlyQuota,
    clock: Arc<dyn Clock>,
    counts: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    /// What the store has; `None` until it was read.
    stored: Option<BTreeMap<Month, Usage>>,
    /// What is being added to it.
    underway: BTreeMap<Month, Usage>,
    /// What was counted since. As many months as the store was away.
    fresh: BTreeMap<Month, Usage>,
    /// The month in which the platform has said that the quota is used up. Known to this process: whoever takes over learns it
    /// with its first call.
    refused: Option<Month>,
    /// The month in which the last message came without its content. Known to this process, too.
    withheld: Option<Month>,
    /// The numbers of calls a month for which calls are saved because of the forecast, each with the month in which it began.
    /// Known to this process, too.
    saving: BTreeMap<u64, Month>,
}

impl Meter for AppMeter {
    fn count(&self, used: Used) {
        let month = self.month();
        lock(&self.counts).fresh.entry(month).or_default().count(used);
    }

    fn performed(&self) {
        let before = lock(&self.counts).refused.take();
        if before == Some(self.month()) {
            tracing::info!(app = self.app.id, "the platform performs calls again: there is quota");
        }
    }

    fn refused(&self) {
        let month = self.month();
        let before = lock(&self.counts).refused.replace(month);
        if before != Some(month) {
            tracing::warn!(app = self.app.id, %month, "the platform says that the month's quota of calls is used up");
        }
    }

    fn pushed(&self, is_withheld: bool) {
        let month = is_withheld.then(|| self.month());
        let before = std::mem::replace(&mut lock(&self.counts).withheld, month);
        match (before, month) {
            (None, Some(month)) => {
                tracing::warn!(app = self.app.id, %month, "the month's quota of pushes is used up: messages come without content");
            }
            (Some(_), None) => tracing::info!(app = self.app.id, "messages come with their content again"),
            (Some(_), Some(_)) | (None, None) => {}
        }
    }

    fn pace(&self, rules: QuotaRules) -> Pace {
        usage::pace(rules, &self.standing(rules)).0
    }
}

impl Counts {
    /// What was used in a month; `None` until what is stored is read.
    fn of(&self, month: Month) -> Option<Usage> {
        let stored = self.stored.as_ref()?;
        let parts = [stored.get(&month), self.underway.get(&month), self.fresh.get(&month)];
        Some(parts.into_iter().flatten().fold(Usage::default(), |sum, more| sum.plus(*more)))
    }

    /// Remembers for whoever asks next whether the forecast has calls saved. What is short otherwise says nothing of that, and
    /// passes with the month or with other rules.
    fn remember(&mut self, month: Month, limit: u64, why: Why) {
        match why {
            Why::Forecast if self.saving.len() < LIMITS_MAX => {
                self.saving.insert(limit, month);
            }
            Why::Enough => {
                self.saving.remove(&limit);
            }
            Why::Forecast
            | Why::Settings
            | Why::MostlyUsed
            | Why::NearlyUsedUp
            | Why::UsedUp
            | Why::PushesUsedUp => {}
        }
    }
}

impl AppMeter {
    fn month(&self) -> Month {
        Month::of(self.clock.now(), self.quota.utc_offset_minutes)
    }

    /// How the app stands with its quota by these rules, as far as it was counted here.
    fn standing(&self, rules: QuotaRules) -> Standing {
        let now = self.clock.now();
        let month = Month::of(now, self.quota.utc_offset_minutes);
        let mut counts = lock(&self.counts);
        counts.saving.retain(|_, began| *began == month);
        let standing = Standing {
            used: counts.of(month).map(|usage| usage.api_calls),
            refused: counts.refused == Some(month),
            withheld: counts.withheld == Some(month),
            saving: rules.calls_per_month.is_some_and(|limit| counts.saving.contains_key(&limit)),
            elapsed: month.elapsed(now, self.quota.utc_offset_minutes),
            month: month.length(),
        };
        if let Some(limit) = rules.calls_per_month {
            let of_calls = usage::pace(QuotaRules { pace: None, ..rules }, &standing).1;
            counts.remember(month, limit, of_calls);
        }
        standing
    }

    /// What was used this month and before, and what follows from it by these rules; `None` until what is stored of it was read.
    pub(crate) fn usage(&self, rules: QuotaRules) -> Option<QuotaUsage> {
        let standing = self.standing(rules);
        let (pace, why) = usage::pace(rules, &standing);
        let month = self.month();
        let counts = lock(&self.counts);
        let mut months = counts.stored.clone()?;
        for (month, more) in counts.underway.iter().chain(&counts.fresh) {
            let usage = months.entry(*month).or_default();
            *usage = usage.plus(*more);
        }
        let usage = months.remove(&month).unwrap_or_default();
        let earlier = months.into_iter().rev().filter(|(earlier, _)| *earlier < month);
        Some(QuotaUsage {
            month,
            utc_offset_minutes: self.quota.utc_offset_minutes,
            usage,
            calls_per_month: rules.calls_per_month,
            forecast: usage::forecast(rules, &standing),
            pace,
            why,
            strain: usage::strain(rules, &standing),
            earlier: earlier.take(switchboard_ports::usage::MONTHS_KEPT as usize - 1).collect(),
        })
    }

    fn is_unread(&self) -> bool {
        lock(&self.counts).stored.is_none()
    }

    fn is_settled(&self) -> bool {
        let counts = lock(&self.counts);
        counts.underway.is_empty() && counts.fresh.is_empty()
    }

    /// Moves one month of what was counted into what is being added.
    fn take(&self) -> Option<(App, Month, Usage)> {
        let mut counts = lock(&self.counts);
        let (month, usage) = counts.fresh.pop_first()?;
        counts.underway.insert(month, usage);
        Some((self.app.clone(), month, usage))
    }

    fn added(&self) {
        let mut counts = lock(&self.counts);
        for (month, more) in std::mem::take(&mut counts.underway) {
            if let Some(stored) = &mut counts.stored {
                let usage = stored.entry(month).or_default();
                *usage = usage.plus(more);
            }
        }
    }
}

impl Meters {
    /// The meter of a channel's app; `None` where its platform has no quota, or its settings do not name the app.
    pub(crate) fn of(
        &self,
        description: &Description,
        channel: &Channel,
        clock: &Arc<dyn Clock>,
    ) -> Option<Arc<AppMeter>> {
        let quota = description.quota?;
        let id = channel.config.pointer(description.identity_fields.first()?)?.as_str()?.to_owned();
        let app = App { platform: description.platform.to_owned(), id };
        let mut apps = lock(&self.apps);
        // What nobody uses any more goes once it is stored.
        apps.retain(|_, meter| Arc::strong_count(meter) > 1 || !meter.is_settled());
        let meter = apps.entry(app).or_insert_with_key(|app| {
            self.added.notify_one();
            let (app, clock) = (app.clone(), Arc::clone(clock));
            Arc::new(AppMeter { app, quota, clock, counts: Mutex::default() })
        });
        Some(Arc::clone(meter))
    }

    fn all(&self) -> Vec<Arc<AppMeter>> {
        lock(&self.apps).values().cloned().collect()
    }

    /// Adds all that was counted to the store, and reads what it has of apps that are new here. May be dropped: what was being
    /// added is then added by the next call.
    async fn keep(&self, shared: &Shared) -> Result<(), StoreError> {
        let mut underway = self.underway.lock().await;
        loop {
            // First of all: read before it is settled, an addition would count twice.
            if let Some(batch) = &*underway {
                shared.ports.usage.add(batch.clone()).await?;
                *underway = None;
                for meter in self.all() {
                    meter.added();
                }
            }
            for meter in self.all().into_iter().filter(|meter| meter.is_unread()) {
                let stored = shared.ports.usage.of(&meter.app).await?;
                lock(&meter.counts).stored = Some(stored.into_iter().collect());
            }
            let rows: Vec<_> =
                self.all().iter().filter_map(|meter| meter.take()).take(BATCH_ROWS_MAX).collect();
            if rows.is_empty() {
                return self.read_again(shared).await;
            }
            *underway = Some(UsageBatch { id: shared.commit_id().to_string(), rows });
        }
    }
}

impl Meters {
    /// What other replicas counted meanwhile is in the store: now and then it is read again, so that calls are saved by what all of
    /// them used. Only while nothing of ours is being added.
    async fn read_again(&self, shared: &Shared) -> Result<(), StoreError> {
        let now = shared.now();
        if lock(&self.read_at).is_some_and(|at| at.after(READ_INTERVAL) > now) {
            return Ok(());
        }
        for meter in self.all() {
            let stored = shared.ports.usage.of(&meter.app).await?;
            lock(&meter.counts).stored = Some(stored.into_iter().collect());
        }
        *lock(&self.read_at) = Some(now);
        Ok(())
    }
}

/// Keeps the meters until the server has stopped.
pub(crate) async fn keep_meters(shared: Arc<Shared>) {
    let mut gauges = Gauges::default();
    loop {
        let kept = tokio::select! {
            biased;
            () = shared.parking.cancelled() => return,
            kept = shared.meters.keep(&shared) => kept,
        };
        let is_kept = kept.is_ok();
        shared.troubles.saw(Kind::Meter, &kept, shared.now());
        gauges.show(shared.all_channels().iter().map(|handle| (&handle.id, handle.bot().usage())));
        tokio::select! {
            biased;
            () = shared.parking.cancelled() => return,
            // A new meter is read soon; while the store is away, no sooner than anything else.
            () = shared.meters.added.notified(), if is_kept => {}
            () = tokio::time::sleep(KEEP_INTERVAL) => {}
        }
    }
}

/// Adds what was counted last, when everything that counts has ended.
pub(crate) async fn keep_last(shared: &Shared) {
    match tokio::time::timeout(LAST_WAIT, shared.meters.keep(shared)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, "failed to store the last counts of the monthly quotas"),
        Err(_) => tracing::warn!("the store did not take the last counts of the monthly quotas in time"),
    }
}
