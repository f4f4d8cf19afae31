//! `GET /metrics`: Prometheus text, with a token unless `telemetry.metrics_public = true`.

use axum::extract::{Request, State};
use axum::http::header;
use axum::response::IntoResponse;

use super::origin::Origin;
use super::problem::Problem;
use super::state::Api;

/// All metrics in Prometheus' text format.
#[utoipa::path(get, path = "/metrics", tag = "operations", operation_id = "metrics",
    responses((status = 200, description = "the metrics", body = String, content_type = "text/plain")),
    security(("bearer" = ["viewer"])))]
pub async fn metrics(State(api): State<Api>, request: Request) -> Result<impl IntoResponse, Problem> {
    if !api.metrics_public {
        // Every role may read.
        api.authenticator.caller(request.headers(), Origin::of(&request).client).await?;
    }
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, kind)], api.metrics.render()))
}
