//! What is accepted, what is refused, and with which line.

use std::path::PathBuf;
use std::time::Duration;

use rstest::rstest;

use super::{Config, ConfigError, Environment, LogFormat, Overrides, StoreUrl, load};

fn with(file: &str, environment: &Environment) -> Result<Config, ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sb.toml");
    std::fs::write(&path, file).unwrap();
    let overrides = Overrides { config: Some(path), ..Overrides::default() };
    load(&overrides, environment).map_err(|error| {
        let origin = error.origin.rsplit('/').next().unwrap_or_default().to_owned();
        ConfigError { origin, ..error }
    })
}

fn refusal(file: &str, environment: &Environment) -> String {
    with(file, environment).unwrap_err().to_string()
}

#[test]
fn nothing_given_means_the_defaults_of_the_contract() {
    let config = load(&Overrides::default(), &Environment::default()).unwrap();
    assert_eq!(config.server.listen, "127.0.0.1:8080");
    assert_eq!(config.server.shutdown_grace, Duration::from_secs(20));
    assert_eq!(config.server.connections_per_channel, 2);
    assert_eq!(config.store.url, StoreUrl::File(PathBuf::from("./switchboard-data")));
    assert_eq!(config.store.prefix, "switchboard");
    assert_eq!(config.security.admin_token, None);
    assert_eq!(config.security.encryption_key_file, PathBuf::from("./switchboard-data/key"));
    assert_eq!(config.telemetry.log, "info");
    assert_eq!(config.telemetry.log_format, LogFormat::Text);
    assert!(!config.telemetry.metrics_public);
}

#[test]
fn the_contracts_own_example_is_accepted() {
    let file = r#"
        [server]
        listen = "127.0.0.1:8080"
        public_url = "https://im.example.com"
        shutdown_grace = "20s"
        connections_per_channel = 2
        trusted_proxies = []
        [store]
        url = "file:./switchboard-data"
        prefix = "switchboard"
        [security]
        admin_token = ""
        encryption_key_file = "./switchboard-data/key"
        [telemetry]
        log = "info"
        log_format = "text"
        otlp_endpoint = ""
        metrics_public = false
        [network]
        ca_file = ""
    "#;
    assert!(with(file, &Environment::default()).is_ok());
}

#[test]
fn the_environment_wins_over_the_file_and_an_option_over_both() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sb.toml");
    std::fs::write(&path, "[server]\nlisten = \"127.0.0.1:1\"\nshutdown_grace = \"1s\"").unwrap();
    let environment = Environment::of([
        ("SWITCHBOARD_SERVER__LISTEN", "127.0.0.1:2"),
        ("SWITCHBOARD_SERVER__SHUTDOWN_GRACE", "500ms"),
        ("SWITCHBOARD_SERVER__CONNECTIONS_PER_CHANNEL", "3"),
        ("SWITCHBOARD_TELEMETRY__METRICS_PUBLIC", "true"),
        ("SWITCHBOARD_SERVICE_HOST", "10.0.0.1"),
    ]);
    let overrides =
        Overrides { config: Some(path), listen: Some("[::1]:3".into()), store: Some("memory:".into()) };
    let config = load(&overrides, &environment).unwrap();
    assert_eq!(config.server.listen, "[::1]:3");
    assert_eq!(config.server.shutdown_grace, Duration::from_millis(500));
    assert_eq!(config.server.connections_per_channel, 3);
    assert!(config.telemetry.metrics_public);
    assert_eq!(config.store.url, StoreUrl::Memory);
}

#[rstest]
#[case("[server]\nlisten = 8080", "sb.toml: server.listen: must be HOST:PORT")]
#[case("[server]\nlisten = \":8080\"", "sb.toml: server.listen: must be HOST:PORT")]
#[case("[server]\nlisten = \"localhost:99999\"", "sb.toml: server.listen: must be HOST:PORT")]
#[case("[server]\nlistn = \"x:1\"", "sb.toml: server.listn: unknown key, allowed are listen, public_url")]
#[case("[server]\nshutdown_grace = \"20\"", "sb.toml: server.shutdown_grace: must be a duration")]
#[case("[server]\nshutdown_grace = \"11m\"", "sb.toml: server.shutdown_grace: must be a duration")]
#[case("[server]\nconnections_per_channel = 11", "sb.toml: server.connections_per_channel: must be a whole")]
#[case("[server]\npublic_url = \"im.example.com\"", "sb.toml: server.public_url: must be an address")]
#[case(
    "[server]\ntls_cert = \"a.pem\"",
    "sb.toml: server.tls_cert: must be given together with server.tls_key"
)]
#[case(
    "[server]\ntls_key = \"a.pem\"",
    "sb.toml: server.tls_key: must be given together with server.tls_cert"
)]
#[case(
    "[server]\ntls_cert = 1",
    "sb.toml: server.tls_cert: must be the path of a PEM file with the server's"
)]
#[case("[server]\ntrusted_proxies = [\"10.0.0.0/33\"]", "sb.toml: server.trusted_proxies: must be a list of")]
#[case(
    "[server]\ntrusted_proxies = [\"proxy.example\"]",
    "sb.toml: server.trusted_proxies: must be a list of"
)]
#[case("[server]\ntrusted_proxies = [1]", "sb.toml: server.trusted_proxies: must be a list of")]
#[case("[server]\ntrusted_proxies = true", "sb.toml: server.trusted_proxies: must be a list of")]
#[case(
    "[store]\nurl = \"redis:h\"",
    "sb.toml: store.url: must be \"file:FOLDER\", \"memory:\", \"redis://HOST:PORT\""
)]
#[case(
    "[store]\nurl = \"redis://:6379\"",
    "sb.toml: store.url: must be \"redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE]\""
)]
#[case(
    "[store]\nurl = \"redis://host?password=secret\"",
    "sb.toml: store.url: must be \"redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE]\""
)]
#[case("[store]\nurl = \"mysql://h\"", "sb.toml: store.url: must be \"file:FOLDER\", \"memory:\"")]
#[case("[store]\nurl = \"file:\"", "sb.toml: store.url: must be \"file:FOLDER\", \"memory:\"")]
#[case("[security]\nadmin_token = \"short\"", "sb.toml: security.admin_token: must be empty, or 16 to 512")]
#[case("[telemetry]\nlog = \"a=b=c\"", "sb.toml: telemetry.log: must be a tracing filter")]
#[case("[telemetry]\nlog_format = \"xml\"", "sb.toml: telemetry.log_format: must be \"text\" or \"json\"")]
#[case(
    "[telemetry]\notlp_endpoint = \"h:4318\"",
    "sb.toml: telemetry.otlp_endpoint: must be empty, or an address"
)]
#[case(
    "[telemetry]\notlp_endpoint = \"grpc://h:4317\"",
    "sb.toml: telemetry.otlp_endpoint: must be empty, or an address"
)]
#[case(
    "[telemetry]\notlp_endpoint = \"http://a:b@h\"",
    "sb.toml: telemetry.otlp_endpoint: must be empty, or an address"
)]
#[case("[network]\nca_file = 1", "sb.toml: network.ca_file: must be empty, or the path of a PEM file")]
#[case("[nonsense]\na = 1", "sb.toml: nonsense: unknown section, allowed are [server], [store]")]
#[case("server = 1", "sb.toml: server: must be a section: [NAME]")]
#[case("[agents]\nname = \"a\"", "sb.toml: agents: must be tables, each one begins with [[agents]]")]
#[case("[server]\nlisten = \"a:1", "sb.toml: line 2, column ")]
#[case(
    "[[channels]]\nname = \"a\"\n[channels.config]\nclient_secret = \"${NO}\"",
    "sb.toml: channels[0].config.client_secret: environment variable NO is not set"
)]
#[case("[server]\nlisten = \"${HALF\"", "sb.toml: server.listen: \"${\" needs a closing \"}\"")]
fn a_mistake_in_the_file_is_one_line_with_file_key_and_what_is_allowed(
    #[case] file: &str,
    #[case] line: &str,
) {
    let refusal = refusal(file, &Environment::default());
    assert!(refusal.starts_with(line), "{refusal}");
    assert!(!refusal.contains('\n'));
}

#[rstest]
#[case(
    "SWITCHBOARD_SERVER__LISTN",
    "x",
    "environment: SWITCHBOARD_SERVER__LISTN: unknown key, allowed are LISTEN"
)]
#[case(
    "SWITCHBOARD_SRV__LISTEN",
    "x",
    "environment: SWITCHBOARD_SRV__LISTEN: unknown section, allowed are SERVER"
)]
#[case("SWITCHBOARD_server__LISTEN", "x", "environment: SWITCHBOARD_server__LISTEN: unknown key")]
#[case("SWITCHBOARD_SERVER__SHUTDOWN_GRACE", "", "environment: SWITCHBOARD_SERVER__SHUTDOWN_GRACE: must be")]
#[case("SWITCHBOARD_STORE__URL", "rediss://u:s3cr3t@", "environment: SWITCHBOARD_STORE__URL: must be")]
#[case(
    "SWITCHBOARD_SECURITY__ADMIN_TOKEN",
    "s3cr3t",
    "environment: SWITCHBOARD_SECURITY__ADMIN_TOKEN: must be"
)]
fn a_mistake_in_the_environment_names_the_variable_and_never_its_value(
    #[case] name: &str,
    #[case] value: &str,
    #[case] line: &str,
) {
    let refusal = load(&Overrides::default(), &Environment::of([(name, value)])).unwrap_err().to_string();
    assert!(refusal.starts_with(line), "{refusal}");
    assert!(!refusal.contains("s3cr3t"));
}

#[test]
fn variables_are_filled_into_strings_everywhere_and_can_be_escaped() {
    let file = "[[agents]]\nname = \"a\"\napi_key = \"k-${KEY}\"\nsystem_prompt = \"say $${this}\"\n\
                headers = { X = \"${KEY}${KEY}\" }\n[[channels]]\nname = \"b\"";
    let config = with(file, &Environment::of([("KEY", "1${2}")])).unwrap();
    assert_eq!(config.declared.agents[0]["api_key"], "k-1${2}");
    assert_eq!(config.declared.agents[0]["system_prompt"], "say ${this}");
    assert_eq!(config.declared.agents[0]["headers"]["X"], "1${2}1${2}");
    assert_eq!(config.declared.channels[0]["name"], "b");
}

#[test]
fn a_missing_file_is_named() {
    let overrides = Overrides { config: Some(PathBuf::from("/nowhere/sb.toml")), ..Overrides::default() };
    let refusal = load(&overrides, &Environment::default()).unwrap_err().to_string();
    assert!(refusal.starts_with("/nowhere/sb.toml: file: cannot be read: "), "{refusal}");
}

#[test]
fn debug_output_of_the_configuration_hides_the_token() {
    let environment = Environment::of([("SWITCHBOARD_SECURITY__ADMIN_TOKEN", "s3cr3t-s3cr3t-s3cr3t")]);
    let config = load(&Overrides::default(), &environment).unwrap();
    assert!(!format!("{config:?}").contains("s3cr3t"));
}

#[test]
fn trusted_proxies_are_addresses_and_ranges_in_the_file_and_in_the_environment() {
    let expected = ["127.0.0.1/32", "10.0.0.0/8", "::1/128", "10.9.9.9/32"].map(|net| net.parse().unwrap());
    let file = "[server]\ntrusted_proxies = [\"127.0.0.1\", \"10.0.0.0/8\", \"::1\", \"::ffff:10.9.9.9\"]";
    assert_eq!(with(file, &Environment::default()).unwrap().server.trusted_proxies, expected);
    let list = "127.0.0.1,10.0.0.0/8, ::1 ,::ffff:10.9.9.9";
    let environment = Environment::of([("SWITCHBOARD_SERVER__TRUSTED_PROXIES", list)]);
    assert_eq!(load(&Overrides::default(), &environment).unwrap().server.trusted_proxies, expected);
    let many = vec!["\"10.0.0.1\""; 257].join(",");
    let refusal = refusal(&format!("[server]\ntrusted_proxies = [{many}]"), &Environment::default());
    assert!(refusal.contains("at most 256"), "{refusal}");
}

#[test]
fn empty_paths_are_no_files() {
    let file = "[server]\ntls_cert = \"\"\ntls_key = \"\"\n[network]\nca_file = \"\"";
    let config = with(file, &Environment::default()).unwrap();
    assert_eq!((config.server.tls, config.network.ca_file), (None, None));
}

/// The variables that name the proxies for plain and for TLS connections, and the exceptions.
fn proxies<const N: usize>(variables: [(&str, &str); N]) -> (Option<String>, Option<String>, String) {
    let network = load(&Overrides::default(), &Environment::of(variables)).unwrap().network;
    let shown = |variable: Option<super::ProxyVariable>| {
        variable.map(|variable| format!("{} {}", variable.name, variable.address.expose()))
    };
    (shown(network.plain_proxy), shown(network.tls_proxy), network.no_proxy.list)
}

#[test]
fn proxies_come_from_the_environment_in_capitals_and_in_small_letters() {
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(proxies([]), (None, None, String::new()));
    let both = [("HTTP_PROXY", "p"), ("https_proxy", "t"), ("no_proxy", "a,b")];
    assert_eq!(proxies(both), (some("HTTP_PROXY p"), some("https_proxy t"), String::from("a,b")));
    let rivals = [("HTTPS_PROXY", "T"), ("https_proxy", "t"), ("NO_PROXY", ""), ("no_proxy", "a")];
    assert_eq!(proxies(rivals), (None, some("HTTPS_PROXY T"), String::new()));
    let all = [("ALL_PROXY", "a"), ("HTTPS_PROXY", "t")];
    assert_eq!(proxies(all), (some("ALL_PROXY a"), some("HTTPS_PROXY t"), String::new()));
    let empty = [("all_proxy", "a"), ("HTTPS_PROXY", " ")];
    assert_eq!(proxies(empty), (some("all_proxy a"), some("all_proxy a"), String::new()));
}

#[test]
fn debug_output_of_the_configuration_hides_the_passwords_of_proxies() {
    let environment = Environment::of([("HTTPS_PROXY", "http://ann:s3cr3t@p:1")]);
    let config = load(&Overrides::default(), &environment).unwrap();
    assert!(!format!("{config:?}").contains("s3cr3t"));
}
