//! The first admin token.

use switchboard_ports::clock::{Clock, Entropy};
use switchboard_ports::error::StoreError;
use switchboard_ports::tokens::{Role, Token, TokenStore};
use thiserror::Error;

use super::token;
use crate::http::state::new_id;

/// Name of the token made at first start.
pub const NAME: &str = "bootstrap-admin";

/// Why there is no first token.
#[derive(Debug, Error)]
pub enum BootstrapError {
    /// The store did not take it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The operating system gave no random numbers.
    #[error("the operating system gave no random numbers: {0}")]
    Random(String),
}

/// Makes an admin token where the store has no token at all; the caller shows it once. `None` where there are tokens,
/// or where another replica made the first one at the same moment.
pub async fn first_admin_token(
    tokens: &dyn TokenStore,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
) -> Result<Option<String>, BootstrapError> {
    if !tokens.list().await?.is_empty() {
        return Ok(None);
    }
    match made(NAME, Role::Admin, tokens, clock, entropy).await {
        Ok(shown) => Ok(Some(shown)),
        Err(BootstrapError::Store(StoreError::Duplicate(_))) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Makes and stores a token; the answer is the token itself, which nobody will ever see again.
pub async fn made(
    name: &str,
    role: Role,
    tokens: &dyn TokenStore,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
) -> Result<String, BootstrapError> {
    made_whole(name, role, tokens, clock, entropy).await.map(|(_, shown)| shown)
}

/// The same, with what is stored of it.
pub async fn made_whole(
    name: &str,
    role: Role,
    tokens: &dyn TokenStore,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
) -> Result<(Token, String), BootstrapError> {
    let shown = token::fresh().map_err(|error| BootstrapError::Random(error.to_string()))?;
    let stored = Token {
        id: new_id("tok", entropy),
        name: name.to_owned(),
        role,
        hash: token::hash(&shown),
        created_at: clock.now(),
    };
    tokens.insert(&stored).await?;
    Ok((stored, shown))
}
