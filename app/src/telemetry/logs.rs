//! Log lines, on stderr only: stdout belongs to the contract's lines.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::SubscriberBuilder;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::{LogFormat, Telemetry};

/// Switches logging on for the rest of the process. A second call changes nothing.
pub fn init(telemetry: &Telemetry) {
    // The configuration has checked the filter.
    let filter = EnvFilter::try_new(&telemetry.log).unwrap_or_else(|_| EnvFilter::new("info"));
    let is_terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let lines = SubscriberBuilder::default()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(is_terminal && telemetry.log_format == LogFormat::Text);
    let set = match telemetry.log_format {
        LogFormat::Text => lines.finish().try_init(),
        LogFormat::Json => lines.json().flatten_event(true).finish().try_init(),
    };
    if set.is_err() {
        tracing::debug!("logging was switched on before");
    }
}
