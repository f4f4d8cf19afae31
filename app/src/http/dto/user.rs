//! Users on the wire.

use serde::Serialize;
use switchboard_ports::users::User;
use utoipa::ToSchema;

use super::time::rfc3339;

/// A company user.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct UserView {
    /// Its id, `usr_…`.
    pub id: String,
    /// Unique without regard to case.
    pub username: String,
    /// E-mail address.
    pub email: Option<String>,
    /// Whether the address is known to be the user's.
    pub email_verified: bool,
    /// Name to show.
    pub display_name: String,
    /// Where the user comes from: a platform's name, `api`, …
    pub auth_source: String,
    /// Disabled users are refused with one sentence.
    pub disabled: bool,
    /// The department, where a directory or somebody told one.
    pub department: Option<String>,
    /// The directory that vouches for the user: when it no longer knows the user, access ends.
    pub directory: Option<String>,
    /// The directory that said last that the user has no access (any more); null where none did, or one let it in since.
    pub shut_out_by: Option<String>,
    /// Links to platforms.
    pub identities: Vec<IdentityView>,
    /// Counts changes, links excepted; also the `ETag`.
    pub version: u64,
    /// When it was made.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// When it was last changed.
    #[schema(format = DateTime)]
    pub updated_at: String,
}

/// Somebody's identity on a platform.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct IdentityView {
    /// The platform.
    pub platform: String,
    /// The platform's id of the person.
    pub im_user_id: String,
}

impl From<User> for UserView {
    fn from(user: User) -> Self {
        let identities = user
            .identities
            .into_iter()
            .map(|identity| IdentityView { platform: identity.platform, im_user_id: identity.im_user_id })
            .collect();
        Self {
            id: user.id.to_string(),
            username: user.username,
            email: user.email,
            email_verified: user.email_verified,
            display_name: user.display_name,
            auth_source: user.auth_source,
            disabled: user.disabled,
            department: user.department,
            directory: user.directory,
            shut_out_by: user.shut_out_by,
            identities,
            version: user.version.0,
            created_at: rfc3339(user.created_at),
            updated_at: rfc3339(user.updated_at),
        }
    }
}
