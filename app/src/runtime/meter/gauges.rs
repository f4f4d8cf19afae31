//! The metrics of the monthly quotas, and the log's lines about calls that begin or cease to be saved.

use std::collections::BTreeMap;

use switchboard_domain::ids::ChannelId;
use switchboard_domain::usage::{Pace, Usage, Why};

use crate::runtime::operations::QuotaUsage;
use crate::telemetry::metrics as names;

/// What was shown of each channel.
#[derive(Default)]
pub(super) struct Gauges(BTreeMap<ChannelId, Shown>);

#[derive(Clone, Copy, Default)]
struct Shown {
    pace: Pace,
    /// Whether there is a forecast to take back.
    forecast: bool,
    /// Whether there is a limit to take back.
    limit: bool,
}

impl Gauges {
    /// Brings the metrics up to date with all channels there are. Those of a channel that is gone, or of which nothing is
    /// known any more, are taken back: a gauge cannot be removed.
    pub(super) fn show<'a>(&mut self, channels: impl Iterator<Item = (&'a ChannelId, Option<QuotaUsage>)>) {
        let mut before = std::mem::take(&mut self.0);
        for (id, usage) in channels {
            let Some(usage) = usage else { continue };
            let shown = before.remove(id).unwrap_or_default();
            if shown.pace != usage.pace {
                tell(id, &usage);
            }
            set(id, usage.usage, usage.pace, usage.strain);
            set_calls(names::QUOTA_FORECAST, id, usage.forecast, shown.forecast);
            set_calls(names::QUOTA_LIMIT, id, usage.calls_per_month, shown.limit);
            let (forecast, limit) = (usage.forecast.is_some(), usage.calls_per_month.is_some());
            self.0.insert(id.clone(), Shown { pace: usage.pace, forecast, limit });
        }
        for (id, shown) in before {
            set(&id, Usage::default(), Pace::Normal, Why::Enough);
            set_calls(names::QUOTA_FORECAST, &id, None, shown.forecast);
            set_calls(names::QUOTA_LIMIT, &id, None, shown.limit);
        }
    }
}

/// Says that the pace is another one, and why. What somebody has set is nothing to be warned of.
fn tell(channel: &ChannelId, usage: &QuotaUsage) {
    let (saver, reason) = (usage.pace.as_str(), usage.why.as_str());
    let (calls, forecast) = (usage.usage.api_calls, usage.forecast);
    if usage.why == Why::Settings {
        tracing::info!(%channel, saver, reason, calls, forecast, "cards are updated at another pace, as the settings say");
    } else {
        tracing::warn!(%channel, saver, reason, calls, forecast, "cards are updated at another pace, for the quota's sake");
    }
}

fn set(channel: &ChannelId, usage: Usage, pace: Pace, strain: Why) {
    let saving = Pace::ALL.iter().position(|(_, known)| *known == pace).unwrap_or_default();
    let saving = u32::try_from(saving).unwrap_or_default();
    metrics::gauge!(names::QUOTA_SAVING, "channel" => channel.to_string()).set(f64::from(saving));
    metrics::gauge!(names::QUOTA_STRAIN, "channel" => channel.to_string()).set(degree(strain));
    for (kind, count) in [("api_calls", usage.api_calls), ("pushes", usage.pushes)] {
        #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53 calls a month")]
        metrics::gauge!(names::QUOTA_USED, "channel" => channel.to_string(), "kind" => kind)
            .set(count as f64);
    }
}

/// How little is left, as a number.
const fn degree(strain: Why) -> f64 {
    match strain {
        Why::Enough | Why::Settings => 0.0,
        Why::Forecast => 1.0,
        Why::MostlyUsed => 2.0,
        Why::NearlyUsedUp => 3.0,
        Why::UsedUp => 4.0,
        Why::PushesUsedUp => 5.0,
    }
}

/// Calls of a month. Where there is no such number any more, not a number: 0 would be one, and what was last shown is another
/// month's, or other settings'. Where none was shown, none is taken back.
fn set_calls(name: &'static str, channel: &ChannelId, calls: Option<u64>, is_shown: bool) {
    if calls.is_none() && !is_shown {
        return;
    }
    #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53 calls a month")]
    let calls = calls.map_or(f64::NAN, |calls| calls as f64);
    metrics::gauge!(name, "channel" => channel.to_string()).set(calls);
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use metrics_exporter_prometheus::PrometheusBuilder;
    use switchboard_domain::time::Timestamp;
    use switchboard_domain::usage::Month;
    use switchboard_ports::clock::Clock;
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::{ChannelId, Gauges, Pace, QuotaUsage, Usage, Why};
    use crate::telemetry::lines::{ChannelLayer, Lines, Severity};
    use crate::testing::FakeClock;

    fn used(api_calls: u64, forecast: Option<u64>, why: Why) -> QuotaUsage {
        QuotaUsage {
            month: Month::of(Timestamp::from_millis(1_796_054_400_000), 480),
            utc_offset_minutes: 480,
            usage: Usage { api_calls, pushes: 3 },
            calls_per_month: Some(5_000),
            forecast,
            pace: why.pace(),
            why,
            strain: why,
            earlier: Vec::new(),
        }
    }

    /// What the metrics say after each of these looks at the channels.
    fn looks(looks: &[&[(&ChannelId, Option<QuotaUsage>)]]) -> Vec<String> {
        let recorder = PrometheusBuilder::new().build_recorder();
        let mut gauges = Gauges::default();
        let look = |channels: &&[(&ChannelId, Option<QuotaUsage>)]| {
            metrics::with_local_recorder(&recorder, || gauges.show(channels.iter().cloned()));
            recorder.handle().render()
        };
        looks.iter().map(look).collect()
    }

    fn value<'a>(text: &'a str, series: &str) -> Option<&'a str> {
        text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))
    }

    const FORECAST: &str = "switchboard_platform_quota_forecast{channel=\"chn_1\"}";
    const LIMIT: &str = "switchboard_platform_quota_limit{channel=\"chn_1\"}";
    const SAVING: &str = "switchboard_platform_quota_saving{channel=\"chn_1\"}";
    const STRAIN: &str = "switchboard_platform_quota_strain{channel=\"chn_1\"}";
    const CALLS: &str = "switchboard_platform_quota_used{channel=\"chn_1\",kind=\"api_calls\"}";
    const PUSHES: &str = "switchboard_platform_quota_used{channel=\"chn_1\",kind=\"pushes\"}";

    #[test]
    fn a_forecast_is_never_another_months() {
        let id = ChannelId::new("chn_1");
        let shown = looks(&[
            &[(&id, Some(used(1, None, Why::Enough)))],
            &[(&id, Some(used(1_300, Some(6_000), Why::Forecast)))],
            &[(&id, Some(used(0, None, Why::Enough)))],
            &[(&id, Some(used(2_000, Some(7_000), Why::Forecast)))],
        ]);
        let forecasts: Vec<_> = shown.iter().map(|text| value(text, FORECAST)).collect();
        assert_eq!(forecasts, [None, Some("6000"), Some("NaN"), Some("7000")]);
        let saving: Vec<_> = shown.iter().map(|text| value(text, SAVING)).collect();
        assert_eq!(saving, [Some("0"), Some("1"), Some("0"), Some("1")]);
    }

    #[test]
    fn what_is_left_is_told_whatever_the_settings_choose() {
        let id = ChannelId::new("chn_1");
        let by_hand = |strain| QuotaUsage { strain, ..used(1, None, Why::Settings) };
        let strains =
            [Why::Enough, Why::Forecast, Why::MostlyUsed, Why::NearlyUsedUp, Why::UsedUp, Why::PushesUsedUp];
        for (degree, strain) in ["0", "1", "2", "3", "4", "5"].into_iter().zip(strains) {
            let shown = looks(&[&[(&id, Some(by_hand(strain)))]]);
            assert_eq!((value(&shown[0], STRAIN), value(&shown[0], SAVING)), (Some(degree), Some("0")));
        }
    }

    #[test]
    fn a_limit_is_the_one_that_the_settings_say_now() {
        let id = ChannelId::new("chn_1");
        let limited = |calls_per_month| {
            let used = QuotaUsage { calls_per_month, ..used(1, None, Why::Enough) };
            [(&id, Some(used))]
        };
        let shown = looks(&[&limited(None), &limited(Some(5_000)), &limited(Some(200_000)), &limited(None)]);
        let limits: Vec<_> = shown.iter().map(|text| value(text, LIMIT)).collect();
        assert_eq!(limits, [None, Some("5000"), Some("200000"), Some("NaN")]);
    }

    #[test]
    fn the_log_says_why_cards_are_updated_at_another_pace() {
        let (id, lines) = (ChannelId::new("chn_1"), Arc::new(Lines::default()));
        let clock: Arc<dyn Clock> = Arc::new(FakeClock::default());
        lines.begin(&clock);
        let forecast = used(1_300, Some(6_000), Why::Forecast);
        let by_hand = QuotaUsage { pace: Pace::FinalOnly, why: Why::Settings, ..forecast.clone() };
        let heard = tracing_subscriber::registry().with(ChannelLayer(Arc::clone(&lines)));
        tracing::subscriber::with_default(heard, || {
            looks(&[&[(&id, Some(forecast.clone()))], &[(&id, Some(by_hand))], &[(&id, Some(forecast))]]);
        });
        let said: Vec<_> = lines
            .of("chn_1")
            .iter()
            .map(|line| (line.level, line.fields["reason"].clone(), line.message.contains("quota's sake")))
            .collect();
        let quota = || (Severity::Warn, "forecast".to_owned(), true);
        assert_eq!(said, [quota(), (Severity::Info, "settings".to_owned(), false), quota()]);
    }

    #[test]
    fn what_is_gone_is_taken_back() {
        let (id, other) = (ChannelId::new("chn_1"), ChannelId::new("chn_2"));
        let full = || Some(used(4_800, Some(6_000), Why::NearlyUsedUp));
        for gone in [&[(&other, full())][..], &[(&id, None), (&other, full())]] {
            let shown = looks(&[&[(&id, full()), (&other, full())], gone, &[(&id, full())]]);
            let of = |text: &str| {
                [CALLS, PUSHES, SAVING, FORECAST, LIMIT].map(|series| value(text, series).map(str::to_owned))
            };
            let texts = |values: [&str; 5]| values.map(|value| Some(value.to_owned()));
            assert_eq!(of(&shown[0]), texts(["4800", "3", "2", "6000", "5000"]));
            assert_eq!(of(&shown[1]), texts(["0", "0", "0", "NaN", "NaN"]));
            assert_eq!(of(&shown[2]), texts(["4800", "3", "2", "6000", "5000"]));
        }
    }
}
