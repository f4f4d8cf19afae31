//! `switchboard serve`.

use clap::Args;

use super::Place;
use super::exit::Exit;
use super::seam::{Composition, OpenMode};
use super::server::{Server, first_token, listen, tls};
use crate::config::{self, Environment, reconcile};
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

/// Runs the server until a signal.
pub async fn run(
    options: &Options,
    environment: &Environment,
    composition: &dyn Composition,
) -> Result<(), Exit> {
    let config = config::load(&options.place.overrides(options.listen.as_deref()), environment)?;
    logs::init(&config.telemetry);
    let tls = tls(&config)?;
    // Before anything is made: a second server on the same address must not touch the store.
    let listener = listen(&config.server.listen)
        .await
        .map_err(|error| Exit::Failed(format!("failed to listen on {}: {error}", config.server.listen)))?;
    let ports = composition.open(&config, OpenMode::Create).await?;
    reconcile::reconcile(&config.declared, &ports).await?;
    first_token(&config, &ports).await?;
    let reload = options.place.config.clone().map(|path| (path, environment.clone()));
    let server = Server { config: &config, ports, listener, tls, lines: Vec::new(), reload };
    server.run(composition).await
}
