//! The connection: one multiplexed connection to a server, or to each node of a Cluster, that comes back by itself.

use std::time::Duration;

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::cluster::ClusterClientBuilder;
use redis::cluster_async::ClusterConnection;
use redis::{Client, Cmd, FromRedisValue, RedisError, ScriptInvocation};
use switchboard_ports::error::StoreError;

/// Longest wait for a connection. What is asked meanwhile fails after that, and is asked again by the callers.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Longest wait for an answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// A way to the server or Cluster; cheap to clone.
#[derive(Clone)]
pub(super) enum Connection {
    /// One server.
    One(ConnectionManager),
    /// A Cluster.
    Cluster(ClusterConnection),
}

impl Connection {
    /// Connects. `redis-cluster://HOST:PORT,HOST:PORT` names some of a Cluster's nodes.
    pub(super) async fn open(url: &str) -> Result<Self, RedisError> {
        if let Some(nodes) = url.strip_prefix("redis-cluster://") {
            let (credentials, hosts) = nodes.rsplit_once('@').unwrap_or(("", nodes));
            let at = if credentials.is_empty() { "" } else { "@" };
            let nodes = hosts.trim_end_matches('/').split(',');
            let nodes: Vec<_> = nodes.map(|host| format!("redis://{credentials}{at}{host}")).collect();
            let client = ClusterClientBuilder::new(nodes)
                .connection_timeout(CONNECT_TIMEOUT)
                .response_timeout(ANSWER_TIMEOUT)
                .build()?;
            return Ok(Self::Cluster(client.get_async_connection().await?));
        }
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            .set_response_timeout(Some(ANSWER_TIMEOUT));
        Ok(Self::One(ConnectionManager::new_with_config(Client::open(url)?, config).await?))
    }

    /// Runs a script.
    pub(super) async fn run<T: FromRedisValue>(&self, call: &ScriptInvocation<'_>) -> Result<T, StoreError> {
        let answer = match self.clone() {
            Self::One(mut connection) => call.invoke_async(&mut connection).await,
            Self::Cluster(mut connection) => call.invoke_async(&mut connection).await,
        };
        answer.map_err(|error| unavailable(&error))
    }

    /// Makes one command.
    pub(super) async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, StoreError> {
        let answer = match self.clone() {
            Self::One(mut connection) => command.query_async(&mut connection).await,
            Self::Cluster(mut connection) => command.query_async(&mut connection).await,
        };
        answer.map_err(|error| unavailable(&error))
    }
}

/// A server's own words are left out: they quote what was asked.
fn unavailable(error: &RedisError) -> StoreError {
    let code = error.code().unwrap_or_default();
    StoreError::Unavailable(format!("redis: {} {code}", error.category()).trim_end().to_owned())
}
