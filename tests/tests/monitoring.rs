//! The dashboard and the alert rules in `docs/monitoring` name metrics that there are, and Prometheus takes the rules.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use switchboard::telemetry::metrics::ALL;

fn folder() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package).join("docs/monitoring")
}

fn text(file: &str) -> String {
    std::fs::read_to_string(folder().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The names of metrics in a text, those of a histogram's parts by the histogram's.
fn named(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    let ours = words.filter(|word| word.starts_with("switchboard_"));
    let whole = |word: &str| {
        let parts = ["_bucket", "_sum", "_count"];
        let whole = parts.iter().find_map(|part| word.strip_suffix(part)).filter(|whole| ALL.contains(whole));
        whole.unwrap_or(word).to_owned()
    };
    ours.map(whole).collect()
}

#[test]
fn every_metric_that_is_named_is_one_and_the_dashboard_shows_all() {
    let all: BTreeSet<String> = ALL.iter().map(|name| (*name).to_owned()).collect();
    let dashboard = named(&text("grafana-dashboard.json"));
    assert_eq!(dashboard, all);
    for file in ["rules.yml", "rules_test.yml"] {
        let rules = named(&text(file));
        let unknown: Vec<_> = rules.difference(&all).collect();
        assert!(!rules.is_empty() && unknown.is_empty(), "{file}: {unknown:?}");
    }
}

#[test]
fn the_dashboard_is_one_that_grafana_takes() {
    let dashboard: Value = serde_json::from_str(&text("grafana-dashboard.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let ids: BTreeSet<u64> = panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
    assert_eq!(ids.len(), panels.len(), "each panel has an id of its own");
    for panel in panels.iter().filter(|panel| panel["type"] != "row") {
        let targets = panel["targets"].as_array().unwrap();
        assert!(!targets.is_empty() && panel["description"].is_string(), "{}", panel["title"]);
        for target in targets {
            let expression = target["expr"].as_str().unwrap();
            assert_eq!(expression.matches('(').count(), expression.matches(')').count(), "{expression}");
            assert!(expression.contains("$instance"), "{expression}");
        }
    }
}

/// Runs promtool, which is installed where it is missing.
fn promtool(arguments: &[&str]) {
    test_servers::installed("promtool", "prometheus");
    let run = Command::new("promtool").args(arguments).current_dir(folder()).output().unwrap();
    let (out, error) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success(), "{arguments:?}: {out}{error}");
}

#[test]
fn prometheus_takes_the_rules() {
    promtool(&["check", "rules", "rules.yml"]);
}

#[test]
fn the_rules_fire_when_they_should_and_only_then() {
    promtool(&["test", "rules", "rules_test.yml"]);
}
