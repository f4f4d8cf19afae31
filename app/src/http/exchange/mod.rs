//! `/export` and `/import`: channels and agents as text in the form of the configuration file, without secrets.
//!
//! Where a secret stands, an export has `${SWITCHBOARD_…}`: as part of a configuration file it is filled in from the environment, in
//! an import it means "keep what is stored". An import is told nothing of the server's environment.

pub mod export;
pub mod import;
mod plan;
mod reading;
mod writing;

#[cfg(test)]
mod tests;
