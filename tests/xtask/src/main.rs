//! The task runner: `cargo xtask TASK`.
//!
//! It needs nothing but what it stands on: no crate, no installed tool beyond Rust with rustfmt and
//! clippy. Where `cargo-nextest` happens to be installed, tests run with it.
//! What `cargo xtask test` does is what continuous integration does, whole.

mod cargo;
mod chaos;
mod fuzz;
mod peers;
mod prerequisites;
mod tasks;

use std::process::ExitCode;

/// What a task failed with: one line for a person, already complete.
type Failure = String;

const HELP: &str = "\
cargo xtask TASK [ARGUMENTS]

Tasks:
  test            everything that continuous integration checks: formatting, clippy, documentation
                  and its examples, then all tests of all packages
  test ARGUMENTS  only the tests, with the arguments handed to the runner (a filter, for example)
  fmt             formats the workspace; `fmt --check` only looks
  lint            clippy over everything, warnings are errors, with and without the demo
  doc             the documentation of all packages into target/doc, warnings are errors
  fuzz TARGET     looks for broken promises for a minute, or `--seconds N`; `--merge` makes the committed
                  corpus of the target anew. Installs cargo-fuzz where it is missing
  bench [NAMES]   `machines`: steps a second of the pure machines; `latency`: what is added to an agent's time; `isolation`: what
                  hung conversations cost the others, and how fast commands act under load; `quota`: two hundred answers at
                  once at 20 calls a second; `footprint`: file, start and memory; `growth`: the same with 1, 2, 4 and 8 times
                  as much; `pages`: how long the panel's pages take with 500 channels and 100,000 messages. Without a name all of
                  these. By name alone: `replicas`: what channels and conversations cost two replicas and their Redis;
                  `failover`: how long conversations stand still whose replica is killed. `--debug` measures without
                  optimisation, which builds faster
  soak            an hour at half of what the server carries, with figures every quarter of an hour; SWITCHBOARD_SOAK_SECONDS and
                  SWITCHBOARD_SOAK_RATE in the environment change that
  bench-peers     Switchboard beside minimal bots on DingTalk's official Python and Node SDKs, on one simulated platform; installs
                  the SDKs into the target folder. MESSAGES, WARM_UP, IN_FLIGHT and RUNS in the environment change the amount
  search          the exhaustive search of the machines in its larger configurations
  chaos [CASE]    the real binary under random schedules, one case after the other, with the raw counts; `--seed N`,
                  `--rate N` (messages a second), `--seconds N`, or `--kills N` for the case that only kills, `--plain`
                  without cards
  run ARGUMENTS   switchboard itself, unoptimised: `cargo xtask run demo`
  help            this text

The test runner is cargo-nextest where it is installed, else `cargo test`.
";

/// Exit code for a call that names no task of ours, as the program itself uses it.
const EXIT_USAGE: u8 = 2;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (task, rest) = match arguments.split_first() {
        Some((task, rest)) => (task.as_str(), rest),
        None => ("help", [].as_slice()),
    };
    let outcome = match (task, rest) {
        ("test", []) => tasks::test_everything(),
        ("test", _) => tasks::test_selected(rest),
        ("fmt", []) => tasks::format(tasks::Formatting::Write),
        ("fmt", [flag]) if flag == "--check" => tasks::format(tasks::Formatting::Check),
        ("lint", []) => tasks::lint(),
        ("doc", []) => tasks::document(),
        ("fuzz", _) => fuzz::fuzz(rest),
        ("search", []) => fuzz::search(),
        ("chaos", _) => chaos::chaos(rest),
        ("bench", _) => tasks::bench(rest),
        ("soak", []) => tasks::soak(),
        ("bench-peers", []) => peers::bench_peers(),
        ("run", _) => tasks::run(rest),
        ("help" | "--help" | "-h", _) => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        _ => {
            eprintln!("xtask: no task `{}`\n\n{HELP}", arguments.join(" "));
            return ExitCode::from(EXIT_USAGE);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("xtask: {failure}");
            ExitCode::FAILURE
        }
    }
}
