//! `GET /healthz` and `GET /readyz`: for load balancers and process supervisors, without a token.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use switchboard_ports::durability::{Durability, Loss};
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
    /// `ok`.
    pub status: &'static str,
}

/// Messages are taken in.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ReadyView {
    /// `ready`.
    pub status: &'static str,
    /// What the store may lose of what was acknowledged; null until it was asked.
    pub store: Option<DurabilityView>,
}

/// What a store may lose of what was acknowledged, by its own settings.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DurabilityView {
    /// `durable`, `lossy` or `cannot_be_told`.
    pub durability: &'static str,
    /// Why something may be lost: `in_memory`, `no_append_only_file`, `synced_each_second`, `synced_by_the_system`, `evicting`.
    pub losses: Vec<&'static str>,
}

impl DurabilityView {
    pub(super) fn of(durability: &Durability) -> Self {
        let losses = match durability {
            Durability::Lossy(losses) => losses.iter().map(Loss::as_str).collect(),
            Durability::Durable | Durability::CannotBeTold => Vec::new(),
        };
        Self { durability: durability.as_str(), losses }
    }
}

/// The process lives.
#[utoipa::path(get, path = "/healthz", tag = "operations", operation_id = "health",
    responses((status = 200, description = "it lives", body = HealthView)), security(()))]
pub async fn healthz() -> Json<HealthView> {
    Json(HealthView { status: "ok" })
}

/// The store is reachable and messages are taken in.
#[utoipa::path(get, path = "/readyz", tag = "operations", operation_id = "readiness",
    responses((status = 200, description = "ready", body = ReadyView), (status = 503, description = "not ready")),
    security(()))]
pub async fn readyz(State(api): State<Api>) -> Result<Json<ReadyView>, Problem> {
    match api.operations.ready().await {
        Ok(()) => {
            let store = api.operations.durability().as_ref().map(DurabilityView::of);
            Ok(Json(ReadyView { status: "ready", store }))
        }
        // The cause is in the log: this page is open to everybody.
        Err(NotReady::Store(_)) => Err(Problem::store_away()),
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
