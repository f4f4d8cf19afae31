//! The way to a Cluster: a connection to each of its nodes.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use redis::cluster_routing::RoutingInfo;
use redis::{AsyncConnectionConfig, Client, Cmd, ErrorKind, RedisError, RedisResult, Value};

use super::renewing::Renewing;

/// How many nodes are asked why the Cluster cannot be reached, and how long each.
const NODES_ASKED_MAX: usize = 3;
const ASK_MAX: Duration = Duration::from_secs(1);

/// A connection to each node of a Cluster.
pub(super) type ClusterWay = Arc<Renewing<ClusterConnection>>;

/// Connects.
///
/// # Errors
/// What one of these nodes says by itself, because the client keeps of that the words alone.
pub(super) async fn open(client: ClusterClient, nodes: &[Client]) -> Result<ClusterWay, RedisError> {
    let connection = match client.get_async_connection().await {
        Ok(connection) => connection,
        Err(error) => return Err(refusal(nodes).await.unwrap_or(error)),
    };
    let make = move || {
        let client = client.clone();
        async move { client.get_async_connection().await }.boxed()
    };
    Ok(Renewing::with(connection, is_answer, Box::new(make)))
}

/// Sends a command to these nodes.
pub(super) async fn route(way: &ClusterWay, command: &Cmd, there: RoutingInfo) -> RedisResult<Value> {
    let answer = way.connection().route_command(command.clone(), there).await;
    way.heard(answer)
}

/// Why none of the nodes will do; `None` where they are no worse than silent.
async fn refusal(nodes: &[Client]) -> Option<RedisError> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(ASK_MAX))
        .set_response_timeout(Some(ASK_MAX));
    let mut last = None;
    for node in nodes.iter().take(NODES_ASKED_MAX) {
        let asked = async {
            let mut connection = node.get_multiplexed_async_connection_with_config(&config).await?;
            redis::cmd("CLUSTER").arg("SLOTS").query_async::<Value>(&mut connection).await
        };
        if let Err(error) = asked.await {
            let is_final = is_answer(&error) || error.kind() == ErrorKind::AuthenticationFailed;
            last = Some(error);
            if is_final {
                break;
            }
        }
    }
    last
}

/// Whether a node has said so: then there is somebody at the other end.
fn is_answer(error: &RedisError) -> bool {
    matches!(error.kind(), ErrorKind::Server(_) | ErrorKind::Extension | ErrorKind::UnexpectedReturnType)
}
