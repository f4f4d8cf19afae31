//! Log lines, on stderr only: stdout belongs to the contract's lines.

use tracing::{Level, Metadata};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::config::{LogFormat, Telemetry};

/// Switches logging on for the rest of the process. A second call changes nothing.
pub fn init(telemetry: &Telemetry) {
    // The configuration has checked the filter.
    let filter = EnvFilter::try_new(&telemetry.log).unwrap_or_else(|_| EnvFilter::new("info"));
    let is_terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(is_terminal && telemetry.log_format == LogFormat::Text);
    let quiet = tracing_subscriber::filter::filter_fn(is_harmless);
    let lines = match telemetry.log_format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    let set = tracing_subscriber::registry().with(filter).with(quiet).with(lines).try_init();
    if set.is_err() {
        tracing::debug!("logging was switched on before");
    }
}

/// Whether a line can be written at all. Libraries print whole frames, addresses with tickets and bodies below `info`,
/// whatever filter an operator sets; our own lines carry neither secrets nor texts at any level.
fn is_harmless(metadata: &Metadata<'_>) -> bool {
    let is_ours = ["switchboard", "dingtalk_sim"].iter().any(|name| metadata.target().starts_with(name));
    is_ours || *metadata.level() <= Level::INFO
}
