//! The directory port: what a company knows of the people who write, seen from the mapping of users.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use switchboard_domain::person::Entry;
use switchboard_domain::secret::Secret;
use thiserror::Error;

use crate::provider::FieldError;

/// Directories of one channel at most.
pub const DIRECTORIES_MAX: usize = 8;

/// The kind of directory that is the platform's own address book, asked through [`Link::contact`](crate::provider::Link::contact);
/// it has no settings.
pub const PLATFORM_KIND: &str = "platform";

/// Longest look-up in one directory, connecting included: implementations end within this.
pub const LOOK_UP_TIMEOUT: Duration = Duration::from_secs(5);

/// Makes directories out of their settings. One per `kind`.
pub trait DirectoryKind: Send + Sync {
    /// The kind's name as in settings: `ldap`.
    fn kind(&self) -> &'static str;

    /// JSON pointers of settings that are secret: `/bind_password`.
    fn secret_fields(&self) -> &'static [&'static str];

    /// Checks settings and fills in defaults. `config` holds the settings without secrets, `secrets_set` the pointers of
    /// secrets that are there. All bad fields are named at once, unknown ones included. Pure.
    fn check_config(&self, config: &Value, secrets_set: &[String]) -> Result<Value, Vec<FieldError>>;

    /// What is wrong with a secret that is given, by its pointer: a key that is too short. Pure.
    fn check_secret(&self, _pointer: &str, _secret: &Secret) -> Result<(), String> {
        Ok(())
    }

    /// A directory with these settings, which were checked before. Does no I/O; may keep connections open between
    /// look-ups, so keep it.
    fn build(&self, settings: &DirectorySettings) -> Result<Arc<dyn Directory>, Vec<FieldError>>;
}

/// One configured directory.
#[async_trait]
pub trait Directory: Send + Sync {
    /// Whether a look-up needs what the platform knows of the person ([`Query::contact`]).
    fn needs_contact(&self) -> bool {
        false
    }

    /// Looks one person up. Idempotent, safe to cancel, bounded by [`LOOK_UP_TIMEOUT`]. Whatever cannot be told for sure is an
    /// error: an answer decides about access.
    async fn look_up(&self, query: &Query) -> Result<Found, DirectoryError>;

    /// Whether the directory can be asked with these settings: that it is reachable, lets us in, and has what we search. Changes
    /// nothing, tells nothing about anybody, bounded by [`LOOK_UP_TIMEOUT`]. By default it asks about [`NOBODY`]. What is worth
    /// knowing without being a mistake is answered in words: at most some hundred characters, no secret, nothing about people.
    async fn check(&self, platform: &str) -> Result<Option<String>, DirectoryError> {
        self.look_up(&Query::about_nobody(platform)).await.map(|_| None)
    }
}

/// An id that no platform gives anybody: asked about by checks.
pub const NOBODY: &str = "switchboard-check";

/// Whom to look for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// The platform's name: `dingtalk`.
    pub platform: String,
    /// The platform's id of the person; never blank.
    pub im_user_id: String,
    /// The name shown in the chat. People choose it themselves: nobody is recognised by it.
    pub name: String,
    /// What the platform knows of the person, where the directory needs it and the platform can tell.
    pub contact: Option<Contact>,
}

impl Query {
    /// A question that nobody is meant by.
    #[must_use]
    pub fn about_nobody(platform: &str) -> Self {
        Self {
            platform: platform.to_owned(),
            im_user_id: NOBODY.to_owned(),
            name: String::new(),
            contact: None,
        }
    }
}

/// What a platform knows of a person.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contact {
    /// The name in the company's address book.
    pub name: Option<String>,
    /// The e-mail address.
    pub email: Option<String>,
    /// The mobile number, as the platform writes it.
    pub mobile: Option<String>,
    /// The department.
    pub department: Option<String>,
    /// Whether the platform says that the person has no access (any more).
    pub disabled: bool,
}

/// What a directory says of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// This is known.
    One(Entry),
    /// Nobody fits.
    Nobody,
    /// Several fit, and nothing says who is meant.
    Several,
}

/// Why a directory could not be asked. The texts are for the log and the dry run: no secret, nothing about people, at most
/// some hundred characters.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DirectoryError {
    /// Not now: network, time-out, an error of its own.
    #[error("the directory cannot be asked: {0}")]
    Unavailable(String),
    /// Not now, because it has been asked too often: nothing is wrong with it.
    #[error("the directory has been asked too often: {0}")]
    Busy(String),
    /// It does not let us until somebody changes something; the text says what.
    #[error("the directory refuses: {0}")]
    Denied(String),
    /// What it says cannot be understood; the text says what is missing.
    #[error("the directory's answer cannot be used: {0}")]
    Malformed(String),
    /// The platform does not tell anything about people.
    #[error("the platform tells nothing about people")]
    Unsupported,
}

/// The directories that a channel asks, in their order, and how long their answers count.
#[derive(Debug, Clone, PartialEq)]
pub struct Directories {
    /// The first one that knows a person decides; at most [`DIRECTORIES_MAX`].
    pub chain: Vec<DirectorySettings>,
    /// How long it counts that somebody is there and has access: so long may access outlast a change.
    pub cache_ttl: Duration,
    /// How long it counts that somebody is not there, or has no access.
    pub miss_ttl: Duration,
}

impl Default for Directories {
    fn default() -> Self {
        Self { chain: Vec::new(), cache_ttl: Duration::from_mins(5), miss_ttl: Duration::from_secs(30) }
    }
}

/// One directory's settings.
#[derive(Debug, Clone, PartialEq)]
pub struct DirectorySettings {
    /// Its name, unique in the channel, 1 to 50 characters: users are marked with it.
    pub name: String,
    /// Its kind: `ldap`.
    pub kind: String,
    /// Its settings without secrets, defaults filled in.
    pub config: Value,
    /// Its secrets by JSON pointer into the settings. Encrypted at rest.
    pub secrets: BTreeMap<String, Secret>,
}
