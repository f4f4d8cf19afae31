//! The requests that are made to Wegent.

use reqwest::header::{ACCEPT, HeaderMap, HeaderValue};
use reqwest::{Method, RequestBuilder};
use serde_json::{Map, Value, json};
use switchboard_domain::outcome::AgentFailureKind;
use switchboard_ports::agent::{AgentEvent, AgentUser, RunRequest};

use super::super::http::body::merge;
use super::super::http::failure::failed;
use super::super::template::{encode, sensitive};
use super::Inner;
use super::settings::{IDENTITY_HEADER, identity_value};
use super::task::Task;

/// One question as it is put.
pub(super) struct Question<'a> {
    pub(super) text: &'a str,
    pub(super) attachments: &'a [Value],
    /// The task it goes on in.
    pub(super) task: Option<&'a Task>,
    /// Whom it is asked as.
    pub(super) identity: Option<&'a str>,
    pub(super) model: &'a str,
    pub(super) streamed: bool,
}

impl Inner {
    /// Headers of a request for this user and identity.
    fn headers(&self, user: Option<&AgentUser>, identity: Option<&str>) -> Option<HeaderMap> {
        let mut headers = self.settings.http.plain(user)?;
        if let Some(identity) = identity {
            headers.insert(IDENTITY_HEADER, identity_value(identity)?);
        }
        Some(headers)
    }

    /// Asks. Only the question: what was said before is in the task, and everything else has no meaning to Wegent.
    pub(super) fn asking(
        &self,
        request: &RunRequest,
        question: &Question<'_>,
    ) -> Result<RequestBuilder, AgentEvent> {
        let refuse =
            || failed(AgentFailureKind::BadRequest, "a header cannot carry the user's name".to_owned());
        let mut headers = self.headers(Some(&request.user), question.identity).ok_or_else(refuse)?;
        let accept = if question.streamed { "text/event-stream" } else { "application/json" };
        headers.insert(ACCEPT, HeaderValue::from_static(accept));
        headers.insert("idempotency-key", sensitive(&encode(&request.turn)).ok_or_else(refuse)?);
        let mut body = Map::new();
        body.insert("model".to_owned(), json!(question.model));
        body.insert("input".to_owned(), json!(question.text));
        body.insert("stream".to_owned(), json!(question.streamed));
        if let Some(task) = question.task {
            body.insert("previous_response_id".to_owned(), json!(task.response));
        }
        if !question.attachments.is_empty() {
            body.insert("attachment_ids".to_owned(), json!(question.attachments));
        }
        merge(&mut body, self.settings.extra_body());
        Ok(self.client.post(self.settings.http.url.clone()).headers(headers).json(&body))
    }

    /// Asks for a task's state.
    pub(super) fn looking(&self, task: &Task, user: &AgentUser) -> Option<RequestBuilder> {
        let headers = self.headers(Some(user), task.identity.as_deref())?;
        let url = self.settings.address(&["responses", &task.response])?;
        Some(self.client.request(Method::GET, url).headers(headers))
    }

    /// Stops a task's run.
    pub(super) fn cancelling(&self, task: &Task) -> Option<RequestBuilder> {
        let headers = self.headers(None, task.identity.as_deref())?;
        let url = self.settings.address(&["responses", &task.response, "cancel"])?;
        Some(self.client.request(Method::POST, url).headers(headers))
    }

    /// Uploads a file.
    pub(super) fn uploading(&self, user: &AgentUser, identity: Option<&str>) -> Option<RequestBuilder> {
        let headers = self.headers(Some(user), identity)?;
        let url = self.settings.address(&["attachments", "upload"])?;
        Some(self.client.request(Method::POST, url).headers(headers))
    }
}
