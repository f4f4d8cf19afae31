//! What administrators do to users, written into the audit list.

use switchboard_ports::audit::{AuditAct, AuditLine};
use switchboard_ports::users::{Identity, User};

use crate::http::state::Api;

/// Writes an act down. It has been done already: where the list cannot be written, the log has it.
pub(super) async fn note(api: &Api, act: AuditAct, user: &User, identity: Option<&Identity>) {
    let line = AuditLine {
        at: api.ports.clock.now(),
        act,
        rule: String::from("api"),
        source: String::from("api"),
        channel: None,
        platform: identity.map(|identity| identity.platform.clone()).unwrap_or_default(),
        im_user_id: identity.map(|identity| identity.im_user_id.clone()).unwrap_or_default(),
        user: user.id.clone(),
        username: user.username.clone(),
    };
    if let Err(error) = api.ports.audit.append(&line).await {
        tracing::warn!(user = %user.id, ?act, %error, "failed to write the audit list");
    }
}
