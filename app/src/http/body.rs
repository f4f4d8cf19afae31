//! Request bodies: JSON of bounded size, with the problem named that keeps it from being that.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, header};
use futures_util::StreamExt;
use serde_json::Value;

use super::problem::Problem;

/// Largest body, in bytes.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;

/// How much of a body that is too large is read and thrown away, in bytes, so that a client that does not read before
/// it has written everything sees the answer instead of a broken connection.
const DRAINED_BYTES_MAX: usize = 32 * 1024 * 1024;

/// How long that, and reading a body at all, may take.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// A JSON body.
#[derive(Debug)]
pub struct JsonBody(pub Value);

impl<S: Send + Sync> FromRequest<S> for JsonBody {
    type Rejection = Problem;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(Problem::not_json());
        }
        let bytes = read(request, BODY_BYTES_MAX).await?;
        if bytes.is_empty() {
            return Err(Problem::malformed("the body is empty, expected a JSON object"));
        }
        let parsed = serde_json::from_slice(&bytes);
        parsed.map(Self).map_err(|error| Problem::malformed(format!("the body is not JSON: {error}")))
    }
}

/// A body of bounded size.
pub(super) async fn read(request: Request, bytes_max: usize) -> Result<Vec<u8>, Problem> {
    let expects_continue = request.headers().contains_key(header::EXPECT);
    let declared = request
        .headers()
        .get(header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    // Who asks first does not need its body drained: it has not sent it.
    if expects_continue && declared.is_some_and(|length| length > bytes_max) {
        return Err(Problem::too_large(bytes_max));
    }
    let read = tokio::time::timeout(READ_TIMEOUT, bounded(request.into_body(), bytes_max)).await;
    read.unwrap_or_else(|_| Err(Problem::malformed("the body did not come within 30 s")))
}

fn is_json(headers: &HeaderMap) -> bool {
    matches!(essence(headers).as_deref(), Some("application/json" | "application/merge-patch+json"))
}

/// What a body is said to be, without parameters.
pub(super) fn essence(headers: &HeaderMap) -> Option<String> {
    let kind = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    Some(kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
}

async fn bounded(body: Body, bytes_max: usize) -> Result<Vec<u8>, Problem> {
    let mut stream = body.into_data_stream();
    let mut bytes = Vec::new();
    let mut seen: usize = 0;
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|_| Problem::malformed("the body ended before it was whole"))?;
        seen = seen.saturating_add(chunk.len());
        if seen > DRAINED_BYTES_MAX {
            break;
        }
        if seen <= bytes_max {
            bytes.extend_from_slice(&chunk);
        }
    }
    if seen > bytes_max { Err(Problem::too_large(bytes_max)) } else { Ok(bytes) }
}
