//! What the process says of a panic: where it was, and nothing of its words. Those of the standard library quote what was being
//! worked on, and that may be a person's text.

use tracing::Level;

use crate::cli::say;

/// From here on a panic leaves one line with its place, in the log where there is one.
pub fn hush() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let thread = std::thread::current();
        let thread = thread.name().unwrap_or("unnamed");
        if tracing::enabled!(Level::ERROR) {
            tracing::error!(thread, "panicked at {place}");
        } else {
            say::to_stderr(&format!("thread {thread} panicked at {place}"));
        }
    }));
}
