//! The playground on the wire.

use serde::Serialize;
use serde_json::Value;
use switchboard_domain::choice::{Lookup, Pick};
use switchboard_domain::command::{self, Command};
use switchboard_domain::ids::AgentId;
use switchboard_domain::outbound::MESSAGE_CHARS_MAX;
use switchboard_domain::snapshot::{Mark, Role, TranscriptLine};
use switchboard_ports::playground::{By, ITEM_CHARS_MAX, Item, Stage};
use switchboard_ports::provider::FieldError;
use utoipa::ToSchema;

use super::fields::{self, Fields, Reader};
use super::time::rfc3339;

/// Longest id of an agent, in characters.
const ID_CHARS_MAX: usize = 200;

/// Why an agent cannot be switched to by its name.
pub const READS_OTHERWISE: &str =
    "names an agent whose name reads as something else in the chat: switch to it by its number (/agents)";

// For the API's document only: reading one is `asked`, which names all mistakes at once.
/// Something to say in the playground.
#[derive(Debug, ToSchema)]
#[schema(as = PlaygroundInput)]
pub struct PlaygroundInput {
    /// The words, or a command: `/new`, `/stop`, `/help`.
    #[schema(min_length = 1, max_length = 20000)]
    pub text: String,
    /// Switch the conversation to this agent first, as `/agents NAME` does.
    pub agent_id: Option<String>,
}

/// What is to be said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The words.
    pub text: String,
    /// The agent to switch to first.
    pub agent: Option<AgentId>,
}

/// Reads what is to be said.
///
/// # Errors
/// All mistakes at once.
pub fn asked(document: &Value) -> Result<Asked, Vec<FieldError>> {
    fields::object(document)?;
    let mut fields = Fields::default();
    let mut reader = Reader::new(document, &mut fields);
    let text = reader.prose("text", MESSAGE_CHARS_MAX).unwrap_or_default();
    // Anything else that is wrong with it has been told.
    let is_blank = |given: &Value| given.as_str().is_some_and(|given| given.trim().is_empty());
    if reader.raw("text").is_none_or(is_blank) {
        reader.wrong("text", "is required, and must be more than white space");
    }
    let agent = reader.line("agent_id", ID_CHARS_MAX).map(AgentId::new);
    reader.finish();
    fields.into_result(Asked { text, agent })
}

/// The command that switches to an agent of this name; `None` where it would be read as another one.
#[must_use]
pub fn switching_to(name: &str) -> Option<String> {
    let text = format!("/agents {name}");
    let is_read = matches!(command::parse(&text), Some(Command::Lookup(Lookup::Agents(Pick::Name(read)))) if read == name);
    is_read.then_some(text)
}

/// What was taken in.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = PlaygroundMessage)]
pub struct SaidView {
    /// The message's id in the stream. Its timeline is found by the `message_id` of the conversation's lines.
    pub message_id: String,
    /// The conversation.
    pub conversation_id: String,
}

/// Everything that somebody sees: the data of `room`.
#[derive(Debug, Clone, Serialize)]
pub struct RoomView {
    /// The conversation.
    pub conversation_id: String,
    /// The oldest first.
    pub items: Vec<ItemView>,
}

/// One thing that somebody sees: the data of `item`.
#[derive(Debug, Clone, Serialize)]
pub struct ItemView {
    /// Its name: a later item of the same name takes its place.
    pub id: String,
    /// `person` or `bot`.
    pub by: &'static str,
    /// What it says so far.
    pub text: String,
    /// Whether it says more than that.
    pub cut: bool,
    /// `open` while it is on its way or written, `done`, or `failed`.
    pub state: &'static str,
    /// The place in the conversation's inbox that it answers.
    pub seq: Option<u64>,
    /// When it was first seen.
    pub at: String,
}

impl From<Item> for ItemView {
    fn from(item: Item) -> Self {
        Self {
            id: item.id,
            by: match item.by {
                By::Person => "person",
                By::Bot => "bot",
            },
            text: item.text,
            cut: item.is_cut,
            state: match item.stage {
                Stage::Open => "open",
                Stage::Done => "done",
                Stage::Failed => "failed",
            },
            seq: item.seq.map(|seq| seq.0),
            at: rfc3339(item.at),
        }
    }
}

impl From<TranscriptLine> for ItemView {
    fn from(line: TranscriptLine) -> Self {
        let (by, seq) = match line.role {
            Role::User => ("person", None),
            Role::Assistant => ("bot", Some(line.seq.0)),
        };
        let mut text = line.text;
        let cut = text.char_indices().nth(ITEM_CHARS_MAX).map(|(at, _)| at);
        if let Some(at) = cut {
            text.truncate(at);
        }
        Self {
            id: format!("line-{}-{by}", line.seq),
            by,
            text,
            cut: cut.is_some(),
            state: match line.mark {
                None | Some(Mark::Stopped) => "done",
                Some(Mark::Failed(_)) => "failed",
            },
            seq,
            at: rfc3339(line.at),
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::switching_to;

    #[rstest]
    #[case("echo", Some("/agents echo"))]
    #[case("Help Desk", Some("/agents Help Desk"))]
    #[case("default", None)]
    #[case("7", None)]
    #[case("two  spaces", None)]
    fn a_name_switches_only_where_it_is_read_as_that_name(
        #[case] name: &str,
        #[case] expected: Option<&str>,
    ) {
        assert_eq!(switching_to(name).as_deref(), expected);
    }
}
