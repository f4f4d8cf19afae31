//! `dingtalk-sim`: the simulated platform as a process of its own.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context;
use clap::{Parser, Subcommand};
use dingtalk_sim::{AppConfig, Proxy, ProxyConfig, Simulator, SimulatorConfig, TlsConfig};

/// A simulated DingTalk platform with a chat page.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Address to listen on; port 0 takes a free one.
    #[arg(long)]
    listen: Option<SocketAddr>,
    /// JSON file with the configuration (see the README); the options below change it.
    #[arg(long)]
    config: Option<PathBuf>,
    /// An app as `CLIENT_ID:CLIENT_SECRET`; may be given several times; replaces the configured apps.
    #[arg(long, value_parser = parse_app)]
    app: Vec<AppConfig>,
    /// Seed of every random choice.
    #[arg(long)]
    seed: Option<u64>,
    /// Serve https and wss, too, and write the certificate of the authority made for that to this file (PEM).
    #[arg(long, value_name = "CA_FILE")]
    tls: Option<PathBuf>,
    /// A further name in the certificate; may be given several times.
    #[arg(long, requires = "tls")]
    tls_name: Vec<String>,
    /// Base address to hand out when clients reach the simulator under another name.
    #[arg(long)]
    public_url: Option<String>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// An HTTP proxy (CONNECT and plain requests) instead of the platform; prints what it counted when it ends.
    Proxy {
        /// Address to listen on; port 0 takes a free one.
        #[arg(long, default_value = "127.0.0.1:0")]
        listen: SocketAddr,
        /// `USER:PASSWORD` that clients must send.
        #[arg(long)]
        credentials: Option<String>,
        /// Refuse every request with this status.
        #[arg(long)]
        refuse: Option<u16>,
        /// `HOST:PORT=ADDRESS`: where requests to this name really go; may be given several times.
        #[arg(long, value_parser = parse_route)]
        route: Vec<(String, SocketAddr)>,
    },
}

fn parse_route(text: &str) -> Result<(String, SocketAddr), String> {
    let (name, address) = text.split_once('=').ok_or("expected HOST:PORT=ADDRESS")?;
    address
        .parse()
        .map(|address| (name.to_owned(), address))
        .map_err(|_| "the address is not IP:PORT".to_owned())
}

fn parse_app(text: &str) -> Result<AppConfig, String> {
    match text.split_once(':') {
        Some((id, secret)) if !id.is_empty() && !secret.is_empty() => Ok(AppConfig::new(id, secret)),
        _ => Err("expected CLIENT_ID:CLIENT_SECRET".to_owned()),
    }
}

fn configuration(arguments: Arguments) -> anyhow::Result<SimulatorConfig> {
    let mut config = match &arguments.config {
        Some(path) => {
            let text = std::fs::read_to_string(path)
                .with_context(|| format!("failed to read {}", path.display()))?;
            serde_json::from_str(&text).with_context(|| format!("failed to understand {}", path.display()))?
        }
        None => SimulatorConfig::default(),
    };
    config.listen = arguments.listen.unwrap_or(config.listen);
    config.seed = arguments.seed.unwrap_or(config.seed);
    if let Some(ca_file) = arguments.tls {
        config.tls = Some(TlsConfig { names: arguments.tls_name, ca_file: Some(ca_file) });
    }
    config.public_url = arguments.public_url.or(config.public_url);
    if !arguments.app.is_empty() {
        config.apps = arguments.app;
    }
    Ok(config)
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let mut arguments = Arguments::parse();
    if let Some(Command::Proxy { listen, credentials, refuse, route }) = arguments.command.take() {
        let proxy = ProxyConfig { listen, credentials, routes: route.into_iter().collect() };
        return run_proxy(proxy, refuse).await;
    }
    let config = configuration(arguments)?;
    if !config.listen.ip().is_loopback() {
        tracing::warn!("everybody who reaches this address controls the simulator: it has no passwords");
    }
    let ca_file = config.tls.as_ref().and_then(|tls| tls.ca_file.clone());
    let simulator = Simulator::start(config).await.context("failed to start")?;
    print_line(&format!("ready {}", simulator.base_url()));
    print_line(&format!("chat {}", simulator.chat_url()));
    print_line(&format!("listening {}", simulator.address()));
    if let Some(path) = ca_file {
        print_line(&format!("ca {}", path.display()));
    }
    interrupted().await.context("failed to wait for a signal")?;
    simulator.stop().await;
    Ok(())
}

async fn run_proxy(config: ProxyConfig, refuse: Option<u16>) -> anyhow::Result<()> {
    let proxy = Proxy::start(config).await.context("failed to start the proxy")?;
    proxy.refuse(refuse);
    print_line(&format!("ready {}", proxy.url()));
    interrupted().await.context("failed to wait for a signal")?;
    print_line(&serde_json::to_string(&proxy.counts())?);
    Ok(())
}

/// SIGINT or SIGTERM.
async fn interrupted() -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            biased;
            _ = terminate.recv() => Ok(()),
            done = tokio::signal::ctrl_c() => done,
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await
}

/// A reader that went away must not end the simulator.
fn print_line(line: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}
