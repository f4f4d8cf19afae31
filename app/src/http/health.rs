//! `GET /healthz` and `GET /readyz`: for load balancers and process supervisors, without a token.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::problem::Problem;
use super::state::Api;
use crate::runtime::operations::NotReady;

/// Whether a request asks after the server's health: answered while every connection is busy.
pub(super) fn is_asked<B>(request: &Request<B>) -> bool {
    matches!(request.uri().path(), "/healthz" | "/readyz")
}

/// One word.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct HealthView {
    /// `ok` or `ready`.
    pub status: &'static str,
}

/// The process lives.
#[utoipa::path(get, path = "/healthz", tag = "operations", operation_id = "health",
    responses((status = 200, description = "it lives", body = HealthView)), security(()))]
pub async fn healthz() -> Json<HealthView> {
    Json(HealthView { status: "ok" })
}

/// The store is reachable and messages are taken in.
#[utoipa::path(get, path = "/readyz", tag = "operations", operation_id = "readiness",
    responses((status = 200, description = "ready", body = HealthView), (status = 503, description = "not ready")),
    security(()))]
pub async fn readyz(State(api): State<Api>) -> Result<Json<HealthView>, Problem> {
    match api.operations.ready().await {
        Ok(()) => Ok(Json(HealthView { status: "ready" })),
        // The cause is in the log: this page is open to everybody.
        Err(NotReady::Store(_)) => Err(Problem::unavailable("the store cannot be reached")),
        Err(NotReady::Stopping) => Err(stopping()),
    }
}

/// While the server stops it answers for its health, and tells its figures; nothing else is begun any more.
pub(super) async fn unless_stopping(State(api): State<Api>, request: Request<Body>, next: Next) -> Response {
    let is_answered = is_asked(&request) || request.uri().path() == "/metrics";
    if !is_answered && api.operations.ready().await == Err(NotReady::Stopping) {
        return stopping().into_response();
    }
    next.run(request).await
}

fn stopping() -> Problem {
    Problem::unavailable("the server is stopping")
}
