//! Calling cargo, in the workspace's root, with its output passed through.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Failure;

/// One call of cargo, built up and then run once.
#[derive(Debug)]
pub(crate) struct Cargo {
    shown: String,
    command: Command,
}

impl Cargo {
    /// A call with these arguments.
    pub(crate) fn new(arguments: &[&str]) -> Self {
        let mut command = Command::new(program());
        command.args(arguments).current_dir(workspace_root());
        Self { shown: format!("cargo {}", arguments.join(" ")), command }
    }

    /// Adds what the caller of xtask wrote.
    pub(crate) fn arguments(mut self, more: &[String]) -> Self {
        for argument in more {
            self.shown.push(' ');
            self.shown.push_str(argument);
        }
        self.command.args(more);
        self
    }

    /// Adds a flag to a variable that holds flags, so that what the person has set there stays.
    pub(crate) fn flag_in(mut self, variable: &str, flag: &str) -> Self {
        let mut flags = std::env::var_os(variable).unwrap_or_default();
        if !flags.is_empty() {
            flags.push(" ");
        }
        flags.push(flag);
        self.shown = format!("{variable}=\"{}\" {}", flags.to_string_lossy(), self.shown);
        self.command.env(variable, flags);
        self
    }

    /// Sets a variable for it.
    pub(crate) fn variable(mut self, variable: &str, value: impl AsRef<Path>) -> Self {
        let value = value.as_ref();
        self.shown = format!("{variable}=\"{}\" {}", value.display(), self.shown);
        self.command.env(variable, value);
        self
    }

    /// Runs it with the terminal as its own and waits.
    ///
    /// # Errors
    /// When it cannot be started or does not succeed; the line names the command.
    pub(crate) fn run(mut self) -> Result<(), Failure> {
        eprintln!("xtask: {}", self.shown);
        match self.command.status() {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(format!("`{}` ended with {status}", self.shown)),
            Err(error) => Err(format!("`{}` could not be started: {error}", self.shown)),
        }
    }

    /// Runs it silently, to see whether it is there.
    pub(crate) fn answers(mut self) -> bool {
        answers(&mut self.command)
    }
}

/// Whether a program can be started and succeeds; what it prints is dropped.
pub(crate) fn answers(command: &mut Command) -> bool {
    let silent = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    silent.status().is_ok_and(|status| status.success())
}

/// The cargo that runs us, so that a toolchain chosen by hand stays chosen.
fn program() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"))
}

/// Two folders above this package.
pub(crate) fn workspace_root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.ancestors().nth(2).unwrap_or(package).to_path_buf()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workspace_root_holds_the_workspace_manifest() {
        let manifest = std::fs::read_to_string(workspace_root().join("Cargo.toml")).unwrap();
        assert!(manifest.contains("[workspace]"));
    }

    #[test]
    fn a_program_that_does_not_exist_does_not_answer() {
        assert!(!answers(&mut Command::new("switchboard-no-such-program")));
    }

    #[test]
    fn what_is_shown_is_what_is_run() {
        let call = Cargo::new(&["test", "--workspace"]).arguments(&["a_filter".to_owned()]);
        assert_eq!(call.shown, "cargo test --workspace a_filter");
        let arguments: Vec<_> = call.command.get_args().collect();
        assert_eq!(arguments, ["test", "--workspace", "a_filter"]);
    }
}
