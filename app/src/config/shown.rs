//! The configuration as it is in force, for a bug report: without secrets.

use serde_json::{Value, json};

use super::{Config, LogFormat};

impl Config {
    /// Every section, with `***` in the place of secrets.
    #[must_use]
    pub fn shown(&self) -> Value {
        let Self { server, store, security, telemetry, network, alerts, declared } = self;
        let millis = |span: std::time::Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        let secret = |is_set: bool| is_set.then_some("***");
        let format = match telemetry.log_format {
            LogFormat::Text => "text",
            LogFormat::Json => "json",
        };
        json!({
            "server": {
                "listen": server.listen,
                "public_url": server.public_url.as_ref().map(|url| url.origin().ascii_serialization()),
                "shutdown_grace_ms": millis(server.shutdown_grace),
                "connections_per_channel": server.connections_per_channel,
                "trusted_proxies": server.trusted_proxies.iter().map(ToString::to_string).collect::<Vec<_>>(),
                "tls": server.tls.is_some(),
            },
            // Without a password.
            "store": {"url": store.url.to_string(), "prefix": store.prefix},
            "security": {
                "admin_token": secret(security.admin_token.is_some()),
                "encryption_key_file": security.encryption_key_file,
            },
            "telemetry": {
                "log": telemetry.log,
                "log_format": format,
                "metrics_public": telemetry.metrics_public,
                // Without what may be a key in its path.
                "otlp_endpoint": telemetry.otlp_endpoint.as_ref().map(|url| url.origin().ascii_serialization()),
            },
            "network": {
                "ca_file": network.ca_file.is_some(),
                "http_proxy": secret(network.plain_proxy.is_some()),
                "https_proxy": secret(network.tls_proxy.is_some()),
            },
            "alerts": {
                "webhook_url": secret(alerts.webhook_url.is_some()),
                "hmac_key": secret(alerts.hmac_key.is_some()),
                "after_ms": millis(alerts.after),
                "repeat_ms": millis(alerts.repeat),
            },
            "declared": {"agents": declared.agents.len(), "channels": declared.channels.len()},
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::config::{self, Environment, Overrides};

    #[test]
    fn no_secret_of_the_configuration_is_shown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sb.toml");
        let text = "[security]\nadmin_token = \"s3cr3t-0123456789\"\n[store]\nurl = \"redis://:s3cr3t@127.0.0.1:6379\"\n\
            [alerts]\nwebhook_url = \"https://hooks.example.com/s3cr3t\"\nhmac_key = \"s3cr3t-0123456789\"\nafter = \"1m\"\n";
        std::fs::write(&path, text).unwrap();
        let overrides = Overrides { config: Some(path), ..Overrides::default() };
        let shown = config::load(&overrides, &Environment::default()).unwrap().shown();
        assert!(!shown.to_string().contains("s3cr3t"), "{shown}");
        assert_eq!(shown["alerts"]["webhook_url"], "***");
        assert_eq!(
            (shown["alerts"]["after_ms"].as_u64(), shown["alerts"]["repeat_ms"].as_u64()),
            (Some(60_000), Some(14_400_000))
        );
        assert_eq!(shown["store"]["url"], "redis://127.0.0.1:6379");
    }
}
