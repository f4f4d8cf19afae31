//! The agent port: asks an agent for an answer and streams what it says.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use switchboard_domain::message::ChatKind;
use switchboard_domain::outcome::{AgentFailure, Cut};
use switchboard_domain::snapshot::TranscriptLine;

use crate::agents::AgentConfig;
use crate::form::{FormField, Words};

/// Makes agents out of their settings. One per `kind`.
pub trait AgentKind: Send + Sync {
    /// The kind's name as in settings: `openai-chat`.
    fn kind(&self) -> &'static str;

    /// Whether settings of this kind need a base address.
    fn needs_base_url(&self) -> bool;

    /// What a form for its settings says and asks for.
    fn form(&self) -> KindForm;

    /// An agent with these settings. Does no I/O; may keep connections open between runs, so keep it.
    /// The error names the field by JSON pointer and says what is allowed.
    fn build(&self, config: &AgentConfig) -> Result<Arc<dyn Agent>, (String, String)>;
}

/// What a form for agents of a kind says and asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KindForm {
    /// The kind's name for people.
    pub title: Words,
    /// What it is good for, in a sentence.
    pub about: Words,
    /// The settings that the kind gives a meaning, by pointers into the API's document of an agent.
    pub fields: &'static [FormField],
}

/// One configured agent.
#[async_trait]
pub trait Agent: Send + Sync {
    /// Asks. The stream ends after `Completed` or `Failed`; a stream that ends otherwise counts as cut. Dropping it
    /// closes the request at once. Nothing is sent before the stream is first polled. Time-outs other than connecting
    /// are the caller's. Output is bounded by the caller; one event carries at most 64 KiB.
    fn run(&self, request: RunRequest) -> BoxStream<'static, AgentEvent>;

    /// Stops a run upstream, by whatever means this agent has beyond closing the request. Repeatable; bounded in time by
    /// the caller. Nothing to do for agents that stop when the request is closed.
    async fn cancel(&self, run: &str);

    /// The names of the models that can be asked for, each once, in any order, at most [`MODELS_TOLD_MAX`]: so many may not be
    /// all. `None` where there is no way to ask for them. Counts as no question: nothing is written, nobody is named. Bounded in time by the caller.
    ///
    /// # Errors
    /// Why it could not be asked: no secret, at most 300 characters.
    async fn models(&self) -> Result<Option<Vec<String>>, String> {
        Ok(None)
    }

    /// Whether the server is told who asks, and makes a user of every name that it does not know. A test of nobody
    /// ([`AgentUser::tester`]) then goes without a name: an answer is one all the same, and a refusal for want of a name says
    /// that the server is there and takes the key, no more.
    fn makes_users(&self) -> bool {
        false
    }
}

/// Names of models taken from one agent, at most.
pub const MODELS_TOLD_MAX: usize = 1_000;

/// What an agent is asked.
#[derive(Debug, Clone)]
pub struct RunRequest {
    /// The same for every attempt at the same turn: an idempotency key.
    pub turn: String,
    /// The question. Files that came with it are named in it where they stood: `[picture: picture-1]`.
    pub text: String,
    /// What was said before in this session, oldest first, within the agent's history bounds.
    pub history: Vec<TranscriptLine>,
    /// Where the agent can go on from, if it said so before.
    pub continuation: Option<String>,
    /// The model, if the channel or the user chose one.
    pub model: Option<String>,
    /// Who asks, as the company knows them.
    pub user: AgentUser,
    /// What came with the question, in order, at most [`ATTACHMENTS_MAX`]. An agent whose protocol cannot carry one says
    /// so in its place, so that the model knows of it.
    pub attachments: Vec<AgentAttachment>,
    /// A run of this very turn that was begun before and can be asked for its result ([`RunHandle::pollable`]). An agent
    /// that does not know it any more asks anew.
    pub resume: Option<String>,
    /// Where the request stands in the message's trace: what W3C's header `traceparent` says, where the protocol has headers.
    pub trace: Option<String>,
}

/// Attachments of one question, at most.
pub const ATTACHMENTS_MAX: usize = switchboard_domain::content::ATTACHMENTS_MAX;

/// One file that came with a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentAttachment {
    /// The file's name, with an ending that fits `media_type`; never empty.
    pub name: String,
    /// What it is: `image/png`, `application/pdf`; `application/octet-stream` where nobody knows.
    pub media_type: String,
    /// Its content; `None` when it could not be fetched, or is more than may be handed over.
    pub content: Option<Bytes>,
}

/// Who asks, as far as the agent is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentUser {
    /// The user's id.
    pub id: String,
    /// The username.
    pub username: String,
    /// The name to show.
    pub display_name: String,
    /// The platform they write from.
    pub platform: String,
    /// Where: alone with the bot, or in a group.
    pub chat: ChatKind,
    /// The e-mail address, where the agent may know it and it is verified.
    pub email: Option<String>,
    /// The department, where the agent may know it and a directory tells it.
    pub department: Option<String>,
}

/// The id, and the username, of who asks in a test. Ids of users are longer and begin otherwise.
const TESTER: &str = "switchboard-test";

impl AgentUser {
    /// Who asks in a test that is nobody's.
    #[must_use]
    pub fn tester() -> Self {
        Self {
            id: TESTER.to_owned(),
            username: TESTER.to_owned(),
            display_name: "Switchboard test".to_owned(),
            platform: "api".to_owned(),
            chat: ChatKind::Private,
            email: None,
            department: None,
        }
    }

    /// Whether this is a test that is nobody's.
    #[must_use]
    pub fn is_tester(&self) -> bool {
        self.id == TESTER
    }
}

/// What a run is called upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunHandle {
    /// For [`Agent::cancel`]; at most 512 bytes.
    pub id: String,
    /// Whether the result can be asked for later: then the handle is stored, and a turn that goes on after a crash gets it
    /// as [`RunRequest::resume`].
    pub pollable: bool,
    /// Where the next turn goes on from if this run is stopped; `None` where a stop leaves that as it was. Counts only where
    /// the run is pollable.
    pub continuation: Option<String>,
}

/// What an agent says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AgentEvent {
    /// The agent took the request on. May come again when the run gets a name, or another one.
    Started {
        /// What the run is called upstream; `None` where closing the request is all there is to do.
        run: Option<RunHandle>,
    },
    /// More of the answer.
    Delta(String),
    /// Thinking aloud: progress, never part of the answer. Empty as a mere sign of life: the agent waits for something that
    /// takes its time, or does something there is no word for.
    Reasoning(String),
    /// A tool at work: progress, never part of the answer.
    Tool {
        /// The tool's name.
        name: String,
    },
    /// The answer is whole, or as whole as the agent makes it.
    Completed {
        /// Where the next turn goes on from.
        continuation: Option<String>,
        /// Why it is not whole, where the agent says that it is not.
        cut: Option<Cut>,
    },
    /// The run failed. `detail` is for the log and the API's test: no secret, no message text, at most 300 characters.
    Failed {
        /// What went wrong.
        failure: AgentFailure,
        /// Status code, error code and the like.
        detail: String,
    },
}
