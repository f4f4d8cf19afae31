//! What is kept of log lines, and what never is.

use std::sync::Arc;

use switchboard_ports::clock::Clock;
use tracing_subscriber::layer::SubscriberExt as _;

use super::{
    BTreeMap, CHANNELS_MAX, ChannelLayer, LINES_MAX, LINES_OF_CHANNEL_MAX, Lines, LogLine, Severity,
};
use crate::telemetry::logs::heard;
use crate::testing::FakeClock;

fn lines() -> Arc<Lines> {
    let (lines, clock) = (Arc::new(Lines::default()), FakeClock::default());
    let clock: Arc<dyn Clock> = Arc::new(clock);
    lines.begin(&clock);
    lines
}

/// Logs with the filter of a configuration.
fn logged(filter: &str, log: impl FnOnce()) -> Arc<Lines> {
    let lines = lines();
    let layer = heard(ChannelLayer(Arc::clone(&lines)), filter);
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), log);
    lines
}

fn messages(lines: &Lines, channel: &str) -> Vec<String> {
    lines.of(channel).iter().map(|line| format!("{} {}", line.level.word(), line.message)).collect()
}

#[test]
fn lines_about_a_channel_are_kept_whatever_standard_error_is_told() {
    let lines = logged("error", || {
        tracing::info!(channel = "chn_1", connection = 3, "connected");
        tracing::warn!(channel = %"chn_1", "a warning");
        tracing::debug!(channel = "chn_1", "quiet");
        tracing::info!("about nobody");
        tracing::error!("trouble of nobody");
        let around = tracing::info_span!("run", channel = "chn_2", turn = 1);
        around.in_scope(|| tracing::info!("within"));
    });
    assert_eq!(messages(&lines, "chn_1"), ["info connected", "warn a warning"]);
    assert_eq!(messages(&lines, "chn_2"), ["info within"]);
    assert_eq!(lines.of("chn_1")[0].fields, BTreeMap::from([("connection".to_owned(), "3".to_owned())]));
    let troubles: Vec<_> = lines.troubles().iter().map(|line| line.message.clone()).collect();
    assert_eq!(troubles, ["a warning", "trouble of nobody"]);
}

#[test]
fn debug_is_kept_where_the_filter_lets_it_through_and_libraries_never() {
    let lines = logged("debug", || {
        tracing::debug!(channel = "chn_1", "quiet");
        tracing::trace!(channel = "chn_1", "quieter");
        tracing::error!(target: "reqwest::connect", channel = "chn_1", "what somebody wrote");
        tracing::info!(target: "dingtalk_sim", channel = "chn_1", "the stage");
    });
    assert_eq!(messages(&lines, "chn_1"), ["debug quiet"]);
}

#[test]
fn long_words_are_cut() {
    let lines = logged("info", || {
        tracing::info!(channel = "chn_1", detail = "é".repeat(10_000), "{}", "x".repeat(10_000));
    });
    let line = lines.of("chn_1").remove(0);
    assert_eq!((line.message.chars().count(), line.fields["detail"].chars().count()), (2_001, 501));
}

fn line(message: &str) -> LogLine {
    LogLine {
        number: 0,
        at: 0,
        level: Severity::Info,
        target: String::new(),
        message: message.to_owned(),
        fields: BTreeMap::new(),
    }
}

#[test]
fn no_more_is_kept_than_is_said() {
    let lines = lines();
    for number in 0..=LINES_OF_CHANNEL_MAX {
        lines.keep(Some("chn_busy"), line(&number.to_string()));
    }
    let kept = lines.of("chn_busy");
    assert_eq!((kept.len(), kept[0].message.as_str()), (LINES_OF_CHANNEL_MAX, "1"));
    for number in 0..CHANNELS_MAX {
        lines.keep(Some(&format!("chn_{number}")), line("one"));
    }
    assert!(lines.of("chn_busy").is_empty(), "the one that was silent for longest");
    for _ in 0..30 {
        for number in 0..CHANNELS_MAX {
            lines.keep(Some(&format!("chn_{number}")), line("more"));
        }
    }
    let count: usize = (0..CHANNELS_MAX).map(|number| lines.of(&format!("chn_{number}")).len()).sum();
    assert_eq!(count, LINES_MAX);
    lines.forget("chn_7");
    assert!(lines.of("chn_7").is_empty());
}

#[test]
fn before_there_is_a_clock_nothing_is_kept() {
    let lines = Lines::default();
    lines.keep(Some("chn_1"), line("early"));
    assert!(lines.of("chn_1").is_empty());
}
