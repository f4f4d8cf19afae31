//! The tasks, each a short list of calls of cargo.

use std::path::PathBuf;

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

/// How a bench is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Build {
    /// As the release build is, the demo in it.
    Optimised,
    /// As tests are.
    Plain,
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
    require(&[Need::Clippy, Need::CCompiler, Need::Make])?;
    Cargo::new(&["clippy", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"])
        .run()?;
    let without_demo =
        ["clippy", "--workspace", "--exclude", "switchboard-tests", "--all-targets", "--no-default-features"];
    Cargo::new(&without_demo).arguments(&["--", "-D", "warnings"].map(str::to_owned)).run()
}

/// `doc`
pub(crate) fn document() -> Result<(), Failure> {
    require(&[Need::CCompiler, Need::Make])?;
    Cargo::new(&["doc", "--workspace", "--no-deps", "--all-features"])
        .flag_in("RUSTDOCFLAGS", "-D warnings")
        .run()
}

/// `test` without arguments: the quick refusals first, the tests last, so that the runner's summary is the
/// last thing on the screen.
pub(crate) fn test_everything() -> Result<(), Failure> {
    require(&[Need::Rustfmt, Need::Clippy, Need::CCompiler, Need::Make])?;
    format(Formatting::Check)?;
    lint()?;
    document()?;
    Cargo::new(&["test", "--doc", "--workspace", "--all-features"]).run()?;
    if prerequisites::nextest_is_there() {
        return with_binary(Cargo::new(&NEXTEST))?.run();
    }
    // `--doc` ran above; naming the other kinds leaves it out here.
    let kinds = ["--lib", "--bins", "--tests"].map(str::to_owned);
    with_binary(Cargo::new(&CARGO_TEST).arguments(&kinds))?.run()
}

/// `test ARGUMENTS`
pub(crate) fn test_selected(arguments: &[String]) -> Result<(), Failure> {
    require(&[Need::CCompiler, Need::Make])?;
    let runner = if prerequisites::nextest_is_there() { NEXTEST.as_slice() } else { CARGO_TEST.as_slice() };
    let tests = Cargo::new(runner).arguments(arguments);
    let is_other_profile = |argument: &String| argument == "--release" || argument.contains("-profile");
    // The binary of another profile lies elsewhere; the tests then build it themselves.
    if arguments.iter().any(is_other_profile) { tests.run() } else { with_binary(tests)?.run() }
}

/// Builds what the tests need, the program itself included, and tells them where that is: no test has to build it then.
pub(crate) fn with_binary(tests: Cargo) -> Result<Cargo, Failure> {
    if std::env::var_os(BINARY).is_some() {
        return Ok(tests);
    }
    // The very build that the runner asks for, so that it finds everything fresh.
    Cargo::new(&["test", "--no-run", "--quiet", "--workspace", "--all-features"]).run()?;
    let binary = target_folder()?.join("debug").join(format!("switchboard{}", std::env::consts::EXE_SUFFIX));
    if !binary.is_file() {
        return Err(format!("the build made no {}", binary.display()));
    }
    Ok(tests.variable(BINARY, &binary))
}

/// `bench`: the program and what measures it, of one build. Times are printed and judge nothing.
pub(crate) fn bench(arguments: &[String]) -> Result<(), Failure> {
    let (names, build) = which_benches(arguments)?;
    names.into_iter().try_for_each(|name| measure(name, build))
}

/// `soak`
pub(crate) fn soak() -> Result<(), Failure> {
    measure("soak", Build::Optimised)
}

fn measure(name: &str, build: Build) -> Result<(), Failure> {
    require(&[Need::CCompiler, Need::Make])?;
    let (profile, folder) = match build {
        Build::Optimised => ("release", "release"),
        Build::Plain => ("dev", "debug"),
    };
    Cargo::new(&["build", "--workspace", "--all-features", "--bin", "switchboard", "--profile", profile])
        .run()?;
    let binary = target_folder()?.join(folder).join(format!("switchboard{}", std::env::consts::EXE_SUFFIX));
    let bench = ["bench", "--workspace", "--all-features", "--bench", name, "--profile", profile];
    Cargo::new(&bench).variable(BINARY, &binary).run()
}

/// The folder that everything is built into: the task runner itself lies in it.
pub(crate) fn target_folder() -> Result<PathBuf, Failure> {
    let own =
        std::env::current_exe().map_err(|error| format!("failed to find the target folder: {error}"))?;
    let target = own.ancestors().nth(2).ok_or("the task runner lies in no target folder")?;
    Ok(target.to_owned())
}

/// Benches by name.
const BENCHES: [&str; 9] =
    ["machines", "latency", "isolation", "quota", "footprint", "growth", "pages", "replicas", "failover"];

/// How many of them, from the first on, are meant without a name: those of one server with its store in a file.
const USUAL: usize = 7;

fn which_benches(arguments: &[String]) -> Result<(Vec<&'static str>, Build), Failure> {
    let (mut names, mut build) = (Vec::new(), Build::Optimised);
    for argument in arguments {
        if argument == "--debug" {
            build = Build::Plain;
        } else {
            let known = BENCHES.iter().find(|known| *known == argument);
            names.push(
                *known.ok_or_else(|| format!("no bench `{argument}`; there is {}", BENCHES.join(", ")))?,
            );
        }
    }
    if names.is_empty() {
        names.extend(BENCHES.iter().take(USUAL));
    }
    Ok((names, build))
}

/// `run`
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    require(&[Need::CCompiler, Need::Make])?;
    Cargo::new(&["run", "--package", "switchboard", "--"]).arguments(arguments).run()
}

/// Names the binary for the process tests (`tests/src/binary.rs`).
const BINARY: &str = "SWITCHBOARD_BIN";

// One failing test does not hide the others.
const NEXTEST: [&str; 5] = ["nextest", "run", "--workspace", "--all-features", "--no-fail-fast"];
const CARGO_TEST: [&str; 4] = ["test", "--workspace", "--all-features", "--no-fail-fast"];

#[cfg(test)]
mod tests {
    use super::{BENCHES, Build, USUAL, which_benches};

    fn named(arguments: &[&str]) -> Result<(Vec<&'static str>, Build), String> {
        which_benches(&arguments.iter().map(|argument| (*argument).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn without_a_name_all_that_need_no_other_server_are_meant() {
        assert_eq!(named(&[]), Ok((BENCHES[..USUAL].to_vec(), Build::Optimised)));
        assert!(!BENCHES[..USUAL].contains(&"replicas"));
    }

    #[test]
    fn names_are_taken_in_their_order_and_unknown_ones_refused() {
        assert_eq!(named(&["quota", "--debug", "machines"]), Ok((vec!["quota", "machines"], Build::Plain)));
        assert!(named(&["fast"]).unwrap_err().contains("no bench `fast`; there is machines"));
    }
}
