//! Log lines, on stderr only: stdout belongs to the contract's lines.

use tracing::{Level, Metadata};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, fmt, registry};

use crate::config::{LogFormat, Telemetry};

/// What the targets of our own packages begin with.
const OWN_TARGETS: [&str; 2] = ["switchboard", "dingtalk_sim"];

/// Switches logging on for the rest of the process. A second call changes nothing.
pub fn init(telemetry: &Telemetry) {
    // The configuration has checked the filter.
    let filter = EnvFilter::try_new(&telemetry.log).unwrap_or_else(|_| EnvFilter::new("info"));
    let is_terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let (text, json) = match telemetry.log_format {
        LogFormat::Text => (Some(fmt::layer().with_writer(std::io::stderr).with_ansi(is_terminal)), None),
        LogFormat::Json => {
            let lines = fmt::layer().json().flatten_event(true);
            (None, Some(lines.with_writer(std::io::stderr).with_ansi(false)))
        }
    };
    let lines = registry().with(filter).with(filter_fn(may_be_told)).with(text).with(json);
    if lines.try_init().is_err() {
        tracing::debug!("logging was switched on before");
    }
}

/// Libraries that speak to platforms and agents log whole messages and addresses below `info`: texts of people, webhooks,
/// tickets, keys. Whatever the filter says, that goes nowhere.
fn may_be_told(metadata: &Metadata<'_>) -> bool {
    let is_own = OWN_TARGETS.iter().any(|own| metadata.target().starts_with(own));
    is_own || *metadata.level() <= Level::INFO
}
