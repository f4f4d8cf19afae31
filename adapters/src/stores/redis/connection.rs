//! The connection: one multiplexed connection to a server, or to each node of a Cluster, that comes back by itself.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use redis::aio::{ConnectionManager, ConnectionManagerConfig, PubSubStream};
use redis::cluster::ClusterClientBuilder;
use redis::cluster_routing::{MultipleNodeRoutingInfo, RoutingInfo, SingleNodeRoutingInfo};
use redis::{
    AsyncConnectionConfig, Client, Cmd, ErrorKind, FromRedisValue, RedisError, ScriptInvocation,
    ServerErrorKind, TlsCertificates, Value,
};
use switchboard_ports::error::StoreError;
use tokio::time::Instant;

use super::Address;
use super::cluster::{self, ClusterWay};
use super::renewing::Renewing;
use super::words;

/// Longest wait for a connection. What is asked meanwhile fails after that, and is asked again by the callers.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Longest wait for the store to open: somebody waits for the command, or for a server that has to be started elsewhere.
const OPEN_MAX: Duration = Duration::from_secs(5);

/// Longest wait for an answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// How often a connection is tried again before whoever waits for it is told: they know better than the client how long to be patient
/// and whom to tell, and each further call tries again.
const RECONNECTS: usize = 1;

/// Each node of a Cluster that has slots.
const EVERY_MASTER: RoutingInfo = RoutingInfo::MultiNode((MultipleNodeRoutingInfo::AllMasters, None));

/// A way to the server or Cluster.
pub(super) struct Connection {
    way: Way,
    /// The server, or each of a Cluster's nodes that is named in its address.
    nodes: Vec<Client>,
    /// Why nothing is asked at present.
    refused: Mutex<Option<&'static str>>,
}

/// Cheap to clone.
#[derive(Clone)]
enum Way {
    /// One server.
    One(Arc<Renewing<ConnectionManager>>),
    /// A Cluster.
    Cluster(ClusterWay),
}

impl Connection {
    /// Connects, within [`OPEN_MAX`]. `redis-cluster://HOST:PORT,HOST:PORT` names some of a Cluster's nodes.
    ///
    /// # Errors
    /// Says in plain words why not.
    pub(super) async fn open(address: Address<'_>) -> Result<Self, String> {
        let deadline = Instant::now() + OPEN_MAX;
        let mut seen = None;
        let opened = tokio::time::timeout_at(deadline, Self::opened(address, &mut seen)).await;
        let failed = match opened {
            Ok(Ok(connection)) => return Ok(connection),
            Ok(Err(error)) => words::of(&error),
            Err(_late) => seen.unwrap_or(words::SILENT),
        };
        Err(failed.to_owned())
    }

    /// `seen` is why the first try failed, where further ones may do.
    async fn opened(address: Address<'_>, seen: &mut Option<&'static str>) -> Result<Self, RedisError> {
        let url = address.url;
        if let Some(nodes) = url.strip_prefix("redis-cluster://") {
            let (credentials, hosts) = nodes.rsplit_once('@').unwrap_or(("", nodes));
            let at = if credentials.is_empty() { "" } else { "@" };
            let nodes = hosts.trim_end_matches('/').split(',');
            let nodes: Vec<_> = nodes.map(|host| format!("redis://{credentials}{at}{host}")).collect();
            let client = ClusterClientBuilder::new(nodes.clone())
                .connection_timeout(CONNECT_TIMEOUT)
                .response_timeout(ANSWER_TIMEOUT)
                .build()?;
            let nodes: Vec<_> = nodes.into_iter().map(Client::open).collect::<Result<_, _>>()?;
            let way = cluster::open(client, &nodes).await?;
            return Ok(Self { way: Way::Cluster(way), nodes, refused: Mutex::default() });
        }
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(RECONNECTS)
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            .set_response_timeout(Some(ANSWER_TIMEOUT));
        let client = if url.starts_with("rediss://") {
            let root_cert = Some(address.authorities.pem_with_the_systems());
            Client::build_with_tls(url, TlsCertificates { client_tls: None, root_cert })?
        } else {
            Client::open(url)?
        };
        // Tried once by ourselves: what the manager meets while it tries again and again, it does not say.
        let once = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            .set_response_timeout(Some(ANSWER_TIMEOUT));
        if let Err(error) = client.get_multiplexed_async_connection_with_config(&once).await {
            if is_final(&error) {
                return Err(error);
            }
            *seen = Some(words::of(&error));
        }
        let manager = ConnectionManager::new_with_config(client.clone(), config.clone()).await?;
        let again = client.clone();
        let make = move || ConnectionManager::new_with_config(again.clone(), config.clone()).boxed();
        // An error may be the one with which the manager gave up.
        let way = Way::One(Renewing::with(manager, |_| false, Box::new(make)));
        Ok(Self { way, nodes: vec![client], refused: Mutex::default() })
    }

    /// The number of the database that the address names; a Cluster has only the first.
    pub(super) fn database(&self) -> i64 {
        self.nodes.first().map_or(0, |node| node.get_connection_info().redis_settings().db())
    }

    /// Listens to what is published under a name, over a connection of its own; the first node that answers will do, because a
    /// Cluster's nodes pass everything on. The stream ends with its connection.
    pub(super) async fn subscribe(&self, name: &str) -> Result<PubSubStream, StoreError> {
        let mut failed = StoreError::Unavailable("no node of Redis to listen to".to_owned());
        for node in &self.nodes {
            let subscribed = async {
                let (mut sink, stream) = node.get_async_pubsub().await?.split();
                sink.subscribe(name).await?;
                Ok::<_, RedisError>(stream)
            };
            match tokio::time::timeout(CONNECT_TIMEOUT, subscribed).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => failed = unavailable(&error),
                Err(_) => {}
            }
        }
        Err(failed)
    }

    /// Refuses everything from here on with these words, or nothing any more; whether that is news.
    pub(super) fn refuse(&self, words: Option<&'static str>) -> bool {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *refused, words) != words
    }

    /// What is refused with, at present.
    pub(super) fn passable(&self) -> Result<(), StoreError> {
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        refused.map_or(Ok(()), |words| Err(StoreError::Unavailable(words.to_owned())))
    }

    /// Runs a script.
    pub(super) async fn run<T: FromRedisValue>(&self, call: &ScriptInvocation<'_>) -> Result<T, StoreError> {
        self.passable()?;
        self.run_anyway(call).await
    }

    /// Runs a script, whatever is refused otherwise.
    pub(super) async fn run_anyway<T: FromRedisValue>(
        &self,
        call: &ScriptInvocation<'_>,
    ) -> Result<T, StoreError> {
        let answer = match self.way.clone() {
            Way::One(way) => way.heard(call.invoke_async(&mut way.connection()).await),
            Way::Cluster(way) => way.heard(call.invoke_async(&mut way.connection()).await),
        };
        answer.map_err(|error| unavailable(&error))
    }

    /// Asks the server, or each master of a Cluster.
    pub(super) async fn ask_each<T: FromRedisValue>(&self, question: &Cmd) -> Result<Vec<T>, Unanswered> {
        self.passable().map_err(Unanswered::Away)?;
        let answered = match self.way.clone() {
            // Alone, a map is the answer itself.
            Way::One(way) => {
                way.heard(question.query_async(&mut way.connection()).await).map(|answer: T| vec![answer])
            }
            Way::Cluster(way) => cluster::route(&way, question, EVERY_MASTER).await.and_then(answers),
        };
        answered.map_err(|error| {
            let kind = error.kind();
            let refuses = [ServerErrorKind::ResponseError, ServerErrorKind::NoPerm].map(ErrorKind::Server);
            if refuses.contains(&kind) || kind == ErrorKind::Extension {
                return Unanswered::Refused;
            }
            Unanswered::Away(unavailable(&error))
        })
    }

    /// Each master of a Cluster by its address; `None` for the one server that there is otherwise.
    pub(super) async fn nodes(&self) -> Result<Vec<Option<String>>, StoreError> {
        let Way::Cluster(way) = self.way.clone() else { return Ok(vec![None]) };
        let answer = cluster::route(&way, redis::cmd("ECHO").arg(""), EVERY_MASTER).await;
        let answer =
            answer.and_then(|answer| Ok(redis::from_redis_value::<BTreeMap<String, Value>>(answer)?));
        Ok(answer.map_err(|error| unavailable(&error))?.into_keys().map(Some).collect())
    }

    /// Makes one command at a node that [`nodes`](Self::nodes) names.
    pub(super) async fn ask_at<T: FromRedisValue>(
        &self,
        node: Option<&str>,
        command: &Cmd,
    ) -> Result<T, StoreError> {
        let (Way::Cluster(way), Some(node)) = (self.way.clone(), node) else {
            return self.ask(command).await;
        };
        let address = node.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?)));
        let (host, port) = address
            .ok_or_else(|| StoreError::Unavailable("a node of Redis without an address".to_owned()))?;
        let there = RoutingInfo::SingleNode(SingleNodeRoutingInfo::ByAddress { host: host.to_owned(), port });
        let answer = cluster::route(&way, command, there).await;
        let answer = answer.and_then(|answer| Ok(redis::from_redis_value(answer)?));
        answer.map_err(|error| unavailable(&error))
    }

    /// Makes one command.
    pub(super) async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, StoreError> {
        self.passable()?;
        let answer = match self.way.clone() {
            Way::One(way) => way.heard(command.query_async(&mut way.connection()).await),
            Way::Cluster(way) => way.heard(command.query_async(&mut way.connection()).await),
        };
        answer.map_err(|error| unavailable(&error))
    }
}

/// Whether trying again is of no use: the server is there, and it is not one for us.
fn is_final(error: &RedisError) -> bool {
    let kinds = [ErrorKind::AuthenticationFailed, ErrorKind::InvalidClientConfig];
    kinds.contains(&error.kind()) || words::is_of_certificate(error) || words::is_of_database(error)
}

/// Why a question was not answered.
pub(super) enum Unanswered {
    /// The server does not answer such questions.
    Refused,
    /// Nobody answers.
    Away(StoreError),
}

/// An answer of each node: a Cluster's come with their addresses.
fn answers<T: FromRedisValue>(answer: Value) -> Result<Vec<T>, RedisError> {
    let all = if let Value::Map(of_nodes) = answer {
        of_nodes.into_iter().map(|(_, answer)| answer).collect()
    } else {
        vec![answer]
    };
    all.into_iter().map(|answer| Ok(redis::from_redis_value(answer)?)).collect()
}

/// A server's own words are left out: they quote what was asked.
fn unavailable(error: &RedisError) -> StoreError {
    StoreError::Unavailable(words::of(error).to_owned())
}
