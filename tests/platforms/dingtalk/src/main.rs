//! `dingtalk-sim`: the simulated platform as a process of its own.

mod load_command;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::error::ErrorKind;
use clap::{Parser, Subcommand};
use dingtalk_sim::{AppConfig, Proxy, ProxyConfig, Simulator, SimulatorConfig, TlsConfig};
use tokio_util::sync::CancellationToken;

use load_command::{BotArguments, LoadArguments};

/// Exit code for options that cannot be understood.
const EXIT_USAGE: u8 = 2;

/// A simulated DingTalk platform with a chat page.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
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
    /// Sends messages to a bot and judges its answers: rate, latencies, what is lost, twice or out of order, calls, CPU.
    #[command(long_about = load_command::LONG_ABOUT)]
    Load(Box<LoadArguments>),
    /// A trivial bot that stores nothing: the least that a bot can cost, to compare others with under `load`.
    Bot(Box<BotArguments>),
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

/// Why the program ends with an error.
enum Failure {
    /// An option is wrong.
    Usage(String),
    /// Something did not work.
    Run(String),
}

impl Failure {
    fn run(what: &str, error: &dyn std::error::Error) -> Self {
        Self::Run(format!("failed to {what}: {error}"))
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Run(format!("{error:#}"))
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let done = match Arguments::try_parse() {
        Ok(arguments) => run(arguments).await,
        Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            error.exit()
        }
        Err(error) => Err(Failure::Usage(one_line(&error))),
    };
    let (text, code) = match done {
        Ok(code) => return code,
        Err(Failure::Usage(text)) => (text, ExitCode::from(EXIT_USAGE)),
        Err(Failure::Run(text)) => (text, ExitCode::FAILURE),
    };
    eprintln!("dingtalk-sim: {text}");
    code
}

/// What is wrong with the options, without the usage behind it.
fn one_line(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let lines = text.lines().take_while(|line| !line.trim().is_empty()).map(str::trim);
    let text = lines.collect::<Vec<_>>().join(" ");
    format!("{} (--help tells the options)", text.trim_start_matches("error: "))
}

async fn run(mut arguments: Arguments) -> Result<ExitCode, Failure> {
    // What a bot under load does wrong is counted in the report.
    let usual = if matches!(arguments.command, Some(Command::Load(_))) { "error" } else { "info" };
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(usual));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    match arguments.command.take() {
        Some(Command::Load(load)) => load_command::run(*load).await,
        Some(Command::Bot(bot)) => load_command::run_the_bot(*bot).await,
        Some(Command::Proxy { listen, credentials, refuse, route }) => {
            let proxy = ProxyConfig { listen, credentials, routes: route.into_iter().collect() };
            run_proxy(proxy, refuse).await?;
            Ok(ExitCode::SUCCESS)
        }
        None => {
            run_platform(arguments).await?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

async fn run_platform(arguments: Arguments) -> anyhow::Result<()> {
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

/// Cancels at SIGINT or SIGTERM.
fn stop_when_interrupted(stop: CancellationToken) {
    tokio::spawn(async move {
        if interrupted().await.is_ok() {
            stop.cancel();
        }
    });
}

/// A reader that went away must not end the simulator.
fn print_line(line: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}
