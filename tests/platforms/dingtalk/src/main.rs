//! `dingtalk-sim`: the simulated platform as a process of its own.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context;
use clap::Parser;
use dingtalk_sim::{AppConfig, Simulator, SimulatorConfig};

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
    let config = configuration(Arguments::parse())?;
    if !config.listen.ip().is_loopback() {
        tracing::warn!("everybody who reaches this address controls the simulator: it has no passwords");
    }
    let simulator = Simulator::start(config).await.context("failed to start")?;
    print_line(&format!("ready {}", simulator.base_url()));
    print_line(&format!("chat {}", simulator.chat_url()));
    interrupted().await.context("failed to wait for a signal")?;
    simulator.stop().await;
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
