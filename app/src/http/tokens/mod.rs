//! `/tokens`: what opens the API and the panel. A token itself is shown once, when it is made.

pub mod create;
pub mod delete;
pub mod list;

use serde::Serialize;
use switchboard_ports::tokens::Token;
use utoipa::ToSchema;

use super::auth::{bootstrap, role_name};
use super::dto::time::rfc3339;
use super::state::Api;

/// A token, but for itself.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TokenView {
    /// Its id, `tok_…`.
    pub id: String,
    /// Its name, unique.
    pub name: String,
    /// `viewer`, `operator` or `admin`.
    pub role: &'static str,
    /// When it was made.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// When this server was last asked with it; null where it was not since the server started.
    #[schema(format = DateTime)]
    pub last_used_at: Option<String>,
    /// Whether it is the one that a first start made.
    pub bootstrap: bool,
}

impl TokenView {
    /// What is known of a stored token.
    #[must_use]
    pub fn of(api: &Api, token: &Token) -> Self {
        Self {
            id: token.id.clone(),
            name: token.name.clone(),
            role: role_name(token.role),
            created_at: rfc3339(token.created_at),
            last_used_at: api.authenticator.last_use(&token.hash).map(rfc3339),
            bootstrap: token.name == bootstrap::NAME,
        }
    }
}

#[cfg(test)]
mod tests;
