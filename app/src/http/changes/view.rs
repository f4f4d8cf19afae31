//! Versions and changes on the wire, outwards.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::changes::Author;
use crate::changes::diff::{FieldChange, differences};
use crate::changes::lines::{ChangeLine, VersionLine};
use crate::changes::read::Found;
use crate::changes::write::moment;
use crate::http::dto::time::rfc3339;

/// Who changed something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct AuthorView {
    /// `token`; `file`: the configuration file; or `command_line`.
    pub kind: &'static str,
    /// The token's name.
    pub name: Option<String>,
    /// The token's role at that moment.
    pub role: Option<String>,
}

impl From<Author> for AuthorView {
    fn from(author: Author) -> Self {
        match author {
            Author::Token { name, role } => Self { kind: "token", name: Some(name), role: Some(role) },
            Author::File => Self { kind: "file", name: None, role: None },
            Author::CommandLine => Self { kind: "command_line", name: None, role: None },
        }
    }
}

/// A version of a channel or an agent.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct VersionView {
    /// Which one. A deletion counts as one, too.
    pub version: u64,
    /// When it was made.
    #[schema(format = DateTime)]
    pub at: String,
    /// Who made it; null where that is not known: it was made before versions were kept, or the process ended before it was
    /// noted.
    pub author: Option<AuthorView>,
    /// `created`, `changed`, `enabled`, `disabled`, `deleted`, `rolled_back` or `from_file`.
    pub act: &'static str,
    /// Its name then.
    pub name: String,
    /// JSON pointers of the fields that differ from the version before; 50 at most.
    pub fields: Vec<String>,
    /// Whether its content is kept: what is longer than 1 MiB is not.
    pub kept: bool,
}

impl From<&VersionLine> for VersionView {
    fn from(line: &VersionLine) -> Self {
        Self {
            version: line.stamp.version,
            at: rfc3339(moment(line.stamp)),
            author: line.author.clone().map(AuthorView::from),
            act: line.act.word(),
            name: line.name.clone(),
            fields: line.fields.clone(),
            kept: line.content.is_some(),
        }
    }
}

/// A version with what it holds.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct WholeVersionView {
    /// Which one it is.
    #[serde(flatten)]
    pub version: VersionView,
    /// The channel or agent as the API showed it then, secrets as `***`; null where it is not kept.
    #[schema(value_type = Option<Object>)]
    pub content: Option<Value>,
    /// What differs from the version before; null where that one, or this one, is not kept.
    pub changes: Option<Vec<FieldChange>>,
}

impl From<Found> for WholeVersionView {
    fn from(found: Found) -> Self {
        let version = VersionView::from(&found.line);
        let changes = changes(&found.line, found.before.as_ref());
        Self { version, content: found.line.content, changes }
    }
}

/// What differs between a version and the one that it was made of.
#[must_use]
pub fn changes(line: &VersionLine, before: Option<&VersionLine>) -> Option<Vec<FieldChange>> {
    let before = before.filter(|before| line.previous == Some(before.stamp))?;
    Some(differences(before.content.as_ref()?, line.content.as_ref()?, &line.secrets))
}

/// A change of settings.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ChangeView {
    /// Its number; later lines have greater ones.
    pub number: String,
    /// When.
    #[schema(format = DateTime)]
    pub at: String,
    /// Who; null where that is not known.
    pub author: Option<AuthorView>,
    /// `created`, `changed`, `enabled`, `disabled`, `deleted`, `rolled_back` or `from_file`.
    pub act: &'static str,
    /// `agent` or `channel`.
    pub resource: &'static str,
    /// The agent's or channel's id.
    pub id: String,
    /// Its name then.
    pub name: String,
    /// The version that was made.
    pub version: u64,
    /// JSON pointers of the fields that differ from the version before; 50 at most.
    pub fields: Vec<String>,
}

impl From<(u64, ChangeLine)> for ChangeView {
    fn from((number, line): (u64, ChangeLine)) -> Self {
        Self {
            number: number.to_string(),
            at: rfc3339(moment(line.stamp)),
            author: line.author.map(AuthorView::from),
            act: line.act.word(),
            resource: line.kind.word(),
            id: line.id,
            name: line.name,
            version: line.stamp.version,
            fields: line.fields,
        }
    }
}
