//! `switchboard store backup | restore | rotate-key`: the upkeep of a file store; `copy` is in a file of its own.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::exit::Exit;
use super::seam::{Composition, KeptUp, Upkeep};
use super::{Place, say, store_copy};
use crate::config::{self, Config, ConfigError, Environment, StoreUrl};

/// Options of `store`.
#[derive(Debug, Args)]
pub struct Options {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Copy the store into one file, also beside a running server. The key is not in it.
    Backup {
        /// The file to write.
        #[arg(long, value_name = "FILE")]
        to: PathBuf,
        /// Replace the file if there is one.
        #[arg(long)]
        force: bool,
        #[command(flatten)]
        place: Place,
    },
    /// Put a backup in the store's place and keep what was there. The server has to be stopped.
    Restore {
        /// The backup.
        #[arg(long, value_name = "FILE")]
        from: PathBuf,
        #[command(flatten)]
        place: Place,
    },
    /// Encrypt the stored secrets with another key. The server has to be stopped.
    RotateKey {
        /// The file with the new key, made where there is none; without it a new key takes the old one's place.
        #[arg(long, value_name = "KEYFILE")]
        to: Option<PathBuf>,
        #[command(flatten)]
        place: Place,
    },
    /// Copy everything into another store, which has to be empty. No server may have either; killed, the same command goes on.
    Copy(store_copy::Options),
}

/// Runs the action.
pub async fn run(
    options: &Options,
    environment: &Environment,
    composition: &dyn Composition,
) -> Result<(), Exit> {
    let (place, act) = match &options.action {
        Action::Backup { to, force, place } => (place, Upkeep::Backup { to: to.clone(), force: *force }),
        Action::Restore { from, place } => (place, Upkeep::Restore { from: from.clone() }),
        Action::RotateKey { to, place } => (place, Upkeep::RotateKey { to: to.clone() }),
        Action::Copy(options) => return store_copy::run(options, environment, composition).await,
    };
    let config = config::load(&place.overrides(None), environment)?;
    if config.store.url == StoreUrl::Memory {
        let problem = "must be \"file:FOLDER\": a memory: store lives in the server's process only";
        return Err(ConfigError::new("configuration", "store.url", problem).into());
    }
    if let Upkeep::RotateKey { to: Some(to) } = &act
        && *to == config.security.encryption_key_file
    {
        let problem = "must be another file than security.encryption_key_file";
        return Err(ConfigError::new("command line", "--to", problem).into());
    }
    let done = composition.keep_up(&config, act.clone()).await?;
    for line in lines(&config, &act, &done) {
        say::to_stdout(&line);
    }
    Ok(())
}

/// What people read: what was done, and what is left for them to do.
fn lines(config: &Config, act: &Upkeep, done: &KeptUp) -> Vec<String> {
    let key = config.security.encryption_key_file.display();
    let url = &config.store.url;
    match done {
        KeptUp::BackedUp { bytes, format, conversations } => {
            let to = match act {
                Upkeep::Backup { to, .. } => to.display().to_string(),
                Upkeep::Restore { .. } | Upkeep::RotateKey { .. } => String::new(),
            };
            vec![
                format!(
                    "backed up {url} to {to}: {bytes} bytes, format {format}, {conversations} conversations"
                ),
                format!(
                    "the key is not in it: keep a copy of {key} in another place, for without it nobody can read the \
                     secrets in the backup"
                ),
            ]
        }
        KeptUp::Restored { format, conversations, replaced, key_is_there } => {
            let mut lines = vec![format!("restored {url}: format {format}, {conversations} conversations")];
            if let Some(replaced) = replaced {
                lines.push(format!("the store that was there is kept in {}", replaced.display()));
            }
            if !key_is_there {
                lines.push(format!(
                    "the key file {key} is missing: put back the key that the backup was written with before you start \
                     the server"
                ));
            }
            lines
        }
        KeptUp::Rotated { records, key_file, key_id, retired, retired_id } => {
            let first = match records {
                Some(records) => format!("sealed {records} records anew with the key {key_id}"),
                None => {
                    format!("the store was sealed with the key {key_id} already; its change is complete now")
                }
            };
            let mut lines = vec![
                first,
                format!("the new key is in {}: keep a copy of it in another place", key_file.display()),
                format!(
                    "the old key {retired_id} is in {}: backups made before need it, the store does not",
                    retired.display()
                ),
            ];
            if *key_file != config.security.encryption_key_file {
                lines.push(format!(
                    "set security.encryption_key_file to {} before you start the server",
                    key_file.display()
                ));
            }
            lines
        }
    }
}
