//! What administrators do to users, as the audit list has it.

use switchboard_domain::time::Timestamp;
use switchboard_ports::audit::{AuditAct, AuditLine};
use switchboard_ports::users::{Identity, User};

/// The line of an act.
pub(super) fn note(now: Timestamp, act: AuditAct, user: &User, identity: Option<&Identity>) -> AuditLine {
    AuditLine {
        at: now,
        act,
        rule: String::from("api"),
        source: String::from("api"),
        channel: None,
        platform: identity.map(|identity| identity.platform.clone()).unwrap_or_default(),
        im_user_id: identity.map(|identity| identity.im_user_id.clone()).unwrap_or_default(),
        user: user.id.clone(),
        username: user.username.clone(),
    }
}
