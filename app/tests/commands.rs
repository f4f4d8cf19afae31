//! The binary from outside: what stands on stdout and stderr, and how it exits.
#![allow(clippy::expect_used, reason = "a test crate: helpers outside of #[test] functions may fail loudly")]

use std::process::{Command, Output};

use rstest::rstest;

/// Runs the binary in an empty folder with nothing of ours in its environment.
fn switchboard(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut command = Command::new(env!("CARGO_BIN_EXE_switchboard"));
    command.args(arguments).current_dir(folder.path()).env_clear().envs(environment.iter().copied());
    let output = command.output().expect("the binary runs");
    let left = std::fs::read_dir(folder.path()).expect("the folder is still there").count();
    assert_eq!(left, 0, "nothing may be left behind");
    output
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
}

#[test]
fn version_and_help_are_fine() {
    let version = switchboard(&["--version"], &[]);
    assert_eq!(version.status.code(), Some(0));
    assert!(text(&version.stdout).starts_with("switchboard "));
    let help = switchboard(&["--help"], &[]);
    assert_eq!(help.status.code(), Some(0));
    for command in ["demo", "serve", "check", "token", "openapi"] {
        assert!(text(&help.stdout).contains(command), "{command}");
    }
}

#[test]
fn openapi_prints_the_document_and_nothing_else() {
    let output = switchboard(&["openapi"], &[]);
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""));
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(document["openapi"], "3.1.0");
}

#[rstest]
#[case(&["nonsense"], &[], "error: unrecognized subcommand")]
#[case(&["serve", "--nonsense"], &[], "error: unexpected argument")]
#[case(&["token", "create", "--name", "a", "--role", "king"], &[], "error: invalid value 'king'")]
#[case(&["serve", "--config", "missing.toml"], &[], "switchboard: missing.toml: file: cannot be read: ")]
#[case(&["serve", "--listen", "here"], &[], "switchboard: command line: --listen: must be HOST:PORT")]
#[case(&["check", "--store", "mysql://h"], &[], "switchboard: command line: --store: must be \"file:FOLDER\", ")]
#[case(&["token", "list", "--store", "memory:"], &[], "switchboard: configuration: store.url: must be ")]
#[case(&["store", "copy", "--to", "x"], &[], "error: the following required arguments were not provided")]
#[case(&["store", "copy", "--from", "file:a", "--to", "x:s3cr3t"], &[], "switchboard: command line: --to: must be \"file:FOLDER\", ")]
#[case(&["serve"], &[("SWITCHBOARD_SECURITY__ADMIN_TOKEN", "short-s3cr3t")],
       "switchboard: environment: SWITCHBOARD_SECURITY__ADMIN_TOKEN: must be empty, or 16 to 512")]
#[case(&["demo"], &[("SWITCHBOARD_SERVER__LISTN", "x")], "switchboard: environment: SWITCHBOARD_SERVER__LISTN: unknown")]
fn a_mistake_is_one_line_on_stderr_and_exit_code_2(
    #[case] arguments: &[&str],
    #[case] environment: &[(&str, &str)],
    #[case] line: &str,
) {
    let output = switchboard(arguments, environment);
    let stderr = text(&output.stderr);
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(2), ""), "{stderr}");
    assert!(stderr.starts_with(line), "{stderr}");
    assert!(!stderr.contains("s3cr3t"));
    if stderr.starts_with("switchboard: ") {
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
    }
}
