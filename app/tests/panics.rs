//! What the process says of a panic.

use std::process::Command;

use switchboard::config::{LogFormat, Telemetry};
use switchboard::telemetry::{logs, panics};

const CHILD: &str = "SWITCHBOARD_TEST_PANICS";

/// Runs in a process of its own: the hook is the whole process's.
#[test]
fn a_panic_says_where_and_nothing_of_its_words() {
    if let Some(how) = std::env::var_os(CHILD) {
        panics::hush();
        if how == "logging" {
            let log = String::from("info");
            logs::init(&Telemetry {
                log,
                log_format: LogFormat::Json,
                otlp_endpoint: None,
                metrics_public: false,
            });
        }
        let text = String::from("what somebody wrote");
        panic!("cannot cut `{text}`");
    }
    for how in ["silent", "logging"] {
        let itself = std::env::current_exe().unwrap();
        let name = "a_panic_says_where_and_nothing_of_its_words";
        let mut child = Command::new(itself);
        let ended = child.args(["--exact", name, "--nocapture"]).env(CHILD, how).output().unwrap();
        let said =
            [ended.stdout, ended.stderr].map(|said| String::from_utf8_lossy(&said).into_owned()).concat();
        assert!(!ended.status.success(), "{said}");
        assert!(said.contains(&format!("panicked at {}:", file!())), "{how}: {said}");
        assert!(!said.contains("somebody") && !said.contains("cannot cut"), "{how}: {said}");
    }
}
