//! What an agent is told of who asks, in the agent's record.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use switchboard_ports::agents::{AgentIdentity, IdentityToken};
use switchboard_ports::error::StoreError;

use super::{Row, millis};

const SECRET: &str = "identity/token/secret";

/// What is told.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct IdentityRecord {
    metadata: bool,
    email: bool,
    department: bool,
    token: Option<TokenRecord>,
}

#[derive(Debug, Serialize, Deserialize)]
struct TokenRecord {
    secret_sealed: String,
    header: String,
    issuer: String,
    audience: Option<String>,
    lifetime_ms: u64,
}

impl IdentityRecord {
    pub(super) fn seal(from: &AgentIdentity, row: &Row<'_>) -> Result<Option<Self>, StoreError> {
        if *from == AgentIdentity::default() {
            return Ok(None);
        }
        let seal = |token: &IdentityToken| {
            Ok::<_, StoreError>(TokenRecord {
                secret_sealed: row.seal(SECRET, &token.secret)?,
                header: token.header.clone(),
                issuer: token.issuer.clone(),
                audience: token.audience.clone(),
                lifetime_ms: millis(token.lifetime),
            })
        };
        Ok(Some(Self {
            metadata: from.metadata,
            email: from.email,
            department: from.department,
            token: from.token.as_ref().map(seal).transpose()?,
        }))
    }

    pub(super) fn open(self, row: &Row<'_>) -> Result<AgentIdentity, StoreError> {
        let open = |token: TokenRecord| {
            Ok::<_, StoreError>(IdentityToken {
                secret: row.open(SECRET, &token.secret_sealed)?,
                header: token.header,
                issuer: token.issuer,
                audience: token.audience,
                lifetime: Duration::from_millis(token.lifetime_ms),
            })
        };
        Ok(AgentIdentity {
            metadata: self.metadata,
            email: self.email,
            department: self.department,
            token: self.token.map(open).transpose()?,
        })
    }
}
