//! Log lines: on stderr, since stdout belongs to the contract's lines, and those about channels for the panel.

use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::filter::{FilterExt as _, filter_fn};
use tracing_subscriber::layer::{Filter, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, fmt, registry};

use super::lines::{ChannelLayer, Lines};
use crate::config::{LogFormat, Telemetry};

/// What the targets of our own packages begin with.
const OWN_TARGETS: [&str; 2] = ["switchboard", "dingtalk_sim"];

/// Switches logging on for the rest of the process. A second call changes nothing.
pub fn init(telemetry: &Telemetry) {
    let is_terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let text = (telemetry.log_format == LogFormat::Text).then(|| {
        let lines = fmt::layer().with_writer(std::io::stderr).with_ansi(is_terminal);
        lines.with_filter(told(&telemetry.log))
    });
    let json = (telemetry.log_format == LogFormat::Json).then(|| {
        let lines = fmt::layer().json().flatten_event(true).with_writer(std::io::stderr).with_ansi(false);
        lines.with_filter(told(&telemetry.log))
    });
    let of_channels = heard(ChannelLayer(Lines::of_process()), &telemetry.log);
    if registry().with(text).with(json).with(of_channels).try_init().is_err() {
        tracing::debug!("logging was switched on before");
    }
}

/// The configured filter; the configuration has checked it.
fn filter(configured: &str) -> EnvFilter {
    EnvFilter::try_new(configured).unwrap_or_else(|_| EnvFilter::new("info"))
}

/// What stderr is told.
fn told<S: Subscriber>(configured: &str) -> impl Filter<S> + use<S> {
    filter(configured).and(filter_fn(may_be_told))
}

/// What is kept for the panel: our own lines down to `info`, whatever the configured filter says, and further down where it
/// lets them through.
pub(super) fn heard<S>(layer: ChannelLayer, configured: &str) -> impl Layer<S> + use<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let down_to_info = filter_fn(|metadata| *metadata.level() <= Level::INFO);
    let own = filter_fn(|metadata| metadata.target().starts_with("switchboard"));
    layer.with_filter(down_to_info.or(filter(configured)).and(own))
}

/// Libraries that speak to platforms and agents log whole messages and addresses below `info`: texts of people, webhooks,
/// tickets, keys. Whatever the filter says, that goes nowhere.
fn may_be_told(metadata: &Metadata<'_>) -> bool {
    let is_own = OWN_TARGETS.iter().any(|own| metadata.target().starts_with(own));
    is_own || *metadata.level() <= Level::INFO
}
