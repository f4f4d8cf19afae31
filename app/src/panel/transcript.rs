//! What was said in a conversation, as people saw it, and what is being said.

use maud::{Markup, html};
use switchboard_domain::ids::ConversationId;
use switchboard_domain::snapshot::TranscriptLine;

use super::codes;
use super::pieces::moment;
use super::texts::{Key, Texts};
use crate::http::dto::conversation::{ConversationView, LineView};
use crate::http::dto::time::rfc3339;
use crate::http::state::Api;
use crate::runtime::operations::OpenMessage;
use crate::runtime::timeline::message_id;

/// What is open in a conversation.
pub(super) enum Open {
    /// Nothing.
    Nothing,
    /// These questions.
    Here(Vec<OpenMessage>),
    /// Something that only another replica knows the words of, or that a busy conversation did not tell at once.
    Elsewhere(u32),
}

impl Open {
    /// Asks for it, where there is anything.
    pub(super) async fn of(api: &Api, conversation: &ConversationView) -> Self {
        if conversation.waiting == 0 {
            return Self::Nothing;
        }
        match api.operations.open_messages(&ConversationId::new(&conversation.id)).await {
            Some(open) => Self::Here(open),
            None => Self::Elsewhere(conversation.waiting),
        }
    }

    /// Leaves out what has ended meanwhile.
    pub(super) fn without(&mut self, ended: &[TranscriptLine]) {
        if let Self::Here(open) = self {
            open.retain(|message| !ended.iter().any(|line| line.seq == message.seq));
        }
    }

    const fn is_nothing(&self) -> bool {
        matches!(self, Self::Nothing)
    }
}

/// The lines, as people saw them. With what is open they are asked for again when something is said.
pub(super) fn transcript(t: Texts, id: &str, lines: &[LineView], open: Option<&Open>) -> Markup {
    let piece = open.map(|_| format!("/panel/pieces/conversations/{id}"));
    let is_under_way = open.is_some_and(|open| !open.is_nothing());
    html! {
        ol.lines data-conversation=[open.map(|_| id)] data-piece=[piece] data-again[is_under_way] {
            @if lines.is_empty() && !is_under_way { li { (t.say("transcript-none")) } }
            @for line in lines { (line_view(t, line)) }
            @match open {
                None | Some(Open::Nothing) => {},
                Some(Open::Here(open)) => @for message in open { (open_view(t, id, message)) },
                Some(Open::Elsewhere(count)) => li { (t.with("transcript-elsewhere", [("count", (*count).into())])) },
            }
        }
    }
}

fn line_view(t: Texts, line: &LineView) -> Markup {
    let (class, who) = match line.role {
        "user" => ("user", Key("line-user")),
        _ => ("agent", Key("line-agent")),
    };
    html! {
        li.line.(class) {
            p.help { (t.told(who)) " · " (moment(&line.at))
                @match line.mark {
                    Some("stopped") => { " · " (t.say("line-stopped")) },
                    Some(_) => { " · " (t.say("line-failed")) " " (codes::reason(t, line.cause.unwrap_or_default())) },
                    None => {},
                }
                " · " a href=(format!("/panel/messages/{}", line.message_id)) { (t.say("timeline-way")) }
            }
            div.words dir="auto" { (line.text) }
        }
    }
}

/// A question that has not ended, and what its answer has so far.
fn open_view(t: Texts, id: &str, message: &OpenMessage) -> Markup {
    let name = message_id(&ConversationId::new(id), message.seq);
    let state = if message.runs { Key("line-running") } else { Key("line-waiting") };
    html! {
        li.line.user {
            p.help { (t.told(Key("line-user"))) " · " (moment(&rfc3339(message.at))) " · " (t.told(state))
                " · " a href=(format!("/panel/messages/{name}")) { (t.say("timeline-way")) }
            }
            div.words dir="auto" { (message.text) }
        }
        @if !message.written.is_empty() {
            li.line.agent {
                p.help { (t.told(Key("line-agent"))) " · " (t.say("line-writing")) }
                div.words dir="auto" { (message.written) }
            }
        }
    }
}
