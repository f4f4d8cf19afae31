//! Agents that speak the chat completions protocol: `POST {base_url}/chat/completions`, streamed or whole.
//!
//! `body` makes the request, `answer` and `chunk` read what comes back (pure).

mod answer;
mod body;
mod chunk;
#[cfg(feature = "fuzzing")]
pub mod reread;

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use reqwest::{Client, RequestBuilder};
use switchboard_domain::outcome::AgentFailureKind;
use switchboard_ports::agent::{Agent, AgentEvent, AgentKind, KindForm, RunRequest};
use switchboard_ports::agents::AgentConfig;

use self::answer::Completion;
use super::http::answer::Ending;
use super::http::failure::failed;
use super::http::settings::{Rules, Settings, bearer};
use super::http::telling::told;
use super::http::{Surroundings, call, models};

const RULES: Rules = Rules {
    path: &["chat", "completions"],
    reserved_fields: &[
        ("messages", "is made from the conversation and cannot be set"),
        ("model", "is set by the agent's own field \"model\""),
        ("stream", "is set by the agent's own field \"stream\""),
    ],
    key: bearer,
    has_modes: false,
};

/// The kind `openai-chat`.
pub(super) struct OpenAiChatKind {
    surroundings: Surroundings,
}

impl OpenAiChatKind {
    /// Agents with these surroundings.
    pub(super) const fn new(surroundings: Surroundings) -> Self {
        Self { surroundings }
    }
}

impl AgentKind for OpenAiChatKind {
    fn kind(&self) -> &'static str {
        "openai-chat"
    }

    fn needs_base_url(&self) -> bool {
        true
    }

    fn form(&self) -> KindForm {
        super::forms::OPENAI_CHAT
    }

    fn build(&self, config: &AgentConfig) -> Result<Arc<dyn Agent>, (String, String)> {
        let settings = Settings::read(config, &RULES, &self.surroundings.clock)?;
        let client = self.surroundings.client(config.connect_timeout)?;
        Ok(Arc::new(OpenAiChat { client, settings, surroundings: self.surroundings.clone() }))
    }
}

struct OpenAiChat {
    client: Client,
    settings: Settings,
    surroundings: Surroundings,
}

#[async_trait]
impl Agent for OpenAiChat {
    fn run(&self, request: RunRequest) -> BoxStream<'static, AgentEvent> {
        let (prepared, with_attachments) = (self.prepare(&request), !request.attachments.is_empty());
        let clock = Arc::clone(&self.surroundings.clock);
        told(self.settings.life, move |tell| async move {
            let Some(request) = prepared else {
                let detail = "a header cannot carry the user's name".to_owned();
                return tell.say(failed(AgentFailureKind::BadRequest, detail)).await;
            };
            let last = match call::send(request, &*clock).await {
                Ok(response) => {
                    tell.say(AgentEvent::Started { run: None }).await;
                    match call::read(response, Completion::default(), &tell).await.0 {
                        Ending::Event(event) => event,
                        // A completion has no such end.
                        Ending::Unfinished => {
                            failed(AgentFailureKind::Malformed, "the answer has no end".to_owned())
                        }
                    }
                }
                Err(unanswered) => unanswered.into_event_of(with_attachments),
            };
            tell.say(last).await;
        })
    }

    // Closing the request stops it.
    async fn cancel(&self, _run: &str) {}

    async fn models(&self) -> Result<Option<Vec<String>>, String> {
        models::list(&self.client, &self.settings, RULES.path, &*self.surroundings.clock).await
    }
}

impl OpenAiChat {
    fn prepare(&self, request: &RunRequest) -> Option<RequestBuilder> {
        let headers = self.settings.asking(request, self.settings.stream)?;
        let body = body::request_body(&self.settings, request);
        Some(self.client.post(self.settings.url.clone()).headers(headers).json(&body))
    }
}
