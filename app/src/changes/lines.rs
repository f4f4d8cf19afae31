//! Lines of the journal about versions, as they are stored.
//!
//! They are read by other versions of the program too: fields are only ever added, and those that are absent have a meaning.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use switchboard_domain::ids::Version;
use switchboard_domain::time::Timestamp;
use switchboard_ports::journal::{Book, EVERYTHING, JournalInfo, JournalLine, LINE_BYTES_MAX};

use super::diff::differences;
use super::resource::{Resource, changed_secrets};
use crate::http::auth::{Caller, role_name};

/// Fields named in a line, at most.
pub const NAMED_FIELDS_MAX: usize = 50;

/// What has versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// An agent.
    Agent,
    /// A channel.
    Channel,
}

impl Kind {
    /// Its word in the API.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Channel => "channel",
        }
    }
}

/// Who changed something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Author {
    /// Somebody with a token, at the API or signed in to the panel.
    Token {
        /// The token's name.
        name: String,
        /// Its role at that moment.
        role: String,
    },
    /// The configuration file.
    File,
    /// Somebody at the command line, who needs no token.
    CommandLine,
}

impl From<&Caller> for Author {
    fn from(caller: &Caller) -> Self {
        Self::Token { name: caller.name.clone(), role: role_name(caller.role).to_owned() }
    }
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// It was made.
    Created,
    /// Something of it was changed.
    Changed,
    /// It was switched on, and nothing else.
    Enabled,
    /// It was switched off, and nothing else.
    Disabled,
    /// It was deleted. The content is what was there last.
    Deleted,
    /// It was made again what it was in an earlier version.
    RolledBack,
    /// The configuration file made, changed or released it.
    FromFile,
}

impl Act {
    /// Its word in the API.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Changed => "changed",
            Self::Enabled => "enabled",
            Self::Disabled => "disabled",
            Self::Deleted => "deleted",
            Self::RolledBack => "rolled_back",
            Self::FromFile => "from_file",
        }
    }
}

/// Which state of a resource: versions count, and the time tells two of the same number apart, after a restore for example.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// Its version.
    pub version: u64,
    /// When it was made, in milliseconds.
    pub at: u64,
}

/// A version, in `Book::Versions` under the resource's id.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VersionLine {
    /// What it is of.
    pub kind: Kind,
    /// The resource's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Which one.
    #[serde(flatten)]
    pub stamp: Stamp,
    /// Who made it; `None` where that is not known.
    pub author: Option<Author>,
    /// What was done.
    pub act: Act,
    /// The state that it was made of, where there was one.
    pub previous: Option<Stamp>,
    /// The fields that differ from that; [`NAMED_FIELDS_MAX`] at most.
    pub fields: Vec<String>,
    /// The secrets among them.
    pub secrets: Vec<String>,
    /// It, as the API shows it; `None` where that is longer than a line may be.
    pub content: Option<Value>,
}

/// The same in short, in `Book::Changes`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChangeLine {
    /// What it is of.
    pub kind: Kind,
    /// The resource's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Which one.
    #[serde(flatten)]
    pub stamp: Stamp,
    /// Who made it; `None` where that is not known.
    pub author: Option<Author>,
    /// What was done.
    pub act: Act,
    /// The fields that differ; [`NAMED_FIELDS_MAX`] at most.
    pub fields: Vec<String>,
}

/// A version that is about to be written, in `Book::Intents` under the resource's id.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IntentLine {
    /// Which one.
    #[serde(flatten)]
    pub stamp: Stamp,
    /// Who makes it.
    pub author: Option<Author>,
    /// What is done.
    pub act: Act,
    /// The secrets that will differ.
    pub secrets: Vec<String>,
}

/// The state of a resource.
pub fn stamp<R: Resource>(resource: &R) -> Stamp {
    Stamp { version: resource.version().0, at: resource.updated_at().as_millis() }
}

impl VersionLine {
    /// What `after`, of this version, makes of `before`.
    pub fn of<R: Resource>(before: Option<&R>, after: &R, stamp: Stamp, author: &Author, act: Act) -> Self {
        let secrets = changed_secrets(before, after);
        let was = before.map(Resource::content);
        let content = after.with_version(Version(stamp.version)).content();
        let fields = fields(was.as_ref(), &content, &secrets);
        let act = match (act, fields.as_slice(), content.get("enabled").and_then(Value::as_bool)) {
            (Act::Changed, [only], Some(true)) if only == "/enabled" => Act::Enabled,
            (Act::Changed, [only], Some(false)) if only == "/enabled" => Act::Disabled,
            (act, _, _) => act,
        };
        Self {
            kind: R::KIND,
            id: after.id().to_owned(),
            name: after.name().to_owned(),
            stamp,
            author: Some(author.clone()),
            act,
            previous: before.map(self::stamp),
            fields,
            secrets,
            content: Some(content),
        }
    }

    /// A deletion: as if it were the next version, with what was there last.
    pub fn of_deletion<R: Resource>(gone: &R, now: Timestamp, author: &Author) -> Self {
        Self {
            kind: R::KIND,
            id: gone.id().to_owned(),
            name: gone.name().to_owned(),
            stamp: Stamp { version: gone.version().next().0, at: now.as_millis() },
            author: Some(author.clone()),
            act: Act::Deleted,
            previous: Some(stamp(gone)),
            fields: Vec::new(),
            secrets: Vec::new(),
            content: Some(gone.content()),
        }
    }

    /// What says beforehand that it is to be.
    #[must_use]
    pub fn intent(&self) -> IntentLine {
        IntentLine {
            stamp: self.stamp,
            author: self.author.clone(),
            act: self.act,
            secrets: self.secrets.clone(),
        }
    }

    /// The same in short.
    #[must_use]
    pub fn short(&self) -> ChangeLine {
        ChangeLine {
            kind: self.kind,
            id: self.id.clone(),
            name: self.name.clone(),
            stamp: self.stamp,
            author: self.author.clone(),
            act: self.act,
            fields: self.fields.clone(),
        }
    }

    /// Its two lines. Content that is too long for a line is left out, so that who and when stays.
    #[must_use]
    pub fn written(&self) -> [JournalLine; 2] {
        let whole = serde_json::to_string(self).ok().filter(|text| text.len() <= LINE_BYTES_MAX);
        let body = whole.unwrap_or_else(|| text(&Self { content: None, ..self.clone() }));
        let at = Timestamp::from_millis(self.stamp.at);
        [
            JournalLine { book: Book::Versions, subject: self.id.clone(), at, body },
            JournalLine {
                book: Book::Changes,
                subject: EVERYTHING.to_owned(),
                at,
                body: text(&self.short()),
            },
        ]
    }
}

/// The fields that differ, by name. All of something new is new, and none is named.
#[must_use]
pub fn fields(before: Option<&Value>, after: &Value, secrets: &[String]) -> Vec<String> {
    let Some(before) = before else { return Vec::new() };
    let found = differences(before, after, secrets);
    found.into_iter().take(NAMED_FIELDS_MAX).map(|change| change.pointer).collect()
}

/// A line's text.
pub fn text<L: Serialize>(line: &L) -> String {
    serde_json::to_string(line).unwrap_or_default()
}

/// What a line says; `None` where a version of the program wrote it that says more than this one understands.
pub fn parsed<L: DeserializeOwned>(info: &JournalInfo) -> Option<L> {
    let read = serde_json::from_str(&info.body);
    if let Err(error) = &read {
        tracing::debug!(number = info.number, %error, "failed to read a line about a change of settings");
    }
    read.ok()
}
