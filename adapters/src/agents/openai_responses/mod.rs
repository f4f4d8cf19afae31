//! Agents that speak the Responses protocol: `POST {base_url}/responses`, streamed or whole. The next turn goes on from the
//! last response by its id; where the server does not know it any more, the history says what was said.
//!
//! With `"background": true` in `extra_body` a run goes on without us: it is asked for by its id, also after a crash, and
//! stopped by `POST /responses/{id}/cancel`. Other runs stop when their request is closed.

mod body;
mod run;

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use reqwest::{Client, RequestBuilder};
use switchboard_domain::outcome::AgentFailureKind;
use switchboard_ports::agent::{Agent, AgentEvent, AgentKind, AgentUser, KindForm, RunHandle, RunRequest};
use switchboard_ports::agents::AgentConfig;
use url::Url;

use super::http::failure::failed;
use super::http::settings::{Rules, Settings, bearer};
use super::http::telling::told;
use super::http::{Surroundings, call, models};
use super::responses::reader::Naming;

const RULES: Rules = Rules {
    path: &["responses"],
    reserved_fields: &[
        ("input", "is made from the conversation and cannot be set"),
        ("instructions", "is set by the agent's own field \"system_prompt\""),
        ("previous_response_id", "is made from the conversation and cannot be set"),
        ("model", "is set by the agent's own field \"model\""),
        ("stream", "is set by the agent's own field \"stream\""),
    ],
    key: bearer,
    has_modes: false,
};

/// Longest handle that is kept (ports, `RunHandle`); a run with a longer one is stopped by it, and not asked for later.
const HANDLE_BYTES_MAX: usize = 512;

/// What a handle of this kind begins with.
const HANDLE: &str = "responses ";

/// The kind `openai-responses`.
pub(super) struct OpenAiResponsesKind {
    surroundings: Surroundings,
}

impl OpenAiResponsesKind {
    /// Agents with these surroundings.
    pub(super) const fn new(surroundings: Surroundings) -> Self {
        Self { surroundings }
    }
}

impl AgentKind for OpenAiResponsesKind {
    fn kind(&self) -> &'static str {
        "openai-responses"
    }

    fn needs_base_url(&self) -> bool {
        true
    }

    fn form(&self) -> KindForm {
        super::forms::OPENAI_RESPONSES
    }

    fn build(&self, config: &AgentConfig) -> Result<Arc<dyn Agent>, (String, String)> {
        let settings = Settings::read(config, &RULES, &self.surroundings.clock)?;
        let client = self.surroundings.client(config.connect_timeout)?;
        let inner = Inner { client, settings, surroundings: self.surroundings.clone() };
        Ok(Arc::new(OpenAiResponses { inner: Arc::new(inner) }))
    }
}

struct OpenAiResponses {
    inner: Arc<Inner>,
}

/// What a run needs of its agent.
struct Inner {
    client: Client,
    settings: Settings,
    surroundings: Surroundings,
}

#[async_trait]
impl Agent for OpenAiResponses {
    fn run(&self, request: RunRequest) -> BoxStream<'static, AgentEvent> {
        let inner = Arc::clone(&self.inner);
        told(inner.settings.life, move |tell| async move {
            let last = run::run(&inner, &request, &tell).await;
            tell.say(last).await;
        })
    }

    async fn cancel(&self, run: &str) {
        // A run that is not in the background stopped with its request, and has no handle.
        let Some(request) = run.strip_prefix(HANDLE).and_then(|id| self.inner.cancelling(id)) else {
            return;
        };
        if let Err(unanswered) = call::document(request, &*self.inner.surroundings.clock).await {
            let event = unanswered.into_event();
            tracing::warn!(?event, "failed to stop a response upstream; it may go on there");
        }
    }

    async fn models(&self) -> Result<Option<Vec<String>>, String> {
        let inner = &self.inner;
        models::list(&inner.client, &inner.settings, RULES.path, &*inner.surroundings.clock).await
    }
}

impl Inner {
    /// Whether runs go on without us.
    fn in_background(&self) -> bool {
        self.settings.extra_body.get("background").and_then(serde_json::Value::as_bool) == Some(true)
    }

    /// Whether the server keeps responses, so that the next turn can go on from this one.
    fn keeps(&self) -> bool {
        self.settings.extra_body.get("store").and_then(serde_json::Value::as_bool) != Some(false)
    }

    fn naming(&self) -> Naming {
        let in_background = self.in_background();
        Box::new(move |id| {
            let id = format!("{HANDLE}{id}");
            let pollable = id.len() <= HANDLE_BYTES_MAX;
            in_background.then_some(RunHandle { id, pollable, continuation: None })
        })
    }

    fn asking(&self, request: &RunRequest, previous: Option<&str>) -> Result<RequestBuilder, AgentEvent> {
        let headers = self.settings.asking(request, self.settings.stream).ok_or_else(|| {
            failed(AgentFailureKind::BadRequest, "a header cannot carry the user's name".to_owned())
        })?;
        let body = body::request_body(&self.settings, request, previous);
        Ok(self.client.post(self.settings.url.clone()).headers(headers).json(&body))
    }

    fn looking(&self, id: &str, user: &AgentUser) -> Option<RequestBuilder> {
        let headers = self.settings.plain(Some(user))?;
        Some(self.client.get(below(&self.settings.url, &[id])?).headers(headers))
    }

    fn cancelling(&self, id: &str) -> Option<RequestBuilder> {
        let headers = self.settings.plain(None)?;
        Some(self.client.post(below(&self.settings.url, &[id, "cancel"])?).headers(headers))
    }
}

/// An address below another one.
fn below(url: &Url, parts: &[&str]) -> Option<Url> {
    let mut url = url.clone();
    url.path_segments_mut().ok()?.pop_if_empty().extend(parts);
    Some(url)
}
