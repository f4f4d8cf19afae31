//! Channel status on the wire, with the texts that go with error codes.

use std::borrow::Cow;

use serde::Serialize;
use switchboard_domain::notice::{Remedy, one_connection, remedy, saving, shortage};
use switchboard_domain::settings::Locale;
use switchboard_domain::usage::Why;
use switchboard_ports::channels::Channel;
use utoipa::ToSchema;

use super::time::rfc3339;
use crate::runtime::operations::{ChannelStatus, LastError, QuotaUsage, ReplicaStatus};

/// What is observed of a channel.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct StatusView {
    /// The channel.
    pub channel_id: String,
    /// `connected`, `disconnected` or `disabled`.
    pub status: Cow<'static, str>,
    /// The state machine's own name.
    pub state: Cow<'static, str>,
    /// Since when.
    #[schema(format = DateTime)]
    pub since: String,
    /// The last time it became connected.
    #[schema(format = DateTime)]
    pub connected_at: Option<String>,
    /// How long it has been connected; null unless it is.
    pub uptime_seconds: Option<f64>,
    /// The last thing that went wrong; stays after a recovery.
    pub last_error: Option<LastErrorView>,
    /// Attempts to connect since it was last connected.
    pub attempt: u32,
    /// When the next attempt is due.
    #[schema(format = DateTime)]
    pub next_attempt_at: Option<String>,
    /// Open and proven connections.
    pub connections: u32,
    /// The process that says so.
    pub replica: String,
    /// The last frame of any kind.
    #[schema(format = DateTime)]
    pub last_frame_at: Option<String>,
    /// The last message taken in.
    #[schema(format = DateTime)]
    pub last_message_at: Option<String>,
    /// The last reply finished.
    #[schema(format = DateTime)]
    pub last_reply_at: Option<String>,
    /// What the channel's app used of the company's monthly quota, as this server has counted it: other programs may use the
    /// same app, and the quota is the company's. Null until what was counted before is read, and on platforms without a quota.
    pub usage: Option<UsageView>,
    /// Set while one replica alone is connected because the platform closes the older of two connections.
    pub one_connection: Option<OneConnectionView>,
    /// What each replica observes.
    pub replicas: Vec<ReplicaStatusView>,
}

/// Why one replica alone is connected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct OneConnectionView {
    /// Why, in the reader's language.
    pub message: &'static str,
    /// When several connections are tried again; a restart of the channel or other credentials do so at once.
    #[schema(format = DateTime)]
    pub until: String,
}

/// What one replica observes of a channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ReplicaStatusView {
    /// The replica.
    pub replica: String,
    /// `connected`, `disconnected` or `disabled`.
    pub status: Cow<'static, str>,
    /// The state machine's own name.
    pub state: Cow<'static, str>,
    /// Since when.
    #[schema(format = DateTime)]
    pub since: String,
    /// Open and proven connections.
    pub connections: u32,
    /// The last thing that went wrong there.
    pub last_error: Option<LastErrorView>,
}

/// What an app used of its monthly quota.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct UsageView {
    /// Whose count this is: always `this_server`. The platform's own is in its console.
    pub counted_by: &'static str,
    /// The present month, `2026-11`.
    pub month: String,
    /// The clock by which months turn, `+08:00`.
    pub utc_offset: String,
    /// Calls of the platform's API in this month that count against the quota.
    pub api_calls: u64,
    /// Pushes of the platform in this month, repeated ones included.
    pub pushes: u64,
    /// Calls that the company may make in a month, where the channel's settings say so.
    pub calls_per_month: Option<u64>,
    /// Calls of this month when it is over, if it goes on like this. Null in its first three days, unless a
    /// quarter of the quota is used by then.
    pub forecast: Option<u64>,
    /// How often cards are updated: `normal`, `few_updates` or `final_only`.
    pub saver: &'static str,
    /// Why so: `enough`, `settings` (they choose it, whatever the quota), `forecast`, `mostly_used` (80 %),
    /// `nearly_used_up` (95 %) or `used_up` (as the platform says).
    pub reason: &'static str,
    /// What is short of the quota, and what to do about it, in the reader's language; null where it lasts.
    pub warning: Option<String>,
    /// Earlier months in which something was counted, the newest first; twelve at most.
    pub earlier: Vec<MonthView>,
}

/// What an app used in a month that is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct MonthView {
    /// The month, `2026-10`.
    pub month: String,
    /// Calls of the platform's API.
    pub api_calls: u64,
    /// Pushes of the platform.
    pub pushes: u64,
}

/// The last thing that went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct LastErrorView {
    /// `invalid_credentials`, `network_unreachable`, …
    pub code: &'static str,
    /// What is wrong, in the reader's language, with the platform's own words.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
    /// When.
    #[schema(format = DateTime)]
    pub at: String,
}

impl StatusView {
    /// A status in the reader's language.
    #[must_use]
    pub fn of(status: &ChannelStatus, locale: Locale) -> Self {
        Self {
            channel_id: status.channel.to_string(),
            status: status.status.clone(),
            state: status.state.clone(),
            since: rfc3339(status.since),
            connected_at: status.connected_at.map(rfc3339),
            uptime_seconds: status.uptime_ms.map(seconds),
            last_error: status.last_error.as_ref().map(|error| LastErrorView::of(error, locale)),
            attempt: status.attempt,
            next_attempt_at: status.next_attempt_at.map(rfc3339),
            connections: status.connections,
            replica: status.replica.clone(),
            last_frame_at: status.last_frame_at.map(rfc3339),
            last_message_at: status.last_message_at.map(rfc3339),
            last_reply_at: status.last_reply_at.map(rfc3339),
            usage: status.usage.as_ref().map(|used| UsageView::of(used, locale)),
            one_connection: status
                .one_connection_until
                .map(|until| OneConnectionView { message: one_connection(locale), until: rfc3339(until) }),
            replicas: status.replicas.iter().map(|row| ReplicaStatusView::of(row, locale)).collect(),
        }
    }

    /// What is true of a stored channel that the driver has not taken in yet: nothing is connected.
    #[must_use]
    pub fn unobserved(channel: &Channel) -> Self {
        Self {
            channel_id: channel.id.to_string(),
            status: if channel.enabled { "disconnected" } else { "disabled" }.into(),
            state: if channel.enabled { "connecting" } else { "disabled" }.into(),
            since: rfc3339(channel.updated_at),
            connected_at: None,
            uptime_seconds: None,
            last_error: None,
            attempt: 0,
            next_attempt_at: None,
            connections: 0,
            replica: String::new(),
            last_frame_at: None,
            last_message_at: None,
            last_reply_at: None,
            usage: None,
            one_connection: None,
            replicas: Vec::new(),
        }
    }

    /// The observed status, else what is true of a channel nobody observes yet.
    #[must_use]
    pub fn observed_or(observed: Option<ChannelStatus>, channel: &Channel, locale: Locale) -> Self {
        observed.map_or_else(|| Self::unobserved(channel), |status| Self::of(&status, locale))
    }
}

fn seconds(millis: u64) -> f64 {
    std::time::Duration::from_millis(millis).as_secs_f64()
}

impl ReplicaStatusView {
    fn of(row: &ReplicaStatus, locale: Locale) -> Self {
        Self {
            replica: row.replica.clone(),
            status: row.status.clone(),
            state: row.state.clone(),
            since: rfc3339(row.since),
            connections: row.connections,
            last_error: row.last_error.as_ref().map(|error| LastErrorView::of(error, locale)),
        }
    }
}

/// What is short: with the mode that follows from it, or by itself where the settings choose the mode.
fn warning(used: &QuotaUsage, locale: Locale) -> Option<String> {
    let by_itself = |Remedy { message, remedy }| format!("{message} {remedy}");
    // Without pushes nobody is answered at all: that goes before how answers are shown.
    let mode = saving(used.why, locale).filter(|_| used.strain != Why::PushesUsedUp).map(str::to_owned);
    mode.or_else(|| shortage(used.strain, locale).map(by_itself))
}

impl UsageView {
    /// What was used of a quota, in the reader's language.
    #[must_use]
    pub fn of(used: &QuotaUsage, locale: Locale) -> Self {
        let minutes = used.utc_offset_minutes;
        let sign = if minutes < 0 { '-' } else { '+' };
        let (hours, rest) = (minutes.unsigned_abs() / 60, minutes.unsigned_abs() % 60);
        let earlier = used.earlier.iter().map(|(month, usage)| MonthView {
            month: month.to_string(),
            api_calls: usage.api_calls,
            pushes: usage.pushes,
        });
        Self {
            counted_by: "this_server",
            month: used.month.to_string(),
            utc_offset: format!("{sign}{hours:02}:{rest:02}"),
            api_calls: used.usage.api_calls,
            pushes: used.usage.pushes,
            calls_per_month: used.calls_per_month,
            forecast: used.forecast,
            saver: used.pace.as_str(),
            reason: used.why.as_str(),
            warning: warning(used, locale),
            earlier: earlier.collect(),
        }
    }
}

impl LastErrorView {
    fn of(error: &LastError, locale: Locale) -> Self {
        let Remedy { message, remedy } = remedy(error.code, locale);
        let message = match error.detail.as_str() {
            "" => message.to_owned(),
            detail => format!("{message} ({detail})"),
        };
        Self { code: error.code.as_str(), message, remedy: remedy.to_owned(), at: rfc3339(error.at) }
    }
}

#[cfg(test)]
mod tests {
    use switchboard_domain::time::Timestamp;

    use switchboard_domain::channel::ErrorCode;

    use switchboard_domain::usage::{Month, Usage, Why};

    use super::{LastError, LastErrorView, Locale, MonthView, QuotaUsage, UsageView};

    fn used(why: Why, strain: Why) -> QuotaUsage {
        let month = Month::of(Timestamp::from_millis(1_796_054_400_000), 480);
        QuotaUsage {
            month,
            utc_offset_minutes: 480,
            usage: Usage { api_calls: 1, pushes: 2 },
            calls_per_month: Some(5_000),
            forecast: Some(6_000),
            pace: why.pace(),
            why,
            strain,
            earlier: vec![(month.before(1), Usage { api_calls: 3, pushes: 4 })],
        }
    }

    #[test]
    fn what_was_used_says_whose_count_it_is() {
        let of = |utc_offset_minutes| {
            let used = QuotaUsage { utc_offset_minutes, ..used(Why::Forecast, Why::Forecast) };
            UsageView::of(&used, Locale::En)
        };
        let earlier = vec![MonthView { month: "2026-11".to_owned(), api_calls: 3, pushes: 4 }];
        assert_eq!(
            of(480),
            UsageView {
                counted_by: "this_server",
                month: "2026-12".to_owned(),
                utc_offset: "+08:00".to_owned(),
                api_calls: 1,
                pushes: 2,
                calls_per_month: Some(5_000),
                forecast: Some(6_000),
                saver: "few_updates",
                reason: "forecast",
                warning: super::saving(Why::Forecast, Locale::En).map(str::to_owned),
                earlier,
            }
        );
        assert_eq!((of(-210).utc_offset, of(0).utc_offset), ("-03:30".to_owned(), "+00:00".to_owned()));
    }

    #[test]
    fn each_reason_has_a_word_of_its_own() {
        let words = [
            (Why::Enough, "enough"),
            (Why::Settings, "settings"),
            (Why::Forecast, "forecast"),
            (Why::MostlyUsed, "mostly_used"),
            (Why::NearlyUsedUp, "nearly_used_up"),
            (Why::UsedUp, "used_up"),
            (Why::PushesUsedUp, "pushes_used_up"),
        ];
        for (why, word) in words {
            assert_eq!(UsageView::of(&used(why, why), Locale::En).reason, word);
        }
    }

    #[test]
    fn what_is_short_is_said_also_where_the_settings_choose_the_mode() {
        let by_hand = |strain, locale| {
            let view = UsageView::of(&used(Why::Settings, strain), locale);
            assert_eq!((view.saver, view.reason), ("normal", "settings"));
            view.warning
        };
        for locale in [Locale::En, Locale::ZhCn] {
            assert_eq!(by_hand(Why::Enough, locale), None);
        }
        assert_eq!(
            by_hand(Why::UsedUp, Locale::En).as_deref(),
            Some(
                "The platform says that this month's quota of calls is used up. Buy more quota for the company, or wait for the next month."
            )
        );
        assert_eq!(
            by_hand(Why::UsedUp, Locale::ZhCn).as_deref(),
            Some("平台提示本月接口调用配额已用完。 请为企业购买更多配额，或等待下个月。")
        );
    }

    #[test]
    fn the_platforms_words_follow_the_message() {
        let code = ErrorCode::NoAgent;
        let error = LastError { code, detail: String::from("40014"), at: Timestamp::from_millis(0) };
        assert_eq!(
            LastErrorView::of(&error, Locale::En).message,
            "The channel has no agent, so messages cannot be answered. (40014)"
        );
    }
}
