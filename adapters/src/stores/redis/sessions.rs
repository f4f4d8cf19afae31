//! Sessions of the panel that were ended early, in Redis: all replicas know of them.

use std::sync::Arc;

use async_trait::async_trait;
use switchboard_domain::time::Timestamp;
use switchboard_ports::error::StoreError;
use switchboard_ports::sessions::{ENDED_MAX, SessionStore};

use super::Core;
use crate::stores::sealed_session;

/// Sessions.
pub(super) struct Sessions {
    core: Arc<Core>,
}

impl Sessions {
    pub(super) fn new(core: Arc<Core>) -> Self {
        Self { core }
    }

    fn key(&self) -> String {
        self.core.keys.shared("config", "ended_sessions")
    }
}

#[async_trait]
impl SessionStore for Sessions {
    fn seal(&self, clear: &str) -> Result<String, StoreError> {
        sealed_session::seal(&self.core.key, clear)
    }

    fn open(&self, sealed: &str) -> Option<String> {
        sealed_session::open(&self.core.key, sealed)
    }

    /// The end is written first: tidying up may fail and is done again with the next one.
    async fn end(&self, name: &str, until: Timestamp) -> Result<(), StoreError> {
        let (key, connection) = (self.key(), &self.core.connection);
        let mut command = redis::cmd("ZADD");
        command.arg(&key).arg(until.as_millis()).arg(name);
        connection.ask::<i64>(&command).await?;
        let mut command = redis::cmd("ZREMRANGEBYSCORE");
        command.arg(&key).arg("-inf").arg(self.core.clock.now().as_millis());
        connection.ask::<i64>(&command).await?;
        let mut command = redis::cmd("ZREMRANGEBYRANK");
        command.arg(&key).arg(0).arg(-1 - i64::try_from(ENDED_MAX).unwrap_or(i64::MAX - 1));
        connection.ask::<i64>(&command).await.map(|_| ())
    }

    async fn is_ended(&self, name: &str) -> Result<bool, StoreError> {
        let mut command = redis::cmd("ZSCORE");
        command.arg(self.key()).arg(name);
        Ok(self.core.connection.ask::<Option<f64>>(&command).await?.is_some())
    }
}
