//! Channels and agents in Redis: records with a unique name and a version.

use std::marker::PhantomData;
use std::sync::Arc;

use async_trait::async_trait;
use switchboard_domain::ids::{AgentId, ChannelId, Version};
use switchboard_ports::agents::{AgentConfig, AgentStore};
use switchboard_ports::channels::{Channel, ChannelStore};
use switchboard_ports::error::StoreError;

use super::Core;
use crate::stores::folded;
use crate::stores::registered::Registered;

/// One table of records.
pub(super) struct Registry<T> {
    core: Arc<Core>,
    of: PhantomData<T>,
}

/// What stands in a table: version, name and record.
pub(super) type Stored = (String, String, String);

/// What became of an entry into a table of names.
pub(super) enum Entered {
    Done,
    SameId,
    SameName,
    Conflict,
}

/// Adds a record, or replaces one of the expected version.
pub(super) async fn enter(
    core: &Core,
    table: &str,
    id: &str,
    expected: Option<Version>,
    (version, name, body): (&str, &str, &str),
) -> Result<Entered, StoreError> {
    let mut call = core.scripts.register.prepare_invoke();
    call.key(core.keys.shared("config", table))
        .key(core.keys.shared("config", format_args!("{table}:names")))
        .key(core.keys.shared("config", "revision"));
    call.arg(id).arg(name).arg(expected.map(|version| version.0.to_string()).unwrap_or_default());
    call.arg(version).arg(body);
    let answer: String = core.connection.run(&call).await?;
    Ok(match answer.as_str() {
        "done" => Entered::Done,
        "id" => Entered::SameId,
        "name" => Entered::SameName,
        _ => Entered::Conflict,
    })
}

/// Deletes a record; `false` when there was none.
pub(super) async fn remove(core: &Core, table: &str, id: &str) -> Result<bool, StoreError> {
    let mut call = core.scripts.remove.prepare_invoke();
    call.key(core.keys.shared("config", table))
        .key(core.keys.shared("config", format_args!("{table}:names")))
        .key(core.keys.shared("config", "revision"));
    Ok(core.connection.run::<u8>(call.arg(id)).await? > 0)
}

/// All records with their ids, in the order of their names.
pub(super) async fn all(core: &Core, table: &'static str) -> Result<Vec<(String, Stored)>, StoreError> {
    let mut command = redis::cmd("HGETALL");
    let rows: Vec<(String, String)> =
        core.connection.ask(command.arg(core.keys.shared("config", table))).await?;
    let rows = rows.into_iter().map(|(id, text)| Ok((id.clone(), stored(core, table, &id, &text)?)));
    rows.collect()
}

/// One record.
pub(super) async fn one(core: &Core, table: &'static str, id: &str) -> Result<Option<Stored>, StoreError> {
    let mut command = redis::cmd("HGET");
    command.arg(core.keys.shared("config", table)).arg(id);
    let found: Option<String> = core.connection.ask(&command).await?;
    found.map(|text| stored(core, table, id, &text)).transpose()
}

fn stored(core: &Core, table: &'static str, id: &str, text: &str) -> Result<Stored, StoreError> {
    serde_json::from_str(text).map_err(|_| core.corrupt(table, id))
}

impl<T> Registry<T> {
    pub(super) fn new(core: Arc<Core>) -> Self {
        Self { core, of: PhantomData }
    }
}

impl<T: Registered> Registry<T> {
    fn open(&self, id: &str, (version, _, body): &Stored) -> Result<T, StoreError> {
        let version = Version(self.core.number(version, T::TABLE)?);
        T::read(body, version, &self.core.row(T::TABLE, id))
    }

    async fn write(&self, record: &T, expected: Option<Version>) -> Result<Version, StoreError> {
        let body = record.write(&self.core.row(T::TABLE, record.id()))?;
        let version = expected.map_or(record.version(), Version::next);
        let row = (version.0.to_string(), folded(record.name()), body);
        let row = (row.0.as_str(), row.1.as_str(), row.2.as_str());
        match enter(&self.core, T::TABLE, record.id(), expected, row).await? {
            Entered::Done => Ok(version),
            Entered::SameId => Err(StoreError::Duplicate("id")),
            Entered::SameName => Err(StoreError::Duplicate("name")),
            Entered::Conflict => Err(StoreError::Conflict),
        }
    }
}

/// The port's methods are the registry's.
macro_rules! registry {
    ($port:ident, $row:ident, $id:ident) => {
        #[async_trait]
        impl $port for Registry<$row> {
            async fn list(&self) -> Result<Vec<$row>, StoreError> {
                let mut rows = all(&self.core, <$row as Registered>::TABLE).await?;
                rows.sort_by(|(_, (_, one, _)), (_, (_, other, _))| one.cmp(other));
                rows.iter().map(|(id, stored)| self.open(id, stored)).collect()
            }

            async fn find(&self, id: &$id) -> Result<Option<$row>, StoreError> {
                let found = one(&self.core, <$row as Registered>::TABLE, id.as_str()).await?;
                found.map(|stored| self.open(id.as_str(), &stored)).transpose()
            }

            async fn insert(&self, row: &$row) -> Result<(), StoreError> {
                self.write(row, None).await.map(|_| ())
            }

            async fn update(&self, row: &$row, expected: Version) -> Result<Version, StoreError> {
                self.write(row, Some(expected)).await
            }

            async fn delete(&self, id: &$id) -> Result<bool, StoreError> {
                remove(&self.core, <$row as Registered>::TABLE, id.as_str()).await
            }
        }
    };
}

registry!(ChannelStore, Channel, ChannelId);
registry!(AgentStore, AgentConfig, AgentId);
