//! What a machine must have before a task makes sense, and how to get it.

use std::process::Command;

use crate::Failure;
use crate::cargo::{Cargo, answers};

/// Something a task needs from the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// The formatter.
    Rustfmt,
    /// The linter.
    Clippy,
    /// A C compiler: the embedded store and the TLS library contain C.
    CCompiler,
    /// The `make` program: the allocator is built with it.
    Make,
    /// A C++ compiler: the fuzzing engine is C++.
    CxxCompiler,
}

impl Need {
    fn is_there(self) -> bool {
        match self {
            Self::Rustfmt => Cargo::new(&["fmt", "--version"]).answers(),
            Self::Clippy => Cargo::new(&["clippy", "--version"]).answers(),
            Self::CCompiler => compiles("CC", ["cc", "gcc", "clang"]),
            Self::Make => answers(Command::new("make").arg("--version")),
            Self::CxxCompiler => compiles("CXX", ["c++", "g++", "clang++"]),
        }
    }

    /// What is missing and what to type.
    fn remedy(self) -> &'static str {
        match self {
            Self::Rustfmt => "rustfmt is missing: `rustup component add rustfmt`",
            Self::Clippy => "clippy is missing: `rustup component add clippy`",
            Self::CCompiler => {
                "a C compiler is missing (or CC names one that does not run): on Debian and Ubuntu \
                 `apt-get install gcc libc6-dev`, on Fedora `dnf install gcc`, on Alpine `apk add build-base`, \
                 on macOS `xcode-select --install`"
            }
            Self::Make => {
                "make is missing: on Debian and Ubuntu `apt-get install make`, on Fedora `dnf install make`, \
                 on Alpine `apk add build-base`, on macOS `xcode-select --install`"
            }
            Self::CxxCompiler => {
                "a C++ compiler is missing (or CXX names one that does not run): on Debian and Ubuntu \
                 `apt-get install g++`, on Fedora `dnf install gcc-c++`, on macOS `xcode-select --install`"
            }
        }
    }
}

/// Looks for all of them and names every one that is missing at once.
///
/// # Errors
/// The remedies, one a line.
pub(crate) fn require(needs: &[Need]) -> Result<(), Failure> {
    let missing: Vec<Need> = needs.iter().copied().filter(|need| !need.is_there()).collect();
    refuse(&missing)
}

/// Whether cargo-nextest is installed. It is never required.
pub(crate) fn nextest_is_there() -> bool {
    Cargo::new(&["nextest", "--version"]).answers()
}

fn refuse(missing: &[Need]) -> Result<(), Failure> {
    if missing.is_empty() {
        return Ok(());
    }
    let remedies: Vec<&str> = missing.iter().map(|need| need.remedy()).collect();
    Err(format!("this machine is not ready\n  {}", remedies.join("\n  ")))
}

fn compiles(variable: &str, usual: [&str; 3]) -> bool {
    let names = compilers(variable, usual);
    names.iter().any(|name| answers(Command::new(name).arg("--version")))
}

/// A compiler the person has chosen is the only one that counts; it may stand behind a wrapper (`ccache gcc`).
fn compilers(variable: &str, usual: [&str; 3]) -> Vec<String> {
    let chosen = std::env::var_os(variable).unwrap_or_default().to_string_lossy().into_owned();
    match chosen.split_whitespace().next() {
        Some(program) => vec![program.to_owned()],
        None => usual.map(str::to_owned).to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_missing_is_named_at_once_with_its_remedy() {
        let line = refuse(&[Need::Rustfmt, Need::Clippy, Need::CCompiler]).unwrap_err();
        for part in ["component add rustfmt", "component add clippy", "apt-get install gcc libc6-dev"] {
            assert!(line.contains(part), "{line}");
        }
    }

    #[test]
    fn nothing_missing_is_no_refusal() {
        assert_eq!(refuse(&[]), Ok(()));
    }
}
