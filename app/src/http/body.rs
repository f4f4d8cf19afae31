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
        let expects_continue = request.headers().contains_key(header::EXPECT);
        let declared = request
            .headers()
            .get(header::CONTENT_LENGTH)
            .and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
        // Who asks first does not need its body drained: it has not sent it.
        if expects_continue && declared.is_some_and(|length| length > BODY_BYTES_MAX) {
            return Err(Problem::too_large(BODY_BYTES_MAX));
        }
        let read = tokio::time::timeout(READ_TIMEOUT, bounded(request.into_body())).await;
        let bytes = read.unwrap_or_else(|_| Err(Problem::malformed("the body did not come within 30 s")))?;
        if bytes.is_empty() {
            return Err(Problem::malformed("the body is empty, expected a JSON object"));
        }
        let parsed = serde_json::from_slice(&bytes);
        parsed.map(Self).map_err(|error| Problem::malformed(format!("the body is not JSON: {error}")))
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let Some(kind) = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()) else {
        return false;
    };
    let essence = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || essence == "application/merge-patch+json"
}

async fn bounded(body: Body) -> Result<Vec<u8>, Problem> {
    let mut stream = body.into_data_stream();
    let mut bytes = Vec::new();
    let mut seen: usize = 0;
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|_| Problem::malformed("the body ended before it was whole"))?;
        seen = seen.saturating_add(chunk.len());
        if seen > DRAINED_BYTES_MAX {
            break;
        }
        if seen <= BODY_BYTES_MAX {
            bytes.extend_from_slice(&chunk);
        }
    }
    if seen > BODY_BYTES_MAX { Err(Problem::too_large(BODY_BYTES_MAX)) } else { Ok(bytes) }
}
