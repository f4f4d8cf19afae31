//! One request from sending it to its last event, as a stream. Nothing is spawned: dropping the stream drops the
//! connection, and nothing is sent before the first poll.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, BoxStream, StreamExt};
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName};
use reqwest::{RequestBuilder, Response};
use switchboard_domain::outcome::AgentFailureKind;
use switchboard_ports::agent::AgentEvent;
use switchboard_ports::clock::Clock;
use tokio::time::{Instant, timeout, timeout_at};

use super::super::transport;
use super::answer::Answer;
use super::failure::{ErrorObject, failed, refused, retry_after};
use crate::net;

/// How long the body of a refusal may take: its status says most of it.
const REFUSAL_WAIT: Duration = Duration::from_secs(2);

/// Most bytes read of a refusal.
const REFUSAL_BYTES_MAX: usize = 64 * 1024;

/// How long `[DONE]` is waited for after the answer's `finish_reason`: the answer is whole without it.
const DONE_WAIT: Duration = Duration::from_secs(1);

/// The events of one request, or the one event that says why it cannot be sent. `with_attachments`: files are in it.
pub(super) fn events(
    prepared: Result<RequestBuilder, AgentEvent>,
    with_attachments: bool,
    clock: Arc<dyn Clock>,
) -> BoxStream<'static, AgentEvent> {
    let request = match prepared {
        Ok(request) => request,
        Err(event) => return stream::iter([event]).boxed(),
    };
    let run = Run { phase: Phase::Unsent(Box::new(request)), with_attachments, clock };
    stream::unfold(run, |mut run| async move { run.next().await.map(|event| (event, run)) }).boxed()
}

struct Run {
    phase: Phase,
    with_attachments: bool,
    clock: Arc<dyn Clock>,
}

enum Phase {
    Unsent(Box<RequestBuilder>),
    Reading(Box<Reading>),
    Ended,
}

struct Reading {
    response: Response,
    answer: Answer,
    /// When waiting for `[DONE]` ends, once the answer is whole.
    done_by: Option<Instant>,
}

impl Run {
    async fn next(&mut self) -> Option<AgentEvent> {
        match std::mem::replace(&mut self.phase, Phase::Ended) {
            Phase::Unsent(request) => match self.open(*request).await {
                Ok(reading) => {
                    self.phase = Phase::Reading(Box::new(reading));
                    Some(AgentEvent::Started { run: None })
                }
                Err(failure) => Some(failure),
            },
            Phase::Reading(mut reading) => {
                let event = reading.next().await?;
                if !matches!(event, AgentEvent::Completed { .. } | AgentEvent::Failed { .. }) {
                    self.phase = Phase::Reading(reading);
                }
                Some(event)
            }
            Phase::Ended => None,
        }
    }

    async fn open(&self, request: RequestBuilder) -> Result<Reading, AgentEvent> {
        let response = request
            .send()
            .await
            .map_err(|error| failed(AgentFailureKind::Unreachable, transport::describe(&error).to_owned()))?;
        if !response.status().is_success() {
            return Err(self.read_refusal(response).await);
        }
        let encoding = header(response.headers(), CONTENT_ENCODING).unwrap_or("identity");
        if !encoding.eq_ignore_ascii_case("identity") {
            // None was asked for (no `Accept-Encoding`).
            return Err(failed(AgentFailureKind::Malformed, "the body is compressed".to_owned()));
        }
        let answer = Answer::new(header(response.headers(), CONTENT_TYPE));
        Ok(Reading { response, answer, done_by: None })
    }

    async fn read_refusal(&self, response: Response) -> AgentEvent {
        let status = response.status().as_u16();
        let pause = retry_after(response.headers(), self.clock.now());
        let body = match timeout(REFUSAL_WAIT, net::read_bounded(response, REFUSAL_BYTES_MAX)).await {
            Ok(Ok(body)) => body,
            // Too late, too long or cut: the status has to do.
            Ok(Err(_)) | Err(_) => bytes::Bytes::new(),
        };
        refused(status, &ErrorObject::read(&body), pause, self.with_attachments)
    }
}

impl Reading {
    async fn next(&mut self) -> Option<AgentEvent> {
        loop {
            if let Some(event) = self.answer.next() {
                return Some(event);
            }
            match self.chunk().await {
                Some(bytes) => self.answer.push(&bytes),
                None => self.answer.end(),
            }
        }
    }

    /// More of the body; `None` when it ended, was cut, or need not be waited for.
    async fn chunk(&mut self) -> Option<bytes::Bytes> {
        if !self.answer.is_finished() {
            return self.response.chunk().await.ok().flatten();
        }
        let by = *self.done_by.get_or_insert_with(|| Instant::now() + DONE_WAIT);
        timeout_at(by, self.response.chunk()).await.ok()?.ok().flatten()
    }
}

fn header(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}
