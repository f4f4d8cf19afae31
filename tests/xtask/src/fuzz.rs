//! `fuzz` and `search`: the proofs that take longer than the tests.

use std::path::PathBuf;

use crate::Failure;
use crate::cargo::{Cargo, workspace_root};
use crate::prerequisites::{Need, require};

/// The version of cargo-fuzz that is known to work here.
const CARGO_FUZZ: &str = "0.13.2";
/// How long a target is fuzzed unless told otherwise, in seconds.
const SECONDS: u32 = 60;
/// Longest input, in bytes: promises are broken by short stories.
const INPUT_BYTES_MAX: &str = "-max_len=1024";
/// Where cargo-fuzz builds and where fuzzers keep what they find worth keeping: built, not committed.
const WORK: &str = "fuzz/target/corpus";

/// Files of a committed corpus, at most (`tests/proofs/tests/replay.rs`).
const CORPUS_FILES_MAX: usize = 60;

/// What was asked of the fuzzer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    target: String,
    job: Job,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Job {
    /// Looks for broken promises for so many seconds.
    Fuzz { seconds: u32 },
    /// Makes the committed corpus anew: of the fewest inputs that reach what all of them reach, the longest.
    Merge,
}

/// `fuzz TARGET [--seconds N | --merge]`
pub(crate) fn fuzz(arguments: &[String]) -> Result<(), Failure> {
    let asked = read(arguments, &targets()?)?;
    require(&[Need::CCompiler, Need::Make, Need::CxxCompiler])?;
    if !Cargo::new(&["fuzz", "--version"]).answers() {
        Cargo::new(&["install", "cargo-fuzz", "--locked", "--version", CARGO_FUZZ]).run().map_err(
            |failure| {
                format!(
                    "{failure}\n  cargo-fuzz is needed: `cargo install cargo-fuzz --version {CARGO_FUZZ}`"
                )
            },
        )?;
    }
    let Asked { target, job } = asked;
    let work = folder(&format!("{WORK}/{target}"))?;
    let corpus = folder(&format!("fuzz/corpus/{target}"))?;
    match job {
        Job::Fuzz { seconds } => {
            let time = format!("-max_total_time={seconds}");
            let folders = [work.as_str(), corpus.as_str()];
            run(&target, &folders, &[&time, INPUT_BYTES_MAX, "-timeout=20", "-print_final_stats=1"])
        }
        Job::Merge => {
            let fresh = format!("{corpus}.new");
            folder(&format!("fuzz/corpus/{target}.new"))?;
            let folders = [fresh.as_str(), corpus.as_str(), work.as_str()];
            run(&target, &folders, &["-set_cover_merge=1", "-use_counters=0", INPUT_BYTES_MAX])?;
            shorten(&fresh)?;
            let replace = std::fs::remove_dir_all(&corpus).and_then(|()| std::fs::rename(&fresh, &corpus));
            replace.map_err(|error| format!("failed to replace {corpus}: {error}"))
        }
    }
}

/// `search`: the larger configurations, with what they print.
pub(crate) fn search() -> Result<(), Failure> {
    require(&[Need::CCompiler, Need::Make])?;
    let call = ["test", "--package", "switchboard-proofs", "--test", "search"];
    let arguments = ["--", "--nocapture", "--test-threads=1"].map(str::to_owned);
    Cargo::new(&call).arguments(&arguments).variable("SWITCHBOARD_SEARCH", "deep").run()
}

/// Runs a fuzzer. None of our code is unsafe, so an address sanitizer would only make it slow; libFuzzer's own flags of
/// the compiler are not stable, hence `RUSTC_BOOTSTRAP`.
fn run(target: &str, folders: &[&str], options: &[&str]) -> Result<(), Failure> {
    let words = [&[target], folders, &["--"], options].concat();
    let words: Vec<String> = words.into_iter().map(str::to_owned).collect();
    Cargo::new(&["fuzz", "run", "--sanitizer", "none"])
        .arguments(&words)
        .variable("RUSTC_BOOTSTRAP", "1")
        .run()
}

/// Leaves the longest inputs of a folder, as many as a committed corpus may have.
fn shorten(folder: &str) -> Result<(), Failure> {
    let failed = |error: std::io::Error| format!("failed to shorten {folder}: {error}");
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        files.push((entry.metadata().map_err(failed)?.len(), entry.path()));
    }
    files.sort();
    let surplus = files.len().saturating_sub(CORPUS_FILES_MAX);
    files.iter().take(surplus).try_for_each(|(_, file)| std::fs::remove_file(file)).map_err(failed)
}

/// The targets there are, by their files.
fn targets() -> Result<Vec<String>, Failure> {
    let folder = workspace_root().join("fuzz/fuzz_targets");
    let entries = std::fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let files = entries.filter_map(|entry| Some(PathBuf::from(entry.ok()?.file_name())));
    let mut targets: Vec<String> =
        files.filter_map(|file| Some(file.file_stem()?.to_str()?.to_owned())).collect();
    targets.sort();
    Ok(targets)
}

fn read(arguments: &[String], targets: &[String]) -> Result<Asked, Failure> {
    let usage = || {
        format!("usage: cargo xtask fuzz TARGET [--seconds N | --merge]\n  targets: {}", targets.join(", "))
    };
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (target, job) = match words.as_slice() {
        [target] => (*target, Job::Fuzz { seconds: SECONDS }),
        [target, "--merge"] => (*target, Job::Merge),
        [target, "--seconds", seconds] => {
            let seconds =
                seconds.parse().map_err(|_| format!("`{seconds}` is no number of seconds\n{}", usage()))?;
            (*target, Job::Fuzz { seconds })
        }
        _ => return Err(usage()),
    };
    if !targets.iter().any(|known| known == target) {
        return Err(format!("no target `{target}`\n{}", usage()));
    }
    Ok(Asked { target: target.to_owned(), job })
}

/// A folder below the workspace's root, made where it is missing.
fn folder(path: &str) -> Result<String, Failure> {
    let folder = workspace_root().join(path);
    std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    Ok(folder.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(arguments: &[&str]) -> Result<Asked, Failure> {
        let arguments: Vec<String> = arguments.iter().map(|word| (*word).to_owned()).collect();
        read(&arguments, &["sse".to_owned()])
    }

    #[test]
    fn a_target_comes_with_a_time_or_a_merge() {
        let is = |job| Ok(Asked { target: "sse".to_owned(), job });
        assert_eq!(asked(&["sse"]), is(Job::Fuzz { seconds: SECONDS }));
        assert_eq!(asked(&["sse", "--seconds", "7"]), is(Job::Fuzz { seconds: 7 }));
        assert_eq!(asked(&["sse", "--merge"]), is(Job::Merge));
    }

    #[test]
    fn anything_else_is_refused_with_the_targets_there_are() {
        for wrong in
            [[].as_slice(), &["other"], &["sse", "--seconds"], &["sse", "--seconds", "x"], &["--merge"]]
        {
            assert!(asked(wrong).unwrap_err().contains("targets: sse"), "{wrong:?}");
        }
    }

    #[test]
    fn every_target_has_a_file() {
        assert!(targets().unwrap().contains(&"sse".to_owned()));
    }
}
