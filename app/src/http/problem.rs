//! Problem documents (RFC 9457): the one shape of every error answer.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use switchboard_ports::error::StoreError;
use switchboard_ports::provider::FieldError;
use utoipa::ToSchema;

/// Content type of problem documents.
pub const CONTENT_TYPE: &str = "application/problem+json";

/// An error answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Problem {
    /// Names the kind of problem, for programs: `urn:switchboard:problem:invalid-field`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind in words, the same for all occurrences.
    pub title: &'static str,
    /// The HTTP status code.
    pub status: u16,
    /// This occurrence in words.
    pub detail: String,
    /// Each bad field.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<BadField>,
    /// Seconds after which to try again; becomes the header `Retry-After`.
    #[serde(skip)]
    pub retry_after_s: Option<u32>,
}

/// One bad field of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct BadField {
    /// JSON pointer (RFC 6901) into the body; `/NAME` for a query parameter.
    pub pointer: String,
    /// What is wrong and what is allowed.
    pub message: String,
}

impl From<FieldError> for BadField {
    fn from(error: FieldError) -> Self {
        Self { pointer: error.pointer, message: error.message }
    }
}

impl Problem {
    fn new(status: StatusCode, slug: &str, title: &'static str, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("urn:switchboard:problem:{slug}"),
            title,
            status: status.as_u16(),
            detail: detail.into(),
            errors: Vec::new(),
            retry_after_s: None,
        }
    }

    /// 400: the body is no JSON, or the request is no request.
    #[must_use]
    pub fn malformed(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed", "Malformed request", detail)
    }

    /// 401: no token, or not one of ours.
    #[must_use]
    pub fn unauthorized(detail: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", "Authentication needed", detail)
    }

    /// 403: the token's role does not allow it.
    #[must_use]
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", "Not allowed for this role", detail)
    }

    /// 403: a browser's request that no page of ours has made.
    #[must_use]
    pub fn cross_site(detail: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, "cross-site", "Not from a page of this server", detail)
    }

    /// 404: no such resource.
    #[must_use]
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "Not found", detail)
    }

    /// 405: the path exists, the method does not.
    #[must_use]
    pub fn method_not_allowed() -> Self {
        let detail = "this path does not know this method; see the header Allow";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "Method not allowed", detail)
    }

    /// 409: a resource with this name exists already.
    #[must_use]
    pub fn duplicate(pointer: &str, detail: &str) -> Self {
        let mut problem = Self::new(StatusCode::CONFLICT, "duplicate", "Exists already", detail);
        problem.errors.push(BadField { pointer: pointer.to_owned(), message: detail.to_owned() });
        problem
    }

    /// 409: something else depends on it.
    #[must_use]
    pub fn in_use(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "in-use", "In use", detail)
    }

    /// 409: kept as code in the configuration file.
    #[must_use]
    pub fn managed_by_file(what: &str) -> Self {
        let detail = format!("this {what} is managed by the configuration file: change it there and reload");
        Self::new(StatusCode::CONFLICT, "managed-by-file", "Managed by file", detail)
    }

    /// 409: the resource is not in a state for this.
    #[must_use]
    pub fn wrong_state(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "wrong-state", "Not in this state", detail)
    }

    /// 412: `If-Match` names another version.
    #[must_use]
    pub fn stale() -> Self {
        let detail = "the resource has another version than If-Match says: read it again";
        Self::new(StatusCode::PRECONDITION_FAILED, "stale", "Changed meanwhile", detail)
    }

    /// 413: the body is too large.
    #[must_use]
    pub fn too_large(bytes_max: usize) -> Self {
        let detail = format!("a body may have {bytes_max} bytes at most");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "Body too large", detail)
    }

    /// 415: the body is not said to be JSON.
    #[must_use]
    pub fn not_json() -> Self {
        let detail = "the body must be JSON, with Content-Type: application/json";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not-json", "Unsupported media type", detail)
    }

    /// 415: the body is not said to be TOML.
    #[must_use]
    pub fn not_toml() -> Self {
        let detail = "the body must be TOML, with Content-Type: application/toml";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not-toml", "Unsupported media type", detail)
    }

    /// 422: fields are bad or unknown.
    #[must_use]
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        let detail = match errors.as_slice() {
            [one] if one.pointer.is_empty() => format!("the body {}", one.message),
            [one] => format!("{} {}", one.pointer, one.message),
            several => format!("{} fields are bad or unknown", several.len()),
        };
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        let mut problem = Self::new(status, "invalid-field", "Bad or unknown field", detail);
        problem.errors = errors.into_iter().map(BadField::from).collect();
        problem
    }

    /// 422 for one field.
    #[must_use]
    pub fn invalid_field(pointer: &str, message: impl Into<String>) -> Self {
        Self::invalid(vec![FieldError { pointer: pointer.to_owned(), message: message.into() }])
    }

    /// 422: a key was used for another request before.
    #[must_use]
    pub fn key_reused() -> Self {
        let detail = "this Idempotency-Key was used for another message of this channel: take a new key";
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        Self::new(status, "key-reused", "Key used before", detail)
    }

    /// 429: too many failed attempts, or too many streams.
    #[must_use]
    pub fn too_many(detail: &str, retry_after_s: u32) -> Self {
        let title = "Too many requests";
        let mut problem = Self::new(StatusCode::TOO_MANY_REQUESTS, "too-many", title, detail);
        problem.retry_after_s = Some(retry_after_s);
        problem
    }

    /// 500: our fault.
    #[must_use]
    pub fn internal() -> Self {
        let detail = "the server could not do this; its log says why";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Internal error", detail)
    }

    /// 503: not now.
    #[must_use]
    pub fn unavailable(detail: impl Into<String>) -> Self {
        let mut problem =
            Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Not available now", detail);
        problem.retry_after_s = Some(1);
        problem
    }

    /// 503: the store does not answer, or takes nothing.
    #[must_use]
    pub fn store_away() -> Self {
        Self::unavailable("the store cannot be reached")
    }
}

/// Store errors in a place where names are the only keys that can be taken.
impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(cause) => {
                // Whoever looks at the panel asks every few seconds, and the store's own trouble is told anyway.
                tracing::debug!(%cause, "failed to reach the store for an API request");
                Self::store_away()
            }
            StoreError::Conflict => Self::wrong_state("somebody else changed it at the same time: try again"),
            StoreError::Duplicate("name") => Self::duplicate("/name", "the name is taken"),
            StoreError::Duplicate("username") => Self::duplicate("/username", "the username is taken"),
            StoreError::Duplicate(_) | StoreError::Fenced | StoreError::Corrupt(_) => {
                tracing::error!(%error, "failed to carry out an API request");
                Self::internal()
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let retry_after_s = self.retry_after_s;
        let mut response = (status, Json(&self)).into_response();
        // The panel shows people a page instead.
        response.extensions_mut().insert(self);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
        if status == StatusCode::UNAUTHORIZED {
            headers
                .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"switchboard\""));
        }
        if let Some(seconds) = retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
