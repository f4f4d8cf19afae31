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
    /// Whether it is the one that answers.
    #[serde(rename = "self")]
    pub is_self: bool,
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
    responses((status = 200, description = "one page", body = List<ReplicaView>),
        (status = 503, description = "the store has not answered for so long that nobody knows who lives")),
    security(("bearer" = ["viewer"])))]
pub async fn list(
    _: Viewer,
    State(api): State<Api>,
    mut query: Query,
) -> Result<Json<List<ReplicaView>>, Problem> {
    let page = query.page_by_name();
    query.finish()?;
    let now = api.ports.clock.now();
    let live = api.operations.replicas().ok_or_else(Problem::store_away)?;
    let this = api.operations.replica();
    let view = |info: ReplicaInfo| ReplicaView {
        is_self: info.id == this,
        id: info.id.to_string(),
        version: info.version,
        host: info.host,
        started_at: rfc3339(info.started_at),
        uptime_seconds: now.since(info.started_at).as_secs_f64(),
        partitions: info.partitions,
        connections: info.connections,
    };
    Ok(Json(List::cut(live, &page, key, view)))
}

/// What a page goes on after.
fn key(info: &ReplicaInfo) -> String {
    info.id.to_string()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use serde_json::json;

    use crate::testing::{TestApi, problem};

    #[tokio::test]
    async fn the_one_that_answers_is_marked_and_nobody_is_listed_while_nobody_knows() {
        let api = TestApi::new().await;
        let listed = api.get("/replicas").await;
        assert_eq!(
            (&listed.json["items"][0]["id"], &listed.json["items"][0]["self"]),
            (&json!("r1"), &json!(true))
        );
        api.operations.knows_nobody.store(true, Ordering::Relaxed);
        problem(&api.get("/replicas").await, 503, "unavailable");
    }
}
