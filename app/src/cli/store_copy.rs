//! `switchboard store copy`: everything of one store into another, of whatever kind.

use std::path::PathBuf;

use clap::Args;

use super::exit::Exit;
use super::say;
use super::seam::{Composition, Copying};
use crate::config::{self, Config, ConfigError, Environment, Overrides, StoreUrl};

/// Rows between two lines that say how far it is.
const TOLD_EACH: u64 = 1_000;

/// Options of `store copy`.
#[derive(Debug, Args)]
pub struct Options {
    /// The store to copy: `file:FOLDER`, `redis://…`, `rediss://…` or `redis-cluster://…`. It is not changed.
    #[arg(long, value_name = "URL")]
    from: String,
    /// The store to make, likewise.
    #[arg(long, value_name = "URL")]
    to: String,
    /// The configuration file (TOML): its key file and prefix are those of both stores.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Copies.
pub async fn run(
    options: &Options,
    environment: &Environment,
    composition: &dyn Composition,
) -> Result<(), Exit> {
    let overrides = Overrides { config: options.config.clone(), ..Overrides::default() };
    let config = config::load(&overrides, environment)?;
    let from = end(&config, "--from", &options.from)?;
    let to = end(&config, "--to", &options.to)?;
    if from.store.url == to.store.url {
        return Err(ConfigError::new("command line", "--to", "must be another store than --from").into());
    }
    let told = std::sync::atomic::AtomicU64::new(0);
    let tell = |copying: Copying| {
        let line = match copying {
            Copying::Read(rows) => format!("copying {rows} rows from {} to {}", from.store.url, to.store.url),
            Copying::Continued => "going on where an earlier copy was cut off".to_owned(),
            Copying::Copied(rows) => {
                let step = rows / TOLD_EACH;
                if step == told.swap(step, std::sync::atomic::Ordering::Relaxed) {
                    return;
                }
                format!("{rows} rows copied")
            }
            Copying::Marks(marks) => format!("{marks} deduplication marks copied"),
            Copying::Comparing => "comparing both stores".to_owned(),
        };
        say::to_stderr(&line);
    };
    let copied = composition.copy(&from, &to, &tell).await?;
    let (from, to) = (&from.store.url, &to.store.url);
    let rows: u64 = copied.tables.iter().map(|(_, rows, _)| rows).sum();
    let how = if copied.marks.is_some() { "copied" } else { "copied before" };
    say::to_stdout(&format!("{how}: {from} to {to}: {rows} rows, the same in both"));
    for (table, rows, sum) in &copied.tables {
        say::to_stdout(&format!("{table}\t{rows}\t{sum}"));
    }
    if let Some(marks) = copied.marks {
        say::to_stdout(&format!("deduplication marks\t{marks}\tasked for one by one"));
    }
    let key = config.security.encryption_key_file.display();
    say::to_stdout(&format!(
        "secrets stay sealed with the same key: {to} needs {key}, and {from} is as it was"
    ));
    Ok(())
}

/// The configuration with this store.
fn end(config: &Config, option: &'static str, url: &str) -> Result<Config, ConfigError> {
    let wrong = |what: &str| ConfigError::new("command line", option, format!("must be {what}"));
    let url = StoreUrl::parse(url).map_err(wrong)?;
    if url == StoreUrl::Memory {
        return Err(wrong("a store that lasts: a memory: store lives in the server's process only"));
    }
    let mut config = config.clone();
    config.store.url = url;
    Ok(config)
}
