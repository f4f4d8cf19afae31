//! Users on the wire, inwards: whole documents and merge patches checked into the port's type.

use serde_json::Value;
use switchboard_domain::ids::{UserId, Version};
use switchboard_domain::mapping::USERNAME_BYTES_MAX;
use switchboard_domain::time::Timestamp;
use switchboard_domain::username::reads_as_it_is;
use switchboard_ports::provider::FieldError;
use switchboard_ports::users::{IDENTITIES_MAX, Identity, User};
use utoipa::ToSchema;

use super::channel_input::Providers;
use super::fields::{self, Fields, Reader, must_be};
use super::merge;
use super::user::UserView;

/// Longest username, in characters; a platform's id has [`USERNAME_BYTES_MAX`] bytes at most.
const USERNAME_CHARS_MAX: usize = USERNAME_BYTES_MAX;
const EMAIL_CHARS_MAX: usize = 254;
const DISPLAY_NAME_CHARS_MAX: usize = 200;
const DEPARTMENT_CHARS_MAX: usize = 200;
/// Longest id of a person on a platform, in bytes.
const IM_USER_ID_BYTES_MAX: usize = 512;

/// What only the server says of a user, beside what it says of everything.
const READ_ONLY: [&str; 4] = ["auth_source", "directory", "shut_out_by", "identities"];

// For the API's document only: reading one is `created` and `patched`, which name all mistakes at once.
/// A user as it is made.
#[derive(Debug, ToSchema)]
#[schema(as = UserInput)]
pub struct UserInput {
    /// Unique without regard to case; one line.
    #[schema(min_length = 1, max_length = 128)]
    pub username: String,
    /// E-mail address.
    #[schema(max_length = 254)]
    pub email: Option<String>,
    /// Whether the address is known to be the user's: only then does `match_email` find it. A patch that changes the address
    /// and does not say `true` here makes it false.
    #[schema(default = false)]
    pub email_verified: Option<bool>,
    /// Name to show; the username, if there is none.
    #[schema(max_length = 200)]
    pub display_name: Option<String>,
    /// The department.
    #[schema(max_length = 200)]
    pub department: Option<String>,
    /// Whether the user is refused with one sentence.
    #[schema(default = false)]
    pub disabled: Option<bool>,
    /// Links to platforms, for a new user; later they have paths of their own.
    #[schema(max_items = 100)]
    pub identities: Option<Vec<IdentityInput>>,
}

/// Somebody's identity on a platform.
#[derive(Debug, ToSchema)]
#[schema(as = IdentityInput)]
pub struct IdentityInput {
    /// The platform.
    #[schema(example = "dingtalk")]
    pub platform: String,
    /// The platform's id of the person.
    #[schema(max_length = 512)]
    pub im_user_id: String,
}

/// What is wrong with a platform's id of a person; text alone can be one.
pub fn check_im_user_id(text: Option<&str>) -> Result<(), String> {
    let fits = |text: &&str| {
        !text.trim().is_empty() && text.len() <= IM_USER_ID_BYTES_MAX && !text.contains(char::is_control)
    };
    let allowed = || format!("must be text on one line of {IM_USER_ID_BYTES_MAX} bytes at most");
    text.filter(fits).map(drop).ok_or_else(allowed)
}

/// What is wrong with an identity, and in which of its fields.
pub fn check_identity(identity: &Identity, providers: &Providers) -> Result<(), (&'static str, String)> {
    if !providers.contains_key(identity.platform.as_str()) {
        return Err(("platform", must_be(providers.keys().copied())));
    }
    check_im_user_id(Some(&identity.im_user_id)).map_err(|message| ("im_user_id", message))?;
    // Nobody who writes has such an id: authors with one are guests.
    if !reads_as_it_is(&identity.im_user_id) {
        return Err(("im_user_id", String::from("may not have characters that cannot be seen")));
    }
    Ok(())
}

/// A new user out of a whole document.
pub fn created(
    document: &Value,
    id: UserId,
    now: Timestamp,
    providers: &Providers,
) -> Result<User, Vec<FieldError>> {
    fields::object(document)?;
    let mut fields = Fields::default();
    let mut reader = Reader::new(document, &mut fields);
    let identities = identities(&mut reader, providers);
    let user = User {
        id,
        auth_source: String::from("api"),
        directory: None,
        shut_out_by: None,
        identities,
        version: Version(1),
        created_at: now,
        updated_at: now,
        ..read(&mut reader)
    };
    reader.finish();
    fields.into_result(user)
}

/// A stored user with a merge patch over it.
pub fn patched(stored: &User, mut patch: Value, now: Timestamp) -> Result<User, Vec<FieldError>> {
    fields::object(&patch)?;
    let mut fields = Fields::default();
    let says_verified = patch.get("email_verified") == Some(&Value::Bool(true));
    let mut current = serde_json::to_value(UserView::from(stored.clone())).unwrap_or_default();
    merge::take_unchanged(&mut current, &mut patch, &READ_ONLY, &mut fields);
    let document = merge::merged(current, patch, &mut fields);
    let mut reader = Reader::new(&document, &mut fields);
    let mut user = User {
        id: stored.id.clone(),
        auth_source: stored.auth_source.clone(),
        directory: stored.directory.clone(),
        choices: stored.choices.clone(),
        shut_out_by: stored.shut_out_by.clone(),
        identities: stored.identities.clone(),
        version: stored.version,
        created_at: stored.created_at,
        updated_at: now,
        ..read(&mut reader)
    };
    reader.finish();
    // That an address is known to be somebody's says nothing of another one.
    user.email_verified &= says_verified || is_same_address(stored, &user);
    fields.into_result(user)
}

fn is_same_address(one: &User, other: &User) -> bool {
    let folded = |user: &User| user.email.as_deref().map(str::to_lowercase);
    folded(one) == folded(other)
}

/// What a document says itself.
fn read(reader: &mut Reader<'_>) -> User {
    let username = reader.name("username", USERNAME_CHARS_MAX);
    if username.len() > USERNAME_BYTES_MAX {
        reader.wrong("username", format!("may have {USERNAME_BYTES_MAX} bytes at most"));
    }
    let email = reader.line("email", EMAIL_CHARS_MAX);
    if email.as_deref().is_some_and(|email| !is_address(email)) {
        reader.wrong("email", "must be an e-mail address");
    }
    let verified = reader.flag("email_verified", false);
    let display_name = reader.line("display_name", DISPLAY_NAME_CHARS_MAX);
    User {
        id: UserId::new(""),
        email_verified: verified && email.is_some(),
        email,
        display_name: display_name.unwrap_or_else(|| username.clone()),
        username,
        auth_source: String::new(),
        disabled: reader.flag("disabled", false),
        department: reader.line("department", DEPARTMENT_CHARS_MAX),
        directory: None,
        choices: std::collections::BTreeMap::new(),
        shut_out_by: None,
        identities: Vec::new(),
        version: Version(1),
        created_at: Timestamp::from_millis(0),
        updated_at: Timestamp::from_millis(0),
    }
}

fn is_address(text: &str) -> bool {
    let parts = text.split_once('@').filter(|(local, host)| !local.is_empty() && !host.is_empty());
    parts.is_some_and(|(_, host)| !host.contains('@')) && !text.contains(char::is_whitespace)
}

fn identities(reader: &mut Reader<'_>, providers: &Providers) -> Vec<Identity> {
    let Some(given) = reader.raw("identities") else { return Vec::new() };
    let Some(given) = given.as_array().filter(|given| given.len() <= IDENTITIES_MAX) else {
        reader.wrong("identities", format!("must be a list of {IDENTITIES_MAX} identities at most"));
        return Vec::new();
    };
    let mut identities = Vec::new();
    for (n, one) in given.iter().enumerate() {
        let text = |key| one.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let identity = Identity { platform: text("platform"), im_user_id: text("im_user_id") };
        if one.as_object().is_none_or(|map| map.len() != 2) {
            reader.wrong_below("identities", &n.to_string(), "must be an object of platform and im_user_id");
        } else if let Err((field, message)) = check_identity(&identity, providers) {
            reader.wrong_below("identities", &format!("{n}/{field}"), message);
        } else if identities.contains(&identity) {
            reader.wrong_below("identities", &n.to_string(), "stands there twice");
        } else {
            identities.push(identity);
        }
    }
    identities
}
