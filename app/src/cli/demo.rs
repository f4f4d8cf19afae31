//! `switchboard demo`: everything in one process, in a temporary folder that is gone afterwards.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use switchboard_ports::playground::PLATFORM;
use switchboard_ports::provider::FieldError;
use tokio::net::TcpListener;

use super::exit::Exit;
use super::seam::{Composition, OpenMode, Simulation};
use super::server::{Server, first_token, listen, scheme, tls};
use super::{first_start, signals};
use crate::config::{self, Environment, Overrides, StoreUrl};
use crate::http::auth::token;
use crate::http::channels::references;
use crate::http::dto::channel_input;
use crate::http::state::new_channel_id;
use crate::ports::Ports;
use crate::telemetry::logs;

/// Options of `demo`.
#[derive(Debug, Args)]
pub struct Options {
    /// Where to listen: HOST:PORT; else 127.0.0.1:8080, or a free port where that is taken.
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
}

/// Runs the demo until a signal.
pub async fn run(
    options: &Options,
    environment: &Environment,
    composition: &dyn Composition,
) -> Result<(), Exit> {
    let signals = signals::watched()?;
    let overrides = Overrides { listen: options.listen.clone(), ..Overrides::default() };
    let mut config = config::load(&overrides, environment)?;
    logs::init(&config.telemetry);
    let tls = tls(&config)?;
    // The simulated platform lives in this process: no proxy could reach it.
    config.network.no_proxy.list.push_str(",127.0.0.0/8");
    let given = options.listen.is_some() || environment.value("SWITCHBOARD_SERVER__LISTEN").is_some();
    let listener = listener(&config.server.listen, given).await?;
    let folder = Folder::made()?;
    config.store.url = StoreUrl::File(folder.0.join("store"));
    config.security.encryption_key_file = folder.0.join("store").join("key");
    let ports = composition.open(&config, OpenMode::Create).await?;
    let simulation = composition.simulate().await?;
    seed(&ports, &simulation).await?;
    first_token(&config, &ports).await?;
    let address = address(&listener)?;
    let lines = vec![
        format!("panel: {}://{address}/", scheme(tls.as_ref())),
        format!("chat: {}", simulation.chat_url),
    ];
    let server = Server { config: &config, ports, listener, tls, lines, reload: None, signals };
    let ended = server.run(composition).await;
    drop(simulation.guard);
    drop(folder);
    ended
}

fn address(listener: &TcpListener) -> Result<std::net::SocketAddr, Exit> {
    listener.local_addr().map_err(|error| Exit::Failed(format!("failed to listen: {error}")))
}

async fn listener(address: &str, given: bool) -> Result<TcpListener, Exit> {
    let bound = match listen(address).await {
        Err(error) if !given && error.kind() == std::io::ErrorKind::AddrInUse => listen("127.0.0.1:0").await,
        bound => bound,
    };
    bound.map_err(|error| Exit::Failed(format!("failed to listen on {address}: {error}")))
}

/// The echo agent, one channel on the simulated platform and the playground, as the API would have made them.
async fn seed(ports: &Ports, simulation: &Simulation) -> Result<(), Exit> {
    let bad = |errors: Vec<FieldError>| {
        let fields: Vec<_> =
            errors.iter().map(|error| format!("{} {}", error.pointer, error.message)).collect();
        Exit::Failed(format!("failed to set the demo up: {}", fields.join("; ")))
    };
    let now = ports.clock.now();
    let echo = first_start::echo(ports).await?;
    let document = json!({
        "name": "Demo", "type": simulation.platform, "config": simulation.config, "default_agent_id": echo.id.as_str(),
    });
    let references = references(ports, &[&document]).await?;
    let id = new_channel_id(&*ports.entropy);
    let channel = channel_input::created(&document, id, now, &ports.providers, &references).map_err(bad)?;
    ports.channels.insert(&channel).await?;
    if ports.providers.contains_key(PLATFORM) {
        first_start::playground(ports, &echo.id).await?;
    }
    Ok(())
}

/// A folder of our own that is removed with this value.
struct Folder(PathBuf);

impl Folder {
    fn made() -> Result<Self, Exit> {
        use std::os::unix::fs::DirBuilderExt as _;
        let failed = |error: &dyn std::fmt::Display| {
            Exit::Failed(format!("failed to make a temporary folder: {error}"))
        };
        let name = token::fresh().map_err(|error| failed(&error))?;
        let name: String = name.chars().skip(token::PREFIX.len()).take(16).collect();
        let path = std::env::temp_dir().join(format!("switchboard-demo-{name}"));
        std::fs::DirBuilder::new().mode(0o700).create(&path).map_err(|error| failed(&error))?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(folder = %self.0.display(), %error, "failed to remove the temporary folder");
        }
    }
}
