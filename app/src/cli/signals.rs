//! Signals: the first SIGTERM or SIGINT stops in good order, the second at once.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Cancels `shutdown` with the first signal; the second ends the process with code 1. What was accepted is stored, so
/// nothing is lost either way.
pub fn watch(shutdown: CancellationToken) -> std::io::Result<()> {
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
