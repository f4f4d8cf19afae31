//! What `serve` and `demo` have in common: the HTTP side, the driver, and the way to the end.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::exit::Exit;
use super::say;
use super::seam::{Composition, Running};
use super::signals::Signals;
use crate::changes::catch_up;
use crate::config::{Config, ConfigError, Environment, reconcile, reload_declared};
use crate::http::auth::{Authenticator, bootstrap};
use crate::http::origin::Trust;
use crate::http::tls::{Standing, Tls};
use crate::http::{Api, Parts, router, serving};
use crate::ports::Ports;
use crate::runtime::operations::Operations;
use crate::telemetry::lines::Lines;
use crate::telemetry::metrics;

/// Pause between two looks at whether intake is open.
const READY_PAUSE: Duration = Duration::from_millis(50);

/// Pause between two tidyings of the metrics' histograms.
const UPKEEP_PAUSE: Duration = Duration::from_secs(5);

/// Pause between two looks at how long the certificate is still valid.
const CERTIFICATE_PAUSE: Duration = Duration::from_hours(12);

/// What the HTTP side and the driver may take beyond the grace, to end in good order.
const END_TIMEOUT: Duration = Duration::from_secs(10);

/// A server ready to run.
pub struct Server<'a> {
    /// Its settings.
    pub config: &'a Config,
    /// Stores, platforms, agents.
    pub ports: Ports,
    /// Where it listens.
    pub listener: TcpListener,
    /// With which it speaks https.
    pub tls: Option<Arc<Tls>>,
    /// Lines for stdout after the `ready` line, made of the address.
    pub lines: Vec<String>,
    /// The file whose declared resources SIGHUP reads again, and the environment for it.
    pub reload: Option<(PathBuf, Environment)>,
    /// What ends it, and what lets it read again.
    pub signals: Signals,
}

/// Prints the admin token where one was made.
pub async fn first_token(config: &Config, ports: &Ports) -> Result<(), Exit> {
    if config.security.admin_token.is_some() {
        return Ok(());
    }
    let made = bootstrap::first_admin_token(&*ports.tokens, &*ports.clock, &*ports.entropy).await;
    if let Some(token) = made.map_err(|error| Exit::Failed(error.to_string()))? {
        say::to_stdout(&format!("admin token: {token}"));
    }
    Ok(())
}

/// Reads certificate and key, where they are configured.
pub fn tls(config: &Config) -> Result<Option<Arc<Tls>>, ConfigError> {
    config.server.tls.as_ref().map(|files| Tls::load(files).map(Arc::new)).transpose()
}

/// What an address of the server begins with.
#[must_use]
pub fn scheme(tls: Option<&Arc<Tls>>) -> &'static str {
    if tls.is_some() { "https" } else { "http" }
}

/// A listener on `HOST:PORT`.
pub async fn listen(address: &str) -> Result<TcpListener, std::io::Error> {
    TcpListener::bind(address).await
}

impl Server<'_> {
    /// Runs until a signal, then ends in good order.
    pub async fn run(self, composition: &dyn Composition) -> Result<(), Exit> {
        let address = self.listener.local_addr();
        let address = address.map_err(|error| Exit::Failed(format!("failed to listen: {error}")))?;
        // Before anything is counted: what recovery begins would else end without ever having begun.
        let metrics = metrics::install().map_err(|error| Exit::Failed(error.to_string()))?;
        let running = composition.start(self.config, &self.ports).await?;
        let Self { config, ports, listener, tls, lines, reload, signals: Signals { shutdown, mut hangup } } =
            self;
        let operations = running.operations();
        // It goes on until the driver has ended: whoever asks after the server's health gets an answer while it stops.
        let http_end = CancellationToken::new();
        let places = (listener, tls.clone());
        let ends = (shutdown.clone(), http_end.clone());
        let mut http = spawn_http(config, &ports, &*running, places, metrics, ends);
        let mut ready = Some(Box::pin(until_ready(&*operations)));
        // The first look is now.
        let mut looks = tokio::time::interval(CERTIFICATE_PAUSE);
        let ended = loop {
            tokio::select! {
                biased;
                // 1. Stopping comes before everything.
                () = shutdown.cancelled() => break Ok(()),
                // 2. Without its HTTP side the server cannot go on.
                end = &mut http => break Err(Exit::Failed(http_ended(end))),
                // 3. Ready is said once.
                () = async { if let Some(ready) = &mut ready { ready.await } }, if ready.is_some() => {
                    ready = None;
                    say::to_stdout(&format!("ready {}://{address}", scheme(tls.as_ref())));
                    for line in &lines {
                        say::to_stdout(line);
                    }
                }
                // 4. Certificate and file are read again.
                Some(()) = hangup.recv() => {
                    renewed(tls.as_deref());
                    looks.reset_immediately();
                    reloaded(reload.as_ref(), &ports, &*operations).await;
                }
                // 5. A certificate ends while the server runs.
                _ = looks.tick() => told(tls.as_deref().and_then(|tls| tls.standing(ports.clock.now()))),
            }
        };
        drop(ready);
        shutdown.cancel();
        stopped(running, config.server.shutdown_grace, (http, http_end)).await;
        ended
    }
}

fn spawn_http(
    config: &Config,
    ports: &Ports,
    running: &dyn Running,
    (listener, tls): (TcpListener, Option<Arc<Tls>>),
    metrics: PrometheusHandle,
    (shutdown, end): (CancellationToken, CancellationToken),
) -> JoinHandle<std::io::Result<()>> {
    let upkeep = metrics.clone();
    tokio::spawn(shutdown.clone().run_until_cancelled_owned(async move {
        loop {
            tokio::time::sleep(UPKEEP_PAUSE).await;
            upkeep.run_upkeep();
        }
    }));
    let noted_until = shutdown.clone();
    let configured = config.security.admin_token.as_ref();
    let trust = Trust::of(&config.server);
    let api = Api::new(Parts {
        authenticator: Authenticator::new(ports, configured),
        trust: trust.clone(),
        ports: ports.clone(),
        operations: running.operations(),
        metrics,
        configuration: config.shown(),
        lines: Lines::of_process(),
        metrics_public: config.telemetry.metrics_public,
        shutdown,
        started_at: ports.clock.now(),
    });
    let noting = api.clone();
    let look = async move { catch_up::all(&noting.ports, &noting.settings).await };
    tokio::spawn(noted_until.run_until_cancelled_owned(look));
    tokio::spawn(serving::serve(listener, tls, router(api), trust, end))
}

fn http_ended(end: Result<std::io::Result<()>, tokio::task::JoinError>) -> String {
    match end {
        Ok(Ok(())) => String::from("failed to go on: the HTTP side ended"),
        Ok(Err(error)) => format!("failed to go on serving: {error}"),
        Err(error) => format!("failed to go on serving: {error}"),
    }
}

/// Returns once messages are taken in.
async fn until_ready(operations: &dyn Operations) {
    let mut told = false;
    while let Err(cause) = operations.ready().await {
        if !told {
            tracing::warn!(?cause, "not ready yet");
            told = true;
        }
        tokio::time::sleep(READY_PAUSE).await;
    }
}

/// SIGHUP, for the certificate: connections from now on see the new one.
fn renewed(tls: Option<&Tls>) {
    match tls.map(Tls::reload) {
        None => {}
        Some(Ok(())) => tracing::info!("the server's certificate was read again"),
        Some(Err(error)) => {
            tracing::error!(%error, "failed to read the server's certificate again: the old one stays");
        }
    }
}

/// Warns of a certificate that clients refuse, or will refuse soon.
fn told(standing: Option<(Standing, String)>) {
    match standing {
        None | Some((Standing::Good, _)) => {}
        Some((Standing::EndsSoon | Standing::NotYet | Standing::Ended, words)) => {
            tracing::warn!("the server's certificate: {words}");
        }
    }
}

/// SIGHUP, for what is declared. A bad file changes nothing but the log.
async fn reloaded(reload: Option<&(PathBuf, Environment)>, ports: &Ports, operations: &dyn Operations) {
    let Some((path, environment)) = reload else {
        tracing::info!("nothing to read again: there is no configuration file");
        return;
    };
    let declared = match reload_declared(path, environment) {
        Ok(declared) => declared,
        Err(error) => {
            return tracing::error!(%error, "failed to read the configuration again: nothing was changed");
        }
    };
    let changes = match reconcile::reconcile(&declared, ports).await {
        Ok(changes) => changes,
        Err(error) => return tracing::error!(%error, "failed to take in the configuration"),
    };
    if !changes.agents.is_empty() {
        operations.agent_changed().await;
    }
    for channel in &changes.channels {
        if let Err(error) = operations.channel_changed(channel).await {
            tracing::error!(%channel, %error, "failed to take in a channel's settings");
        }
    }
    let (agents, channels) = (changes.agents.len(), changes.channels.len());
    tracing::info!(agents, channels, "configuration read again");
}

async fn stopped(
    running: Box<dyn Running>,
    grace: Duration,
    (http, http_end): (JoinHandle<std::io::Result<()>>, CancellationToken),
) {
    let most = grace.saturating_add(END_TIMEOUT);
    if tokio::time::timeout(most, running.stop(grace)).await.is_err() {
        tracing::warn!("the driver did not end within its grace; what it had not finished is stored");
    }
    http_end.cancel();
    let abort = http.abort_handle();
    if tokio::time::timeout(END_TIMEOUT, http).await.is_err() {
        // A client that holds a request open must not hold the process.
        abort.abort();
    }
}
