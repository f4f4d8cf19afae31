//! The metrics of the contract: names, help texts, buckets, and rendering.
//!
//! Label values are bounded: channels and agents by their stores' limits, `platform`, `api`, `outcome` and `cause` by
//! closed lists in the code. No label ever carries a user, a conversation or a text.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use thiserror::Error;

/// Gauge, `channel`, `platform`: 1 while the channel is connected here, else 0.
pub const CHANNEL_CONNECTED: &str = "switchboard_channel_connected";
/// Gauge, `channel`: 1 while one replica alone is connected because the platform closes the older of two connections, 0 after
/// that; absent before.
pub const CHANNEL_ONE_CONNECTION: &str = "switchboard_channel_one_connection";
/// Counter: connections opened after a channel's first one.
pub const CHANNEL_RECONNECTS: &str = "switchboard_channel_reconnects_total";
/// Counter, `channel`: deliveries of messages, repeated ones included.
pub const MESSAGES_RECEIVED: &str = "switchboard_messages_received_total";
/// Counter: deliveries of messages seen before.
pub const MESSAGES_DUPLICATE: &str = "switchboard_messages_duplicate_total";
/// Counter, `channel`, `outcome` (answered, cancelled, refused, failed): turns ended.
pub const TURNS: &str = "switchboard_turns_total";
/// Gauge: turns running here.
pub const TURNS_RUNNING: &str = "switchboard_turns_running";
/// Gauge: accepted messages that have not ended, of the conversations this process works on.
pub const INBOX_PENDING: &str = "switchboard_inbox_pending";
/// Histogram, seconds: from asking the agent to its first output.
pub const TIME_TO_FIRST_OUTPUT: &str = "switchboard_time_to_first_output_seconds";
/// Histogram, seconds: one run of the agent, from its beginning to its end.
pub const TURN_SECONDS: &str = "switchboard_turn_seconds";
/// Counter, `outcome`: card calls.
pub const CARD_UPDATES: &str = "switchboard_card_updates_total";
/// Counter, `platform`, `api`, `outcome`: requests to platforms.
pub const PLATFORM_REQUESTS: &str = "switchboard_platform_requests_total";
/// Counter, `kind`, `outcome`: look-ups in directories.
pub const DIRECTORY_REQUESTS: &str = "switchboard_directory_requests_total";
/// Counter, `agent`, `outcome`: requests to agents.
pub const AGENT_REQUESTS: &str = "switchboard_agent_requests_total";
/// Counter, `cause`: failure records written.
pub const FAILURES: &str = "switchboard_failures_total";
/// Counter, `kind`: what cannot happen and did: a bug of ours.
pub const ALARMS: &str = "switchboard_alarms_total";
/// Counter: commits refused because somebody else owns or changed the conversation.
pub const COMMITS_LOST: &str = "switchboard_commits_lost_total";
/// Counter: conversations given up in the middle because another replica's lease keeps their commits out, tried or not.
pub const COMMITS_FENCED: &str = "switchboard_commits_fenced_total";
/// Counter: lines of the journal that were not written, because the store was away for too long.
pub const JOURNAL_LOST: &str = "switchboard_journal_lost_total";
/// Counter: spans of traces that were not handed over, because nobody took them for too long.
pub const SPANS_LOST: &str = "switchboard_spans_lost_total";
/// Counter, `outcome` (told, failed): alerts that channels are not connected, or are so again.
pub const ALERTS: &str = "switchboard_alerts_total";
/// Counter, `channel`: pushes that could not be understood.
pub const UNDECODABLE: &str = "switchboard_undecodable_total";

/// Histogram, `operation` (`accept`, `commit`, `renew`): seconds until the store had done it. What it refused is not
/// in it, nor what had to be offered again.
pub const STORE_SECONDS: &str = "switchboard_store_seconds";

/// Gauge, `channel`, `kind` (`api_calls`, `pushes`): what this server counted of the app's monthly quota, this month.
pub const QUOTA_USED: &str = "switchboard_platform_quota_used";

/// Gauge, `channel`: how calls are saved: 0 not at all, 1 by few updates of cards, 2 by showing whole answers only.
pub const QUOTA_SAVING: &str = "switchboard_platform_quota_saving";
/// Gauge, `channel`: calls of this month when it is over, if it goes on like this; `NaN` where there is no
/// forecast any more: in a new month, or of a channel that is gone.
pub const QUOTA_FORECAST: &str = "switchboard_platform_quota_forecast";
/// Gauge, `channel`: calls that the company may make in a month, where the channel's settings say so; `NaN` where they do not
/// any more, or of a channel that is gone.
pub const QUOTA_LIMIT: &str = "switchboard_platform_quota_limit";

/// Gauge, `channel`: how little is left of a month's quotas, whatever the settings say: 0 enough, 1 not enough calls by the forecast,
/// 2 mostly used, 3 nearly used up, 4 used up as the platform says, 5 pushes are used up.
pub const QUOTA_STRAIN: &str = "switchboard_platform_quota_strain";

/// All names, for tests and documentation.
pub const ALL: [&str; 28] = [
    CHANNEL_CONNECTED,
    CHANNEL_ONE_CONNECTION,
    CHANNEL_RECONNECTS,
    MESSAGES_RECEIVED,
    MESSAGES_DUPLICATE,
    TURNS,
    TURNS_RUNNING,
    INBOX_PENDING,
    TIME_TO_FIRST_OUTPUT,
    TURN_SECONDS,
    CARD_UPDATES,
    PLATFORM_REQUESTS,
    DIRECTORY_REQUESTS,
    AGENT_REQUESTS,
    FAILURES,
    ALARMS,
    COMMITS_LOST,
    COMMITS_FENCED,
    JOURNAL_LOST,
    ALERTS,
    UNDECODABLE,
    SPANS_LOST,
    QUOTA_SAVING,
    QUOTA_FORECAST,
    QUOTA_LIMIT,
    QUOTA_STRAIN,
    STORE_SECONDS,
    QUOTA_USED,
];

/// Upper edges of the first output's buckets, in seconds.
pub(super) const FIRST_OUTPUT_BUCKETS: [f64; 12] =
    [0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 30.0, 60.0];

/// Upper edges of the whole turn's buckets, in seconds.
const TURN_BUCKETS: [f64; 12] = [0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0];

/// Upper edges of the store's buckets, in seconds.
const STORE_BUCKETS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

/// Why metrics could not be switched on.
#[derive(Debug, Error)]
#[error("failed to switch metrics on: {0}")]
pub struct MetricsError(String);

/// Switches metrics on for the process and describes them. Call once.
pub fn install() -> Result<PrometheusHandle, MetricsError> {
    let failed = |error: &dyn std::fmt::Display| MetricsError(error.to_string());
    let handle = builder()?.install_recorder().map_err(|error| failed(&error))?;
    describe();
    begin();
    Ok(handle)
}

/// Counters without labels are there from the start: a rise from nothing is none to whoever adds up what they rose by.
fn begin() {
    for name in [CHANNEL_RECONNECTS, MESSAGES_DUPLICATE, COMMITS_LOST, COMMITS_FENCED] {
        metrics::counter!(name).absolute(0);
    }
}

/// A recorder's handle that belongs to nobody, for tests of the route.
pub fn detached() -> Result<PrometheusHandle, MetricsError> {
    Ok(builder()?.build_recorder().handle())
}

fn builder() -> Result<PrometheusBuilder, MetricsError> {
    let failed = |error: metrics_exporter_prometheus::BuildError| MetricsError(error.to_string());
    let first_output = Matcher::Full(TIME_TO_FIRST_OUTPUT.to_owned());
    let turn = Matcher::Full(TURN_SECONDS.to_owned());
    let store = Matcher::Full(STORE_SECONDS.to_owned());
    PrometheusBuilder::new()
        .set_buckets_for_metric(first_output, &FIRST_OUTPUT_BUCKETS)
        .and_then(|builder| builder.set_buckets_for_metric(turn, &TURN_BUCKETS))
        .and_then(|builder| builder.set_buckets_for_metric(store, &STORE_BUCKETS))
        .map_err(failed)
}

/// Takes down how long the store took for something that it did.
pub(crate) fn stored(operation: &'static str, took: std::time::Duration) {
    metrics::histogram!(STORE_SECONDS, "operation" => operation).record(took.as_secs_f64());
}

fn describe() {
    describe_counter!(ALARMS, Unit::Count, "what cannot happen and did; a bug");
    describe_counter!(COMMITS_LOST, Unit::Count, "commits refused because of another owner or version");
    describe_counter!(
        COMMITS_FENCED,
        Unit::Count,
        "conversations given up in the middle because another replica's lease keeps their commits out"
    );
    describe_counter!(JOURNAL_LOST, Unit::Count, "lines of the journal that were not written");
    describe_counter!(SPANS_LOST, Unit::Count, "spans of traces that were not handed over");
    describe_counter!(ALERTS, Unit::Count, "alerts told, or not");
    describe_counter!(UNDECODABLE, Unit::Count, "pushes that could not be understood");
    describe_gauge!(CHANNEL_CONNECTED, Unit::Count, "1 while the channel is connected, else 0");
    describe_gauge!(
        CHANNEL_ONE_CONNECTION,
        Unit::Count,
        "1 while the platform closes the older of two connections"
    );
    describe_counter!(CHANNEL_RECONNECTS, Unit::Count, "connections opened after a channel's first one");
    describe_counter!(MESSAGES_RECEIVED, Unit::Count, "deliveries of messages, repeated ones included");
    describe_counter!(MESSAGES_DUPLICATE, Unit::Count, "deliveries of messages seen before");
    describe_counter!(TURNS, Unit::Count, "turns ended, by outcome");
    describe_gauge!(TURNS_RUNNING, Unit::Count, "turns running");
    describe_gauge!(INBOX_PENDING, Unit::Count, "accepted messages that have not ended");
    describe_histogram!(TIME_TO_FIRST_OUTPUT, Unit::Seconds, "from asking the agent to its first output");
    describe_histogram!(TURN_SECONDS, Unit::Seconds, "one run of the agent, from its beginning to its end");
    describe_counter!(CARD_UPDATES, Unit::Count, "card calls, by outcome");
    describe_counter!(PLATFORM_REQUESTS, Unit::Count, "requests to platforms, by api and outcome");
    describe_counter!(DIRECTORY_REQUESTS, Unit::Count, "look-ups in directories, by kind and outcome");
    describe_gauge!(QUOTA_USED, Unit::Count, "use of the app's quota this month, as this server counted it");
    describe_gauge!(
        QUOTA_SAVING,
        Unit::Count,
        "how calls are saved: 0 not, 1 few updates, 2 whole answers only"
    );
    describe_gauge!(
        QUOTA_FORECAST,
        Unit::Count,
        "calls of this month when it is over, if it goes on like this"
    );
    describe_gauge!(QUOTA_LIMIT, Unit::Count, "calls a month that the channel's settings allow");
    describe_gauge!(
        QUOTA_STRAIN,
        Unit::Count,
        "how little is left of the quota: 0 enough, 1 by forecast, 2 mostly used, 3 nearly, 4 used up, 5 pushes are"
    );
    describe_counter!(AGENT_REQUESTS, Unit::Count, "requests to agents, by outcome");
    describe_histogram!(STORE_SECONDS, Unit::Seconds, "what was asked of the store, until it was done");
    describe_counter!(FAILURES, Unit::Count, "failure records written, by cause");
}

#[cfg(test)]
mod tests {
    use super::{
        ALL, CHANNEL_RECONNECTS, COMMITS_FENCED, COMMITS_LOST, MESSAGES_DUPLICATE, TIME_TO_FIRST_OUTPUT,
        TURNS, TURNS_RUNNING, install,
    };

    #[test]
    fn names_are_the_contracts_and_histograms_have_buckets() {
        let handle = install().unwrap();
        let begun = handle.render();
        for name in [CHANNEL_RECONNECTS, MESSAGES_DUPLICATE, COMMITS_LOST, COMMITS_FENCED] {
            assert!(begun.contains(&format!("\n{name} 0\n")), "{name} is not in {begun}");
        }
        metrics::counter!(TURNS, "channel" => "chn_1", "outcome" => "answered").increment(2);
        metrics::gauge!(TURNS_RUNNING).set(1.0);
        metrics::histogram!(TIME_TO_FIRST_OUTPUT).record(0.3);
        let text = handle.render();
        assert!(text.contains("switchboard_turns_total{channel=\"chn_1\",outcome=\"answered\"} 2"), "{text}");
        assert!(text.contains("switchboard_turns_running 1"), "{text}");
        assert!(text.contains("switchboard_time_to_first_output_seconds_bucket{le=\"0.5\"} 1"), "{text}");
        assert!(text.contains("# HELP switchboard_turns_total turns ended, by outcome"), "{text}");
        assert!(ALL.iter().all(|name| name.starts_with("switchboard_")));
    }
}
