//! `GET /replicas`.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use switchboard_ports::replicas::ReplicaInfo;
use utoipa::ToSchema;

use super::auth::Viewer;
use super::dto::list::List;
use super::dto::time::rfc3339;
use super::problem::Problem;
use super::query::{PageParams, Query};
use super::state::Api;

/// One running process on the store.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ReplicaView {
    /// Its id; a process that is started again is another replica.
    pub id: String,
    /// The program's version.
    pub version: String,
    /// The machine's name, where it is known.
    pub host: Option<String>,
    /// When it started.
    #[schema(format = DateTime)]
    pub started_at: String,
    /// How long ago that is.
    pub uptime_seconds: f64,
    /// Partitions of the conversations, of 256, that it works on.
    pub partitions: u32,
    /// Open and proven connections to platforms.
    pub connections: u32,
}

/// The replicas that live, in id order.
#[utoipa::path(get, path = "/replicas", tag = "operations", operation_id = "list_replicas", params(PageParams),
    responses((status = 200, description = "one page", body = List<ReplicaView>)),
    security(("bearer" = ["viewer"])))]
pub async fn list(
    _: Viewer,
    State(api): State<Api>,
    mut query: Query,
) -> Result<Json<List<ReplicaView>>, Problem> {
    let page = query.page_by_name();
    query.finish()?;
    let now = api.ports.clock.now();
    let view = |info: ReplicaInfo| ReplicaView {
        id: info.id.to_string(),
        version: info.version,
        host: info.host,
        started_at: rfc3339(info.started_at),
        uptime_seconds: now.since(info.started_at).as_secs_f64(),
        partitions: info.partitions,
        connections: info.connections,
    };
    Ok(Json(List::cut(api.operations.replicas(), &page, key, view)))
}

/// What a page goes on after.
fn key(info: &ReplicaInfo) -> String {
    info.id.to_string()
}
