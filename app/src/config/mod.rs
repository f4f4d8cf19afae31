//! Configuration: a TOML file, environment variables over it, command-line options over both.
//!
//! The only place that reads the environment. Every mistake is one line that names where it stands, which key it
//! is and what is allowed; no value is ever repeated in it, because values may be secrets.

mod alerts;
mod environment;
mod error;
mod file;
mod network;
pub mod reconcile;
mod redis_address;
mod section;
mod sections;
mod shown;
mod values;

use std::path::{Path, PathBuf};

use serde_json::Value;

pub use alerts::Alerts;
pub use environment::Environment;
pub use error::ConfigError;
pub use network::{Network, PemFile, ProxyVariable, TlsFiles};
pub use sections::{ADMIN_TOKEN_CHARS_MIN, LogFormat, Security, Server, Store, StoreUrl, Telemetry};

use section::Section;

/// Everything the program is told at start.
#[derive(Debug, Clone)]
pub struct Config {
    /// `[server]`.
    pub server: Server,
    /// `[store]`.
    pub store: Store,
    /// `[security]`.
    pub security: Security,
    /// `[telemetry]`.
    pub telemetry: Telemetry,
    /// `[network]`, and the proxies of the environment.
    pub network: Network,
    /// `[alerts]`.
    pub alerts: Alerts,
    /// `[[agents]]` and `[[channels]]`.
    pub declared: Declared,
}

/// Resources kept as code: not checked yet, because that takes the platforms and agent kinds of this build.
#[derive(Debug, Clone, Default)]
pub struct Declared {
    /// The file they stand in, for messages.
    pub file: String,
    /// `[[agents]]` in file order.
    pub agents: Vec<Value>,
    /// `[[channels]]` in file order.
    pub channels: Vec<Value>,
}

/// What the command line says over file and environment.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// `--config`.
    pub config: Option<PathBuf>,
    /// `--listen`.
    pub listen: Option<String>,
    /// `--store`.
    pub store: Option<String>,
}

/// Reads file, environment and options into one checked configuration.
///
/// # Errors
///
/// The first mistake found: unreadable file, TOML syntax, unknown key or section, unset `${VAR}`, bad value, or a key whose
/// feature this version does not have.
pub fn load(overrides: &Overrides, environment: &Environment) -> Result<Config, ConfigError> {
    let mut tables = match &overrides.config {
        Some(path) => file::read(path, environment)?,
        None => file::Tables::default(),
    };
    let mut section = |name: &'static str| {
        let table = tables.sections.remove(name).unwrap_or_default();
        Section::new(name, table, &tables.file, environment)
    };
    let (mut server, mut store) = (section("server"), section("store"));
    let (mut security, mut telemetry, mut network) =
        (section("security"), section("telemetry"), section("network"));
    let mut alerts = section("alerts");
    server.set("listen", "--listen", overrides.listen.as_deref());
    store.set("url", "--store", overrides.store.as_deref());
    let config = Config {
        server: Server::read(&mut server)?,
        store: Store::read(&mut store)?,
        security: Security::read(&mut security)?,
        telemetry: Telemetry::read(&mut telemetry)?,
        network: Network::read(&mut network, environment)?,
        alerts: Alerts::read(&mut alerts)?,
        declared: Declared { file: tables.file.clone(), agents: tables.agents, channels: tables.channels },
    };
    let sections = [server, store, security, telemetry, network, alerts];
    environment.check_names(&sections)?;
    for section in sections {
        section.finish()?;
    }
    Ok(config)
}

/// Reads only what is declared in the file, for a reload while running.
pub fn reload_declared(path: &Path, environment: &Environment) -> Result<Declared, ConfigError> {
    let overrides = Overrides { config: Some(path.to_path_buf()), ..Overrides::default() };
    let declared = load(&overrides, environment)?.declared;
    tracing::info!("[[agents]] and [[channels]] are read again; a change in a [section] needs a restart");
    Ok(declared)
}

#[cfg(test)]
mod tests;
