//! `switchboard.example.toml` is valid, as it stands and with everything in it switched on, and shows every key.

use std::error::Error;
use std::path::Path;

use toml::{Table, Value};

/// The keys of each section that the outward contract names.
const SECTIONS: [(&str, &[&str]); 5] = [
    (
        "server",
        &[
            "listen",
            "public_url",
            "shutdown_grace",
            "connections_per_channel",
            "trusted_proxies",
            "tls_cert",
            "tls_key",
        ],
    ),
    ("store", &["url", "prefix"]),
    ("security", &["admin_token", "encryption_key_file"]),
    ("telemetry", &["log", "log_format", "otlp_endpoint", "metrics_public"]),
    ("network", &["ca_file"]),
];

fn example() -> std::io::Result<String> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(package.parent().unwrap_or(package).join("switchboard.example.toml"))
}

/// Settings that are switched off begin with `#` and no space; what else begins with `#` is explanation.
fn switched_on(text: &str) -> String {
    let line_on = |line: &str| match line.strip_prefix('#') {
        Some(setting) if !setting.starts_with([' ', '#']) => format!("{setting}\n"),
        Some(_) | None => format!("{line}\n"),
    };
    text.lines().map(line_on).collect()
}

fn sorted_keys(table: &Table) -> Vec<&str> {
    let mut keys: Vec<&str> = table.keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

#[test]
fn the_example_is_valid_as_it_stands_and_holds_sections_only() -> Result<(), Box<dyn Error>> {
    let table: Table = example()?.parse()?;
    assert_eq!(sorted_keys(&table), ["network", "security", "server", "store", "telemetry"]);
    Ok(())
}

#[test]
fn the_example_shows_every_key_of_every_section_and_no_other() -> Result<(), Box<dyn Error>> {
    let table: Table = switched_on(&example()?).parse()?;
    for (section, keys) in SECTIONS {
        let shown = table.get(section).and_then(Value::as_table).ok_or(section)?;
        let mut expected = keys.to_vec();
        expected.sort_unstable();
        assert_eq!(sorted_keys(shown), expected, "[{section}]");
    }
    Ok(())
}

#[test]
fn the_example_shows_an_agent_and_a_channel_that_uses_it() -> Result<(), Box<dyn Error>> {
    let table: Table = switched_on(&example()?).parse()?;
    let first = |list: &str| table.get(list)?.as_array()?.first()?.as_table();
    let agent = first("agents").ok_or("no agent")?;
    let channel = first("channels").ok_or("no channel")?;
    assert_eq!(agent.get("name"), channel.get("default_agent"));
    let parts = ["config", "user_mapping", "conversation", "access"];
    for part in parts {
        assert!(channel.get(part).is_some_and(Value::is_table), "[channels.{part}]");
    }
    Ok(())
}
