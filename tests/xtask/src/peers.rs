//! `bench-peers`: Switchboard beside minimal bots on DingTalk's official SDKs, on one simulated platform.

use std::path::Path;
use std::process::Command;

use crate::Failure;
use crate::cargo::{Cargo, answers, workspace_root};
use crate::prerequisites::{Need, require};
use crate::tasks::target_folder;

/// Builds both programs, installs the SDKs into the target folder, and compares (`tests/peers/compare.py`).
pub(crate) fn bench_peers() -> Result<(), Failure> {
    require(&[Need::CCompiler, Need::Make])?;
    for (program, package) in [("python3", "python3 python3-venv"), ("node", "nodejs"), ("npm", "npm")] {
        if !answers(Command::new(program).arg("--version")) {
            return Err(format!("{program} is missing: on Debian and Ubuntu `apt-get install {package}`"));
        }
    }
    let binaries = ["--bin", "switchboard", "--bin", "dingtalk-sim"];
    Cargo::new(&["build", "--workspace", "--release"]).arguments(&binaries.map(str::to_owned)).run()?;
    let target = target_folder()?;
    let (here, folder) = (workspace_root().join("tests/peers"), target.join("peers"));
    std::fs::create_dir_all(&folder)
        .map_err(|error| format!("failed to make {}: {error}", folder.display()))?;
    let python = installed(&here, &folder)?;
    let release = |name: &str| target.join("release").join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    let mut compare = Command::new(&python);
    compare.arg(here.join("compare.py")).env("PYTHON", &python).env("MODULES", &folder);
    compare.env("SWITCHBOARD", release("switchboard")).env("SIMULATOR", release("dingtalk-sim"));
    run(&mut compare)
}

/// Both SDKs, in a folder of their own; gives its Python.
fn installed(here: &Path, folder: &Path) -> Result<std::path::PathBuf, Failure> {
    let python = folder.join("python/bin/python3");
    if !python.exists() {
        run(Command::new("python3").args(["-m", "venv"]).arg(folder.join("python")))?;
    }
    run(Command::new(&python)
        .args(["-m", "pip", "install", "--quiet", "-r"])
        .arg(here.join("requirements.txt")))?;
    let copied = std::fs::copy(here.join("package.json"), folder.join("package.json"));
    copied.map_err(|error| format!("failed to copy package.json: {error}"))?;
    let quiet = ["install", "--no-audit", "--no-fund", "--ignore-scripts", "--no-package-lock", "--silent"];
    run(Command::new("npm").args(quiet).current_dir(folder))?;
    Ok(python)
}

fn run(command: &mut Command) -> Result<(), Failure> {
    let shown = format!("{command:?}");
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{shown} ended with {status}")),
        Err(error) => Err(format!("{shown} could not be started: {error}")),
    }
}
