//! The command line: one file per command, exit codes and stdout lines as the contract says.

pub mod check;
pub mod demo;
pub mod exit;
pub mod first_start;
pub mod openapi;
pub mod say;
pub mod seam;
pub mod serve;
pub mod server;
pub mod signals;
pub mod store;
pub mod store_copy;
pub mod token;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::config::{Environment, Overrides};
use exit::Exit;
use seam::Composition;

/// The server that puts AI agents into the chat tools people already use.
#[derive(Debug, Parser)]
#[command(name = "switchboard", version, about, propagate_version = true)]
pub struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Try it: everything in one process, with a simulated chat platform and nothing to install.
    Demo(demo::Options),
    /// Run the server.
    Serve(serve::Options),
    /// Check the configuration, the store, the platforms' credentials and the agents.
    Check(Place),
    /// Make, list and revoke API tokens.
    Token(token::Options),
    /// Print the API's OpenAPI document.
    Openapi,
    /// Back a file store up, restore it, change its key; copy any store into another.
    Store(store::Options),
}

/// Which configuration and store.
#[derive(Debug, Clone, Default, Args)]
pub struct Place {
    /// The configuration file (TOML).
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The store, for example `file:FOLDER` (over the configuration).
    #[arg(long, value_name = "URL")]
    pub store: Option<String>,
}

impl Place {
    /// As options over file and environment.
    #[must_use]
    pub fn overrides(&self, listen: Option<&str>) -> Overrides {
        Overrides {
            config: self.config.clone(),
            listen: listen.map(str::to_owned),
            store: self.store.clone(),
        }
    }
}

/// Runs one command to its end.
pub async fn run(line: CommandLine, environment: &Environment, composition: &dyn Composition) -> Exit {
    if let Err(error) = signals::outlive_file_limits() {
        return Exit::Failed(format!("failed to watch for signals: {error}"));
    }
    let outcome = match line.command {
        Command::Demo(options) => demo::run(&options, environment, composition).await,
        Command::Serve(options) => serve::run(&options, environment, composition).await,
        Command::Check(place) => check::run(&place, environment, composition).await,
        Command::Token(options) => token::run(&options, environment, composition).await,
        Command::Openapi => {
            openapi::run(composition);
            Ok(())
        }
        Command::Store(options) => store::run(&options, environment, composition).await,
    };
    outcome.map_or_else(|exit| exit, |()| Exit::Fine)
}

#[cfg(test)]
mod tests;
