//! Debian packages that tests need.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};

/// Installs a Debian package where its program is missing; tests that run side by side wait for the one that does.
pub fn installed(program: &str, package: &str) {
    let is_there = || {
        Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
    };
    installed_where(is_there, program, package);
}

/// Installs a Debian package where its file is missing.
pub fn installed_file(file: &str, package: &str) {
    installed_where(|| Path::new(file).exists(), file, package);
}

fn installed_where(is_there: impl Fn() -> bool, wanted: &str, package: &str) {
    if is_there() {
        return;
    }
    let lock = File::create(std::env::temp_dir().join("switchboard-tests-install.lock")).unwrap();
    lock.lock().unwrap();
    if is_there() {
        return;
    }
    for arguments in
        [["update", "-q"].as_slice(), &["install", "-q", "-y", "--no-install-recommends", package]]
    {
        let mut command = Command::new("apt-get");
        // A package that starts its server by itself would be another one than the tests' own.
        command.env("DEBIAN_FRONTEND", "noninteractive").env("RUNLEVEL", "1");
        let status = command.args(arguments).stdout(Stdio::null()).status();
        assert!(
            status.is_ok_and(|status| status.success()),
            "these tests need {wanted}: install it (`apt-get install {package}`)"
        );
    }
}
