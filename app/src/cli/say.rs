//! The contract's lines on stdout, and one line on stderr when a command fails.

use std::io::Write as _;

/// One line on stdout, at once. A reader that has gone away is no reason to stop.
pub fn to_stdout(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}");
    let _ = out.flush();
}

/// One line on stderr.
pub fn to_stderr(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "switchboard: {line}");
}
