//! The tasks, each a short list of calls of cargo.

use crate::Failure;
use crate::cargo::Cargo;
use crate::prerequisites::{self, Need, require};

/// Whether `fmt` may change files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Formatting {
    /// Rewrites what is not formatted.
    Write,
    /// Only looks, and fails where it would rewrite.
    Check,
}

/// `fmt`
pub(crate) fn format(formatting: Formatting) -> Result<(), Failure> {
    require(&[Need::Rustfmt])?;
    match formatting {
        Formatting::Write => Cargo::new(&["fmt", "--all"]).run(),
        Formatting::Check => Cargo::new(&["fmt", "--all", "--", "--check"]).run(),
    }
}

/// `lint`: once with everything switched on, once as release packages are built, without the demo.
///
/// The second call leaves out `switchboard-tests` only because that package would switch the demo on again.
pub(crate) fn lint() -> Result<(), Failure> {
    require(&[Need::Clippy, Need::CCompiler])?;
    Cargo::new(&["clippy", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"])
        .run()?;
    let without_demo =
        ["clippy", "--workspace", "--exclude", "switchboard-tests", "--all-targets", "--no-default-features"];
    Cargo::new(&without_demo).arguments(&["--", "-D", "warnings"].map(str::to_owned)).run()
}

/// `doc`
pub(crate) fn document() -> Result<(), Failure> {
    require(&[Need::CCompiler])?;
    Cargo::new(&["doc", "--workspace", "--no-deps", "--all-features"])
        .flag_in("RUSTDOCFLAGS", "-D warnings")
        .run()
}

/// `test` without arguments: the quick refusals first, the tests last, so that the runner's summary is the
/// last thing on the screen.
pub(crate) fn test_everything() -> Result<(), Failure> {
    require(&[Need::Rustfmt, Need::Clippy, Need::CCompiler])?;
    format(Formatting::Check)?;
    lint()?;
    document()?;
    Cargo::new(&["test", "--doc", "--workspace", "--all-features"]).run()?;
    if prerequisites::nextest_is_there() {
        return Cargo::new(&NEXTEST).run();
    }
    // `--doc` ran above; naming the other kinds leaves it out here.
    Cargo::new(&CARGO_TEST).arguments(&["--lib", "--bins", "--tests"].map(str::to_owned)).run()
}

/// `test ARGUMENTS`
pub(crate) fn test_selected(arguments: &[String]) -> Result<(), Failure> {
    require(&[Need::CCompiler])?;
    let runner = if prerequisites::nextest_is_there() { NEXTEST.as_slice() } else { CARGO_TEST.as_slice() };
    Cargo::new(runner).arguments(arguments).run()
}

/// `run`
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    require(&[Need::CCompiler])?;
    Cargo::new(&["run", "--package", "switchboard", "--"]).arguments(arguments).run()
}

// One failing test does not hide the others.
const NEXTEST: [&str; 5] = ["nextest", "run", "--workspace", "--all-features", "--no-fail-fast"];
const CARGO_TEST: [&str; 4] = ["test", "--workspace", "--all-features", "--no-fail-fast"];
