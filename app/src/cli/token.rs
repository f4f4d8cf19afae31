//! `switchboard token create | list | revoke`: API tokens, beside a running server.

use clap::{Args, Subcommand, ValueEnum};
use switchboard_ports::error::StoreError;
use switchboard_ports::tokens::{Role, TOKENS_MAX};

use super::exit::Exit;
use super::seam::{Composition, OpenMode};
use super::{Place, say};
use crate::changes::Author;
use crate::config::{self, ConfigError, Environment, StoreUrl};
use crate::http::acts::{Act, note_by};
use crate::http::auth::bootstrap::{BootstrapError, made};
use crate::http::auth::role_name;
use crate::http::dto::agent_input::NAME_CHARS_MAX;
use crate::http::dto::time::rfc3339;
use crate::ports::Ports;

/// Options of `token`.
#[derive(Debug, Args)]
pub struct Options {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a token and print it, once.
    Create {
        /// A name for it, unique.
        #[arg(long)]
        name: String,
        /// What it may do.
        #[arg(long)]
        role: RoleWord,
        #[command(flatten)]
        place: Place,
    },
    /// List names, roles and ages; never the tokens.
    List {
        #[command(flatten)]
        place: Place,
    },
    /// Make a token useless at once.
    Revoke {
        /// Its name.
        #[arg(long)]
        name: String,
        #[command(flatten)]
        place: Place,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum RoleWord {
    Viewer,
    Operator,
    Admin,
}

impl From<RoleWord> for Role {
    fn from(word: RoleWord) -> Self {
        match word {
            RoleWord::Viewer => Self::Viewer,
            RoleWord::Operator => Self::Operator,
            RoleWord::Admin => Self::Admin,
        }
    }
}

/// Runs the action.
pub async fn run(
    options: &Options,
    environment: &Environment,
    composition: &dyn Composition,
) -> Result<(), Exit> {
    let (Action::Create { place, .. } | Action::List { place } | Action::Revoke { place, .. }) =
        &options.action;
    let config = config::load(&place.overrides(None), environment)?;
    if config.store.url == StoreUrl::Memory {
        let problem = "must be \"file:FOLDER\": a memory: store lives in the server's process only";
        return Err(ConfigError::new("configuration", "store.url", problem).into());
    }
    let ports = composition.open(&config, OpenMode::Existing).await?;
    match &options.action {
        Action::Create { name, role, .. } => create(name, (*role).into(), &ports).await,
        Action::List { .. } => list(&ports).await,
        Action::Revoke { name, .. } => revoke(name, &ports).await,
    }
}

async fn create(name: &str, role: Role, ports: &Ports) -> Result<(), Exit> {
    let fits = (1..=NAME_CHARS_MAX).contains(&name.chars().count());
    if !fits || name.chars().any(char::is_control) || name.trim() != name {
        let problem = format!("must be 1 to {NAME_CHARS_MAX} characters on one line");
        return Err(ConfigError::new("command line", "--name", problem).into());
    }
    if ports.tokens.list().await?.len() >= TOKENS_MAX {
        return Err(Exit::Failed(format!("there are {TOKENS_MAX} tokens, which is the most")));
    }
    match made(name, role, &*ports.tokens, &*ports.clock, &*ports.entropy).await {
        Ok(token) => {
            note_by(ports, Author::CommandLine, Act::TokenCreated, name).await;
            say::to_stdout(&token);
            Ok(())
        }
        Err(BootstrapError::Store(StoreError::Duplicate(_))) => {
            Err(Exit::Failed(format!("a token named \"{name}\" exists already")))
        }
        Err(error) => Err(Exit::Failed(error.to_string())),
    }
}

async fn list(ports: &Ports) -> Result<(), Exit> {
    for token in ports.tokens.list().await? {
        let (role, made) = (role_name(token.role), rfc3339(token.created_at));
        say::to_stdout(&format!("{}\t{role}\t{made}", token.name));
    }
    Ok(())
}

async fn revoke(name: &str, ports: &Ports) -> Result<(), Exit> {
    if ports.tokens.revoke(name).await? {
        note_by(ports, Author::CommandLine, Act::TokenRevoked, name).await;
        return Ok(());
    }
    Err(Exit::Failed(format!("there is no token named \"{name}\"")))
}
