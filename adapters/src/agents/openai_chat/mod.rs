//! Agents that speak the chat completions protocol: `POST {base_url}/chat/completions`, streamed or whole.
//!
//! `settings` checks what was configured, `body` makes the request, `run` carries it out, `answer` reads what comes
//! back (pure), `failure` names what went wrong.

mod answer;
mod body;
mod chunk;
mod failure;
#[cfg(feature = "fuzzing")]
pub mod reread;
mod run;
mod settings;

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use reqwest::header::{ACCEPT, HeaderMap};
use reqwest::{Client, RequestBuilder};
use switchboard_domain::outcome::AgentFailureKind;
use switchboard_ports::agent::{Agent, AgentEvent, AgentKind, RunRequest};
use switchboard_ports::agents::AgentConfig;
use switchboard_ports::clock::Clock;

use self::failure::failed;
use self::settings::Settings;
use super::template::{encode, sensitive};
use crate::net;

/// The kind `openai-chat`.
pub struct OpenAiChatKind {
    clock: Arc<dyn Clock>,
}

impl OpenAiChatKind {
    /// Agents that read dates in answers (`Retry-After`) against this clock.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock }
    }
}

impl AgentKind for OpenAiChatKind {
    fn kind(&self) -> &'static str {
        "openai-chat"
    }

    fn needs_base_url(&self) -> bool {
        true
    }

    fn build(&self, config: &AgentConfig) -> Result<Arc<dyn Agent>, (String, String)> {
        let settings = Settings::read(config)?;
        let client = net::client(config.connect_timeout)
            .map_err(|_| (String::new(), "cannot be used: no HTTP client could be built here".to_owned()))?;
        Ok(Arc::new(OpenAiChat { client, settings, clock: Arc::clone(&self.clock) }))
    }
}

struct OpenAiChat {
    client: Client,
    settings: Settings,
    clock: Arc<dyn Clock>,
}

#[async_trait]
impl Agent for OpenAiChat {
    fn run(&self, request: RunRequest) -> BoxStream<'static, AgentEvent> {
        let prepared = self.prepare(&request).ok_or_else(|| {
            failed(AgentFailureKind::BadRequest, "a header cannot carry the user's name".to_owned())
        });
        run::events(prepared, Arc::clone(&self.clock))
    }

    // Closing the request stops it.
    async fn cancel(&self, _continuation: &str) {}
}

impl OpenAiChat {
    fn prepare(&self, request: &RunRequest) -> Option<RequestBuilder> {
        let mut headers = HeaderMap::new();
        // A server may answer in the other way all the same.
        let accept = if self.settings.stream { "text/event-stream" } else { "application/json" };
        headers.insert(ACCEPT, reqwest::header::HeaderValue::from_static(accept));
        headers.insert("idempotency-key", sensitive(&encode(&request.turn))?);
        if let Some(value) = &self.settings.authorization {
            headers.insert(reqwest::header::AUTHORIZATION, value.clone());
        }
        for (name, template) in &self.settings.headers {
            headers.insert(name.clone(), template.render(&request.user)?);
        }
        let body = body::request_body(&self.settings, request);
        Some(self.client.post(self.settings.url.clone()).headers(headers).json(&body))
    }
}
