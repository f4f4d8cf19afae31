//! One HTTP exchange with the platform: bounded in time and size, counted, and judged.

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use reqwest::{Client, RequestBuilder, Response};
use serde_json::Value;
use switchboard_domain::channel::ErrorCode;
use switchboard_domain::secret::Secret;
use tokio::time::{Instant, timeout_at};
use url::Url;

use super::api::Api;
use super::classify::{Failure, Verdict, classify};
use crate::net::{BodyError, read_bounded};

/// One call, its second try after a renewed token and the token itself together end within this.
pub(super) const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// Connecting ends within this.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Longest answer read, in bytes.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// The header that carries the access token (dingtalk §0.1).
const TOKEN_HEADER: &str = "x-acs-dingtalk-access-token";

/// Told of each call: the API's name and how the call went, both from small closed sets, for counting.
pub type Observer = Arc<dyn Fn(&'static str, &'static str) + Send + Sync>;

/// The way to the platform.
#[derive(Clone)]
pub(super) struct Http {
    client: Client,
    observer: Observer,
}

/// What is to be sent.
pub(super) struct Request<'a> {
    /// Which API, for method and metrics.
    pub(super) api: Api,
    /// The whole address. May be a credential: it is in no error and no log.
    pub(super) url: &'a str,
    /// The access token, where the API wants one.
    pub(super) token: Option<&'a Secret>,
    /// The body.
    pub(super) body: &'a Value,
}

impl Http {
    pub(super) fn new(client: Client, observer: Observer) -> Self {
        Self { client, observer }
    }

    /// Makes one exchange, once, and judges the answer. When the time is up while it is under way, its fate is unclear.
    pub(super) async fn exchange(&self, request: Request<'_>, deadline: Instant) -> Result<Value, Failure> {
        let api = request.api;
        self.counted(api, deadline, self.attempt(request)).await
    }

    /// Uploads a body that is no JSON. The address holds a token: it is in no error and no log.
    pub(super) async fn upload(
        &self,
        api: Api,
        url: Url,
        content_type: &str,
        body: Vec<u8>,
        deadline: Instant,
    ) -> Result<Value, Failure> {
        let builder = self.client.request(api.route().0, url).header(CONTENT_TYPE, content_type).body(body);
        self.counted(api, deadline, answer(builder)).await
    }

    async fn counted(
        &self,
        api: Api,
        deadline: Instant,
        exchange: impl Future<Output = Result<Value, Failure>>,
    ) -> Result<Value, Failure> {
        let result = match timeout_at(deadline, exchange).await {
            Ok(result) => result,
            Err(_) => Err(timed_out()),
        };
        let outcome = result.as_ref().map_or_else(|failure| outcome(failure.verdict), |_| "ok");
        (self.observer)(api.label(), outcome);
        if let Err(failure) = &result {
            // The code only: the platform's words may quote a message.
            tracing::debug!(
                api = api.label(),
                outcome,
                code = failure.code(),
                "a platform call did not succeed"
            );
        }
        result
    }

    async fn attempt(&self, request: Request<'_>) -> Result<Value, Failure> {
        let (method, _) = request.api.route();
        // Without Accept the gateway answers XML (dingtalk §1.1).
        let mut builder = self
            .client
            .request(method, request.url)
            .header(ACCEPT, HeaderValue::from_static("application/json"))
            .json(request.body);
        if let Some(token) = request.token {
            let mut value = HeaderValue::from_str(token.expose())
                .map_err(|_| Failure::new(Verdict::TokenRejected, "a token that is no header value"))?;
            value.set_sensitive(true);
            builder = builder.header(TOKEN_HEADER, value);
        }
        answer(builder).await
    }
}

async fn answer(request: RequestBuilder) -> Result<Value, Failure> {
    let response = request.send().await.map_err(|error| broken(&error))?;
    let (status, retry_after) = (response.status().as_u16(), retry_after(&response));
    match read_bounded(response, ANSWER_BYTES_MAX).await {
        Ok(body) => classify(status, &body, retry_after),
        Err(BodyError::TooLong { .. }) => {
            Err(Failure::new(Verdict::Unclear(ErrorCode::PlatformError), "an answer of more than 1 MiB"))
        }
        Err(BodyError::Cut) => {
            Err(Failure::new(Verdict::Unclear(ErrorCode::NetworkUnreachable), "the answer was cut off"))
        }
    }
}

/// Both forms of the header exist; only the one in seconds is used by the platforms we know.
fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

pub(super) fn timed_out() -> Failure {
    Failure::new(Verdict::Unclear(ErrorCode::NetworkUnreachable), "no answer in time")
}

/// The innermost cause is named, never the error itself: that quotes the address, which may be a credential.
fn broken(error: &reqwest::Error) -> Failure {
    if error.is_builder() {
        return Failure::new(Verdict::Refused(ErrorCode::Misconfigured), "an address that cannot be asked");
    }
    let mut cause = error.source();
    while let Some(inner) = cause.and_then(std::error::Error::source) {
        cause = Some(inner);
    }
    let cause = cause.map(ToString::to_string).unwrap_or_default();
    if error.is_connect() {
        Failure::new(Verdict::NotSent, format!("no connection: {cause}"))
    } else if error.is_timeout() {
        timed_out()
    } else {
        Failure::new(
            Verdict::Unclear(ErrorCode::NetworkUnreachable),
            format!("the connection broke: {cause}"),
        )
    }
}

const fn outcome(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::NotSent => "not_sent",
        Verdict::Throttled { .. } => "throttled",
        Verdict::TokenRejected => "token_rejected",
        Verdict::Refused(_) => "refused",
        Verdict::CardMissing => "card_missing",
        Verdict::CardExists => "card_exists",
        Verdict::CardFinished => "card_finished",
        Verdict::Unclear(_) => "unclear",
    }
}
