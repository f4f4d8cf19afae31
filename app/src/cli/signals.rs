//! Signals: the first SIGTERM or SIGINT stops in good order, the second at once.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::exit::Exit;

/// The signals of a server.
pub struct Signals {
    /// Cancelled by the first signal: what was accepted is stored, so a stop in good order loses nothing.
    pub shutdown: CancellationToken,
    /// SIGHUP: read the declared resources again. One that comes while nobody listens is kept.
    pub hangup: Signal,
}

/// Watches from now on. To be called before anything else: a signal that is not watched ends the process.
pub fn watched() -> Result<Signals, Exit> {
    let shutdown = CancellationToken::new();
    let hangup = watch(shutdown.clone()).and_then(|()| signal(SignalKind::hangup()));
    let hangup = hangup.map_err(|error| Exit::Failed(format!("failed to watch for signals: {error}")))?;
    Ok(Signals { shutdown, hangup })
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

async fn either(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        biased;
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
