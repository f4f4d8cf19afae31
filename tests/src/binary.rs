//! The `switchboard` binary that the process tests run.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

/// Names a binary that is built already; `cargo xtask test` sets it, so that no test builds anything.
const BINARY: &str = "SWITCHBOARD_BIN";

/// The binary that is named to the tests, if one is.
pub fn named() -> Option<PathBuf> {
    std::env::var_os(BINARY).map(PathBuf::from)
}

/// Where the binary is. Without `SWITCHBOARD_BIN` it is built first, once in each test process, into the target folder that
/// the tests were built into.
#[must_use]
pub fn path() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| named().unwrap_or_else(built))
}

/// Builds it and reads from cargo's own report where it lies.
fn built() -> PathBuf {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--quiet", "--package", "switchboard", "--bin", "switchboard"]);
    command.args(["--message-format", "json-render-diagnostics", "--target-dir"]).arg(target_folder());
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace's folder");
    let built = command.current_dir(workspace).stderr(Stdio::inherit()).output().expect("cargo runs");
    assert!(built.status.success(), "cargo build of the binary failed: {}", built.status);
    let report = String::from_utf8(built.stdout).expect("cargo's report is text");
    let messages = report.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut executables =
        messages.filter_map(|message| Some(message.get("executable")?.as_str()?.to_owned()));
    executables.next().map(PathBuf::from).expect("cargo names the executable")
}

/// A test binary lies in TARGET/PROFILE/deps.
fn target_folder() -> PathBuf {
    let own = std::env::current_exe().expect("the test binary knows its path");
    own.ancestors().nth(3).expect("a test binary lies in TARGET/PROFILE/deps").to_owned()
}
