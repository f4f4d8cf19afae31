//! `switchboard serve`.

use std::convert::Infallible;
use std::io::ErrorKind;
use std::time::Duration;

use clap::Args;
use tokio::net::TcpListener;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::exit::Exit;
use super::seam::{Composition, OpenMode};
use super::server::{Server, first_token, listen, tls};
use super::{Place, first_start, signals};
use crate::config::{self, Config, Environment, reconcile};
use crate::ports::Ports;
use crate::telemetry::logs;

/// Options of `serve`.
#[derive(Debug, Args)]
pub struct Options {
    #[command(flatten)]
    place: Place,
    /// Where to listen: HOST:PORT (over the configuration).
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
}

/// Pause between two tries at a store that another process has.
const TAKE_PAUSE: Duration = Duration::from_millis(100);

/// How often it is said that the server waits for a store.
const SAY_INTERVAL: Duration = Duration::from_mins(1);

/// How long a store may be in opening before it is said that the server waits for it.
const SAY_AFTER: Duration = Duration::from_secs(1);

/// How long an address may still be taken after the process that had the store has ended.
const ADDRESS_WAIT_MAX: Duration = Duration::from_secs(10);

/// Runs the server until a signal.
pub async fn run(
    options: &Options,
    environment: &Environment,
    composition: &dyn Composition,
) -> Result<(), Exit> {
    let signals = signals::watched()?;
    let config = config::load(&options.place.overrides(options.listen.as_deref()), environment)?;
    logs::init(&config.telemetry);
    let tls = tls(&config)?;
    let Some(listener) = taken(&config, composition, &signals.shutdown).await? else {
        return Ok(());
    };
    let Some(ports) = opened(&config, composition, &signals.shutdown).await? else {
        return Ok(());
    };
    let named = |exit| at_store(&config, exit);
    reconcile::reconcile(&config.declared, &ports).await.map_err(|error| named(error.into()))?;
    first_start::furnish(&config, &ports).await.map_err(named)?;
    first_token(&config, &ports).await.map_err(named)?;
    let reload = options.place.config.clone().map(|path| (path, environment.clone()));
    let server = Server { config: &config, ports, listener, tls, lines: Vec::new(), reload, signals };
    server.run(composition).await
}

/// The open store; `None` when the server was told to stop first: a store over the network may be long in coming.
async fn opened(
    config: &Config,
    composition: &dyn Composition,
    shutdown: &CancellationToken,
) -> Result<Option<Ports>, Exit> {
    let says = async {
        tokio::time::sleep(SAY_AFTER).await;
        tracing::warn!(store = %config.store.url, "waiting for the store to answer");
        std::future::pending::<Infallible>().await
    };
    tokio::select! {
        biased;
        () = shutdown.cancelled() => Ok(None),
        opened = composition.open(config, OpenMode::Create) => Ok(Some(opened?)),
        never = says => match never {},
    }
}

/// The store and the address, both for this process; `None` when it was told to stop first. While another process has the
/// store, this one waits to take over, with no limit: it is a stand-in, and there is nothing else that it could do. It does
/// not listen meanwhile, so that nobody is kept waiting by it.
async fn taken(
    config: &Config,
    composition: &dyn Composition,
    shutdown: &CancellationToken,
) -> Result<Option<TcpListener>, Exit> {
    let address = &config.server.listen;
    // Before anything is made: a second server on the same address must not touch another store.
    let listener = match listen(address).await {
        Ok(listener) => Some(listener),
        Err(error) if error.kind() == ErrorKind::AddrInUse && composition.is_in_use(config).await => None,
        Err(error) => return Err(not_listening(address, &error)),
    };
    if let Some(listener) = listener
        && composition.own(config).await?
    {
        return Ok(Some(listener));
    }
    let mut said = Instant::now();
    waits(config);
    while !composition.own(config).await? {
        tokio::select! {
            biased;
            () = shutdown.cancelled() => return Ok(None),
            () = tokio::time::sleep(TAKE_PAUSE) => {}
        }
        if said.elapsed() >= SAY_INTERVAL {
            said = Instant::now();
            waits(config);
        }
    }
    tracing::info!(store = %config.store.url, "the store is free: taking over");
    let deadline = Instant::now() + ADDRESS_WAIT_MAX;
    loop {
        match listen(address).await {
            Ok(listener) => return Ok(Some(listener)),
            Err(error) if error.kind() == ErrorKind::AddrInUse && Instant::now() < deadline => {}
            Err(error) => return Err(not_listening(address, &error)),
        }
        tokio::select! {
            biased;
            () = shutdown.cancelled() => return Ok(None),
            () = tokio::time::sleep(TAKE_PAUSE) => {}
        }
    }
}

fn waits(config: &Config) {
    tracing::warn!(
        store = %config.store.url,
        "the store is in use by another switchboard process: waiting to take over when that one ends"
    );
}

/// Names the store that could not be used after it was opened.
fn at_store(config: &Config, exit: Exit) -> Exit {
    match exit {
        Exit::Failed(line) => Exit::Failed(format!("failed to use the store {}: {line}", config.store.url)),
        exit @ (Exit::Fine | Exit::Usage(_)) => exit,
    }
}

fn not_listening(address: &str, error: &std::io::Error) -> Exit {
    Exit::Failed(format!("failed to listen on {address}: {error}"))
}
