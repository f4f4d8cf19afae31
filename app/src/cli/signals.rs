//! Signals: the first SIGTERM or SIGINT stops in good order, the second at once.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::exit::Exit;

/// What the first signal cancels: what was accepted is stored, so a stop in good order loses nothing.
pub fn watched() -> Result<CancellationToken, Exit> {
    let shutdown = CancellationToken::new();
    watch(shutdown.clone()).map_err(|error| Exit::Failed(format!("failed to watch for signals: {error}")))?;
    Ok(shutdown)
}

/// Cancels `shutdown` with the first signal; the second ends the process with code 1. What was accepted is stored, so
/// nothing is lost either way.
fn watch(shutdown: CancellationToken) -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::spawn(async move {
        either(&mut terminate, &mut interrupt).await;
        tracing::info!("stopping; a second signal stops at once");
        shutdown.cancel();
        either(&mut terminate, &mut interrupt).await;
        tracing::warn!("stopped at once by a second signal");
        std::process::exit(1);
    });
    Ok(())
}

/// A write beyond the limit of a file's size (`RLIMIT_FSIZE`) must fail like one on a full disk, and not end the process.
pub fn outlive_file_limits() -> std::io::Result<()> {
    // Being listened to is what keeps the signal from ending the process; nobody has to hear it.
    signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw())).map(drop)
}

/// SIGHUP: read the declared resources again.
pub fn hangup() -> std::io::Result<Signal> {
    signal(SignalKind::hangup())
}

async fn either(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        biased;
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
