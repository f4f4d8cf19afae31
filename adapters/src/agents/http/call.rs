//! One request: sent, refused or answered, and its answer read as it comes.

use std::time::Duration;

use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName};
use reqwest::{RequestBuilder, Response};
use serde_json::Value;
use switchboard_domain::outcome::AgentFailureKind;
use switchboard_ports::agent::AgentEvent;
use switchboard_ports::clock::Clock;
use tokio::time::{Instant, timeout, timeout_at};

use super::super::transport;
use super::answer::{Answer, Ending, Protocol, WHOLE_BYTES_MAX};
use super::failure::{ErrorObject, failed, refused, retry_after};
use super::telling::Teller;
use crate::net;

/// How long the body of a refusal may take: its status says most of it.
const REFUSAL_WAIT: Duration = Duration::from_secs(2);

/// Most bytes read of a refusal.
const REFUSAL_BYTES_MAX: usize = 64 * 1024;

/// How long an end mark is waited for once the answer is whole without it.
const DONE_WAIT: Duration = Duration::from_secs(1);

/// How long a small document may take, from the request to its last byte.
const DOCUMENT_WAIT: Duration = Duration::from_secs(30);

/// Why a request has no answer.
#[derive(Debug)]
pub(in crate::agents) enum Unanswered {
    /// The server said no.
    Refused(Refused),
    /// It was not reached, or what it said cannot be read.
    Failed(AgentEvent),
}

/// What a server said instead of an answer.
#[derive(Debug)]
pub(in crate::agents) struct Refused {
    /// The status; not 2xx.
    pub(in crate::agents) status: u16,
    /// What its body says.
    pub(in crate::agents) error: ErrorObject,
    /// The pause it asks for.
    pub(in crate::agents) pause: Option<Duration>,
}

impl Refused {
    /// The failure that this is, where the kind of agent has no better word for it.
    pub(in crate::agents) fn event(&self) -> AgentEvent {
        self.event_of(false)
    }

    fn event_of(&self, with_attachments: bool) -> AgentEvent {
        refused(self.status, &self.error, self.pause, with_attachments)
    }
}

impl Unanswered {
    /// The failure that this is.
    pub(in crate::agents) fn into_event(self) -> AgentEvent {
        self.into_event_of(false)
    }

    /// The same for a request that had files in it, or not: its refusal then most likely means them.
    pub(in crate::agents) fn into_event_of(self, with_attachments: bool) -> AgentEvent {
        match self {
            Self::Refused(refused) => refused.event_of(with_attachments),
            Self::Failed(event) => event,
        }
    }
}

/// Sends a request and waits for the head of its answer.
pub(in crate::agents) async fn send(
    request: RequestBuilder,
    clock: &dyn Clock,
) -> Result<Response, Unanswered> {
    let failed = |kind, detail: &str| Unanswered::Failed(failed(kind, detail.to_owned()));
    let response = request
        .send()
        .await
        .map_err(|error| failed(AgentFailureKind::Unreachable, transport::describe(&error)))?;
    if !response.status().is_success() {
        return Err(Unanswered::Refused(read_refusal(response, clock).await));
    }
    let encoding = header(response.headers(), CONTENT_ENCODING).unwrap_or("identity");
    if !encoding.eq_ignore_ascii_case("identity") {
        // None was asked for (no `Accept-Encoding`).
        return Err(failed(AgentFailureKind::Malformed, "the body is compressed"));
    }
    Ok(response)
}

/// Sends a request whose answer is one JSON document, and reads it.
pub(in crate::agents) async fn document(
    request: RequestBuilder,
    clock: &dyn Clock,
) -> Result<Value, Unanswered> {
    let work = async {
        let response = send(request, clock).await?;
        let body = net::read_bounded(response, WHOLE_BYTES_MAX)
            .await
            .map_err(|error| Unanswered::Failed(failed(AgentFailureKind::Unreachable, error.to_string())))?;
        serde_json::from_slice(&body).map_err(|_| {
            Unanswered::Failed(failed(AgentFailureKind::Malformed, "the answer is not JSON".to_owned()))
        })
    };
    timeout(DOCUMENT_WAIT, work).await.unwrap_or_else(|_| {
        let detail = format!("no answer within {} s", DOCUMENT_WAIT.as_secs());
        Err(Unanswered::Failed(failed(AgentFailureKind::Unreachable, detail)))
    })
}

async fn read_refusal(response: Response, clock: &dyn Clock) -> Refused {
    let status = response.status().as_u16();
    let pause = retry_after(response.headers(), clock.now());
    let body = match timeout(REFUSAL_WAIT, net::read_bounded(response, REFUSAL_BYTES_MAX)).await {
        Ok(Ok(body)) => body,
        // Too late, too long or cut: the status has to do.
        Ok(Err(_)) | Err(_) => bytes::Bytes::new(),
    };
    Refused { status, error: ErrorObject::read(&body), pause }
}

/// Reads an answer to its end, telling what it says on the way; the end itself is handed back, with the protocol.
pub(in crate::agents) async fn read<P: Protocol>(
    mut response: Response,
    protocol: P,
    tell: &Teller,
) -> (Ending, P) {
    let mut answer = Answer::new(header(response.headers(), CONTENT_TYPE), protocol);
    // When waiting for the end mark ends, once the answer is whole.
    let mut done_by = None;
    loop {
        while let Some(event) = answer.next() {
            tell.say(event).await;
        }
        if let Some(ending) = answer.ending() {
            return (ending, answer.into_protocol());
        }
        match chunk(&mut response, answer.is_finished(), &mut done_by).await {
            Some(bytes) => answer.push(&bytes),
            None => answer.end(),
        }
    }
}

/// More of the body; `None` when it ended, was cut, or need not be waited for.
async fn chunk(
    response: &mut Response,
    finished: bool,
    done_by: &mut Option<Instant>,
) -> Option<bytes::Bytes> {
    if !finished {
        return response.chunk().await.ok().flatten();
    }
    let by = *done_by.get_or_insert_with(|| Instant::now() + DONE_WAIT);
    timeout_at(by, response.chunk()).await.ok()?.ok().flatten()
}

fn header(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}
