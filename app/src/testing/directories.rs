//! A kind of directory with a secret.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;
use switchboard_domain::secret::Secret;
use switchboard_ports::directory::{
    Directory, DirectoryError, DirectoryKind, DirectorySettings, Found, Query,
};
use switchboard_ports::provider::FieldError;

/// The kinds of directories of tests.
pub(crate) fn kinds() -> BTreeMap<&'static str, Arc<dyn DirectoryKind>> {
    let ldap: Arc<dyn DirectoryKind> = Arc::new(FakeLdap);
    [("ldap", ldap)].into()
}

/// Takes `url`, and `bind_password` (secret).
struct FakeLdap;

impl DirectoryKind for FakeLdap {
    fn kind(&self) -> &'static str {
        "ldap"
    }

    fn secret_fields(&self) -> &'static [&'static str] {
        &["/bind_password"]
    }

    fn check_config(&self, config: &Value, secrets_set: &[String]) -> Result<Value, Vec<FieldError>> {
        let mut errors = Vec::new();
        let mut wrong = |pointer: &str, message: &str| {
            errors.push(FieldError { pointer: pointer.to_owned(), message: message.to_owned() });
        };
        if config["url"].as_str().is_none() {
            wrong("/url", "is required");
        }
        if secrets_set.is_empty() {
            wrong("/bind_password", "is required");
        }
        if errors.is_empty() { Ok(config.clone()) } else { Err(errors) }
    }

    fn check_secret(&self, _pointer: &str, secret: &Secret) -> Result<(), String> {
        if secret.expose() == "short" { Err("must be longer".to_owned()) } else { Ok(()) }
    }

    fn build(&self, _settings: &DirectorySettings) -> Result<Arc<dyn Directory>, Vec<FieldError>> {
        Ok(Arc::new(Nobody))
    }
}

/// Knows nobody.
struct Nobody;

#[async_trait]
impl Directory for Nobody {
    async fn look_up(&self, _query: &Query) -> Result<Found, DirectoryError> {
        Ok(Found::Nobody)
    }
}
