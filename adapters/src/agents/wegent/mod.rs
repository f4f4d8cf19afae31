//! Agents of Wegent: Responses in shape, with rules of their own.
//!
//! - A *task* is a whole conversation and has one response id for all its turns, so that the answer is the last message newer
//!   than the turn ([`task::Task`]); only the last user message is read, what was said before is the task's.
//! - A task belongs to a user: whoever began it is whom the following turns are asked as.
//! - Closing a request stops nothing: a run is stopped by `POST /responses/{id}/cancel`, also when it is streamed. Runs of
//!   teams that work in executors may go on even so.
//! - Teams other than chat teams do not stream; they are asked for until they are done.
//! - Requests are limited per key and minute, for all agents with that key together ([`budget`]).
//!
//! Source: Wegent's code as of 2026-08, `backend/app/api/endpoints/openapi_responses.py`.

mod budget;
mod files;
mod refusal;
mod requests;
mod run;
mod settings;
mod task;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use reqwest::Client;
use switchboard_ports::agent::{Agent, AgentEvent, AgentKind, KindForm, RunRequest};
use switchboard_ports::agents::AgentConfig;

use self::budget::{Budget, Budgets};
use self::settings::WegentSettings;
use self::task::Task;
use super::http::telling::told;
use super::http::{Surroundings, call};
use super::responses::object::{Object, Status};

/// The kind `wegent`.
pub(super) struct WegentKind {
    surroundings: Surroundings,
    budgets: Budgets,
}

impl WegentKind {
    /// Agents with these surroundings.
    pub(super) fn new(surroundings: Surroundings) -> Self {
        Self { surroundings, budgets: Budgets::default() }
    }
}

impl AgentKind for WegentKind {
    fn kind(&self) -> &'static str {
        "wegent"
    }

    fn needs_base_url(&self) -> bool {
        true
    }

    fn form(&self) -> KindForm {
        super::forms::WEGENT
    }

    fn build(&self, config: &AgentConfig) -> Result<Arc<dyn Agent>, (String, String)> {
        let settings = WegentSettings::read(config, &self.surroundings.clock)?;
        let client = self.surroundings.client(config.connect_timeout)?;
        let budget = self.budgets.of(settings.host(), config.api_key.expose());
        let polls = AtomicBool::new(settings.polls());
        let surroundings = self.surroundings.clone();
        Ok(Arc::new(Wegent { inner: Arc::new(Inner { client, settings, surroundings, budget, polls }) }))
    }
}

struct Wegent {
    inner: Arc<Inner>,
}

/// What a run needs of its agent.
struct Inner {
    client: Client,
    settings: WegentSettings,
    surroundings: Surroundings,
    budget: Arc<Budget>,
    /// Whether answers are asked for instead of streamed: by the settings, or because the team said that it cannot stream.
    polls: AtomicBool,
}

impl Inner {
    fn is_polling(&self) -> bool {
        self.polls.load(Ordering::Relaxed)
    }

    /// The team cannot stream: it is not tried again.
    fn poll_from_now_on(&self) {
        self.polls.store(true, Ordering::Relaxed);
    }
}

#[async_trait]
impl Agent for Wegent {
    fn run(&self, request: RunRequest) -> BoxStream<'static, AgentEvent> {
        let inner = Arc::clone(&self.inner);
        told(inner.settings.life(), move |tell| async move {
            let last = run::run(&inner, &request, &tell).await;
            tell.say(last).await;
        })
    }

    fn makes_users(&self) -> bool {
        self.inner.settings.names_user()
    }

    async fn cancel(&self, run: &str) {
        let Some(task) = Task::parse(run) else {
            return;
        };
        let Some(request) = self.inner.cancelling(&task) else {
            return;
        };
        self.inner.budget.cancel().await;
        match call::document(request, &*self.inner.surroundings.clock).await {
            Ok(value) => {
                if Object::read(&value).is_some_and(|object| object.status() == Status::Unfinished) {
                    tracing::info!(
                        "a run was asked to stop and goes on upstream for now: teams that work in executors may not be reached"
                    );
                }
            }
            Err(unanswered) => {
                let event = unanswered.into_event();
                tracing::warn!(?event, "failed to stop a run upstream; it may go on there");
            }
        }
    }
}
